"""The one way to the database outside HTTP requests: name the schema, run the work in the thread that sets it.

Setting a schema and then awaiting reads another company's rows as soon as two coroutines share a thread's
connection; so the schema is seen to inside the executing thread, before the work, every time.
The async ORM is banned by lint for the same reason.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import Any, ParamSpec, Protocol, TypeVar, cast

from django.db import close_old_connections
from django.db import connection as django_connection


class TenantConnection(Protocol):
    """The part of django-tenants' database wrapper that decides whose rows are read."""

    schema_name: str
    tenant: Any
    settings_dict: dict[str, Any]
    errors_occurred: bool

    def set_schema(self, schema_name: str, *, include_public: bool = True) -> None: ...
    def set_tenant(self, tenant: Any) -> None: ...
    def set_schema_to_public(self) -> None: ...


# django-tenants' wrapper, which Django's types do not know.
connection = cast("TenantConnection", django_connection)

P = ParamSpec("P")
T = TypeVar("T")

PUBLIC = "public"


def current_schema() -> str:
    """The schema that this thread works in."""
    return connection.schema_name


@contextmanager
def schema_scope(schema: str) -> Iterator[None]:
    """Work in `schema` within this thread; what was set before is set again afterwards."""
    previous = connection.tenant
    connection.set_schema(schema)
    try:
        yield
    finally:
        connection.set_tenant(previous)


def call_in_schema(schema: str, work: Callable[..., T], /, *args: object, **kwargs: object) -> T:
    """Run `work` in this thread within `schema`, on a connection that is alive."""
    close_old_connections()
    try:
        with schema_scope(schema):
            return work(*args, **kwargs)
    finally:
        close_old_connections()


# A connection that was good so short a time ago is taken to be good: asked each time, a small piece of work is half
# questions. One that broke meanwhile fails as one that breaks during the work does.
FRESH_SECONDS = 1.0
_last = threading.local()


def _call_in_own_thread(
    schema: str, work: Callable[..., T], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> T:
    """`call_in_schema` in a thread that does nothing else: it stays in a schema until it is asked for another."""
    is_kept = connection.settings_dict["CONN_MAX_AGE"] != 0  # otherwise a pool wants it back
    good_at, _last.good_at = getattr(_last, "good_at", float("-inf")), float("-inf")
    if not is_kept or connection.errors_occurred or time.monotonic() - good_at > FRESH_SECONDS:
        close_old_connections()
    try:
        if connection.schema_name != schema:
            connection.set_schema(schema)
        result = work(*args, **kwargs)
    except BaseException:
        close_old_connections()
        raise
    if is_kept:
        _last.good_at = time.monotonic()
    else:
        close_old_connections()
    return result


class TenantThreads:
    """A pool of threads with a persistent database connection each, for async code that needs the database."""

    def __init__(self, threads: int, name: str) -> None:
        self._pool = ThreadPoolExecutor(max_workers=threads, thread_name_prefix=name)

    async def run(self, schema: str, work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Await `work(*args, **kwargs)` executed in a pool thread, within `schema`."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(
            self._pool, partial(_call_in_own_thread, schema, work, args, kwargs)
        )

    def close(self) -> None:
        """Wait for what runs, close every thread's connection and end the threads."""
        # Each thread holds its own connection; ending the thread drops it.
        self._pool.shutdown(wait=True, cancel_futures=True)
