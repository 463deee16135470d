"""What takes longer than a step of a call: looked up beside it, with a deadline, and never waited for.

A call asks, goes on, and looks in at its next step (some ten a second) whether there is an answer. One that comes after
its deadline is dropped and counted: what is on the screen must belong to what is being said.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

import structlog

from accounts.errors import error_place
from knowledge.selectors import passages_search
from tenants.scope import call_in_schema

log = structlog.get_logger(__name__)

DEADLINE_SECONDS = 2.0
THREADS = 2
FRESH_SECONDS = 60.0
KEPT_ANSWERS = 256

# The card of a passage: plain data for `Guidance.payload` and its title; None where nothing answers.
Card = dict[str, Any]
Answer = Callable[[str], Card | None]


@dataclass(slots=True)
class Asked:
    """A question under way. `state()` is "" while it is, then "done" (see `card`), "late" or "failed"."""

    future: Future[Card | None]
    due: float
    done_at: list[float] = field(default_factory=list)

    def state(self) -> str:
        if self.future.done() and not self.future.cancelled():
            if self.done_at and self.done_at[0] > self.due:
                return "late"
            return "done" if self.future.exception() is None else "failed"
        return "late" if time.monotonic() > self.due else ""

    @property
    def card(self) -> Card | None:
        return self.future.result()

    @property
    def place(self) -> str:
        """Where it failed."""
        error = self.future.exception()
        return "" if error is None else f"{type(error).__name__} {error_place(error)}"

    def drop(self) -> None:
        self.future.cancel()


class Lookups:
    """Questions of all calls of this process, answered in threads of their own; the same one is asked once a minute."""

    def __init__(
        self, answer: Answer | None = None, deadline: float = DEADLINE_SECONDS, threads: int = THREADS
    ) -> None:
        self._threads = threads
        self._answer = answer or passage_card
        self._deadline = deadline
        self._pool: ThreadPoolExecutor | None = None
        self._fresh: OrderedDict[tuple[str, str], tuple[float, Card | None]] = OrderedDict()
        self._lock = Lock()

    def ask(self, schema: str, query: str) -> Asked:
        """Begin to look it up in the company's knowledge."""
        now = time.monotonic()
        with self._lock:
            known = self._fresh.get((schema, query))
            if self._pool is None:
                self._pool = ThreadPoolExecutor(max_workers=self._threads, thread_name_prefix="beside")
        if known is not None and now - known[0] < FRESH_SECONDS:
            future: Future[Card | None] = Future()
            future.set_result(known[1])
            return Asked(future, now + self._deadline)
        asked = Asked(self._pool.submit(self._look, schema, query), now + self._deadline)
        asked.future.add_done_callback(lambda _done: asked.done_at.append(time.monotonic()))
        return asked

    def _look(self, schema: str, query: str) -> Card | None:
        card = call_in_schema(schema, self._answer, query)
        with self._lock:
            self._fresh[schema, query] = (time.monotonic(), card)
            while len(self._fresh) > KEPT_ANSWERS:
                self._fresh.popitem(last=False)
        return card


def passage_card(query: str) -> Card | None:
    """The passage that answers best. At most two queries."""
    found = passages_search(query=query, limit=1)
    if not found:
        return None
    best = found[0]
    return {
        "title": best.title,
        "collection": best.collection,
        "path": best.path,
        "text": best.text[:600],
        "passage": str(best.id),
        "document": str(best.document_id),
        "version": best.version,
    }


LOOKUPS = Lookups()
