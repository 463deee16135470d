"""Every name that two companies must never share is made here, and carries the schema.

Channel groups, Redis keys, cache keys and storage paths; Celery carries the schema in its message header.
"""

from __future__ import annotations

import re
from functools import lru_cache
from uuid import UUID

from tenants.scope import current_schema

PREFIX = "cresta"
# Announcements of new calls from all companies: workers serve the whole installation. The entry names the schema.
CALLS_NEW = f"{PREFIX}:calls:new"
# The same for streams that calls are to be read from.
KVS_NEW = f"{PREFIX}:kvs:new"

_SAFE = re.compile(r"[A-Za-z0-9_.-]+")


def _part(value: str | UUID | int) -> str:
    text = str(value)
    if not _SAFE.fullmatch(text):
        raise ValueError("a name may hold letters, digits, dots, dashes and underscores only")
    return text


def group(schema: str, kind: str, ident: str | UUID | int | None = None) -> str:
    """Channel-layer group, e.g. `northwind.conversation.<id>`. Under 100 characters, as Channels requires."""
    parts = [_part(schema), _part(kind)]
    if ident is not None:
        parts.append(_part(ident))
    return ".".join(parts)


@lru_cache(maxsize=8192)  # asked for several times for each tenth of a second of each call
def redis_key(schema: str, *parts: str | UUID | int) -> str:
    """Key in the streams database, e.g. `cresta:northwind:audio:<id>`."""
    return ":".join([PREFIX, _part(schema), *(_part(part) for part in parts)])


def storage_path(schema: str, *parts: str | UUID | int) -> str:
    """Path in file storage, e.g. `northwind/recordings/<id>.flac`."""
    return "/".join([_part(schema), *(_part(part) for part in parts)])


def cache_key(key: str, key_prefix: str, version: int) -> str:
    """Django's KEY_FUNCTION: the schema of the running request or task goes in front."""
    return f"{current_schema()}:{key_prefix}:{version}:{key}"


def cache_key_reverse(key: str) -> str:
    return key.split(":", 3)[3]
