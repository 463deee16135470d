"""Which companies there are to work for, where their pages are, and work that is done in each of them in turn."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import DatabaseError

from tenants.models import Domain, Tenant
from tenants.scope import PUBLIC, current_schema, schema_scope


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


def company_zone() -> ZoneInfo:
    """The time zone in which the current company counts its days. One query."""
    rows = Tenant.objects.filter(schema_name=current_schema())
    return ZoneInfo(rows.values_list("time_zone", flat=True).first() or "UTC")


def web_base() -> str:
    """Where this company's pages begin, for letters and other systems: its own host, scheme and port of `WEB_URL`."""
    schema = current_schema()
    with schema_scope(PUBLIC):
        hosts = Domain.objects.filter(tenant__schema_name=schema).order_by("-is_primary", "pk")
        host = hosts.values_list("domain", flat=True).first()
    parts = urlsplit(settings.WEB_URL)
    port = f":{parts.port}" if parts.port not in {None, 443 if parts.scheme == "https" else 80} else ""
    return f"{parts.scheme}://{host}{port}"
