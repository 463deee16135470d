"""Bytes in file storage: read in parts, put in one step, listed, taken away; with errors that say what is wrong.

Django's storages read a file from its beginning, and some backends fetch all of it for that. Here a part of an object
in S3 is one ranged GET, and a put is one step (a rename in a folder, a multipart upload in S3): there is never half a
file under a name.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, cast

from boto3.exceptions import Boto3Error
from botocore.exceptions import BotoCoreError, ClientError
from django.core.files import File
from django.core.files.storage import FileSystemStorage, default_storage

_MISSING = {"404", "NoSuchKey", "NotFound"}
_DENIED = {
    "401",
    "403",
    "AccessDenied",
    "AllAccessDisabled",
    "ExpiredToken",
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
}


class StorageError(Exception):
    """File storage did not do what it was asked."""


class StoredFileMissing(StorageError):
    """There is no such file in storage."""


class StorageDenied(StorageError):
    """Storage does not let us: its credentials, its rights or its policy."""


class StorageAway(StorageError):
    """Storage cannot be reached, or has trouble of its own."""


def _kind(error: BaseException) -> type[StorageError]:
    if isinstance(error, ClientError):
        code = str(error.response.get("Error", {}).get("Code", ""))
        return StoredFileMissing if code in _MISSING else StorageDenied if code in _DENIED else StorageAway
    if isinstance(error, FileNotFoundError):
        return StoredFileMissing
    if isinstance(error, PermissionError):
        return StorageDenied
    # What the transfer manager raises wraps the answer that it got.
    return _kind(error.__context__) if error.__context__ is not None else StorageAway


@contextmanager
def _in_plain_words(what: str) -> Iterator[None]:
    try:
        yield
    except (ClientError, BotoCoreError, Boto3Error, OSError) as error:
        raise _kind(error)(f"could not {what}") from error


def _s3_object(name: str) -> Any | None:
    """The object of this name, if storage is S3."""
    storage: Any = default_storage
    bucket = getattr(storage, "bucket", None)
    if bucket is None:
        return None
    return bucket.Object("/".join(part for part in (storage.location.strip("/"), name) if part))


@contextmanager
def stored_open(name: str, start: int = 0, end: int | None = None) -> Iterator[BinaryIO]:
    """Open a stored file for reading on from byte `start`; no more than [start, end) is fetched.

    Raises `StoredFileMissing`, `StorageDenied` or `StorageAway`, also while it is read.
    """
    with _in_plain_words("read a stored file"):
        item = _s3_object(name)
        if item is not None:
            upto = "" if end is None else str(end - 1)
            with closing(item.get(Range=f"bytes={start}-{upto}")["Body"]) as body:
                yield body
            return
        with default_storage.open(name, "rb") as file:
            file.seek(start)
            yield cast(BinaryIO, file)


def stored_read(name: str) -> bytes:
    """Read a whole stored file. Raises as `stored_open` does."""
    with stored_open(name) as file:
        return file.read()


def stored_put(name: str, content: BinaryIO) -> None:
    """Put `content`, from its beginning, under `name`, in place of what may be there, in one step.

    Raises `StorageDenied` or `StorageAway`; then what was there before still is.
    """
    content.seek(0)
    with _in_plain_words("store a file"):
        item = _s3_object(name)
        if item is not None:
            # The transfer manager sends big files in parts, and ends an upload that fails.
            item.upload_fileobj(content, Config=cast(Any, default_storage).transfer_config)
        elif isinstance(getattr(default_storage, "_wrapped", default_storage), FileSystemStorage):
            _put_in_folder(Path(default_storage.path(name)), content)
        else:
            # No backend of Django's has "replace"; for a moment there is nothing under the name.
            default_storage.delete(name)
            default_storage.save(name, File(content))


def _put_in_folder(path: Path, content: BinaryIO) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, beside = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".part")
    try:
        with os.fdopen(descriptor, "wb") as file:
            shutil.copyfileobj(content, file, 1024 * 1024)
            file.flush()
            # What is named in a committed row must outlive the power going.
            os.fsync(file.fileno())
        Path(beside).replace(path)
    except BaseException:
        Path(beside).unlink(missing_ok=True)
        raise


def stored_delete(name: str) -> None:
    """Take a file away; one that is not there is no error. Raises `StorageDenied` or `StorageAway`."""
    with suppress(StoredFileMissing), _in_plain_words("delete a stored file"):
        default_storage.delete(name)


def stored_names(folder: str) -> tuple[list[str], list[str]]:
    """List the folders and the files in a folder, by their last names; nothing for a folder that is not there."""
    with suppress(StoredFileMissing), _in_plain_words("list stored files"):
        folders, files = default_storage.listdir(folder)
        return [one for one in folders if one], [one for one in files if one]
    return [], []


def folder_delete(folder: str) -> int:
    """Take away the files of a folder, and the folder where storage has such. Returns how many files went."""
    _folders, files = stored_names(folder)
    for file in files:
        stored_delete(f"{folder}/{file}")
    # In S3 a folder is but a part of names.
    if _s3_object(folder) is None:
        with suppress(OSError):
            default_storage.delete(folder)
    return len(files)
