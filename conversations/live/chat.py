"""One chat in one live worker: its stored messages go through the same stages as what is said in a call.

The words are stored, redacted, before this sees them; so a worker that takes over reads what lies behind the last
commit and goes on, without doubles. Chat time is milliseconds since the chat began. It goes on by itself, so that
"within 20 seconds" means seconds: there alone a successor may decide a little later than the worker before it.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from redis.exceptions import RedisError

from conversations.live import ending
from conversations.live.buffer import Mark
from conversations.live.commit import CallCommit
from conversations.live.means import Means
from conversations.live.ownership import Claim
from conversations.live.source import BufferedAudio
from conversations.live.stage_sessions import states_of, states_split
from conversations.live.stages import Batch, CallContext, FinalUtterance, Stage, StageSession
from conversations.live.tidings import Tidings
from conversations.live.timeline import Timeline
from conversations.models import Chat, Utterance

log = structlog.get_logger(__name__)

# How often time passes for the stages: while answers may be on their way after a message, and later.
TICK_SECONDS = 0.2
ASKED_SECONDS = 10.0
QUIET_TICK_SECONDS = 1.0
# After how long a chat looks by itself, should a wake have been lost.
LOOK_SECONDS = 30.0
# A chat in which nothing happens still says that it is followed, well before the sweep thinks it is not.
CHECKPOINT_SECONDS = 20.0
HEARTBEAT_SECONDS = 2.0
# A message is committed a moment after its time: the clock stays behind it, so that nothing comes before its time.
BEHIND_MS = 500
AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class News:
    """What the database has of a chat behind a message: the next ones, whose it is, whether it is over, and when."""

    messages: list[Utterance]
    agent_id: UUID | None
    team_id: UUID | None
    over_at: datetime | None
    over_reason: str


def chat_news(conversation_id: UUID, after: int) -> News:
    """Read it. Two queries."""
    # First whether it is over: a message that is taken meanwhile is in the next reading, and none comes after the end.
    chat = Chat.objects.select_related("conversation__agent").get(pk=conversation_id)
    rows = Utterance.objects.filter(conversation_id=conversation_id, sequence__gt=after)
    agent = chat.conversation.agent
    return News(
        messages=list(rows.defer("search").order_by("sequence")[:AT_ONCE]),
        agent_id=agent.pk if agent else None,
        team_id=agent.team_id if agent else None,
        over_at=chat.over_at,
        over_reason=chat.over_reason,
    )


class ChatFollower:
    """Takes a chat's messages through the stages and says what is to be written. Knows no clock and no connection."""

    def __init__(self, claim: Claim, stages: list[Stage]) -> None:
        self.claim = claim
        self.call: CallContext = claim.context
        self.stages = stages
        self.sessions: list[StageSession] = []
        # The number of the last message that the stages have had.
        self.upto = claim.utterances
        self.clock_ms: int = claim.engine_state.get("clock_ms", 0)
        self._fixed_told: dict[str, Any] | None = None
        # Nothing is held in a chat: what is told is what people do on their pages.
        self._tidings = Tidings(Timeline(), claim.engine_state.get("tidings", {}))

    def open(self) -> None:
        """Open the stages where the last commit left them. In the company's schema."""
        states = self.claim.engine_state.get("stages", {})
        self.sessions = [stage.open(self.call, states.get(stage.key)) for stage in self.stages]

    def is_for(self, news: News) -> bool:
        """Whether the stages are open for the agent whose chat it is now."""
        return news.agent_id == self.call.agent_id

    def hand(self, news: News) -> None:
        """The chat is another agent's from here. What was done before must be committed. In the company's schema."""
        states = states_of(self.stages, self.sessions)
        self.call = replace(self.call, agent_id=news.agent_id, team_id=news.team_id)
        self.sessions = [stage.open(self.call, states[stage.key]) for stage in self.stages]

    def message(self, row: Utterance) -> CallCommit:
        """Take the next message."""
        batch = Batch(self.call.conversation_id)
        self.upto = row.sequence
        # Ours only: the row that is stored keeps the time at which it was sent.
        row.start_ms = row.end_ms = max(row.start_ms, self.clock_ms)
        self._pass(row.start_ms, batch)
        spoken = FinalUtterance(row=row, spoken_at=row.created_at, final_at=row.created_at)
        for session in self.sessions:
            session.utterance(spoken, batch)
        return self.part(batch)

    def tell(self, marks: list[Mark], now_ms: int) -> None:
        """Take note of what people did on their pages; the stages are told as time next passes."""
        self._tidings.take(mark | {"at_ms": now_ms} for mark in marks)

    def tick(self, now_ms: int) -> CallCommit | None:
        """Let time pass. None: nothing came of it."""
        batch = Batch(self.call.conversation_id)
        self._pass(now_ms - BEHIND_MS, batch)
        return None if batch.is_empty else self.part(batch)

    def end(self, now_ms: int, ended_at: datetime) -> CallCommit:
        """The chat is over, and all its messages were taken. In the company's schema."""
        batch = Batch(self.call.conversation_id)
        self._pass(now_ms, batch)
        for session in self.sessions:
            session.finish(self.clock_ms, batch)
        account = ending.account_of(
            reason=ending.STOP,
            received_ms=0,
            coverage=[],
            unheard={},
            recorded_ms=0,
            lost=[],
            missing=[],
        )
        ending.end_prepare(batch=batch, account=account, ended_at=ended_at)
        ident = self.call.conversation_id
        batch.write(lambda: _forget(ident))
        return self.part(batch)

    def part(self, batch: Batch) -> CallCommit:
        stages, fixed = states_split(self.stages, states_of(self.stages, self.sessions))
        is_new, self._fixed_told = fixed != self._fixed_told, fixed
        return CallCommit(
            epoch=self.claim.epoch,
            batch=batch,
            utterances=self.upto,
            coverage=[],
            engine_state={"clock_ms": self.clock_ms, "tidings": self._tidings.state(), "stages": stages},
            recorded_ms=0,
            fixed_state=fixed if is_new else None,
        )

    def _pass(self, now_ms: int, batch: Batch) -> None:
        if now_ms <= self.clock_ms:
            return
        self.clock_ms = now_ms
        self._tidings.tell(self.sessions, now_ms, batch, at_once=True)
        for session in self.sessions:
            session.clock(now_ms, batch)


