"""Spoken numbers with known times, heard badly: no digit outside the beeps, and at most half a second too much.

The whole measurement is `python -m bench redaction_audio`.
"""

from __future__ import annotations

import argparse
import random
from pathlib import Path

import pytest

from bench import redaction_audio
from bench.redaction_audio import Clip, beeped, clips_read, finals_scripted, scenario_run
from bench.report import Unmeasured
from conversations.live import recorder
from engines.redaction import stream
from engines.redaction.muting import Beeps

SEED = 4


@pytest.fixture
def clips(shared_data: Path) -> list[Clip]:
    return list(clips_read(shared_data / "dev" / "audio" / "digits.jsonl"))


@pytest.mark.parametrize("scenario", redaction_audio.SCENARIOS)
def test_no_digit_is_audible_and_little_else_is_beeped(clips: list[Clip], scenario: str) -> None:
    assert len(clips) == 24
    tally = scenario_run(clips, scenario, seeds=2, seed=SEED)
    assert tally.examples == []
    assert tally.audible == 0 and tally.digits > 500
    assert max(tally.before_s) <= 0.5 and max(tally.after_s) <= 0.5


def test_what_the_digits_lie_in_is_measured(clips: list[Clip], monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the voice being followed, and without any beep, digits are audible."""
    monkeypatch.setattr(recorder, "voice_start", lambda _pcm, _rate, at_ms, **_: at_ms)
    monkeypatch.setattr(recorder, "voice_end", lambda _pcm, _rate, at_ms, **_: at_ms)
    assert scenario_run(clips[:6], "edge", seeds=2, seed=SEED).audible > 0
    monkeypatch.setattr(stream.Muting, "beeps", lambda *_, **__: Beeps())
    tally = scenario_run(clips[:2], "exact", seeds=1, seed=SEED)
    assert tally.audible == tally.digits


def test_the_bench_says_when_it_cannot_measure(tmp_path: Path) -> None:
    (tmp_path / "none.jsonl").write_text("")
    (tmp_path / "other.jsonl").write_text('{"text": "hello"}\n')
    for name in ("none.jsonl", "other.jsonl", "missing.jsonl"):
        options = argparse.Namespace(data=tmp_path / name, seeds=1, seed=1, embedded=False, show=False)
        with pytest.raises(Unmeasured):
            redaction_audio.measure(options)


def test_the_scripts_are_as_bad_as_they_say(clips: list[Clip]) -> None:

    clip = clips[0]
    for scenario in redaction_audio.SCENARIOS:
        lot = random.Random(1)
        words = [
            word for _ in range(20) for final in finals_scripted(clip, scenario, lot) for word in final.words
        ]
        said = [redaction_audio.NAMES[digit] for digit, _start, _end in clip.digits]
        names = [word for word, _start, _end in words if word in redaction_audio.NAMES]
        missing = 20 * len(said) - len(names)
        assert (missing > 0) == (scenario in ("substituted", "dropped", "edge", "all"))
        starts = {start for _digit, start, _end in clip.digits}
        shifted = [start for word, start, _end in words if word in said and start not in starts]
        assert bool(shifted) == (scenario in ("jitter", "edge", "all"))


def test_a_clip_that_nobody_heard_is_beeped_nowhere(clips: list[Clip]) -> None:
    """What recognition wrote nothing of cannot be hidden: the bench counts it as audible."""
    assert beeped(clips[0], [], asked=False) == []
