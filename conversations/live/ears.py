"""The speech providers of one worker: the installation's default and what companies chose, started when asked for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from engines.speech.types import SpeechProvider


class Ears:
    """Hands out started providers by name. `make(name)` makes one that is not started; "" is the default's name."""

    def __init__(self, default: str, make: Callable[[str], SpeechProvider]) -> None:
        self._default = default
        self._make = make
        self._started: dict[str, SpeechProvider] = {}
        self._starting = asyncio.Lock()

    async def of(self, name: str = "") -> SpeechProvider:
        """Return the provider, starting it if need be. Raises `SpeechError` or `ValueError` if it cannot be."""
        name = name or self._default
        async with self._starting:
            if name not in self._started:
                provider = self._make(name)
                await provider.start()
                self._started[name] = provider
        return self._started[name]

    async def close(self) -> None:
        for provider in self._started.values():
            await provider.close()
        self._started.clear()
