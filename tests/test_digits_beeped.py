"""No digit of a number that was spoken is heard in what is stored: digit clips whose times are known, scripted ears."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from conversations.live.recorder import Recorder
from engines.redaction.stream import StreamRedactor
from engines.redaction.text import RawText
from engines.speech.audio import read_audio
from engines.speech.types import HeardWord

NAMES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
CLIPS = 6
LEAD_MS = 4_000  # the question before the answer
ASKED = "could you read me the long number on the card please"


def card_clips(shared: Path) -> list[dict[str, Any]]:
    folder = shared / "dev" / "audio"
    rows = [json.loads(line) for line in (folder / "digits.jsonl").read_text().splitlines()]
    cards = [row for row in rows if row["pii_type"] == "CREDIT_CARD"][:CLIPS]
    return [{**row, "path": folder / row["file"]} for row in cards]


@pytest.mark.parametrize("asked", [True, False], ids=["asked for", "unasked"])
@pytest.mark.parametrize("group", [4, 16])
def test_no_digit_of_a_card_is_stored(shared_data: Path, asked: bool, group: int) -> None:
    clips = card_clips(shared_data)
    assert len(clips) == CLIPS
    for clip in clips:
        rate, (voice,) = read_audio(clip["path"])
        lead = bytes(2 * rate * LEAD_MS // 1000)
        said = np.frombuffer(lead + voice + bytes(2 * rate * 12), "<i2")
        noise = np.random.default_rng(7).integers(-300, 300, len(said)).astype("<i2")
        stored = _stored(clip, rate, [noise.tobytes(), said.tobytes()], asked=asked, group=group)
        assert len(stored) == len(said)
        assert np.array_equal(stored[:, 0], noise), "the agent said no digit"
        for digit in clip["digit_times"]:
            start, end = (round((LEAD_MS / 1000 + digit[edge]) * rate) for edge in ("start", "end"))
            spoken, kept = said[start:end].astype(float), stored[start:end, 1].astype(float)
            alike = abs(np.dot(spoken, kept)) / (np.linalg.norm(spoken) * np.linalg.norm(kept) + 1e-9)
            assert alike < 0.1, f"{clip['id']}: {digit} can be heard"


def _stored(clip: dict[str, Any], rate: int, sides: list[bytes], *, asked: bool, group: int) -> np.ndarray:
    """What the segments hold after the live way's steps: final, stretches to hide, progress, cut."""
    redactor, roles = StreamRedactor(), ("agent", "customer")
    recorder = Recorder(sample_rate=rate, channels=2, recorded_ms=0, state=None)
    recorder.add(0, sides)
    if asked:
        redactor.redact_final("agent", RawText(ASKED), (), 500, 3_500)
    times = clip["digit_times"]
    parts = []
    for first in range(0, len(times), group):
        words = [
            HeardWord(
                RawText(NAMES[digit["digit"]]),
                LEAD_MS + round(digit["start"] * 1000),
                LEAD_MS + round(digit["end"] * 1000),
                0.9,
            )
            for digit in times[first : first + group]
        ]
        text = RawText(" ".join(word.text.reveal() for word in words))
        start_ms, end_ms = words[0].start_ms, words[-1].end_ms
        found = redactor.redact_final("customer", text, words, start_ms, end_ms)
        assert recorder.hide(1, found.audio_intervals) == [], "it was stored before it was judged"
        parts.append(recorder.take(end_ms, 1, number=redactor.open_number(end_ms), roles=roles))
    whole_ms = len(sides[0]) * 1000 // (2 * rate)
    parts.append(recorder.take(whole_ms, 1, all_of_it=True))
    pcm = b"".join(part.pcm for part in parts if part is not None)
    return np.frombuffer(pcm, "<i2").reshape(-1, 2)
