"""Questions in a live call: moments that a chat model is asked about beside it, with a deadline, and never waited for.

All questions that the call's policies ask for go in one request about its last turns, redacted. One request is under
way in a call at most, and one is begun every ten seconds at most, where somebody has said enough since the last. What
is answered with yes is heard once a call and not asked again. An answer that is late is dropped, a failure is counted,
and each failure in a row doubles the pause until the next request.

A request costs money, so that it is not tried a second time beside the first: where a second server shall stand in for
one that hangs, a second route says so (docs/language-models.md), which is asked when six tenths of the time are gone.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Collection, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import lru_cache
from threading import BoundedSemaphore
from typing import Any
from uuid import UUID

import structlog

from accounts.errors import error_place
from conversations.live.stages import CallContext
from conversations.models import Utterance
from engines.language.moment_detection import (
    DEADLINE_S,
    MOMENT_DETECTION,
    TURN_LENGTH,
    TURNS,
    Answers,
    Judged,
    Question,
    Said,
    Yes,
    askable,
    judged,
    letters,
    variables,
)
from engines.language.tasks import NO_MODEL, OVER_BUDGET, Outcome
from engines.rules import Heard, MomentSpec, Occurrence
from engines.speech.faults import Fault
from providers.language import models_expected, task_plan
from tenants.scope import call_in_schema

log = structlog.get_logger(__name__)

# A hint about a thing that takes sentences to tell is early enough after these, and five minutes cost at most thirty
# requests. Each failure in a row doubles it.
EVERY_MS, LONGEST_MS = 10_000, 120_000
# Where nobody can be asked it is looked this seldom whether somebody can.
NOBODY_MS = 60_000
# Fewer letters than these ("yes, okay, thanks") answer no question by themselves.
LEAST_LETTERS = 12
# What the router's own deadline is late by, and the way through its thread.
GRACE_S = 0.25
THREADS, UNDER_WAY = 2, 256
OBEYS = "said yes to everything"

_pool = ThreadPoolExecutor(THREADS, thread_name_prefix="questions")
_room = BoundedSemaphore(UNDER_WAY)


@dataclass(frozen=True, slots=True)
class Told:
    """What came of one request: what counts of the answer, else why there is none. `model`: who answered, if any."""

    judged: Judged | None = None
    fault: str = ""
    model: str = ""


@dataclass(frozen=True, slots=True)
class Trouble:
    """What went wrong with questions, by their keys. `late`: no answer in time; `place`: else what, and no words."""

    keys: tuple[str, ...]
    place: str
    late: bool = False


@dataclass(frozen=True, slots=True)
class Turn:
    """What is kept of a turn while it may be asked about."""

    said: Said
    row_id: UUID
    start_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True)
class _Asked:
    future: Future[Told]
    until: float
    keys: tuple[str, ...]
    upto: int


def question_of(spec: MomentSpec) -> Question:
    return Question(spec.key, spec.question, spec.speaker, spec.least_score or 0.0)


def questions_ask(
    schema: str,
    ident: str,
    questions: Sequence[Question],
    turns: Sequence[Said],
    rows: Mapping[int, UUID] | None = None,
) -> Future[Told]:
    """Ask a model of the company about turns, beside whatever goes on. The future has an answer or why there is none.

    `ident`: the conversation, whose requests go by the same revision of the prompt. `rows`: the utterances of turns by
    their sequence, so that words which were hidden since they were said are not sent. Never raises.
    """
    told: Future[Told] = Future()
    if not _room.acquire(blocking=False):
        told.set_result(Told(fault=Fault.BUSY))
        return told
    told.add_done_callback(lambda _done: _room.release())
    ends = time.monotonic() + DEADLINE_S

    def begin() -> None:
        sent = askable(turns if rows is None else _as_stored(turns, rows))
        if not sent:
            told.set_result(Told(Judged()))
            return
        plan = task_plan(MOMENT_DETECTION, sticky=ident)
        left = ends - time.monotonic()
        if left <= 0:
            told.set_result(Told(fault=Fault.SLOW))
            return
        under_way = plan.begin(variables(questions, sent), within_s=left)
        under_way.add_done_callback(lambda done: answered(done, sent))

    def answered(done: Future[Outcome[Answers]], sent: Sequence[Said]) -> None:
        try:
            outcome = done.result()
            if outcome.value is None:
                told.set_result(Told(fault=str(outcome.fault)))
            else:
                told.set_result(Told(judged(outcome.value, questions, sent), model=outcome.model))
        except Exception as error:
            # Told to the call, which counts it.
            told.set_exception(error)

    def begun(done: Future[None]) -> None:
        if (error := done.exception()) is not None:
            told.set_exception(error)

    _pool.submit(call_in_schema, schema, begin).add_done_callback(begun)
    return told


def _as_stored(turns: Sequence[Said], rows: Mapping[int, UUID]) -> list[Said]:
    """The turns as they are stored by now; one that is not stored yet has just been said. One query."""
    stored = dict(Utterance.objects.filter(pk__in=rows.values()).values_list("pk", "text"))
    return [replace(one, text=stored.get(rows[one.sequence], one.text)[:TURN_LENGTH]) for one in turns]


@lru_cache(maxsize=1)
def _expected() -> None:
    # Once a process, while its first such call begins: its first question has no second to lose.
    _pool.submit(models_expected)


class QuestionSession:
    """Follows one call. Asks only for what `want` names; a step costs next to nothing while nothing is to be asked.

    `said`: the last turns of a call that is taken over, `state`: the predecessor's.
    """

    def __init__(
        self,
        call: CallContext,
        specs: Sequence[MomentSpec],
        state: Mapping[str, Any] | None = None,
        said: Iterable[Utterance] = (),
    ) -> None:
        kept = state or {}
        self._call = call
        self._specs = {spec.key: spec for spec in specs}
        self._yes: set[str] = set(kept.get("yes", ()))
        self._read = int(kept.get("read", -1))
        self._from = int(kept.get("from", -1))
        self._failed = int(kept.get("failed", 0))
        self._next_ms = int(kept.get("next_ms", 0))
        self._questions: tuple[Question, ...] = ()
        self._turns: deque[Turn] = deque(maxlen=TURNS)
        self._asked: _Asked | None = None
        self._troubles: list[Trouble] = []
        # Letters that were said since the last answer by somebody whom an open question is about.
        self._unread = 0
        self._wanted: frozenset[str] = frozenset()
        for row in said:
            self.hear(row)

    def want(self, keys: Collection[str]) -> None:
        """Ask for these of the call's moments; others are none of our business."""
        self._wanted = frozenset(keys) & self._specs.keys()
        if self._wanted:
            _expected()
        self._open()

    def _open(self) -> None:
        self._questions = tuple(
            question_of(self._specs[key]) for key in sorted(self._wanted) if key not in self._yes
        )
        speakers = {one.speaker for one in self._questions}
        self._unread = sum(
            letters(turn.said.text)
            for turn in self._turns
            if turn.said.sequence > self._read and ("any" in speakers or turn.said.speaker in speakers)
        )

    def hear(self, row: Utterance) -> None:
        """Take a final."""
        if row.sequence <= self._from or (self._turns and row.sequence <= self._turns[-1].said.sequence):
            return
        said = Said(row.sequence, row.speaker, row.text[:TURN_LENGTH])
        self._turns.append(Turn(said, row.pk, row.start_ms, row.end_ms))
        if row.sequence > self._read and any(one.speaker in ("any", row.speaker) for one in self._questions):
            self._unread += letters(said.text)

    def due(self, now_ms: int) -> None:
        """Ask, if it is time and there is something to ask."""
        if (
            self._unread < LEAST_LETTERS
            or not self._questions
            or self._asked is not None
            or now_ms < self._next_ms
        ):
            return
        turns = [turn.said for turn in self._turns]
        rows = {turn.said.sequence: turn.row_id for turn in self._turns}
        future = questions_ask(
            self._call.schema, str(self._call.conversation_id), self._questions, turns, rows
        )
        keys = tuple(one.key for one in self._questions)
        self._asked = _Asked(future, time.monotonic() + DEADLINE_S + GRACE_S, keys, turns[-1].sequence)
        self._next_ms = now_ms + EVERY_MS

    def told(self, now_ms: int) -> list[tuple[Turn, Occurrence]]:
        """What is answered with yes by now, each with the turn that shows it. What is late is dropped."""
        asked = self._asked
        if asked is None or not (asked.future.done() or time.monotonic() > asked.until):
            return []
        self._asked = None
        if not asked.future.done():
            self._fail(Trouble(asked.keys, "", late=True), now_ms)
            return []
        error = asked.future.exception()
        if error is not None:
            self._fail(Trouble(asked.keys, f"{type(error).__name__} {error_place(error)}"), now_ms)
            return []
        answer = asked.future.result()
        if answer.judged is None:
            self._unanswered(asked, answer.fault, now_ms)
            return []
        found = self._take(asked, answer.judged, now_ms)
        self._open()
        return found

    def _unanswered(self, asked: _Asked, fault: str, now_ms: int) -> None:
        if fault in (NO_MODEL, OVER_BUDGET):
            # No failure: there is nobody to ask, which the pages say.
            self._next_ms = now_ms + NOBODY_MS
        elif fault == Fault.SLOW:
            self._fail(Trouble(asked.keys, "", late=True), now_ms)
        else:
            self._fail(Trouble(asked.keys, str(fault)), now_ms)

    def _take(self, asked: _Asked, answer: Judged, now_ms: int) -> list[tuple[Turn, Occurrence]]:
        self._read = asked.upto
        if answer.obeys:
            # Whoever told the model what to say is not asked about again.
            self._from = asked.upto
            while self._turns and self._turns[0].said.sequence <= self._from:
                self._turns.popleft()
            self._fail(Trouble(asked.keys, OBEYS), now_ms)
            return []
        self._failed = 0
        if answer.void:
            self._troubles.append(Trouble(answer.void, "quote not in the turns"))
        turns = {turn.said.sequence: turn for turn in self._turns}
        found = [(turns[one.sequence], one) for one in answer.yes if one.sequence in turns]
        self._yes |= {one.key for _turn, one in found}
        return [(turn, occurrence_of(self._specs[one.key], turn, one)) for turn, one in found]

    def _fail(self, trouble: Trouble, now_ms: int) -> None:
        self._failed += 1
        pause = min(LONGEST_MS, EVERY_MS * 2 ** min(self._failed, 10))
        self._next_ms = max(self._next_ms, now_ms + pause)
        self._troubles.append(trouble)
        log.warning(
            "questions.failed",
            conversation=str(self._call.conversation_id),
            keys=list(trouble.keys),
            place="late" if trouble.late else trouble.place,
        )

    def troubles(self) -> list[Trouble]:
        """What went wrong since this was asked last."""
        new, self._troubles = self._troubles, []
        return new

    def state(self) -> dict[str, Any]:
        """What a successor needs: keys and numbers, no words."""
        return {
            "yes": sorted(self._yes),
            "read": self._read,
            "from": self._from,
            "failed": self._failed,
            "next_ms": self._next_ms,
        }


def heard_of(turn: Turn) -> Heard:
    said = turn.said
    return Heard(said.sequence, said.speaker, turn.start_ms, turn.end_ms, said.text)


def occurrence_of(spec: MomentSpec, turn: Turn, yes: Yes) -> Occurrence:
    """The moment, in the words that show it."""
    return Occurrence(
        spec.key,
        spec.revision_id,
        turn.start_ms,
        turn.said.sequence,
        turn.said.speaker,
        ((yes.start, yes.end),),
        until_ms=turn.end_ms,
        score=yes.sure,
    )


def last_turns(conversation_id: UUID) -> list[Utterance]:
    """The last turns of a call that is taken over. One query."""
    rows = Utterance.objects.filter(conversation_id=conversation_id).defer("words", "search")
    return list(rows.order_by("-sequence")[:TURNS])[::-1]
