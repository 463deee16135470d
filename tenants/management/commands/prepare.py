"""Bring the database up to date: shared tables, the template schema, every company."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from tenants.services import platform_prepare


class Command(BaseCommand):
    help = "Migrate the shared tables, the template schema and every company. Safe to run again."

    def handle(self, *args: Any, **options: Any) -> None:
        platform_prepare(domain=settings.PLATFORM_DOMAIN, verbosity=options["verbosity"])
