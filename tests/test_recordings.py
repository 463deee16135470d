"""Recordings: cut behind numbers being given, joined, and written anew for later findings."""

from __future__ import annotations

import io
import tracemalloc
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.exceptions import ValidationError
from django.core.files.storage import default_storage
from django.test import override_settings
from django.utils import timezone

from accounts.errors import Conflict
from accounts.models import AuditEvent
from conversations import outbox
from conversations.hiding import words_hide
from conversations.live.recorder import HOLD_BACK_MS, OPEN_WAIT_MS, Recorder, Segment
from conversations.live.segments import segment_folder, segment_path, segment_store, segments_hide
from conversations.models import CallOwner, HiddenStretch, OutboxJob, Recording, Redaction, Utterance
from conversations.recording_files import file_write
from conversations.recordings import (
    RecordingBusy,
    _alone,
    recording_rewrite,
    recording_seal,
    segments_tidy,
    stretches_apply,
)
from conversations.stored import StoredFileMissing, stored_names, stored_put, stored_read
from engines.redaction.stream import OpenNumber
from engines.speech.encoding import CODECS
from tenants import keys
from tests.live_calls import RATE, call_make
from tests.past_calls import Past, past_call
from tests.recorded_calls import SECRET, call_recorded, heard, loudness_of, recorded, sine, stretch

pytestmark = pytest.mark.usefixtures("own_folder")


# --- Cutting -----------------------------------------------------------------------------------------------


def recorder_with(seconds: int) -> Recorder:
    recorder = Recorder(sample_rate=RATE, channels=2, recorded_ms=0, state=None)
    recorder.add(0, [sine(seconds).tobytes(), sine(seconds).tobytes()])
    return recorder


def test_a_segment_waits_for_a_number_that_is_being_given() -> None:
    recorder, roles = recorder_with(80), ("agent", "customer")
    number = OpenNumber(since_ms=12_000, speaker="customer", is_partial=True)
    first = recorder.take(20_000, 1, number=number, roles=roles)
    assert first is not None and first.end_ms == 12_000 - HOLD_BACK_MS
    for now_ms in (30_000, 50_000, 12_000 + OPEN_WAIT_MS):
        assert recorder.take(now_ms, 1, number=number, roles=roles) is None
    # It was given: all of it is cut, and only what was found is beeped.
    recorder.hide(1, [(14_000, 18_000)])
    rest = recorder.take(60_000, 1, number=None, roles=roles)
    assert rest is not None and (rest.start_ms, rest.end_ms) == (12_000 - HOLD_BACK_MS, 60_000 - HOLD_BACK_MS)
    sound = np.frombuffer(rest.pcm, "<i2").reshape(-1, 2)
    at_ms = rest.start_ms
    assert loudness_of(stretch(sound, 1, 14_000 - at_ms, 18_000 - at_ms), SECRET) < 0.002
    assert loudness_of(stretch(sound, 1, 18_500 - at_ms, 50_000 - at_ms), SECRET) > 0.3


def test_the_wait_for_a_number_ends_and_what_its_giver_said_is_beeped() -> None:
    recorder, roles = recorder_with(80), ("agent", "customer")
    number = OpenNumber(since_ms=5_000, speaker="customer", is_partial=True)
    assert recorder.take(5_000 + OPEN_WAIT_MS, 1, number=number, roles=roles) is None
    cut = recorder.take(5_001 + OPEN_WAIT_MS, 1, number=number, roles=roles)
    assert cut is not None and cut.end_ms == 5_001 + OPEN_WAIT_MS - HOLD_BACK_MS
    sound = np.frombuffer(cut.pcm, "<i2").reshape(-1, 2)
    assert loudness_of(stretch(sound, 1, 5_000, cut.end_ms), SECRET) < 0.002
    assert loudness_of(stretch(sound, 1, 0, 5_000), SECRET) > 0.3
    assert loudness_of(sound[:, 0], SECRET) > 0.3
    # Only asked for, or complete: nothing of it is open, so nothing is beeped.
    other = recorder_with(80)
    asked = OpenNumber(since_ms=5_000, speaker="", is_partial=False)
    cut = other.take(70_000, 1, number=asked, roles=roles)
    assert cut is not None and other.state()["beeps"] == []


