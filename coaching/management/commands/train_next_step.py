"""Learn the next step of an agent from labelled dialogues and playbooks, here and now."""

from __future__ import annotations

import hashlib
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from accounts.errors import Conflict
from coaching.models import NextStepVersion
from coaching.next_step_files import playbooks_in
from coaching.next_step_training import next_steps_train
from coaching.next_steps import next_steps_promote
from engines.next_step.dialogue import read_dialogues
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
        parser.add_argument(
            "--with-labels",
            action="store_true",
            help="Learn from what agents made of suggestions in calls, too.",
        )
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
            playbooks = playbooks_in(Path(options["playbooks"])) if options["playbooks"] else {}
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
                    with_labels=options["with_labels"],
                    told=lambda done: self.stderr.write(f"{done.progress} %"),
                )
            except (ValidationError, Conflict) as error:
                words = error.messages if isinstance(error, ValidationError) else [str(error)]
                raise CommandError("\n".join(words)) from error
            if version.state != NextStepVersion.State.CANDIDATE:
                raise CommandError(version.problem or "It was not trained.")
            if options["promote"]:
                version = next_steps_promote(version_id=version.pk, actor=None)
            self.stdout.write(f"Version {version.version}: {version.get_state_display()}")
            for name in FIGURES:
                value = version.figures.get(name)
                self.stdout.write(f"{name}: {'not measured' if value is None else value}")
