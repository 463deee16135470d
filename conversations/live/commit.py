"""Group commit: what calls want written within some milliseconds goes to the database in one statement a company.

Row by row, a thousand conversations would spend their time waiting for commits; in groups the wait is shared. Each
call's part is conditional on its epoch, so a superseded worker's part falls out while the others' go through.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from django.db import DataError, IntegrityError, OperationalError, connection, transaction
from django.db.models import Model
from django.utils import timezone

from accounts.errors import error_place, sqlstate
from conversations import events as shown
from conversations import outbox
from conversations.live.changes import Change, changes, changes_read
from conversations.live.ownership import Superseded
from conversations.live.rows import Owned, are_saved, as_json, inserts, row_new
from conversations.live.stages import Batch
from conversations.models import ConversationEvent
from conversations.publish import floor_message, messages_for, publish
from tenants.scope import TenantThreads, current_schema

log = structlog.get_logger(__name__)

# A part of a large group costs less than one of a small one. What comes while a group is being written waits anyhow: to
# wait longer beside that saves the database a tenth of its work, and costs finals a third of their time.
LINGER_SECONDS = 0.002
TOLD_SECONDS = 1.0
GROUP_LIMIT = 200
# How often a group that the database ended for another's sake is tried before its calls hear of it.
TRIES = 3


@dataclass
class CallCommit:
    """One call's part: its rows and events, and where it stands once they are written."""

    epoch: int
    batch: Batch
    utterances: int
    coverage: list[list[list[int]]]
    engine_state: dict[str, Any]
    recorded_ms: int
    # What of the stages' states was not written before, or has changed.
    fixed_state: dict[str, Any] | None = None
    # Filled by the commit.
    head: int = 0
    published: list[dict[str, Any]] = field(default_factory=list)

    @property
    def conversation_id(self) -> UUID:
        return self.batch.conversation_id


# Conversation and epoch of a call's owner, and the parts of each, in their order.
Call = tuple[UUID, int]
ByCall = dict[Call, list[CallCommit]]

# Every writer takes the rows in one order, so that two groups cannot wait for each other. A call may have several parts
# in a group: it is written as the last one leaves it. Rows of a call go in with its numbers, or not at all.
_WRITE = """
    WITH held AS MATERIALIZED (
        SELECT conversation_id
          FROM conversations_callowner
         WHERE conversation_id = ANY(%s::uuid[])
         ORDER BY conversation_id
           FOR NO KEY UPDATE
    ), numbered AS (
        UPDATE conversations_callowner AS owner
           SET head = owner.head + new.events, utterances = new.utterances, coverage = new.coverage,
               engine_state = new.engine_state, fixed_state = COALESCE(new.fixed_state, owner.fixed_state),
               recorded_ms = GREATEST(owner.recorded_ms, new.recorded_ms), updated_at = now()
          FROM held
          JOIN jsonb_to_recordset(%s::jsonb)
            AS new(conversation_id uuid, epoch int, events int, utterances int, coverage jsonb, engine_state jsonb,
                   fixed_state jsonb, recorded_ms int)
         USING (conversation_id)
         WHERE owner.conversation_id = held.conversation_id AND owner.epoch = new.epoch
     RETURNING owner.conversation_id, owner.epoch, owner.head
    ){parts}
    SELECT conversation_id, epoch, head, NULL::json AS told FROM numbered{told}
"""
# One shape of row for both: what is told of changes has their number where a call has its head.
_TOLD = " UNION ALL SELECT id, NULL, {at}, told FROM changed{at}"
# An event's number counts back from the last one of its call.
_COUNTED: dict[type[Model], dict[str, str]] = {
    ConversationEvent: {"sequence": "numbered.head - made.sequence"}
}


class Told:
    """What is still to be noted of what was published, of one company: once a second, not with each group."""

    def __init__(self) -> None:
        self._left: dict[Callable[[list[tuple[Any, datetime]]], None], list[tuple[Any, datetime]]] = {}
        self._noted = float("-inf")

    def add(self, parts: Sequence[CallCommit], when: datetime) -> None:
        for part in parts:
            for work, thing in part.batch.together:
                self._left.setdefault(work, []).append((thing, when))

    @property
    def is_left(self) -> bool:
        return bool(self._left)

    @property
    def is_due(self) -> bool:
        return bool(self._left) and time.monotonic() - self._noted >= TOLD_SECONDS

    def note(self) -> None:
        """Note it, in the company's schema; nothing of it is tried twice."""
        left, self._left, self._noted = self._left, {}, time.monotonic()
        for work, things in left.items():
            work(things)


