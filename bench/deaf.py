"""A speech provider that hears nothing: it takes all sound, and says how far it has come.

What a call costs without its recognition is measured with it: `SPEECH_PROVIDER=bench.deaf:DeafProvider`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

from engines.speech.types import CallToHear, Heard, Progress, SpeechSession

PROGRESS_EVERY_MS = 500


class DeafSession:
    """One call; made by `DeafProvider.open`."""

    def __init__(self, call: CallToHear) -> None:
        self._rate = call.sample_rate
        self._channels = call.channels
        self._said_ms = self._upto_ms = max(call.start_ms)
        self._events: asyncio.Queue[Heard | None] = asyncio.Queue()

    async def feed(self, sides: Sequence[bytes], start_ms: int) -> None:
        self._pass(start_ms + len(sides[0]) * 500 // self._rate)

    async def skip(self, start_ms: int, end_ms: int) -> None:
        self._pass(end_ms)

    async def finish(self) -> None:
        self._say()
        self._events.put_nowait(None)

    async def abort(self) -> None:
        self._events.put_nowait(None)

    async def __aiter__(self) -> AsyncIterator[Heard]:
        while (event := await self._events.get()) is not None:
            yield event

    def _pass(self, upto_ms: int) -> None:
        self._upto_ms = max(self._upto_ms, upto_ms)
        if self._upto_ms - self._said_ms >= PROGRESS_EVERY_MS:
            self._say()

    def _say(self) -> None:
        self._said_ms = self._upto_ms
        for channel in range(self._channels):
            self._events.put_nowait(Progress(channel, self._upto_ms))


class DeafProvider:
    """Opens deaf sessions."""

    name = "deaf"
    diarises = False

    async def start(self) -> None:
        """Nothing to acquire."""

    async def open(self, call: CallToHear) -> SpeechSession:
        return DeafSession(call)

    async def close(self) -> None:
        """Nothing to release."""
