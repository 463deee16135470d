"""Uploaded calls through Celery to a conversation: whole, once, however often the job is killed or started."""

from __future__ import annotations

import asyncio
import json
import subprocess
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from django.conf import settings
from django.core.files.storage import default_storage
from django.utils import timezone

from accounts.models import TelephonyIdentity
from conversations.correlation import conversations_by
from conversations.live.ears import Ears
from conversations.models import CallLedger, CallOwner, Conversation, Note, OutboxJob, Recording, Utterance
from conversations.stored import StorageAway
from cresta_app.live import stages
from engines.redaction.text import RawText
from engines.speech.audio import read_audio
from engines.speech.fallback import Policy
from engines.speech.providers import create
from engines.speech.types import HeardWord, Hypothesis, Progress, SpeechError
from integrations.uploads import hearing, services
from integrations.uploads.hearing import uploaded_call_hear
from integrations.uploads.models import UploadedCall
from integrations.uploads.services import call_retry
from integrations.uploads.tasks import uploaded_call_hear as task
from integrations.uploads.tasks import uploads_sweep
from qa.models import Answer, Evaluation, ScorecardRevision, ScorecardTemplate
from tests.live_calls import CELERY_WORKER, ROOT, celery_process, line, wait_for
from tests.peers.held_ears import hold_of
from tests.sound_files import bursts, sound_file
from tests.test_uploads import given, receive

LINES = [
    line(0, 500, "thank you for calling northwind"),
    line(1, 3_000, "hello my number is four one five five five five oh one nine nine"),
    line(0, 8_000, "let me look that up"),
    line(1, 11_000, "thanks a lot"),
]


@pytest.fixture
def northwind(committed, monkeypatch):
    """In Northwind, with jobs started by the test alone."""
    monkeypatch.setattr(services, "calls_dispatch", lambda *, ids: None)
    with committed.northwind.scope():
        yield committed.northwind


@pytest.fixture
def ears(tmp_path, monkeypatch):
    """Have uploaded calls heard here by a script; returns a function that sets what it says."""

    def hear(lines, *, name="scripted"):
        script = tmp_path / "script.json"
        script.write_text(json.dumps({"*": lines}))
        kit = hearing.Equipment(lambda: Ears(lambda _choice: create(name, path=str(script))), stages)
        monkeypatch.setattr(hearing, "equipment", lambda: kit)

    return hear


def call_file(seconds: float = 14.0, channels: int = 2) -> bytes:
    return sound_file("flac", "flac", 8000, channels, [bursts(8000, seconds=seconds)] * channels)


def run(company, call: UploadedCall) -> UploadedCall:
    """As Celery does it: by a message that names the company."""
    headers = {"_schema_name": company.schema}
    task.apply(kwargs={"uploaded_call_id": str(call.pk)}, headers=headers).get()
    return UploadedCall.objects.select_related("conversation").get(pk=call.pk)


def said(conversation: Conversation) -> list[tuple[int, int, str]]:
    rows = Utterance.objects.filter(conversation=conversation).order_by("start_ms", "channel_index")
    return [(row.channel_index, row.start_ms, row.text) for row in rows]


def test_a_file_becomes_a_conversation(northwind, ears):
    ears(LINES)
    agent = northwind.people["agent"]
    TelephonyIdentity.objects.create(user=agent, provider="twilio", agent_id="7001")
    fields = {
        "agent": "7001",
        "customer": "c-4711",
        "queue": "billing",
        "started_at": "2026-03-01T14:30:00+00:00",
        "direction": "outbound",
        "Campaign": "call me at 415-555-0199",
    }
    call = receive(northwind, given("call.flac", call_file()), **fields).calls.get()
    path = call.storage_key
    call = run(northwind, call)
    assert (call.state, call.progress, call.error) == ("done", 1.0, "")
    assert call.duration_ms == 14_000
    conversation = call.conversation
    began = datetime(2026, 3, 1, 14, 30, tzinfo=UTC)
    assert (conversation.state, conversation.end_reason) == ("completed", "stop")
    assert (conversation.announced_at, conversation.started_at) == (began, began)
    assert conversation.ended_at == began + timedelta(seconds=14) == conversation.closed_at
    assert (conversation.agent, conversation.queue.key) == (agent, "billing")
    assert (conversation.customer.reference, conversation.direction) == ("c-4711", "outbound")
    assert "555-0199" not in json.dumps(conversation.metadata)
    heard = said(conversation)
    assert [(channel, start) for channel, start, _text in heard] == [
        (0, 500),
        (1, 3000),
        (0, 8000),
        (1, 11_000),
    ]
    assert "nine nine" not in heard[1][2] and heard[3][2] == "thanks a lot"
    ledger = CallLedger.objects.get(conversation=conversation)
    assert (ledger.state, ledger.received_ms, ledger.gaps) == ("completed", [14_000] * 2, [])
    assert OutboxJob.objects.filter(conversation=conversation, event="conversation.ended").count() >= 3
    # The file and what was said with it are gone.
    assert not default_storage.exists(path)
    assert (call.storage_key, call.wrapped_key, call.sealed_details) == ("", None, None)
    # Another run finds nothing to do.
    assert run(northwind, call).conversation_id == conversation.pk
    assert Conversation.objects.count() == 1


