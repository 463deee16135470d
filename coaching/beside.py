"""What takes longer than a step of a call: looked up beside it, with a deadline, and never waited for.

A call asks, goes on, and looks in at its next step (some ten a second) whether there is an answer. One that comes after
its deadline is dropped and counted: what is on the screen must belong to what is being said.

Calls of one company that ask the same share one look-up, and its answer for a minute. A knowledge look-up that takes
longer than nineteen of twenty did is tried a second time beside the first, as a connection may hang: the first answer
counts. That is done for one in twenty at most, and for one at a time, so that a database that is slow is not asked
twice as much.
"""

from __future__ import annotations

import html
import re
import time
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from threading import Lock
from typing import Any
from uuid import UUID, uuid5

import structlog
from django.db import connection, transaction
from django.db.models import QuerySet

from accounts.errors import error_place
from conversations.live.stages import CallContext
from knowledge.documents.audience import Audience
from knowledge.documents.selectors import documents_for
from knowledge.models import Document, KnowledgeQuestion
from knowledge.search.searching import Found, passages_search
from knowledge.usage.noting import answers, question_note
from tenants.scope import call_in_schema

log = structlog.get_logger(__name__)

DEADLINE_SECONDS = 2.0
THREADS = 2
FRESH_SECONDS = 60.0
KEPT_ANSWERS = 256
# A second try: from so many answers on it is known what is usual, and for that share of questions at most.
USUAL_OF, USUAL_LEAST, USUAL = 200, 20, 0.95
SECOND_TRIES = 0.05

# What is looked up, and before it what was said: one string, as calls that ask the same share one look-up.
_SAID, _FOR = "\x1e", "\x1d"
SAID_BEFORE = 2
TEXT_LENGTH = 600
_MARK = re.compile(r"<mark[^>]*>(.*?)</mark>", re.DOTALL)
_TAG = re.compile(r"<[^>]+>")

# The card of a passage: plain data for `Guidance.payload` and its title; None where nothing answers.
Card = dict[str, Any]
Answer = Callable[[str], Card | None]


class Race:
    """One look-up, for all who ask it: up to two tries, of which the first that answers counts."""

    def __init__(self) -> None:
        self.future: Future[Card | None] = Future()
        self.begun: float | None = None
        self.ended: float | None = None
        self.askers = 0
        self.tries: list[Future[None]] = []
        self._failed = 0
        self._lock = Lock()

    @property
    def is_doubled(self) -> bool:
        return len(self.tries) > 1

    def won(self) -> bool:
        """A try has an answer, which it is to put into `future`. False for one that came second."""
        with self._lock:
            if self.ended is not None:
                return False
            self.ended = time.monotonic()
            return True

    def failed(self, error: BaseException) -> bool:
        """A try has failed. True where no other one may still answer."""
        with self._lock:
            self._failed += 1
            if self.ended is not None or self._failed < len(self.tries):
                return False
            self.ended = time.monotonic()
            self.future.set_exception(error)
            return True


@dataclass(slots=True)
class Asked:
    """A question under way. `state()` is "" while it is, then "done" (see `card`), "late" or "failed"."""

    future: Future[Card | None]
    due: float
    race: Race | None = None
    look: Callable[[], None] = field(default=lambda: None)
    gone: Callable[[], None] = field(default=lambda: None)

    def state(self) -> str:
        if self.future.done() and not self.future.cancelled():
            if self.race is not None and self.race.ended is not None and self.race.ended > self.due:
                return "late"
            return "done" if self.future.exception() is None else "failed"
        if time.monotonic() > self.due:
            return "late"
        self.look()
        return ""

    @property
    def card(self) -> Card | None:
        return self.future.result()

    @property
    def place(self) -> str:
        """Where it failed."""
        error = self.future.exception()
        return "" if error is None else f"{type(error).__name__} {error_place(error)}"

    def drop(self) -> None:
        """Nobody waits for it here any more."""
        self.gone()


