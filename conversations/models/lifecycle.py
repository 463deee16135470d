"""What telephony says of calls beside their audio: other ids, phases, transfers, and what met no call yet."""

from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.ids import TimeOrderedModel
from conversations.models.calls import Conversation


class ConversationIdentifier(TimeOrderedModel):
    """An id by which a vendor knows the conversation. Several conversations may share one (legs of a contact)."""

    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="identifiers")
    provider = models.CharField(_("provider"), max_length=40)
    kind = models.CharField(_("kind"), max_length=40)
    value = models.CharField(_("value"), max_length=120)
    created_at = models.DateTimeField(_("known since"), auto_now_add=True)

    class Meta:
        verbose_name = _("identifier")
        verbose_name_plural = _("identifiers")
        constraints = [
            models.UniqueConstraint(
                fields=["conversation", "provider", "kind", "value"], name="identifier_once"
            )
        ]
        indexes = [models.Index(fields=["value", "provider"], name="identifier_value")]

    def __str__(self) -> str:
        return f"{self.provider} {self.kind}"


class CallPhase(TimeOrderedModel):
    """From `at` on (`from_ms` of the call's audio) the call was in this phase, with this agent.

    `refused`: the vendor said so, and it cannot follow what was before; kept to be seen, and without effect.
    `key` makes the same event, told twice, count once.
    """

    class Phase(models.TextChoices):
        RINGING = "ringing", _("ringing")
        IVR = "ivr", _("in a menu")
        QUEUE = "queue", _("waiting in a queue")
        CONNECTED = "connected", _("connected")
        HOLD = "hold", _("on hold")
        CONSULT = "consult", _("agents consult")
        CONFERENCE = "conference", _("conference")
        ENDED = "ended", _("ended")

    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="phases")
    phase = models.CharField(_("phase"), max_length=12, choices=Phase)
    agent = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    provider_agent_id = models.CharField(
        _("agent id at the provider"), max_length=120, blank=True, default=""
    )
    at = models.DateTimeField(_("at"))
    from_ms = models.PositiveIntegerField(_("from"), help_text=_("Milliseconds of the call's audio."))
    refused = models.BooleanField(_("refused"), default=False)
    key = models.CharField(max_length=160)

    class Meta:
        verbose_name = _("phase of a call")
        verbose_name_plural = _("phases of calls")
        ordering = ["conversation", "at", "id"]
        constraints = [models.UniqueConstraint(fields=["conversation", "key"], name="call_phase_once")]

    def __str__(self) -> str:
        return f"{self.conversation_id} {self.phase}"


class Handover(TimeOrderedModel):
    """The call went from one agent to the next, with a brief of what was said before.

    `brief`: list of {"section", "text", "evidence": [utterance ids]}, from redacted words.
    """

    class Kind(models.TextChoices):
        UNKNOWN = "", _("transfer")
        BLIND = "blind", _("blind transfer")
        CONSULT = "consult", _("transfer after consultation")

    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="handovers")
    from_agent = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    to_agent = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    kind = models.CharField(_("kind"), max_length=8, choices=Kind, blank=True, default="")
    at = models.DateTimeField(_("at"))
    at_ms = models.PositiveIntegerField(_("at (ms)"))
    brief = models.JSONField(default=list)

    class Meta:
        verbose_name = _("hand-over")
        verbose_name_plural = _("hand-overs")
        ordering = ["conversation", "at_ms", "id"]

    def __str__(self) -> str:
        return f"{self.conversation_id} at {self.at_ms} ms"


class WaitingMetadata(TimeOrderedModel):
    """What was said of a call that we did not know (yet). It joins the call when that turns up, or is shown as unmet.

    `keys`: the ids it came under, as `provider:value`. `events`: lifecycle events in order; `fields` are redacted.
    """

    provider = models.CharField(_("provider"), max_length=40)
    keys = ArrayField(models.CharField(max_length=170), verbose_name=_("ids"))
    identifiers = models.JSONField(default=dict)
    fields = models.JSONField(default=dict)
    events = models.JSONField(default=list)
    received_at = models.DateTimeField(_("received"), auto_now_add=True)
    conversation = models.ForeignKey(
        Conversation, null=True, blank=True, on_delete=models.CASCADE, related_name="metadata_joined"
    )
    joined_at = models.DateTimeField(_("joined"), null=True, blank=True)

    class Meta:
        verbose_name = _("waiting metadata")
        verbose_name_plural = _("waiting metadata")
        ordering = ["received_at", "id"]
        indexes = [
            GinIndex(fields=["keys"], name="waiting_keys", condition=Q(joined_at__isnull=True)),
            models.Index(fields=["received_at"], name="waiting_time"),
            # Counted with each that begins to wait.
            models.Index(fields=["received_at"], name="waiting_unmet", condition=Q(joined_at__isnull=True)),
        ]

    def __str__(self) -> str:
        return f"{self.provider} {self.received_at:%Y-%m-%d %H:%M}"


class VoiceSettings(models.Model):
    """How the company wants its calls heard. One row; without it, what the defaults say."""

    only = models.BooleanField(primary_key=True, default=True, editable=False)
    transcribe_ivr = models.BooleanField(_("transcribe menus and queues"), default=False)
    transcribe_hold = models.BooleanField(_("transcribe what is said on hold"), default=False)

    class Meta:
        verbose_name = _("voice settings")
        verbose_name_plural = _("voice settings")
        constraints = [models.CheckConstraint(condition=Q(only=True), name="voice_settings_only_row")]

    def __str__(self) -> str:
        return str(_("Voice settings"))
