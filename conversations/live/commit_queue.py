"""The commits of one live call that are under way: in order, not waited for one by one, and not endlessly many."""

from __future__ import annotations

import asyncio
from collections import deque

from conversations.live.buffer import CHUNK_MS
from conversations.live.commit import CallCommit, Committer
from conversations.live.coverage import Coverage
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
        self._tasks: deque[asyncio.Task[None]] = deque()
        self._trimmed = 0

    def put(self, part: CallCommit) -> None:
        """Hand a part to the group commit without waiting for it: parts of one call keep their order."""
        self._tasks.append(asyncio.create_task(self._written(part)))

    async def room(self) -> None:
        """Let go of what is done. While the database stands still, wait instead of holding all that is heard."""
        while self._tasks and self._tasks[0].done():
            self._tasks.popleft().result()
        if len(self._tasks) > COMMITS_AHEAD:
            await self._tasks.popleft()

    async def all_written(self) -> None:
        while self._tasks:
            await self._tasks.popleft()

    async def abandon(self) -> None:
        """Wait for nothing more."""
        for task in self._tasks:
            task.cancel()
        # One that failed is the reason why we are here; reading it keeps it from being reported as forgotten.
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _written(self, part: CallCommit) -> None:
        await self._committer.commit(self._schema, part)
        # Audio behind what is both transcribed and recorded will not be needed again.
        kept_from = min([*(Coverage(channel).upto for channel in part.coverage), part.recorded_ms])
        number = kept_from // CHUNK_MS
        if number - self._trimmed >= TRIM_CHUNKS:
            self._trimmed = number
            await self._source.trim(number)
