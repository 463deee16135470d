"""Who may send a large body: asked before it comes, by key or by session, within the company of the host."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from django.conf import settings
from django.db import OperationalError

from accounts.services import api_key_create, api_key_revoke
from cresta_app import upload_door
from cresta_app.sealed_bodies import limit_for
from cresta_app.upload_door import FORBIDDEN, STRANGER, UNKNOWN_HOST, WRONG_KEY, Refusal, UploadDoor
from tenants.scope import schema_scope
from tests.conftest import World

PAGE, API, KNOWLEDGE = "/uploads/", "/api/v1/uploads/", "/api/v1/knowledge-uploads/"


class Inline:
    """Threads that are this one, whose transaction is rolled back."""

    async def run(self, schema: str, work: Any, *args: Any) -> Any:
        with schema_scope(schema):
            return work(*args)


def ask(path: str, **headers: str) -> Refusal | None:
    given = {name.encode(): value for name, value in headers.items()}
    door = UploadDoor(Inline())  # type: ignore[arg-type]
    refusal = door.refusal(path, lambda name: given.get(name, ""))
    # Driven by hand: a running loop would keep Django from the database.
    try:
        refusal.send(None)
    except StopIteration as done:
        return done.value  # type: ignore[no-any-return]
    raise AssertionError("it waits for something")


def test_what_may_be_large_is_guarded() -> None:
    assert all(limit_for(path) > settings.WEB_MAX_BODY_BYTES for path in upload_door._NEEDED)
    assert not UploadDoor.guards("/people/") and limit_for("/people/") == settings.WEB_MAX_BODY_BYTES


def test_who_may_upload_is_let_in_and_nobody_else(world: World) -> None:
    company, host = world.northwind, world.northwind.host
    cookie = {
        who: f"{settings.SESSION_COOKIE_NAME}={company.client(who).cookies[settings.SESSION_COOKIE_NAME].value}"
        for who in ("admin", "agent")
    }
    for path in (PAGE, API, KNOWLEDGE):
        assert ask(path, host=host, cookie=cookie["admin"]) is None
        assert ask(path, host=host, cookie=cookie["agent"]) == FORBIDDEN
        assert ask(path, host=world.acme.host, cookie=cookie["admin"]) not in (None, FORBIDDEN)
    assert ask(API, host="nobody.example", cookie=cookie["admin"]) == UNKNOWN_HOST
    assert ask(API, host=host) == ask(PAGE, host=host, accept="application/json") == STRANGER
    to_sign_in = ask(PAGE, host=host, accept="text/html")
    assert (
        to_sign_in
        and to_sign_in.answer().startswith(b"HTTP/1.1 303 ")
        and b"next=/uploads/" in to_sign_in.answer()
    )


def test_keys_are_asked_for_their_scope_and_their_owner(world: World) -> None:
    company = world.northwind
    with company.scope():
        made = {
            name: api_key_create(owner=company.people[who], name=name, scopes=[scope])
            for name, who, scope in (
                ("good", "admin", "write"),
                ("reads", "admin", "read"),
                ("agent", "agent", "write"),
            )
        }

    def by(secret: str, path: str = API) -> Refusal | None:
        return ask(path, host=company.host, authorization=f"Bearer {secret}")

    assert [by(made[name][1]) for name in ("good", "reads", "agent")] == [None, FORBIDDEN, FORBIDDEN]
    assert by("crk_nobody") == WRONG_KEY
    assert by(made["good"][1], PAGE) not in (None, WRONG_KEY), "a page takes no key"
    with company.scope():
        api_key_revoke(key=made["good"][0], actor=company.people["admin"])
    assert by(made["good"][1]) == WRONG_KEY


def test_without_a_database_the_views_are_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    def away(_host: str) -> None:
        raise OperationalError

    class Threads:
        async def run(self, _schema: str, work: Any, *args: Any) -> Any:
            return work(*args)

    monkeypatch.setattr(upload_door, "tenant_by_host", away)
    door = UploadDoor(Threads())  # type: ignore[arg-type]
    assert asyncio.run(door.refusal(API, lambda _name: "")) is None
