"""Run the tests of a company's collections here and now, and say how well search does."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from knowledge.care.tests_running import search_tests_do, search_tests_start
from knowledge.care.tests_selectors import results_listed
from knowledge.models import Collection, SearchTestRun
from tenants.models import Tenant
from tenants.scope import PUBLIC, schema_scope


class Command(BaseCommand):
    help = "Run the tests of a company's collections and say how well search finds what it should."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--company", required=True, help="the company's schema, for example northwind")
        parser.add_argument("--collection", help="its name; every one that has tests if it is left out")

    def handle(self, *args: Any, **options: Any) -> None:
        with schema_scope(PUBLIC):
            known = Tenant.objects.filter(schema_name=options["company"]).exclude(schema_name=PUBLIC).exists()
        if not known:
            raise CommandError(f"there is no company {options['company']}")
        with schema_scope(options["company"]):
            rows = Collection.objects.filter(tests__isnull=False).distinct()
            if options["collection"]:
                rows = rows.filter(name=options["collection"])
            if not rows:
                raise CommandError("there is no such collection with tests")
            # As a check in somebody's pipeline: what got worse is not well.
            worse = sum([self._one(collection) for collection in rows])
        if worse:
            raise CommandError(f"{worse} questions find less than in the run before")

    def _one(self, collection: Collection) -> int:
        run = search_tests_start(collection=collection, cause=SearchTestRun.Cause.COMMAND)
        done = search_tests_do(run_id=run.pk)
        if done is None:
            raise CommandError(f"another process is running the tests of {collection.name}; look at its page")
        if done.state != SearchTestRun.State.DONE:
            raise CommandError(f"{collection.name}: {done.problem}")
        self.stdout.write(
            f"{collection.name}: {done.total} questions, recall@5 {done.recall_at_5:.2f}, "
            f"recall@10 {done.recall_at_10:.2f}, hit@10 {done.hit_at_10:.2f}, MRR {done.mrr:.2f}; "
            f"{done.worse} worse, {done.better} better"
        )
        for row in results_listed(done):
            if row.rank is None or row.change == "worse":
                place = "not found" if row.rank is None else f"place {row.rank}"
                instead = row.found[0][1] if row.found else "nothing"
                self.stdout.write(f"  {place}: {row.test.question[:100]} (first: {instead})")
        return done.worse
