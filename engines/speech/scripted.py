"""A peer for tests: a speech provider that hears a script instead of sound.

It follows the whole contract of `types.py`, with the length of the sound as its only clock: what it says depends
on how much it was fed and on nothing else, so that two runs can be compared word by word. It never looks
at the samples.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engines.redaction.text import RawText
from engines.speech.types import Heard, HeardWord, Hypothesis, Progress, SpeechError

NAME = "scripted"

FINAL_AFTER_MS = 200
"""Sound after an utterance's end before its final comes, as a real endpointer needs some silence."""

PROGRESS_EVERY_MS = 500

ANY_CALL = "*"

Script = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class _Utterance:
    channel: int
    start_ms: int
    end_ms: int
    words: tuple[HeardWord, ...]


def _utterances(script: Script) -> tuple[_Utterance, ...]:
    """Read a script; sorted by time. Raises `ValueError` with the place of what is wrong."""
    read = []
    for number, line in enumerate(script):
        try:
            start, end = int(line["start_ms"]), int(line["end_ms"])
            words = _words(line, start, end)
            read.append(_Utterance(int(line["channel"]), start, end, words))
        except KeyError as error:
            raise ValueError(f"utterance {number}: {error.args[0]} is missing") from None
        if not words or end <= start:
            raise ValueError(f"utterance {number}: needs words, and an end after its start")
    return tuple(sorted(read, key=lambda each: (each.channel, each.start_ms)))


