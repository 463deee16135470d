"""Speech to text with pocketsphinx, in processes of its own, so that no event loop waits for it.

A channel stays with one process, the least busy when it was opened. Per process the parent has two threads,
one that writes to the pipe and one that reads from it; the event loop only hands over to them. A child ends
when its pipe does, so that none outlives its parent, however that dies.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import multiprocessing
import queue
import signal
import threading
from collections.abc import AsyncIterator, Callable
from multiprocessing.connection import Connection
from typing import Any

from engines.redaction.text import RawText
from engines.speech import sphinx_channel
from engines.speech.audio import SAMPLE_RATES
from engines.speech.types import Heard, HeardWord, Hypothesis, Progress, SpeechError

STARTS_WITHIN_S = 60.0
STOPS_WITHIN_S = 2.0

AHEAD_MS = 2000
"""Sound that may wait for a channel's process; `feed` waits while there is more."""

PIECE_MS = 500
"""Longest stretch that a process works on before it turns to its other channels."""


class SphinxSession:
    """One channel of one call; made by `SphinxProvider.open`."""

    def __init__(self, worker: _Worker, number: int, sample_rate: int) -> None:
        self._worker = worker
        self._number = number
        self._rate = sample_rate
        self._events: asyncio.Queue[Heard | SpeechError | None] = asyncio.Queue()
        self._room = asyncio.Event()
        self._room.set()
        self._waiting = 0  # bytes sent and not yet heard
        self._finishing = False
        self._error: SpeechError | None = None
        self._over = False

    async def feed(self, pcm: bytes, start_ms: int) -> None:
        """Take PCM16 whose first sample lies at `start_ms`; waits while the process is behind.

        Raises `SpeechError` when the process is lost, `ValueError` for half a sample and `RuntimeError`
        after `finish` or `abort`.
        """
        if len(pcm) % 2:
            raise ValueError(f"PCM16 has two bytes per sample, got {len(pcm)} bytes")
        step = PIECE_MS * self._rate // 1000 * 2
        for at in range(0, len(pcm), step):
            await self._room.wait()
            if self._error is not None:
                raise self._error
            if self._finishing or self._over:
                raise RuntimeError("the session is finished: it takes no more sound")
            piece = pcm[at : at + step]
            self._waiting += len(piece)
            if self._waiting > AHEAD_MS * self._rate // 1000 * 2:
                self._room.clear()
            self._worker.send(("feed", self._number, piece, start_ms + at * 500 // self._rate))

    async def finish(self) -> None:
        """Say that no more sound comes. The iteration ends after the last final and its progress."""
        if not (self._finishing or self._over):
            self._finishing = True
            self._worker.send(("finish", self._number))

    async def abort(self) -> None:
        """Drop the session at once and free its decoder; the iteration ends."""
        if not self._over:
            self._worker.send(("drop", self._number))
            self._worker.forget(self._number)
            self.end()

    async def __aiter__(self) -> AsyncIterator[Heard]:
        while (event := await self._events.get()) is not None:
            if isinstance(event, SpeechError):
                raise event
            yield event

    # Called by the worker, in the event loop

    def heard(self, event: Heard) -> None:
        self._events.put_nowait(event)

    def taken(self, count: int) -> None:
        self._waiting -= count
        if self._waiting <= AHEAD_MS * self._rate // 1000 * 2:
            self._room.set()

    def end(self, error: SpeechError | None = None) -> None:
        if not self._over:
            self._over = True
            self._error = error
            self._room.set()
            self._events.put_nowait(error)


class SphinxProvider:
    """Hears English with the model in the pocketsphinx wheel: no network, no keys, no other language.

    Good enough for clear read speech, of no use for free human telephone speech. Measured on the demo calls,
    whose words were chosen for it: 4 % word errors, 0.06 s of one core per second of sound, 95 MB per channel.
    """

    name = sphinx_channel.NAME
    per_channel = True

    def __init__(self, processes: int = 1, *, channels_per_process: int = 16, warm_decoders: int = 2) -> None:
        """`channels_per_process` bounds the memory; `warm_decoders` are made at the start of each process."""
        if processes < 1 or channels_per_process < 1:
            raise ValueError("processes and channels_per_process must be at least 1")
        self._count = processes
        self._capacity = channels_per_process
        self._warm = warm_decoders
        self._workers: list[_Worker] = []
        self._numbers = itertools.count(1)
        self._replacing = asyncio.Lock()
        self._started = False

    @property
    def pids(self) -> list[int]:
        """Process ids of the living processes."""
        return [worker.pid for worker in self._workers if worker.alive]

    async def start(self) -> None:
        """Start the processes and wait until each has its model. Raises `SpeechError`."""
        self._started = True
        await self._complete()

    async def open(
        self, *, channel: int, sample_rate: int, language: str, start_ms: int, call_id: str
    ) -> SphinxSession:
        """Begin to hear one channel at `start_ms`. Raises `SpeechError`.

        Not retryable: a language other than English, a rate other than 8000 or 16000. Retryable: all
        processes are full, or none could be started.
        """
        if language.lower().replace("_", "-").partition("-")[0] != "en":
            raise SpeechError(f"pocketsphinx has no model for {language!r}", retryable=False)
        if sample_rate not in SAMPLE_RATES:
            raise SpeechError(f"sample rate must be 8000 or 16000, not {sample_rate}", retryable=False)
        if not self._started:
            raise RuntimeError("start() the provider first")
        await self._complete()
        worker = min(self._workers, key=lambda each: each.load)
        if worker.load >= self._capacity:
            raise SpeechError("every pocketsphinx process is full", retryable=True)
        number = next(self._numbers)
        session = SphinxSession(worker, number, sample_rate)
        worker.adopt(number, session)
        worker.send(("open", number, channel, sample_rate, start_ms))
        return session

    async def close(self) -> None:
        """End every session and process."""
        self._started = False
        workers, self._workers = self._workers, []
        await asyncio.gather(*(worker.close() for worker in workers))

    async def _complete(self) -> None:
        """Start as many processes as are missing."""
        async with self._replacing:
            lost = [worker for worker in self._workers if not worker.alive]
            self._workers = [worker for worker in self._workers if worker.alive]
            await asyncio.gather(*(worker.close() for worker in lost))
            fresh = [_Worker(self._warm, self._capacity) for _ in range(self._count - len(self._workers))]
            results = await asyncio.gather(*(worker.start() for worker in fresh), return_exceptions=True)
            failures = [result for result in results if isinstance(result, BaseException)]
            if failures:
                await asyncio.gather(*(worker.close() for worker in fresh))
                raise failures[0]
            self._workers += fresh


class _Worker:
    """The parent's side of one process. Its methods belong to the event loop that called `start`."""

    def __init__(self, warm_decoders: int, capacity: int) -> None:
        self._decoders = (warm_decoders, capacity)
        self._sessions: dict[int, SphinxSession] = {}
        self._outgoing: queue.SimpleQueue[tuple[Any, ...] | None] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._process: Any = None
        self._pipe: Connection | None = None
        self.alive = False

    @property
    def load(self) -> int:
        return len(self._sessions)

    @property
    def pid(self) -> int:
        return int(self._process.pid)

    async def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._ready: asyncio.Future[None] = self._loop.create_future()
        await asyncio.to_thread(self._spawn)
        try:
            await asyncio.wait_for(self._ready, STARTS_WITHIN_S)
        except TimeoutError:
            raise SpeechError("the pocketsphinx process did not start in time", retryable=True) from None

    def _spawn(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(
            target=serve, args=(theirs, *self._decoders), name="speech-pocketsphinx", daemon=True
        )
        self._process.start()
        # Only the child may hold its end, or its death would not be seen here.
        theirs.close()
        self.alive = True
        for work in (self._write, self._read):
            self._threads.append(
                threading.Thread(target=work, name=f"pocketsphinx{work.__name__}", daemon=True)
            )
            self._threads[-1].start()

    async def close(self) -> None:
        self._outgoing.put(None)
        self._lost(None)
        if self._process is not None:
            await asyncio.to_thread(self._stop)

    def _stop(self) -> None:
        self._process.join(STOPS_WITHIN_S)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
        for thread in self._threads:
            thread.join(STOPS_WITHIN_S)
        if self._pipe is not None:
            self._pipe.close()

    def adopt(self, number: int, session: SphinxSession) -> None:
        self._sessions[number] = session

    def forget(self, number: int) -> None:
        self._sessions.pop(number, None)

    def send(self, message: tuple[Any, ...]) -> None:
        self._outgoing.put(message)

    # Threads

    def _write(self) -> None:
        assert self._pipe is not None
        # A lost child shows as the end of what is read; what was yet to be written is then of no use.
        with contextlib.suppress(OSError):
            while (message := self._outgoing.get()) is not None:
                self._pipe.send(message)
            self._pipe.send(("quit",))

    def _read(self) -> None:
        assert self._pipe is not None
        error = SpeechError("the pocketsphinx process ended unexpectedly", retryable=True)
        try:
            while True:
                self._hand_over(self._received, self._pipe.recv())
        except (EOFError, OSError):
            self._hand_over(self._lost, error)
            self._outgoing.put(None)

    def _hand_over(self, call: Callable[..., None], *args: Any) -> None:
        # The loop may be closed already when a program ends without closing the provider.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(call, *args)

    # In the event loop again

    def _received(self, message: tuple[Any, ...]) -> None:
        kind, number = message[0], message[1]
        if kind == "ready":
            if not self._ready.done():
                self._ready.set_result(None)
            return
        session = self._sessions.get(number)
        if session is None:  # aborted meanwhile
            return
        if kind == "taken":
            session.taken(message[2])
        elif kind == "progress":
            session.heard(Progress(*message[2:]))
        elif kind == "hypothesis":
            session.heard(_rebuilt(*message[2:]))
        elif kind == "end":
            self.forget(number)
            session.end(SpeechError(message[2], retryable=True) if message[2] else None)

    def _lost(self, error: SpeechError | None) -> None:
        """End all sessions, with `error` or as closed."""
        self.alive = False
        if not self._ready.done():
            self._ready.set_exception(error or SpeechError("the provider was closed", retryable=True))
        sessions, self._sessions = self._sessions, {}
        for session in sessions.values():
            session.end(error)


def _taken_apart(event: Heard) -> tuple[Any, ...]:
    """Make a message of an event. Raw words do not pickle: they are revealed for the pipe alone."""
    if isinstance(event, Progress):
        return ("progress", event.channel, event.upto_ms)
    words = [(word.text.reveal(), word.start_ms, word.end_ms, word.confidence) for word in event.words]
    head = (event.channel, event.final, event.start_ms, event.end_ms, event.text.reveal())
    return ("hypothesis", *head, words, event.confidence, event.provider)


def _rebuilt(
    channel: int,
    final: bool,
    start_ms: int,
    end_ms: int,
    text: str,
    words: list[tuple[str, int, int, float]],
    confidence: float,
    provider: str,
) -> Hypothesis:
    heard = tuple(HeardWord(RawText(word), start, end, sure) for word, start, end, sure in words)
    return Hypothesis(channel, final, start_ms, end_ms, RawText(text), heard, confidence, provider)


def serve(pipe: Connection, warm_decoders: int, capacity: int) -> None:
    """Hear channels as told through `pipe`, until it ends. Runs in a process of its own."""
    # Ctrl-C reaches the whole group; the parent decides when its children end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    pool = sphinx_channel.DecoderPool(keep=capacity)
    pool.warm(warm_decoders)
    listeners: dict[int, sphinx_channel.ChannelListener] = {}
    with contextlib.suppress(EOFError, OSError):  # the parent is gone: so are we
        pipe.send(("ready", 0))
        while (message := pipe.recv())[0] != "quit":
            _obey(pipe, pool, listeners, message)


def _obey(
    pipe: Connection,
    pool: sphinx_channel.DecoderPool,
    listeners: dict[int, sphinx_channel.ChannelListener],
    message: tuple[Any, ...],
) -> None:
    kind, number = message[0], message[1]
    if kind != "open" and number not in listeners:
        return  # it failed before, and said so
    try:
        events: list[Heard] = []
        if kind == "open":
            channel, sample_rate, start_ms = message[2:]
            listeners[number] = sphinx_channel.ChannelListener(
                pool=pool, channel=channel, sample_rate=sample_rate, start_ms=start_ms
            )
        elif kind == "drop":
            listeners.pop(number).release()
        elif kind == "feed":
            events = list(listeners[number].hear(message[2], message[3]))
        elif kind == "finish":
            events = list(listeners[number].finish())
    except Exception as error:
        # One channel's failure is not the others'. Its decoder's state is unknown, so it is not used again.
        # The type alone is told: a message might quote what was heard.
        listeners.pop(number, None)
        pipe.send(("end", number, f"pocketsphinx failed: {type(error).__name__}"))
        return
    for event in events:
        name, *fields = _taken_apart(event)
        pipe.send((name, number, *fields))
    if kind == "feed":
        pipe.send(("taken", number, len(message[2])))
    elif kind == "finish":
        listeners.pop(number).release()
        pipe.send(("end", number, ""))