def test_a_finding_in_a_stored_segment_is_told() -> None:
    recorder = recorder_with(40)
    assert recorder.take(20_000, 1) is not None
    assert recorder.hide(1, [(18_000, 21_000)]) == [(1, 18_000, 20_000 - HOLD_BACK_MS)]
    assert recorder.hide(1, [(25_000, 26_000)]) == []


# --- Joining -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("codec", CODECS)
def test_segments_are_joined_and_what_losers_stored_goes(world: Any, codec: str, own_folder: Path) -> None:
    with world.northwind.scope(), override_settings(RECORDING_CODEC=codec):
        ident, key = call_recorded(30, beeps=((1, 9_000, 12_000),))
        # A superseded worker stored its own version, and one that nobody follows.
        for start_ms in (10_000, 20_500):
            lost = Segment(start_ms, start_ms + 10_000, bytes(RATE * 40), RATE, 2)
            segment_store(schema="northwind", conversation_id=ident, epoch=2, key=key, segment=lost)
        assert len(stored_names(segment_folder("northwind", ident))[1]) == 5
        recording_seal(ident)
        recording = Recording.objects.get(conversation=ident)
        sound = heard(recording)
        assert (recording.codec, recording.duration_ms, len(sound)) == (codec, 30_000, 30 * RATE)
        assert recording.redacted_intervals == [[1, 9_000, 12_000]]
        assert [len(side) for side in recording.peaks] == [300, 300]
        assert loudness_of(stretch(sound, 1, 9_000, 12_000), SECRET) < 0.003
        assert loudness_of(stretch(sound, 0, 9_000, 12_000), SECRET) > 0.3
        assert stored_names(segment_folder("northwind", ident)) == ([], [])
        assert not (own_folder / "northwind" / "segments" / str(ident)).exists()
        assert CallOwner.objects.get(pk=ident).wrapped_key is None
        before = recording.sha256
        recording_seal(ident)
        assert Recording.objects.get(conversation=ident).sha256 == before


def test_segments_that_come_after_the_end_are_tidied_up(world: Any) -> None:
    with world.northwind.scope():
        ident, key = call_recorded(10)
        live, _key = call_recorded(10)
        recording_seal(ident)
        late = Segment(0, 10_000, bytes(RATE * 40), RATE, 2)
        segment_store(schema="northwind", conversation_id=ident, epoch=1, key=key, segment=late)
        assert segments_tidy() == 0  # its worker may still be at it
        CallOwner.objects.filter(pk=ident).update(updated_at=timezone.now() - timedelta(hours=1))
        assert segments_tidy() == 1
        assert stored_names(segment_folder("northwind", ident))[1] == []
        assert len(stored_names(segment_folder("northwind", live))[1]) == 1


def test_a_missing_segment_leaves_everything_for_the_next_try(world: Any) -> None:
    with world.northwind.scope():
        ident, _key = call_recorded(20)
        path = segment_path("northwind", ident, 10_000, 3)
        kept = stored_read(path)
        default_storage.delete(path)
        with pytest.raises(StoredFileMissing):
            recording_seal(ident)
        assert CallOwner.objects.get(pk=ident).wrapped_key is not None
        assert not Recording.objects.filter(conversation=ident).exists()
        stored_put(path, io.BytesIO(kept))
        recording_seal(ident)
        assert Recording.objects.get(conversation=ident).duration_ms == 20_000


def test_memory_does_not_grow_with_the_recording(world: Any) -> None:
    def peak(minutes: int) -> int:
        noise = np.random.default_rng(5).normal(0, 3000, (RATE * 10, 2)).astype("<i2")
        recording = Recording(conversation_id=ident, codec="flac", sample_rate=RATE, channels=2)
        tracemalloc.start()
        file_write(recording, (noise for _piece in range(6 * minutes)))
        top = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert recording.duration_ms == minutes * 60_000
        return top

    with world.northwind.scope():
        ident, _key = call_make()
        short, long = peak(1), peak(8)
    # Eight minutes of noise make a file of some 12 MB; what grows with it are ten peaks a second.
    assert long - short < 400_000 and long < 6_000_000, (short, long)