def test_one_channel_is_who_the_form_says(northwind, ears):
    ears([LINES[0]])
    call = receive(northwind, given("a.flac", call_file(3, 1)), speaker="agent").calls.get()
    conversation = run(northwind, call).conversation
    assert list(Utterance.objects.values_list("speaker", flat=True)) == ["agent"]
    assert list(conversation.participants.values_list("role", flat=True)) == ["agent"]


def test_it_is_nobody_s_live_call(northwind, ears, monkeypatch):
    """While it is heard, no desk and no floor shows it, and no live worker is called."""
    import redis

    from conversations.live.stray import calls_announce_stray
    from desk.floor_selectors import floor_rows, floor_tiles
    from desk.selectors import desk_state
    from tenants import names

    seen = []

    def look(**fields):
        if "state" in fields and fields["state"] == "transcribing":
            CallOwner.objects.update(updated_at=timezone.now() - timedelta(hours=1))
            seen.append(
                (
                    Conversation.objects.get().state,
                    desk_state(northwind.people["agent"])["calls"],
                    floor_rows(northwind.people["admin"]),
                    floor_tiles(northwind.people["admin"])["live"],
                    calls_announce_stray(),
                )
            )
        services.call_note(**fields)

    monkeypatch.setattr(hearing, "call_note", look)
    ears(LINES[:1])
    call = receive(
        northwind, given("a.flac", call_file(3)), agent=northwind.people["agent"].email
    ).calls.get()
    assert run(northwind, call).conversation.agent == northwind.people["agent"]
    assert seen == [("live", [], [], 0, [])]
    assert desk_state(northwind.people["agent"])["tray"] == []
    with redis.Redis.from_url(settings.REDIS_STREAMS_URL) as client:
        assert client.xlen(names.CALLS_NEW) == 0


def test_a_broken_file_fails_in_words_and_becomes_no_conversation(northwind, ears):
    ears([])
    whole = call_file(5)
    call = receive(northwind, given("a.flac", whole[:200] + bytes(len(whole) - 200))).calls.get()
    call = run(northwind, call)
    assert call.state == "failed" and "no sound" in call.error
    assert call.may_retry and not Conversation.objects.exists()


def test_the_same_call_id_twice_is_said(northwind, ears):
    ears([])
    first, second = (
        receive(northwind, given("a.flac", call_file(2)), call_id="c-1").calls.get() for _ in "12"
    )
    assert run(northwind, first).conversation.provider_call_id == "c-1"
    second = run(northwind, second)
    assert second.state == "failed" and "already" in second.error


AT_ONCE = Policy(tries=1, outage_s=0.0, backoff_s=0.001)


class _Broken:
    name, diarises = "broken", False

    def __init__(self, *, retryable: bool) -> None:
        self.retryable = retryable

    async def start(self) -> None: ...
    async def close(self) -> None: ...

    async def open(self, call):
        raise SpeechError("the service said no to hello my number", retryable=self.retryable)


@pytest.mark.parametrize("retryable", [True, False])
def test_speech_that_fails_is_tried_again_and_then_said(northwind, ears, monkeypatch, retryable):
    kit = hearing.Equipment(lambda: Ears(lambda _choice: _Broken(retryable=retryable), policy=AT_ONCE), list)
    monkeypatch.setattr(hearing, "equipment", lambda: kit)
    call = receive(northwind, given("a.flac", call_file(2)), call_id="c-1").calls.get()
    for attempt in range(1, hearing.ATTEMPTS + 1):
        call = run(northwind, call)
        assert call.attempts == attempt
        if call.is_over:
            break
        assert call.due_at > timezone.now()
    assert attempt == (hearing.ATTEMPTS if retryable else 1)
    assert call.state == "failed" and "number" not in call.error
    old = call.conversation
    assert (old.state, old.end_reason) == ("incomplete", "speech_failed")
    # Somebody tries again when the service is back: the same conversation, whole this time.
    ears(LINES[:1])
    call_retry(call=call, user=northwind.people["admin"])
    call = run(northwind, call)
    assert (call.state, call.conversation, call.conversation.provider_call_id) == ("done", old, "c-1")
    assert len(said(call.conversation)) == 1 and call.conversation.end_reason == "stop"
    assert list(conversations_by(Conversation.UPLOADED, ["c-1"])) == [call.conversation]
    ledger = CallLedger.objects.values_list("conversation", "provider_call_id", "state")
    assert list(ledger) == [(old.pk, "c-1", "completed")]


