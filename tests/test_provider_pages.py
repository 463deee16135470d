"""How recognisers do: what workers report, what the page and the API make of it, resets, and the admin's forms."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import pytest
import redis
import redis.asyncio
from django.conf import settings as django_settings
from django.test import Client

from accounts.models import AuditEvent
from conversations.live.ears import Ears
from conversations.live.speech_reports import SpeechReports
from engines.speech.breaker import CircuitBreaker, State
from engines.speech.faults import Fault
from engines.speech.types import CallToHear, Hypothesis
from providers.health import KEPT_S, breaker_reset, providers_health, report, report_field, reports_key
from providers.models import ProviderAccount, Route
from providers.selectors import SpeechChoice, account_secret, speech_plan
from providers.services import account_create
from tests.budgets import query_budget
from tests.conftest import Company, World
from tests.peers.faulty_speech import FaultyProvider, Trouble
from tests.peers.openai_audio import transcription_server

SECRET = "dg-very-secret-key"
SCRIPT = [{"channel": 0, "start_ms": 200, "end_ms": 900, "text": "hello there"}]


@pytest.fixture(autouse=True)
def reports() -> Any:
    """Redis without what other tests have reported."""
    with redis.Redis.from_url(django_settings.REDIS_STREAMS_URL) as client:
        client.flushdb()
        yield client
        client.flushdb()


def broken(fault: Fault = Fault.REFUSED) -> CircuitBreaker:
    breaker = CircuitBreaker()
    breaker.began()
    for _ in range(5):
        breaker.failed(fault)
    return breaker


def well(calls: int = 3) -> CircuitBreaker:
    breaker = CircuitBreaker()
    for _ in range(calls):
        breaker.began()
        breaker.succeeded()
        breaker.took(0.4)
    return breaker


def tell(
    client: Any, company: Company, key: str, breaker: CircuitBreaker, *, worker: str = "w1", ago: float = 0
) -> None:
    client.hset(
        reports_key(company.schema), report_field(key, worker), report(breaker.health(), at=time.time() - ago)
    )


@pytest.fixture
def company(world: World) -> Any:
    with world.northwind.scope():
        account = account_create(vendor="deepgram", name="Deepgram EU", secret=SECRET)
        Route.objects.create(task="speech_live", position=1, account=account)
        Route.objects.create(task="speech_live", position=2, provider="default")
        yield world.northwind


def _account() -> ProviderAccount:
    return ProviderAccount.objects.get(name="Deepgram EU")


# --- What is made of reports ------------------------------------------------------------------------------


def test_nothing_reported_yet(company: Company) -> None:
    found = providers_health()
    assert [(one.name, one.state, one.share) for one in found] == [
        ("Deepgram EU", None, None),
        ("The installation's default", None, None),
    ]
    assert found[0].routed == ("live speech to text: 1",)


def test_several_workers_are_summed_and_the_worst_state_is_shown(company: Company, reports: Any) -> None:
    key = str(_account().pk)
    tell(reports, company, key, well(), worker="w1")
    tell(reports, company, key, broken(), worker="w2")
    tell(reports, company, "default", well(4), worker="w2")
    tell(reports, company, "default", well(90), worker="w3", ago=61)  # a worker that is gone
    tell(reports, company, "default", well(90), worker="w4", ago=KEPT_S + 1)
    deepgram, default = providers_health()
    assert (deepgram.state, deepgram.workers, deepgram.calls, deepgram.failures) == (State.OPEN, 2, 4, 5)
    assert (deepgram.share, default.share) == (0.5, 0.5)
    assert deepgram.fault == "refused" and "key" in deepgram.fault_text
    assert (deepgram.latency_p50_ms, deepgram.latency_p95_ms) == (400, 400)
    assert (default.state, default.calls, default.fault) == (State.CLOSED, 4, "")
    left = {field.decode() for field in reports.hkeys(reports_key(company.schema))}
    assert report_field("default", "w4") not in left and report_field("default", "w3") in left


def test_a_worker_reports_what_it_met_and_obeys_a_reset(company: Company, reports: Any) -> None:
    """From a call through ears to the report, the reset, and the next call."""
    plan = speech_plan("en", live=True)
    made: dict[str, FaultyProvider] = {}

    def make(choice: SpeechChoice) -> FaultyProvider:
        troubles = [Trouble("refuse", retryable=False, fault=Fault.REFUSED)] * 5 if choice.vendor else []
        return made.setdefault(choice.vendor, FaultyProvider(choice.vendor or "embedded", SCRIPT, troubles))

    async def call(ears: Ears) -> str:
        session = await (await ears.of(plan)).open(CallToHear("c", 1, 8000, "en", (0,)))
        for at in range(0, 2000, 100):
            await session.feed([bytes(1600)], at)
        await session.finish()
        finals = [one async for one in session if isinstance(one, Hypothesis) and one.final]
        return ",".join(one.provider for one in finals)

    async def run() -> list[Any]:
        client = redis.asyncio.Redis.from_url(django_settings.REDIS_STREAMS_URL)
        ears = Ears(make)
        reporter = SpeechReports(ears, client, "w1")
        heard = [await call(ears) for _ in range(6)]
        assert len(made["deepgram"].opened) == 5  # the sixth call found it open
        await reporter.once()
        first = [(schema, key, health.state) for (schema, key), health in ears.healths().items()]
        await asyncio.to_thread(_in_company, company, breaker_reset, key=plan[0].key)
        await reporter.once()
        heard.append(await call(ears))
        await reporter.once()
        await ears.close()
        await client.aclose()
        return [heard, first]

    heard, first = asyncio.run(run())
    assert heard == ["embedded"] * 6 + ["deepgram"]
    assert (company.schema, plan[0].key, State.OPEN) in first
    assert (company.schema, "default", State.CLOSED) in first
    deepgram, default = providers_health()
    assert (deepgram.state, deepgram.failures, deepgram.calls) == (State.CLOSED, 5, 6)
    assert (default.calls, default.failures) == (6, 0)
    assert made["deepgram"].closed == made[""].closed == 1


def _in_company(company: Company, work: Any, **kwargs: Any) -> None:
    from django.db import connection

    with company.scope():
        work(**kwargs)
    connection.close()


def test_ears_close_what_no_call_can_use_any_more(company: Company) -> None:
    made: list[FaultyProvider] = []

    def make(choice: SpeechChoice) -> FaultyProvider:
        if choice.base_url == "bad":
            raise ValueError("options that cannot be")
        made.append(FaultyProvider(choice.vendor or "embedded", SCRIPT))
        return made[-1]

    clock = iter([0.0, 5.0, 20.0, 40.0])
    old, new = (
        SpeechChoice("northwind", "a", "deepgram"),
        SpeechChoice("northwind", "a", "deepgram", secret="new"),
    )
    bad = SpeechChoice("northwind", "b", "deepgram", base_url="bad")

    async def run() -> list[int]:
        ears = Ears(make, unused_s=30.0, clock=lambda: next(clock))
        await ears.ready()
        call = CallToHear("c", 1, 8000, "en", (0,))
        for plan in ((old,), (new,), (bad, new)):
            session = await (await ears.of(plan)).open(call)
            await session.abort()
        before = [one.closed for one in made]
        await ears.of((new, SpeechChoice("northwind", "default")))
        after = [one.closed for one in made]
        assert set(ears.healths()) == {("northwind", "a"), ("northwind", "b"), ("northwind", "default")}
        await ears.close()
        return [*before, *after, *(one.closed for one in made)]

    assert asyncio.run(run()) == [0, 0, 0, 0, 1, 0, 1, 1, 1]


def test_default_breakers_are_each_company_s_own(world: World) -> None:
    async def run() -> dict[tuple[str, str], Any]:
        ears = Ears(lambda choice: FaultyProvider("embedded", SCRIPT))
        for schema, times in (("northwind", 2), ("acme", 1)):
            for _ in range(times):
                session = await (await ears.of((SpeechChoice(schema, "default"),))).open(
                    CallToHear("c", 1, 8000, "en", (0,))
                )
                await session.abort()
        found = ears.healths()
        await ears.close()
        return found

    found = asyncio.run(run())
    assert {schema: health.calls for (schema, _key), health in found.items()} == {"northwind": 2, "acme": 1}


# --- The page and the API -----------------------------------------------------------------------------------


def test_the_page_says_it_in_plain_words(company: Company, reports: Any) -> None:
    key = str(_account().pk)
    tell(reports, company, key, broken(Fault.BUSY))
    tell(reports, company, "default", well())
    client = company.client("admin")
    with query_budget("providers-health"):
        page = client.get("/settings/providers/")
    text = page.content.decode()
    assert "left alone for now" in text and "the account&#x27;s limit is reached" in text
    assert "75 %" in text and "25 %" in text and "400 ms" in text
    assert f"/settings/providers/{key}/reset/" in text and "/settings/providers/default/reset/" not in text
    assert "/settings/providers/default/try/" in text
    assert SECRET not in text
    assert [item["key"] for item in page.context["navigation_more"] if item["on"]] == ["providers-health"]


def test_the_api_says_the_same(company: Company, reports: Any) -> None:
    tell(reports, company, "default", well())
    client = company.client("admin")
    with query_budget("api-providers-health"):
        answer = client.get("/api/v1/providers/health/").json()
    assert [(one["name"], one["state"], one["calls"]) for one in answer] == [
        ("Deepgram EU", None, 0),
        ("The installation's default", "closed", 3),
    ]
    assert SECRET not in json.dumps(answer)


def test_one_company_s_recognisers_are_not_another_s(company: Company, world: World, reports: Any) -> None:
    key = str(_account().pk)
    tell(reports, company, key, broken())
    tell(reports, company, "default", well())
    other = world.acme.client("admin")
    answer = other.get("/api/v1/providers/health/").json()
    assert [(one["key"], one["state"]) for one in answer] == [("default", None)]
    for action in ("reset", "try"):
        assert other.post(f"/settings/providers/{key}/{action}/").status_code == 404
    with world.acme.scope():
        assert not AuditEvent.objects.filter(action__startswith="recogniser").exists()


def test_a_reset_is_noted(company: Company, reports: Any) -> None:
    key = str(_account().pk)
    client = company.client("admin")
    page = client.post(f"/settings/providers/{key}/reset/", follow=True)
    assert "used again within a few seconds" in page.content.decode()
    event = AuditEvent.objects.get(action="recogniser.reset")
    assert (event.object_type, event.object_id) == ("providers.provideraccount", key)
    assert event.actor == company.people["admin"]
    assert client.post("/settings/providers/nobody/reset/").status_code == 404


def test_redis_away_is_said(company: Company, settings: Any) -> None:
    settings.REDIS_STREAMS_URL = "redis://127.0.0.1:9/0"
    client = company.client("admin")
    assert "cannot be read just now" in client.get("/settings/providers/").content.decode()
    answer = client.get("/api/v1/providers/health/")
    assert answer.status_code == 503 and answer.json()["error"]["code"] == "away"
    page = client.post("/settings/providers/default/reset/", follow=True)
    assert "did not work just now" in page.content.decode()
    assert not AuditEvent.objects.filter(action="recogniser.reset").exists()


def test_trying_from_the_page(company: Company, settings: Any) -> None:
    settings.PROVIDER_ALLOW_PRIVATE_URLS = True
    with transcription_server() as server:
        account = account_create(vendor="openai_audio", name="Ours", base_url=server.url, secret=SECRET)
        page = company.client("admin").post(f"/settings/providers/{account.pk}/try/", follow=True)
        assert "It took a second of sound" in page.content.decode()
        assert len(server.requests) == 1
    assert AuditEvent.objects.filter(action="recogniser.try", object_id=str(account.pk)).count() == 1


# --- The admin ------------------------------------------------------------------------------------------


def _form(**fields: Any) -> dict[str, Any]:
    return {"vendor": "deepgram", "name": "New", "base_url": "", "options": "{}", "active": "on"} | fields


def _saved(client: Client, path: str, **fields: Any) -> bool:
    return client.post(f"/admin/providers/provideraccount/{path}", _form(**fields)).status_code == 302


def test_accounts_in_the_admin(company: Company) -> None:
    client = company.client("admin")
    assert not _saved(client, "add/")  # without a key
    assert _saved(client, "add/", secret=SECRET, options='{"model": "nova-3"}')
    account = ProviderAccount.objects.get(name="New")
    assert account_secret(account) == SECRET
    path = f"{account.pk}/change/"
    page = client.get(f"/admin/providers/provideraccount/{path}").content.decode()
    assert SECRET not in page and 'type="password"' in page
    assert _saved(client, path, options='{"model": "nova-2"}')
    account.refresh_from_db()
    assert account.options == {"model": "nova-2"} and account_secret(account) == SECRET
    # Nobody may have the key told to a server of their own: another address wants the key anew.
    assert not _saved(client, path, base_url="https://8.8.8.8/listen")
    account.refresh_from_db()
    assert account.base_url == ""
    assert not _saved(client, path, options='{"no_such": 1}')
    assert not _saved(client, path, base_url="http://10.0.0.1")
    assert _saved(client, path, secret="another")
    account.refresh_from_db()
    assert account_secret(account) == "another"
    noted = AuditEvent.objects.filter(object_id=str(account.pk))
    assert {"provideraccount.create", "provideraccount.update", "provideraccount.secret"} == set(
        noted.values_list("action", flat=True)
    )
    assert SECRET not in str(list(noted.values()))


def test_trying_accounts_in_the_admin(company: Company, settings: Any) -> None:
    settings.PROVIDER_ALLOW_PRIVATE_URLS = True
    with transcription_server() as server:
        good = account_create(vendor="openai_audio", name="Ours", base_url=server.url)
    bad_options = {"retries": 0, "timeout_s": 1.0}
    ProviderAccount.objects.filter(pk=good.pk).update(options=bad_options)
    chosen = {"action": "try_it", "_selected_action": [str(good.pk)]}
    page = company.client("admin").post("/admin/providers/provideraccount/", chosen, follow=True)
    assert "Ours: It cannot be reached" in page.content.decode()
    assert AuditEvent.objects.filter(action="provideraccount.try").count() == 1


def test_routes_in_the_admin(company: Company) -> None:
    client = company.client("admin")
    base = {"task": "speech_live", "language": "", "account": "", "provider": "", "active": "on"}
    add = "/admin/providers/route/add/"
    assert client.post(add, base | {"position": 3, "provider": "pocketsphinx"}).status_code == 302
    assert client.post(add, base | {"position": 3, "provider": "default"}).status_code == 200
    assert client.post(add, base | {"position": 4}).status_code == 200
    assert Route.objects.count() == 3
