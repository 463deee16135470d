"""Scorecards, and how conversations were judged by them."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.ids import TimeOrderedModel
from conversations.models import Conversation
from moments.models import MomentDefinition


class ScorecardTemplate(TimeOrderedModel):
    """What conversations are judged by. Edited freely; conversations are scored by its published revision."""

    name = models.CharField(_("name"), max_length=80, unique=True)
    active = models.BooleanField(_("active"), default=True)
    updated_at = models.DateTimeField(_("changed"), auto_now=True)

    class Meta:
        verbose_name = _("scorecard")
        verbose_name_plural = _("scorecards")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Criterion(TimeOrderedModel):
    """A yes/no question with a weight, answered by whether a moment was heard."""

    class Expect(models.TextChoices):
        PRESENT = "present", _("was heard")
        ABSENT = "absent", _("was not heard")

    template = models.ForeignKey(ScorecardTemplate, on_delete=models.CASCADE, related_name="criteria")
    section = models.CharField(_("section"), max_length=60, default="")
    position = models.PositiveSmallIntegerField(_("position"), default=0)
    question = models.CharField(_("question"), max_length=120)
    guideline = models.CharField(_("guideline"), max_length=300, blank=True, default="")
    weight = models.PositiveSmallIntegerField(_("weight"), default=10)
    auto_fail = models.BooleanField(_("auto-fail"), default=False)
    moment = models.ForeignKey(
        MomentDefinition, verbose_name=_("moment"), on_delete=models.PROTECT, related_name="criteria"
    )
    expect = models.CharField(_("yes when it"), max_length=8, choices=Expect, default=Expect.PRESENT)
    # A criterion that only applies after something else happened, e.g. a retention offer after a cancel threat.
    applies_after = models.ForeignKey(
        MomentDefinition,
        verbose_name=_("only if heard before"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="criteria_conditioned",
    )

    class Meta:
        verbose_name = _("criterion")
        verbose_name_plural = _("criteria")
        ordering = ["template", "position"]

    def __str__(self) -> str:
        return self.question


class ScorecardRevision(TimeOrderedModel):
    """A scorecard as published. Never edited. `spec`: {"name", "criteria": [...]} as `qa.services` writes it."""

    template = models.ForeignKey(ScorecardTemplate, on_delete=models.PROTECT, related_name="revisions")
    number = models.PositiveIntegerField()
    spec = models.JSONField()
    published_at = models.DateTimeField(_("published"), auto_now_add=True)
    published_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )

    class Meta:
        verbose_name = _("scorecard revision")
        verbose_name_plural = _("scorecard revisions")
        ordering = ["template", "-number"]
        constraints = [models.UniqueConstraint(fields=["template", "number"], name="scorecard_revision_once")]

    def __str__(self) -> str:
        return f"{self.template} revision {self.number}"


class Evaluation(TimeOrderedModel):
    """One judgement of a conversation. `total`: 0-100 over what applies, or none when nothing applies."""

    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="evaluations")
    revision = models.ForeignKey(ScorecardRevision, on_delete=models.PROTECT)
    evaluator = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    total = models.DecimalField(_("total"), max_digits=5, decimal_places=2, null=True)
    auto_failed = models.BooleanField(_("auto-failed"), default=False)
    created_at = models.DateTimeField(_("judged"), auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name = _("evaluation")
        verbose_name_plural = _("evaluations")
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["conversation", "revision"],
                name="evaluation_automatic_once",
                condition=Q(evaluator__isnull=True),
            ),
            models.CheckConstraint(
                condition=Q(total__isnull=True) | Q(total__gte=0, total__lte=100),
                name="evaluation_total_range",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.conversation_id}: {self.total}"


class Answer(TimeOrderedModel):
    """The answer to one criterion. `automatic` stays when a person overrides `value`, with the reason.

    `evidence`: list of {"utterance", "start", "end", "at_ms"}; for an absence, {"searched": [from_ms, to_ms]};
    for a field of the call, {"marked", "at_ms"}.
    """

    class Value(models.TextChoices):
        YES = "yes", _("Yes")
        NO = "no", _("No")
        NA = "na", _("N/A")

    evaluation = models.ForeignKey(Evaluation, on_delete=models.CASCADE, related_name="answers")
    criterion_key = models.CharField(max_length=40)
    position = models.PositiveSmallIntegerField()
    value = models.CharField(max_length=3, choices=Value)
    automatic = models.CharField(max_length=3, choices=Value, blank=True, default="")
    evidence = models.JSONField(default=list)
    override_reason = models.CharField(max_length=300, blank=True, default="")
    overridden_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    overridden_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("answer")
        verbose_name_plural = _("answers")
        ordering = ["evaluation", "position"]
        constraints = [
            models.UniqueConstraint(fields=["evaluation", "criterion_key"], name="answer_once_per_criterion")
        ]

    def __str__(self) -> str:
        return f"{self.criterion_key}: {self.value}"
