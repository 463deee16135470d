"""Whether a policy helps: some conversations or agents do without its guidance, and both sides are compared."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.ids import TimeOrderedModel
from coaching.models.policies import Policy, PolicyRevision
from conversations.models import Conversation


class Better(models.TextChoices):
    MORE = "more", _("more of them is better")
    FEWER = "fewer", _("fewer of them is better")


class Experiment(TimeOrderedModel):
    """A share of conversations, or of agents, for whom a policy's optional guidance is decided but not shown.

    Who is in which arm goes by a fixed hash of this row's id and the unit (`coaching.drawing`); of each conversation it
    is kept when it begins. Once it runs nothing of it changes but that it is stopped; one at a time runs of a policy.
    `worth`: the smallest effect worth having, in percent of the typical handle time, in points of satisfaction, or in
    conversations of a hundred. `csat_field`, `conversion_field`: names in a conversation's metadata. `only_touched`:
    conversations count in which the policy had something to show, in whichever arm.
    """

    class Unit(models.TextChoices):
        AGENT = "agent", _("agents")
        CONVERSATION = "conversation", _("conversations")

    class State(models.TextChoices):
        DRAFT = "draft", _("draft")
        RUNNING = "running", _("running")
        STOPPED = "stopped", _("stopped")

    class Outcome(models.TextChoices):
        HANDLE_TIME = "handle_time", _("handle time")
        CSAT = "csat", _("satisfaction")
        DISPOSITION = "disposition", _("dispositions")
        CONVERSION = "conversion", _("conversion")

    policy = models.ForeignKey(
        Policy, verbose_name=_("policy"), on_delete=models.PROTECT, related_name="experiments"
    )
    name = models.CharField(_("name"), max_length=80, unique=True)
    state = models.CharField(
        _("state"), max_length=8, choices=State, default=State.DRAFT, editable=False, db_index=True
    )
    unit = models.CharField(
        _("what is drawn"),
        max_length=12,
        choices=Unit,
        default=Unit.AGENT,
        help_text=_(
            "Agents: nobody's screen changes from call to call. Conversations: known sooner, "
            "but each agent has calls with guidance and calls without."
        ),
    )
    holdout_percent = models.PositiveSmallIntegerField(
        _("share without guidance (%)"),
        default=20,
        validators=[MinValueValidator(1), MaxValueValidator(90)],
        help_text=_("Script lines, checklists and alerts stay. Half and half is known soonest."),
    )
    primary = models.CharField(
        _("what decides"),
        max_length=12,
        choices=Outcome,
        default=Outcome.HANDLE_TIME,
        help_text=_("The verdict rests on this outcome alone. The others are shown beside it."),
    )
    worth = models.FloatField(
        _("smallest effect worth having"),
        default=5,
        validators=[MinValueValidator(0.01), MaxValueValidator(100)],
        help_text=_("Handle time: percent. Satisfaction: points. Dispositions, conversion: of 100 calls."),
    )
    only_touched = models.BooleanField(
        _("only where there was something to show"),
        default=True,
        help_text=_("Leaves out calls in which the policy had nothing to say, in both arms: known sooner."),
    )
    csat_field = models.CharField(
        _("satisfaction is in the field"),
        max_length=60,
        blank=True,
        default="csat",
        help_text=_("A number in the conversation's metadata."),
    )
    dispositions = ArrayField(
        models.CharField(max_length=60), verbose_name=_("dispositions to count"), default=list, blank=True
    )
    dispositions_better = models.CharField(_("of these"), max_length=8, choices=Better, default=Better.MORE)
    conversion_dispositions = ArrayField(
        models.CharField(max_length=60), verbose_name=_("converted: dispositions"), default=list, blank=True
    )
    conversion_field = models.CharField(
        _("converted: field"),
        max_length=60,
        blank=True,
        default="",
        help_text=_("Yes or no in the conversation's metadata. Goes before the disposition."),
    )
    created_at = models.DateTimeField(_("made"), auto_now_add=True)
    started_at = models.DateTimeField(_("started"), null=True, blank=True, editable=False)
    ended_at = models.DateTimeField(_("ended"), null=True, blank=True, editable=False)
    started_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("started by"),
        null=True,
        blank=True,
        editable=False,
        on_delete=models.SET_NULL,
        related_name="+",
    )

    class Meta:
        verbose_name = _("experiment")
        verbose_name_plural = _("experiments")
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["policy"], name="experiment_one_of_a_policy", condition=Q(state="running")
            )
        ]

    def __str__(self) -> str:
        return self.name


class _Arms(models.Manager["ExperimentArm"]):
    def bulk_create(self, objs: Any, *args: Any, **kwargs: Any) -> Any:
        """As calls write them: what a call was given when it began stands, should it begin again."""
        return super().bulk_create(objs, *args, **{"ignore_conflicts": True, **kwargs})


class ExperimentArm(TimeOrderedModel):
    """Which arm of an experiment a conversation was in when it began, whoever took it over later."""

    class Arm(models.TextChoices):
        SHOWN = "shown", _("with guidance")
        HELD = "held", _("without")

    experiment = models.ForeignKey(Experiment, on_delete=models.CASCADE, related_name="arms")
    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="+")
    revision = models.ForeignKey(PolicyRevision, on_delete=models.PROTECT, related_name="+")
    # Who had the call then: the unit where agents were drawn.
    agent = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    arm = models.CharField(max_length=5, choices=Arm)

    objects = _Arms()

    class Meta:
        verbose_name = _("arm of a conversation")
        verbose_name_plural = _("arms of conversations")
        constraints = [
            models.UniqueConstraint(fields=["experiment", "conversation"], name="experiment_arm_once")
        ]

    def __str__(self) -> str:
        return f"{self.conversation_id} {self.arm}"
