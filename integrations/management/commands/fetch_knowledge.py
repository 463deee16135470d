"""Fetch the sources of a company's knowledge from here, to their end: what Celery does a slice at a time."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.errors import Conflict
from integrations.documents.models import KnowledgeSource
from integrations.documents.source_services import source_fetch
from integrations.documents.syncing import source_sync, source_take
from tenants.models import Tenant
from tenants.scope import PUBLIC, schema_scope


class Command(BaseCommand):
    help = "Fetch the sources of a company's knowledge, all of them or one."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--company", required=True, help="the company's schema, for example northwind")
        parser.add_argument("--source", default="", help="its name; all that are active without it")

    def handle(self, *args: Any, **options: Any) -> None:
        with schema_scope(PUBLIC):
            known = Tenant.objects.filter(schema_name=options["company"]).exclude(schema_name=PUBLIC).exists()
        if not known:
            raise CommandError(f"there is no company {options['company']}")
        with schema_scope(options["company"]):
            rows = KnowledgeSource.objects.order_by("name")
            rows = rows.filter(name=options["source"]) if options["source"] else rows.filter(active=True)
            if not rows and options["source"]:
                raise CommandError(f"there is no source {options['source']}")
            for row in rows:
                try:
                    source_fetch(source=row)
                except Conflict as error:
                    self.stdout.write(f"{row.name}: {error}")
            wanted = {row.pk for row in rows}
            while (taken := source_take()) is not None:
                while source_sync(source_id=taken) and source_take() is not None:
                    pass
            for row in KnowledgeSource.objects.filter(pk__in=wanted).order_by("name"):
                did = ", ".join(f"{word} {count}" for word, count in row.counts.items())
                self.stdout.write(f"{row.name}: {row.error or did or 'nothing'}")
