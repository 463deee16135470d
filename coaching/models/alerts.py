"""What supervisors should look at, whom it reaches, who is on shift for it, and what they whisper to the agent."""

from __future__ import annotations

from django.conf import settings
from django.core.validators import validate_email
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.ids import TimeOrderedModel
from accounts.models import Team
from coaching.models.policies import Policy, PolicyRevision, Severity
from conversations.models import Conversation, Utterance

# Kinds that no policy raises: an agent asks for somebody; a conversation could not be checked for what to hide.
HAND = "hand.raised"
CHECK = "redaction.check"


class Alert(TimeOrderedModel):
    """Something a supervisor should look at: one for each call and kind.

    `reason`, `evidence` and `cause` as in `Guidance`. `policy` and `rule_key` are its kind: the rule that raised it;
    without a policy `HAND` or `CHECK`. When it happens again, `count` says so and `reason`, `evidence` and `last_at_ms`
    are of the last time; one that was resolved is open again.
    `waiting_since`: since when nobody has it; None once it was taken or is no longer open.
    `escalated_at`: when it went further because nobody took it; `reaches_others`: to supervisors of other teams too.
    `mailed_at`: when e-mail said so.
    """

    class State(models.TextChoices):
        OPEN = "open", _("open")
        RESOLVED = "resolved", _("resolved")
        # The call ended before anybody resolved it: over, and not counted as handled.
        CLOSED = "closed", _("closed with the call")
        # The settings of the agent's team do not want it: kept for the figures, shown to nobody.
        QUIET = "quiet", _("not for this team")

    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="alerts")
    revision = models.ForeignKey(PolicyRevision, null=True, on_delete=models.PROTECT)
    policy = models.ForeignKey(Policy, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    rule_key = models.CharField(_("kind"), max_length=80)
    title = models.CharField(max_length=90)
    reason = models.CharField(max_length=500, blank=True, default="")
    evidence = models.JSONField(default=list)
    cause = models.ForeignKey(Utterance, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    severity = models.CharField(max_length=4, choices=Severity)
    state = models.CharField(max_length=10, choices=State, default=State.OPEN)
    count = models.PositiveIntegerField(_("times"), default=1)
    at_ms = models.PositiveIntegerField()
    last_at_ms = models.PositiveIntegerField(default=0)
    raised_at = models.DateTimeField()
    waiting_since = models.DateTimeField(null=True, blank=True)
    assignee = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    claimed_at = models.DateTimeField(null=True, blank=True)
    # The first time anybody took it, which a release does not undo: what the figures count as acted on.
    first_claimed_at = models.DateTimeField(null=True, blank=True)
    escalated_at = models.DateTimeField(null=True, blank=True)
    reaches_others = models.BooleanField(default=False)
    mailed_at = models.DateTimeField(null=True, blank=True)
    resolved_at = models.DateTimeField(null=True)
    resolved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("alert")
        verbose_name_plural = _("alerts")
        ordering = ["-raised_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["conversation", "policy", "rule_key"],
                name="alert_once_a_call_and_kind",
                nulls_distinct=False,
            )
        ]
        indexes = [
            models.Index(fields=["-raised_at"], name="alert_open", condition=Q(state="open")),
            models.Index(fields=["conversation"], name="alert_conversation"),
            models.Index(
                fields=["waiting_since"],
                name="alert_waiting",
                condition=Q(state="open", waiting_since__isnull=False, escalated_at__isnull=True),
            ),
            models.Index(fields=["raised_at"], name="alert_raised"),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def key(self) -> str:
        """What the figures and the settings of teams call its kind."""
        return f"{self.policy_id}/{self.rule_key}" if self.policy_id else self.rule_key

    @property
    def kind(self) -> str:
        """`hand`, `check` or `rule`."""
        return {HAND: "hand", CHECK: "check"}.get(self.rule_key, "rule")


class TeamAlerts(TimeOrderedModel):
    """Which alerts reach the supervisors of a team, and what happens to those that nobody takes.

    Without a team: for teams that have none of their own, and for calls that belong to nobody yet.
    """

    team = models.OneToOneField(
        Team,
        verbose_name=_("team"),
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="alert_settings",
        help_text=_("Empty: every team without settings of its own."),
    )
    least = models.CharField(
        _("from"),
        max_length=4,
        choices=Severity,
        default=Severity.WARN,
        help_text=_("“act now” leaves out alerts that are only to be looked at."),
    )
    hands = models.BooleanField(_("raised hands"), default=True, help_text=_("Agents may ask for somebody."))
    silenced = models.JSONField(
        _("not these rules"), default=list, blank=True, help_text=_("They still count in the figures.")
    )
    escalate_seconds = models.PositiveIntegerField(
        _("nobody takes it within seconds"),
        default=60,
        help_text=_("Then it goes further; at once where nobody is on shift. 0: it never does."),
    )
    escalate_to_others = models.BooleanField(
        _("to the other supervisors"),
        default=True,
        help_text=_("Those of other teams see it on their floor."),
    )
    emails = models.TextField(_("by e-mail to"), blank=True, default="", help_text=_("One address a line."))
    updated_at = models.DateTimeField(_("changed"), auto_now=True)

    class Meta:
        verbose_name = _("alerts of a team")
        verbose_name_plural = _("alerts of teams")
        ordering = ["team__name"]
        constraints = [
            models.UniqueConstraint(fields=["team"], nulls_distinct=False, name="team_alerts_once")
        ]

    def __str__(self) -> str:
        return str(self.team) if self.team else str(_("every other team"))

    @property
    def addresses(self) -> list[str]:
        return [line.strip() for line in self.emails.splitlines() if line.strip()]

    def clean(self) -> None:
        for address in self.addresses:
            validate_email(address)

    def takes(self, alert: Alert) -> bool:
        """Whether an alert is for this team's supervisors. What is not hidden as it must be always is."""
        if alert.rule_key == CHECK:
            return True
        if alert.rule_key == HAND:
            return self.hands
        grave = alert.severity == Severity.BAD or self.least == Severity.WARN
        return grave and alert.key not in self.silenced


class ShiftMark(TimeOrderedModel):
    """What a supervisor said of their shift: on, or off although their floor is open. It counts for some hours."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="shift_mark")
    on = models.BooleanField(_("on shift"))
    since = models.DateTimeField(_("since"))

    class Meta:
        verbose_name = _("shift")
        verbose_name_plural = _("shifts")

    def __str__(self) -> str:
        return f"{self.user}: {'on' if self.on else 'off'}"


class Whisper(TimeOrderedModel):
    """A line from a supervisor to the agent, during a call. `text` is kept redacted. `at_ms`: call time."""

    class Answer(models.TextChoices):
        THANKS = "thanks", _("Thanks")
        OK = "ok", _("OK")

    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="whispers")
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    text = models.CharField(max_length=240)
    at_ms = models.PositiveIntegerField()
    sent_at = models.DateTimeField()
    shown_at = models.DateTimeField(null=True, blank=True)
    answer = models.CharField(max_length=6, choices=Answer, blank=True, default="")
    answered_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("whisper")
        verbose_name_plural = _("whispers")
        ordering = ["sent_at", "id"]
        indexes = [models.Index(fields=["conversation"], name="whisper_conversation")]

    def __str__(self) -> str:
        return f"whisper {self.pk}"
