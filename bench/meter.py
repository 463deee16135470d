"""How much of the processor each part of a process takes: pieces of work are timed by the thread's own clock.

A piece within another counts for itself alone. An awaitable is timed step by step, without its waiting. The thread's
clock is dear: one piece in so many is timed, by lot, with all within it, and counts for as many. Functions that are
counted where they lie are so only between `on` and `off`, and are their own selves otherwise: to ask each time whether
to time it is dear, too.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Awaitable, Callable, Generator
from functools import wraps
from typing import Any

ONE_IN = 4


class Meter:
    """Adds up processor time by name, over all threads. `one_in`: how many pieces one that is timed stands for."""

    def __init__(self, one_in: int = ONE_IN) -> None:
        self._one_in = one_in
        self._lot = random.Random(1).random
        self._here = _Here()
        self._all: list[dict[str, float]] = []
        # What is counted where it lies: whose it is, its name there, itself, and as it is counted.
        self._patched: list[tuple[Any, str, Any, Any]] = []

    def on(self) -> None:
        """Count what was named to `patch` from now on."""
        for owner, name, _work, counted in self._patched:
            setattr(owner, name, counted)

    def off(self) -> None:
        """Leave it alone again."""
        for owner, name, work, _counted in self._patched:
            setattr(owner, name, work)

    def seconds(self) -> dict[str, float]:
        """What was used so far."""
        total: dict[str, float] = {}
        for used in list(self._all):
            for name, seconds in list(used.items()):
                total[name] = total.get(name, 0.0) + seconds
        return total

    def timed(self, name: str, work: Callable[..., Any]) -> Callable[..., Any]:
        """The same function, counted."""

        here = self._here

        @wraps(work)
        def run(*arguments: Any, **named: Any) -> Any:
            if here.skips:  # within a piece that is not timed
                return work(*arguments, **named)
            if not here.stack and self._lot() * self._one_in >= 1:
                here.skips = True
                try:
                    return work(*arguments, **named)
                finally:
                    here.skips = False
            self._enter()
            try:
                return work(*arguments, **named)
            finally:
                self._leave(name)

        return run

    def timed_steps(self, name: str, work: Callable[..., Awaitable[Any]]) -> Callable[..., Any]:
        """The same coroutine function, counted while it runs and not while it waits."""

        @wraps(work)
        async def run(*arguments: Any, **named: Any) -> Any:
            return await _Steps(self, name, work(*arguments, **named))

        return run

    def patch(self, name: str, owner: Any, *attributes: str, steps: bool = False) -> None:
        """Functions to be counted where they lie, once it is `on`: methods of a class, functions of a module."""
        for attribute in attributes:
            work = getattr(owner, attribute)
            counted = (self.timed_steps if steps else self.timed)(name, work)
            self._patched.append((owner, attribute, work, counted))

    def _enter(self) -> None:
        here = self._here
        if here.used is None:
            here.used = {}
            self._all.append(here.used)
        here.stack.append([time.thread_time(), 0.0])

    def _leave(self, name: str) -> None:
        here = self._here
        began, within = here.stack.pop()
        took = time.thread_time() - began
        assert here.used is not None
        here.used[name] = here.used.get(name, 0.0) + (took - within) * self._one_in
        if here.stack:
            here.stack[-1][1] += took


class _Here(threading.local):
    """Of one thread: the pieces that are being timed, one within the other, and what was used."""

    def __init__(self) -> None:
        self.stack: list[list[float]] = []
        self.used: dict[str, float] | None = None
        self.skips = False


class _Steps:
    def __init__(self, meter: Meter, name: str, work: Awaitable[Any]) -> None:
        self._meter, self._name, self._work = meter, name, work

    def __await__(self) -> Generator[Any, Any, Any]:
        steps = self._work.__await__()
        timed = self._meter.timed
        send: Callable[[Any], Any] = timed(self._name, steps.send)
        value: Any = None
        while True:
            try:
                waited = send(value)
            except StopIteration as end:
                return end.value
            try:
                value = yield waited
                send = timed(self._name, steps.send)
            except BaseException as error:
                value, send = error, timed(self._name, steps.throw)
