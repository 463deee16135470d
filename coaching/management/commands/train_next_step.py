"""Learn the next step of an agent from labelled dialogues and playbooks, here and now."""

from __future__ import annotations

import hashlib
import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from coaching.next_steps import next_steps_promote, next_steps_train
from engines.next_step.dialogue import read_dialogues
from engines.next_step.schema import RESPONSES
from tenants.models import Tenant
from tenants.scope import PUBLIC, schema_scope

FIGURES = ("decisions", "seen_accuracy", "among_three", "unseen_accuracy", "shown_share", "shown_accuracy")


class Command(BaseCommand):
    """`manage.py train_next_step calls.jsonl --playbooks playbooks/ --company northwind --promote`."""

    help = "Learn which step an agent takes next from labelled dialogues (JSON Lines), and print the figures."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the dialogues, the playbooks and the company's schema."""
        parser.add_argument("file", help="One dialogue a line: id, task, events with role, text and action.")
        parser.add_argument("--playbooks", help="Folder with one JSON file a task: replies and graph.")
        parser.add_argument("--company", required=True, help="The company's schema.")
        parser.add_argument("--note", default="", help="Kept with the version.")
        parser.add_argument("--promote", action="store_true", help="Make it the live version.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Train, and stay until it is done."""
        with schema_scope(PUBLIC):
            if not Tenant.objects.filter(schema_name=options["company"]).exclude(schema_name=PUBLIC).exists():
                raise CommandError("There is no such company.")
        path = Path(options["file"])
        try:
            dialogues = read_dialogues(path)
            sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
            playbooks = _playbooks(Path(options["playbooks"])) if options["playbooks"] else {}
        except OSError as error:
            raise CommandError(f"{error.filename} cannot be read: {error.strerror}.") from error
        except ValueError as error:
            raise CommandError(str(error)) from error
        with schema_scope(options["company"]):
            try:
                version = next_steps_train(
                    dialogues=dialogues,
                    playbooks=playbooks,
                    source=path.name,
                    sha256=sha256,
                    actor=None,
                    note=options["note"],
                    tell=self.stderr.write,
                )
            except ValidationError as error:
                raise CommandError("\n".join(error.messages)) from error
            if options["promote"]:
                version = next_steps_promote(version_id=version.pk, actor=None)
            self.stdout.write(f"Version {version.version}: {version.get_state_display()}")
            for name in (
                "decisions",
                "seen_accuracy",
                "among_three",
                "unseen_accuracy",
                "shown_share",
                "shown_accuracy",
            ):
                value = version.figures.get(name)
                self.stdout.write(f"{name}: {'not measured' if value is None else value}")


def _playbooks(folder: Path) -> dict[str, dict[str, Any]]:
    found = {}
    for path in sorted(folder.glob("*.json")):
        if path.name.endswith(RESPONSES):
            continue
        try:
            found[path.stem] = dict(json.loads(path.read_text("utf-8")))
            beside = path.with_name(path.stem + RESPONSES)
            if beside.is_file():
                found[path.stem]["responses"] = json.loads(beside.read_text("utf-8"))
        except (ValueError, TypeError) as error:
            raise ValueError(f"{path.name} is no JSON object.") from error
    if not found:
        raise ValueError("There is no playbook in this folder.")
    return found
