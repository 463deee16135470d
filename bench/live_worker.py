"""The live worker as it is, but for what hears its calls: only for the bench. `python -m bench.live_worker`.

In place of recognition a script says partials and finals by the clock, where recognition hands them over; no audio is
read. All else is the worker's own. What each part of it takes of the processor is counted and noted for the time that
is measured.

`BENCH_LIVE` is a file of the run's plan (`Plan`); beside it lie `.go`, which says when the calls begin, and what this
process notes under its number: `.open`, how many calls it follows, and `.used`, the processor's time by part.
"""

from __future__ import annotations

import asyncio
import heapq
import json
import os
import signal
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any
from uuid import UUID

from bench.live_talk import PARTIALS_BEFORE_MS, Said, Topic, said, talk, topics_make
from bench.meter import Meter
from engines.redaction.text import RawText
from engines.speech.types import CallToHear, Heard, HeardWord, Hypothesis, Progress, SpeechSession

NAME = "bench"
LOOK_SECONDS = 0.1
PACE_SECONDS = 0.004
# What the worker's parts take is counted in the first of so many seconds, and holds for them all.
COUNT_EVERY_SECONDS = 16.0
COUNT_SECONDS = 1.0
meter = Meter()


@dataclass
class Plan:
    """What is said: number of each call by conversation id, what the talk is drawn from, and how long it goes on."""

    calls: dict[str, int]
    rules: int
    seed: int
    upto_ms: int = 0

    def write(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self)))

    @classmethod
    def read(cls, path: Path) -> Plan:
        return cls(**json.loads(path.read_text()))


@dataclass
class Go:
    """When, by the monotonic clock: the calls begin, what is measured begins, all ends."""

    began: float
    measured: float
    until: float


class Slices:
    """Turns the meter on for a slice of what is measured, now and then."""

    def __init__(self, go: Go) -> None:
        self._go = go
        self._since = 0.0  # when it was turned on; 0: it is off
        self._counted = 0.0

    def at(self, now: float) -> None:
        """Say what time it is."""
        into = (now - self._go.measured) % COUNT_EVERY_SECONDS
        wanted = self._go.measured <= now < self._go.until and into < COUNT_SECONDS
        if wanted and not self._since:
            self._since = now
            meter.on()
        elif self._since and not wanted:
            meter.off()
            self._counted += now - self._since
            self._since = 0.0

    def used(self) -> dict[str, float]:
        """Processor time by part, as if all that is measured had been counted."""
        self.at(self._go.until)
        times = (self._go.until - self._go.measured) / self._counted if self._counted else 0.0
        return {name: seconds * times for name, seconds in meter.seconds().items()}


class TalkSession:
    """One call; made by `TalkProvider.open`."""

    def __init__(self, number: int, lines: list[Said]) -> None:
        self.number = number
        self.lines = lines
        self.events: asyncio.Queue[Heard | None] = asyncio.Queue()

    async def feed(self, sides: Sequence[bytes], start_ms: int) -> None:
        """Nothing is heard."""

    async def skip(self, start_ms: int, end_ms: int) -> None:
        """Nothing is heard."""

    async def finish(self) -> None:
        self.events.put_nowait(None)

    async def abort(self) -> None:
        self.events.put_nowait(None)

    async def __aiter__(self) -> AsyncIterator[Heard]:
        while (event := await self.events.get()) is not None:
            yield event


