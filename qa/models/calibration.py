"""Calibration: several people judge the same calls blind, talk about where they differ, and agree on what is right."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.ids import TimeOrderedModel
from conversations.models import Conversation
from qa.models.evaluations import Evaluation
from qa.models.scorecards import ScorecardRevision, ScorecardTemplate


class CalibrationSession(TimeOrderedModel):
    """Some calls, judged by some people by one revision of a scorecard, blind until scoring is over.

    `leader`: who leads the discussion. `reference_rater`: whose answers are the measure unless another one is agreed
    on; none: what all people said alike, and else what is agreed. Scoring is over when all have submitted or the
    leader says so (`scored_at`).
    """

    class State(models.TextChoices):
        PLANNED = "planned", _("planned")
        OPEN = "open", _("scoring")
        DISCUSSION = "discussion", _("in discussion")
        CLOSED = "closed", _("closed")
        CANCELLED = "cancelled", _("cancelled")

    name = models.CharField(_("name"), max_length=80)
    revision = models.ForeignKey(
        ScorecardRevision, verbose_name=_("scorecard"), on_delete=models.PROTECT, related_name="+"
    )
    leader = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("led by"),
        null=True,
        on_delete=models.SET_NULL,
        related_name="+",
    )
    reference_rater = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("measure"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
    )
    participants = models.ManyToManyField(
        settings.AUTH_USER_MODEL, verbose_name=_("raters"), related_name="calibrations", blank=True
    )
    state = models.CharField(_("state"), max_length=12, choices=State, default=State.PLANNED)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    due_at = models.DateTimeField(_("due"), null=True, blank=True)
    opened_at = models.DateTimeField(_("scoring since"), null=True, blank=True)
    scored_at = models.DateTimeField(_("scoring over"), null=True, blank=True)
    closed_at = models.DateTimeField(_("closed"), null=True, blank=True)

    class Meta:
        verbose_name = _("calibration")
        verbose_name_plural = _("calibrations")
        ordering = ["-created_at"]
        indexes = [
            models.Index(fields=["closed_at"], name="calibration_closed", condition=Q(state="closed")),
            models.Index(
                fields=["leader"], name="calibration_blind", condition=Q(state__in=["planned", "open"])
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_blind(self) -> bool:
        """Whether who takes part may not see yet what others, or the judge, make of the calls."""
        return self.state in {self.State.PLANNED, self.State.OPEN}

    @property
    def is_compared(self) -> bool:
        """Whether its answers stand beside each other now."""
        return self.state in {self.State.DISCUSSION, self.State.CLOSED}


class CalibrationCall(TimeOrderedModel):
    """One agent's part of a conversation that a calibration judges.

    `automatic`: the automatic evaluation that stood when scoring was over, so that later ones change no past figure.
    """

    session = models.ForeignKey(CalibrationSession, on_delete=models.CASCADE, related_name="calls")
    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="+")
    agent = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("agent"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
    )
    position = models.PositiveSmallIntegerField(default=0)
    automatic = models.ForeignKey(
        Evaluation, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )

    class Meta:
        verbose_name = _("call of a calibration")
        verbose_name_plural = _("calls of calibrations")
        ordering = ["position", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["session", "conversation", "agent"],
                name="calibration_call_once",
                nulls_distinct=False,
            )
        ]

    def __str__(self) -> str:
        return f"{self.session_id}: {self.conversation_id}"


class CalibrationReference(TimeOrderedModel):
    """What was agreed to be the right answer to a criterion in a call, and why.

    `how`: decided in the discussion, the reference rater's, or what all people said alike.
    """

    class How(models.TextChoices):
        AGREED = "agreed", _("agreed")
        RATER = "rater", _("the reference rater’s")
        ALL_ALIKE = "all_alike", _("all alike")

    call = models.ForeignKey(CalibrationCall, on_delete=models.CASCADE, related_name="references")
    criterion_key = models.CharField(max_length=40)
    value = models.CharField(max_length=1000)
    how = models.CharField(max_length=10, choices=How, default=How.AGREED)
    reason = models.CharField(_("reason"), max_length=300, blank=True, default="")
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    decided_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name = _("reference of a calibration")
        verbose_name_plural = _("references of calibrations")
        ordering = ["call", "id"]
        constraints = [
            models.UniqueConstraint(fields=["call", "criterion_key"], name="calibration_reference_once")
        ]

    def __str__(self) -> str:
        return f"{self.criterion_key}: {self.value}"


class CriterionDecision(TimeOrderedModel):
    """What somebody decided about a criterion whose automatic answers agree too little with people.

    `kappa` and `pairs`: the figures that it was decided on. The newest one of a criterion holds.
    """

    class Decision(models.TextChoices):
        AUTOMATIC = "automatic", _("stays automatic")
        PEOPLE = "people", _("people only")

    template = models.ForeignKey(ScorecardTemplate, on_delete=models.CASCADE, related_name="decisions")
    criterion_key = models.CharField(max_length=40)
    decision = models.CharField(_("decision"), max_length=10, choices=Decision)
    reason = models.CharField(_("reason"), max_length=300)
    kappa = models.FloatField(null=True)
    pairs = models.PositiveIntegerField(default=0)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    decided_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("decision on a criterion")
        verbose_name_plural = _("decisions on criteria")
        ordering = ["-decided_at"]
        indexes = [models.Index(fields=["template", "criterion_key", "-decided_at"], name="decision_newest")]

    def __str__(self) -> str:
        return f"{self.criterion_key}: {self.decision}"
