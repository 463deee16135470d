"""A provider that several fallbacks share: started when it is first opened, once, closed by who made it."""

from __future__ import annotations

import asyncio

from engines.speech.types import CallToHear, SpeechProvider, SpeechSession


class StartedOnce:
    """Passes everything on to `provider`, which starts with the first `open`. One that failed to start may again."""

    def __init__(self, provider: SpeechProvider) -> None:
        self._provider = provider
        self._starting = asyncio.Lock()
        self._started = False
        self.name = provider.name
        self.diarises = provider.diarises
        patience_s = getattr(provider, "patience_s", None)
        if patience_s is not None:
            self.patience_s = float(patience_s)

    async def start(self) -> None:
        """Nothing yet: what is never needed costs nothing."""

    async def ready(self) -> None:
        """Start it if nobody has. Raises `SpeechError`."""
        async with self._starting:
            if not self._started:
                await self._provider.start()
                self._started = True

    async def open(self, call: CallToHear) -> SpeechSession:
        await self.ready()
        return await self._provider.open(call)

    async def close(self) -> None:
        async with self._starting:
            if self._started:
                self._started = False
                await self._provider.close()
