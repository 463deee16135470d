"""Read a company's history again by its redaction policy of now."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import UTC, datetime, time
from time import sleep
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.dateparse import parse_date

from accounts.errors import Conflict
from conversations.models import RedactionRun
from conversations.redaction.again import run_start, run_step
from tenants.models import Tenant
from tenants.scope import PUBLIC, schema_scope


class Command(BaseCommand):
    """`manage.py redact_again --company northwind --since 2026-01-01`; goes on with a run that was cut off."""

    help = (
        "Hide in past conversations what the company's policy names by now. Goes on with an unfinished run."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the company's schema and the first day to read."""
        parser.add_argument("--company", required=True, help="The company's schema.")
        parser.add_argument("--since", help="Only conversations of this day (YYYY-MM-DD) or later.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Start a run, or go on with the one there is, and stay until it has ended."""
        with schema_scope(PUBLIC):
            if not Tenant.objects.filter(schema_name=options["company"]).exclude(schema_name=PUBLIC).exists():
                raise CommandError("There is no such company.")
        since = None
        if options["since"]:
            day = parse_date(options["since"])
            if day is None:
                raise CommandError("--since takes a day like 2026-11-01.")
            since = datetime.combine(day, time.min, tzinfo=UTC)
        with schema_scope(options["company"]):
            run = RedactionRun.objects.filter(is_open=True).first()
            if run is None:
                try:
                    run = run_start(actor=None, since=since, reason="command", dispatch=False)
                except Conflict as error:
                    raise CommandError(str(error)) from error
            else:
                self.stdout.write(f"Going on with the run of {run.created_at:%Y-%m-%d %H:%M}.")
            while not run_step(run_id=run.pk, told=lambda: None):
                before = run.done
                run.refresh_from_db()
                if run.done == before:
                    sleep(1)  # another worker is at it
                self.stdout.write(f"{run.done} of {run.total} read, {run.found} found")
            run.refresh_from_db()
            self.stdout.write(
                f"{run.get_state_display()}: {run.done} of {run.total} read, {run.found} found, {run.failed} not read"
            )
