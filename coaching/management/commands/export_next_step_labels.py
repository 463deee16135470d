"""Write what agents made of learned suggestions, for the next training."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from coaching.next_step_labels import labelled_dialogues
from tenants.models import Tenant
from tenants.scope import PUBLIC, schema_scope


class Command(BaseCommand):
    """`manage.py export_next_step_labels labels.jsonl --company northwind`."""

    help = "Write calls with answered suggestions as labelled dialogues (JSON Lines), for train_next_step."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the file to write and the company's schema."""
        parser.add_argument("file", help="Written anew; its words are the redacted ones of the calls.")
        parser.add_argument("--company", required=True, help="The company's schema.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Write them, one call a line."""
        with schema_scope(PUBLIC):
            if not Tenant.objects.filter(schema_name=options["company"]).exclude(schema_name=PUBLIC).exists():
                raise CommandError("There is no such company.")
        path, written = Path(options["file"]), 0
        try:
            with schema_scope(options["company"]), path.open("w", encoding="utf-8") as file:
                for dialogue in labelled_dialogues():
                    file.write(json.dumps(dialogue, ensure_ascii=False) + "\n")
                    written += 1
        except OSError as error:
            raise CommandError(f"{error.filename} cannot be written: {error.strerror}.") from error
        self.stdout.write(f"Calls with answered suggestions: {written}")