def group_write(parts: Sequence[CallCommit], told: Told | None = None) -> list[CallCommit]:
    """Write the parts in one transaction and publish them. Returns those that were fenced off as superseded.

    Runs in a thread, in the company's schema. A failing database leaves nothing written. `told` takes what may be
    noted later; without it, it is noted at once.
    """
    now = timezone.now()
    by_call: ByCall = {}
    for part in parts:
        by_call.setdefault((part.conversation_id, part.epoch), []).append(part)
    # Calls whose changes the statement makes, too; the others' are made after it, one by one and in their order.
    whole = {call for call, some in by_call.items() if _is_whole(some)}
    if all(call in whole for call in by_call) and not any(part.batch.jobs for part in parts):
        # One statement is a transaction by itself: one round trip instead of four.
        written, unmet = _write(by_call, whole, now)
    else:
        with transaction.atomic():
            written, unmet = _write(by_call, whole, now)
            for part in written:
                if (part.conversation_id, part.epoch) not in whole:
                    for write in part.batch.writes:
                        write()
                for event in part.batch.jobs:
                    outbox.jobs_announce(event=event, conversation_id=part.conversation_id)
    changes_read(unmet)
    _tell(written, now, told or Told())
    done = {id(part) for part in written}
    return [part for part in parts if id(part) not in done]


def _is_whole(parts: Sequence[CallCommit]) -> bool:
    """Whether all that a call wants written can go with the one statement: rows, and changes to other rows."""
    writes = [write for part in parts for write in part.batch.writes]
    if not writes:
        return True
    changed = {write.row.pk for write in writes if isinstance(write, Change)}
    return len(changed) == len(writes) and not any(
        row.pk in changed for part in parts for row in part.batch.rows
    )


def _write(by_call: ByCall, whole: Set[Call], now: datetime) -> tuple[list[CallCommit], list[Change]]:
    """Number all parts' events, put their rows in, change others, keep where their calls stand.

    Returns the parts that are written, in the order of calls and within a call in their own, and the changes that found
    another row than they wanted.
    """
    calls = sorted(by_call)
    put = inserts(_rows(by_call, now), "numbered", _COUNTED)
    changed = changes(_changes(by_call, whole), "numbered")
    named = "".join(f", put{at} AS ({sql})" for at, sql in enumerate(put.statements))
    named += "".join(f", changed{at} AS ({sql})" for at, sql in enumerate(changed.statements))
    told_sql = "".join(_TOLD.format(at=at) for at in range(len(changed.statements)))
    ends = as_json([_end(by_call[call]) for call in calls])
    heads: dict[Call, int] = {}
    told: dict[int, dict[UUID, list[Any]]] = defaultdict(dict)
    with connection.cursor() as cursor:
        cursor.execute(
            _WRITE.format(parts=named, told=told_sql),
            [[call for call, _epoch in calls], ends, *put.values, *changed.values],
        )
        for ident, epoch, number, read in cursor.fetchall():
            if epoch is None:
                told[number][ident] = read
            else:
                heads[ident, epoch] = number
    written = []
    for call in calls:
        if call in heads:
            head = heads[call]
            for part in reversed(by_call[call]):
                part.head = head
                head -= len(part.batch.events)
                are_saved(part.batch.rows)
            written += by_call[call]
    unmet = [change for ident, epoch, change in changed.take(told) if (ident, epoch) in heads]
    return written, unmet


def _changes(by_call: ByCall, whole: Set[Call]) -> Iterator[tuple[UUID, int, Change]]:
    for (conversation, epoch), parts in by_call.items():
        if (conversation, epoch) in whole:
            for part in parts:
                for write in part.batch.writes:
                    assert isinstance(write, Change)
                    yield conversation, epoch, write


def _rows(by_call: ByCall, now: datetime) -> Iterator[Owned]:
    """The parts' own rows, and one for each of their events."""
    for (conversation, epoch), parts in by_call.items():
        left = sum(len(part.batch.events) for part in parts)
        for part in parts:
            for row in part.batch.rows:
                yield conversation, epoch, row
            for kind, row in part.batch.events:
                left -= 1
                event = row_new(
                    ConversationEvent,
                    conversation_id=conversation,
                    sequence=left,
                    kind=kind,
                    ref=row.pk,
                    occurred_at=now,
                )
                yield conversation, epoch, event


