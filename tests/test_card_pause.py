"""Pauses while a card is given: by people, by the telephony, by the call itself; what is heard and kept meanwhile."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta

import numpy as np
import pytest
from django.db import connection
from django.utils import timezone

from accounts.errors import Conflict
from conversations import events, pci
from conversations.live.card_pause import CardPause, card_given
from conversations.live.ownership import call_claim
from conversations.live.stages import Batch
from conversations.live.timeline import CARD, Missing, Timeline
from conversations.models import CallLedger, Conversation, PciPause, Recording, Utterance
from conversations.recordings import recording_seal
from conversations.redaction.policy import Policy, redaction_policy
from conversations.redaction.policy_changes import policy_save
from engines.redaction.muting import REACH_MS
from engines.redaction.stream import StreamRedactor
from engines.redaction.text import RawText
from engines.speech.scripted import FINAL_AFTER_MS
from tests import live_events as live
from tests.live_calls import RATE, call_make, call_play, line, marks_seen, wait_for, worker_process
from tests.recorded_calls import SECRET, heard, loudness_of, sine


def policy(**fields):
    policy_save(
        policy=Policy(**fields), reason="cards by phone", actor=None, revision=redaction_policy().revision
    )


def mark(start, end, *, hears=False, pause="p"):
    return {"kind": "pci", "pause": pause, "at_ms": start, "to_ms": end, "hears": hears}


# --- The timeline -----------------------------------------------------------------------------------------


def test_a_pause_is_neither_heard_nor_recorded_and_goes_on_by_itself():
    timeline = Timeline()
    timeline.add(mark(2_000, 9_000))
    assert [timeline.unheard(at) for at in (1_999, 2_000, 8_999, 9_000)] == ["", CARD, CARD, ""]
    assert timeline.unrecorded(5_000) == CARD
    assert timeline.silent(20_000) == [(2_000, 9_000)]


def test_its_end_replaces_what_was_told_before():
    timeline = Timeline()
    timeline.add(mark(2_000, 600_000))
    assert timeline.silent(20_000) == [(2_000, 20_000)]
    timeline.add(mark(2_000, 5_000))
    timeline.add(mark(7_000, 8_000, pause="q"))
    assert timeline.silent(20_000) == [(2_000, 5_000), (7_000, 8_000)]


def test_one_that_is_transcribed_is_silent_all_the_same():
    timeline = Timeline()
    timeline.add(mark(2_000, 9_000, hears=True))
    assert timeline.unheard(5_000) == "" and timeline.unrecorded(5_000) == CARD and timeline.paused(5_000)
    assert timeline.silent_but_heard(6_000) == [Missing(2_000, 6_000, CARD)]
    assert timeline.silent_but_heard(1_000) == []


# --- By people and systems --------------------------------------------------------------------------------


def test_it_is_noted_once_shown_and_told_to_whoever_claims_the_call(northwind):
    policy(pci_minutes=3, pci_hears=True)
    agent = northwind.people["agent"]
    ident, _key = call_make(agent)
    call = Conversation.objects.get(pk=ident)
    pause = pci.pci_pause(conversation=call, source="agent", actor=agent)
    assert pci.pci_pause(conversation=call, source="telephony") == pause
    assert pause.until_ms - pause.from_ms == 180_000 and pause.hears
    assert call_claim(conversation_id=ident, worker="w").marks[-1] == pci.mark_of(pause)
    (item,) = events.snapshot(call)["items"]["pci"]
    assert item["to_ms"] is None and item["by"]["name"] == agent.name
    ended = pci.pci_resume(conversation=call, source="supervisor")
    assert ended.to_ms is not None and ended.ended_by == "supervisor"
    assert pci.pci_resume(conversation=call, source="agent") is None
    assert pci.pci_pause(conversation=call, source="api") != pause


def test_not_after_the_call(northwind, make_conversation):
    call = make_conversation(agent=northwind.people["agent"])
    with pytest.raises(Conflict):
        pci.pci_pause(conversation=call, source="agent")


def test_a_forgotten_one_ends_by_itself_with_a_note(northwind):
    agent = northwind.people["agent"]
    live_one, over = (live.call_begin(agent, ago_seconds=60) for _ in range(2))
    rows = [pci.pci_pause(conversation=call, source="agent", actor=agent) for call in (live_one, over)]
    assert pci.pci_forgotten() == 0
    PciPause.objects.filter(pk=rows[0].pk).update(due_at=timezone.now() - timedelta(seconds=1))
    Conversation.objects.filter(pk=over.pk).update(ended_at=timezone.now(), state="wrap_up")
    assert pci.pci_forgotten() == 2
    for row, why in zip(rows, ("limit", "end"), strict=True):
        row.refresh_from_db()
        assert (row.ended_by, row.to_ms) == (why, row.until_ms)
    assert pci.shown(rows[0])["ended_label"] == "by itself, after the longest time"


def test_the_telephony_pauses_by_its_events(world):
    company = world.northwind
    with company.scope():
        call = live.call_begin(company.people["agent"], ago_seconds=60)
        Conversation.objects.filter(pk=call.pk).update(provider="native", provider_call_id="c-7")
        call.identifiers.create(provider="native", kind="call", value="c-7")
    client = company.client("admin")

    def says(what, ident="c-7"):
        body = {"provider": "native", "identifiers": {"call": ident}, "pci": what}
        return client.post("/api/v1/call-events/", body, content_type="application/json").status_code

    assert [says("pause"), says("pause"), says("resume"), says("stop"), says("pause", "other")] == [
        200,
        200,
        200,
        400,
        409,
    ]
    with company.scope():
        (row,) = PciPause.objects.filter(conversation=call)
        assert (row.source, row.ended_by) == ("telephony", "telephony")


# --- By the call itself -----------------------------------------------------------------------------------


def say(redactor, speaker, text, at_ms):
    redactor.redact_final(speaker, RawText(text), [], at_ms, at_ms + 1_000)
    return at_ms + 1_000


def test_a_card_is_given_from_the_question_until_it_is_complete():
    redactor = StreamRedactor()
    at_ms = say(redactor, "agent", "how can i help you today", 0)
    assert not card_given(redactor, at_ms)
    at_ms = say(redactor, "agent", "what is your card number please", 2_000)
    assert card_given(redactor, at_ms)
    at_ms = say(redactor, "customer", "four one one one one one one one", 4_000)
    assert card_given(redactor, at_ms)
    at_ms = say(redactor, "customer", "one one one one one one one one", 6_000)
    assert not card_given(redactor, at_ms)


def test_nothing_else_pauses_and_a_card_that_never_comes_does_not_for_ever():
    redactor = StreamRedactor()
    assert not card_given(redactor, say(redactor, "agent", "what is your phone number please", 0))
    at_ms = say(redactor, "agent", "what is your card number please", 2_000)
    assert card_given(redactor, at_ms) and not card_given(redactor, at_ms + 60_000)


def test_the_pause_of_a_call_survives_its_worker(northwind):
    ident, _key = call_make(northwind.people["agent"])
    redactor, batch = StreamRedactor(), Batch(ident)
    first = CardPause(on=True, conversation_id=ident, state=None)
    at_ms = say(redactor, "agent", "what is your card number please", 2_000)
    begun = first.look(redactor, at_ms, batch)
    assert (begun["at_ms"], begun["to_ms"]) == (3_000, 3_000)
    assert first.look(redactor, at_ms + 1_000, batch)["to_ms"] == 4_000
    PciPause.objects.bulk_create(batch.rows)
    second, batch = CardPause(on=True, conversation_id=ident, state=first.state()), Batch(ident)
    ended = second.look(redactor, at_ms + 60_000, batch)
    assert (ended["pause"], ended["to_ms"]) == (begun["pause"], 63_000)
    for write in batch.writes:
        write()
    row = PciPause.objects.get()
    assert (row.source, row.to_ms, row.ended_by) == ("auto", 63_000, "auto")


def test_without_the_company_s_wish_nothing_pauses():
    redactor, batch = StreamRedactor(), Batch(None)
    at_ms = say(redactor, "agent", "what is your card number please", 0)
    assert CardPause(on=False, conversation_id=None, state=None).look(redactor, at_ms, batch) is None


# --- Through the whole live way ---------------------------------------------------------------------------


def tone(seconds):
    """Interleaved PCM16 of two channels that are never silent."""
    one = sine(seconds, rate=RATE)
    return np.column_stack([one, one]).astype("<i2").tobytes()


def kept(ident):
    """How loud the tone is in what was kept, by 500 ms."""
    recording_seal(ident)
    sound = heard(Recording.objects.get(conversation=ident))
    step = RATE // 2
    return [
        loudness_of(sound[at : at + step, 1], SECRET, RATE) for at in range(0, len(sound) - step + 1, step)
    ]


def gaps(ident):
    ledger = CallLedger.objects.get(conversation_id=ident)
    return {(gap["from_ms"], gap["to_ms"], gap["cause"]) for gap in ledger.gaps}


@pytest.mark.unhurried
def test_paused_in_mid_call_nothing_is_kept_until_it_goes_on(committed, tmp_path):
    talk = [
        line(0, 500, "how may i help you"),
        line(1, 4_000, "i want to pay my bill", end_ms=11_000 - FINAL_AFTER_MS),
        line(1, 13_000, "this is said while paused"),
        line(0, 23_000, "thank you that is paid"),
    ]
    script, sound = tmp_path / "script.json", tone(30)
    script.write_text(json.dumps({"*": talk}))
    with committed.northwind.scope():
        schema, agent = connection.schema_name, committed.northwind.people["agent"]
        ident, key = call_make(agent)
        said = Utterance.objects.filter(conversation_id=ident)
        with worker_process(script, tmp_path / "log"):
            asyncio.run(call_play(schema, ident, key, seconds=11, end="", sound=sound))
            wait_for(lambda: said.count() == 2, what="the talk")
            call = Conversation.objects.get(pk=ident)
            pause = pci.pci_pause(conversation=call, source="agent", actor=agent)
            assert 10_900 < pause.from_ms <= 11_000
            marks_seen()
            asyncio.run(call_play(schema, ident, key, seconds=10, first=111, end="", sound=sound))
            assert 20_900 < pci.pci_resume(conversation=call, source="agent", actor=agent).to_ms <= 21_000
            marks_seen()
            asyncio.run(call_play(schema, ident, key, seconds=9, first=211, sound=sound))
            ended = Conversation.objects.filter(pk=ident, ended_at__isnull=False)
            wait_for(ended.exists, what="the end")
        texts = list(said.order_by("start_ms").values_list("text", flat=True))
        assert texts == [talk[0]["text"], talk[1]["text"], talk[3]["text"]]
        assert gaps(ident) == {(11_000, 21_000, CARD)}
        loud = kept(ident)
        assert max(loud[22:42]) < 0.01 * min(loud[:21] + loud[43:])


@pytest.mark.unhurried
def test_by_itself_from_the_question_until_the_card_is_given(committed, tmp_path):
    talk = [
        line(0, 500, "what is your card number please", end_ms=3_000),
        line(1, 5_000, "four one one one one one one one", end_ms=8_000),
        line(1, 9_000, "one one one one one one one one", end_ms=12_000),
        line(0, 20_000, "thank you that is paid"),
    ]
    script = tmp_path / "script.json"
    script.write_text(json.dumps({"*": talk}))
    with committed.northwind.scope():
        schema = connection.schema_name
        policy(pci_auto=True)
        ident, key = call_make(committed.northwind.people["agent"])
        with worker_process(script, tmp_path / "log"):
            asyncio.run(call_play(schema, ident, key, seconds=30, sound=tone(30)))
            ended = Conversation.objects.filter(pk=ident, ended_at__isnull=False)
            wait_for(ended.exists, what="the end")
        (row,) = PciPause.objects.filter(conversation=ident)
        assert (row.source, row.from_ms, row.to_ms) == ("auto", 3_000, 12_000)
        assert gaps(ident) == {(3_000, 12_000, CARD)}
        assert Utterance.objects.filter(conversation=ident).last().text == talk[3]["text"]
        loud = kept(ident)
        # A beep follows what sounds like a voice behind a card so far, and this tone never stops.
        behind = -(-(12_000 + REACH_MS) // 500)
        assert max(loud[6:24]) < 0.01 * min(loud[:6] + loud[behind:])
