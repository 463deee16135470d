"""How the Deepgram peer hears: sound becomes words, words become Deepgram's messages.

What it says rests on the samples it received and on nothing else. A run of sound is found to the sample, wherever the
stream began, so that a stream begun anew in a pause of the call brings the same words at the same times of the call.
A run's words are either derived from its samples (`audible`) or those of a script that belongs to a recording
(`Scripted`): the run is then looked for in that recording by its length and its loudness over time.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np

from engines.speech.audio import read_audio
from tests.peers.coded import WORDS

LOUD = 600
GAP_MS, LONGEST_MS, SHORTEST_MS = 50, 600, 15
SEGMENT_SECONDS, INTERIM_SECONDS = 5.0, 1.0
BINS = 16


@dataclass(frozen=True)
class Said:
    text: str
    start: float
    end: float
    confidence: float = 0.97
    speaker: int | None = None


def audible(pcm: np.ndarray, rate: int, start: float) -> list[Said]:
    """Give a run the word that its samples make."""
    digest = hashlib.blake2s(pcm.astype("<i2").tobytes()).digest()
    word = WORDS[int.from_bytes(digest[:4], "big") % len(WORDS)]
    return [Said(word, start, start + len(pcm) / rate, round(0.8 + digest[4] / 1280, 4))]


class Runs:
    """Finds the runs of sound of one channel: `(start, samples)`, and `(start, None)` as soon as one begins."""

    def __init__(self, rate: int) -> None:
        self.rate = rate
        self.gap, self.longest = rate * GAP_MS // 1000, rate * LONGEST_MS // 1000
        self.shortest = rate * SHORTEST_MS // 1000
        self.at = 0
        self.last_loud = 0
        self.start: int | None = None
        self._kept = np.empty(0, np.int16)
        self._kept_at = 0

    def hear(self, pcm: np.ndarray) -> Iterator[tuple[int, np.ndarray | None]]:
        self._kept = np.concatenate([self._kept, pcm])
        loud = np.flatnonzero(np.abs(pcm.astype(np.int32)) > LOUD) + self.at
        self.at += len(pcm)
        for first, last in self._together(loud):
            if self.start is not None and first - self.last_loud > self.gap:
                yield from self.close()
            if self.start is None:
                self.start = first
                yield first, None
            self.last_loud = last
            # Too long a run is cut at multiples from its start, once it is known to go on.
            while self.last_loud >= self.start + self.longest:
                yield self.start, self._sound(self.start, self.start + self.longest)
                self.start += self.longest
        if self.start is not None and self.at - self.last_loud > self.gap:
            yield from self.close()
        keep = self.start if self.start is not None else self.at
        self._kept, self._kept_at = self._kept[keep - self._kept_at :], keep

    def close(self) -> Iterator[tuple[int, np.ndarray | None]]:
        """End the run that is open, if any."""
        if self.start is not None:
            start, end, self.start = self.start, self.last_loud + 1, None
            if end - start >= self.shortest:
                yield start, self._sound(start, end)

    def _together(self, loud: np.ndarray) -> Iterable[tuple[int, int]]:
        if not len(loud):
            return []
        breaks = np.flatnonzero(np.diff(loud) > self.gap)
        firsts, lasts = loud[np.r_[0, breaks + 1]], loud[np.r_[breaks, len(loud) - 1]]
        return list(zip(firsts.tolist(), lasts.tolist(), strict=True))

    def _sound(self, start: int, end: int) -> np.ndarray:
        return self._kept[start - self._kept_at : end - self._kept_at].copy()


class Scripted:
    """Words with times in recordings: `[{"audio": path, "channel": 0, "words": [{text, start_ms, end_ms}]}]`."""

    # Recordings are telephone sound. The same at twice the rate keeps every second sample (`audio.Upsampler`), by which
    # it is recognised; a stream must then begin at one of those, as every whole millisecond does.
    rate = 8000

    def __init__(self, recordings: Sequence[Mapping[str, Any]]) -> None:
        self._known: list[tuple[np.ndarray, float, list[Said]]] = []
        for recording in recordings:
            rate, channels = read_audio(recording["audio"])
            assert rate == self.rate
            runs, pcm = Runs(rate), np.frombuffer(channels[recording.get("channel", 0)], "<i2")
            found = [
                (at / rate, sound) for at, sound in [*runs.hear(pcm), *runs.close()] if sound is not None
            ]
            spoken: list[list[Said]] = [[] for _ in found]
            for word in recording["words"]:
                start, end = word["start_ms"] / 1000, word["end_ms"] / 1000
                overlap = [min(end, at + len(pcm) / rate) - max(start, at) for at, pcm in found]
                spoken[int(np.argmax(overlap))].append(
                    Said(word["text"], start, end, 0.97, word.get("speaker"))
                )
            for (at, pcm), words in zip(found, spoken, strict=True):
                self._known.append((_shape(pcm, rate), at, words))

    def __call__(self, pcm: np.ndarray, rate: int, start: float) -> list[Said]:
        shape = _shape(pcm, rate)
        _, at, words = min(self._known, key=lambda each: float(np.abs(each[0] - shape).sum()))
        moved = start - at
        return [
            Said(word.text, max(0.0, word.start + moved), word.end + moved, 0.97, word.speaker)
            for word in words
        ]


def _shape(pcm: np.ndarray, rate: int) -> np.ndarray:
    edges = np.linspace(0, len(pcm), BINS + 1).astype(int)
    parts = [pcm[a:b].astype(np.float64) for a, b in pairwise(edges)]
    loud = np.array([np.sqrt(np.mean(part**2)) if len(part) else 0.0 for part in parts])
    return np.r_[np.log(loud + 50), len(pcm) / rate * 20]


@dataclass
class Ear:
    """One channel of a stream: takes sound, gives messages in Deepgram's form, less what is common to all."""

    rate: int
    channel: int
    channels: int
    words_of: Any
    endpointing: float
    utterance_end: float
    runs: Runs = field(init=False)
    _words: list[Said] = field(default_factory=list)
    _from: float = 0.0
    _last_end: float | None = None  # of sound whose UtteranceEnd has not come
    _last_word: float = 0.0
    _speaking: bool = False  # words since the last speech_final
    _next_interim: float = INTERIM_SECONDS

    def __post_init__(self) -> None:
        wanted = getattr(self.words_of, "rate", self.rate)
        self._every, self._phase, self.rate = self.rate // wanted, 0, wanted
        self.runs = Runs(self.rate)

    @property
    def now(self) -> float:
        return self.runs.at / self.rate

    def hear(self, pcm: np.ndarray) -> Iterator[dict[str, Any]]:
        heard = pcm[-self._phase % self._every :: self._every]
        self._phase += len(pcm)
        for at, sound in self.runs.hear(heard):
            if sound is None:
                yield from self._silence(at / self.rate)
            else:
                yield from self._run(at, sound)
        if self.runs.start is None:
            yield from self._silence(self.now)
        if self.now >= self._next_interim:
            self._next_interim = self.now // INTERIM_SECONDS * INTERIM_SECONDS + INTERIM_SECONDS
            if self.runs.start is None and not self._words and self.now - self._from >= SEGMENT_SECONDS:
                yield self._results(self.now, final=True)
            else:
                yield self._results(self.now)

    def flush(self, **flags: bool) -> Iterator[dict[str, Any]]:
        """Make final what was heard, a word that is being said included."""
        for at, sound in self.runs.close():
            if sound is not None:
                yield from self._run(at, sound)
        if self.now > self._from:
            self._speaking = False
            yield self._results(self.now, final=True, **flags)

    def _run(self, at: int, sound: np.ndarray) -> Iterator[dict[str, Any]]:
        said = self.words_of(sound, self.rate, at / self.rate)
        self._words += said
        if said:
            self._last_end, self._speaking = (at + len(sound)) / self.rate, True
            self._last_word = said[-1].end
        if self._words and self._words[-1].end - self._from >= SEGMENT_SECONDS:
            yield self._results(max(self._from, (at + len(sound)) / self.rate), final=True)

    def _silence(self, upto: float) -> Iterator[dict[str, Any]]:
        """Say what comes of there being no sound from the last word until `upto`."""
        if self._last_end is None:
            return
        if self._speaking and upto >= self._last_end + self.endpointing:
            self._speaking = False
            yield self._results(self._last_end + self.endpointing, final=True, speech_final=True)
        if self.utterance_end and upto >= self._last_end + self.utterance_end:
            self._last_end = None
            place = [self.channel, self.channels]
            yield {"type": "UtteranceEnd", "channel": place, "last_word_end": round(self._last_word, 6)}

    def _results(
        self, upto: float, *, final: bool = False, speech_final: bool = False, from_finalize: bool = False
    ) -> dict[str, Any]:
        words, start = self._words, self._from
        if final:
            self._words, self._from = [], upto
        return {
            "type": "Results",
            "channel_index": [self.channel, self.channels],
            "duration": round(upto - start, 6),
            "start": round(start, 6),
            "is_final": final,
            "speech_final": speech_final,
            "from_finalize": from_finalize,
            "channel": {"alternatives": [alternative(words)]},
        }


def alternative(words: Sequence[Said]) -> dict[str, Any]:
    confidence = sum(word.confidence for word in words) / len(words) if words else 0.0
    return {
        "transcript": " ".join(word.text for word in words),
        "confidence": confidence,
        "words": [spelled(word) for word in words],
    }


def spelled(word: Said) -> dict[str, Any]:
    found: dict[str, Any] = {
        "word": word.text.lower(),
        "start": round(word.start, 6),
        "end": round(word.end, 6),
        "confidence": word.confidence,
        "punctuated_word": word.text,
    }
    if word.speaker is not None:
        found["speaker"] = word.speaker
    return found
