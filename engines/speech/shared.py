"""A provider that several fallbacks share: started when it is first opened, once, closed by who made it."""

from __future__ import annotations

import asyncio

from engines.speech.types import CallToHear, SpeechProvider, SpeechSession


class StartedOnce:
    """Passes everything on to `provider`, which starts with the first `open`. One that failed to start may again."""

    def __init__(self, provider: SpeechProvider) -> None:
        self._provider = provider
        self._start: asyncio.Task[None] | None = None
        self.name = provider.name
        self.diarises = provider.diarises
        patience_s = getattr(provider, "patience_s", None)
        if patience_s is not None:
            self.patience_s = float(patience_s)

    async def start(self) -> None:
        """Nothing yet: what is never needed costs nothing."""

    async def ready(self) -> None:
        """Start it if nobody has. Raises `SpeechError`.

        Who gives up waiting does not stop it: a model that takes longer to load than a call can wait is there for the
        next one.
        """
        start = self._start
        if start is None or (start.done() and (start.cancelled() or start.exception() is not None)):
            start = self._start = asyncio.create_task(self._provider.start())
        await asyncio.shield(start)

    async def open(self, call: CallToHear) -> SpeechSession:
        await self.ready()
        return await self._provider.open(call)

    async def close(self) -> None:
        start, self._start = self._start, None
        if start is None:
            return
        await asyncio.wait([start])
        if not start.cancelled() and start.exception() is None:
            await self._provider.close()
