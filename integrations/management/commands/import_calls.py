"""Take in recorded calls from a folder or a zip of this machine, as the page and the API do."""

from __future__ import annotations

import csv
import io
from argparse import ArgumentParser
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from integrations.uploads.details import FIELDS, manifest_read
from integrations.uploads.intake import GivenFile, UploadRefused
from integrations.uploads.models import Upload, UploadedCall
from integrations.uploads.services import upload_receive
from tenants.models import Tenant
from tenants.scope import PUBLIC, schema_scope


class Command(BaseCommand):
    help = "Take in recorded calls from a folder (with what is below it) or a zip. They are heard by Celery."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("source", type=Path, help="a folder, a zip or a sound file")
        parser.add_argument("--company", required=True, help="the company's schema, for example northwind")
        for name in FIELDS:
            parser.add_argument(f"--{name.replace('_', '-')}", default="", help=f"{name} of every call")

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
        fields = {name: options.get(name) or "" for name in FIELDS}
        manifests = [path for path in paths if path.suffix.lower() == ".csv"]
        paths = [path for path in paths if path not in manifests]
        if len(manifests) > 1:
            raise CommandError("there are several CSV files; only one can be the manifest")
        said = _manifest(manifests[0]) if manifests else {}
        strange = set(said) - {path.name.lower() for path in paths}
        if strange:
            raise CommandError(f"the manifest names {len(strange)} files that are not there")
        with schema_scope(options["company"]):
            size = settings.UPLOAD_MAX_FILES
            for start in range(0, max(1, len(paths)), size):
                self._batch(paths[start : start + size], said, fields)

    def _batch(self, paths: list[Path], said: dict[str, dict[str, str]], fields: dict[str, str]) -> None:
        """As many files at once as one upload may have, with what the manifest says of them."""
        here = {path.name.lower(): said[path.name.lower()] for path in paths if path.name.lower() in said}
        with ExitStack() as stack:
            files = [
                GivenFile(path.name, stack.enter_context(path.open("rb")), path.stat().st_size)
                for path in paths
            ]
            if here:
                data = _as_csv(here)
                files.append(GivenFile("manifest.csv", io.BytesIO(data), len(data)))
            self._take_in(files, fields)

    def _take_in(self, files: list[GivenFile], fields: dict[str, str]) -> None:
        try:
            upload = upload_receive(user=None, source=Upload.Source.COMMAND, files=files, fields=fields)
        except UploadRefused as refused:
            raise CommandError(str(refused)) from None
        failed = upload.calls.filter(state=UploadedCall.State.FAILED)
        for name, error in failed.values_list("name", "error"):
            self.stdout.write(f"{name}: {error}")
        taken = upload.calls.count() - failed.count()
        self.stdout.write(f"{taken} calls are taken in; the page of uploads shows how far they are.")


def _manifest(path: Path) -> dict[str, dict[str, str]]:
    try:
        return manifest_read(path.read_bytes())
    except ValidationError as error:
        raise CommandError(" ".join(error.messages)) from None


def _as_csv(said: dict[str, dict[str, str]]) -> bytes:
    names = sorted({name for row in said.values() for name in row})
    target = io.StringIO(newline="")
    writer = csv.DictWriter(target, ["file", *names])
    writer.writeheader()
    writer.writerows({"file": file, **row} for file, row in said.items())
    return target.getvalue().encode()
