"""Moments while a conversation goes on: a stage of the live way.

The definitions are read when a call is opened and compiled once per set of revisions, so that a change takes effect
with the next conversation and a call that is taken over goes on with what it began with.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import partial
from threading import Lock
from typing import Any
from uuid import UUID

import structlog

from accounts.errors import error_place
from conversations.live.rows import row_new
from conversations.live.stages import Batch, CallContext, FinalUtterance
from conversations.models import Utterance
from engines.rules import CompiledMoments, Heard, MomentEngine, Occurrence
from engines.rules.moments import asked_out_of_line
from moments.classifying import IntentSession, live_classifiers
from moments.meaning import MeaningSession
from moments.models import MomentOccurrence, MomentRevision
from moments.questions import QuestionSession, heard_of, last_turns
from moments.selectors import active_revisions, call_fields, revisions_by_id, specs_of
from moments.tidings import FIELDS
from moments.vectors import vectors_for

log = structlog.get_logger(__name__)

KEPT_SETS = 64


class _Compiled:
    """Compiled sets of this process, by the ids of their revisions; the longest unused leaves first."""

    def __init__(self) -> None:
        self._sets: OrderedDict[tuple[str, ...], CompiledMoments] = OrderedDict()
        self._lock = Lock()

    def of(self, revisions: list[MomentRevision]) -> CompiledMoments:
        ids = tuple(str(revision.pk) for revision in revisions)
        with self._lock:
            found = self._sets.get(ids)
            if found is not None:
                self._sets.move_to_end(ids)
                return found
        compiled = CompiledMoments(specs_of(revisions))
        if compiled.refused:
            log.warning("moments.refused", keys=sorted(compiled.refused))
        with self._lock:
            self._sets[ids] = compiled
            while len(self._sets) > KEPT_SETS:
                self._sets.popitem(last=False)
        return compiled


_compiled = _Compiled()


@dataclass(frozen=True, slots=True)
class Early:
    """Finds moments in words that are not final, for the stage that asks: it costs what a final costs."""

    look: Callable[[Heard], list[Occurrence]]


@dataclass(frozen=True, slots=True)
class Askable:
    """Moments of this call that are asked of a model, at a price: the stage that needs some names them by `want`, once.

    `want` takes keys of moments, of whichever kind."""

    want: Callable[[Collection[str]], None]


@dataclass(frozen=True, slots=True)
class Failed:
    """Moments, or one of them, could not be looked for; `place` says what and where. For the stage that counts it.

    `keys`: which moments, where that is known. `late`: the answer did not come in time.
    """

    place: str
    keys: tuple[str, ...] = ()
    late: bool = False


class MomentSession:
    """Follows one call. Hands each `engines.rules.Occurrence` on by `batch.find`, after writing its row."""

    def __init__(
        self,
        call: CallContext,
        revisions: list[MomentRevision],
        intents: IntentSession,
        meanings: MeaningSession,
        state: dict[str, Any] | None,
        fields: dict[str, Any] | None = None,
        questions: QuestionSession | None = None,
    ) -> None:
        self._call = call
        self._questions = questions
        self._offers = questions is not None
        self._revisions = {str(revision.pk): revision for revision in revisions}
        self._engine = MomentEngine(_compiled.of(revisions))
        self._intents = intents
        self._meanings = meanings
        # Of a call taken over too: what changed meanwhile has become so by now.
        self._fields = fields
        # Utterances of which an intent may still be told, by their numbers.
        self._rows: dict[int, Utterance] = {}
        # How often each moment's detector has failed, as far as it was told.
        self._failed: dict[str, int] = {}
        if state is not None:
            self._go_on(state["engine"], _compiled.of(revisions))

    def _go_on(self, state: dict[str, Any], compiled: CompiledMoments) -> None:
        try:
            self._engine.restore(state)
        except (ValueError, KeyError, TypeError) as error:
            # Written by another version of ours. What was said is stored, and what it brought was written then.
            log.warning(
                "moments.retold", conversation=str(self._call.conversation_id), place=error_place(error)
            )
            self._engine = MomentEngine(compiled)
            rows = Utterance.objects.filter(conversation=self._call.conversation_id).order_by("sequence")
            reached = 0
            for said in rows.values_list("sequence", "speaker", "start_ms", "end_ms", "text"):
                heard = Heard(*said)
                reached = max(reached, heard.start_ms)
                self._engine.advance(reached)
                self._engine.hear(heard, ())
            self._engine.advance(max(reached, int(state.get("now", 0))))

    def utterance(self, utterance: FinalUtterance, batch: Batch) -> None:
        row = utterance.row
        if self._questions is not None:
            self._offer(batch)
            self._questions.hear(row)
        self._look_at_fields(row.start_ms, batch)
        heard = Heard(row.sequence, row.speaker, row.start_ms, row.end_ms, row.text)
        told = [*self._intents.tell(heard), *self._meanings.tell(heard)]
        if self._intents.waits:
            self._rows[row.sequence] = row
        for occurrence in self._guard(lambda: self._engine.hear(heard, told), batch):
            self._found(occurrence, row.pk, batch)

    def partial(self, speaker: str, text: str, start_ms: int, end_ms: int, batch: Batch) -> None:
        """Nothing comes about before it is final; but others may want to know what it looks like."""
        if self._offers:
            self._offer(batch)
        batch.find(Early(lambda heard: self._guard(lambda: self._engine.look(heard), batch)))

    def _guard(self, work: Callable[[], list[Occurrence]], batch: Batch) -> list[Occurrence]:
        """The call goes on, and its guidance by what it hears for itself."""
        try:
            found = work()
        except Exception as error:
            self._tell_failed(f"{type(error).__name__} {error_place(error)}", batch)
            return []
        for key, (times, kind) in self._engine.failed().items():
            if self._failed.get(key) != times:
                self._failed[key] = times
                self._tell_failed(f"{key}: {kind}", batch)
        return found

    def _tell_failed(self, place: str, batch: Batch) -> None:
        log.error("moments.failed", conversation=str(self._call.conversation_id), place=place)
        batch.find(Failed(place))

    def told(self, mark: dict[str, Any], now_ms: int, batch: Batch) -> None:
        """Besides words: what is known of the call is now this."""
        if self._offers:
            self._offer(batch)
        if mark.get("to") == MomentStage.key and mark.get("do") == FIELDS:
            self._fields = mark["fields"]
            self._look_at_fields(mark["at_ms"], batch)

    def _look_at_fields(self, now_ms: int, batch: Batch) -> None:
        if self._fields is not None:
            fields, self._fields = self._fields, None
            for occurrence in self._guard(lambda: self._engine.fields(fields, now_ms), batch):
                self._found(occurrence, None, batch)

    def _late(self, batch: Batch, *, over: bool = False) -> None:
        """What took longer to tell than the step in which it was said."""
        for heard, told in self._intents.late(over=over):
            row = self._rows.get(heard.sequence)
            for occurrence in self._guard(partial(self._engine.told, heard, told), batch):
                self._found(occurrence, None if row is None else row.pk, batch)
        if not self._intents.waits:
            self._rows.clear()

    def _offer(self, batch: Batch) -> None:
        if self._offers:
            self._offers = False
            batch.find(Askable(self._want))

    def _want(self, keys: Collection[str]) -> None:
        """Ask for those of these that are asked of a model, and for those after which one of them is missing."""
        if self._questions is None:
            return
        specs = _compiled.of(list(self._revisions.values())).specs
        wanted = {spec.key for spec in asked_out_of_line(specs, keys)}
        if wanted:
            self._questions.want(wanted)
        else:
            self._questions = None

    def _answers(self, now_ms: int, batch: Batch) -> None:
        """What a model has said by now of questions that it was asked, and what it is to be asked next."""
        questions = self._questions
        if questions is None:
            return
        for turn, occurrence in questions.told(now_ms):
            for one in self._guard(partial(self._engine.told, heard_of(turn), [occurrence]), batch):
                self._found(one, turn.row_id, batch)
        for trouble in questions.troubles():
            batch.find(Failed(trouble.place, trouble.keys, trouble.late))
        questions.due(now_ms)

    def clock(self, now_ms: int, batch: Batch) -> None:
        if self._questions is not None:
            self._offer(batch)
            self._answers(now_ms, batch)
        # Here, not with the next words: what is found in a step with words is taken to be in them.
        self._late(batch)
        self._look_at_fields(now_ms, batch)
        for occurrence in self._guard(lambda: self._engine.advance(now_ms), batch):
            self._found(occurrence, None, batch)

    def finish(self, now_ms: int, batch: Batch) -> None:
        self._late(batch, over=True)
        for occurrence in self._guard(lambda: self._engine.finish(now_ms), batch):
            self._found(occurrence, None, batch)
        for tally in self._intents.tallies():
            batch.create(tally)

    def state(self) -> dict[str, Any]:
        return {
            "revisions": list(self._revisions),
            "engine": self._engine.state(),
            "intents": self._intents.state(),
            "meanings": self._meanings.listens,
            **({} if self._questions is None else {"questions": self._questions.state()}),
        }

    def _found(self, occurrence: Occurrence, utterance_id: UUID | None, batch: Batch) -> None:
        row = occurrence_row(
            self._call.conversation_id, self._revisions[occurrence.revision_id], occurrence, utterance_id
        )
        batch.create(row)
        batch.event("moment", row)
        batch.find(occurrence)


def occurrence_row(
    conversation_id: UUID, revision: MomentRevision, occurrence: Occurrence, utterance_id: UUID | None
) -> MomentOccurrence:
    """The row of an occurrence, not saved: its first words, or the stretch that was searched in vain."""
    start, end = occurrence.spans[0] if occurrence.spans else (None, None)
    searched_from, searched_to = occurrence.searched or (None, None)
    row = row_new(
        MomentOccurrence,
        conversation_id=conversation_id,
        definition_id=revision.definition_id,
        utterance_id=utterance_id,
        start=start,
        end=end,
        searched_from_ms=searched_from,
        searched_to_ms=searched_to,
        at_ms=occurrence.at_ms,
        score=occurrence.score,
        names=list(occurrence.names),
    )
    row.revision = revision
    return row


class MomentStage:
    """The stage "moments" of `cresta_app.live`."""

    key = "moments"
    fixed: tuple[str, ...] = ("revisions", "meanings")

    def open(self, call: CallContext, state: dict[str, Any] | None) -> MomentSession:
        """Begin with the newest revisions, or go on with those in `state`. One query; one more with intents, one
        with moments of the call's fields, and one where a call that is taken over has questions for a model; and the
        models' bytes where this process has not read them yet."""
        revisions = active_revisions() if state is None else revisions_by_id(state["revisions"])
        compiled = _compiled.of(revisions)
        specs = compiled.specs
        told = None if state is None else state.get("intents")
        classifiers = live_classifiers(specs, told)
        intents = IntentSession(
            specs, classifiers, told, vectors_for(model for _id, model in classifiers.values())
        )
        fields = call_fields(call.conversation_id) if compiled.asks_fields else None
        questions = None
        # Nobody is there to be guided by what comes late in a call that is over, or is told faster than it was spoken.
        if compiled.out_of_line and call.live and call.at_its_pace:
            asked = None if state is None else state.get("questions")
            said = [] if state is None else last_turns(call.conversation_id)
            questions = QuestionSession(call, compiled.out_of_line, asked, said)
        meanings = MeaningSession(specs, call.language)
        return MomentSession(call, revisions, intents, meanings, state, fields, questions)