def _words(line: Mapping[str, Any], start: int, end: int) -> tuple[HeardWord, ...]:
    if "words" in line:
        return tuple(
            HeardWord(
                RawText(word["text"]), int(word["start_ms"]), int(word["end_ms"]), float(word["confidence"])
            )
            for word in line["words"]
        )
    # Without times of their own, words share the utterance evenly.
    texts = line["text"].split()
    at = [start + (end - start) * index // max(1, len(texts)) for index in range(len(texts) + 1)]
    return tuple(HeardWord(RawText(text), at[i], at[i + 1], 1.0) for i, text in enumerate(texts))


class ScriptedSession:
    """One channel that hears its part of the script; made by `ScriptedProvider.open`."""

    def __init__(
        self, channel: int, sample_rate: int, start_ms: int, utterances: Iterable[_Utterance]
    ) -> None:
        self._channel = channel
        self._rate = sample_rate
        self._start_ms = start_ms
        self._upto_ms = start_ms
        self._said_ms = start_ms
        self._waiting = list(utterances)
        self._spoken = 0  # words of the first waiting utterance that were given as a partial
        self._events: asyncio.Queue[Heard | None] = asyncio.Queue()
        self._over = False

    async def feed(self, pcm: bytes, start_ms: int) -> None:
        """Let time pass by the length of `pcm`. Everything that it brings can be read at once.

        Raises `ValueError` for half a sample and `RuntimeError` after `finish` or `abort`.
        """
        if len(pcm) % 2:
            raise ValueError(f"PCM16 has two bytes per sample, got {len(pcm)} bytes")
        if self._over:
            raise RuntimeError("the session is finished: it takes no more sound")
        self._hear(start_ms + len(pcm) * 500 // self._rate, ended=False)

    async def finish(self) -> None:
        """End the sound: an utterance begun is given as a final, cut at the words that were spoken."""
        if not self._over:
            self._hear(self._upto_ms, ended=True)
            self._end()

    async def abort(self) -> None:
        """Drop what was heard; the iteration ends."""
        while not self._events.empty():
            self._events.get_nowait()
        if not self._over:
            self._end()
        else:
            self._events.put_nowait(None)

    def end(self) -> None:
        """Close the session with its provider."""
        if not self._over:
            self._end()

    async def __aiter__(self) -> AsyncIterator[Heard]:
        while (event := await self._events.get()) is not None:
            yield event

    def _end(self) -> None:
        self._over = True
        self._events.put_nowait(None)

    def _hear(self, upto_ms: int, *, ended: bool) -> None:
        # Step by step through the moments at which something happens, so that the events are the same however
        # the sound is cut into pieces.
        self._upto_ms = max(self._upto_ms, upto_ms)
        while self._waiting:
            utterance = self._waiting[0]
            heard = [word for word in utterance.words if word.end_ms <= self._upto_ms]
            self._silence(min(self._upto_ms, utterance.start_ms))
            for count in range(self._spoken + 1, len(heard) + 1):
                self._say(utterance, heard[:count], final=False)
            self._spoken = max(self._spoken, len(heard))
            over = self._upto_ms >= utterance.end_ms + FINAL_AFTER_MS
            if not over and not (ended and heard):
                break
            self._say(utterance, heard, final=True)
            self._progress(heard[-1].end_ms if ended and not over else utterance.end_ms)
            self._waiting.pop(0)
            self._spoken = 0
        if ended:
            self._progress(self._upto_ms)
        elif not self._waiting:
            self._silence(self._upto_ms)

    def _say(self, utterance: _Utterance, words: list[HeardWord], *, final: bool) -> None:
        whole = final and len(words) == len(utterance.words)
        self._events.put_nowait(
            Hypothesis(
                channel=self._channel,
                final=final,
                start_ms=utterance.start_ms,
                end_ms=utterance.end_ms if whole else words[-1].end_ms,
                text=RawText(" ".join(word.text.reveal() for word in words)),
                words=tuple(words),
                confidence=sum(word.confidence for word in words) / len(words),
                provider=NAME,
            )
        )

    def _silence(self, upto_ms: int) -> None:
        """Say the progress of silence at whole steps from the session's start."""
        step = PROGRESS_EVERY_MS
        while (due := self._start_ms + ((self._said_ms - self._start_ms) // step + 1) * step) <= upto_ms:
            self._progress(due)

    def _progress(self, upto_ms: int) -> None:
        if upto_ms > self._said_ms:
            self._said_ms = upto_ms
            self._events.put_nowait(Progress(self._channel, upto_ms))


class ScriptedProvider:
    """Hears a script: utterances `{channel, start_ms, end_ms, text}` in milliseconds from the call's start.

    An utterance may carry `words`, `[{text, start_ms, end_ms, confidence}]`; without them the words share its
    time evenly, at confidence 1. A session opened at `start_ms` says only what begins there or later. A peer for
    tests, in process, without any speech recognition.
    """

    name = NAME
    per_channel = True

    def __init__(self, script: Script | Mapping[str, Script]) -> None:
        """Take one script for all calls, or scripts by call id with `"*"` for all others.

        Raises `ValueError` for a script that cannot be read.
        """
        by_call = script if isinstance(script, Mapping) else {ANY_CALL: script}
        self._scripts = {call_id: _utterances(lines) for call_id, lines in by_call.items()}
        self._sessions: list[ScriptedSession] = []

    @classmethod
    def from_file(cls, path: str | Path) -> ScriptedProvider:
        """Read scripts by call id from a JSON file. Raises `OSError`, `ValueError`."""
        content = json.loads(Path(path).read_text(encoding="utf-8"))
        if not isinstance(content, list | dict):
            raise ValueError("the script must be a list of utterances, or an object of them by call id")
        return cls(content)

    async def start(self) -> None:
        """Nothing to acquire."""

    async def open(
        self, *, channel: int, sample_rate: int, language: str, start_ms: int, call_id: str
    ) -> ScriptedSession:
        """Begin at `start_ms`. Raises `SpeechError`, not retryable, when no script is for this call."""
        script = self._scripts.get(call_id, self._scripts.get(ANY_CALL))
        if script is None:
            raise SpeechError("no script for this call", retryable=False)
        mine = [line for line in script if line.channel == channel and line.start_ms >= start_ms]
        session = ScriptedSession(channel, sample_rate, start_ms, mine)
        self._sessions.append(session)
        return session

    async def close(self) -> None:
        """End all sessions."""
        sessions, self._sessions = self._sessions, []
        for session in sessions:
            session.end()
