"""Try a prompt on its task's evaluation set here and now, and publish it if it is no worse than what holds."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from engines.language.registry import TASKS
from providers.evaluating import prompt_evaluate, revision_evaluate
from providers.language_services import revision_publish
from providers.models import PromptEvaluation, PromptRevision
from tenants.models import Tenant
from tenants.scope import PUBLIC, schema_scope


class Command(BaseCommand):
    help = (
        "Try a prompt on its task's evaluation set; with --publish, have calls go by it unless it got worse."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("task", help=f"one of {', '.join(TASKS)}")
        parser.add_argument("--company", required=True, help="the company's schema, for example northwind")
        parser.add_argument("--revision", type=int, help="its number; the newest draft if it is left out")
        parser.add_argument("--code", action="store_true", help="try the words in the code, of no revision")
        parser.add_argument("--publish", action="store_true", help="publish it unless it is worse")
        parser.add_argument(
            "--share", type=int, default=100, help="for so many percent of the calls; 100 if it is left out"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["task"] not in TASKS:
            raise CommandError(f"there is no task {options['task']}; there are {', '.join(TASKS)}")
        with schema_scope(PUBLIC):
            known = Tenant.objects.filter(schema_name=options["company"]).exclude(schema_name=PUBLIC).exists()
        if not known:
            raise CommandError(f"there is no company {options['company']}")
        with schema_scope(options["company"]):
            try:
                self._do(options)
            except ValidationError as error:
                raise CommandError(" ".join(error.messages)) from None

    def _do(self, options: dict[str, Any]) -> None:
        if options["code"]:
            self._say("in the code", prompt_evaluate(task=options["task"], revision=None))
            return
        rows = PromptRevision.objects.filter(task=options["task"])
        if options["revision"]:
            revision = rows.filter(number=options["revision"]).first()
        else:
            changeable = (PromptRevision.State.DRAFT, PromptRevision.State.EVALUATED)
            revision = rows.filter(state__in=changeable).order_by("-number").first()
        if revision is None:
            raise CommandError("there is no such revision; --code tries the words in the code")
        own, before = revision_evaluate(revision=revision)
        self._say(f"revision {revision.number}", own)
        self._say("what holds now", before)
        if options["publish"]:
            revision_publish(revision=revision, share=options["share"], actor=None)
            self.stdout.write(f"published for {options['share']} % of the calls")

    def _say(self, what: str, figures: PromptEvaluation) -> None:
        self.stdout.write(
            f"{what}: {figures.score:.3f} on {figures.cases} cases by {figures.model}, {figures.failed} without an "
            f"answer, median {figures.p50_ms or 0} ms, {figures.tokens} tokens, cost {figures.cost.normalize():f}"
        )
