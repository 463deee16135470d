"""Train an intent classifier from a file of labelled examples, here and now."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from accounts.errors import Conflict
from moments.models import Classifier
from moments.training import classifier_learn, classifier_promote, classifier_train
from tenants.models import Tenant
from tenants.scope import PUBLIC, schema_scope


class Command(BaseCommand):
    """`manage.py train_intents reasons.csv --company northwind --task reasons --promote`."""

    help = "Train an intent classifier from labelled examples (CSV or JSON Lines) and print its figures."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the file, the company's schema and the task."""
        parser.add_argument("file", help="CSV with the columns text and intent, or one JSON object a line.")
        parser.add_argument("--company", required=True, help="The company's schema.")
        parser.add_argument("--task", help="The classifier's name; the file's without it.")
        parser.add_argument("--note", default="", help="Kept with the version.")
        parser.add_argument(
            "--refuse-cost", type=float, default=0.007, help="Share of in-scope texts that refusing may cost."
        )
        parser.add_argument(
            "--vectors", action="store_true", help="Learn from the vectors of the company's server, too."
        )
        parser.add_argument("--strict", action="store_true", help="Refuse a file with any bad line.")
        parser.add_argument("--promote", action="store_true", help="Make it the live version.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Train, and stay until it is done."""
        with schema_scope(PUBLIC):
            if not Tenant.objects.filter(schema_name=options["company"]).exclude(schema_name=PUBLIC).exists():
                raise CommandError("There is no such company.")
        path = Path(options["file"])
        try:
            data = path.read_bytes()
        except OSError as error:
            raise CommandError(f"{path} cannot be read: {error.strerror}.") from error
        with schema_scope(options["company"]):
            try:
                classifier = classifier_train(
                    task=options["task"] or path.stem.lower(),
                    data=data,
                    source=path.name,
                    note=options["note"],
                    refuse_cost=options["refuse_cost"],
                    with_vectors=options["vectors"],
                    strict=options["strict"],
                    actor=None,
                    dispatch=False,
                )
            except (ValidationError, Conflict) as error:
                words = error.messages if isinstance(error, ValidationError) else [str(error)]
                raise CommandError("\n".join(words)) from error
            for line, sentence in classifier.training_set.complaints:
                self.stderr.write(f"left out, line {line}: {sentence}")
            last = 0

            def told(share: float) -> None:
                nonlocal last
                if share * 10 >= last + 1:
                    last = int(share * 10)
                    self.stderr.write(f"{last * 10} %")

            classifier = classifier_learn(classifier_id=classifier.pk, told=told)
            if classifier.state != Classifier.State.CANDIDATE:
                raise CommandError(classifier.problem or "It was not trained.")
            if options["promote"]:
                classifier = classifier_promote(classifier_id=classifier.pk, actor=None)
            self.stdout.write(f"{classifier}: {classifier.get_state_display()}")
            for name in ("accuracy", "in_scope_accuracy", "oos_recall", "accepted_accuracy", "macro_f1"):
                value = classifier.figures.get(name)
                self.stdout.write(f"{name}: {'not measured' if value is None else value}")