def _forget(conversation_id: UUID) -> None:
    """What the redactor remembers goes with the last commit; the key that it is sealed with, soon after."""
    Chat.objects.filter(pk=conversation_id).update(memory=None, redaction=None)


class LiveChat:
    """Follows one chat from its claim to its end. `run()` returns why it ended."""

    def __init__(self, claim: Claim, means: Means) -> None:
        if means.wakes is None:
            raise ValueError("a chat is followed by who can be woken")
        self.means = means
        self._wakes = means.wakes
        self.schema = claim.context.schema
        self.ident = claim.context.conversation_id
        self.follower = ChatFollower(claim, means.stages + means.chat_stages)
        self._marks = BufferedAudio(means.buffer, self.schema, self.ident, claim.key)
        self._began = claim.started_at
        self._looked = self._checked = self._beaten = self._moved = 0.0

    @property
    def clock_ms(self) -> int:
        """How far the chat has come, for whoever counts its failures."""
        return self.follower.upto

    async def run(self) -> str:
        """Work until the chat's end is committed. Raises `Superseded` or a database error."""
        news = self._wakes.watch(self.schema, self.ident)
        try:
            await self._database(self.follower.open)
            news.set()
            return await self._follow(news)
        finally:
            self._wakes.leave(self.schema, self.ident)

    async def _follow(self, news: asyncio.Event) -> str:
        while True:
            now = time.monotonic()
            if news.is_set() or now - self._looked > LOOK_SECONDS:
                news.clear()  # before the look: what comes meanwhile is looked for again
                self._looked = now
                reason = await self._look()
                if reason is not None:
                    return reason
            part = self.follower.tick(self._now_ms())
            if part is None and now - self._checked > CHECKPOINT_SECONDS:
                part = self.follower.part(Batch(self.ident))
            if part is not None:
                await self._commit(part)
            if now - self._beaten > HEARTBEAT_SECONDS:
                self._beaten = now
                await self.means.signals.heartbeat(
                    self.follower.call, now_ms=self._now_ms(), late_ms=0, quiet_ms={}
                )
            busy = time.monotonic() - self._moved < ASKED_SECONDS
            with suppress(TimeoutError):
                await asyncio.wait_for(news.wait(), TICK_SECONDS if busy else QUIET_TICK_SECONDS)
            self._raise_stopped()

    async def _look(self) -> str | None:
        """Take what is new. Returns why the chat ended, None while it goes on."""
        try:
            self.follower.tell(await self._marks.marks(), self._now_ms())
        except (RedisError, OSError) as error:
            log.warning("chat.marks_away", conversation=str(self.ident), error=type(error).__name__)
        while True:
            news = await self._database(chat_news, self.ident, self.follower.upto)
            if not self.follower.is_for(news):
                await self._database(self.follower.hand, news)
            for row in news.messages:
                self._moved = time.monotonic()
                await self._commit(self.follower.message(row))
            if len(news.messages) < AT_ONCE:
                break
        if news.over_at is None:
            return None
        end_ms = max(0, round((news.over_at - self._began) / timedelta(milliseconds=1)))
        part = await self._database(self.follower.end, end_ms, news.over_at)
        await self._commit(part)
        return news.over_reason

    async def _commit(self, part: CallCommit) -> None:
        self._checked = time.monotonic()
        await self.means.committer.commit(self.schema, part)

    def _raise_stopped(self) -> None:
        """As `LiveCall._raise_stopped`: a cancellation may have been lost on its way."""
        task = asyncio.current_task()
        if self.means.stopping.is_set() or (task is not None and task.cancelling()):
            raise asyncio.CancelledError

    async def _database(self, work: Any, *args: Any) -> Any:
        return await self.means.threads.run(self.schema, work, *args)

    def _now_ms(self) -> int:
        return max(0, round((datetime.now(UTC) - self._began) / timedelta(milliseconds=1)))
