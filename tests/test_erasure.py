"""What may not be kept for want of consent, when the word for it comes late; and a legal hold, which comes first."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
import redis.asyncio as redis
from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection
from django.utils import timezone

from accounts.errors import Conflict
from analytics.services import fact_write_job
from conversations import consent, lifecycle
from conversations.consent import consent_from_metadata, consent_now, consent_record
from conversations.consent_enforcement import consent_enforce, hold_lifted
from conversations.correlation import fields_apply
from conversations.erasure import words_erase
from conversations.live.buffer import AudioBuffer
from conversations.live.timeline import Timeline
from conversations.models import (
    CallOwner,
    CallPhase,
    ConsentRule,
    Conversation,
    HiddenStretch,
    LegalHold,
    OutboxJob,
    Recording,
    RetentionRule,
    SummaryLine,
    Utterance,
)
from conversations.notes import note_save
from conversations.outbox import job_execute
from conversations.phases import LifecycleEvent, Phase
from conversations.recordings import recording_remove
from conversations.retention import retention_enforce
from conversations.summaries import summary_write_job
from integrations.uploads.models import Upload, UploadedCall
from qa.scoring import conversation_score_job
from tenants import names
from tests.live_calls import call_make
from tests.past_calls import past_call, recording_make


def rule(purpose, **fields):
    wanted = {"mode": "opt_in", "unknown_allows": False} | fields
    return ConsentRule.objects.create(purpose=purpose, **wanted)


@pytest.fixture
def past(world):
    with world.northwind.scope():
        made = past_call(agent=world.northwind.people["agent"], queue=world.northwind.queue)
        recording_make(made.conversation, seconds=20)
        yield made


def texts(past):
    return list(
        Utterance.objects.filter(conversation=past.conversation)
        .order_by("start_ms")
        .values_list("text", flat=True)
    )


def timeline_of(call):
    timeline = Timeline()
    for mark in consent.marks_of(call):
        timeline.add(mark)
    return timeline


def test_a_withdrawal_that_erases_stops_a_call_that_was_allowed_before(world):
    with world.northwind.scope():
        rule("assist", on_withdrawal="erase")
        call = Conversation.objects.get(pk=call_make()[0])
        for state, at_ms in (("given", 2_000), ("withdrawn", 9_000)):
            row = consent_record(conversation=call, purpose="assist", state=state, source="api")
            type(row).objects.filter(pk=row.pk).update(at_ms=at_ms)
        assert not consent_now(call)["assist"]
        timeline = timeline_of(call)
        assert {timeline.unheard(at) for at in (0, 5_000, 15_000)} == {"no consent"}


def test_a_later_word_is_not_placed_before_an_earlier_one(world, monkeypatch):
    """Where a line is paused, the audio does not move while the words come."""
    with world.northwind.scope():
        call = Conversation.objects.get(pk=call_make()[0])
        places = iter([5_000, 3_000])
        monkeypatch.setattr(consent, "position_ms", lambda *_: next(places))
        for state in ("given", "withdrawn"):
            consent_record(conversation=call, purpose="record", state=state, source="api")
        assert timeline_of(call).unrecorded(9_000) == "no consent"


def test_hold_ends_where_the_line_stood_still(world, monkeypatch):
    """AudioHook pauses its audio on hold, and its word of the end of it takes longer than that of the beginning."""
    with world.northwind.scope():
        ident, _key = call_make()
        places = iter([4_800, 4_500])
        monkeypatch.setattr(lifecycle, "position_ms", lambda *_: next(places))
        now = timezone.now()
        for seconds, phase in ((10, Phase.HOLD), (2, Phase.CONNECTED)):
            event = LifecycleEvent({}, now - timedelta(seconds=seconds), phase)
            lifecycle.lifecycle_apply(conversation_id=ident, event=event)
        timeline = Timeline()
        for mark in lifecycle.marks_of(ident):
            timeline.add(mark)
        assert timeline.unheard(9_000) == ""
        assert CallPhase.objects.filter(conversation_id=ident, refused=False).count() == 2


def test_a_region_that_comes_after_the_call_counts(past):
    rule("assist", region="DE")
    call = past.conversation
    fields_apply(conversation_id=call.pk, fields={"metadata": {"region": "DE"}})
    assert OutboxJob.objects.filter(conversation=call, task="consent.enforce_changed").exists()
    consent_enforce(call.pk)
    assert not any(texts(past))
    assert not Recording.objects.filter(conversation=call).exists()


def test_what_was_said_before_consent_goes_wherever_it_was_quoted(past):
    rule("assist")
    call = past.conversation
    row = consent_record(conversation=call, purpose="assist", state="given", source="api")
    type(row).objects.filter(pk=row.pk).update(at_ms=8_000)
    line = SummaryLine.objects.create(
        summary=past.summary,
        section="reason",
        position=9,
        text="My bill is wrong",
        evidence=[str(past.said[1].pk)],
    )
    consent_enforce(call.pk)
    consent_enforce(call.pk)
    said = texts(past)
    assert said[:2] == ["", ""] and all(said[2:])
    assert not SummaryLine.objects.filter(pk=line.pk).exists()
    call.refresh_from_db()
    assert call.words_erased_at is None


def test_sound_of_before_the_word_is_hidden_and_what_was_silent_is_not_beeped(past):
    rule("record")
    call = past.conversation
    CallOwner.objects.update_or_create(
        conversation=call,
        defaults={
            "recorded_ms": 20_000,
            "audio_format": {"channels": 2},
            "engine_state": {"recording": {"kept_out": [[0, 3_000]]}},
        },
    )
    row = consent_record(conversation=call, purpose="record", state="given", source="api")
    type(row).objects.filter(pk=row.pk).update(at_ms=8_000)
    consent_enforce(call.pk)
    hidden = HiddenStretch.objects.filter(conversation=call)
    assert set(hidden.values_list("channel", "start_ms", "end_ms")) == {
        (0, 3_000, 8_000),
        (1, 3_000, 8_000),
    }
    assert all(texts(past))


@pytest.mark.parametrize("of", ["conversation", "customer"])
def test_a_legal_hold_comes_before_a_withdrawal_and_the_withdrawal_after_it(past, of):
    rule("assist", mode="opt_out", unknown_allows=True, on_withdrawal="erase")
    call = past.conversation
    held = call if of == "conversation" else call.customer
    hold = LegalHold.objects.create(**{of: held}, reason="court 17/26")
    consent_record(conversation=call, purpose="assist", state="withdrawn", source="api")
    consent_enforce(call.pk)
    assert all(texts(past)) and Recording.objects.filter(conversation=call).exists()
    hold.lifted_at = timezone.now()
    hold.save()
    hold_lifted(hold)
    assert OutboxJob.objects.filter(conversation=call, event=f"consent.changed:{hold.pk}").exists()
    consent_enforce(call.pk)
    assert not any(texts(past)) and not Recording.objects.filter(conversation=call).exists()


def test_a_call_without_consent_that_was_never_heard_is_not_called_erased(world):
    with world.northwind.scope():
        rule("assist")
        ident, _key = call_make()
        Conversation.objects.filter(pk=ident).update(state="wrap_up", ended_at=timezone.now())
        consent_enforce(ident)
        assert Conversation.objects.get(pk=ident).words_erased_at is None


@pytest.mark.parametrize("how", ["withdrawn", "deleted"])
def test_the_uploaded_file_goes_with_what_was_made_of_it(past, how):
    call = past.conversation
    path = default_storage.save("kept/failed.sealed", ContentFile(b"sealed"))
    upload = UploadedCall.objects.create(
        upload=Upload.objects.create(source=Upload.Source.values[0], name="calls"),
        name="call.wav",
        state="failed",
        conversation=call,
        storage_key=path,
        wrapped_key=b"key",
    )
    if how == "withdrawn":
        rule("assist", mode="opt_out", unknown_allows=True, on_withdrawal="erase")
        consent_record(conversation=call, purpose="assist", state="withdrawn", source="api")
        consent_enforce(call.pk)
    else:
        RetentionRule.objects.create(kind="metadata", days=1)
        Conversation.objects.filter(pk=call.pk).update(ended_at=timezone.now() - timedelta(days=2))
        retention_enforce()
        assert not Conversation.objects.filter(pk=call.pk).exists()
    upload.refresh_from_db()
    assert (upload.storage_key, upload.wrapped_key) == ("", None)
    assert not default_storage.exists(path)


def test_metadata_again_after_the_end_asks_once(past):
    call = past.conversation
    for _ in range(2):
        consent_from_metadata(conversation_id=call.pk, fields={"region": "DE"}, source="native")
    assert OutboxJob.objects.filter(conversation=call, task="consent.enforce_changed").count() == 1


def test_jobs_that_run_after_words_were_erased_bring_none_back(past):
    call = past.conversation
    past.summary.delete()
    words_erase(conversation_id=call.pk, reason="test")
    for job in (summary_write_job, conversation_score_job, fact_write_job, consent_enforce):
        job(call.pk)
        job(call.pk)
    assert not any(texts(past))
    assert not SummaryLine.objects.filter(summary__conversation=call).exclude(text="").exists()
    with pytest.raises(Conflict):
        note_save(conversation=call, user=call.agent, text="My bill is wrong")


def test_spilled_audio_goes_though_redis_has_forgotten_it(world):
    with world.northwind.scope():
        ident, _key = call_make()
        Conversation.objects.filter(pk=ident).update(state="wrap_up", ended_at=timezone.now())
        path = default_storage.save(
            names.storage_path(connection.schema_name, "spilled", ident, "1-10.chunks"),
            ContentFile(b"sealed"),
        )
        recording_remove(ident)
        assert not default_storage.exists(path)


def test_what_the_worker_could_not_be_told_is_told_again(committed, monkeypatch):
    """The buffer was away as the hold ended: without another word the call would stay on hold."""
    with committed.northwind.scope():
        ident, key = call_make()
        schema = connection.schema_name

        async def marks():
            async with redis.Redis.from_url(settings.REDIS_STREAMS_URL) as client:
                return (await AudioBuffer(client).marks(schema, ident, key))[0]

        async def away(*_args):
            raise redis.ConnectionError

        now = timezone.now()
        for seconds, phase in ((10, Phase.HOLD), (2, Phase.CONNECTED)):
            event = LifecycleEvent({}, now - timedelta(seconds=seconds), phase)
            with monkeypatch.context() as patch:
                if phase is Phase.CONNECTED:
                    patch.setattr(AudioBuffer, "append_mark", away)
                lifecycle.lifecycle_apply(conversation_id=ident, event=event)
        job = OutboxJob.objects.get(conversation_id=ident, task="marks.retell")
        assert job_execute(job_id=job.pk)
        timeline = Timeline()
        for mark in asyncio.run(marks()):
            timeline.add(mark)
        assert timeline.phase(9_000) == "connected"