class Lookups:
    """Questions of all calls of this process, answered in threads of their own; the same one is asked once a minute.

    `counts`: "asked", "kept" (answered already), "shared" (under way already), "doubled" (tried a second time),
    "second" (of those the second try answered first), "failed", "dropped" (nobody waited for it any more).
    """

    def __init__(
        self,
        answer: Answer | None = None,
        deadline: float = DEADLINE_SECONDS,
        threads: int = THREADS,
        *,
        twice: bool = False,
    ) -> None:
        """`twice`: what hangs may be tried a second time; not for what is paid for by the question."""
        self._threads = threads
        self._twice = twice
        self._answer = answer or passage_card
        self._deadline = deadline
        self._pool: ThreadPoolExecutor | None = None
        # Threads of its own: the others may be what hangs.
        self._second: ThreadPoolExecutor | None = None
        self._doubled: Race | None = None
        self._fresh: OrderedDict[tuple[str, str], tuple[float, Card | None]] = OrderedDict()
        self._going: dict[tuple[str, str], Race] = {}
        self._took: deque[float] = deque(maxlen=USUAL_OF)
        self._lock = Lock()
        self.counts: Counter[str] = Counter()

    def ask(self, schema: str, query: str) -> Asked:
        """Begin to look it up in the company's knowledge."""
        now, key = time.monotonic(), (schema, query)
        with self._lock:
            self.counts["asked"] += 1
            known = self._fresh.get(key)
            if known is not None and now - known[0] < FRESH_SECONDS:
                self.counts["kept"] += 1
                future: Future[Card | None] = Future()
                future.set_result(known[1])
                return Asked(future, now + self._deadline)
            race = self._going.get(key)
            if race is None:
                race = self._going[key] = Race()
                if self._pool is None:
                    self._pool = ThreadPoolExecutor(max_workers=self._threads, thread_name_prefix="beside")
                race.tries.append(self._pool.submit(self._look, key, race, 0))
            else:
                self.counts["shared"] += 1
            race.askers += 1
        return Asked(
            race.future,
            now + self._deadline,
            race,
            lambda: self._look_again(key, race),
            lambda: self._leave(key, race),
        )

    @property
    def usual(self) -> float | None:
        """In how many seconds nineteen of twenty answers come; None while that is not known."""
        took = sorted(self._took)
        return took[int(len(took) * USUAL)] if len(took) >= USUAL_LEAST else None

    def note(self, call: CallContext, name: str, query: str, card: Card | None) -> UUID:
        """Keep beside the call that a rule asked this in it, and whether something answered.

        Returns the question's key; what has the same `name` in a call is one question.
        """
        question_id = uuid5(UUID(str(call.conversation_id)), name)
        asked = {
            "text": query,
            "source": KnowledgeQuestion.Source.LIVE,
            "audience": Audience(call.team_id, call.queue_id, call.channel, call.language),
            "confidence": card["confidence"] if card else 0.0,
            "answered": bool(card and card.get("answered")),
            "person": call.agent_id,
            "conversation_id": call.conversation_id,
            "question_id": question_id,
        }
        with self._lock:
            if self._pool is None:
                self._pool = ThreadPoolExecutor(max_workers=self._threads, thread_name_prefix="beside")
            self._pool.submit(self._keep, call.schema, asked)
        return question_id

    def _keep(self, schema: str, asked: dict[str, Any]) -> None:
        try:
            call_in_schema(schema, partial(question_note, **asked))
        except Exception as error:
            # A question that is not counted holds nobody up.
            log.error("beside.unnoted", place=error_place(error))

    def _look_again(self, key: tuple[str, str], race: Race) -> None:
        """Try a second time what takes unusually long, where that is sensible."""
        begun = race.begun
        if not self._twice or begun is None or race.is_doubled:
            return  # it waits for a thread: another try would wait behind it
        with self._lock:
            usual = self.usual
            if usual is None or time.monotonic() - begun <= usual or race.is_doubled or race.future.done():
                return
            busy = self._doubled is not None and not self._doubled.tries[-1].done()
            if busy or self.counts["doubled"] + 1 > max(1, self.counts["asked"] * SECOND_TRIES):
                return
            self.counts["doubled"] += 1
            self._doubled = race
            if self._second is None:
                self._second = ThreadPoolExecutor(max_workers=1, thread_name_prefix="beside-again")
            race.tries.append(self._second.submit(self._look, key, race, 1))

    def _leave(self, key: tuple[str, str], race: Race) -> None:
        with self._lock:
            race.askers -= 1
            if race.askers > 0 or race.future.done():
                return
            # What has not begun need not; what has will be kept for who asks next.
            if sum(one.cancel() for one in race.tries) == len(race.tries):
                self._going.pop(key, None)
                self.counts["dropped"] += 1

    def _look(self, key: tuple[str, str], race: Race, number: int) -> None:
        begun = time.monotonic()
        race.begun = race.begun or begun
        schema, query = key
        try:
            card = call_in_schema(schema, self._answer, query)
        except Exception as error:
            # Told to who asked, who counts it on their policy's page.
            if race.failed(error):
                with self._lock:
                    self._going.pop(key, None)
                    self.counts["failed"] += 1
            return
        first = race.won()
        with self._lock:
            self._going.pop(key, None)
            self._took.append(time.monotonic() - begun)
            self.counts["second"] += number if first else 0
            if first:
                self._fresh[key] = (time.monotonic(), card)
            while len(self._fresh) > KEPT_ANSWERS:
                self._fresh.popitem(last=False)
        if first:
            # Last, so that who sees the answer finds it counted and kept.
            race.future.set_result(card)


