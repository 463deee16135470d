"""People's work on quality: what they are to evaluate and why, plans that draw it, what agents object to."""

from __future__ import annotations

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.ids import TimeOrderedModel
from conversations.models import Conversation
from moments.models import MomentDefinition
from qa.models.calibration import CalibrationCall
from qa.models.evaluations import Answer, Evaluation
from qa.models.scorecards import ScorecardTemplate


class SamplingPlan(TimeOrderedModel):
    """Draws conversations for people to evaluate, once a day. `strata`: of what each kind gets its share."""

    class Strata(models.TextChoices):
        NONE = "none", _("at random")
        AGENT = "agent", _("evenly by agent")
        QUEUE = "queue", _("evenly by queue")
        RISK = "risk", _("risky ones first")

    class Period(models.TextChoices):
        DAY = "day", _("day")
        WEEK = "week", _("week")
        MONTH = "month", _("month")

    name = models.CharField(_("name"), max_length=80, unique=True)
    active = models.BooleanField(_("active"), default=True)
    template = models.ForeignKey(
        ScorecardTemplate, verbose_name=_("scorecard"), on_delete=models.PROTECT, related_name="plans"
    )
    strata = models.CharField(_("drawn"), max_length=8, choices=Strata, default=Strata.AGENT)
    moment = models.ForeignKey(
        MomentDefinition,
        verbose_name=_("only where this was heard"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
    )
    period = models.CharField(_("period"), max_length=8, choices=Period, default=Period.WEEK)
    per_agent = models.PositiveSmallIntegerField(
        _("at most of one agent in a period"),
        default=3,
        validators=[MinValueValidator(1), MaxValueValidator(100)],
    )
    per_period = models.PositiveIntegerField(
        _("at most in a period"), default=50, validators=[MinValueValidator(1), MaxValueValidator(10_000)]
    )
    shortest_seconds = models.PositiveSmallIntegerField(_("only calls from so many seconds on"), default=60)
    second_percent = models.PositiveSmallIntegerField(
        _("judged by a second person, too, in percent"),
        default=0,
        validators=[MaxValueValidator(100)],
        help_text=_("Neither knows of the other."),
    )
    due_days = models.PositiveSmallIntegerField(
        _("days to evaluate it"), default=7, validators=[MinValueValidator(1), MaxValueValidator(365)]
    )
    evaluators = models.ManyToManyField(
        settings.AUTH_USER_MODEL,
        verbose_name=_("evaluators"),
        blank=True,
        related_name="+",
        help_text=_("Empty: whoever takes it from the list."),
    )
    drawn_at = models.DateTimeField(_("drawn last"), null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("sampling plan")
        verbose_name_plural = _("sampling plans")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Assignment(TimeOrderedModel):
    """A conversation that somebody is to evaluate, and why. Nobody's until it is taken or given.

    `kind`: what kind of evaluation comes of it. `calibration`: the call of a calibration that it is for.
    `state`: open until its evaluation is submitted.
    """

    class State(models.TextChoices):
        OPEN = "open", _("open")
        DONE = "done", _("done")
        DROPPED = "dropped", _("dropped")

    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="assignments")
    template = models.ForeignKey(
        ScorecardTemplate, verbose_name=_("scorecard"), on_delete=models.PROTECT, related_name="assignments"
    )
    agent = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("agent"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
    )
    assignee = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("evaluator"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="assignments",
    )
    kind = models.CharField(_("kind"), max_length=12, choices=Evaluation.Kind, default=Evaluation.Kind.PERSON)
    state = models.CharField(_("state"), max_length=8, choices=State, default=State.OPEN)
    plan = models.ForeignKey(
        SamplingPlan, null=True, blank=True, on_delete=models.SET_NULL, related_name="assignments"
    )
    calibration = models.ForeignKey(
        CalibrationCall, null=True, blank=True, on_delete=models.CASCADE, related_name="assignments"
    )
    why = models.CharField(_("why"), max_length=120, blank=True, default="")
    evaluation = models.OneToOneField(
        Evaluation, null=True, blank=True, on_delete=models.SET_NULL, related_name="assignment"
    )
    assigned_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(_("since"), auto_now_add=True)
    due_at = models.DateTimeField(_("due"), null=True, blank=True)
    # The company's day on which a rater of a calibration was last reminded.
    reminded_on = models.DateField(null=True, blank=True, editable=False)
    done_at = models.DateTimeField(_("done"), null=True, blank=True)

    class Meta:
        verbose_name = _("assignment")
        verbose_name_plural = _("assignments")
        ordering = ["due_at", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["conversation", "template", "agent", "kind"],
                name="assignment_open_once",
                condition=Q(state="open", kind__in=["person", "second"]),
                nulls_distinct=False,
            ),
            models.UniqueConstraint(
                fields=["calibration", "assignee"],
                name="assignment_calibration_once",
                condition=Q(calibration__isnull=False),
            ),
        ]
        indexes = [
            models.Index(
                fields=["assignee", "due_at", "id"], name="assignment_open", condition=Q(state="open")
            ),
            models.Index(fields=["plan", "created_at"], name="assignment_plan"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.conversation_id}"


class Dispute(TimeOrderedModel):
    """What an agent objects to in a score, and what became of it. `answer`: none, where it is the score as a whole."""

    evaluation = models.ForeignKey(Evaluation, on_delete=models.CASCADE, related_name="disputes")
    answer = models.ForeignKey(
        Answer, null=True, blank=True, on_delete=models.CASCADE, related_name="disputes"
    )
    raised_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    reason = models.CharField(_("reason"), max_length=300)
    raised_at = models.DateTimeField(_("raised"), auto_now_add=True)
    due_at = models.DateTimeField(_("due"))
    accepted = models.BooleanField(_("accepted"), null=True)
    resolved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    resolution = models.CharField(_("resolution"), max_length=300, blank=True, default="")
    resolved_at = models.DateTimeField(_("resolved"), null=True, blank=True)

    class Meta:
        verbose_name = _("dispute")
        verbose_name_plural = _("disputes")
        ordering = ["raised_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["evaluation"], name="dispute_one_open", condition=Q(resolved_at__isnull=True)
            )
        ]
        indexes = [
            models.Index(fields=["due_at"], name="dispute_open", condition=Q(resolved_at__isnull=True))
        ]

    def __str__(self) -> str:
        return f"dispute of {self.evaluation_id}"
