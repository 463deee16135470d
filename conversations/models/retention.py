"""How long what is kept, what must be kept longer, and what went."""

from __future__ import annotations

from django.conf import settings
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.ids import TimeOrderedModel
from conversations.models.calls import Conversation, Customer


class RetentionRule(TimeOrderedModel):
    """Days that a kind of data is kept after its conversation has ended. A queue's own rule comes first."""

    class Kind(models.TextChoices):
        AUDIO = "audio", _("recordings")
        TRANSCRIPT = "transcript", _("what was said: transcripts, summaries, notes")
        EVENTS = "events", _("events and metadata that met no call")
        METADATA = "metadata", _("the conversation itself, with all that is left of it")

    kind = models.CharField(_("what"), max_length=10, choices=Kind)
    queue = models.ForeignKey(
        "accounts.Queue",
        verbose_name=_("queue"),
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        help_text=_("Empty: all queues without a rule of their own."),
    )
    days = models.PositiveIntegerField(_("days"), validators=[MinValueValidator(1)])

    class Meta:
        verbose_name = _("retention rule")
        verbose_name_plural = _("retention rules")
        ordering = ["kind", "queue"]
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "queue"], name="retention_rule_once", nulls_distinct=False
            ),
            models.CheckConstraint(condition=Q(days__gte=1), name="retention_rule_days"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.days}"


class LegalHold(TimeOrderedModel):
    """Nothing of this conversation, or of this customer's, may go while it stands."""

    conversation = models.ForeignKey(
        Conversation, null=True, blank=True, on_delete=models.PROTECT, related_name="holds"
    )
    customer = models.ForeignKey(
        Customer, null=True, blank=True, on_delete=models.PROTECT, related_name="holds"
    )
    reason = models.CharField(_("reason"), max_length=200)
    placed_at = models.DateTimeField(_("placed"), auto_now_add=True)
    placed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, editable=False, on_delete=models.SET_NULL, related_name="+"
    )
    lifted_at = models.DateTimeField(_("lifted"), null=True, blank=True)

    class Meta:
        verbose_name = _("legal hold")
        verbose_name_plural = _("legal holds")
        ordering = ["-placed_at"]
        constraints = [
            models.CheckConstraint(
                condition=Q(conversation__isnull=False, customer__isnull=True)
                | Q(conversation__isnull=True, customer__isnull=False),
                name="legal_hold_of_one_thing",
            )
        ]

    def __str__(self) -> str:
        return str(self.conversation or self.customer)


class RetentionRun(TimeOrderedModel):
    """One night's work: how much went by kind, how much a legal hold kept, what could not be removed."""

    started_at = models.DateTimeField(_("started"), auto_now_add=True)
    finished_at = models.DateTimeField(_("finished"), null=True)
    removed = models.JSONField(_("removed"), default=dict)
    held = models.JSONField(_("held"), default=dict)
    failed = models.JSONField(_("failed"), default=dict)

    class Meta:
        verbose_name = _("retention report")
        verbose_name_plural = _("retention reports")
        ordering = ["-started_at"]

    def __str__(self) -> str:
        return f"{self.started_at:%Y-%m-%d %H:%M}"