def question(query: str, said: Sequence[str], call: CallContext | None = None) -> str:
    """What to look up where the customer has just said that, the latest last: what he asks about decides which of the
    passages that have the words of `query`. `call`: whose it is; it is answered from what is for those alone."""
    asked = _SAID.join([query, *said[-SAID_BEFORE:]])
    if call is None:
        return asked
    audience = [str(call.team_id or ""), str(call.queue_id or ""), call.channel, call.language]
    return f"{asked}{_FOR}{','.join(audience)}"


def passage_card(query: str) -> Card | None:
    """The passage that answers a `question` best, and whether it counts as an answer (`answered`).

    The database gives up when nobody waits any more.
    """
    asked, _for, audience = query.partition(_FOR)
    wanted, *said = asked.split(_SAID)
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL statement_timeout = %s", [round(DEADLINE_SECONDS * 1000)])
        found = passages_search(query=wanted, context=said, limit=1, documents=_documents(audience))
    if not found:
        return None
    return {**card_of(found[0]), "answered": answers(found)}


def card_of(found: Found) -> Card:
    """What a page needs to show a passage: where it stands, and its words in pieces, each marked or not."""
    return {
        "title": found.title,
        "collection": found.collection,
        "path": found.path,
        "text": found.text[:TEXT_LENGTH],
        "parts": pieces(found.html),
        "passage": str(found.id),
        "document": str(found.document_id),
        "version": found.version,
        "start": found.start,
        "end": found.end,
        "place": place_of(found),
        "confidence": round(found.confidence, 3),
    }


def place_of(found: Found) -> str:
    """Names a passage within a call."""
    return f"{found.document_id}:{found.start}"


def pieces(marked: str) -> list[list[Any]]:
    """A passage's safe HTML as `[[words, is marked], …]`, so that a page makes text of it and no markup."""
    found: list[list[Any]] = []
    at = 0
    for mark in _MARK.finditer(marked):
        found += [[marked[at : mark.start()], False], [mark[1], True]]
        at = mark.end()
    found.append([marked[at:], False])
    return [[html.unescape(_TAG.sub("", words)), is_marked] for words, is_marked in found if words]


def _documents(audience: str) -> QuerySet[Document] | None:
    """Those that are for the audience of a `question`; all that hold if it names none."""
    if not audience:
        return None
    team, queue, channel, language = audience.split(",")
    return documents_for(
        Audience(
            team=UUID(team) if team else None,
            queue=UUID(queue) if queue else None,
            channel=channel,
            language=language,
        )
    )


LOOKUPS = Lookups(twice=True)
