"""Celery's way into this room."""

from __future__ import annotations

from celery import shared_task

from coaching.escalation import alerts_escalate
from tenants.companies import each_company


@shared_task
def alerts_sweep() -> None:
    """Every few seconds, in every company: let alerts that nobody takes go further."""
    each_company(alerts_escalate)
