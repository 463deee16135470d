"""Work that only one process at a time may do in a company: locks by name, which go with a process that dies."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from django.db import InterfaceError, OperationalError, connection

from tenants.scope import current_schema


@contextmanager
def held_alone(name: str) -> Iterator[bool]:
    """Whether nobody else holds the current company's lock of this name; if so, it is held within the context.

    An advisory lock of the database session: it outlasts transactions. It does not wait.
    """
    place = [f"{current_schema()}:{name}"]
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", place)
        mine = bool(cursor.fetchone()[0])
    try:
        yield mine
    finally:
        if mine:
            # A connection that was lost has let go of the lock already.
            with suppress(OperationalError, InterfaceError), connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(hashtextextended(%s, 0))", place)
