"""Brings calls to a router that runs in a thread of its own, one for a process, with connections that stay open.

From any thread and from any event loop. A child process begins anew: it must not use its parent's connections.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncGenerator, Callable, Coroutine
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotInTime
from threading import Lock, Thread
from typing import Any, TypeVar

from engines.language.call import Call
from engines.language.router import Router
from engines.language.tasks import Outcome
from engines.speech.faults import Fault

T = TypeVar("T")

# A call ends by its own deadline; this is for a loop that does not get to it.
_GRACE_S = 5.0


class Streaming:
    """The parts of an answer as they come. `outcome` is there when they are over, also where that is by an error.

    Raises `NotAnswered` where no model answered to the end. Who leaves before the end, ends the request.
    """

    def __init__(self, runner: Runner, call: Call) -> None:
        self._runner, self._call = runner, call
        self.outcome: Outcome[Any] | None = None

    async def __aiter__(self) -> AsyncGenerator[Any, None]:
        here = asyncio.get_running_loop()
        come: asyncio.Queue[tuple[str, Any]] = asyncio.Queue()

        def put(kind: str, what: Any) -> None:
            # A loop that is gone waits for nothing.
            with contextlib.suppress(RuntimeError):
                here.call_soon_threadsafe(come.put_nowait, (kind, what))

        async def work(router: Router) -> None:
            try:
                parts = router.stream(self._call, lambda outcome: put("outcome", outcome))
                async with contextlib.aclosing(parts):
                    async for part in parts:
                        put("part", part)
            except Exception as error:
                put("error", error)
            else:
                put("end", None)

        under_way = self._runner.begin(work)
        try:
            while True:
                kind, what = await come.get()
                if kind == "part":
                    yield what
                elif kind == "outcome":
                    self.outcome = what
                elif kind == "error":
                    raise what
                else:
                    return
        finally:
            # Nothing, where it is over.
            under_way.cancel()


class Runner:
    """One router in one thread. `make` makes it there, in its event loop."""

    def __init__(self, make: Callable[[], Router] = Router) -> None:
        self._make = make
        self._lock = Lock()
        self._pid = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._router: Router | None = None

    def run(self, call: Call) -> Outcome[Any]:
        """Do a task and wait for it. Blocks: not where an event loop runs. Raises like `Router.run`."""
        under_way = self.begin(lambda router: router.run(call))
        try:
            return under_way.result(call.seconds + _GRACE_S)
        except NotInTime:
            under_way.cancel()
            return Outcome(None, call.task.without, fault=Fault.SLOW)

    def stream(self, call: Call) -> Streaming:
        """Do a task and give its parts as they come, in whichever event loop they are taken."""
        return Streaming(self, call)

    def begin(self, work: Callable[[Router], Coroutine[Any, Any, T]]) -> Future[T]:
        """Have something done with the router, in its thread."""
        with self._lock:
            if self._pid != os.getpid() or self._loop is None:
                self._pid, self._router = os.getpid(), None
                self._loop = asyncio.new_event_loop()
                Thread(target=self._loop.run_forever, name="language", daemon=True).start()
            loop = self._loop

        async def there() -> T:
            if self._router is None:
                self._router = self._make()
            return await work(self._router)

        return asyncio.run_coroutine_threadsafe(there(), loop)
