"""How much is asked of a server at once and in a minute, and for how long one that is away is left alone.

A `Gate` is asked before each request. `LocalGate` knows this process alone; whoever runs several gives the router one
that they share. Who is told to wait may ask again: nothing is queued here.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Protocol

from engines.language.tasks import NotAnswered, Route
from engines.speech.faults import Fault

MINUTE_S = 60.0
# A place is free again in about so long: a guess, as requests take from a tenth of a second to a minute.
NEXT_PLACE_S = 0.05


class Gate(Protocol):
    """Keeps a company's requests to one server (`Route.key`) within its limits. Used in one event loop alone."""

    async def enter(self, company: str, route: Route) -> float:
        """0.0 where a request may begin, which `leave` ends; else the seconds after which to ask again.

        Raises `NotAnswered` (away) where the server is left alone.
        """

    async def leave(self, company: str, route: Route) -> None:
        """A request that entered is over."""

    async def shut(self, company: str, route: Route, seconds: float) -> None:
        """Leave the server alone for so long."""


class LocalGate:
    """The gate of one process. `clock` is monotonic seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._inside: dict[tuple[str, str], int] = {}
        self._begun: dict[tuple[str, str], deque[float]] = {}
        self._shut: dict[tuple[str, str], float] = {}

    async def enter(self, company: str, route: Route) -> float:
        """See `Gate`."""
        key, now = (company, route.key), self._clock()
        if now < self._shut.get(key, 0.0):
            raise NotAnswered(Fault.AWAY)
        if route.most_at_once and self._inside.get(key, 0) >= route.most_at_once:
            return NEXT_PLACE_S
        if route.per_minute:
            begun = self._begun.setdefault(key, deque())
            while begun and begun[0] <= now - MINUTE_S:
                begun.popleft()
            if len(begun) >= route.per_minute:
                return begun[0] + MINUTE_S - now
            begun.append(now)
        self._inside[key] = self._inside.get(key, 0) + 1
        return 0.0

    async def leave(self, company: str, route: Route) -> None:
        """See `Gate`."""
        key = (company, route.key)
        left = self._inside.get(key, 1) - 1
        if left:
            self._inside[key] = left
        else:
            self._inside.pop(key, None)

    async def shut(self, company: str, route: Route, seconds: float) -> None:
        """See `Gate`."""
        self._shut[company, route.key] = self._clock() + seconds
