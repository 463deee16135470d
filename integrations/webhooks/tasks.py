"""Celery's way to webhooks: send to one endpoint, sweep for what is due, forget what is old."""

from __future__ import annotations

import threading
from datetime import timedelta
from uuid import UUID

import structlog
from celery import shared_task
from django.db.models import Q
from django.utils import timezone

from integrations.webhooks.delivery import endpoint_deliver
from integrations.webhooks.models import WebhookDelivery, WebhookEndpoint
from integrations.webhooks.services import KEPT, messages_forget
from tenants.companies import each_company

log = structlog.get_logger(__name__)

# Receivers take their time. The process' other threads are left to the jobs after calls.
PLACES = 3
# What is due this long was not started by who wrote it.
OVERDUE = timedelta(seconds=4)
_places = threading.BoundedSemaphore(PLACES)


@shared_task
def webhook_endpoint_deliver(*, endpoint_id: str) -> None:
    """Send what is due to an endpoint of the company whose schema the message carries.

    Without a free place nothing is done; the sweep comes again.
    """
    if not _places.acquire(blocking=False):
        return
    try:
        more = endpoint_deliver(endpoint_id=UUID(endpoint_id))
    finally:
        _places.release()
    if more:
        endpoints_dispatch(ids=[UUID(endpoint_id)])


def endpoints_dispatch(*, ids: list[UUID]) -> None:
    """Hand endpoints to Celery. A broker that is away is no error: the sweep finds what is due."""
    for endpoint_id in ids:
        try:
            webhook_endpoint_deliver.delay(endpoint_id=str(endpoint_id))
        except (OSError, webhook_endpoint_deliver.OperationalError) as error:
            log.warning("webhooks.broker_away", error=type(error).__name__)
            return


def endpoints_due() -> list[UUID]:
    """Endpoints that something is due for and that may be asked now, those that failed least first."""
    now = timezone.now()
    due = WebhookDelivery.objects.filter(state=WebhookDelivery.State.WAITING, due_at__lte=now - OVERDUE)
    asked = WebhookEndpoint.objects.filter(Q(hold_until__isnull=True) | Q(hold_until__lte=now), active=True)
    rows = asked.filter(pk__in=due.values("endpoint_id")).order_by("failures", "pk")
    return list(rows.values_list("pk", flat=True))


@shared_task
def webhooks_sweep() -> None:
    """Every few seconds: start on what is due, in every company."""
    each_company(lambda: endpoints_dispatch(ids=endpoints_due()))


@shared_task
def webhooks_clean() -> None:
    """Every hour: forget old messages."""
    each_company(lambda: messages_forget(before=timezone.now() - KEPT))
