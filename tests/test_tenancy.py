"""Nothing of one company reaches the other: sessions, keys, sockets, tasks, caches, names, many requests at once."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

import httpx
import psutil
import pytest
from asgiref.sync import async_to_sync
from channels.testing import WebsocketCommunicator
from django.conf import settings
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.utils import timezone

from accounts.models import ApiKey, User
from accounts.services import api_key_create, user_create
from conversations import outbox
from conversations.models import OutboxJob
from conversations.publish import agent_group, conversation_group, floor_group
from conversations.tasks import job_run
from tenants import keys, names
from tenants.keys import SealError, new_key, tenant_key_create, unwrap, wrap
from tenants.middleware import host_of, tenant_by_host
from tenants.models import Tenant
from tenants.scope import PUBLIC, TenantThreads, schema_scope
from tenants.services import tenant_activate, tenant_create, tenant_suspend
from tests.conftest import PASSWORD, Company, World

PEOPLE = {"csv": "email,name\nnew@example.com,New Person\n"}


def _session(company: Company, persona: str) -> str:
    return str(company.client(persona).cookies[settings.SESSION_COOKIE_NAME].value)


# --- Sessions and keys ----------------------------------------------------------------------------------


def test_a_session_is_worth_nothing_on_the_other_host(world: World) -> None:
    cookie = _session(world.northwind, "admin")
    for host, status in (("northwind.localhost", 200), ("acme.localhost", 302), ("localhost", 302)):
        client = Client(headers={"host": host})
        client.cookies[settings.SESSION_COOKIE_NAME] = cookie
        response = client.get("/password/")
        assert response.status_code == status, host
        if status == 302:
            assert response["Location"].startswith("/sign-in/")
            assert client.get("/admin/accounts/user/").status_code == 302


def test_a_session_does_not_open_for_the_same_user_id_elsewhere(world: World) -> None:
    """Even when the other company has a person of the same id and a session of the same key."""
    from django.contrib.sessions.models import Session

    cookie = _session(world.northwind, "admin")
    admin = world.northwind.people["admin"]
    with world.northwind.scope():
        data = Session.objects.get(pk=cookie)
    with world.acme.scope():
        Session.objects.create(
            session_key=cookie, session_data=data.session_data, expire_date=data.expire_date
        )
        user_create(
            id=admin.pk, email="same@acme.test", name="Same", role="admin", password="another secret 1"
        )
    client = world.acme.client()
    client.cookies[settings.SESSION_COOKIE_NAME] = cookie
    assert client.get("/password/").status_code == 302


def test_an_api_key_is_worth_nothing_on_the_other_host(world: World) -> None:
    with world.northwind.scope():
        key, secret = api_key_create(
            owner=world.northwind.people["admin"], name="Export", scopes=["read", "write"]
        )
    with world.acme.scope():
        before = User.objects.count()

    def post(host: str) -> Any:
        client = Client(headers={"host": host, "authorization": f"Bearer {secret}"})
        return client.post("/api/v1/people/import/", PEOPLE, content_type="application/json")

    refused = post("acme.localhost")
    assert refused.status_code == 401
    assert refused.json() == {
        "error": {"code": "authentication_failed", "message": "This API key is not valid here."}
    }
    with world.acme.scope():
        assert User.objects.count() == before
    assert post("localhost").status_code == 404  # the platform has no such API
    with world.northwind.scope():
        assert ApiKey.objects.get(pk=key.pk).last_used_at is None
    assert post("northwind.localhost").status_code == 200


def test_a_key_keeps_to_its_scopes(world: World) -> None:
    with world.northwind.scope():
        _key, secret = api_key_create(owner=world.northwind.people["admin"], name="Read", scopes=["read"])
    client = Client(headers={"host": "northwind.localhost", "authorization": f"Bearer {secret}"})
    assert client.post("/api/v1/people/import/", PEOPLE, content_type="application/json").status_code == 403


def test_the_same_address_is_another_person_in_each_company(world: World) -> None:
    for company, password in ((world.northwind, "northwind secret 1"), (world.acme, "acme secret 222")):
        with company.scope():
            user_create(email="both@example.com", name="Both", password=password)
    signed = {"username": "both@example.com", "password": "acme secret 222"}
    assert world.acme.client().post("/sign-in/", signed).status_code == 302
    assert world.northwind.client().post("/sign-in/", signed).status_code == 200


# --- Names, caches, keys --------------------------------------------------------------------------------


def test_a_cached_value_stays_in_its_company(world: World) -> None:
    with world.northwind.scope():
        cache.set("best-agent", "of Northwind")
    with world.acme.scope():
        assert cache.get("best-agent") is None
        cache.set("best-agent", "of Acme")
    with world.northwind.scope():
        assert cache.get("best-agent") == "of Northwind"
        cache.delete("best-agent")
    with world.acme.scope():
        assert cache.get("best-agent") == "of Acme"


def test_every_shared_name_carries_the_company(world: World) -> None:
    ident = "0197-same"
    for make in (
        lambda schema: names.group(schema, "conversation", ident),
        lambda schema: names.redis_key(schema, "audio", ident),
        lambda schema: names.storage_path(schema, "recordings", f"{ident}.flac"),
        lambda schema: conversation_group(schema, ident),
        lambda schema: agent_group(schema, ident),
        floor_group,
    ):
        assert make("northwind") != make("acme")
        assert "northwind" in make("northwind")


@pytest.mark.parametrize("part", ["../acme", "a/b", "", "x:y", "x y", "é"])
def test_no_name_leads_out_of_its_company(part: str) -> None:
    for make in (names.storage_path, names.redis_key):
        with pytest.raises(ValueError, match="a name may hold"):
            make("northwind", part)


def test_what_one_company_sealed_the_other_cannot_open(world: World) -> None:
    key = new_key()
    wrapped, version = wrap("northwind", key, bound_to="recording:1")
    assert unwrap("northwind", wrapped, version, bound_to="recording:1") == key
    for schema, bound_to in (("acme", "recording:1"), ("northwind", "recording:2")):
        with pytest.raises(SealError):
            unwrap(schema, wrapped, version, bound_to=bound_to)


def test_a_key_is_not_remembered_beyond_its_company(world: World) -> None:
    """A schema's name is given to another company: this process still remembers the first one's key."""
    tenant = Tenant.objects.get(schema_name="northwind")
    wrap("northwind", new_key(), bound_to="call:1")
    tenant.keys.all().delete()
    tenant_key_create(tenant=tenant)
    here = dict(keys._cache)
    key = new_key()
    wrapped, version = wrap("northwind", key, bound_to="call:2")
    keys._cache.update(here)  # as in a process that only opens
    assert unwrap("northwind", wrapped, version, bound_to="call:2") == key
    with pytest.raises(SealError):
        unwrap("northwind", wrapped, version, bound_to="call:3")
    keys._cache.clear()


def test_a_platform_operator_is_nobody_in_a_company(world: World) -> None:
    """However such a person came to be there: the platform's tables are within reach of every company's schema."""
    with world.northwind.scope():
        User.objects.filter(pk=world.northwind.people["analyst"].pk).update(role="platform")
    client = world.northwind.client("analyst")
    for path in ("/admin/", "/admin/tenants/tenant/", "/admin/accounts/user/", "/"):
        assert client.get(path).status_code == 403, path


# --- Tasks ----------------------------------------------------------------------------------------------


def test_a_task_works_in_the_company_of_its_message(
    world: World, make_conversation: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[str, Any]] = []
    subscription = outbox.Subscription(
        "test.happened", "test", lambda ident: seen.append((connection.schema_name, ident))
    )
    monkeypatch.setitem(outbox._SUBSCRIPTIONS, "test", subscription)
    with world.northwind.scope():
        conversation = make_conversation()
        job = OutboxJob.objects.create(
            task="test", event="test.happened", conversation=conversation, due_at=timezone.now()
        )
    # A message of the other company with this job's id finds nothing there and changes nothing here.
    job_run.apply(kwargs={"job_id": str(job.pk)}, headers={"_schema_name": "acme"}).get()
    assert seen == []
    with world.northwind.scope():
        job.refresh_from_db()
        assert (job.attempts, job.done_at) == (0, None)
    job_run.apply(kwargs={"job_id": str(job.pk)}, headers={"_schema_name": "northwind"}).get()
    assert seen == [("northwind", conversation.pk)]
    # What is sent within a company's scope carries the company by itself.
    with world.northwind.scope():
        OutboxJob.objects.filter(pk=job.pk).update(done_at=None)
        job_run.apply(kwargs={"job_id": str(job.pk)}).get()
        assert connection.schema_name == "northwind"
    assert seen == [("northwind", conversation.pk)] * 2


def test_a_message_on_the_wire_names_its_company(committed: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """What lies in the broker after `delay` carries the schema in its header."""
    import json

    import redis

    with committed.acme.scope():
        job_run.delay(job_id="0197a2f4-0000-7000-8000-000000000000")
    with redis.Redis.from_url(settings.CELERY_BROKER_URL) as broker:
        message = json.loads(broker.lrange("default", 0, -1)[0])
    assert message["headers"]["_schema_name"] == "acme"


# --- Hosts ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "host", ["nobody.localhost", "northwind.localhost.", "template.localhost", "127.0.0.1"]
)
@pytest.mark.parametrize("path", ["/", "/sign-in/", "/admin/", "/api/v1/people/import/"])
def test_an_unknown_host_gets_404(world: World, host: str, path: str) -> None:
    response = Client(headers={"host": host}).get(path)
    assert response.status_code == 404
    assert "No company at this address" in response.content.decode()


@pytest.mark.parametrize(
    "host", ["Northwind.LOCALHOST", "www.northwind.localhost", "northwind.localhost:8000"]
)
def test_every_door_knows_a_host_however_it_is_written(world: World, host: str) -> None:
    assert Client(headers={"host": host}).get("/sign-in/").status_code == 200
    found = tenant_by_host(host_of({"headers": [(b"host", host.encode())]}))
    assert found is not None and found.schema_name == "northwind"


def test_an_inactive_company_gets_a_clear_page(world: World) -> None:
    tenant = Tenant.objects.get(schema_name="acme")
    client = world.acme.client("admin")
    assert tenant_suspend(tenant=tenant)
    assert not tenant_suspend(tenant=tenant)
    for path in ("/", "/admin/", "/api/v1/people/import/"):
        response = client.get(path)
        assert response.status_code == 503
        assert "access is paused" in response.content.decode()
    assert world.northwind.client("admin").get("/password/").status_code == 200
    assert tenant_activate(tenant=tenant)
    assert client.get("/password/").status_code == 200


def test_the_platform_host_has_no_pages_of_companies(world: World) -> None:
    client = Client(headers={"host": "localhost"})
    assert client.get("/sign-in/").status_code == 200
    for path in ("/desk/", "/floor/", "/conversations/", "/people/import/", "/api/v1/people/import/"):
        assert client.get(path).status_code == 404, path


def test_a_new_company_is_there_in_two_seconds_and_works(world: World) -> None:
    # Other work on the machine is not ours: what counts is the processor's time, here and in the database's session.
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        parts = [psutil.Process(), psutil.Process(cursor.fetchone()[0])]

    def used() -> float:
        return sum(sum(part.cpu_times()[:2]) for part in parts)

    before = used()
    tenant_create(schema="initech", name="Initech", domain="initech.localhost")
    assert 0.01 < used() - before < 2
    with schema_scope("initech"):
        assert User.objects.count() == 0
        user_create(email="first@initech.test", name="First", role="admin", password=PASSWORD)
    client = Client(headers={"host": "initech.localhost"})
    client.post("/sign-in/", {"username": "first@initech.test", "password": PASSWORD})
    page = client.get("/admin/accounts/user/")
    assert page.status_code == 200
    assert "first@initech.test" in page.content.decode()
    assert "northwind.test" not in page.content.decode()
    with pytest.raises(ValidationError):
        tenant_create(schema="initech", name="Again", domain="again.localhost")
    with pytest.raises(ValidationError):
        tenant_create(schema="another", name="Another", domain="initech.localhost")


# --- Sockets and many at once ---------------------------------------------------------------------------


def _socket(company: Company, cookie: str, path: str = "/ws/desk/", **headers: str) -> WebsocketCommunicator:
    from cresta_app.asgi import application

    sent = {"host": company.host, "cookie": f"{settings.SESSION_COOKIE_NAME}={cookie}"} | headers
    return WebsocketCommunicator(
        application, path, headers=[(name.encode(), value.encode()) for name, value in sent.items()]
    )


async def _close_code(socket: WebsocketCommunicator) -> int | None:
    """The code that the socket is closed with at once; None when it stays open."""
    opened, code = await socket.connect(timeout=20)
    if not opened:
        return code
    message = await socket.receive_output(timeout=20)
    if message["type"] == "websocket.close":
        return int(message["code"])
    await socket.disconnect()
    return None


@pytest.mark.parametrize("path", ["/ws/desk/", "/ws/floor/"])
def test_a_socket_with_the_other_company_s_session_is_closed(committed: World, path: str) -> None:
    persona = "agent" if path == "/ws/desk/" else "supervisor"
    own, foreign = _session(committed.northwind, persona), _session(committed.acme, persona)

    async def both() -> tuple[int | None, int | None]:
        return (
            await _close_code(_socket(committed.northwind, own, path)),
            await _close_code(_socket(committed.northwind, foreign, path)),
        )

    assert async_to_sync(both)() == (None, 4401)


def test_a_socket_needs_a_known_host_and_our_own_page(committed: World) -> None:
    cookie = _session(committed.northwind, "agent")

    async def codes() -> list[int | None]:
        return [
            await _close_code(_socket(committed.northwind, cookie, host="nobody.localhost")),
            await _close_code(_socket(committed.northwind, cookie, origin="http://acme.localhost")),
            await _close_code(_socket(committed.northwind, cookie, origin="https://evil.example")),
            await _close_code(_socket(committed.northwind, "")),
            await _close_code(_socket(committed.northwind, cookie, origin="http://northwind.localhost:8000")),
        ]

    assert async_to_sync(codes)() == [4404, 4403, 4403, 4401, None]


def test_fifty_interleaved_requests_see_their_own_company(committed: World) -> None:
    """Against the real ASGI application, where each request has a thread of its own."""
    from cresta_app.asgi import application

    companies = (committed.northwind, committed.acme)
    cookies = {company.schema: _session(company, "admin") for company in companies}

    async def ask(company: Company, other: Company) -> None:
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app=application),
            base_url=f"http://{company.host}",
            cookies={settings.SESSION_COOKIE_NAME: cookies[company.schema]},
        ) as client:
            people = await client.get("/admin/accounts/user/")
            assert people.status_code == 200
            assert f"agent@{company.schema}.test" in people.text
            assert f"@{other.schema}.test" not in people.text
            assert (
                f"Sign in to {company.schema.title()}"
                in (await client.get("/sign-in/", headers={"cookie": "none=1"})).text
            )

    async def all_at_once() -> None:
        await asyncio.gather(*(ask(companies[number % 2], companies[1 - number % 2]) for number in range(25)))

    asyncio.run(all_at_once())


def test_work_outside_requests_keeps_to_its_company(committed: World) -> None:
    """Four threads, two hundred pieces of work of both companies in turn; some fail, some look at the other company."""
    threads = TenantThreads(4, "test")

    def emails(number: int) -> set[str]:
        if number % 10 in {3, 4}:
            with schema_scope("acme" if number % 2 else "northwind"):
                User.objects.first()
        if number % 10 in {5, 6}:
            with suppress(DatabaseError), transaction.atomic():
                User.objects.first()
                User.objects.update(email=None)
        if number % 10 in {7, 8}:
            connection.set_schema("acme" if number % 2 else "northwind")
            with transaction.atomic():
                User.objects.first()
                raise RuntimeError
        return {email.partition("@")[2] for email in User.objects.values_list("email", flat=True)}

    async def all_at_once() -> list[set[str] | BaseException]:
        return await asyncio.gather(
            *(threads.run(("northwind", "acme")[number % 2], emails, number) for number in range(200)),
            return_exceptions=True,
        )

    try:
        found = asyncio.run(all_at_once())
    finally:
        threads.close()
    for number, each in enumerate(found):
        if number % 10 in {7, 8}:
            assert isinstance(each, RuntimeError)
        else:
            assert each == {("northwind.test", "acme.test")[number % 2]}, number
    assert connection.schema_name == PUBLIC