def _end(parts: Sequence[CallCommit]) -> dict[str, Any]:
    """Where one call stands after its parts, as `_WRITE` reads it."""
    last = parts[-1]
    fixed = [part.fixed_state for part in parts if part.fixed_state is not None]
    return {
        "conversation_id": last.conversation_id,
        "epoch": last.epoch,
        "events": sum(len(part.batch.events) for part in parts),
        "utterances": last.utterances,
        "coverage": last.coverage,
        "engine_state": last.engine_state,
        **({"fixed_state": fixed[-1]} if fixed else {}),
        "recorded_ms": last.recorded_ms,
    }


def _tell(parts: Sequence[CallCommit], now: datetime, told: Told) -> None:
    """Publish what is committed. A layer that is away loses nothing: pages read it back by the next head."""
    schema = current_schema()
    messages = []
    for part in parts:
        first = part.head - len(part.batch.events) + 1
        events = [
            shown.envelope(sequence, kind, now, shown.render(kind, row))
            for sequence, (kind, row) in enumerate(part.batch.events, first)
        ]
        messages += messages_for(schema, part.conversation_id, events)
    changed = {part.conversation_id for part in parts if part.batch.events}
    if changed:
        messages.append(floor_message(schema, changed))
    if not publish(messages):
        return
    sent_at = timezone.now()
    told.add(parts, sent_at)
    if told.is_due:
        try:
            told.note()
        except Exception as error:
            _not_noted(error)


def _not_noted(error: Exception) -> None:
    # Figures of when things were sent, which nobody waits for: what they are of is written.
    log.warning("commit.not_noted", error=type(error).__name__, where=error_place(error))


@dataclass(frozen=True, slots=True)
class Awaited:
    """A part, who waits for it, and the part of its call before it."""

    part: CallCommit
    done: asyncio.Future[None]
    after: asyncio.Future[None] | None

    def stands(self) -> bool:
        """Whether it may be written: not if nobody waits any more, nor if what comes before it was not written.

        A part says how far its call is heard. Without the one before, words of it would be missing for good.
        """
        if self.done.done():
            return False
        if self.after is None or not self.after.done():
            return True
        if self.after.cancelled():
            self.done.cancel()
        elif (error := self.after.exception()) is not None:
            self.done.set_exception(error)
        return not self.done.done()


def _parted(waiting: list[Awaited], held: Set[UUID]) -> tuple[list[Awaited], list[Awaited]]:
    """The next group, of calls that are not held; and the rest. Both in their order."""
    group: list[Awaited] = []
    rest: list[Awaited] = []
    for one in waiting:
        free = len(group) < GROUP_LIMIT and one.part.conversation_id not in held
        (group if free else rest).append(one)
    return group, rest


def _by_pace(group: list[Awaited]) -> tuple[list[Awaited], list[Awaited]]:
    """What one statement writes; and calls of which something else is to be written, too."""
    by_call: dict[UUID, list[CallCommit]] = {}
    for one in group:
        by_call.setdefault(one.part.conversation_id, []).append(one.part)
    slow = {
        call
        for call, parts in by_call.items()
        if any(part.batch.jobs for part in parts) or not _is_whole(parts)
    }
    if not slow:
        return group, []
    quick = [one for one in group if one.part.conversation_id not in slow]
    return quick, [one for one in group if one.part.conversation_id in slow]


