"""Telephony connections: attributes find their fields, secrets stay sealed, and Twilio's callbacks end calls."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from django.conf import settings
from django.urls import resolve
from redis.asyncio import Redis

from accounts.models import AuditEvent
from conversations.live.buffer import AudioBuffer
from conversations.live.calls import call_announce
from conversations.live.wire import CallAudio, CallStart
from engines.speech.audio import AudioFormat
from integrations.mapping import Rule, apply, bounded, plain_rules
from integrations.models import AttributeMapping, TelephonyConnection
from integrations.selectors import connection_secrets, mapping_rules
from integrations.services import (
    connection_create,
    connection_former_drop,
    connection_secret_set,
    connection_touch,
)
from integrations.telephony.setup import line_url, setup_text
from integrations.telephony.twilio.services import call_end, live_call
from integrations.telephony.twilio.signature import sign
from tests.budgets import query_budget

API = "/api/v1/telephony-connections/"


def call(metadata: dict[str, Any], **fields: Any) -> CallStart:
    return CallStart(id="1", metadata=metadata, **fields)


def test_attributes_find_their_fields() -> None:
    said = call({"p": {"who": " 7001 ", "q": "billing", "way": "outbound-dial", "tier": "gold", "x": "1"}})
    rules = [
        Rule("p.nobody", "agent"),
        Rule("p.who", "agent"),
        Rule("p.q", "queue"),
        Rule("p.way", "direction"),
        Rule("p.tier", "metadata.tier"),
        Rule("p.language", "language", "de"),
        Rule("p.ref", "customer.reference"),
        Rule("p.x", "customer.name"),
    ]
    mapped = apply(rules, said)
    assert (mapped.agent, mapped.queue, mapped.direction, mapped.language) == (
        "7001",
        "billing",
        "outbound",
        "de",
    )
    # A name without a reference tells nobody from another: it stays with the rest.
    assert mapped.customer is None and mapped.metadata == {"tier": "gold", "customer.name": "1"}


@pytest.mark.parametrize(
    ("rule", "value"),
    [
        (Rule("a", "language"), "no language at all"),
        (Rule("a", "direction"), "sideways"),
        (Rule("a", "agent"), "two\nlines"),
        (Rule("a", "agent"), {"not": "a text"}),
        (Rule("a", "password"), "x"),
    ],
)
def test_what_does_not_fit_stays_where_it_was(rule: Rule, value: Any) -> None:
    said = call({"a": value})
    assert apply([rule], said) == said


def test_the_protocols_own_word_counts_unless_a_rule_finds_better() -> None:
    said = call({"a": "fr"}, language="es", agent="1")
    assert apply([Rule("b", "language", "de"), Rule("", "agent", "9")], said).language == "es"
    assert apply([Rule("b", "language", "de"), Rule("", "agent", "9")], said).agent == "1"
    assert apply([Rule("a", "language")], said).language == "fr"


def test_names_with_dots_and_plain_names() -> None:
    mapped = apply([Rule("a.b.c", "queue")], call({"a.b": {"c": "q"}}))
    assert mapped.queue == "q" and mapped.metadata == {}
    deep = call({"a": {"b": {"c": "q", "d": 1}, "b.e": "f"}})
    mapped = apply([Rule("a.b.c", "queue"), Rule("a.b.e", "agent")], deep)
    assert (mapped.queue, mapped.agent, mapped.metadata) == ("q", "f", {"a": {"b": {"d": 1}}})
    mapped = apply(plain_rules("p"), call({"p": {"agent": "a", "customer": "C", "customerName": "N"}}))
    assert mapped.agent == "a" and mapped.customer is not None and mapped.customer.name == "N"
    assert mapped.metadata == {}


def test_too_many_attributes_cost_no_call() -> None:
    kept = bounded({f"k{n}": "x" * 900 for n in range(100)})
    assert 0 < len(kept) < 20 and all(len(value) == 500 for value in kept.values())
    call(kept)


def test_a_secret_is_sealed_and_the_former_is_good_for_a_while(world: Any) -> None:
    company = world.northwind
    with company.scope():
        row, made = connection_create(provider="jambonz", name="SBC")
        assert connection_secrets(row) == (made,) and made.encode() not in bytes(row.secret_sealed)
        newer = connection_secret_set(connection=row)
        assert connection_secrets(row) == (newer, made)
        connection_former_drop(connection=row)
        row.refresh_from_db()
        assert connection_secrets(row) == (newer,)
        connection_touch(connection=row)
        row.refresh_from_db()
        first = row.last_seen_at
        connection_touch(connection=row)
        row.refresh_from_db()
        assert row.last_seen_at == first is not None
        own = AttributeMapping.objects.create(connection=row, source="a", target="agent", order=9)
        AttributeMapping.objects.create(provider="jambonz", source="b", target="agent")
        AttributeMapping.objects.create(provider="twilio", source="c", target="agent")
        assert [rule.source for rule in mapping_rules(row)] == [own.source, "b"]


def test_every_vendor_has_a_text_to_paste(world: Any) -> None:
    """With the addresses that there really are."""
    host = world.northwind.host
    expected = {
        "twilio": ("/ingest/twilio/{}", "/hooks/twilio/{}/status/"),
        "genesys": ("/ingest/genesys/{}", "/hooks/genesys/{}/events/"),
        "jambonz": ("/ingest/jambonz/{}", "/hooks/jambonz/{}/status/"),
        "connect": ("", "/hooks/connect/{}/lambda/", "/hooks/connect/{}/events/"),
        "five9": ("", f"{host}:8002"),
        "native": ("/ingest/audio",),
    }
    with world.northwind.scope():
        for provider, (line, *others) in expected.items():
            row, _secret = connection_create(provider=provider, name=provider)
            url, text = line_url(row, host), setup_text(row, host)
            assert bool(url) == bool(line) and url.endswith(line.format(row.pk)) and url in text
            for other in others:
                assert other.format(row.pk) in text
                if other.startswith("/hooks/"):
                    assert resolve(other.format(row.pk)).kwargs == {"connection_id": str(row.pk)}


def test_the_api_does_what_the_page_does_and_tells_the_secret_once(world: Any) -> None:
    company = world.northwind
    client = company.client("admin")

    def send(method: str, path: str, body: Any = None) -> Any:
        return getattr(client, method)(API + path, json.dumps(body), content_type="application/json")

    rules = [{"source": "customParameters.a", "target": "agent", "default": ""}]
    made = send("post", "", {"provider": "twilio", "name": "Line", "mappings": rules}).json()
    host = company.host
    assert made["secret"] and made["address"].startswith(f"wss://{host}")
    assert made["address"].endswith(f"/ingest/twilio/{made['id']}") and made["address"] in made["setup"]
    assert f"https://{host}/hooks/twilio/{made['id']}/status/" in made["setup"]
    shown = client.get(f"{API}{made['id']}/").json()
    assert "secret" not in shown and shown["mappings"] == rules
    assert send("post", "", {"provider": "twilio", "name": "Line"}).status_code == 400  # the name is taken
    assert send("patch", f"{made['id']}/", {"provider": "genesys"}).status_code == 400
    bad = [{"source": "a", "target": "password"}]
    assert send("patch", f"{made['id']}/", {"mappings": bad}).status_code == 400
    assert send("patch", f"{made['id']}/", {"mappings": [], "active": False}).json()["active"] is False
    assert len(send("post", f"{made['id']}/secret/", {}).json()["secret"]) > 20
    with company.scope():
        for number in range(3):
            connection_create(provider="jambonz", name=f"more {number}")
    with query_budget("api-telephony-connections"):
        assert len(client.get(API).json()["results"]) == 4
    assert client.delete(f"{API}{made['id']}/").status_code == 204
    with company.scope():
        assert AuditEvent.objects.filter(action__startswith="telephonyconnection.").count() >= 4
        assert made["secret"] not in str(list(AuditEvent.objects.values_list("changes", flat=True)))


def test_the_admin_page_shows_what_to_paste_and_never_the_secret(world: Any) -> None:
    company = world.northwind
    client = company.client("admin")
    inline = {f"mappings-{name}_FORMS": "0" for name in ("TOTAL", "INITIAL")}
    form = {"provider": "twilio", "name": "Line", "settings": "{}", "active": "on"} | inline
    answer = client.post("/admin/integrations/telephonyconnection/add/", form, follow=True)
    with company.scope():
        row = TelephonyConnection.objects.get()
        (secret,) = connection_secrets(row)
    assert secret in answer.content.decode()
    page = f"/admin/integrations/telephonyconnection/{row.pk}/change/"
    shown = client.get(page).content.decode()
    assert "&lt;Stream url=" in shown and "both_tracks" in shown and str(row.pk) in shown
    assert secret not in shown
    client.post(page, form | {"name": "Renamed", "secret": "typed"})
    with company.scope():
        row.refresh_from_db()
        assert row.name == "Renamed" and connection_secrets(row) == ("typed", secret)


# --- Twilio's status callbacks --------------------------------------------------------------------------


@pytest.fixture
def tasks(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    asked: list[Any] = []
    monkeypatch.setattr(
        "integrations.telephony.twilio.views.stream_ended.apply_async",
        lambda **options: asked.append(options),
    )
    return asked


def announced(company: Any) -> Any:
    with company.scope():
        audio = CallAudio(AudioFormat(codec="mulaw", sample_rate=8000, channels=1), ("customer",))
        return call_announce(source="twilio", start=CallStart(id="CA1"), audio=audio)


def test_a_status_callback_is_checked_and_looks_at_the_call_later(world: Any, tasks: list[Any]) -> None:
    company = world.northwind
    with company.scope():
        row, _secret = connection_create(
            provider="twilio", name="T", secret="12345", settings={"account_sid": "AC1"}
        )
    ident = announced(company).conversation_id
    client, path = company.client(), f"/hooks/twilio/{row.pk}/status/"
    fields = {"AccountSid": "AC1", "CallSid": "CA1", "StreamSid": "MZ1", "StreamEvent": "stream-error"}

    def post(fields: dict[str, str], token: str = "12345") -> int:
        signature = sign(token, f"https://{company.host}{path}", fields.items())
        return int(client.post(path, fields, headers={"X-Twilio-Signature": signature}).status_code)

    assert post(fields) == 204
    wanted = {"schema": company.schema, "conversation_id": str(ident), "reason": "stream_error"}
    assert [asked["kwargs"] for asked in tasks] == [wanted]
    assert post(fields | {"StreamEvent": "stream-started"}) == 204
    assert post(fields | {"CallSid": "CA9"}) == 204  # not ours
    assert post(fields, token="wrong") == 403
    assert post(fields | {"AccountSid": "AC2"}) == 403
    assert client.post(path, fields).status_code == 403
    assert len(tasks) == 1


def test_a_call_without_a_line_is_ended_and_one_with_a_line_is_not(committed: Any) -> None:
    company = committed.northwind
    call = announced(company)

    async def attach(line: str) -> None:
        async with Redis.from_url(settings.REDIS_STREAMS_URL) as redis:
            buffer = AudioBuffer(redis)
            await buffer.line_take(company.schema, call.conversation_id, line, 5.0)
            if not line:
                await buffer.line_release(company.schema, call.conversation_id, line=line)

    async def reason() -> str:
        async with Redis.from_url(settings.REDIS_STREAMS_URL) as redis:
            return await AudioBuffer(redis).end_reason(company.schema, call.conversation_id)

    with company.scope():
        assert live_call(call_sid="CA1") == call.conversation_id and live_call(call_sid="CA2") is None
        asyncio.run(attach("a line"))
        assert not call_end(conversation_id=call.conversation_id, reason="stream_stopped")
        asyncio.run(attach(""))
        assert call_end(conversation_id=call.conversation_id, reason="stream_stopped")
        assert asyncio.run(reason()) == "stream_stopped"
        assert not call_end(conversation_id=call.conversation_id, reason="stream_stopped")
