"""Chats: conversations in writing that a chat system feeds, message by message."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.ids import TimeOrderedModel
from conversations.models.calls import Conversation, Utterance


class Chat(models.Model):
    """How far a chat has come. Its row is written in the transaction that stores a message, and holds no words.

    `messages`: the number of the last message; `last_ms`: its time in the chat. `redaction` is the redactor's state,
    and `memory` its digests of what was hidden, sealed with the chat's key, which is destroyed at the end.
    """

    conversation = models.OneToOneField(
        Conversation, primary_key=True, on_delete=models.CASCADE, related_name="chat"
    )
    messages = models.PositiveIntegerField(default=0)
    last_ms = models.PositiveIntegerField(default=0)
    last_at = models.DateTimeField()
    redaction = models.JSONField(null=True)
    memory = models.BinaryField(null=True)
    # Said to be over; its live worker writes the end.
    over_at = models.DateTimeField(null=True)
    over_reason = models.CharField(max_length=40, blank=True, default="")

    class Meta:
        verbose_name = _("chat")
        verbose_name_plural = _("chats")
        indexes = [
            models.Index(fields=["last_at"], name="chat_quiet", condition=models.Q(over_at__isnull=True))
        ]

    def __str__(self) -> str:
        return f"chat {self.pk}"


class ChatMessage(TimeOrderedModel):
    """One message's way: under which id it came, from where, and whether it went out. Its words are the utterance's."""

    class Origin(models.TextChoices):
        SYSTEM = "system", _("the chat system")
        DESK = "desk", _("the agent's desk")
        SUPERVISOR = "supervisor", _("a supervisor")

    class Delivery(models.TextChoices):
        DELIVERED = "delivered", _("delivered")
        WAITING = "waiting", _("not delivered yet")
        MISSED = "missed", _("not delivered")

        @classmethod
        def of(cls, *, delivered: bool, failed: bool, is_live: bool) -> ChatMessage.Delivery:
            """What the chat system said of a message from here. `is_live`: the chat goes on, and can still say so."""
            if delivered:
                return cls.DELIVERED
            return cls.WAITING if is_live and not failed else cls.MISSED

    # `chat_message_once` begins with it.
    conversation = models.ForeignKey(
        Conversation, on_delete=models.CASCADE, related_name="chat_messages", db_index=False
    )
    utterance = models.OneToOneField(Utterance, on_delete=models.CASCADE, related_name="chat_message")
    message_id = models.CharField(max_length=120)
    origin = models.CharField(max_length=10, choices=Origin, default=Origin.SYSTEM)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    sent_at = models.DateTimeField()
    received_at = models.DateTimeField()
    # When the chat system said that it has it; of messages that are written here.
    delivered_at = models.DateTimeField(null=True, blank=True)
    # When the chat system said that it cannot bring it to the customer; of messages that are written here.
    failed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("chat message")
        verbose_name_plural = _("chat messages")
        ordering = ["received_at", "id"]
        indexes = [
            models.Index(
                fields=["received_at"],
                name="chat_message_waits",
                condition=models.Q(delivered_at__isnull=True, failed_at__isnull=True)
                & ~models.Q(origin="system"),
            )
        ]
        constraints = [
            models.UniqueConstraint(fields=["conversation", "message_id"], name="chat_message_once")
        ]

    def __str__(self) -> str:
        return f"message {self.pk}"
