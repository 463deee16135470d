"""Which companies there are to work for, and work that is done in each of them in turn."""

from __future__ import annotations

from collections.abc import Callable

from django.db import DatabaseError

from tenants.models import Tenant
from tenants.scope import PUBLIC, schema_scope


def active_schemas() -> list[str]:
    """The schemas of all active companies, whatever schema this thread works in."""
    with schema_scope(PUBLIC):
        rows = Tenant.objects.filter(state=Tenant.State.ACTIVE).exclude(schema_name=PUBLIC)
        return list(rows.values_list("schema_name", flat=True))


def each_company(work: Callable[[], object], *, failing: tuple[type[Exception], ...] = ()) -> None:
    """Do `work` in every active company. One company's trouble does not hold up the others; it is raised at the end.

    Trouble is a `DatabaseError`, and what `failing` names. Raises an `ExceptionGroup` of it.
    """
    trouble: tuple[type[Exception], ...] = (DatabaseError, *failing)
    failures: list[Exception] = []
    for schema in active_schemas():
        try:
            with schema_scope(schema):
                work()
        except trouble as error:
            failures.append(error)
    if failures:
        raise ExceptionGroup("failed for some companies", failures)