class Committer:
    """Collects the parts of all calls of this process, one group under way at a time for each company.

    Calls of which more is wanted than the one statement does (alerts, the end) are written beside it, one transaction
    at a time, whose round trips hold up nobody else. What comes of such a call meanwhile waits for it.
    """

    def __init__(self, threads: TenantThreads) -> None:
        self._threads = threads
        self._waiting: dict[str, list[Awaited]] = defaultdict(list)
        # By company, the calls that are being written beside the groups, each with the task that does it.
        self._beside: dict[str, dict[UUID, asyncio.Task[None]]] = defaultdict(dict)
        self._running: dict[str, asyncio.Task[None]] = {}
        self._told: dict[str, Told] = defaultdict(Told)
        self._noting: set[str] = set()

    def commit(
        self, schema: str, part: CallCommit, *, after: asyncio.Future[None] | None = None
    ) -> asyncio.Future[None]:
        """To be awaited: the part is committed and published. Raises `Superseded` there, or the database's error.

        Parts of one call are written in the order of their calls to this method. `after`: what was returned for the
        call's part before, which may be under way. Where that fails, this one does, too, with the same error.
        """
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[schema].append(Awaited(part, done, after))
        if schema not in self._running:
            self._running[schema] = asyncio.create_task(self._drain(schema))
        return done

    async def _drain(self, schema: str) -> None:
        beside = self._beside[schema]
        try:
            while self._waiting[schema]:
                await asyncio.sleep(LINGER_SECONDS)
                group, rest = _parted(self._waiting[schema], beside.keys())
                self._waiting[schema] = rest
                if not group:
                    break  # what is left waits for what is written beside, which sees to it
                quick, slow = _by_pace(group)
                if slow and not beside:
                    self._write_beside(schema, slow)
                else:
                    # One beside at a time: many calls that end at once must not take all threads.
                    self._waiting[schema] = slow + rest
                if quick:
                    await self._write(schema, quick, self._told[schema])
                elif beside:
                    break
        finally:
            del self._running[schema]
        if self._told[schema].is_left and schema not in self._noting:
            self._noting.add(schema)  # one is enough: groups end some fifty times a second
            asyncio.get_running_loop().call_later(TOLD_SECONDS, self._note_soon, schema)

    def _note_soon(self, schema: str) -> None:
        """No group may come any more that would see to it; one that is under way does, or has this done again."""
        self._noting.discard(schema)
        if schema not in self._running and self._told[schema].is_left:
            self._running[schema] = asyncio.create_task(self._note(schema))

    async def _note(self, schema: str) -> None:
        try:
            await self._threads.run(schema, self._told[schema].note)
        except Exception as error:
            _not_noted(error)
        finally:
            del self._running[schema]
        if self._waiting[schema]:
            self._running[schema] = asyncio.create_task(self._drain(schema))

    async def settle(self) -> None:
        """Note what is left, before the process ends."""
        for schema in [schema for schema, told in self._told.items() if told.is_left]:
            while (running := self._running.get(schema)) is not None:
                await asyncio.wait([running])
            self._running[schema] = asyncio.create_task(self._note(schema))
            await self._running[schema]

    def _write_beside(self, schema: str, group: list[Awaited]) -> None:
        beside = self._beside[schema]
        task = asyncio.create_task(self._write(schema, group, None))
        calls = {one.part.conversation_id for one in group}
        beside |= dict.fromkeys(calls, task)

        def over(_task: asyncio.Task[None]) -> None:
            for call in calls:
                del beside[call]
            if self._waiting[schema] and schema not in self._running:
                self._running[schema] = asyncio.create_task(self._drain(schema))

        task.add_done_callback(over)

    async def _write(self, schema: str, group: list[Awaited], told: Told | None) -> None:
        group = [one for one in group if one.stands()]
        if not group:
            return
        try:
            parts = [one.part for one in group]
            superseded = await self._written(schema, parts, told)
        except (IntegrityError, DataError) as error:
            # One call's rows are refused by the database: the others must not suffer for it.
            if len(group) > 1:
                for single in group:
                    await self._write(schema, [single], told)
                return
            self._settle(group, error)
        except Exception as error:
            # Whatever it is, each waiting call must hear of it; it decides there what to do.
            self._settle(group, error)
        else:
            fenced = {id(part) for part in superseded}
            for one in group:
                if one.done.cancelled():
                    continue
                if id(one.part) in fenced:
                    one.done.set_exception(Superseded)
                else:
                    one.done.set_result(None)

    async def _written(self, schema: str, parts: list[CallCommit], told: Told | None) -> list[CallCommit]:
        """Write a group, again where the database gave it up for another's sake and so has written nothing of it.

        Its calls, up to two hundred, would all begin anew from their last commits otherwise.
        """
        for tried in range(1, TRIES + 1):
            try:
                return await self._threads.run(schema, group_write, parts, told)
            except OperationalError as error:
                if tried == TRIES or sqlstate(error) not in outbox.GIVEN_WAY:
                    raise
                log.warning("commit.again", parts=len(parts), where=error_place(error))
        raise AssertionError("tried at least once")

    @staticmethod
    def _settle(group: list[Awaited], error: Exception) -> None:
        for one in group:
            if not one.done.cancelled():
                one.done.set_exception(error)
