"""Conversations and what belongs to each: who took part, what was said, its recording, its events."""

from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.indexes import BrinIndex, GinIndex
from django.contrib.postgres.search import SearchVector, SearchVectorField
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Cast
from django.utils.translation import gettext_lazy as _

from accounts.ids import TimeOrderedModel


class Speaker(models.TextChoices):
    AGENT = "agent", _("agent")
    CUSTOMER = "customer", _("customer")
    SUPERVISOR = "supervisor", _("supervisor")
    BOT = "bot", _("bot")


class Customer(TimeOrderedModel):
    """Who called, as the company knows them. `reference` is the company's own key for them."""

    reference = models.CharField(_("reference"), max_length=120, unique=True)
    name = models.CharField(_("name"), max_length=120, blank=True, default="")
    segment = models.CharField(_("segment"), max_length=40, blank=True, default="")
    fields = models.JSONField(_("fields"), default=dict, blank=True)

    class Meta:
        verbose_name = _("customer")
        verbose_name_plural = _("customers")

    def __str__(self) -> str:
        return self.name or self.reference


class Disposition(TimeOrderedModel):
    """How a conversation can have ended, in the company's own list."""

    key = models.SlugField(_("key"), max_length=60, unique=True)
    name = models.CharField(_("name"), max_length=80)
    position = models.PositiveSmallIntegerField(_("position"), default=0)
    active = models.BooleanField(_("active"), default=True)

    class Meta:
        verbose_name = _("disposition")
        verbose_name_plural = _("dispositions")
        ordering = ["position", "name"]

    def __str__(self) -> str:
        return self.name


class Conversation(TimeOrderedModel):
    """A call or a chat from first ring to wrap-up. Ends in exactly one of `completed` and `incomplete`."""

    class Channel(models.TextChoices):
        VOICE = "voice", _("voice")
        CHAT = "chat", _("chat")
        EMAIL = "email", _("e-mail")

    class Direction(models.TextChoices):
        INBOUND = "inbound", _("inbound")
        OUTBOUND = "outbound", _("outbound")

    class State(models.TextChoices):
        ANNOUNCED = "announced", _("announced")
        LIVE = "live", _("live")
        WRAP_UP = "wrap_up", _("wrap-up")
        COMPLETED = "completed", _("completed")
        INCOMPLETE = "incomplete", _("incomplete")

    # The provider of calls that come as files: recorded elsewhere, heard afterwards, over before they begin here.
    UPLOADED = "upload"
    # Of those that come as text: no telephony announced them, and no audio of theirs is missing.
    IMPORTED = "import"

    channel = models.CharField(_("channel"), max_length=8, choices=Channel, default=Channel.VOICE)
    direction = models.CharField(_("direction"), max_length=8, choices=Direction, default=Direction.INBOUND)
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.ANNOUNCED)
    end_reason = models.CharField(_("end reason"), max_length=40, blank=True, default="")
    queue = models.ForeignKey("accounts.Queue", null=True, blank=True, on_delete=models.SET_NULL)
    agent = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="conversations",
    )
    customer = models.ForeignKey(
        Customer, null=True, blank=True, on_delete=models.SET_NULL, related_name="conversations"
    )
    language = models.CharField(_("language"), max_length=12, default="en")
    provider = models.CharField(_("provider"), max_length=40, default="native")
    provider_call_id = models.CharField(_("call id at the provider"), max_length=120)
    # Who the telephony says the agent is; with no agent set, the conversation is unmatched.
    provider_agent_id = models.CharField(
        _("agent id at the provider"), max_length=120, blank=True, default=""
    )
    announced_at = models.DateTimeField(_("announced"))
    started_at = models.DateTimeField(_("started"), null=True, blank=True)
    ended_at = models.DateTimeField(_("ended"), null=True, blank=True)
    closed_at = models.DateTimeField(_("wrap-up done"), null=True, blank=True)
    disposition = models.ForeignKey(Disposition, null=True, blank=True, on_delete=models.SET_NULL)
    # Since when nothing that was said in it is kept any more: consent was withdrawn, or its time was over.
    words_erased_at = models.DateTimeField(_("words erased"), null=True, blank=True)
    metadata = models.JSONField(_("metadata"), default=dict, blank=True)

    class Meta:
        verbose_name = _("conversation")
        verbose_name_plural = _("conversations")
        ordering = ["-announced_at"]
        constraints = [
            models.UniqueConstraint(fields=["provider", "provider_call_id"], name="conversation_call_id_once")
        ]
        indexes = [
            BrinIndex(fields=["announced_at"], name="conversation_time"),
            models.Index(fields=["-announced_at", "-id"], name="conversation_newest"),
            models.Index(fields=["agent", "-announced_at"], name="conversation_agent"),
            models.Index(
                fields=["state"],
                name="conversation_open",
                condition=Q(state__in=["announced", "live", "wrap_up"]),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.provider} {self.provider_call_id}"

    @property
    def is_unmatched(self) -> bool:
        return self.agent_id is None

    @property
    def is_uploaded(self) -> bool:
        """Whether it came as a file: nobody is on the line, even while it is `is_live` here."""
        return self.provider == self.UPLOADED

    @property
    def is_live(self) -> bool:
        return self.state in {self.State.ANNOUNCED, self.State.LIVE}


class Participant(TimeOrderedModel):
    """One side of a conversation. `channel_index` is its audio channel."""

    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="participants")
    role = models.CharField(max_length=12, choices=Speaker)
    display_name = models.CharField(max_length=120, blank=True, default="")
    channel_index = models.PositiveSmallIntegerField(null=True, blank=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL)
    joined_at = models.DateTimeField()
    left_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("participant")
        verbose_name_plural = _("participants")
        constraints = [
            models.UniqueConstraint(
                fields=["conversation", "channel_index"],
                name="participant_channel_once",
                condition=Q(channel_index__isnull=False, left_at__isnull=True),
            )
        ]

    def __str__(self) -> str:
        return f"{self.role} in {self.conversation_id}"


