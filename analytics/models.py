"""Facts: one row of figures per ended conversation, from which reports are counted."""

from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.utils.translation import gettext_lazy as _

from conversations.models import Conversation


class ConversationFact(models.Model):
    """What one conversation adds to the figures. Written after it ended; written anew when it changes."""

    conversation = models.OneToOneField(
        Conversation, primary_key=True, on_delete=models.CASCADE, related_name="fact"
    )
    day = models.DateField(_("day"))
    agent = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    handle_seconds = models.PositiveIntegerField(_("handle time"))
    agent_talk_ms = models.PositiveIntegerField(default=0)
    customer_talk_ms = models.PositiveIntegerField(default=0)
    hints_shown = models.PositiveSmallIntegerField(default=0)
    hints_accepted = models.PositiveSmallIntegerField(default=0)
    alerts = models.PositiveSmallIntegerField(default=0)
    sentiment = models.FloatField(null=True)
    score = models.DecimalField(max_digits=5, decimal_places=2, null=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name = _("conversation fact")
        verbose_name_plural = _("conversation facts")
        indexes = [
            BrinIndex(fields=["day"], name="fact_day"),
            models.Index(fields=["agent", "day"], name="fact_agent_day"),
        ]

    def __str__(self) -> str:
        return f"{self.conversation_id} {self.day}"
