"""Ears that hear a script as `engines.speech.scripted` does, and take their time: for tests that stop them half-way."""

from __future__ import annotations

import asyncio
from typing import Any

from engines.speech.scripted import ScriptedProvider

SECONDS_A_FEED = 0.005


class _Slow:
    def __init__(self, session: Any) -> None:
        self._session = session

    async def feed(self, pcm: bytes, start_ms: int) -> None:
        await asyncio.sleep(SECONDS_A_FEED)
        await self._session.feed(pcm, start_ms)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)

    def __aiter__(self) -> Any:
        return aiter(self._session)


class SlowEars(ScriptedProvider):
    """A 30-second call of two channels takes about three seconds."""

    async def open(self, **wanted: Any) -> Any:
        return _Slow(await super().open(**wanted))
