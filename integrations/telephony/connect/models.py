"""The streams of live contacts: what a reader needs to read one, or to go on for a reader that was killed."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.ids import TimeOrderedModel


class KvsStream(TimeOrderedModel):
    """The audio of one conversation on Kinesis Video Streams.

    `contacts`: all contact ids that the conversation has had; a transfer adds one. `legs`: where each one's audio
    is, in order: {"contact", "stream_arn", "start_fragment", "started_ms"}. `progress`: how far it has been read, all
    of it safely in the buffer: {"leg", "fragment", "origin_ns", "ends"}. `epoch`: raised by each reader that takes it.
    `talks`: what was said of each contact: {contact: {"phase", "agent", "at" (they came), "ended"}}.
    """

    class State(models.TextChoices):
        WAITING = "waiting", _("waiting")
        READING = "reading", _("reading")
        DONE = "done", _("done")
        FAILED = "failed", _("failed")

    connection = models.ForeignKey(
        "integrations.TelephonyConnection", on_delete=models.CASCADE, related_name="streams"
    )
    conversation = models.OneToOneField(
        "conversations.Conversation", on_delete=models.CASCADE, related_name="kvs_stream"
    )
    contacts = ArrayField(models.CharField(max_length=120), default=list)
    legs = models.JSONField(default=list)
    talks = models.JSONField(default=dict)
    progress = models.JSONField(default=dict)
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.WAITING)
    reason = models.CharField(_("reason"), max_length=40, blank=True, default="")
    epoch = models.PositiveIntegerField(default=0)
    reader = models.CharField(_("reader"), max_length=80, blank=True, default="")
    behind_ms = models.PositiveIntegerField(_("behind"), null=True, blank=True)
    # When telephony said that the customer or the last agent hung up, and the last fragment it said there is.
    ended_at = models.DateTimeField(_("hung up"), null=True, blank=True)
    stop_fragment = models.CharField(max_length=128, blank=True, default="")
    announced_at = models.DateTimeField(_("announced"), auto_now_add=True)
    updated_at = models.DateTimeField(_("changed"), auto_now=True)

    class Meta:
        verbose_name = _("Kinesis video stream")
        verbose_name_plural = _("Kinesis video streams")
        ordering = ["-id"]
        indexes = [
            GinIndex(fields=["contacts"], name="kvs_stream_contacts"),
            models.Index(
                fields=["updated_at"], name="kvs_stream_open", condition=Q(state__in=["waiting", "reading"])
            ),
        ]

    def __str__(self) -> str:
        return f"{self.conversation_id} {self.state}"
