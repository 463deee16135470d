"""What agents were shown."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.ids import TimeOrderedModel
from coaching.models.policies import PolicyRevision, Rule
from conversations.models import Conversation, Utterance


class Guidance(TimeOrderedModel):
    """Something shown to the agent, with its reason, its evidence, its times and what became of it.

    `reason` is a sentence with `{quote}` in place of what was said: the words stand in `cause`, at `evidence[0]`, so
    that a later redaction reaches them here too. `expires_ms`: call time at which it leaves by itself.
    `evidence`: list of {"utterance", "start", "end"}. `spoken_at`: when the words that caused it were spoken;
    `final_at`: when speech recognition had ended them;
    `decided_at`: when the rule fired; `sent_at`: when it was handed to the channel layer; `shown_at`: when the
    agent's browser had painted it.
    """

    class State(models.TextChoices):
        OPEN = "open", _("open")
        ACCEPTED = "accepted", _("accepted")
        DISMISSED = "dismissed", _("dismissed")
        TICKED = "ticked", _("done")
        WITHDRAWN = "withdrawn", _("withdrawn")
        EXPIRED = "expired", _("expired")

    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="guidance")
    revision = models.ForeignKey(PolicyRevision, on_delete=models.PROTECT)
    rule_key = models.CharField(max_length=40)
    kind = models.CharField(max_length=10, choices=Rule.Kind)
    label = models.CharField(max_length=4, choices=Rule.Label)
    title = models.CharField(max_length=90)
    say = models.TextField(max_length=600, blank=True, default="")
    priority = models.PositiveSmallIntegerField(default=50)
    position = models.PositiveSmallIntegerField(default=0)
    reason = models.CharField(max_length=300, blank=True, default="")
    evidence = models.JSONField(default=list)
    cause = models.ForeignKey(Utterance, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    at_ms = models.PositiveIntegerField()
    expires_ms = models.PositiveIntegerField(null=True)
    state = models.CharField(max_length=10, choices=State, default=State.OPEN)
    dismiss_reason = models.CharField(max_length=80, blank=True, default="")
    spoken_at = models.DateTimeField(null=True)
    final_at = models.DateTimeField(null=True)
    decided_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)
    shown_at = models.DateTimeField(null=True)
    settled_at = models.DateTimeField(null=True)
    settled_ms = models.PositiveIntegerField(null=True)

    class Meta:
        verbose_name = _("guidance")
        verbose_name_plural = _("guidance shown")
        ordering = ["conversation", "at_ms", "id"]
        indexes = [models.Index(fields=["conversation", "state"], name="guidance_state")]

    def __str__(self) -> str:
        return self.title
