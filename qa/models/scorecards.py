"""Scorecards: what conversations are judged by, edited as drafts and published as revisions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from accounts.ids import TimeOrderedModel
from accounts.models import Queue, Team
from moments.models import MomentDefinition
from qa.answers import NA, choices_of, choices_shown, label_of


class ScorecardTemplate(TimeOrderedModel):
    """What conversations are judged by. Edited freely; conversations are scored by its published revision.

    Its audience: agents of `teams`, calls of `queues` and `channels`; what is empty is everybody.
    """

    name = models.CharField(_("name"), max_length=80, unique=True)
    teams = models.ManyToManyField(
        Team,
        verbose_name=_("teams"),
        blank=True,
        related_name="scorecards",
        help_text=_("Empty: agents of all teams."),
    )
    queues = models.ManyToManyField(
        Queue, verbose_name=_("queues"), blank=True, related_name="scorecards", help_text=_("Empty: all.")
    )
    channels = models.JSONField(_("channels"), default=list, blank=True, help_text=_("Empty: all."))
    active = models.BooleanField(_("active"), default=True)
    updated_at = models.DateTimeField(_("changed"), auto_now=True)

    class Meta:
        verbose_name = _("scorecard")
        verbose_name_plural = _("scorecards")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Criterion(TimeOrderedModel):
    """One question of a scorecard: how it can be answered, what the answers are worth, and who or what answers it.

    `options` of a choice: list of {"value", "label", "score"}, scores 0-100. `low` and `high`: the ends of a scale,
    or the figures that are worth nothing and everything. `method`: the key of a judge (`qa.judging`), or "person".
    """

    class Kind(models.TextChoices):
        YES_NO = "yes_no", _("yes or no")
        SCALE = "scale", _("scale")
        CHOICE = "choice", _("choice")
        NUMBER = "number", _("number")
        TEXT = "text", _("text")

    class Expect(models.TextChoices):
        PRESENT = "present", _("was heard")
        ABSENT = "absent", _("was not heard")

    class SaidBy(models.TextChoices):
        AGENT = "agent", _("the agent")
        CUSTOMER = "customer", _("the customer")
        ANYONE = "anyone", _("either of them")

    class Figure(models.TextChoices):
        HOLD_SECONDS = "hold_seconds", _("time on hold, in seconds")
        HOLDS = "holds", _("times on hold")
        SILENCE_SECONDS = "silence_seconds", _("silence, in seconds")
        SILENCE_SHARE = "silence_share", _("silence, percent of the time")
        LONGEST_SILENCE_SECONDS = "longest_silence_seconds", _("longest silence, in seconds")
        AGENT_TALK_SHARE = "agent_talk_share", _("the agent’s part of the talk, in percent")
        INTERRUPTIONS = "interruptions", _("times that the agent began before the customer had ended")
        FIRST_REPLY_SECONDS = "first_reply_seconds", _("time to the agent’s first words, in seconds")
        TALK_SECONDS = "talk_seconds", _("length of the agent’s part, in seconds")

    class Test(models.TextChoices):
        AT_MOST = "at_most", _("is at most")
        AT_LEAST = "at_least", _("is at least")

    template = models.ForeignKey(ScorecardTemplate, on_delete=models.CASCADE, related_name="criteria")
    section = models.CharField(_("section"), max_length=60, blank=True, default="")
    position = models.PositiveSmallIntegerField(_("position"), default=0)
    question = models.CharField(_("question"), max_length=120)
    active = models.BooleanField(_("active"), default=True, help_text=_("Off: no longer asked from then on."))
    kind = models.CharField(_("kind"), max_length=8, choices=Kind, default=Kind.YES_NO)
    options = models.JSONField(
        _("choices"),
        default=list,
        blank=True,
        help_text=_("Of a choice: one a line, with what it is worth from 0 to 100, as in “Partly: 50”."),
    )
    low = models.FloatField(
        _("from"), null=True, blank=True, help_text=_("The scale’s lower end; of a number, what is worth 0.")
    )
    high = models.FloatField(
        _("to"), null=True, blank=True, help_text=_("The scale’s upper end; of a number, what is worth 100.")
    )
    allow_na = models.BooleanField(_("may be answered N/A"), default=True)
    weight = models.PositiveSmallIntegerField(
        _("weight"), default=10, validators=[MaxValueValidator(1000)], help_text=_("0: asked, not counted.")
    )
    auto_fail = models.BooleanField(
        _("auto-fail"), default=False, help_text=_("An answer that is worth 0 fails the whole evaluation.")
    )
    depends_on = models.ForeignKey(
        "self",
        verbose_name=_("only if answered before"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="dependents",
        help_text=_("Another criterion of this scorecard, once it is saved."),
    )
    depends_values = models.JSONField(
        _("with one of"),
        default=list,
        blank=True,
        help_text=_("One answer a line: yes, no, a choice’s words or a number of the scale."),
    )
    guideline = models.CharField(_("guideline"), max_length=300, blank=True, default="")
    good_example = models.CharField(_("good example"), max_length=500, blank=True, default="")
    bad_example = models.CharField(_("bad example"), max_length=500, blank=True, default="")
    coaching_tip = models.CharField(_("coaching tip"), max_length=300, blank=True, default="")
    method = models.CharField(_("answered by"), max_length=20, default="moment")
    moment = models.ForeignKey(
        MomentDefinition,
        verbose_name=_("moment"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="criteria",
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
    said_by = models.CharField(
        _("shown by the words of"),
        max_length=8,
        choices=SaidBy,
        default=SaidBy.AGENT,
        help_text=_("Of a language model: whose words must stand behind an answer that gives points."),
    )
    behaviour = models.CharField(
        _("behaviour"),
        max_length=80,
        blank=True,
        default="",
        help_text=_("The key of a behaviour in your policies."),
    )
    figure = models.CharField(_("figure"), max_length=24, blank=True, default="", choices=Figure)
    figure_test = models.CharField(
        _("yes when it"), max_length=8, blank=True, default=Test.AT_MOST, choices=Test
    )
    limit = models.FloatField(_("limit"), null=True, blank=True)
    task = models.SlugField(
        _("classifier"),
        max_length=60,
        blank=True,
        default="",
        help_text=_("The task whose live classifier answers."),
    )
    intent = models.CharField(
        _("intent"),
        max_length=80,
        blank=True,
        default="",
        help_text=_("Yes when it was meant. A choice takes the intent that its words name."),
    )
    least_score = models.FloatField(
        _("at least this sure"),
        null=True,
        blank=True,
        validators=[MinValueValidator(0.0), MaxValueValidator(1.0)],
    )

    class Meta:
        verbose_name = _("criterion")
        verbose_name_plural = _("criteria")
        ordering = ["template", "position"]

    def __str__(self) -> str:
        return self.question


SHOWN = (
    *("key", "section", "question", "guideline", "coaching_tip", "kind", "method", "weight"),
    "auto_fail",
)


@dataclass(frozen=True, slots=True)
class Asked:
    """A criterion as it is shown with every answer to it; `labels`: the words of what can be answered, by value."""

    shown: dict[str, Any]
    labels: dict[str, str]


class ScorecardRevision(TimeOrderedModel):
    """A scorecard as published. Never edited. `spec`: {"name", "audience", "criteria"} as `qa.scorecards` writes it."""

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

    @cached_property
    def asked(self) -> dict[str, Asked]:
        """Its criteria by key, in the language that is spoken now."""
        return {one["key"]: _asked(one) for one in self.spec["criteria"]}

    def __str__(self) -> str:
        return f"{self.template} revision {self.number}"


def _asked(criterion: dict[str, Any]) -> Asked:
    shown = {name: criterion[name] for name in SHOWN}
    labels = {one["value"]: str(one["label"]) for one in choices_of(criterion)} | {
        NA: label_of(criterion, NA)
    }
    return Asked(shown | {"choices": choices_shown(criterion)}, labels)
