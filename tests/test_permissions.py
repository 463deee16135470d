"""Every row of the permission table, in both companies; every denial changes nothing; every URL is in the table."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import connection, transaction
from django.urls import URLPattern, URLResolver, get_resolver, resolve

from tests.conftest import COMPANIES, Company, World, _company_again
from tests.permissions import DENIED, PERSONAS, REQUIRED, Row, elsewhere, table

TABLE = table()


def _ask(row: Row, path: str, company: Company, client: Any) -> Any:
    method = getattr(client, row.method.lower())
    if row.method == "GET":
        return method(path)
    if path.startswith(("/api/", "/desk/", "/floor/", "/panel/")):
        return method(path, data=json.dumps(row.data), content_type="application/json")
    return method(path, data=row.data)


def _written(company: Company) -> dict[str, int]:
    """How many rows of each table this transaction has inserted, changed or deleted. Sessions do not count.

    PostgreSQL's own counters: what was undone again counts, too, so that nothing is hidden by a savepoint.
    """
    with company.scope(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname, pg_stat_get_xact_tuples_inserted(c.oid) + pg_stat_get_xact_tuples_updated(c.oid)"
            " + pg_stat_get_xact_tuples_deleted(c.oid) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
            " WHERE n.nspname = %s AND c.relkind IN ('r', 'p') AND c.relname <> 'django_session'",
            [company.schema],
        )
        return dict(cursor.fetchall())


def _path(row: Row, company: Company) -> str:
    if isinstance(row.path, str):
        return row.path
    with company.scope():
        return row.path(company)


@pytest.fixture(scope="module")
def sessions(django_db_setup: None, django_db_blocker: Any) -> Iterator[dict[tuple[str, str], str]]:
    """The session of each company's people: all sign in once, and not for every row anew."""
    with django_db_blocker.unblock():
        companies = [_company_again(schema) for schema in COMPANIES]
        signed_in = {
            (company.schema, persona): company.client(persona).cookies[settings.SESSION_COOKIE_NAME].value
            for company in companies
            for persona in company.people
        }
        connection.close()
    yield signed_in
    with django_db_blocker.unblock():
        for company in companies:
            with company.scope():
                Session.objects.filter(pk__in=signed_in.values()).delete()
        connection.close()


# The route of each row that was asked for, by the row's identity: names may be alike.
_routes_asked: dict[int, str] = {}


def _route(path: str) -> str:
    return str(resolve(path.partition("?")[0], settings.ROOT_URLCONF).route)


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
def test_row(world: World, sessions: dict[tuple[str, str], str], row: Row) -> None:
    """Each persona in both companies, and who comes from the other one."""
    for company in (world.northwind, world.acme):
        path = _path(row, company)
        _each_persona(row, path, company, sessions)
        if company is world.northwind:
            _from_the_other_company(row, path, world, sessions)
    _routes_asked[id(row)] = _route(path)


def _each_persona(row: Row, path: str, company: Company, sessions: dict[tuple[str, str], str]) -> None:
    before = None
    for persona, expected in row.expected.items():
        who = f"{company.schema}'s {persona}"
        client = company.client()
        if persona != "nobody":
            client.cookies[settings.SESSION_COOKIE_NAME] = sessions[company.schema, persona]
        may_write = row.method == "GET" or expected not in DENIED
        if may_write:
            before = None
        elif before is None:
            before = _written(company)
        # Undone, so that what one persona may do is not done before the next one asks.
        with transaction.atomic():
            response = _ask(row, path, company, client)
            assert response.status_code == expected, f"{who}: {response.status_code}"
            if expected == 302 and persona == "nobody" and path not in {"/sign-out/"}:
                assert response["Location"].startswith("/sign-in/"), response["Location"]
            if before is not None:
                assert _written(company) == before, f"{who} was denied and changed something"
            transaction.set_rollback(True)


def _from_the_other_company(row: Row, path: str, world: World, sessions: dict[tuple[str, str], str]) -> None:
    """A session of Acme's admin on Northwind's host is no session; Northwind's objects are not there on Acme's."""
    stranger, admin = world.northwind.client(), world.acme.client()
    for client in (stranger, admin):
        client.cookies[settings.SESSION_COOKIE_NAME] = sessions["acme", "admin"]
    before = _written(world.northwind)
    with transaction.atomic():
        response = _ask(row, path, world.northwind, stranger)
        assert response.status_code == row.expected["nobody"]
        assert _written(world.northwind) == before
        transaction.set_rollback(True)
    if not isinstance(row.path, str):
        with transaction.atomic():
            response = _ask(row, path, world.acme, admin)
            # Django's admin leads from an object that is not there to its index.
            gone = 302 if path.startswith("/admin/") else 404
            assert response.status_code in {gone, 403}
            assert _written(world.northwind) == before
            transaction.set_rollback(True)


def test_what_is_written_is_noticed(world: World) -> None:
    before = _written(world.northwind)
    with world.northwind.scope():
        team = world.northwind.team
        with transaction.atomic():
            type(team).objects.filter(pk=team.pk).update(name="Undone")
            transaction.set_rollback(True)
    after = _written(world.northwind)
    assert {name for name in after if after[name] != before[name]} == {"accounts_team"}


def test_rows_are_whole() -> None:
    for row in TABLE:
        assert set(row.expected) >= REQUIRED, f"{row.name} leaves out {REQUIRED - set(row.expected)}"
        assert set(row.expected) <= set(PERSONAS), row.name


def _routes(patterns: list[Any], prefix: str = "") -> set[str]:
    found: set[str] = set()
    for pattern in patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            found |= _routes(pattern.url_patterns, route)
        elif isinstance(pattern, URLPattern):
            found.add(route)
    return found


def test_every_url_is_in_the_table(world: World) -> None:
    """The admin's pages are many and alike: tests/test_admin.py opens each. A format suffix is no other URL."""
    wanted = {
        route
        for route in _routes(get_resolver(settings.ROOT_URLCONF).url_patterns)
        if not route.startswith("admin/") and "format" not in route
    }
    # Rows were asked for before; what they are about is made again only where they were not.
    asked = {_routes_asked.get(id(row)) or _route(_path(row, world.northwind)) for row in TABLE}
    missing = wanted - asked - set(elsewhere())
    assert not missing, f"add rows to tests/permission_tables for: {sorted(missing)}"
    assert not set(elsewhere()) - wanted, "left to other tests, but there is no such route"
