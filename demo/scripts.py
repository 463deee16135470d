"""The sample calls: their scripts, their sound, and the customers who make them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import soundfile

CALLS = Path(__file__).parent / "calls"


@dataclass(frozen=True)
class SampleCall:
    """A scripted call. `duration_ms` is that of its sound; `script` is its JSON file."""

    key: str
    title: str
    duration_ms: int
    script: dict[str, Any]

    @property
    def sound(self) -> Path:
        return CALLS / f"{self.key}.flac"

    @property
    def duration(self) -> str:
        seconds = self.duration_ms // 1000
        return f"{seconds // 60}:{seconds % 60:02}"


@cache
def sample_calls() -> dict[str, SampleCall]:
    """The calls there are, by key; the one that shows most comes first."""
    found = {}
    for sound in CALLS.glob("*.flac"):
        script = json.loads(sound.with_suffix(".json").read_text(encoding="utf-8"))
        duration_ms = round(soundfile.info(sound).duration * 1000)
        found[sound.stem] = SampleCall(sound.stem, script["title"], duration_ms, script)
    return dict(sorted(found.items(), key=lambda item: (item[0] != "cancellation", item[0])))
