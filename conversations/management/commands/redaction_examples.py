"""Write a company's labelled examples as lines of JSON, for training."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.dateparse import parse_date

from conversations.models import LabelledSpan
from conversations.redaction.labelled import examples
from tenants.models import Tenant
from tenants.scope import PUBLIC, schema_scope


class Command(BaseCommand):
    """`manage.py redaction_examples --company northwind > examples.jsonl`"""

    help = "Write labelled redaction examples of a company as JSONL; only of callers who allow training."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the company's schema, and the first day to write."""
        parser.add_argument("--company", required=True, help="The company's schema.")
        parser.add_argument("--since", help="Decided on this day (YYYY-MM-DD) or later.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Write a line an example."""
        with schema_scope(PUBLIC):
            if not Tenant.objects.filter(schema_name=options["company"]).exclude(schema_name=PUBLIC).exists():
                raise CommandError("There is no such company.")
        with schema_scope(options["company"]):
            rows = LabelledSpan.objects.all()
            if options["since"]:
                day = parse_date(options["since"])
                if day is None:
                    raise CommandError("--since takes a day like 2026-11-01.")
                rows = rows.filter(created_at__date__gte=day)
            for example in examples(rows):
                self.stdout.write(json.dumps(example, ensure_ascii=False, sort_keys=True))
