"""What is said on a line, in order: answers may come from several places at once, and some must wait for admission."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress

from conversations.live.wire import Saying

# More than this unread by the other side, and it is not listened to either until it has read.
UNREAD = 100
FLUSH_SECONDS = 5.0


class Voice:
    """One line's way out. `send` puts a text on the wire; it raises `OSError` when the line is gone."""

    def __init__(self, send: Callable[[str], Awaitable[None]]) -> None:
        self._send = send
        self._texts: deque[tuple[Saying, bool]] = deque()
        self._open = False  # whether what must wait for admission may be said
        self._gone = False
        self._news = asyncio.Event()
        self._silent = asyncio.Event()
        self._silent.set()
        self.on_room: Callable[[bool], None] = lambda _room: None

    def say(self, text: Saying | None, *, admitted: bool = False) -> None:
        """Send a text after all that was said before. `admitted`: not before `open`, nor does what follows it."""
        if not text or self._gone:
            return
        self._texts.append((text, admitted))
        self._silent.clear()
        self._news.set()
        if len(self._texts) == UNREAD:
            self.on_room(False)

    def open(self) -> None:
        """What waits for admission may be said."""
        self._open = True
        self._news.set()

    async def run(self) -> None:
        """Send until cancelled. A line that is gone takes nothing more; who hears it learns why."""
        while True:
            await self._news.wait()
            self._news.clear()
            while self._texts and (self._open or not self._texts[0][1]):
                saying, _admitted = self._texts.popleft()
                text = saying if isinstance(saying, str) else saying()
                try:
                    if text:
                        await self._send(text)
                except OSError:
                    self._gone = True
                    self._texts.clear()
                if len(self._texts) < UNREAD:
                    self.on_room(True)
            if not self._texts:
                self._silent.set()

    async def flush(self) -> None:
        """Wait until all is said, as long as it is of use."""
        with suppress(TimeoutError):
            async with asyncio.timeout(FLUSH_SECONDS):
                await self._silent.wait()
