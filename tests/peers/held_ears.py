"""Ears that hear a script as `engines.speech.scripted` does, and stop in the middle for as long as they are held.

For tests that kill whoever listens with them: a call is never through before it is killed, however fast it went.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from engines.speech.scripted import ScriptedProvider

HELD_FROM_MS = 15_000


class _Held:
    def __init__(self, session: Any, hold: Path) -> None:
        self._session = session
        self._hold = hold

    async def feed(self, pcm: bytes, start_ms: int) -> None:
        # Another process lets go: there is nothing to wait for but the file.
        while start_ms >= HELD_FROM_MS and self._hold.exists():  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        await self._session.feed(pcm, start_ms)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)

    def __aiter__(self) -> Any:
        return aiter(self._session)


class HeldEars(ScriptedProvider):
    """Hears nothing behind 15 s of a call while `hold_of` its script is there."""

    _hold = Path()

    @classmethod
    def from_file(cls, path: str | Path) -> ScriptedProvider:
        made = super().from_file(path)
        assert isinstance(made, HeldEars)
        made._hold = hold_of(path)
        return made

    async def open(self, **wanted: Any) -> Any:
        return _Held(await super().open(**wanted), self._hold)


def hold_of(script: str | Path) -> Path:
    """The file that keeps them in the middle of a call."""
    return Path(script).with_suffix(".hold")
