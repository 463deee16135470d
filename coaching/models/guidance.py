"""What agents were shown, what they answered, and what they do not want to see."""

from __future__ import annotations

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Case, CharField, Q, Value, When
from django.utils.translation import gettext_lazy as _

from accounts.ids import TimeOrderedModel
from coaching.models.policies import PolicyRevision
from conversations.models import Conversation, Utterance


class Guidance(TimeOrderedModel):
    """Something shown to the agent, with its reason, its evidence, its times and what became of it.

    `rule_key` and `action`: which action of which rule (behaviour, playbook) of the revision. `payload`: what its kind
    needs beside: a passage, a field and its value. `reason` is a sentence with `{quote}` in place of what was
    said: the words stand in `cause`, at `evidence[0]`, so that a later redaction reaches them here too. `expires_ms`:
    call time at which it leaves by itself. `evidence`: list of {"utterance", "start", "end"}. `spoken_at`: when the
    words that caused it were spoken; `final_at`: when speech recognition had ended them; `decided_at`: when the rule
    fired; `sent_at`: when it was handed to the channel layer; `shown_at`: when the browser had painted it. `optional`:
    an agent may mute it. `held`: why it is or was held back (state HELD: no page was told of it yet). `used_ms`: call
    time at which the agent had said its words, in `used_in`, recognised without a click (`engines.rules.used`).
    `wrong_at`: when the agent said that it did not belong here; with the evidence, a label for who measures the rule.
    """

    class Kind(models.TextChoices):
        HINT = "hint", _("hint")
        LINE = "line", _("script line")
        CHECKLIST = "checklist", _("checklist item")
        STEP = "step", _("step of a playbook")
        PRAISE = "praise", _("praise")
        KNOWLEDGE = "knowledge", _("knowledge")
        PREFILL = "prefill", _("value for a form")

    class Label(models.TextChoices):
        SAY = "Say", _("Say")
        DO = "Do", _("Do")
        KNOW = "Know", _("Know")

    class State(models.TextChoices):
        OPEN = "open", _("open")
        ACCEPTED = "accepted", _("accepted")
        USED = "used", _("used")
        DISMISSED = "dismissed", _("dismissed")
        TICKED = "ticked", _("done")
        MISSED = "missed", _("missed")
        WITHDRAWN = "withdrawn", _("withdrawn")
        EXPIRED = "expired", _("expired")
        HELD = "held", _("held back")

    class Held(models.TextChoices):
        """As `coaching.budget.Held`; `TRIAL`: the call is in the arm of an experiment that does without."""

        NOT = "", _("not held back")
        SOON = "soon", _("another came just before")
        ENOUGH = "enough", _("enough for this call")
        MUTED = "muted", _("muted by the agent")
        TRIAL = "trial", _("for an experiment")

    class Outcome(models.TextChoices):
        """What became of it in the end, the strongest that holds: what counts is whether the words were said."""

        USED = "used", _("used")
        ACCEPTED = "accepted", _("accepted")
        DISMISSED = "dismissed", _("dismissed")
        DONE = "done", _("done")
        MISSED = "missed", _("missed")
        WITHDRAWN = "withdrawn", _("withdrawn")
        HELD = "held", _("held back")
        IGNORED = "ignored", _("ignored")
        SEEN = "seen", _("seen")
        UNSEEN = "unseen", _("not seen")

    # Written while a call is live: `guidance_state` begins with it.
    conversation = models.ForeignKey(
        Conversation, on_delete=models.CASCADE, related_name="guidance", db_index=False
    )
    # None: the model of the next step suggested it, as `payload` says.
    revision = models.ForeignKey(PolicyRevision, null=True, blank=True, on_delete=models.PROTECT)
    rule_key = models.CharField(max_length=80)
    action = models.PositiveSmallIntegerField(default=0)
    kind = models.CharField(max_length=10, choices=Kind)
    label = models.CharField(max_length=4, choices=Label)
    title = models.CharField(max_length=90)
    say = models.TextField(max_length=600, blank=True, default="")
    priority = models.PositiveSmallIntegerField(default=50)
    position = models.PositiveSmallIntegerField(default=0)
    payload = models.JSONField(default=dict)
    optional = models.BooleanField(default=True)
    # Of a step: which one of which playbook, by their ids in the policy.
    playbook = models.CharField(max_length=80, blank=True, default="")
    step = models.CharField(max_length=80, blank=True, default="")
    reason = models.CharField(max_length=500, blank=True, default="")
    evidence = models.JSONField(default=list)
    cause = models.ForeignKey(Utterance, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    at_ms = models.PositiveIntegerField()
    expires_ms = models.PositiveIntegerField(null=True)
    state = models.CharField(max_length=10, choices=State, default=State.OPEN)
    held = models.CharField(_("held back"), max_length=8, choices=Held, blank=True, default="")
    dismiss_reason = models.CharField(max_length=80, blank=True, default="")
    spoken_at = models.DateTimeField(null=True)
    final_at = models.DateTimeField(null=True)
    decided_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)
    shown_at = models.DateTimeField(null=True)
    settled_at = models.DateTimeField(null=True)
    settled_ms = models.PositiveIntegerField(null=True)
    used_at = models.DateTimeField(_("used"), null=True)
    used_ms = models.PositiveIntegerField(null=True)
    used_in = models.ForeignKey(Utterance, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    wrong_at = models.DateTimeField(_("marked wrong"), null=True)
    wrong_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )

    class Meta:
        verbose_name = _("guidance")
        verbose_name_plural = _("guidance shown")
        ordering = ["conversation", "at_ms", "id"]
        indexes = [
            models.Index(fields=["conversation", "state"], name="guidance_state"),
            models.Index(fields=["rule_key"], name="guidance_wrong", condition=Q(wrong_at__isnull=False)),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def outcome(self) -> str:
        """One of `Outcome`. In queries: `OUTCOME`."""
        if self.used_at is not None:
            return self.Outcome.USED
        settled = _SETTLED.get(self.state)
        if settled is not None:
            return settled
        if self.shown_at is None:
            return self.Outcome.UNSEEN
        return self.Outcome.IGNORED if self.state == self.State.EXPIRED else self.Outcome.SEEN


_SETTLED: dict[str, str] = {
    Guidance.State.ACCEPTED: Guidance.Outcome.ACCEPTED,
    Guidance.State.USED: Guidance.Outcome.USED,
    Guidance.State.DISMISSED: Guidance.Outcome.DISMISSED,
    Guidance.State.TICKED: Guidance.Outcome.DONE,
    Guidance.State.MISSED: Guidance.Outcome.MISSED,
    Guidance.State.WITHDRAWN: Guidance.Outcome.WITHDRAWN,
    Guidance.State.HELD: Guidance.Outcome.HELD,
}

# `Guidance.outcome` in a query: `.annotate(became=OUTCOME)`.
OUTCOME = Case(
    When(used_at__isnull=False, then=Value(Guidance.Outcome.USED.value)),
    *(When(state=state, then=Value(str(became))) for state, became in _SETTLED.items()),
    When(shown_at__isnull=True, then=Value(Guidance.Outcome.UNSEEN.value)),
    When(state=Guidance.State.EXPIRED, then=Value(Guidance.Outcome.IGNORED.value)),
    default=Value(Guidance.Outcome.SEEN.value),
    output_field=CharField(),
)


class GuidanceMute(TimeOrderedModel):
    """What one person does not want to see until `until`: a kind of optional guidance, or one rule's.

    `title`: what it is called where it can be taken back; the rule's line, not a customer's words.
    """

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="guidance_mutes"
    )
    kind = models.CharField(max_length=10, blank=True, default="")
    rule_key = models.CharField(max_length=80, blank=True, default="")
    title = models.CharField(max_length=90, blank=True, default="")
    until = models.DateTimeField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("muted guidance")
        verbose_name_plural = _("muted guidance")
        ordering = ["user", "-until"]
        constraints = [
            models.UniqueConstraint(fields=["user", "kind", "rule_key"], name="guidance_mute_once"),
            models.CheckConstraint(
                condition=(Q(kind="") & ~Q(rule_key="")) | (~Q(kind="") & Q(rule_key="")),
                name="guidance_mute_kind_or_rule",
            ),
        ]

    def __str__(self) -> str:
        return self.title or self.kind


