"""What a live call passes after redaction: the protocol between this room and the stages above it.

A stage reads finished utterances and the call's clock, and puts what it finds into a batch. The batch commits in one
transaction with the utterances, the stages' state and the outbox, and is published afterwards. All times are call
time (milliseconds of audio), never wall time, so that a call that is taken over decides the same things again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Protocol, TypeVar, runtime_checkable
from uuid import UUID

from django.db import models

from conversations.models import Utterance

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class CallContext:
    """What a stage may want to know of a call when it begins to follow it."""

    schema: str
    conversation_id: UUID
    agent_id: UUID | None
    team_id: UUID | None
    queue_id: UUID | None
    language: str
    # False for a call that was recorded elsewhere and is heard afterwards: nobody is there to be guided.
    live: bool = True
    channel: str = "voice"
    # False for a call that is told faster than it was spoken: nothing comes up by itself from beside it.
    at_its_pace: bool = True

    def handed_to(self, agent_id: str | None, team_id: str | None) -> CallContext:
        """The same call with another agent."""
        return replace(
            self,
            agent_id=UUID(agent_id) if agent_id else None,
            team_id=UUID(team_id) if team_id else None,
        )


@dataclass(frozen=True, slots=True)
class FinalUtterance:
    """A redacted utterance, not yet committed. `row` has its id and sequence. Wall times are for figures only."""

    row: Utterance
    spoken_at: datetime  # when its last sound reached us
    final_at: datetime  # when speech recognition had ended it


@dataclass
class Batch:
    """What one step of one call wants written. Filled in call order; committed whole or not at all."""

    conversation_id: UUID
    rows: list[models.Model] = field(default_factory=list)
    writes: list[Callable[[], None]] = field(default_factory=list)
    events: list[tuple[str, models.Model]] = field(default_factory=list)
    jobs: list[str] = field(default_factory=list)
    found: list[object] = field(default_factory=list)
    after_publish: list[Callable[[datetime], None]] = field(default_factory=list)
    together: list[tuple[Callable[[list[tuple[Any, datetime]]], None], Any]] = field(default_factory=list)

    def create(self, row: models.Model) -> None:
        """Insert `row` (bulk, in the order of models first seen; ids are given by us)."""
        self.rows.append(row)

    def write(self, work: Callable[[], None]) -> None:
        """Run `work` inside the transaction, after the inserts: an update of a row made earlier.

        A `conversations.live.changes.Change` may go with the statement that inserts the rows.
        """
        self.writes.append(work)

    def event(self, kind: str, row: models.Model) -> None:
        """Announce `row` as an event of this kind; it is rendered when it is published."""
        self.events.append((kind, row))

    def announce(self, event: str) -> None:
        """Write the outbox jobs of this event."""
        self.jobs.append(event)

    def find(self, thing: object) -> None:
        """Hand something to the stages after this one, within this step."""
        self.found.append(thing)

    def finds(self, kind: type[T]) -> list[T]:
        """What earlier stages found in this step, of one type, in order."""
        return [thing for thing in self.found if isinstance(thing, kind)]

    def published(self, work: Callable[[datetime], None]) -> None:
        """Run `work(when)` in the call's schema after the events were handed to the channel layer."""
        self.after_publish.append(work)

    def published_together(self, work: Callable[[list[tuple[Any, datetime]]], None], thing: Any) -> None:
        """The same for many calls at once, within a second: `work([(thing, when), …])` with the things of many."""
        self.together.append((work, thing))

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to commit. What others are handed after the commit needs one as well."""
        return not (
            self.rows or self.writes or self.events or self.jobs or self.after_publish or self.together
        )


class StageSession(Protocol):
    """One stage following one call. Called in one thread at a time, without database access."""

    def utterance(self, utterance: FinalUtterance, batch: Batch) -> None:
        """Take the next utterance, in the order of the transcript."""

    def clock(self, now_ms: int, batch: Batch) -> None:
        """Everything before `now_ms` has been heard on every channel. Monotonic; called about every 100 ms of audio."""

    def finish(self, now_ms: int, batch: Batch) -> None:
        """The call has ended; no more calls follow."""

    def state(self) -> dict[str, Any]:
        """What `Stage.open` needs to go on from here: JSON, small, without customers' words.

        It is written with every utterance, but for what `Stage.fixed` names.
        """


class HearsPartials(Protocol):
    """A session that also wants words which are not final yet: any that has this method."""

    def partial(self, speaker: str, text: str, start_ms: int, end_ms: int, batch: Batch) -> None:
        """Take what a speaker seems to be saying, redacted. Its final follows, and may say otherwise."""


@runtime_checkable
class HearsTidings(Protocol):
    """A session that is also told what happens besides words: see `tidings`."""

    def told(self, mark: dict[str, Any], now_ms: int, batch: Batch) -> None:
        """Take a thing, of `mark["at_ms"]`; everything before `now_ms` has been heard."""


class Stage(Protocol):
    """Made once per process; opens a session per call.

    `fixed` names the keys of its sessions' states whose values stay as they are for the whole call (but may be other
    ones after a session was opened anew): long ones need not be written each time.
    """

    key: str
    fixed: tuple[str, ...]

    def open(self, call: CallContext, state: dict[str, Any] | None) -> StageSession:
        """Load definitions (in the call's schema) and begin, or go on from `state`. May use the database."""
