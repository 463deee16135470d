"""Consent: by region and purpose, unknown by its own rule, withdrawn in mid-call, with evidence of each."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.core.files.storage import default_storage
from django.db import OperationalError, connection
from django.utils import timezone

from conversations import consent
from conversations.amending import conversation_amend
from conversations.consent import allowed, consent_now, consent_record
from conversations.consent_enforcement import consent_enforce
from conversations.correlation import fields_apply
from conversations.live.calls import call_announce
from conversations.live.ownership import call_claim
from conversations.live.timeline import Timeline
from conversations.live.wire import CallAudio, CallStart
from conversations.models import (
    CallLedger,
    ConsentRecord,
    ConsentRule,
    Conversation,
    Note,
    Recording,
    Redaction,
    Summary,
    Utterance,
)
from conversations.recordings import recording_seal
from engines.speech.audio import AudioFormat
from engines.speech.scripted import FINAL_AFTER_MS
from tests.live_calls import call_make, call_play, line, marks_seen, wait_for, worker_process
from tests.past_calls import past_call, recording_make

AUDIO = CallAudio(AudioFormat(codec="mulaw", sample_rate=8000, channels=2), ("customer", "agent"))


def rule(purpose, mode, **fields):
    return ConsentRule.objects.create(purpose=purpose, mode=mode, **fields)


def announce(call_id="c1", **metadata):
    announced = call_announce(source="native", start=CallStart(id=call_id, metadata=metadata), audio=AUDIO)
    return Conversation.objects.get(pk=announced.conversation_id)


@pytest.mark.parametrize(
    ("mode", "unknown", "said", "may"),
    [
        ("none", False, None, True),
        ("announce", False, None, False),
        ("announce", True, None, True),
        ("announce", False, "announced", True),
        ("opt_in", False, None, False),
        ("opt_in", False, "announced", False),
        ("opt_in", False, "given", True),
        ("opt_out", True, None, True),
        ("opt_out", False, "announced", True),
        ("opt_out", True, "refused", False),
        ("none", True, "withdrawn", False),
    ],
)
def test_what_counts(mode, unknown, said, may):
    assert allowed(ConsentRule(purpose="record", mode=mode, unknown_allows=unknown), said) is may


def test_without_rules_nothing_is_asked_and_a_refusal_still_counts(world):
    with world.northwind.scope():
        call = announce()
        assert consent_now(call) == {"record": True, "assist": True, "train": True}
        consent_record(conversation=call, purpose="train", state="refused", source="api")
        assert consent_now(call)["train"] is False


def test_the_nearest_region_counts(world):
    with world.northwind.scope():
        rule("record", "none")
        rule("record", "announce", region="US", unknown_allows=True)
        rule("record", "opt_in", region="US-CA")
        may = {
            region: consent_now(announce(region or "x", region=region))["record"]
            for region in ("", "US-NY", "US-CA")
        }
        assert may == {"": True, "US-NY": True, "US-CA": False}


def test_consent_from_the_menu_is_evidence_and_reaches_the_worker(world):
    with world.northwind.scope():
        rule("record", "opt_in")
        rule("assist", "opt_in")
        call = announce(consent={"record": "given", "assist": "refused", "nonsense": "given"})
        records = ConsentRecord.objects.filter(conversation=call).order_by("purpose")
        assert [(row.purpose, row.state, row.source) for row in records] == [
            ("assist", "refused", "native"),
            ("record", "given", "native"),
        ]
        timeline = Timeline()
        for mark in call_claim(conversation_id=call.pk, worker="w").marks:
            timeline.add(mark)
        assert timeline.unheard(5_000) == "no consent"


def test_what_telephony_said_before_does_not_overrule_what_the_caller_says_since(world):
    """It sends all it has with each change; a word of its own that is new counts."""
    with world.northwind.scope():
        rule("record", "opt_in")
        call = announce(consent={"record": "given"})

        def arrives(**said):
            fields_apply(conversation_id=call.pk, fields={"metadata": said})
            call.refresh_from_db()
            return consent_now(call)["record"]

        consent_record(conversation=call, purpose="record", state="withdrawn", source="agent")
        assert not arrives(step="billing")
        assert not arrives(consent={"record": "given"}, region="DE")
        conversation_amend(
            conversation=call, actor=world.northwind.people["admin"], metadata={"region": "US"}
        )
        assert not consent_now(call)["record"]
        assert ConsentRecord.objects.filter(conversation=call).count() == 2
        assert not arrives(consent={"record": "refused"})
        assert arrives(consent={"record": "given"})


def test_consent_whose_writing_was_cut_off_is_taken_by_the_next_try(world, monkeypatch):
    with world.northwind.scope():
        call, admin = announce(), world.northwind.people["admin"]
        said = {"metadata": {"consent": {"record": "refused"}}}

        def away(**_fields):
            raise OperationalError

        with monkeypatch.context() as patch:
            patch.setattr(consent, "consent_from_metadata", away)
            with pytest.raises(OperationalError):
                conversation_amend(conversation=call, actor=admin, **said)
        conversation_amend(conversation=call, actor=admin, **said)
        assert not consent_now(call)["record"]


def test_evidence_is_redacted_and_nonsense_refused(world):
    with world.northwind.scope():
        call = announce()
        row = consent_record(
            conversation=call,
            purpose="record",
            state="given",
            source="api",
            evidence="said yes, 4111 1111 1111 1111",
        )
        assert "4111" not in row.evidence
        for wrong in ({"purpose": "sell"}, {"state": "maybe"}, {"at": timezone.now() + timedelta(hours=1)}):
            with pytest.raises(ValidationError):
                consent_record(
                    **({"conversation": call, "purpose": "record", "state": "given", "source": "x"} | wrong)
                )


@pytest.mark.unhurried
def test_a_withdrawal_in_mid_call_stops_hearing_and_erases(committed, tmp_path):
    talk = [
        line(0, 500, "good morning how can i help you"),
        line(1, 4_000, "i would like to change my address"),
        line(1, 10_000, "thank you", end_ms=11_000 - FINAL_AFTER_MS),
        line(1, 14_000, "this is said after i withdrew"),
    ]
    script = tmp_path / "script.json"
    script.write_text(json.dumps({"*": talk}))
    with committed.northwind.scope():
        schema = connection.schema_name
        rule("assist", "opt_out", unknown_allows=True, on_withdrawal="stop")
        rule("record", "opt_out", unknown_allows=True, on_withdrawal="erase")
        ident, key = call_make(committed.northwind.people["agent"])
        with worker_process(script, tmp_path / "log"):
            asyncio.run(call_play(schema, ident, key, seconds=11, end=""))
            # The last final comes with the last of the sound: all of it was heard before the withdrawal.
            wait_for(
                lambda: Utterance.objects.filter(conversation_id=ident).count() == 3,
                seconds=120,
                what="the talk",
            )
            call = Conversation.objects.get(pk=ident)
            for purpose in ("assist", "record"):
                consent_record(conversation=call, purpose=purpose, state="withdrawn", source="agent")
            marks_seen()
            asyncio.run(call_play(schema, ident, key, seconds=10, first=111))
            wait_for(
                lambda: Conversation.objects.filter(pk=ident, ended_at__isnull=False).exists(),
                seconds=120,
                what="the end",
            )
        said = Utterance.objects.filter(conversation_id=ident).order_by("start_ms")
        texts = list(said.values_list("text", flat=True))
        assert texts == [one["text"] for one in talk[:3]]
        gaps = CallLedger.objects.get(conversation_id=ident).gaps
        assert {(gap["from_ms"], gap["to_ms"], gap["cause"]) for gap in gaps} == {
            (11_000, 21_000, "no consent")
        }
        recording_seal(ident)
        kept = Recording.objects.get(conversation_id=ident).storage_key
        consent_enforce(ident)
        consent_enforce(ident)
        assert not Recording.objects.filter(conversation_id=ident).exists()
        assert not default_storage.exists(kept)


def test_a_withdrawal_after_the_call_takes_its_words_and_sound(world):
    with world.northwind.scope():
        rule("assist", "opt_out", unknown_allows=True, on_withdrawal="erase")
        past = past_call(agent=world.northwind.people["agent"], queue=world.northwind.queue)
        recording_make(past.conversation, seconds=1)
        said = Utterance.objects.filter(conversation=past.conversation).exclude(text="").count()
        assert said
        consent_record(
            conversation=past.conversation,
            purpose="assist",
            state="withdrawn",
            source="api",
            actor=world.northwind.people["admin"],
        )
        consent_enforce(past.conversation.pk)
        assert not Utterance.objects.filter(conversation=past.conversation).exclude(text="").exists()
        assert not Redaction.objects.filter(utterance__conversation=past.conversation).exists()
        for model in (Summary, Note, Recording):
            assert not model.objects.filter(conversation=past.conversation).exists(), model
        past.conversation.refresh_from_db()
        assert past.conversation.words_erased_at is not None
    client = world.northwind.client("supervisor")
    for path in ("", "transcript.txt"):
        assert client.get(f"/conversations/{past.conversation.pk}/{path}").status_code == 200
    html = client.get(f"/conversations/{past.conversation.pk}/").content.decode()
    assert "What was said is no longer kept" in html
    assert client.get(f"/api/v1/conversations/{past.conversation.pk}/snapshot/").status_code == 200