class Utterance(TimeOrderedModel):
    """One speaker's stretch between pauses. `text` and `words` are redacted before they reach this model.

    `words`: list of [text, start_ms, end_ms, confidence]. `sentiment`: the customer's, -1 to 1.
    """

    # Each row is written while a call is live: the constraint's own index begins with it.
    conversation = models.ForeignKey(
        Conversation, on_delete=models.CASCADE, related_name="utterances", db_index=False
    )
    sequence = models.PositiveIntegerField()
    speaker = models.CharField(max_length=12, choices=Speaker)
    channel_index = models.PositiveSmallIntegerField()
    start_ms = models.PositiveIntegerField()
    end_ms = models.PositiveIntegerField()
    text = models.TextField()
    words = models.JSONField(default=list)
    confidence = models.FloatField(null=True)
    provider = models.CharField(max_length=40)
    sentiment = models.FloatField(null=True)
    revision = models.PositiveSmallIntegerField(default=1)
    created_at = models.DateTimeField(auto_now_add=True)
    search = models.GeneratedField(
        expression=SearchVector("text", config="english"), output_field=SearchVectorField(), db_persist=True
    )

    class Meta:
        verbose_name = _("utterance")
        verbose_name_plural = _("utterances")
        ordering = ["conversation", "sequence"]
        constraints = [
            models.UniqueConstraint(fields=["conversation", "sequence"], name="utterance_sequence_once"),
            models.CheckConstraint(condition=Q(end_ms__gte=F("start_ms")), name="utterance_times_in_order"),
        ]
        indexes = [
            GinIndex(fields=["search"], name="utterance_search"),
            BrinIndex(fields=["created_at"], name="utterance_time"),
        ]

    def __str__(self) -> str:
        return f"{self.conversation_id} #{self.sequence}"


