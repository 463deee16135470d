"""Stretches of a call's sound that somebody, or a later pass, has found to be hidden after all."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from accounts.ids import TimeOrderedModel
from conversations.models.calls import Conversation, Redaction


class HiddenStretch(TimeOrderedModel):
    """A stretch [start_ms, end_ms) of one channel that the recording must not hold, told after it was heard.

    The row is the order; `applied_at` says since when the finished recording obeys it. Segments of a call that has
    no recording yet obey it, too, as does the recording that is joined from them. There, and in a finished recording,
    it is widened as far as a voice goes on beside it, from `earliest_ms` to `latest_ms` at most; None: not at all.
    """

    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="hidden_stretches")
    channel = models.PositiveSmallIntegerField(_("channel"))
    start_ms = models.PositiveIntegerField(_("from"))
    end_ms = models.PositiveIntegerField(_("to"))
    earliest_ms = models.PositiveIntegerField(_("from, at the earliest"), null=True, blank=True)
    latest_ms = models.PositiveIntegerField(_("to, at the latest"), null=True, blank=True)
    found_in = models.CharField(_("found"), max_length=8, choices=Redaction.Pass)
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(_("asked"), auto_now_add=True)
    applied_at = models.DateTimeField(_("applied"), null=True, blank=True)

    class Meta:
        verbose_name = _("hidden stretch")
        verbose_name_plural = _("hidden stretches")
        ordering = ["conversation", "start_ms"]
        constraints = [
            models.UniqueConstraint(
                fields=["conversation", "channel", "start_ms", "end_ms"], name="hidden_stretch_once"
            ),
            models.CheckConstraint(condition=Q(end_ms__gt=F("start_ms")), name="hidden_stretch_in_order"),
        ]

    def __str__(self) -> str:
        return f"{self.conversation_id} {self.channel}: {self.start_ms}-{self.end_ms} ms"
