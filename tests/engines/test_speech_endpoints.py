"""Where speech begins and ends: on recordings whose words' times are known, however the sound is cut into pieces."""

from __future__ import annotations

import itertools
import json

import pytest

from engines.speech.audio import read_audio
from engines.speech.endpoints import Endpointer, Stretch, Timing
from tests.engines.speech_sound import shared_audio
from tests.peers.toned import speak

RATE = 8000


def cut(
    pcm: bytes, *, step_ms: int = 100, start_ms: int = 0, rate: int = RATE, timing: Timing | None = None
) -> list[Stretch]:
    end = Endpointer(sample_rate=rate, start_ms=start_ms, timing=timing)
    step = rate * step_ms // 1000 * 2
    found = []
    for at in range(0, len(pcm), step):
        found += end.feed(pcm[at : at + step], start_ms + at * 500 // rate)
        assert end.clear_ms >= (found[-1].end_ms if found else start_ms)
    return found + end.finish()


def spans(stretches: list[Stretch]) -> list[tuple[int, int]]:
    return [(one.start_ms, one.end_ms) for one in stretches]


def test_every_digit_lies_within_a_stretch() -> None:
    """240-odd spoken digits whose times are known, at telephone rate."""
    count = 0
    for line in shared_audio("digits.jsonl").read_text().splitlines():
        clip = json.loads(line)
        rate, (pcm, *_) = read_audio(shared_audio(clip["file"]))
        found = spans(cut(pcm, rate=rate))
        for digit in clip["digit_times"]:
            start, end = digit["start"] * 1000 + 20, digit["end"] * 1000 - 20
            assert any(one <= start and end <= other for one, other in found), clip["id"]
            count += 1
        assert found == spans(cut(pcm, rate=rate, step_ms=37)), clip["id"]
    assert count > 200


def test_a_real_call() -> None:
    """Of what was marked as speech next to nothing is missed, and silence stays out."""
    call = json.loads(shared_audio("calls.jsonl").read_text().splitlines()[0])
    rate, channels = read_audio(shared_audio(call["file"]))
    for number, role in call["channels"].items():
        found = cut(channels[int(number)], rate=rate)
        marked = [(start * 1000, end * 1000) for start, end in call["segments_silver"][role]]
        total = sum(end - start for start, end in marked)
        covered = sum(
            max(0, min(end, one.end_ms) - max(start, one.start_ms)) for start, end in marked for one in found
        )
        assert covered / total > 0.99
        assert sum(one.end_ms - one.start_ms for one in found) < 0.75 * call["seconds"] * 1000
        assert max(one.end_ms - one.start_ms for one in found) <= 25_000


def test_preroll_hangover_and_the_sound_itself() -> None:
    pcm = speak([("hello", 2.0, 2.5), ("bill", 2.8, 3.2), ("please", 6.0, 6.4)], seconds=9)
    found = cut(pcm, start_ms=10_000)
    assert spans(found) == [(11_700, 13_700), (15_700, 16_900)]
    for one in found:
        assert one.pcm == pcm[(one.start_ms - 10_000) * 16 : (one.end_ms - 10_000) * 16]


def test_a_click_is_no_speech_and_neither_is_noise() -> None:
    assert cut(speak([("hello", 2.0, 2.04)], seconds=4)) == []
    loud = speak([], seconds=10)
    assert cut(bytes(loud)) == [] and cut(bytes(160_000)) == []


def test_speech_without_a_pause_is_cut_at_its_quietest_and_nothing_is_lost() -> None:
    said = [("hello", 1.0, 12.0), ("my", 12.1, 30.0)]
    timing = Timing(longest_ms=12_000)
    found = cut(speak(said, seconds=32), timing=timing)
    assert all(one.end_ms - one.start_ms <= 12_000 for one in found)
    assert all(one.end_ms == other.start_ms for one, other in itertools.pairwise(found))
    assert any(12_000 <= one.end_ms <= 12_100 for one in found)
    assert found[0].start_ms <= 1000 and found[-1].end_ms >= 30_000


def test_a_gap_ends_the_stretch_and_times_stay_true() -> None:
    pcm = speak([("hello", 1.0, 2.0), ("bill", 2.1, 3.0)], seconds=4)
    end = Endpointer(sample_rate=RATE, start_ms=0)
    assert end.feed(pcm[: 16 * 1500], 0) == []
    speaking = end.speaking()
    assert speaking is not None and (speaking.start_ms, speaking.end_ms) == (700, 1500)
    found = end.feed(pcm[16 * 2000 :], 60_000) + end.finish()
    assert spans(found) == [(700, 1500), (60_000, 61_500)]
    assert end.feed(b"", 70_000) == [] and end.heard_ms == end.clear_ms == 70_000
    # What was fed already is passed over.
    assert end.feed(bytes(16 * 500), 69_500) == [] and end.heard_ms == 70_000


def test_half_a_sample() -> None:
    with pytest.raises(ValueError):
        Endpointer(sample_rate=RATE, start_ms=0).feed(b"\0", 0)
