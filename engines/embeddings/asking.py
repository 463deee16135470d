"""Waits for a server no longer than a search may, and lets a late answer be there for the next one who asks the same.

The requests run in a thread of their own, one for a process, with connections that stay open: a search that had to
shake hands anew each time would be late each time.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Coroutine, Hashable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotInTime
from threading import RLock, Thread
from typing import Any, TypeVar

import openai

from engines.embeddings.client import Server
from engines.embeddings.faults import NotEmbedded
from engines.speech.breaker import CircuitBreaker
from engines.speech.faults import Fault

T = TypeVar("T")

KEPT_ANSWERS = 2_000
KEPT_SERVERS = 64
# More than these at once are no searches of people: what comes then is answered without the server.
UNDER_WAY = 32
# So many late or failed answers one after the other, and the server is left alone for a while.
THRESHOLD, COOLDOWN_S, LONGEST_S = 5, 10.0, 120.0


class Asking:
    """Asks servers, with a deadline, a memory and a breaker for each. Serves all threads; one for a process."""

    def __init__(self, *, breaker: Callable[[], CircuitBreaker] | None = None) -> None:
        # One that may be taken twice: what is over at once says so within the call that began it.
        self._lock = RLock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._pid = 0
        self._answers: OrderedDict[Hashable, Any] = OrderedDict()
        self._under_way: dict[Hashable, Future[Any]] = {}
        self._late: set[Hashable] = set()
        self._clients: OrderedDict[Server, openai.AsyncOpenAI] = OrderedDict()
        self._breakers: OrderedDict[Server, CircuitBreaker] = OrderedDict()
        self._breaker = breaker or (
            lambda: CircuitBreaker(threshold=THRESHOLD, cooldown_s=COOLDOWN_S, longest_s=LONGEST_S)
        )

    def begin(
        self,
        server: Server,
        key: Hashable,
        work: Callable[[openai.AsyncOpenAI], Awaitable[T]],
        *,
        within_s: float,
    ) -> Callable[[], T]:
        """Ask, and return what waits for the answer until `within_s` from now: do something else in between.

        The answer is from memory where `work` was done for this server and `key` before. Both calls raise
        `NotEmbedded`: SLOW where it does not come in time, AWAY where the server is left alone for a while.
        """
        kept, until = (server, key), time.monotonic() + within_s
        with self._lock:
            self._forget_if_forked()
            if kept in self._answers:
                self._answers.move_to_end(kept)
                answer: T = self._answers[kept]
                return lambda: answer
            under_way = self._under_way.get(kept)
            if under_way is None:
                if len(self._under_way) >= UNDER_WAY:
                    raise NotEmbedded(Fault.BUSY)
                if not self._breaker_of(server).allows():
                    raise NotEmbedded(Fault.AWAY)
                under_way = asyncio.run_coroutine_threadsafe(self._work(server, kept, work), self._running())
                self._under_way[kept] = under_way
                under_way.add_done_callback(lambda _done: self._over(kept))
        return lambda: self._waited(server, kept, under_way, until)

    def _waited(self, server: Server, kept: Hashable, under_way: Future[T], until: float) -> T:
        try:
            return under_way.result(max(0.0, until - time.monotonic()))
        except NotInTime:
            with self._lock:
                if kept in self._under_way and kept not in self._late:
                    # Once, however many wait; and one that always comes too late is of no use either.
                    self._late.add(kept)
                    self._breaker_of(server).failed(Fault.SLOW)
            raise NotEmbedded(Fault.SLOW) from None

    def _over(self, kept: Hashable) -> None:
        with self._lock:
            self._under_way.pop(kept, None)
            self._late.discard(kept)

    async def _work(
        self, server: Server, kept: Hashable, work: Callable[[openai.AsyncOpenAI], Awaitable[T]]
    ) -> T:
        try:
            async with asyncio.timeout(server.request_s):
                answer = await work(self._client(server))
        except TimeoutError:
            # Who waited for it has counted it already.
            raise NotEmbedded(Fault.SLOW) from None
        except NotEmbedded as error:
            with self._lock:
                if kept not in self._late:
                    self._breaker_of(server).failed(error.fault)
            raise
        with self._lock:
            if kept not in self._late:
                self._breaker_of(server).succeeded()
            self._answers[kept] = answer
            while len(self._answers) > KEPT_ANSWERS:
                self._answers.popitem(last=False)
        return answer

    def _client(self, server: Server) -> openai.AsyncOpenAI:
        """In the loop's thread alone."""
        client = self._clients.get(server)
        if client is None:
            client = self._clients[server] = server.client()
            while len(self._clients) > KEPT_SERVERS:
                # Its connections end with it; what is under way on it ends first.
                self._clients.popitem(last=False)
        return client

    def _breaker_of(self, server: Server) -> CircuitBreaker:
        if server not in self._breakers:
            self._breakers[server] = self._breaker()
            while len(self._breakers) > KEPT_SERVERS:
                self._breakers.popitem(last=False)
        return self._breakers[server]

    def _running(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            loop = self._loop = asyncio.new_event_loop()
            Thread(target=loop.run_forever, name="embeddings", daemon=True).start()
        return self._loop

    def _forget_if_forked(self) -> None:
        """A child process has no thread of its parent's, and must not use its connections."""
        if self._pid != os.getpid():
            self._pid, self._loop = os.getpid(), None
            self._under_way.clear()
            self._clients.clear()


def asked_once(server: Server, work: Callable[[openai.AsyncOpenAI], Coroutine[Any, Any, T]]) -> T:
    """What `work` gives, for jobs: no memory, no deadline but `server.request_s`. Not where an event loop runs.

    Raises `NotEmbedded`.
    """

    async def ask() -> T:
        async with asyncio.timeout(server.request_s), server.client() as client:
            return await work(client)

    try:
        return asyncio.run(ask())
    except TimeoutError:
        raise NotEmbedded(Fault.SLOW) from None