def judged_by_hand(conversation):
    card = ScorecardTemplate.objects.create(name="Card")
    revision = ScorecardRevision.objects.create(
        template=card, number=1, spec={"name": "Card", "criteria": []}
    )
    evaluation = Evaluation.objects.create(conversation=conversation, revision=revision)
    Answer.objects.create(
        evaluation=evaluation, criterion_key="a", position=0, value="no", overridden_at=timezone.now()
    )


@pytest.mark.parametrize("kept", ["note", "score"])
def test_a_conversation_that_somebody_wrote_about_or_judged_is_not_begun_anew(
    northwind, ears, monkeypatch, kept
):
    kit = hearing.Equipment(lambda: Ears(lambda _choice: _Broken(retryable=False), policy=AT_ONCE), list)
    monkeypatch.setattr(hearing, "equipment", lambda: kit)
    call = run(northwind, receive(northwind, given("a.flac", call_file(2)), call_id="c-1").calls.get())
    old = call.conversation
    if kept == "note":
        Note.objects.create(conversation=old, author=northwind.people["admin"], text="call them back")
    else:
        judged_by_hand(old)
    ears(LINES[:1])
    call_retry(call=call, user=northwind.people["admin"])
    call = run(northwind, call)
    assert (call.state, call.conversation.provider_call_id) == ("done", "c-1") and call.conversation != old
    old.refresh_from_db()
    assert (old.state, old.provider_call_id) == ("incomplete", "c-1#1")
    assert set(CallLedger.objects.values_list("conversation", "provider_call_id", "state")) == {
        (old.pk, "c-1#1", "incomplete"),
        (call.conversation_id, "c-1", "completed"),
    }


def test_storage_that_is_away_costs_no_attempt(northwind, ears, monkeypatch):
    ears(LINES[:1])
    call = receive(northwind, given("a.flac", call_file(2))).calls.get()

    def away(_row):
        raise StorageAway("could not read a stored file")

    with monkeypatch.context() as patch:
        patch.setattr(hearing, "file_open", away)
        for _attempt in range(2 * hearing.ATTEMPTS):
            call = run(northwind, call)
    assert (call.state, call.attempts) == ("waiting", 0) and call.due_at > timezone.now()
    assert run(northwind, call).state == "done"


def test_a_file_that_takes_the_process_down_is_given_up(northwind, ears):
    ears([])
    call = receive(northwind, given("a.flac", call_file(2))).calls.get()
    UploadedCall.objects.update(attempts=hearing.ATTEMPTS)
    call = run(northwind, call)
    assert call.state == "failed" and "attempts" in call.error


# --- Killed in the middle -------------------------------------------------------------------------------


def _celery(script: Path, log: Path) -> AbstractContextManager[subprocess.Popen[bytes]]:
    return celery_process(
        log,
        *CELERY_WORKER,
        SPEECH_PROVIDER="tests.peers.held_ears:HeldEars",
        SPEECH_OPTIONS=json.dumps({"path": str(script)}),
    )


