"""A live call whose legs come by connections of their own, each when it likes: joined into one stereo call.

Legs share the sender's clock where it tells the time, else ours. A leg that says nothing is silent; one that is more
than a moment behind the other is not waited for.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import datetime

import structlog

from integrations.telephony.carried import CallOver, CarriedCall
from integrations.telephony.sides import SAMPLES_PER_MS, Sides

log = structlog.get_logger(__name__)

# A leg's chunks follow each other directly unless their times are further off than this.
TOLERANCE_MS = 400
# How far a leg may be behind the other before it is taken for silent, and how long one alone is held back for it.
LAG_MS = 1_000
ALONE_MS = 300
HOLE = "leg silent"


class JoinedCall:
    """One call and its legs, by side. `close` is called when nothing more can come."""

    def __init__(self, carried: CarriedCall, *, given_ms: int, announced_at: datetime) -> None:
        self._carried = carried
        self._announced_ns = round(announced_at.timestamp() * 1000) * 1_000_000
        # The call's clock is ours since it was announced: a process that goes on with it has the same.
        self._sides = Sides(
            origin_ns=self._announced_ns,
            given=given_ms * SAMPLES_PER_MS,
            ends=(given_ms * SAMPLES_PER_MS, given_ms * SAMPLES_PER_MS),
            tolerance_ms=TOLERANCE_MS,
        )
        self._offset_ns: int | None = None
        self._lock = asyncio.Lock()
        self.legs: dict[int, object] = {}
        self.empty = asyncio.Event()  # while no leg is there
        self.ended = False

    def attach(self, side: int, leg: object) -> None:
        """A leg begins; one that was on this side is superseded."""
        self.legs[side] = leg
        self.empty.clear()

    def detach(self, side: int, leg: object) -> None:
        if self.legs.get(side) is leg:
            del self.legs[side]
        if not self.legs:
            self.empty.set()

    def holds(self, side: int, leg: object) -> bool:
        """Whether this leg is still the one on its side."""
        return self.legs.get(side) is leg

    async def hear(self, side: int, pcm: bytes, sent_ns: int | None) -> None:
        """Add what a leg said. `sent_ns`: when it was sent by the sender's clock. Raises `CallOver`, `ClockJump`."""
        now, length_ns = time.time_ns(), len(pcm) // 2 * 1_000_000 // SAMPLES_PER_MS
        if sent_ns is None:
            at = max(now - length_ns, self._announced_ns)
        else:
            if self._offset_ns is None:
                self._offset_ns = now - (sent_ns - length_ns)  # what came first begins now
            at = sent_ns - length_ns + self._offset_ns
        async with self._lock:
            self._sides.put(side, at, pcm)
            ends = self._sides.ends
            if len(self.legs) > 1:
                upto = max(min(ends), max(ends) - LAG_MS * SAMPLES_PER_MS)
            else:
                upto = max(ends) - ALONE_MS * SAMPLES_PER_MS
            for piece in self._sides.give(upto):
                await self._carried.bring(piece, cause=HOLE)

    async def finish(self, end: Callable[[], Awaitable[None]]) -> None:
        """The call is over: all that was heard is brought, then it ends by `end`. Once."""
        async with self._lock:
            if self.ended:
                return
            self.ended = True
            try:
                for piece in self._sides.finish():
                    await self._carried.bring(piece, cause=HOLE)
                await end()
            except CallOver as over:
                log.warning(
                    "joined.over", conversation=str(self._carried.call.conversation_id), why=str(over)
                )
                await self._carried.settle(over.closing)
