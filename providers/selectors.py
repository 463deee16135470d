"""Reads of routes: who does a task for the current company."""

from __future__ import annotations

from providers.models import Route


def provider_of(task: str) -> str:
    """The provider that the company chose for a task; empty where it leaves the choice to the installation."""
    return Route.objects.filter(task=task, active=True).values_list("provider", flat=True).first() or ""
