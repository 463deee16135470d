"""Completeness: the ledger added up, gaps by their cause, calls that stand still, metadata that met no call."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from conversations.completeness import completeness
from conversations.correlation import CallFields, metadata_arrived
from conversations.models import CallLedger, CallOwner, Conversation
from tests.budgets import query_budget

State = CallLedger.State


@pytest.fixture
def northwind(world):
    with world.northwind.scope():
        yield world.northwind


def ledger(
    state, *, reason="stop", seconds=60, missing=(), source="twilio", ago_hours=1, has_call=True, **fields
):
    at = timezone.now() - timedelta(hours=ago_hours)
    conversation = None
    if has_call:
        number = Conversation.objects.count()
        conversation = Conversation.objects.create(
            provider=source, provider_call_id=f"call-{number}", announced_at=at, state="completed"
        )
        CallOwner.objects.create(conversation=conversation)
    gaps = [{"channel": 0, "from_ms": start, "to_ms": end, "cause": cause} for start, end, cause in missing]
    lost = sum(end - start for start, end, _cause in missing)
    length = [seconds * 1000] * 2 if has_call else []
    return CallLedger.objects.create(
        conversation=conversation,
        source=source,
        state=state,
        reason=reason,
        announced_at=at,
        received_ms=length,
        transcribed_ms=[seconds * 1000 - lost, seconds * 1000] if has_call else [],
        recorded_ms=length,
        gaps=gaps,
        **fields,
    )


def test_every_call_and_second_is_counted_once(northwind):
    ledger(State.COMPLETED)
    ledger(State.COMPLETED, missing=[(1_000, 31_000, "hold")])
    ledger(State.INCOMPLETE, reason="no_stop", seconds=30, missing=[(0, 2_500, "line gap")], close_code=1006)
    ledger(State.REFUSED, reason="bad_signature", has_call=False, close_code=4423)
    ledger(State.COMPLETED, ago_hours=30)  # yesterday's
    found = completeness(days=1)
    assert (found.announced, found.completed, found.incomplete, found.refused, found.open) == (3, 2, 1, 1, 0)
    assert (found.received_seconds, found.transcribed_seconds, found.recorded_seconds) == (300, 267.5, 300)
    assert found.complete_share == pytest.approx(2 / 3)
    assert [(gap.cause, gap.seconds, gap.is_meant) for gap in found.gaps] == [
        ("hold", 30, True),
        ("line gap", 2.5, False),
    ]
    assert found.unexplained_seconds == 2.5
    assert [(row.reason, row.missing_seconds, row.causes) for row in found.troubles] == [
        ("no_stop", 2.5, ["line gap"])
    ]
    assert completeness(days=7).announced == 4


def test_what_was_imported_as_text_is_no_call_without_audio(northwind):
    ledger(State.COMPLETED)
    row = ledger(State.COMPLETED, source=Conversation.IMPORTED, seconds=0)
    found = completeness(days=1)
    assert (found.announced, found.completed, found.imported) == (1, 1, 1)
    assert [source.source for source in found.sources] == ["twilio"]
    analyst = northwind.client("analyst")
    page = analyst.get("/completeness/").content.decode()
    assert "1 conversation of this period was imported as text" in page and "?source=import" in page
    assert "was imported as text" in analyst.get(f"/conversations/{row.conversation_id}/").content.decode()


def test_a_call_that_nobody_writes_to_stands_still(northwind):
    row = ledger(State.OPEN, reason="")
    assert completeness(days=1).still == 0
    CallOwner.objects.filter(pk=row.conversation_id).update(updated_at=timezone.now() - timedelta(hours=1))
    found = completeness(days=1)
    assert (found.open, found.still) == (1, 1)
    assert [trouble.state for trouble in found.troubles] == ["open"]


def test_calls_that_were_only_on_hold_do_not_push_a_trouble_out(northwind, monkeypatch):
    monkeypatch.setattr("conversations.completeness.SHOWN", 2)
    ledger(State.COMPLETED, missing=[(0, 4_000, "hold"), (5_000, 6_000, "line gap")], ago_hours=3)
    for _ in range(9):
        ledger(State.COMPLETED, missing=[(0, 4_000, "hold"), (4_000, 9_000, "no consent")])
    (found,) = completeness(days=1).troubles
    assert (found.missing_seconds, found.causes) == (1, ["line gap"])


def test_the_page_and_the_api_say_the_same(northwind, world):
    ledger(State.INCOMPLETE, reason="no_stop", missing=[(0, 2_500, "line gap")])
    metadata_arrived(
        provider="genesys", identifiers={"conversation": "c-77"}, fields=CallFields(queue="billing")
    )
    client = northwind.client("analyst")
    with query_budget("completeness"):
        html = client.get("/completeness/?days=7").content.decode()
    assert "the line broke and nobody came back" in html
    assert "c-77" in html
    assert "line gap" in html
    with query_budget("api-completeness"):
        told = client.get("/api/v1/completeness/?days=7").json()
    assert (told["incomplete"], told["unexplained_seconds"], told["unmet"]) == (1, 2.5, 1)
    assert told["waiting"][0]["what"] == ["queue"]
    assert client.get("/api/v1/completeness/?days=0").status_code == 400
    other = world.acme.client("analyst").get("/api/v1/completeness/").json()
    assert (other["announced"], other["unmet"]) == (0, 0)