# --- Later findings ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("codec", CODECS)
def test_a_later_finding_rewrites_the_recording_and_the_old_bytes_are_gone(
    world: Any, past: Past, codec: str, own_folder: Path
) -> None:
    with world.northwind.scope():
        recording = recorded(past, codec=codec)
        old = own_folder / recording.storage_key
        old_bytes, old_key = old.read_bytes(), recording.wrapped_key
        recording_rewrite(conversation_id=past.conversation.pk, intervals=[(1, 6_000, 8_000)])
        # Asked for twice is asked for once.
        recording_rewrite(
            conversation_id=past.conversation.pk, intervals=[(1, 6_000, 8_000), (0, 9_000, 9_000)]
        )
        assert HiddenStretch.objects.count() == 1
        stretches_apply(past.conversation.pk)
        now = Recording.objects.get(pk=recording.pk)
        assert (now.revision, now.stale_key, now.redacted_intervals) == (2, "", [[1, 6_000, 8_000]])
        assert bytes(now.wrapped_key) != bytes(old_key) and not old.exists()
        files = list((own_folder / "northwind" / "recordings").iterdir())
        assert [file.name for file in files] == [Path(now.storage_key).name]
        assert files[0].read_bytes() != old_bytes
        sound = heard(now)
        assert loudness_of(stretch(sound, 1, 6_000, 8_000), SECRET) < 0.003
        assert loudness_of(stretch(sound, 1, 8_500, 19_500), SECRET) > 0.3
        assert loudness_of(stretch(sound, 0, 6_000, 8_000), SECRET) > 0.3
        assert AuditEvent.objects.filter(action="recording.rewrite").count() == 1
        stretches_apply(past.conversation.pk)
        assert Recording.objects.get(pk=recording.pk).sha256 == now.sha256