class Redaction(TimeOrderedModel):
    """What was taken out of an utterance: its kind and place in the redacted text, never what it was."""

    class Pass(models.TextChoices):
        LIVE = "live", _("live")
        SECOND = "second", _("second")
        MANUAL = "manual", _("manual")
        AGAIN = "again", _("history read again")

    utterance = models.ForeignKey(Utterance, on_delete=models.CASCADE, related_name="redactions")
    type = models.CharField(max_length=40)
    start = models.PositiveIntegerField()
    end = models.PositiveIntegerField()
    score = models.FloatField()
    detector = models.CharField(max_length=40)
    reason = models.CharField(max_length=200)
    found_in = models.CharField(max_length=8, choices=Pass, default=Pass.LIVE)
    # What became of it: a `RedactionRule.Action`.
    action = models.CharField(max_length=10, default="mask")

    class Meta:
        verbose_name = _("redaction")
        verbose_name_plural = _("redactions")

    def __str__(self) -> str:
        return f"{self.type} in {self.utterance_id}"


class Recording(TimeOrderedModel):
    """The stored audio of a conversation, beeped where `redacted_intervals` says, sealed under its own key.

    A later finding gives it a new file, key and `revision`; `stale_key` names the file before until that is deleted.
    `redacted_intervals`: list of [channel, start_ms, end_ms]. `peaks`: per channel a list of 0..100, 10 per second.
    """

    conversation = models.OneToOneField(Conversation, on_delete=models.CASCADE, related_name="recording")
    storage_key = models.CharField(max_length=200)
    stale_key = models.CharField(max_length=200, blank=True, default="")
    revision = models.PositiveIntegerField(default=1)
    codec = models.CharField(max_length=12, default="flac")
    sample_rate = models.PositiveIntegerField()
    channels = models.PositiveSmallIntegerField()
    duration_ms = models.PositiveIntegerField()
    size_bytes = models.PositiveBigIntegerField()
    sha256 = models.CharField(max_length=64)
    wrapped_key = models.BinaryField()
    key_version = models.PositiveIntegerField()
    redacted_intervals = models.JSONField(default=list)
    peaks = models.JSONField(default=list)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("recording")
        verbose_name_plural = _("recordings")

    def __str__(self) -> str:
        return self.storage_key


class CallLedger(TimeOrderedModel):
    """Account of a call's audio: what came, what was heard, what was kept, and why it ended.

    `*_ms` hold milliseconds per channel. `gaps`: list of {"channel", "from_ms", "to_ms", "cause"}. A line that was
    refused before it became a conversation has a row with no conversation.
    """

    class State(models.TextChoices):
        OPEN = "open", _("open")
        COMPLETED = "completed", _("completed")
        INCOMPLETE = "incomplete", _("incomplete")
        REFUSED = "refused", _("refused")

    conversation = models.OneToOneField(
        Conversation, null=True, blank=True, on_delete=models.CASCADE, related_name="ledger"
    )
    source = models.CharField(_("source"), max_length=40)
    provider_call_id = models.CharField(_("call id at the provider"), max_length=120, blank=True, default="")
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.OPEN)
    reason = models.CharField(_("reason"), max_length=40, blank=True, default="")
    close_code = models.PositiveSmallIntegerField(_("close code"), null=True, blank=True)
    announced_at = models.DateTimeField(_("announced"))
    closed_at = models.DateTimeField(_("closed"), null=True, blank=True)
    received_ms = models.JSONField(default=list)
    transcribed_ms = models.JSONField(default=list)
    recorded_ms = models.JSONField(default=list)
    gaps = models.JSONField(default=list)

    class Meta:
        verbose_name = _("call ledger entry")
        verbose_name_plural = _("call ledger")
        ordering = ["-announced_at"]
        indexes = [BrinIndex(fields=["announced_at"], name="ledger_time")]

    def __str__(self) -> str:
        return f"{self.source} {self.provider_call_id} {self.state}"


