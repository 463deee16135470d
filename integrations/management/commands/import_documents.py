"""Take documents of this machine into a collection, as the page and the API do."""

from __future__ import annotations

from argparse import ArgumentParser
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from integrations.documents.models import DocumentFile, DocumentUpload
from integrations.documents.services import documents_receive, file_read, file_take
from integrations.uploads.intake import GivenFile, UploadRefused
from knowledge.documents.services import collection_save
from knowledge.models import Collection
from tenants.models import Tenant
from tenants.scope import PUBLIC, schema_scope


class Command(BaseCommand):
    help = "Take documents from a folder (with what is below it), a zip or a file into a collection."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("source", type=Path, help="a folder, a zip or a document")
        parser.add_argument("--company", required=True, help="the company's schema, for example northwind")
        parser.add_argument("--collection", required=True, help="its name; it is made if it is not there")
        parser.add_argument("--now", action="store_true", help="read them here instead of by Celery")

    def handle(self, *args: Any, **options: Any) -> None:
        source: Path = options["source"]
        with schema_scope(PUBLIC):
            known = Tenant.objects.filter(schema_name=options["company"]).exclude(schema_name=PUBLIC).exists()
        if not known:
            raise CommandError(f"there is no company {options['company']}")
        if not source.exists():
            raise CommandError(f"{source} is not there")
        paths = [source]
        if source.is_dir():
            paths = sorted(
                path for path in source.rglob("*") if path.is_file() and not path.name.startswith(".")
            )
        base = source if source.is_dir() else source.parent
        with schema_scope(options["company"]):
            found = Collection.objects.filter(name=options["collection"]).first()
            collection = found or collection_save(name=options["collection"])
            size = min(settings.KNOWLEDGE_MAX_FILES, 200)
            for start in range(0, max(1, len(paths)), size):
                self._batch(collection, base, paths[start : start + size], now=options["now"])

    def _batch(self, collection: Collection, base: Path, paths: list[Path], *, now: bool) -> None:
        with ExitStack() as stack:
            files = [
                GivenFile(
                    path.relative_to(base).as_posix(),
                    stack.enter_context(path.open("rb")),
                    path.stat().st_size,
                )
                for path in paths
            ]
            try:
                upload = documents_receive(
                    collection=collection, user=None, source=DocumentUpload.Source.COMMAND, files=files
                )
            except UploadRefused as refused:
                raise CommandError(str(refused)) from None
        if now:
            while (file_id := file_take()) is not None:
                file_read(file_id=file_id)
        rows = list(upload.files.values_list("name", "state", "outcome", "error"))
        for name, _state, _outcome, error in rows:
            if error:
                self.stdout.write(f"{name}: {error}")
        taken = sum(state != DocumentFile.State.FAILED for _name, state, _outcome, _error in rows)
        said = "read" if now else "taken in; the collection's page shows how far they are"
        self.stdout.write(f"{taken} of {len(rows)} documents are {said}.")