def test_a_rewrite_that_was_cut_off_is_finished_by_the_next(
    world: Any, past: Past, own_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dies(recording: Recording) -> None:
        if recording.stale_key:
            raise RuntimeError

    with world.northwind.scope():
        recording = recorded(past)
        recording_rewrite(conversation_id=past.conversation.pk, intervals=[(0, 1_000, 2_000)])
        job = OutboxJob.objects.get(task="recording.hide")
        with monkeypatch.context() as patch:
            # The row names the new file; the process dies before the old one is deleted.
            patch.setattr("conversations.recordings._stale_delete", dies)
            assert not outbox.job_execute(job_id=job.pk)
        now = Recording.objects.get(pk=recording.pk)
        assert now.revision == 2 and (own_folder / now.stale_key).exists()
        assert outbox.job_execute(job_id=job.pk)
        assert not (own_folder / now.stale_key).exists() and Recording.objects.get(pk=now.pk).stale_key == ""
        with _alone(past.conversation.pk):
            assert outbox.job_execute(job_id=job.pk)  # done is done


def test_two_jobs_do_not_write_one_recording(committed: Any) -> None:
    import threading

    with committed.northwind.scope():
        past = past_call(agent=committed.northwind.people["agent"])
        recorded(past, seconds=1)
        recording_rewrite(conversation_id=past.conversation.pk, intervals=[(0, 100, 200)])
        said: list[Any] = []

        def other() -> None:
            from django.db import connection

            try:
                with committed.northwind.scope():
                    stretches_apply(past.conversation.pk)
            except RecordingBusy as error:
                said.append(error)
            finally:
                connection.close()

        with _alone(past.conversation.pk):
            thread = threading.Thread(target=other)
            thread.start()
            thread.join()
        assert len(said) == 1


def test_stored_segments_and_those_to_come_obey(world: Any) -> None:
    with world.northwind.scope():
        ident, key = call_recorded(20)
        recording_rewrite(conversation_id=ident, intervals=[(1, 8_000, 24_000)])
        stretches_apply(ident)

        def side(start_ms: int) -> np.ndarray:
            path = segment_path("northwind", ident, start_ms, 3)
            return np.frombuffer(keys.unseal(key, stored_read(path), bound_to=path), "<i2").reshape(-1, 2)

        assert loudness_of(stretch(side(0), 1, 8_000, 10_000), SECRET) < 0.002
        assert loudness_of(stretch(side(0), 1, 0, 7_900), SECRET) > 0.3
        assert loudness_of(side(10_000)[:, 1], SECRET) < 0.002
        both = np.column_stack([sine(10), sine(10)]).tobytes()
        third = Segment(20_000, 30_000, both, RATE, 2)
        segment_store(schema="northwind", conversation_id=ident, epoch=3, key=key, segment=third)
        assert loudness_of(stretch(side(20_000), 1, 0, 4_000), SECRET) < 0.002
        assert loudness_of(stretch(side(20_000), 1, 4_100, 10_000), SECRET) > 0.3
        # A segment of a worker that died before it wrote it anew: the join still hides it.
        again = Segment(10_000, 20_000, both, RATE, 2)
        HiddenStretch.objects.update(applied_at=None)
        path = segment_path("northwind", ident, 10_000, 3)
        stored_put(path, io.BytesIO(keys.seal(key, again.pcm, bound_to=path)))
        recording_seal(ident)
        recording = Recording.objects.get(conversation=ident)
        assert loudness_of(stretch(heard(recording), 1, 8_000, 20_000), SECRET) < 0.002
        assert not HiddenStretch.objects.filter(applied_at__isnull=True).exists()
        hidden = segments_hide(
            schema="northwind",
            conversation_id=ident,
            key=key,
            sample_rate=RATE,
            channels=2,
            hidden=[(0, 0, 9)],
        )
        assert hidden == 0


def test_words_are_hidden_by_hand_everywhere(world: Any, past: Past, own_folder: Path) -> None:
    company = world.northwind
    with company.scope():
        row = past.said[1]
        text = row.text
        timed = [[word, 5_000 + 250 * at, 5_200 + 250 * at, 0.9] for at, word in enumerate(text.split())]
        Utterance.objects.filter(pk=row.pk).update(words=timed)
        recording = recorded(past)
        line = past.summary.lines.first()
        line.text, line.evidence = "The customer says MY BILL is wrong.", [str(row.pk)]
        line.save()
        marked = past.moment
        was = text[marked.start : marked.end]
        start = text.index("bill")
    client, url = company.client("supervisor"), f"/api/v1/conversations/{past.conversation.pk}/redactions/"
    # From the middle of one word to the middle of another: both go.
    asked = {"utterance": str(row.pk), "start": 0, "end": start + 2, "type": "ACCOUNT_NUMBER", "revision": 1}
    answer = client.post(url, asked, content_type="application/json")
    assert answer.status_code == 201, answer.content
    assert answer.json()["text"] == "[ACCOUNT_NUMBER]" + text[start + 4 :] and answer.json()["revision"] == 2
    assert client.post(url, asked, content_type="application/json").status_code == 409
    with company.scope():
        row.refresh_from_db()
        assert row.words[0] == ["[ACCOUNT_NUMBER]", 5_000, 5_450, 0.9]
        found = Redaction.objects.get(utterance=row)
        assert (found.found_in, row.text[found.start : found.end]) == ("manual", "[ACCOUNT_NUMBER]")
        marked.refresh_from_db()
        assert row.text[marked.start : marked.end] == was == "want to cancel"
        past.hint.refresh_from_db()
        evidence = past.hint.evidence[0]
        assert row.text[evidence["start"] : evidence["end"]] == was
        line.refresh_from_db()
        assert line.text == "The customer says [ACCOUNT_NUMBER] is wrong."
        assert not Utterance.objects.filter(search="bill", pk=row.pk).exists()
        stretches_apply(past.conversation.pk)
        sound = heard(recording)
        # The words with 150 ms on either side, on the customer's channel.
        assert loudness_of(stretch(sound, row.channel_index, 4_850, 5_600), SECRET) < 0.003
        assert loudness_of(stretch(sound, 1 - row.channel_index, 4_850, 5_600), SECRET) > 0.3
        actions = set(AuditEvent.objects.values_list("action", flat=True))
        assert {"conversation.redact", "recording.hide", "recording.rewrite"} <= actions
        said = AuditEvent.objects.filter(action="conversation.redact").values_list("changes", flat=True)
        assert "bill" not in str(list(said)).lower()


def speech(seconds: float, *said: tuple[int, int]) -> np.ndarray:
    """Both sides of a quiet line on which the secret pitch is heard in the stretches that are named."""
    side = np.random.default_rng(3).normal(0.0, 8.0, round(seconds * RATE))
    for start_ms, end_ms in said:
        part = slice(start_ms * RATE // 1000, end_ms * RATE // 1000)
        side[part] += sine(seconds)[part] / 4
    return np.column_stack([side, side]).astype("<i2")


@pytest.mark.parametrize("joined", [True, False])
def test_what_is_hidden_late_follows_the_voice_in_the_finished_recording(
    world: Any, past: Past, joined: bool, own_folder: Path
) -> None:
    """The word's time ends 250 ms before the word does, and the next word is bounded by its own time."""
    # Another word far before, the one to hide, the next after a pause.
    sound = speech(20, (1_000, 2_000), (5_000, 5_900), (7_000, 7_500))
    with world.northwind.scope():
        if joined:
            ident, row = past.conversation.pk, past.said[1]
            recording = Recording(conversation=past.conversation, codec="flac", sample_rate=RATE, channels=2)
            file_write(recording, [sound])
            recording.save()
            times, text = [(1_000, 2_000), (5_100, 5_500), (7_000, 7_500)], "for marigold please"
            words = [[word, *time, 0.9] for word, time in zip(text.split(), times, strict=True)]
            Utterance.objects.filter(pk=row.pk).update(text=text, words=words, start_ms=1_000, end_ms=7_500)
            words_hide(utterance_id=row.pk, start=4, end=12, type_name="NAME", actor=None)
            stretches_apply(ident)
            channel = row.channel_index
        else:
            channel, (ident, key) = 1, call_recorded(20)
            for start_ms in (0, 10_000):
                pcm = sound[start_ms * RATE // 1000 : (start_ms + 10_000) * RATE // 1000].tobytes()
                part = Segment(start_ms, start_ms + 10_000, pcm, RATE, 2)
                segment_store(schema="northwind", conversation_id=ident, epoch=3, key=key, segment=part)
            # As above, while the call goes on: its segments obey the words' times at once.
            recording_rewrite(conversation_id=ident, intervals=[(1, 4_950, 5_650)], reach=[(4_450, 6_150)])
            stretches_apply(ident)
            recording_seal(ident)
        recording = Recording.objects.get(conversation=ident)
        ((where, start, end),) = recording.redacted_intervals
        assert where == channel and 4_500 <= start <= 5_000 and 5_900 <= end <= 6_400
        now = heard(recording)
        assert loudness_of(stretch(now, channel, 4_900, 5_900), SECRET) < 0.003
        assert loudness_of(stretch(now, channel, 1_000, 2_000), SECRET) > 0.05
        assert loudness_of(stretch(now, channel, 7_000, 7_500), SECRET) > 0.05
        assert loudness_of(stretch(now, 1 - channel, 5_000, 5_900), SECRET) > 0.05
        # A stretch that somebody drew is taken as it was drawn.
        recording_rewrite(conversation_id=ident, intervals=[(channel, 1_200, 1_300)])
        stretches_apply(ident)
        assert [channel, 1_200, 1_300] in Recording.objects.get(conversation=ident).redacted_intervals


def test_what_cannot_be_hidden_is_said(world: Any, past: Past) -> None:
    with world.northwind.scope():
        person, row = world.northwind.people["analyst"], past.said[3]
        begin = row.text.index("[CREDIT_CARD]")
        for start, end, kind, error in [
            (0, 500, "NAME", ValidationError),
            (5, 5, "NAME", ValidationError),
            (0, 4, "SHOE_SIZE", ValidationError),
            (begin + 2, begin + 5, "NAME", Conflict),
            (2, 3, "NAME", Conflict),
        ]:
            with pytest.raises(error):
                words_hide(utterance_id=row.pk, start=start, end=end, type_name=kind, actor=person)
        assert not AuditEvent.objects.filter(action="conversation.redact").exists()
        # Without times for its words the whole utterance goes from the sound; a placeholder inside is swallowed.
        words_hide(utterance_id=row.pk, start=begin - 3, end=begin + 4, type_name="NAME", actor=person)
        row.refresh_from_db()
        assert row.text == "My card [NAME], thank you, that is all."
        only = HiddenStretch.objects.get()
        assert (only.start_ms, only.end_ms) == (row.start_ms - 150, row.end_ms + 150)
    answer = world.northwind.client("admin").post(
        f"/api/v1/conversations/{past.conversation.pk}/redactions/",
        {"utterance": str(past.conversation.pk), "start": 0, "end": 1, "type": "NAME"},
        content_type="application/json",
    )
    assert answer.status_code == 400
