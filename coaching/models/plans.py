"""Coaching: plans with what they are about, sessions with their agenda and what comes of them, targets.

What is written about an agent goes with them. Calls and scores that an agenda names may go before it does: the item
stays, and says so.
"""

from __future__ import annotations

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from accounts.ids import TimeOrderedModel
from accounts.models import Team
from coaching.models.clips import Clip
from coaching.models.effects import BehaviourOutcome
from conversations.models import Conversation
from qa.models import Evaluation

SKILL_LENGTH = 200
PERCENT = [MinValueValidator(0.0), MaxValueValidator(100.0)]


class CoachingPlan(TimeOrderedModel):
    """What somebody works on with an agent, from day to day (both included). `team`: the one that they were in then.

    A draft is nobody's business but of those who coach; `activated_at`: since when the agent sees it. `outcome`: what
    came of it, in words, when it ended.
    """

    class State(models.TextChoices):
        DRAFT = "draft", _("draft")
        ACTIVE = "active", _("running")
        COMPLETED = "completed", _("completed")
        CANCELLED = "cancelled", _("cancelled")

    agent = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("agent"),
        on_delete=models.CASCADE,
        related_name="coaching_plans",
    )
    coach = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("coach"),
        null=True,
        on_delete=models.SET_NULL,
        related_name="+",
    )
    team = models.ForeignKey(
        Team, verbose_name=_("team then"), null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    title = models.CharField(_("title"), max_length=120)
    goal = models.CharField(_("goal"), max_length=1000, blank=True, default="")
    begins_on = models.DateField(_("begins"))
    ends_on = models.DateField(_("ends"))
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.DRAFT)
    outcome = models.CharField(_("what came of it"), max_length=1000, blank=True, default="")
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    activated_at = models.DateTimeField(_("running since"), null=True, blank=True)
    ended_at = models.DateTimeField(_("ended"), null=True, blank=True)

    class Meta:
        verbose_name = _("coaching plan")
        verbose_name_plural = _("coaching plans")
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(ends_on__gte=F("begins_on")), name="coaching_plan_ends_after_it_begins"
            )
        ]
        indexes = [
            models.Index(fields=["agent", "-id"], name="coaching_plan_agent"),
            models.Index(
                fields=["state"], name="coaching_plan_open", condition=Q(state__in=["draft", "active"])
            ),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def is_open(self) -> bool:
        return self.state in {self.State.DRAFT, self.State.ACTIVE}


class PlanFocus(TimeOrderedModel):
    """One skill that a plan is about. `skill`: its reference; `name`: how it was called then.

    `baseline`: what the agent reached before the plan began, 0-100, over `baseline_n` answers or situations; none where
    there were none. `target`: what they are to reach.
    """

    plan = models.ForeignKey(CoachingPlan, on_delete=models.CASCADE, related_name="focuses")
    skill = models.CharField(max_length=SKILL_LENGTH)
    name = models.CharField(max_length=300)
    position = models.PositiveSmallIntegerField(default=0)
    baseline = models.FloatField(null=True, blank=True, validators=PERCENT)
    baseline_n = models.PositiveIntegerField(default=0)
    target = models.FloatField(_("target"), null=True, blank=True, validators=PERCENT)

    class Meta:
        verbose_name = _("focus of a plan")
        verbose_name_plural = _("focuses of plans")
        ordering = ["position", "id"]
        constraints = [models.UniqueConstraint(fields=["plan", "skill"], name="plan_focus_once")]

    def __str__(self) -> str:
        return self.name


class CoachingSession(TimeOrderedModel):
    """A talk of a coach with an agent, by itself or of a plan.

    `preparation`: the coach's own, which the agent never sees. `coach_notes` and `agent_notes` both see, once it is
    shared (`shared_at`): with its agenda beforehand if the coach likes, and when it was held at the latest.
    `acknowledgement`: what the agent takes from it, in their words.
    """

    class State(models.TextChoices):
        PLANNED = "planned", _("planned")
        HELD = "held", _("held")
        ACKNOWLEDGED = "acknowledged", _("acknowledged")
        CANCELLED = "cancelled", _("cancelled")

    plan = models.ForeignKey(
        CoachingPlan, null=True, blank=True, on_delete=models.SET_NULL, related_name="sessions"
    )
    agent = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("agent"),
        on_delete=models.CASCADE,
        related_name="coaching_sessions",
    )
    coach = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("coach"),
        null=True,
        on_delete=models.SET_NULL,
        related_name="+",
    )
    team = models.ForeignKey(
        Team, verbose_name=_("team then"), null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    scheduled_at = models.DateTimeField(_("when"))
    state = models.CharField(_("state"), max_length=12, choices=State, default=State.PLANNED)
    preparation = models.CharField(_("preparation"), max_length=2000, blank=True, default="")
    coach_notes = models.CharField(_("coach’s notes"), max_length=4000, blank=True, default="")
    agent_notes = models.CharField(_("agent’s notes"), max_length=4000, blank=True, default="")
    acknowledgement = models.CharField(_("acknowledgement"), max_length=1000, blank=True, default="")
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    shared_at = models.DateTimeField(_("shared"), null=True, blank=True)
    held_at = models.DateTimeField(_("held at"), null=True, blank=True)
    acknowledged_at = models.DateTimeField(_("acknowledged at"), null=True, blank=True)
    cancelled_at = models.DateTimeField(_("cancelled at"), null=True, blank=True)

    class Meta:
        verbose_name = _("coaching session")
        verbose_name_plural = _("coaching sessions")
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["agent", "-scheduled_at"], name="coaching_session_agent"),
            models.Index(
                fields=["scheduled_at"],
                name="coaching_session_open",
                condition=Q(state__in=["planned", "held"]),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.agent_id}: {self.scheduled_at:%Y-%m-%d}"

    @property
    def is_open(self) -> bool:
        """Whether its agenda can still be changed."""
        return self.state == self.State.PLANNED

    @property
    def was_held(self) -> bool:
        return self.state in {self.State.HELD, self.State.ACKNOWLEDGED}


