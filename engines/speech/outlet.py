"""Where a session puts what it hears, for whoever reads it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from engines.speech.types import Heard


class Outlet(asyncio.Queue[Heard | Exception | None]):
    """A queue that is read by iteration: None ends it, and an error is raised where it stands."""

    def drop(self) -> None:
        """Forget what nobody has read, and end."""
        while not self.empty():
            self.get_nowait()
        self.put_nowait(None)

    async def __aiter__(self) -> AsyncIterator[Heard]:
        while (heard := await self.get()) is not None:
            if isinstance(heard, Exception):
                raise heard
            yield heard
