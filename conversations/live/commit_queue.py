"""The commits of one live call that are under way: in order, not waited for one by one, and not endlessly many."""

from __future__ import annotations

import asyncio
from collections import deque

from conversations.live.buffer import CHUNK_MS
from conversations.live.commit import CallCommit, Committer
from conversations.live.coverage import upto_of
from conversations.live.source import AudioSource

COMMITS_AHEAD = 200
# Audio that will not be needed again is let go of by so many chunks at once.
TRIM_CHUNKS = 50


class CommitQueue:
    """Of one call. What a commit failed with is raised by whichever method comes upon it."""

    def __init__(self, committer: Committer, schema: str, source: AudioSource) -> None:
        self._committer = committer
        self._schema = schema
        self._source = source
        # What is under way, and before which chunk no audio will be needed again once it is done.
        self._under_way: deque[tuple[asyncio.Future[None], int]] = deque()
        self._trimmed = 0
        self._last: asyncio.Future[None] | None = None

    def put(self, part: CallCommit) -> None:
        """Hand a part to the group commit without waiting for it: parts of one call keep their order.

        None is written where one before it was not.
        """
        # What is both transcribed and recorded; a task for each part would cost more than all else here.
        kept_from = min([*map(upto_of, part.coverage), part.recorded_ms])
        self._last = self._committer.commit(self._schema, part, after=self._last)
        self._under_way.append((self._last, kept_from // CHUNK_MS))

    async def room(self) -> None:
        """Let go of what is done. While the database stands still, wait instead of holding all that is heard."""
        while self._under_way and self._under_way[0][0].done():
            await self._next()
        if len(self._under_way) > COMMITS_AHEAD:
            await self._next()

    def check(self) -> None:
        """For who hears nothing at the moment, and so comes upon nothing. Where any failed, the last one did."""
        last = self._last
        if (
            last is not None
            and last.done()
            and not last.cancelled()
            and (error := last.exception()) is not None
        ):
            raise error

    async def all_written(self) -> None:
        while self._under_way:
            await self._next()

    async def abandon(self) -> None:
        """Wait for nothing more."""
        under_way = [one for one, _number in self._under_way]
        for one in under_way:
            one.cancel()
        # One that failed is the reason why we are here; reading it keeps it from being reported as forgotten.
        await asyncio.gather(*under_way, return_exceptions=True)

    async def _next(self) -> None:
        one, number = self._under_way.popleft()
        await one
        if number - self._trimmed >= TRIM_CHUNKS:
            self._trimmed = number
            self._under_way.append((asyncio.create_task(self._source.trim(number)), 0))
