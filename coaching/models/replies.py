"""Suggested replies: what an agent could write next in a chat, and which of them was taken."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.ids import TimeOrderedModel
from conversations.models import Conversation


class SuggestedReply(TimeOrderedModel):
    """One suggestion, made from redacted words only. `after`: the number of the customer's message that it answers."""

    class Source(models.TextChoices):
        GUIDANCE = "guidance", _("guidance")
        KNOWLEDGE = "knowledge", _("knowledge")
        NEXT_STEP = "next_step", _("next step")
        MODEL = "model", _("chat model")

    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="suggested_replies")
    after = models.PositiveIntegerField()
    position = models.PositiveSmallIntegerField()
    text = models.TextField()
    source = models.CharField(max_length=10, choices=Source)
    # What it was made from: a piece of guidance, a passage, an action; "" for a model's.
    source_ref = models.CharField(max_length=80, blank=True, default="")
    made_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True, blank=True)
    accepted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )

    class Meta:
        verbose_name = _("suggested reply")
        verbose_name_plural = _("suggested replies")
        ordering = ["after", "position"]
        constraints = [
            models.UniqueConstraint(
                fields=["conversation", "after", "position"], name="suggested_reply_place_once"
            )
        ]

    def __str__(self) -> str:
        return f"reply {self.pk}"
