"""What supervisors should look at."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.ids import TimeOrderedModel
from coaching.models.policies import PolicyRevision, Severity
from conversations.models import Conversation, Utterance


class Alert(TimeOrderedModel):
    """Something a supervisor should look at. `reason`, `evidence` and `cause` as in `Guidance`."""

    class State(models.TextChoices):
        OPEN = "open", _("open")
        RESOLVED = "resolved", _("resolved")

    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="alerts")
    revision = models.ForeignKey(PolicyRevision, null=True, on_delete=models.PROTECT)
    rule_key = models.CharField(max_length=80)
    title = models.CharField(max_length=90)
    reason = models.CharField(max_length=500, blank=True, default="")
    evidence = models.JSONField(default=list)
    cause = models.ForeignKey(Utterance, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    severity = models.CharField(max_length=4, choices=Severity)
    state = models.CharField(max_length=10, choices=State, default=State.OPEN)
    at_ms = models.PositiveIntegerField()
    raised_at = models.DateTimeField()
    assignee = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    resolved_at = models.DateTimeField(null=True)
    resolved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )

    class Meta:
        verbose_name = _("alert")
        verbose_name_plural = _("alerts")
        ordering = ["-raised_at"]
        indexes = [
            models.Index(fields=["-raised_at"], name="alert_open", condition=Q(state="open")),
            models.Index(fields=["conversation"], name="alert_conversation"),
        ]

    def __str__(self) -> str:
        return self.title
