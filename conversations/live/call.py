"""One live call in one worker: audio in, words, redaction, stages, commits.

Everything is decided by the call's own time. A worker that takes over starts from the last commit, hears the audio
behind it again and comes to the same results; what was committed already is recognised by its channel interval.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import structlog
from django.conf import settings

from accounts.ids import new_id
from conversations.live import ending
from conversations.live.buffer import CHUNK_MS, AudioBuffer, Chunk
from conversations.live.commit import CallCommit, Committer
from conversations.live.coverage import Coverage
from conversations.live.ears import Ears
from conversations.live.ownership import Claim
from conversations.live.recorder import Recorder, segment_store
from conversations.live.signals import Signals
from conversations.live.stages import Batch, FinalUtterance, Stage, StageSession
from conversations.models import Redaction, Speaker, Utterance
from engines.language.sentiment import score
from engines.redaction.stream import StreamRedactor
from engines.speech.audio import AudioFormat, split_channels
from engines.speech.types import Heard, Hypothesis, SpeechError, SpeechSession
from tenants.scope import TenantThreads

log = structlog.get_logger(__name__)

READ_AHEAD = 50
CHECKPOINT_MS = 5_000
COMMITS_AHEAD = 200
HEARTBEAT_SECONDS = 2.0
DRAIN_SECONDS = 120.0
# A final that begins this little before the covered point was only timed anew by a restarted recogniser.
OVERLAP_MS = 250
# RMS of PCM16 above which a channel carries sound rather than line noise.
SOUND_RMS = 120


@dataclass(frozen=True)
class Means:
    """What the calls of one worker share."""

    buffer: AudioBuffer
    committer: Committer
    threads: TenantThreads
    ears: Ears
    stages: list[Stage]
    signals: Signals
    stopping: asyncio.Event


class LiveCall:
    """Follows one call from its claim to its end. `run()` returns why it ended."""

    def __init__(self, claim: Claim, means: Means) -> None:
        self.claim = claim
        self.call = claim.context
        self.means = means
        self.format = AudioFormat(
            codec=claim.audio_format["codec"],
            sample_rate=claim.audio_format["sample_rate"],
            channels=claim.audio_format["channels"],
        )
        self.roles: list[str] = claim.audio_format["roles"]
        channels = range(self.format.channels)
        covered = claim.coverage or [[] for _ in channels]
        self.coverage = [Coverage(intervals) for intervals in covered]
        # Where each channel is heard from: audio before it is not fed again.
        self.resume_ms = [coverage.upto for coverage in self.coverage]
        state = claim.engine_state
        self.redactor = (
            StreamRedactor.restore(state["redaction"]) if "redaction" in state else StreamRedactor()
        )
        self.recorder = Recorder(
            sample_rate=self.format.sample_rate,
            channels=self.format.channels,
            recorded_ms=claim.recorded_ms,
            state=state.get("recording"),
        )
        self.clock_ms: int = state.get("clock_ms", 0)
        self.utterances = claim.utterances
        self.received_ms = 0
        self.committed_ms = 0
        self.trimmed = 0
        self.arrived: deque[tuple[int, datetime]] = deque(maxlen=6_000)
        self.last_sound = [0] * self.format.channels
        # How far each recogniser has worked, whether or not what it hears is final yet.
        self.heard_ms = list(self.resume_ms)
        self.lost: list[list[int]] = list(state.get("lost", []))
        self.sessions: list[SpeechSession] = []
        self.stage_sessions: list[StageSession] = []
        self._heard: asyncio.Queue[Heard | None] = asyncio.Queue(maxsize=1_000)
        self._commits: deque[asyncio.Task[None]] = deque()
        self._work_task: asyncio.Task[None] | None = None
        self._over = False

    async def run(self) -> str:
        """Work until the call's end is committed. Raises `Superseded`, `SpeechError` or a database error."""
        try:
            await self._open()
            async with asyncio.TaskGroup() as group:
                listeners = [group.create_task(self._listen(session)) for session in self.sessions]
                beat = group.create_task(self._beat())
                self._work_task = work = group.create_task(self._work())
                reason = await self._read()
                for session in self.sessions:
                    await session.finish()
                async with asyncio.timeout(DRAIN_SECONDS):
                    await asyncio.gather(*listeners)
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
            raise _first(group_error) from group_error
        finally:
            await self._close()

    async def _open(self) -> None:
        state = self.claim.engine_state.get("stages", {})
        self.stage_sessions = await self.means.threads.run(self.call.schema, self._open_stages, state)
        speech = await self.means.ears.of(self.claim.speech)
        for channel, start_ms in enumerate(self.resume_ms):
            self.sessions.append(
                await speech.open(
                    channel=channel,
                    sample_rate=self.format.sample_rate,
                    language=self.call.language,
                    start_ms=start_ms,
                    call_id=str(self.call.conversation_id),
                )
            )

    def _open_stages(self, state: dict[str, Any]) -> list[StageSession]:
        return [stage.open(self.call, state.get(stage.key)) for stage in self.means.stages]

    async def _close(self) -> None:
        for session in self.sessions:
            with suppress(SpeechError):
                await session.abort()
        for task in self._commits:
            task.cancel()
        # One that failed is the reason why we are here; reading it keeps it from being reported as forgotten.
        await asyncio.gather(*self._commits, return_exceptions=True)

    # --- Audio in ---------------------------------------------------------------------------------------

    async def _read(self) -> str:
        """Feed the recognisers until the call's last entry. Returns the reason that it gives."""
        key, schema, ident = self.claim.key, self.call.schema, self.call.conversation_id
        start_ms = min([*self.resume_ms, self.recorder.recorded_ms])
        number = start_ms // CHUNK_MS
        heard_of = time.monotonic()
        while True:
            self._raise_stopped()
            chunks = await self.means.buffer.read(
                schema, ident, after=number, key=key, block_ms=500, count=READ_AHEAD
            )
            for chunk in chunks:
                if chunk.end:
                    return chunk.end
                await self._fill(number + 1, chunk)
                await self._feed(chunk)
                number = chunk.number
                # The recognisers' answers to this chunk are taken before the next one goes in, so that what
                # happens on two channels keeps its order however fast the audio comes.
                for _ in range(3):
                    await asyncio.sleep(0)
            now = time.monotonic()
            if chunks or await self.means.buffer.line_alive(schema, ident):
                heard_of = now
            elif now - heard_of > settings.INGEST_RESUME_SECONDS:
                await self.means.buffer.append_end(schema, ident, ending.NO_STOP)

    def _raise_stopped(self) -> None:
        """End the reading when the worker stops or the work on what was heard has failed.

        Both are also told by cancellation, but one that arrives as a Redis command completes can be lost: the client
        waits with `asyncio.wait_for`, which in Python 3.11 may swallow it.
        """
        if self.means.stopping.is_set():
            raise asyncio.CancelledError
        if self._work_task is not None and self._work_task.done():
            self._work_task.result()

    async def _fill(self, wanted: int, chunk: Chunk) -> None:
        """Put silence where the buffer has lost chunks, so that times stay true, and say so in the ledger."""
        if chunk.number == wanted:
            return
        stretch = [(wanted - 1) * CHUNK_MS, (chunk.number - 1) * CHUNK_MS]
        if stretch not in self.lost:  # a successor meets the same gap again
            self.lost.append(stretch)
        zero = b"\xff" if self.format.codec == "mulaw" else b"\0"
        silence = zero * (self.format.bytes_per_ms * CHUNK_MS)
        for number in range(wanted, chunk.number):
            await self._feed(Chunk(number, chunk.received_at, silence, ""))

    async def _feed(self, chunk: Chunk) -> None:
        start_ms = (chunk.number - 1) * CHUNK_MS
        sides = split_channels(self.format, chunk.payload)
        rate = self.format.sample_rate
        self.received_ms = start_ms + len(sides[0]) * 1000 // (rate * 2)
        self.arrived.append((self.received_ms, chunk.received_at))
        self.recorder.add(start_ms, sides)
        for channel, (session, pcm) in enumerate(zip(self.sessions, sides, strict=True)):
            if (
                pcm
                and float(np.sqrt(np.mean(np.square(np.frombuffer(pcm, "<i2"), dtype=np.float32))))
                > SOUND_RMS
            ):
                self.last_sound[channel] = self.received_ms
            skip_ms = self.resume_ms[channel] - start_ms
            if skip_ms >= self.received_ms - start_ms:
                continue
            if skip_ms > 0:
                pcm = pcm[skip_ms * rate // 1000 * 2 :]
            await session.feed(pcm, start_ms + max(0, skip_ms))

    async def _listen(self, session: SpeechSession) -> None:
        async for heard in session:
            await self._heard.put(heard)

    # --- What was heard ---------------------------------------------------------------------------------

    async def _work(self) -> None:
        while (heard := await self._heard.get()) is not None:
            reached = heard.end_ms if isinstance(heard, Hypothesis) else heard.upto_ms
            self.heard_ms[heard.channel] = max(self.heard_ms[heard.channel], reached)
            if not isinstance(heard, Hypothesis):
                await self._progress(heard.channel, heard.upto_ms)
            elif heard.final:
                await self._final(heard)
            else:
                await self._partial(heard)
            self._raise_failed()
            if len(self._commits) > COMMITS_AHEAD:
                # The database stands still: hold back what is heard instead of holding all of it.
                await self._commits.popleft()

    async def _partial(self, heard: Hypothesis) -> None:
        speaker = self.roles[heard.channel]
        redacted = self.redactor.redact_partial(speaker, heard.text)
        await self.means.signals.partial(self.call, speaker, redacted.text, heard.start_ms)

    async def _final(self, heard: Hypothesis) -> None:
        coverage, speaker = self.coverage[heard.channel], self.roles[heard.channel]
        start_ms, end_ms = heard.start_ms, max(heard.start_ms, heard.end_ms)
        if coverage.overlap(start_ms, end_ms) > min(OVERLAP_MS, (end_ms - start_ms) // 2):
            log.info("call.interval_again", conversation=str(self.call.conversation_id), start_ms=start_ms)
            return
        redacted = self.redactor.redact_final(speaker, heard.text, heard.words, start_ms, end_ms)
        self.recorder.hide(heard.channel, redacted.audio_intervals)
        # Finals of a channel come in order: what lies between the last one and this one was heard to be silent.
        coverage.add(coverage.upto, end_ms)
        if not redacted.redacted.text.strip():
            return
        self.utterances += 1
        row = Utterance(
            id=new_id(),
            conversation_id=self.call.conversation_id,
            sequence=self.utterances,
            speaker=speaker,
            channel_index=heard.channel,
            start_ms=start_ms,
            end_ms=end_ms,
            text=redacted.redacted.text,
            words=[
                [word.text, word.start_ms, word.end_ms, round(word.confidence, 3)] for word in redacted.words
            ],
            confidence=round(heard.confidence, 3),
            provider=heard.provider,
            sentiment=score(redacted.redacted.text) if speaker == Speaker.CUSTOMER else None,
        )
        batch = Batch(self.call.conversation_id)
        batch.create(row)
        batch.event("utterance", row)
        for span in redacted.redacted.spans:
            batch.create(
                Redaction(
                    utterance=row,
                    type=span.type,
                    start=span.start,
                    end=span.end,
                    score=span.score,
                    detector=span.detector,
                    reason=span.reason[:200],
                )
            )
        spoken = FinalUtterance(row=row, spoken_at=self._arrival(end_ms), final_at=datetime.now(UTC))
        for session in self.stage_sessions:
            session.utterance(spoken, batch)
        self._commit(batch)

    async def _progress(self, channel: int, upto_ms: int) -> None:
        coverage = self.coverage[channel]
        coverage.add(coverage.upto, upto_ms)
        now_ms = min(coverage.upto for coverage in self.coverage)
        if now_ms > self.clock_ms:
            self.clock_ms = now_ms
            batch = Batch(self.call.conversation_id)
            for session in self.stage_sessions:
                session.clock(now_ms, batch)
            segment = self.recorder.take(now_ms, self.claim.epoch)
            if segment is not None:
                await self._store(segment)
            if segment is not None or not batch.is_empty or now_ms - self.committed_ms >= CHECKPOINT_MS:
                self._commit(batch)

    async def _store(self, segment: Any) -> None:
        await self.means.threads.run(
            self.call.schema,
            segment_store,
            schema=self.call.schema,
            conversation_id=self.call.conversation_id,
            epoch=self.claim.epoch,
            key=self.claim.key,
            segment=segment,
        )

    # --- Commits ----------------------------------------------------------------------------------------

    def _commit(self, batch: Batch) -> asyncio.Task[None]:
        """Hand a batch to the group commit without waiting for it: parts of one call keep their order."""
        part = CallCommit(
            epoch=self.claim.epoch,
            batch=batch,
            utterances=self.utterances,
            coverage=[coverage.as_lists() for coverage in self.coverage],
            engine_state={
                "clock_ms": self.clock_ms,
                "lost": list(self.lost),
                "redaction": self.redactor.state(),
                "recording": self.recorder.state(),
                "stages": {
                    stage.key: session.state()
                    for stage, session in zip(self.means.stages, self.stage_sessions, strict=True)
                },
            },
            recorded_ms=self.recorder.recorded_ms,
        )
        self.committed_ms = self.clock_ms
        task = asyncio.create_task(self._committed(part))
        self._commits.append(task)
        return task

    async def _committed(self, part: CallCommit) -> None:
        await self.means.committer.commit(self.call.schema, part)
        # Audio behind what is both transcribed and recorded will not be needed again.
        kept_from = min([*(Coverage(channel).upto for channel in part.coverage), part.recorded_ms])
        number = kept_from // CHUNK_MS
        if number - self.trimmed >= 50:
            self.trimmed = number
            await self.means.buffer.trim(self.call.schema, self.call.conversation_id, number)

    def _raise_failed(self) -> None:
        """Let go of commits that are done; raise what one of them failed with."""
        while self._commits and self._commits[0].done():
            self._commits.popleft().result()

    async def _end(self, reason: str) -> None:
        """Write the end: what stages still have to say, the rest of the recording, the ledger, the jobs after it."""
        batch = Batch(self.call.conversation_id)
        end_ms = self.received_ms or self.clock_ms
        self.clock_ms = max(self.clock_ms, end_ms)
        for session in self.stage_sessions:
            session.clock(end_ms, batch)
            session.finish(end_ms, batch)
        segment = self.recorder.take(end_ms, self.claim.epoch, all_of_it=True)
        if segment is not None:
            await self._store(segment)
        account = ending.Account(
            reason=reason,
            received_ms=end_ms,
            transcribed_ms=[coverage.total for coverage in self.coverage],
            recorded_ms=self.recorder.recorded_ms,
            gaps=[
                *(
                    ending.Gap(channel, start, end, "not transcribed")
                    for channel, coverage in enumerate(self.coverage)
                    for start, end in coverage.gaps(end_ms)
                ),
                *(
                    ending.Gap(channel, start, end, "audio lost")
                    for channel in range(self.format.channels)
                    for start, end in self.lost
                ),
            ],
        )
        await self.means.threads.run(self.call.schema, ending.end_prepare, batch=batch, account=account)
        await self._commit(batch)
        while self._commits:
            await self._commits.popleft()

    # --- Signals that are not kept ----------------------------------------------------------------------

    async def _beat(self) -> None:
        while not self._over:
            await self.means.signals.heartbeat(
                self.call,
                now_ms=self.received_ms,
                late_ms=max(0, self.received_ms - min(self.heard_ms)),
                quiet_ms={
                    role: self.received_ms - last
                    for role, last in zip(self.roles, self.last_sound, strict=True)
                },
            )
            await asyncio.sleep(HEARTBEAT_SECONDS)

    def _arrival(self, at_ms: int) -> datetime:
        """When the audio that holds `at_ms` reached us."""
        for upto_ms, received_at in reversed(self.arrived):
            if upto_ms - CHUNK_MS <= at_ms:
                return received_at + timedelta(milliseconds=min(0, at_ms - upto_ms))
        return datetime.now(UTC)


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
