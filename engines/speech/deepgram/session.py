"""One call in Deepgram's ears: a WebSocket, what goes out on it and what comes back.

Three tasks share it. The sender takes what was fed from a bounded queue, at the pace that Deepgram takes in, and keeps
the connection alive when there is nothing. The receiver turns messages into utterances. The watcher sees to it
that nothing is waited for without end. Whatever fails, fails the session at once: the caller opens another one at
the last progress and feeds again what was not confirmed.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
from deepgram import AsyncDeepgramClient
from websockets.exceptions import ConnectionClosed, ConnectionClosedOK

from engines.pinned import is_among, judged
from engines.speech.audio import join_channels, samples, sides_check, sound_from
from engines.speech.deepgram import failures
from engines.speech.deepgram.assembler import ChannelAssembler
from engines.speech.deepgram.clock import StreamClock
from engines.speech.deepgram.options import Streaming
from engines.speech.deepgram.results import Metadata, Segment, UtteranceEnd, read
from engines.speech.types import CallToHear, Heard, Hypothesis, SpeechError

PIECE_MS = 200
"""Longest binary message; Deepgram advises 20 to 250 ms."""

QUEUE_MS = 10_000
"""Audio that may wait to be sent before `feed` waits too."""

BURST_MS = 2_000
"""Audio that may go ahead of the pace, e.g. what waited while the connection was made."""

SOUND_PEAK = 1_000
"""Of 32,768: louder than the noise of a telephone line."""

WATCH_SECONDS = 0.25
GOODBYE_SECONDS = 1.0
DRAIN_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class _Audio:
    sides: tuple[bytes, ...]
    start_ms: int
    length_ms: float


@dataclass(frozen=True, slots=True)
class _Skip:
    start_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True)
class _Finish:
    pass


class DeepgramSession:
    """A call's session; made by `DeepgramProvider.open`. Keeps the contract of `SpeechSession`."""

    def __init__(
        self,
        *,
        client: AsyncDeepgramClient,
        options: Streaming,
        call: CallToHear,
        query: dict[str, Any],
        ended: Callable[[DeepgramSession], None],
    ) -> None:
        self._client = client
        self._options = options
        self._query = query
        self._channels = call.channels
        self._rate = call.sample_rate
        self._ended = ended
        self._clock = StreamClock(call.sample_rate)
        self._ears = [
            ChannelAssembler(
                channel=channel,
                clock=self._clock,
                floor_ms=start_ms,
                longest_ms=options.longest_ms,
                language=call.language,
            )
            for channel, start_ms in enumerate(call.start_ms)
        ]
        self._upto_ms = min(call.start_ms)
        self._outbox: deque[_Audio | _Skip | _Finish] = deque()
        self._waiting_ms = 0.0
        self._work = asyncio.Event()
        self._room = asyncio.Event()
        self._said: deque[Heard] = deque()
        self._news = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._failure: SpeechError | None = None
        self._over = False  # no more audio is taken
        self._done = False  # no more is said
        # Of the connection
        self._conn: Any = None
        self._credit_ms = float(BURST_MS)
        self._credited_at = 0.0
        self._sending_since: float | None = None
        self._sent: deque[tuple[float, float]] = deque()  # ends of pieces in the stream, and when they went
        self._last_sound = [0.0] * call.channels
        self._unanswered_since: list[float | None] = [None] * call.channels
        self._seam_until: float | None = None
        self._finish_until: float | None = None

    # --- What the caller does ---------------------------------------------------------------------------

    async def feed(self, sides: Sequence[bytes], start_ms: int) -> None:
        """Take audio; wait while more than `QUEUE_MS` of it is to be sent. Raises `SpeechError`, `ValueError`."""
        self._check_open()
        sides_check(sides, self._channels)
        if self._upto_ms - start_ms > 1:  # heard already
            sides = [sound_from(pcm, start_ms, self._upto_ms, self._rate) for pcm in sides]
            start_ms = self._upto_ms
        if not sides[0]:
            return
        length_ms = len(sides[0]) * 500 / self._rate
        while self._waiting_ms >= QUEUE_MS:
            self._room.clear()
            await self._room.wait()
            self._check_open()
        self._upto_ms = round(start_ms + length_ms)
        self._waiting_ms += length_ms
        self._put(_Audio(tuple(sides), start_ms, length_ms))
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="deepgram")

    async def skip(self, start_ms: int, end_ms: int) -> None:
        """Pass over a stretch; what was being said ends by silence and `Finalize`. Raises `SpeechError`."""
        self._check_open()
        if end_ms <= self._upto_ms:
            return
        self._upto_ms = end_ms
        if self._task is None:  # nothing was sent, and nothing is paid until something is
            for ear in self._ears:
                self._say(ear.pass_over(end_ms))
        else:
            self._put(_Skip(start_ms, end_ms))

    async def finish(self) -> None:
        """Have the rest heard and the connection closed; returns at once. The iteration ends when all is said."""
        if self._over:
            return
        self._over = True
        if self._task is None:
            self._end()
        else:
            self._put(_Finish())

    async def abort(self) -> None:
        """Drop the connection and what it would have brought."""
        self._over = True
        self._said.clear()
        self._tear_off()
        if self._task is not None:
            self._task.cancel()
        self._end()

    async def gone(self) -> None:
        """Wait until the session's connection is released."""
        if self._task is not None:
            await asyncio.wait([self._task])

    async def __aiter__(self) -> AsyncIterator[Heard]:
        while True:
            while self._said:
                yield self._said.popleft()
            if self._done:
                if self._failure is not None:
                    raise self._failure
                return
            self._news.clear()
            await self._news.wait()

    def _check_open(self) -> None:
        if self._failure is not None:
            raise self._failure
        if self._over:
            raise RuntimeError("the session is finished: it takes no more sound")

    def _put(self, item: _Audio | _Skip | _Finish) -> None:
        self._outbox.append(item)
        self._work.set()

    # --- What it says -----------------------------------------------------------------------------------

    def _say(self, heard: Iterable[Heard]) -> None:
        for each in heard:
            last = self._said[-1] if self._said else None
            if (
                isinstance(last, Hypothesis)
                and isinstance(each, Hypothesis)
                and not last.final
                and last.channel == each.channel
            ):
                # Nobody has read it yet: a reader who stands still meets the latest only.
                self._said.pop()
            self._said.append(each)
            self._news.set()

    def _end(self, failure: SpeechError | None = None) -> None:
        if self._done:
            return
        self._done = True
        self._failure = failure
        self._outbox.clear()
        self._news.set()
        self._room.set()
        if self._task is None:
            self._ended(self)

    # --- The connection ---------------------------------------------------------------------------------

    async def _run(self) -> None:
        failure: SpeechError | None = None
        stack = AsyncExitStack()
        try:
            await self._connect(stack)
            await self._converse()
        except Exception as error:  # whatever the SDK raises, the caller learns of it as a SpeechError
            failure = failures.of(error, self._options.api_key)
        finally:
            self._end(failure)  # before the connection is closed, which may take a while
            if failure is not None:
                self._tear_off()
            try:
                await self._goodbye(stack)
            finally:
                self._ended(self)

    async def _connect(self, stack: AsyncExitStack) -> None:
        async with asyncio.timeout(self._options.connect_seconds):
            judge = self._options.judge if self._options.base_url else None
            try:
                addresses = await judged(judge) if judge is not None else ()
            except ValueError:
                raise OSError("the server may not be reached where its name leads") from None
            self._conn = await stack.enter_async_context(self._client.listen.v1.connect(**self._query))
            # The SDK looks the name up again, and follows redirects: before a sound goes out, see who answered.
            if judge is not None and not is_among(self._peer(), addresses):
                raise OSError("the connection leads elsewhere than was judged")

    def _peer(self) -> str:
        remote = getattr(getattr(self._conn, "_websocket", None), "remote_address", None)
        if not remote:
            raise OSError("nobody knows where the connection leads")
        return str(remote[0])

    async def _goodbye(self, stack: AsyncExitStack) -> None:
        """Close without waiting long: a server that hangs would not answer the closing handshake either."""
        try:
            async with asyncio.timeout(GOODBYE_SECONDS):
                await stack.aclose()
        except (TimeoutError, ConnectionClosed, OSError, asyncio.CancelledError) as error:
            self._tear_off()
            if isinstance(error, asyncio.CancelledError):
                raise

    def _tear_off(self) -> None:
        """Cut the TCP connection. The SDK has no way to; without its private socket the closing takes up to 20 s."""
        transport = getattr(getattr(self._conn, "_websocket", None), "transport", None)
        if transport is not None:
            transport.abort()

    async def _converse(self) -> None:
        receiver = asyncio.create_task(self._receive())
        others = {asyncio.create_task(self._send()), asyncio.create_task(self._watch())}
        try:
            running = {receiver, *others}
            while not receiver.done():
                done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                for task in done - {receiver}:
                    if isinstance(task.exception(), ConnectionClosed):
                        # What came before the end is still to be read; the receiver then meets the end itself.
                        await asyncio.wait([receiver], timeout=DRAIN_SECONDS)
                    if not receiver.done():
                        task.result()
            receiver.result()
        finally:
            for task in (receiver, *others):
                task.cancel()
            await asyncio.gather(receiver, *others, return_exceptions=True)

    # --- Sending ----------------------------------------------------------------------------------------

    async def _send(self) -> None:
        self._credited_at = asyncio.get_running_loop().time()
        while True:
            if not self._outbox:
                self._work.clear()
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._options.keepalive_seconds):
                        await self._work.wait()
            if not self._outbox:
                # Deepgram counts the time since the last message of any kind, once there was audio.
                await self._out(self._conn.send_keep_alive())
                continue
            item = self._outbox.popleft()
            if isinstance(item, _Audio):
                await self._send_audio(item)
            elif isinstance(item, _Skip):
                await self._send_skip(item)
            else:
                await self._out(self._conn.send_finalize())
                await self._out(self._conn.send_close_stream())
                self._finish_until = self._now() + self._options.finish_seconds
                return

    async def _send_audio(self, audio: _Audio) -> None:
        size = self._rate * PIECE_MS // 1000 * 2
        start_ms = audio.start_ms
        for at in range(0, len(audio.sides[0]), size):
            sides = [pcm[at : at + size] for pcm in audio.sides]
            length_ms = len(sides[0]) * 500 / self._rate
            await self._pace(length_ms)
            self._clock.audio(len(sides[0]) // 2, start_ms + at * 500 // self._rate)
            self._sent.append((self._clock.seconds, self._now()))
            self._expect_answers(sides)
            await self._out(self._conn.send_media(join_channels(sides) if len(sides) > 1 else sides[0]))
            self._waiting_ms -= length_ms
            if self._waiting_ms < QUEUE_MS:
                self._room.set()

    async def _send_skip(self, skip: _Skip) -> None:
        length = self._rate * (self._options.endpointing_ms + PIECE_MS) // 1000
        self._clock.silence(length)
        self._clock.move(skip.end_ms)
        for ear, last_sound in zip(self._ears, self._last_sound, strict=True):
            ear.seam(self._clock.seconds, last_sound)
        self._seam_until = self._now() + self._options.settle_seconds
        await self._out(self._conn.send_media(bytes(length * 2 * self._channels)))
        await self._out(self._conn.send_finalize())

    async def _out(self, sending: Any) -> None:
        self._sending_since = self._now()
        await sending
        self._sending_since = None

    async def _pace(self, length_ms: float) -> None:
        if not self._options.max_rate:
            return
        now = self._now()
        earned = (now - self._credited_at) * 1000 * self._options.max_rate
        self._credit_ms = min(BURST_MS, self._credit_ms + earned) - length_ms
        self._credited_at = now
        if self._credit_ms < 0:
            await asyncio.sleep(-self._credit_ms / 1000 / self._options.max_rate)

    def _expect_answers(self, sides: Sequence[bytes]) -> None:
        for channel, pcm in enumerate(sides):
            if np.max(np.abs(samples(pcm).astype(np.int32))) > SOUND_PEAK:
                self._last_sound[channel] = self._clock.seconds
                if self._unanswered_since[channel] is None:
                    self._unanswered_since[channel] = self._now()

    # --- Receiving --------------------------------------------------------------------------------------

    async def _receive(self) -> None:
        """Read until Deepgram has said all. `recv` keeps the close code, which the SDK's events do not."""
        while True:
            closed = False
            garbage = False
            try:
                raw = await self._conn.recv()
            except ConnectionClosedOK:
                closed = True
            except ValueError:
                garbage = True
            if garbage:
                # It may have been results: to go on would lose words.
                raise failures.broken("a message of its is no JSON")
            if closed:
                if self._finish_until is None:
                    raise failures.broken("it closed the connection (1000) in mid-call")
                self._complete()
                return
            message = read(raw)
            if isinstance(message, Metadata) and self._finish_until is not None:
                self._complete()
                return
            if isinstance(message, Segment | UtteranceEnd):
                self._take(message)

    def _take(self, message: Segment | UtteranceEnd) -> None:
        if message.channel >= len(self._ears):
            raise failures.broken("it speaks of a channel that the call has not")
        ear = self._ears[message.channel]
        if isinstance(message, UtteranceEnd):
            self._say(ear.end_utterance(message))
            return
        self._say(ear.hear(message))
        channel = message.channel
        answered = ear.heard >= self._last_sound[channel]
        self._unanswered_since[channel] = None if answered else self._now()
        if not any(each.waits_at_seam for each in self._ears):
            self._seam_until = None

    def _complete(self) -> None:
        if any(ear.unsettled for ear in self._ears):
            raise failures.broken("it closed before the last words were final")
        for ear in self._ears:
            self._say(ear.finish())

    # --- Watching ---------------------------------------------------------------------------------------

    async def _watch(self) -> None:
        options = self._options
        while True:
            await asyncio.sleep(min(WATCH_SECONDS, options.stall_seconds / 4, options.settle_seconds / 4))
            now = self._now()
            if self._sending_since is not None and now - self._sending_since > options.stall_seconds:
                raise failures.slow("too slow, it takes no more audio")
            for since in self._unanswered_since:
                if since is not None and now - since > options.stall_seconds:
                    raise failures.slow("stalled, it does not answer to sound")
            if self._behind(now) > options.behind_seconds:
                raise failures.slow("too slow, its answers fall behind")
            if self._finish_until is not None and now > self._finish_until:
                raise failures.slow("stalled, it did not say the rest")
            if self._seam_until is not None and now > self._seam_until:
                self._settle()

    def _behind(self, now: float) -> float:
        """Return how long ago the first audio was sent that is unanswered, with sound in it or after it."""
        answered = min(
            (ear.heard for ear, sound in zip(self._ears, self._last_sound, strict=True) if sound > ear.heard),
            default=self._clock.seconds,
        )
        while self._sent and self._sent[0][0] <= answered:
            self._sent.popleft()
        return now - self._sent[0][1] if self._sent else 0.0

    def _settle(self) -> None:
        """Go on without the answer to a `Finalize`, which need not come when there was little to flush."""
        for ear in self._ears:
            if ear.unsettled_at_seam:
                raise failures.slow("stalled, words before a pause did not become final")
            self._say(ear.settle())
        if not any(ear.waits_at_seam for ear in self._ears):
            self._seam_until = None

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()