class AgendaItem(TimeOrderedModel):
    """What a session speaks of: a call that shows a skill, a clip, or a topic in words (`note`).

    Of a call: the evaluation whose answer shows it, or what was observed of a behaviour. The words are read from where
    they are kept. `why`: whether it shows the skill at its worst or at its best, or was chosen by somebody.
    """

    class Kind(models.TextChoices):
        CALL = "call", _("call")
        CLIP = "clip", _("clip")
        TOPIC = "topic", _("topic")

    class Why(models.TextChoices):
        WORST = "worst", _("to work on")
        BEST = "best", _("done well")
        CHOSEN = "chosen", _("chosen")

    session = models.ForeignKey(CoachingSession, on_delete=models.CASCADE, related_name="items")
    position = models.PositiveSmallIntegerField(default=0)
    kind = models.CharField(max_length=8, choices=Kind)
    why = models.CharField(max_length=8, choices=Why, default=Why.CHOSEN)
    skill = models.CharField(max_length=SKILL_LENGTH, blank=True, default="")
    skill_name = models.CharField(max_length=300, blank=True, default="")
    conversation = models.ForeignKey(
        Conversation, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    evaluation = models.ForeignKey(
        Evaluation, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    outcome = models.ForeignKey(
        BehaviourOutcome, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    clip = models.ForeignKey(Clip, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    note = models.CharField(_("note"), max_length=500, blank=True, default="")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("item of an agenda")
        verbose_name_plural = _("items of agendas")
        ordering = ["position", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["session", "conversation", "skill"],
                name="agenda_call_once",
                condition=Q(kind="call", conversation__isnull=False),
            ),
            models.UniqueConstraint(
                fields=["session", "clip"], name="agenda_clip_once", condition=Q(clip__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind}: {self.skill_name or self.note}"


class NextStep(TimeOrderedModel):
    """What is to be done after a session, by whom, until when."""

    class Who(models.TextChoices):
        AGENT = "agent", _("agent")
        COACH = "coach", _("coach")

    session = models.ForeignKey(CoachingSession, on_delete=models.CASCADE, related_name="next_steps")
    who = models.CharField(_("by"), max_length=6, choices=Who, default=Who.AGENT)
    text = models.CharField(_("what"), max_length=300)
    due_on = models.DateField(_("due"), null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    done_at = models.DateTimeField(_("done"), null=True, blank=True)
    done_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )

    class Meta:
        verbose_name = _("next step")
        verbose_name_plural = _("next steps")
        ordering = ["id"]
        indexes = [
            models.Index(fields=["due_on"], name="coaching_step_open", condition=Q(done_at__isnull=True))
        ]

    def __str__(self) -> str:
        return self.text


class Target(TimeOrderedModel):
    """What a team, or an agent, is to reach in a skill, 0-100, from a day on and until another, both included."""

    team = models.ForeignKey(
        Team, verbose_name=_("team"), null=True, blank=True, on_delete=models.CASCADE, related_name="+"
    )
    agent = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("agent"),
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="+",
    )
    skill = models.CharField(_("skill"), max_length=SKILL_LENGTH)
    name = models.CharField(_("skill’s name"), max_length=300)
    value = models.FloatField(_("target"), validators=PERCENT)
    begins_on = models.DateField(_("from"))
    ends_on = models.DateField(_("until"), null=True, blank=True)
    set_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("coaching target")
        verbose_name_plural = _("coaching targets")
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(team__isnull=True, agent__isnull=False)
                | Q(team__isnull=False, agent__isnull=True),
                name="coaching_target_team_or_agent",
            ),
            models.CheckConstraint(
                condition=Q(ends_on__isnull=True) | Q(ends_on__gte=F("begins_on")),
                name="coaching_target_ends_after_it_begins",
            ),
            models.CheckConstraint(condition=Q(value__gte=0, value__lte=100), name="coaching_target_range"),
        ]
        indexes = [
            models.Index(fields=["team", "skill"], name="coaching_target_team"),
            models.Index(fields=["agent", "skill"], name="coaching_target_agent"),
        ]

    def __str__(self) -> str:
        return f"{self.name}: {self.value:g}"
