"""Endpoints that want to be told, what they are told, and every attempt to do so."""

from __future__ import annotations

from datetime import datetime

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.ids import TimeOrderedModel
from conversations.models import Conversation

TEST_KIND = "webhook.test"


class WebhookEndpoint(TimeOrderedModel):
    """An address of the company's that is told of events. Its secret signs; nothing shows it again.

    `failing_since`: the first failure since it last took a message. `failures`: how many in a row. `hold_until`:
    nothing is sent to it before then. `disabled_reason`: why it was switched off by itself.
    """

    class Reason(models.TextChoices):
        GONE = "gone", _("It answered 410: it does not want messages any more.")
        FAILED = "failed", _("It took no message for days.")

    url = models.CharField(_("address"), max_length=500)
    description = models.CharField(_("description"), max_length=200, blank=True, default="")
    events = ArrayField(models.CharField(max_length=40), verbose_name=_("events"))
    active = models.BooleanField(_("active"), default=True)
    disabled_reason = models.CharField(
        _("switched off because"), max_length=10, choices=Reason, blank=True, default="", editable=False
    )
    disabled_at = models.DateTimeField(_("switched off"), null=True, blank=True, editable=False)
    failing_since = models.DateTimeField(_("failing since"), null=True, blank=True, editable=False)
    failures = models.PositiveIntegerField(_("failures in a row"), default=0, editable=False)
    hold_until = models.DateTimeField(_("on hold until"), null=True, blank=True, editable=False)
    last_delivered_at = models.DateTimeField(_("last delivered"), null=True, blank=True, editable=False)
    secret_sealed = models.BinaryField(editable=False)
    secret_version = models.PositiveIntegerField(default=0, editable=False)
    # The one before, which signs beside the new one until then.
    former_sealed = models.BinaryField(null=True, editable=False)
    former_version = models.PositiveIntegerField(default=0, editable=False)
    former_until = models.DateTimeField(_("former secret signs until"), null=True, blank=True, editable=False)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        verbose_name = _("webhook endpoint")
        verbose_name_plural = _("webhook endpoints")
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.url

    def former_signs(self, now: datetime) -> bool:
        return self.former_sealed is not None and self.former_until is not None and now < self.former_until


class WebhookMessage(TimeOrderedModel):
    """Something that happened, by reference: what is told of it is read from where it lives when it is sent.

    `ref`: the summary, evaluation or alert that it is about. A test is about no conversation.
    """

    kind = models.CharField(_("event"), max_length=40)
    conversation = models.ForeignKey(
        Conversation, null=True, blank=True, on_delete=models.CASCADE, related_name="webhook_messages"
    )
    ref = models.UUIDField(null=True, blank=True)
    created_at = models.DateTimeField(_("happened"), default=timezone.now)

    class Meta:
        verbose_name = _("webhook message")
        verbose_name_plural = _("webhook messages")
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.kind} {self.webhook_id}"

    @property
    def webhook_id(self) -> str:
        """The `webhook-id` that receivers know it by, the same at every attempt."""
        return f"msg_{self.pk.hex}"


class WebhookDelivery(TimeOrderedModel):
    """One message to one endpoint. `attempts` counts all; `tries` those since it was last (re)started at `begun_at`.

    `due_at` also fences: a worker that takes a delivery moves it ahead, so that no other takes it meanwhile.
    """

    class State(models.TextChoices):
        WAITING = "waiting", _("waiting")
        DELIVERED = "delivered", _("delivered")
        FAILED = "failed", _("failed")

    endpoint = models.ForeignKey(WebhookEndpoint, on_delete=models.CASCADE, related_name="deliveries")
    message = models.ForeignKey(WebhookMessage, on_delete=models.CASCADE, related_name="deliveries")
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.WAITING)
    attempts = models.PositiveIntegerField(_("attempts"), default=0)
    tries = models.PositiveIntegerField(default=0)
    begun_at = models.DateTimeField(default=timezone.now)
    due_at = models.DateTimeField(_("due"), default=timezone.now)
    delivered_at = models.DateTimeField(_("delivered"), null=True, blank=True)
    status_code = models.PositiveSmallIntegerField(_("last answer"), null=True, blank=True)
    error = models.CharField(_("last error"), max_length=120, blank=True, default="")
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        verbose_name = _("webhook delivery")
        verbose_name_plural = _("webhook deliveries")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["endpoint", "message"], name="webhook_delivery_once"),
        ]
        indexes = [
            models.Index(fields=["due_at"], name="webhook_due", condition=Q(state="waiting")),
            models.Index(fields=["endpoint", "state"], name="webhook_endpoint_state"),
        ]

    def __str__(self) -> str:
        return f"{self.message_id} {self.state}"


class WebhookAttempt(TimeOrderedModel):
    """One request: when, how long it took (ms), and what came of it. What the receiver answered is not kept."""

    delivery = models.ForeignKey(WebhookDelivery, on_delete=models.CASCADE, related_name="log")
    number = models.PositiveIntegerField(_("number"))
    at = models.DateTimeField(_("at"))
    duration_ms = models.PositiveIntegerField(_("took (ms)"))
    status_code = models.PositiveSmallIntegerField(_("answer"), null=True, blank=True)
    error = models.CharField(_("error"), max_length=120, blank=True, default="")

    class Meta:
        verbose_name = _("webhook attempt")
        verbose_name_plural = _("webhook attempts")
        ordering = ["delivery", "number", "id"]

    def __str__(self) -> str:
        return f"{self.delivery_id} #{self.number}"
