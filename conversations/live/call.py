"""One live call in one worker: audio in, words, redaction, stages, commits.

Everything is decided by the call's own time. A worker that takes over starts from the last commit, hears the audio
behind it again and comes to the same results; what was committed already is recognised by its channel interval.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import structlog
from django.conf import settings

from accounts.errors import first_cause
from conversations.live import ending
from conversations.live.arrivals import Arrivals
from conversations.live.buffer import CHUNK_MS, Chunk, Mark
from conversations.live.card_pause import CardPause
from conversations.live.commit import CallCommit
from conversations.live.commit_queue import CommitQueue
from conversations.live.coverage import Coverage
from conversations.live.lane import Lane, meeting_point, silence
from conversations.live.means import Means as Means
from conversations.live.ownership import Claim
from conversations.live.partials import Waiting
from conversations.live.recorder import Recorder
from conversations.live.segments import Segments
from conversations.live.source import AudioSource, BufferedAudio
from conversations.live.speakers import Speakers
from conversations.live.stage_sessions import partial_hear, states_of, states_split, time_pass
from conversations.live.stages import Batch, FinalUtterance, StageSession
from conversations.live.stopping import raise_stopped
from conversations.live.tidings import Tidings
from conversations.live.timeline import AgentChange, Timeline
from conversations.live.transcript import utterance_add
from engines.redaction.stream import StreamRedactor
from engines.speech.audio import AudioFormat, split_channels
from engines.speech.types import CallToHear, Heard, Hypothesis, SpeechError

log = structlog.get_logger(__name__)

# What is worked on one after the other; None: the end.
Work = tuple[Lane, Heard | None] | AgentChange | Tidings | None

CHECKPOINT_MS = 5_000
HEARTBEAT_SECONDS = 2.0
MARKS_SECONDS = 0.3
DRAIN_SECONDS = 120.0
# How long a call of which telephony says that it is over, and whose line is gone, may still bring audio.
ENDED_SECONDS = 2.0
# A final that begins this little before the covered point was only timed anew by a restarted recogniser.
OVERLAP_MS = 250


class LiveCall:
    """Follows one call from its claim to its end. `run()` returns why it ended.

    `source` gives its audio; without one it is the call's buffer.
    """

    def __init__(self, claim: Claim, means: Means, source: AudioSource | None = None) -> None:
        self.claim = claim
        self.call = claim.context
        self.means = means
        of = self.call
        self.source = source or BufferedAudio(means.buffer, of.schema, of.conversation_id, claim.key)
        self.format = AudioFormat(
            codec=claim.audio_format["codec"],
            sample_rate=claim.audio_format["sample_rate"],
            channels=claim.audio_format["channels"],
        )
        self.speakers = Speakers(claim.audio_format)
        self.roles = self.speakers.roles
        channels = range(self.format.channels)
        covered = claim.coverage or [[] for _ in channels]
        self.coverage = [Coverage(intervals) for intervals in covered]
        # What another lane had heard ahead of the rest, before this worker.
        self.islands = [Coverage(each for each in intervals if each[0] > 0) for intervals in covered]
        state = claim.engine_state
        self.redactor = (
            StreamRedactor.restore(state["redaction"], claim.redaction)
            if "redaction" in state
            else StreamRedactor(claim.redaction)
        )
        self.segments = Segments(claim, means.threads)
        self.recorder = Recorder(
            sample_rate=self.format.sample_rate,
            channels=self.format.channels,
            recorded_ms=claim.recorded_ms,
            state=state.get("recording"),
        )
        self.timeline = Timeline(claim.heard_phases)
        self.tidings = Tidings(self.timeline, state.get("tidings", {}))
        self.card_pause = CardPause(
            on=claim.card_pause, conversation_id=self.call.conversation_id, state=state.get("card_pause")
        )
        self.unheard = {cause: Coverage(stretches) for cause, stretches in state.get("unheard", {}).items()}
        self.clock_ms: int = state.get("clock_ms", 0)
        self.utterances = claim.utterances
        self.arrivals = Arrivals(self.format.channels)
        self.committed_ms = 0
        self.lost: list[list[int]] = list(state.get("lost", []))
        # The last lane is the one that hears what is being said now.
        self.lanes: list[Lane] = []
        self.stage_sessions: list[StageSession] = []
        # What the live lane has read while the audio before it is still being read: the recording goes in order.
        self._ahead: list[tuple[int, list[bytes]]] = []
        self._heard: asyncio.Queue[Work] = asyncio.Queue(1_000)
        self._agent_told = str(self.call.agent_id or "")
        self._commits = CommitQueue(means.committer, claim.context.schema, self.source)
        self._fixed_told: dict[str, Any] | None = None
        self._marked_at = 0.0
        self._over = False
        self._in_step = False  # something heard is being worked on, to be committed before anything behind it
        self._ended_at = datetime.now(UTC)

    async def run(self) -> str:
        """Work until the call's end is committed. Raises `Superseded`, `SpeechError` or a database error."""
        try:
            await self._open()
            async with asyncio.TaskGroup() as group:
                listeners = [group.create_task(self._listen(lane)) for lane in self.lanes]
                beat = group.create_task(self._beat())
                work = group.create_task(self._work())
                # What piled up, in a lane of its own, beside what is said now.
                piled_up = [group.create_task(self._read(lane)) for lane in self.lanes[:-1]]
                reason = await self._read(self.lanes[-1])
                async with asyncio.timeout(DRAIN_SECONDS if self.call.live and not piled_up else None):
                    await asyncio.gather(*piled_up, *listeners)
                await self._heard.put(None)
                await work
                self._over = True
                beat.cancel()
            await self._end(reason)
            return reason
        except* asyncio.CancelledError:
            raise
        except* Exception as group_error:
            # One cause is enough to say why; the rest are its consequences.
            raise first_cause(group_error) from group_error
        finally:
            await self._close()

    async def _open(self) -> None:
        state = self.claim.engine_state.get("stages", {})
        self.stage_sessions = await self.means.threads.run(self.call.schema, self._open_stages, state)
        for mark in self.claim.marks:
            self.timeline.add(mark)
        await self._marks()
        # Where each channel is heard from: audio before it is not fed again.
        start_ms = [coverage.upto for coverage in self.coverage]
        meet_ms = await meeting_point(self.source, self.format, min(start_ms))
        if meet_ms is None:
            await self._open_lane(self.redactor, start_ms)
        else:
            log.info("call.lanes", conversation=str(self.call.conversation_id), meet_ms=meet_ms)
            await self._open_lane(self.redactor, start_ms, meet_ms)
            # What was said before is not known here yet, so a number may be on its way.
            redactor = StreamRedactor.restore(self.redactor.state(), self.claim.redaction)
            redactor.suspect(meet_ms)
            await self._open_lane(redactor, [max(meet_ms, each) for each in start_ms])

    async def _open_lane(
        self, redactor: StreamRedactor, start_ms: list[int], until_ms: int | None = None
    ) -> None:
        speech = await self.means.ears.of(self.claim.speech)
        session = await speech.open(
            CallToHear(
                call_id=str(self.call.conversation_id),
                channels=self.format.channels,
                sample_rate=self.format.sample_rate,
                language=self.call.language,
                start_ms=tuple(start_ms),
                keyterms=self.claim.keyterms,
                diarise=self.speakers.tell_apart(speech),
            )
        )
        self.lanes.append(Lane(session, redactor, start_ms, until_ms))

    def _open_stages(self, state: dict[str, Any]) -> list[StageSession]:
        return [stage.open(self.call, state.get(stage.key)) for stage in self.means.stages]

    async def _close(self) -> None:
        self.means.partials.leave(self)
        for lane in self.lanes:
            with suppress(SpeechError):
                await lane.session.abort()
        await self._commits.abandon()

    # --- Audio in ---------------------------------------------------------------------------------------

    async def _read(self, lane: Lane) -> str:
        """Feed the lane to its end. Returns the reason that the call's last entry gives; "" for an earlier lane."""
        is_live = lane.until_ms is None
        # The recording may be further back than what is heard, and takes all audio in order.
        start_ms = min(lane.start_ms)
        if lane is self.lanes[0]:
            start_ms = min(start_ms, self.recorder.recorded_ms)
        number = start_ms // CHUNK_MS
        heard_of = time.monotonic()
        while True:
            raise_stopped(self.means.stopping)
            chunks = await self.source.read(number)
            if is_live and time.monotonic() - self._marked_at > MARKS_SECONDS:
                await self._marks()
            for chunk in chunks:
                if chunk.end:
                    await lane.session.finish()
                    # Whoever noticed that nothing comes any more did so later than it ended.
                    self._ended_at = chunk.received_at
                    if chunk.end != ending.STOP and self.arrivals.upto_ms:
                        self._ended_at = self.arrivals.arrival(self.arrivals.upto_ms)
                    return chunk.end
                if lane.until_ms is not None and chunk.number * CHUNK_MS > lane.until_ms:
                    nothing = replace(chunk, number=lane.until_ms // CHUNK_MS + 1)
                    await self._fill(lane, number + 1, nothing)
                    await self._read_out(lane)
                    return ""
                await self._fill(lane, number + 1, chunk)
                await self._feed(lane, chunk)
                number = chunk.number
                # The recognisers' answers to this chunk are taken before the next one goes in, so that what
                # happens on two channels keeps its order however fast the audio comes.
                for _ in range(3):
                    await asyncio.sleep(0)
            now = time.monotonic()
            if chunks or await self.source.alive():
                heard_of = now
            elif is_live and self.timeline.has_ended and now - heard_of > ENDED_SECONDS:
                await self.source.end(ending.STOP)
            elif is_live and now - heard_of > settings.INGEST_RESUME_SECONDS:
                await self.source.end(ending.NO_STOP)

    async def _read_out(self, lane: Lane) -> None:
        """An earlier lane has read its stretch: the recording goes on with what the live lane has read meanwhile."""
        lane.until_ms = None
        ahead, self._ahead = self._ahead, []
        for start_ms, sides in ahead:
            self.recorder.add(start_ms, sides)
        await lane.session.finish()

    async def _marks(self) -> None:
        """Take note of what happened to the call. What is told late holds for the audio that went by meanwhile."""
        self._marked_at = time.monotonic()
        marks = await self.source.marks()
        self.tidings.take(marks)
        if self.tidings.overdue(self.arrivals.upto_ms):
            await self._heard.put(self.tidings)
        changes = [self.timeline.add(mark) for mark in marks]
        # Whoever takes over is told all of them again: only the last one counts.
        change = next((each for each in reversed(changes) if each is not None), None)
        if change is not None and (change.agent_id or "") != self._agent_told:
            self._agent_told = change.agent_id or ""
            await self._heard.put(change)
        self.recorder.keep_out(self.timeline.silent(max(self.arrivals.upto_ms, self.recorder.recorded_ms)))

    async def _fill(self, lane: Lane, wanted: int, chunk: Chunk) -> None:
        """Put silence where the buffer has lost chunks, so that times stay true, and say so in the ledger."""
        if chunk.number == wanted:
            return
        stretch = [(wanted - 1) * CHUNK_MS, (chunk.number - 1) * CHUNK_MS]
        if stretch not in self.lost:  # a successor meets the same gap again
            self.lost.append(stretch)
        nothing = silence(self.format, CHUNK_MS)
        for number in range(wanted, chunk.number):
            await self._feed(lane, Chunk(number, chunk.received_at, nothing, ""))

    async def _feed(self, lane: Lane, chunk: Chunk) -> None:
        start_ms = (chunk.number - 1) * CHUNK_MS
        sides = split_channels(self.format, chunk.payload)
        end_ms = start_ms + len(sides[0]) * 1000 // (self.format.sample_rate * 2)
        if lane is self.lanes[-1]:
            self.arrivals.add(end_ms, chunk.received_at, sides)
        unheard = self.timeline.unheard(start_ms)
        kept = sides
        if self.timeline.unrecorded(start_ms):
            kept = [bytes(len(pcm)) for pcm in sides]
            self.recorder.silenced(start_ms, end_ms)
        if lane is self.lanes[-1] and any(each.until_ms is not None for each in self.lanes):
            self._ahead.append((start_ms, kept))
        else:
            self.recorder.add(start_ms, kept)
        if end_ms <= min(lane.start_ms):
            return
        if not unheard:
            await lane.session.feed(sides, start_ms)
            return
        self.unheard.setdefault(unheard, Coverage()).add(start_ms, end_ms)
        for coverage in self.coverage:
            coverage.add(start_ms, end_ms)
        await lane.session.skip(start_ms, end_ms)

    async def _listen(self, lane: Lane) -> None:
        async for heard in lane.session:
            await self._heard.put((lane, heard))
        await self._heard.put((lane, None))

    # --- What was heard ---------------------------------------------------------------------------------

    async def _work(self) -> None:
        while (item := await self._heard.get()) is not None:
            self._in_step = True
            if isinstance(item, AgentChange):
                await self._agent(item)
            elif isinstance(item, Tidings):
                batch = item.told_at_once(self.stage_sessions, self.clock_ms, self.call)
                if not batch.is_empty or item.stood_still:
                    self._commit(batch)
            else:
                lane, heard = item
                if heard is None:
                    lane.over, self._in_step = True, False  # not before all that it said is taken in
                    continue
                channel, _role = self.speakers.of(heard)
                reached = heard.end_ms if isinstance(heard, Hypothesis) else heard.upto_ms
                lane.heard_ms[channel] = max(lane.heard_ms[channel], reached)
                if not isinstance(heard, Hypothesis):
                    await self._progress(lane, channel, heard.upto_ms)
                elif heard.final:
                    await self._final(lane, heard)
                elif lane is self.lanes[-1]:
                    self._partial(lane, heard)
            self._in_step = False
            raise_stopped(self.means.stopping)
            await self._commits.room()

    async def _agent(self, change: AgentChange) -> None:
        """The call is another agent's from here: stages go on from where they are, for them."""
        self.call = self.call.handed_to(change.agent_id, change.team_id)
        await self._commits.all_written()  # what stages are opened from must be there
        states = states_of(self.means.stages, self.stage_sessions)
        self.stage_sessions = await self.means.threads.run(self.call.schema, self._open_stages, states)

    def _partial(self, lane: Lane, heard: Hypothesis) -> None:
        if self.timeline.unheard(heard.end_ms):
            return
        channel, speaker = self.speakers.of(heard)
        waiting = Waiting(
            self.call.conversation_id,
            lane.redactor,
            speaker,
            heard.text,
            ready=lambda: not self._in_step,
            # While a card is given, nothing is shown before it is judged as a whole.
            paused=lambda: self.card_pause.is_open or self.timeline.paused(heard.end_ms),
            then=lambda text: self._seems(speaker, text, heard),
        )
        self.means.partials.put(self, channel, waiting)

    def _seems(self, speaker: str, text: str, heard: Hypothesis) -> None:
        span = heard.start_ms, heard.end_ms
        if not (batch := partial_hear(self.stage_sessions, self.call, speaker, text, span)).is_empty:
            self._commit(batch)
        self.means.signals.partial(self.call, speaker, text, heard.start_ms)

    async def _final(self, lane: Lane, heard: Hypothesis) -> None:
        channel, speaker = self.speakers.of(heard)
        self.means.partials.drop(self, channel)
        coverage = self.coverage[channel]
        start_ms, end_ms = heard.start_ms, max(heard.start_ms, heard.end_ms)
        # Two speakers of one channel may talk at once: there, only what was heard before this lane was heard again.
        known_ms = max(start_ms, min(end_ms, lane.start_ms[channel])) if self.speakers.apart else end_ms
        if coverage.overlap(start_ms, known_ms) > min(OVERLAP_MS, (end_ms - start_ms) // 2):
            log.info("call.interval_again", conversation=str(self.call.conversation_id), start_ms=start_ms)
            if self.islands[channel].overlap(start_ms, end_ms):
                # What was asked for in it decides what digits behind it are; this redactor has not heard it.
                lane.redactor.redact_final(speaker, heard.text, heard.words, start_ms, end_ms)
            return
        if self.timeline.unheard(start_ms):
            return  # heard before the call was known to be held there
        redacted = lane.redactor.redact_final(speaker, heard.text, heard.words, start_ms, end_ms)
        late = self.recorder.hide(channel, redacted.audio_intervals, redacted.audio_reach)
        self.recorder.spoken(channel, redacted.words)
        if late:
            await self.segments.hide(late)
        # Finals of a channel come in order: what lies between the last one and this one was heard to be silent.
        coverage.add(lane.upto_ms[channel], end_ms)
        lane.upto_ms[channel] = max(lane.upto_ms[channel], end_ms)
        batch = Batch(self.call.conversation_id)
        self._card(self.card_pause.look(lane.redactor, end_ms, batch))
        if not redacted.redacted.text.strip():
            if not batch.is_empty:
                self._commit(batch)
            return
        self.utterances += 1
        row = utterance_add(
            batch,
            sequence=self.utterances,
            speaker=speaker,
            channel=channel,
            heard=heard,
            redacted=redacted,
        )
        spoken = FinalUtterance(row=row, spoken_at=self.arrivals.arrival(end_ms), final_at=datetime.now(UTC))
        for session in self.stage_sessions:
            session.utterance(spoken, batch)
        self._commit(batch)

    async def _progress(self, lane: Lane, channel: int, upto_ms: int) -> None:
        self.coverage[channel].add(lane.upto_ms[channel], upto_ms)
        lane.upto_ms[channel] = max(lane.upto_ms[channel], upto_ms)
        # Stages live by what is said now, whatever is still being caught up with; the recording goes in order.
        now_ms = max(each.clock_ms for each in self.lanes)
        if now_ms > self.clock_ms:
            self.clock_ms = now_ms
            batch = Batch(self.call.conversation_id)
            time_pass(self.tidings, self.stage_sessions, now_ms, batch)
            heard_ms = min(each.upto for each in self.coverage)
            if self.card_pause.is_open:
                self._card(self.card_pause.look(self.lanes[-1].redactor, now_ms, batch))
            number = self._behind.redactor.open_number(heard_ms)
            roles = self.speakers.channels(number)
            segment = self.recorder.take(heard_ms, self.claim.epoch, number=number, roles=roles)
            if segment is not None:
                await self.segments.store(segment)
            if segment is not None or not batch.is_empty or now_ms - self.committed_ms >= CHECKPOINT_MS:
                self._commit(batch)

    def _card(self, mark: Mark | None) -> None:
        """The call has paused itself for a card, or goes on."""
        if mark is not None:
            self.timeline.add(mark)
            self.recorder.silence([(mark["at_ms"], mark["to_ms"])])

    # --- Commits ----------------------------------------------------------------------------------------

    def _commit(self, batch: Batch) -> None:
        """Have a batch written, with where the call stands now."""
        stages, fixed = states_split(self.means.stages, states_of(self.means.stages, self.stage_sessions))
        is_new, self._fixed_told = fixed != self._fixed_told, fixed
        part = CallCommit(
            epoch=self.claim.epoch,
            batch=batch,
            utterances=self.utterances,
            coverage=[coverage.as_lists() for coverage in self.coverage],
            engine_state={
                "clock_ms": self.clock_ms,
                "lost": list(self.lost),
                "unheard": {cause: stretches.as_lists() for cause, stretches in self.unheard.items()},
                "redaction": self._behind.redactor.state(),
                "recording": self.recorder.state(),
                "card_pause": self.card_pause.state(),
                "tidings": self.tidings.state(),
                "stages": stages,
            },
            recorded_ms=self.recorder.recorded_ms,
            fixed_state=fixed if is_new else None,
        )
        self.committed_ms = self.clock_ms
        self._commits.put(part)

    @property
    def _behind(self) -> Lane:
        """The first lane that has not heard all of its stretch: a successor goes on from there."""
        return next((lane for lane in self.lanes if not lane.over), self.lanes[-1])

    async def _end(self, reason: str) -> None:
        """Write the end: what stages still have to say, the rest of the recording, the ledger, the jobs after it."""
        self.means.partials.leave(self)
        batch = Batch(self.call.conversation_id)
        end_ms = self.arrivals.upto_ms or self.clock_ms
        self.clock_ms = max(self.clock_ms, end_ms)
        time_pass(self.tidings, self.stage_sessions, end_ms, batch, over=True)
        self._card(self.card_pause.end(end_ms, batch))
        segment = self.recorder.take(end_ms, self.claim.epoch, all_of_it=True)
        if segment is not None:
            await self.segments.store(segment)
        account = ending.account_of(
            reason=reason,
            received_ms=end_ms,
            coverage=self.coverage,
            unheard=self.unheard,
            recorded_ms=self.recorder.recorded_ms,
            lost=self.lost,
            missing=[*self.timeline.missing, *self.timeline.silent_but_heard(end_ms)],
        )
        await self.means.threads.run(
            self.call.schema, ending.end_prepare, batch=batch, account=account, ended_at=self._ended_at
        )
        self._commit(batch)
        await self._commits.all_written()

    # --- Signals that are not kept ----------------------------------------------------------------------

    async def _beat(self) -> None:
        while not self._over:
            await self.means.signals.heartbeat(
                self.call,
                now_ms=self.arrivals.upto_ms,
                late_ms=max(0, self.arrivals.upto_ms - min(self.lanes[-1].heard_ms)),
                quiet_ms=self.arrivals.quiet_ms(self.roles),
            )
            raise_stopped(self.means.stopping)
            self._commits.check()
            await asyncio.sleep(HEARTBEAT_SECONDS)