class CallOwner(models.Model):
    """Who may write a live call, and how far it has come.

    Every write of the live way is conditional on `epoch`: a worker that was superseded changes nothing. `head` is
    the last event's sequence number. `coverage`: per channel a list of [from_ms, to_ms] that has been transcribed.
    `engine_state` is what the stages need to go on from the last commit; it holds no customer's words.
    """

    conversation = models.OneToOneField(
        Conversation, primary_key=True, on_delete=models.CASCADE, related_name="owner"
    )
    epoch = models.PositiveIntegerField(default=0)
    worker = models.CharField(max_length=80, blank=True, default="")
    head = models.PositiveIntegerField(default=0)
    utterances = models.PositiveIntegerField(default=0)
    coverage = models.JSONField(default=list)
    engine_state = models.JSONField(default=dict)
    # What of the stages' states stays as it is for the whole call: by stage, written when it changes.
    fixed_state = models.JSONField(null=True)
    recorded_ms = models.PositiveIntegerField(default=0)
    audio_format = models.JSONField(default=dict)
    # The call's content key, sealed; emptied once the recording is sealed, and with it the buffered audio is gone.
    wrapped_key = models.BinaryField(null=True)
    key_version = models.PositiveIntegerField(default=0)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name = _("call owner")
        verbose_name_plural = _("call owners")

    def __str__(self) -> str:
        return f"{self.conversation_id} epoch {self.epoch}"


class ConversationEvent(models.Model):
    """What happened, in order: what browsers and the feed of changes follow. `data` holds no text of its own.

    `xid` is the transaction that wrote it: ids are not given in the order of commits, so that whoever reads all
    events by id alone would miss some. See `conversations.changes`.
    """

    id = models.BigAutoField(primary_key=True)
    # As with utterances.
    conversation = models.ForeignKey(
        Conversation, on_delete=models.CASCADE, related_name="events", db_index=False
    )
    sequence = models.PositiveIntegerField()
    kind = models.CharField(max_length=40)
    ref = models.UUIDField(null=True)
    data = models.JSONField(default=dict)
    occurred_at = models.DateTimeField()
    xid = models.BigIntegerField(
        db_default=Cast(
            Cast(models.Func(function="pg_current_xact_id"), models.TextField()), models.BigIntegerField()
        ),
        editable=False,
    )

    class Meta:
        verbose_name = _("event")
        verbose_name_plural = _("events")
        ordering = ["conversation", "sequence"]
        constraints = [
            models.UniqueConstraint(fields=["conversation", "sequence"], name="event_sequence_once")
        ]
        indexes = [
            BrinIndex(fields=["occurred_at"], name="event_time"),
            models.Index(fields=["xid", "id"], name="event_commit_order"),
        ]

    def __str__(self) -> str:
        return f"{self.conversation_id} {self.sequence} {self.kind}"


class OutboxJob(TimeOrderedModel):
    """Work that must happen after a commit. The row, not the broker, guarantees it."""

    task = models.CharField(_("task"), max_length=120)
    event = models.CharField(_("because of"), max_length=60)
    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="jobs")
    due_at = models.DateTimeField(_("due"))
    done_at = models.DateTimeField(_("done"), null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    last_error = models.CharField(_("last error"), max_length=200, blank=True, default="")

    class Meta:
        verbose_name = _("outbox job")
        verbose_name_plural = _("outbox")
        ordering = ["due_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["task", "event", "conversation"], name="outbox_once_per_conversation"
            )
        ]
        indexes = [models.Index(fields=["due_at"], name="outbox_due", condition=Q(done_at__isnull=True))]

    def __str__(self) -> str:
        return f"{self.task} for {self.conversation_id}"


class Note(TimeOrderedModel):
    """An agent's own note in a conversation, redacted like everything that people write or say."""

    conversation = models.OneToOneField(Conversation, on_delete=models.CASCADE, related_name="note")
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    text = models.TextField(max_length=4000)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name = _("note")
        verbose_name_plural = _("notes")

    def __str__(self) -> str:
        return f"note on {self.conversation_id}"