def test_killed_in_the_middle_and_started_twice_it_is_one_whole_conversation(committed, tmp_path):
    seconds = 30
    lines = [
        line(number % 2, 400 + 2_500 * number, f"this is sentence number {number}") for number in range(11)
    ]
    script = tmp_path / "script.json"
    script.write_text(json.dumps({"*": lines}))
    hold_of(script).touch()
    noise = np.random.default_rng(5).uniform(-0.1, 0.1, seconds * 8000)
    company, log = committed.northwind, tmp_path / "celery.log"
    with company.scope():
        data = sound_file("flac", "flac", 8000, 2, [noise, noise])
        call = receive(company, given("long.flac", data)).calls.get()  # tells Celery by itself

        def now() -> UploadedCall:
            return UploadedCall.objects.get(pk=call.pk)

        with _celery(script, log) as first:
            wait_for(lambda: Utterance.objects.count() >= 3, seconds=80, what="the first utterances")
            # Started again meanwhile: it sees that somebody is at it.
            uploaded_call_hear(call_id=call.pk)
            assert now().attempts <= 1 and now().state == "transcribing"
            first.kill()
            first.wait()
        assert Utterance.objects.count() < len(lines)
        hold_of(script).unlink()
        assert default_storage.exists(now().storage_key)
        with _celery(script, log):
            # Its lease runs out, the sweep comes, twice; and again, as beat has it, as long as nobody is at it.
            for _sweep in range(2):
                UploadedCall.objects.exclude(state="done").update(due_at=timezone.now())
                uploads_sweep()

            def done() -> bool:
                uploads_sweep()
                return now().state == "done"

            wait_for(done, seconds=80, what="the end of the call")
            wait_for(Recording.objects.exists, seconds=60, what="the recording")
        conversation = Conversation.objects.get()
        assert now().conversation_id == conversation.pk and conversation.state == "completed"
        assert CallOwner.objects.get().epoch == 2
        assert [(channel, start) for channel, start, _text in said(conversation)] == [
            (each["channel"], each["start_ms"]) for each in lines
        ]
        ledger = CallLedger.objects.get()
        assert (ledger.received_ms, ledger.gaps) == ([seconds * 1000] * 2, [])
        recording = Recording.objects.get()
        assert recording.duration_ms == seconds * 1000
    assert "sentence" not in log.read_text()


def test_a_compressed_call_is_heard_by_the_embedded_recogniser(northwind, monkeypatch):
    """Ten seconds of a sample call, as MP3: who says what, and when, is what the sample says of itself."""
    kit = hearing.Equipment(lambda: Ears(lambda _choice: create("pocketsphinx")), stages)
    monkeypatch.setattr(hearing, "equipment", lambda: kit)
    sample = ROOT / "demo" / "calls" / "billing.flac"
    rate, sides = read_audio(sample)
    signals = [np.frombuffer(side, "<i2")[: 10 * rate] / 32768 for side in sides]
    call = receive(
        northwind, given("call.mp3", sound_file("mp3", "libmp3lame", rate, 2, signals))
    ).calls.get()
    conversation = run(northwind, call).conversation
    heard = [
        (row.channel_index, word, start)
        for row in Utterance.objects.filter(conversation=conversation)
        for word, start, _end, _confidence in row.words
    ]
    assert {channel for channel, _word, _start in heard} == {0}, "the customer has not spoken yet"
    assert len(heard) > 5


class _TellsApart:
    """Ears for one channel that hear two people, who talk at once in the middle."""

    name, diarises = "apart", True

    async def start(self) -> None: ...
    async def close(self) -> None: ...

    async def open(self, call):
        assert call.diarise and call.channels == 1
        return _TwoPeople()


class _TwoPeople:
    def __init__(self) -> None:
        self._over = asyncio.Event()
        self.upto_ms = 0

    async def feed(self, sides, start_ms) -> None:
        self.upto_ms = start_ms + len(sides[0]) // 16

    async def finish(self) -> None:
        self._over.set()

    abort = finish

    async def __aiter__(self):
        await self._over.wait()
        spoken = [
            (0, 200, 2_000, "good morning"),
            (1, 1_000, 3_000, "i have a question"),
            (2, 3_100, 3_500, "me too"),
        ]
        for speaker, start, end, text in spoken:
            words = (HeardWord(RawText(text), start, end, 0.9),)
            yield Hypothesis(speaker, True, start, end, RawText(text), words, 0.9, "apart")
        yield Progress(0, self.upto_ms)


def test_speakers_of_one_channel_are_told_apart(northwind, monkeypatch):
    kit = hearing.Equipment(lambda: Ears(lambda _choice: _TellsApart()), stages)
    monkeypatch.setattr(hearing, "equipment", lambda: kit)
    one, other = (
        receive(northwind, given("a.flac", call_file(4, 1)), direction=way).calls.get()
        for way in ("inbound", "outbound")
    )
    rows = Utterance.objects.order_by("start_ms").values_list("speaker", "channel_index", "text")
    conversation = run(northwind, one).conversation
    assert list(rows.filter(conversation=conversation)) == [
        ("agent", 0, "good morning"),
        ("customer", 0, "i have a question"),
        ("customer", 0, "me too"),
    ]
    assert CallLedger.objects.get().gaps == []
    # Who is called says hello first.
    assert rows.filter(conversation=run(northwind, other).conversation)[0][0] == "customer"
