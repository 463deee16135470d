"""Makes a provider of calls out of one that hears a channel at a time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress

from engines.speech.audio import sound_from
from engines.speech.types import CallToHear, ChannelProvider, ChannelSession, Heard, SpeechError

# Silence is fed in pieces of this length, as audio would come.
STEP_MS = 100


class PerChannel:
    """A `SpeechProvider` that opens one session of `provider` for each channel of a call."""

    diarises = False

    def __init__(self, provider: ChannelProvider) -> None:
        self._provider = provider
        self.name = provider.name

    async def start(self) -> None:
        await self._provider.start()

    async def open(self, call: CallToHear) -> PerChannelSession:
        """Open every channel, or none. Raises `SpeechError`."""
        sessions: list[ChannelSession] = []
        try:
            for channel, start_ms in enumerate(call.start_ms):
                sessions.append(
                    await self._provider.open(
                        channel=channel,
                        sample_rate=call.sample_rate,
                        language=call.language,
                        start_ms=start_ms,
                        call_id=call.call_id,
                    )
                )
        except BaseException:
            for session in sessions:
                with suppress(SpeechError):
                    await session.abort()
            raise
        return PerChannelSession(sessions, call)

    async def close(self) -> None:
        await self._provider.close()


class PerChannelSession:
    """The channels of one call, heard apart and told together, in the order in which they come."""

    def __init__(self, sessions: Sequence[ChannelSession], call: CallToHear) -> None:
        self._sessions = list(sessions)
        self._starts = call.start_ms
        self._rate = call.sample_rate
        self._heard: asyncio.Queue[Heard | Exception | None] = asyncio.Queue(maxsize=1_000)
        self._listeners: list[asyncio.Task[None]] = []

    async def feed(self, sides: Sequence[bytes], start_ms: int) -> None:
        for session, pcm, heard_ms in zip(self._sessions, sides, self._starts, strict=True):
            at_ms = max(start_ms, heard_ms)
            if new := sound_from(pcm, start_ms, at_ms, self._rate):
                await session.feed(new, at_ms)

    async def skip(self, start_ms: int, end_ms: int) -> None:
        for at_ms in range(start_ms, end_ms, STEP_MS):
            silence = b"\0" * (min(STEP_MS, end_ms - at_ms) * self._rate // 1000 * 2)
            await self.feed([silence] * len(self._sessions), at_ms)

    async def finish(self) -> None:
        for session in self._sessions:
            await session.finish()

    async def abort(self) -> None:
        for listener in self._listeners:
            listener.cancel()
        for session in self._sessions:
            with suppress(SpeechError):
                await session.abort()

    def __aiter__(self) -> AsyncIterator[Heard]:
        return self._iterate()

    async def _iterate(self) -> AsyncIterator[Heard]:
        self._listeners = [asyncio.create_task(self._listen(session)) for session in self._sessions]
        try:
            still = len(self._listeners)
            while still:
                heard = await self._heard.get()
                if heard is None:
                    still -= 1
                elif isinstance(heard, Exception):
                    raise heard
                else:
                    yield heard
        finally:
            for listener in self._listeners:
                listener.cancel()
            await asyncio.gather(*self._listeners, return_exceptions=True)

    async def _listen(self, session: ChannelSession) -> None:
        try:
            async for heard in session:
                await self._heard.put(heard)
        except Exception as error:  # a bug, too, is for who reads: he would wait for ever
            await self._heard.put(error)
        else:
            await self._heard.put(None)
