"""Uploaded files at rest: sealed under a key each, with what was said about the call, until the call is heard."""

from __future__ import annotations

import io
import json
import tempfile
from contextlib import AbstractContextManager
from typing import Any, BinaryIO, Protocol, cast

from conversations.sealed_files import SealedReader, SealedWriter
from conversations.stored import stored_open, stored_put
from integrations.uploads.details import CallDetails
from integrations.uploads.models import UploadedCall
from tenants import keys, names
from tenants.scope import current_schema

FOLDER = "uploads"
COPY_BYTES = 256 * 1024


class SealedRow(Protocol):
    """A row that stands for a sealed file: what finds and opens it."""

    pk: Any
    size_bytes: int
    storage_key: str
    wrapped_key: Any
    key_version: int


def sealed_store(row: SealedRow, file: Any, *, folder: str, bound_to: str) -> bytes:
    """Seal a file into storage and set what finds and opens it; the row is the caller's to save. Returns the key.

    Raises `StorageError`, and what reading `file` raises; then nothing is stored.
    """
    schema, key = current_schema(), keys.new_key()
    # Sealed before it touches the disk; storage then gets the whole in one step.
    with tempfile.TemporaryFile() as spool:
        with SealedWriter(cast("BinaryIO", spool), key, bound_to=bound_to) as sealed:
            while block := file.read(COPY_BYTES):
                sealed.write(block)
            row.size_bytes = sealed.size_bytes
        path = names.storage_path(schema, folder, f"{row.pk}.sealed")
        stored_put(path, cast("BinaryIO", spool))
    row.storage_key = path
    row.wrapped_key, row.key_version = keys.wrap(schema, key, bound_to=bound_to)
    return key


def sealed_open(row: SealedRow, *, bound_to: str) -> BinaryIO:
    """Open a sealed file for reading and seeking. Raises `SealError`; reading it, `StorageError`, too."""
    name = row.storage_key

    def source(start: int, end: int) -> AbstractContextManager[BinaryIO]:
        return stored_open(name, start, end)

    reader = SealedReader(source, _unwrapped(row, bound_to), size_bytes=row.size_bytes, bound_to=bound_to)
    return cast("BinaryIO", io.BufferedReader(reader, COPY_BYTES))


def _unwrapped(row: SealedRow, bound_to: str) -> bytes:
    if row.wrapped_key is None:
        raise keys.SealError("the key of an uploaded file is gone")
    return keys.unwrap(current_schema(), bytes(row.wrapped_key), row.key_version, bound_to=bound_to)


def _bound(row: UploadedCall) -> str:
    return f"upload:{row.pk}"


def file_store(row: UploadedCall, file: Any, details: CallDetails) -> None:
    """Seal a call's file, and what was said about the call. As `sealed_store`."""
    key = sealed_store(row, file, folder=FOLDER, bound_to=_bound(row))
    row.sealed_details = keys.seal(
        key, json.dumps(details.as_dict()).encode(), bound_to=f"{_bound(row)}:details"
    )


def file_open(row: UploadedCall) -> BinaryIO:
    """Open a call's sealed file. As `sealed_open`."""
    return sealed_open(row, bound_to=_bound(row))


def details_of(row: UploadedCall) -> CallDetails:
    """What was said about the call. Raises `SealError`."""
    sealed = bytes(row.sealed_details or b"")
    key = _unwrapped(row, _bound(row))
    return CallDetails(**json.loads(keys.unseal(key, sealed, bound_to=f"{_bound(row)}:details")))