class TalkProvider:
    """Says what is planned, when it is due, in all calls by one pacer."""

    name = NAME
    diarises = False

    def __init__(self) -> None:
        self._path = Path(os.environ["BENCH_LIVE"])
        self._plan: Plan | None = None
        self._topics: list[Topic] = []
        self._sessions: list[TalkSession] = []
        self._speaking: set[int] = set()
        self._pacer: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._pacer = asyncio.create_task(self._pace())

    async def open(self, call: CallToHear) -> SpeechSession:
        if self._plan is None:
            self._plan = Plan.read(self._path)
            self._topics = topics_make(self._plan.rules)
        number = self._plan.calls[call.call_id]
        # Made beforehand, as recognition makes its words elsewhere: what is counted is to hand them over.
        session = TalkSession(number, list(talk(number, self._topics, self._plan.seed, self._plan.upto_ms)))
        self._sessions.append(session)
        return session

    async def close(self) -> None:
        if self._pacer is not None:
            self._pacer.cancel()

    async def _pace(self) -> None:
        go = await self._go()
        if self._plan is None:
            return
        # Call time due, session, utterance, how many of its partials were said.
        due: list[tuple[int, int, Said, int]] = []
        joined = 0
        slices = Slices(go)
        while True:
            now = time.monotonic()
            slices.at(now)
            now_ms = (min(now, go.until) - go.began) * 1000
            # A call that began anew, here or elsewhere, goes on with what is said from then on.
            while joined < len(self._sessions):
                self._join(due, joined, now_ms)
                joined += 1
            if due and due[0][0] < now_ms:
                self._say(due, now_ms)
            if now >= go.until:
                break
            # All that is due is handed over together; the wait counts as the worker's delay.
            await asyncio.sleep(PACE_SECONDS)
        _write(self._path.with_suffix(f".{os.getpid()}.used"), json.dumps(slices.used()))

    async def _go(self) -> Go:
        path, seen = self._path.with_suffix(".go"), 0
        while not path.exists():
            if len(self._sessions) != seen:
                seen = len(self._sessions)
                # Each call once: one that failed and was opened again is no second one.
                calls = len({session.number for session in self._sessions})
                _write(self._path.with_suffix(f".{os.getpid()}.open"), str(calls))
            await asyncio.sleep(LOOK_SECONDS)
        return Go(**json.loads(path.read_text()))

    def _join(self, due: list[tuple[int, int, Said, int]], index: int, now_ms: float) -> None:
        session = self._sessions[index]
        if session.number in self._speaking:  # of an earlier session of the call nobody hears anything
            due[:] = [one for one in due if self._sessions[one[1]].number != session.number]
            heapq.heapify(due)
        self._speaking.add(session.number)
        number = 0
        while (one := self._next(session, number)).end_ms - PARTIALS_BEFORE_MS[0] < now_ms:
            number += 1
        heapq.heappush(due, (one.end_ms - PARTIALS_BEFORE_MS[0], index, one, 0))

    def _next(self, session: TalkSession, number: int) -> Said:
        if number < len(session.lines):
            return session.lines[number]
        assert self._plan is not None
        return said(session.number, number, self._topics, self._plan.seed)

    def _say(self, due: list[tuple[int, int, Said, int]], now_ms: float) -> None:
        while due and due[0][0] < now_ms:
            _at, index, one, told = due[0]
            events = self._sessions[index].events
            if told < len(PARTIALS_BEFORE_MS):
                events.put_nowait(_partial(one, told))
                told += 1
            else:
                events.put_nowait(_final(one))
                for channel in (one.channel, 1 - one.channel):
                    events.put_nowait(Progress(channel, one.end_ms))
                one, told = self._next(self._sessions[index], one.number + 1), 0
            before_ms = PARTIALS_BEFORE_MS[told] if told < len(PARTIALS_BEFORE_MS) else 0
            heapq.heapreplace(due, (one.end_ms - before_ms, index, one, told))


def _partial(one: Said, told: int) -> Hypothesis:
    words = one.text.split()
    text = " ".join(words[: max(1, len(words) * (told + 1) // len(PARTIALS_BEFORE_MS))])
    return Hypothesis(one.channel, False, one.start_ms, one.end_ms, RawText(text), (), 0.8, NAME)


def _final(one: Said) -> Hypothesis:
    texts = one.text.split()
    step = (one.end_ms - one.start_ms) / len(texts)
    words = tuple(
        HeardWord(RawText(text), int(one.start_ms + at * step), int(one.start_ms + (at + 1) * step), 0.9)
        for at, text in enumerate(texts)
    )
    return Hypothesis(one.channel, True, one.start_ms, one.end_ms, RawText(one.text), words, 0.9, NAME)


def _write(path: Path, text: str) -> None:
    """Whole or not at all."""
    new = path.with_suffix(path.suffix + ".new")
    new.write_text(text)
    new.replace(path)


# --- The process -----------------------------------------------------------------------------------------


class NoAudio:
    """The buffer of calls whose audio nobody reads: there is never any, and they never end."""

    async def read(self, schema: str, conversation_id: UUID, **how: Any) -> list[Any]:
        await asyncio.Event().wait()
        return []

    async def audio_end(self, schema: str, conversation_id: UUID) -> tuple[int, bool]:
        return 0, False

    async def marks(
        self, schema: str, conversation_id: UUID, key: bytes, after: str
    ) -> tuple[list[Any], str]:
        return [], after

    async def line_alive(self, schema: str, conversation_id: UUID) -> bool:
        return True

    async def trim(self, schema: str, conversation_id: UUID, upto: int) -> None:
        """Nothing is there."""


def _count() -> None:
    """Have the parts counted where they lie."""
    from coaching.live import GuidanceSession
    from conversations.live import call, commit, partials, signals
    from engines.redaction.stream import StreamRedactor
    from moments.live import MomentSession

    meter.patch("load", TalkProvider, "_say")
    for name, session in ("moments", MomentSession), ("guidance", GuidanceSession):
        meter.patch(name, session, "utterance", "partial", "clock", "told", "finish", "state")

    meter.patch("redaction", StreamRedactor, "redact_final", "redact_partial")
    meter.patch("redaction", partials, "partials_prepare")
    meter.patch("commit", commit, "group_write")
    meter.patch("publish", commit, "_tell")
    meter.patch("publish", signals.Signals, "_say")
    meter.patch("publish", signals.Signals, "_send", "_beat_of", steps=True)
    meter.patch("transcript", call, "utterance_add")


def main() -> None:
    import django
    import uvloop

    django.setup()
    from conversations.live.ears import Ears
    from conversations.live.worker import LiveWorker
    from cresta_app.live import stages

    _count()

    async def run() -> None:
        worker = LiveWorker(ears=Ears(), stages=stages())
        worker._means = replace(worker._means, buffer=NoAudio())  # type: ignore[arg-type]
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, worker.stop)
        await worker.run()

    uvloop.run(run())


if __name__ == "__main__":
    # By its name, so that the worker meets the same meter.
    from bench import live_worker

    live_worker.main()