class GuidanceSettings(models.Model):
    """How much this company's agents are shown, and who publishes policies. One row; without it, the defaults."""

    only = models.BooleanField(primary_key=True, default=True, editable=False)
    hint_every_seconds = models.PositiveSmallIntegerField(
        _("at most one new hint in seconds"),
        default=20,
        validators=[MaxValueValidator(600)],
        help_text=_("0: no limit. Script lines, checklist items and steps are never held back."),
    )
    hints_per_call = models.PositiveSmallIntegerField(
        _("at most this many hints a call"),
        default=6,
        validators=[MaxValueValidator(200)],
        help_text=_("0: no limit."),
    )
    knowledge_by_itself = models.BooleanField(
        _("bring up knowledge by itself"),
        default=False,
        help_text=_("When a customer asks what a document answers. Each collection may be left out."),
    )
    knowledge_per_call = models.PositiveSmallIntegerField(
        _("at most this many passages a call by themselves"),
        default=4,
        validators=[MinValueValidator(1), MaxValueValidator(50)],
        help_text=_("They count among the hints, too."),
    )
    shift_hours = models.PositiveSmallIntegerField(
        _("a shift lasts hours"),
        default=9,
        validators=[MinValueValidator(1), MaxValueValidator(24)],
        help_text=_("What an agent mutes comes back after so long."),
    )
    four_eyes = models.BooleanField(
        _("who wrote a policy may not publish it"),
        default=False,
        help_text=_("A draft is then handed in for review, and somebody else publishes it."),
    )

    class Meta:
        verbose_name = _("guidance settings")
        verbose_name_plural = _("guidance settings")
        constraints = [models.CheckConstraint(condition=Q(only=True), name="guidance_settings_only_row")]

    def __str__(self) -> str:
        return str(_("Guidance settings"))
