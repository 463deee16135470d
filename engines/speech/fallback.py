"""A speech provider made of others, in order of preference: when one fails, the call does not notice.

Audio that is not confirmed yet is kept. When a session fails or stands still, it is opened again with the same
provider, after a short wait; after a few failures, an error that no trying mends, or an open breaker the next provider
takes over. Each hears again what was not confirmed. What was said is not said twice; a partial that nobody will finish
is withdrawn. Hypotheses name the provider that heard them.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
import traceback
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from engines.speech.audio import sides_check
from engines.speech.breaker import CircuitBreaker, State
from engines.speech.faults import Fault, ProviderError, fault_of, is_retryable
from engines.speech.outlet import Outlet
from engines.speech.replay import ReplayBuffer
from engines.speech.said import Said
from engines.speech.types import (
    CallToHear,
    Heard,
    Hypothesis,
    Progress,
    SpeechError,
    SpeechProvider,
    SpeechSession,
)

log = logging.getLogger(__name__)

QUEUE = 1_000
# What a session said of one piece is taken before it gets the next, so that two channels keep their order.
TURNS = 3
# A session that ends with more than this unconfirmed has dropped something, and the end is heard once more.
END_MS = 1_000


@dataclass(frozen=True, slots=True)
class Policy:
    """How patient a fallback is. Times in seconds of the clock, lengths in milliseconds of audio."""

    tries: int = 3  # failures in a row with one provider before the next one's turn
    open_s: float = 10.0
    stall_s: float = (
        15.0  # no word and no progress for so long, though there is audio (`provider.patience_s` wins)
    )
    finish_s: float = 60.0  # for the last words
    backoff_s: float = 0.25  # doubles with each failure up to `backoff_most_s`, and is shortened by chance
    backoff_most_s: float = 4.0
    outage_s: float = 45.0  # all providers out for so long: the session fails
    ahead_ms: int = 30_000  # audio that may wait for a provider before `feed` does
    keep_ms: int = 300_000  # unconfirmed audio; with more the provider is taken to stand still


LIVE = Policy()
UPLOAD = Policy(stall_s=900.0, finish_s=3_600.0, outage_s=10.0, ahead_ms=60_000, keep_ms=5 * 3_600_000)
"""For recognisers that answer after the end: nothing is confirmed before, and all of it is kept. A job comes again, so
that an outage is not sat out."""


@dataclass(slots=True)
class _Choice:
    """One provider, as one call sees it."""

    provider: SpeechProvider
    breaker: CircuitBreaker
    failures: int = 0
    out: bool = False  # it said that trying again is no use for this call
    begun: bool = False
    hears: bool = False  # its present session has confirmed something


class FallbackProvider:
    """Hears with the first of `choices` that can. `breakers`: one for each choice, shared by all calls.

    The choices must be ready to be opened once `start` was called on them.
    """

    name = "fallback"

    def __init__(
        self,
        choices: Sequence[SpeechProvider],
        breakers: Sequence[CircuitBreaker] = (),
        *,
        policy: Policy = LIVE,
        chance: Callable[[], float] = random.random,
    ) -> None:
        """Raises `ValueError` without choices, or if `breakers` are given and are not as many."""
        if not choices or (breakers and len(breakers) != len(choices)):
            raise ValueError("a fallback needs providers, and a breaker for each of them")
        self._choices = list(choices)
        self._breakers = list(breakers) or [CircuitBreaker() for _ in choices]
        self._policy = policy
        self._chance = chance
        self.diarises = any(choice.diarises for choice in choices)

    async def start(self) -> None:
        """Start every choice; one that does not start counts as failed. Raises `SpeechError` when none does."""
        started = 0
        for choice, breaker in zip(self._choices, self._breakers, strict=True):
            try:
                await choice.start()
                started += 1
            except SpeechError as error:
                breaker.failed(fault_of(error))
                if started == 0 and choice is self._choices[-1]:
                    raise

    async def open(self, call: CallToHear) -> FallbackSession:
        """Begin to hear with the first provider that opens. Raises `SpeechError` when none does.

        It is retryable unless every one of them said that trying again is no use.
        """
        choices = [
            _Choice(provider, breaker)
            for provider, breaker in zip(self._choices, self._breakers, strict=True)
            if provider.diarises or not call.diarise or not self.diarises
        ]
        session = FallbackSession(call, choices, self._policy, self._chance)
        await session.begin()
        return session

    async def close(self) -> None:
        for choice in self._choices:
            await choice.close()


class FallbackSession:
    """One call; made by `FallbackProvider.open`."""

    def __init__(
        self, call: CallToHear, choices: list[_Choice], policy: Policy, chance: Callable[[], float]
    ) -> None:
        self._call = call
        self._choices = choices
        self._policy = policy
        self._chance = chance
        self._said = Said(call.start_ms, speakers=call.diarise)
        self._buffer = ReplayBuffer(call.sample_rate // 1000 * 2)
        self._unfed_ms = 0
        self._finishing = False
        self._out = Outlet(QUEUE)
        self._error: SpeechError | None = None
        self._over = False
        self._opened = asyncio.Event()
        self._more = asyncio.Event()  # there is something for the provider
        self._room = asyncio.Event()
        self._room.set()
        self._runner: asyncio.Task[None] | None = None
        # Since when nothing has been confirmed for failures, and how many there were in a row.
        self._outage_from: float | None = None
        self._in_a_row = 0
        # Of the present session: what it was fed and when; what of it came since it last said something.
        self._fed: deque[tuple[int, float]] = deque(maxlen=2_000)
        self._silent_from: float | None = None
        self._silent_ms = 0
        self._feeding_from: float | None = None
        self._told = False  # that no more audio comes
        self._short = False  # one has ended well without having confirmed the end

    # --- What the call does -----------------------------------------------------------------------------

    async def begin(self) -> None:
        """Wait until a provider is open. Raises `SpeechError`."""
        self._runner = asyncio.create_task(self._run())
        try:
            await self._opened.wait()
        except asyncio.CancelledError:
            await self.abort()
            raise
        if self._error is not None:
            raise self._error

    async def feed(self, sides: Sequence[bytes], start_ms: int) -> None:
        """Take the next audio. Waits only while more than the policy's `ahead_ms` is waiting for a provider.

        Raises `SpeechError` when no provider is left, `ValueError` for sides that are not as many as the channels or
        not of one length.
        """
        sides_check(sides, self._call.channels)
        if not sides[0]:
            return
        await self._free()
        self._buffer.add(sides, start_ms)
        self._unfed_ms += len(sides[0]) // (self._call.sample_rate // 1000 * 2)
        if self._unfed_ms > self._policy.ahead_ms:
            self._room.clear()
        self._more.set()

    async def skip(self, start_ms: int, end_ms: int) -> None:
        """Pass over a stretch that nobody shall hear. Raises `SpeechError`."""
        await self._free()
        if end_ms > start_ms:
            self._buffer.add_skip(start_ms, end_ms)
            self._more.set()

    async def _free(self) -> None:
        await self._room.wait()
        if self._error is not None:
            raise self._error
        if self._finishing or self._over:
            raise RuntimeError("the session is finished: it takes no more sound")

    async def finish(self) -> None:
        """Say that no more audio comes. The iteration ends after the last final and its progress."""
        self._finishing = True
        self._more.set()

    async def abort(self) -> None:
        self._over = True
        self._room.set()
        if self._runner is not None:
            self._runner.cancel()
            await asyncio.gather(self._runner, return_exceptions=True)
        self._out.drop()

    def __aiter__(self) -> AsyncIterator[Heard]:
        return aiter(self._out)

    # --- One provider after the other -------------------------------------------------------------------

    async def _run(self) -> None:
        """Hear until the end, with whom it takes."""
        try:
            while (choice := await self._next()) is not None:
                if await self._heard_with(choice):
                    await self._out.put(None)
                    return
            able = any(not choice.out for choice in self._choices)
            raise ProviderError("no speech provider can hear this call", fault=Fault.AWAY, retryable=able)
        except SpeechError as error:
            self._error = error
            await self._out.put(error)
        finally:
            self._room.set()
            self._opened.set()

    async def _next(self) -> _Choice | None:
        """Whose turn it is; waits for the one that may be asked again. None: all have been out for too long."""
        while True:
            for choice in self._choices:
                if self._may(choice) and choice.breaker.allows():
                    return choice
            now = time.monotonic()
            self._outage_from = self._outage_from or now
            left = [choice for choice in self._choices if not choice.out]
            if not left or now - self._outage_from > self._policy.outage_s:
                return None
            if not any(self._may(choice) for choice in left):
                for choice in left:
                    choice.failures = self._policy.tries - 1  # one try a round from now on
            await self._pause()

    def _may(self, choice: _Choice) -> bool:
        return not choice.out and choice.failures < self._policy.tries

    async def _pause(self) -> None:
        wait_s = min(self._policy.backoff_most_s, self._policy.backoff_s * 2 ** min(self._in_a_row, 10))
        await asyncio.sleep(wait_s * (0.5 + 0.5 * self._chance()))

    async def _heard_with(self, choice: _Choice) -> bool:
        """Hear with one provider to the end of the call. False: it failed."""
        try:
            await self._hear_with(choice)
        except Exception as error:  # a provider's bug must not end a call that another can hear
            if not isinstance(error, SpeechError | TimeoutError):
                # Where it happened, and not what it says: that may quote what was heard.
                place = traceback.extract_tb(error.__traceback__)[-1]
                at = f"{place.filename}:{place.lineno}"
                log.error("%s failed with %s at %s", choice.provider.name, type(error).__name__, at)
            choice.failures += 1
            choice.out = not is_retryable(error)
            choice.breaker.failed(fault_of(error))
            self._outage_from = self._outage_from or time.monotonic()
            for partial in self._said.withdrawals():
                await self._out.put(partial)
            if self._may(choice) and choice.breaker.state is not State.OPEN:
                await self._pause()
            self._in_a_row += 1
            return False
        if not choice.hears:
            choice.breaker.succeeded()
        return True

    async def _hear_with(self, choice: _Choice) -> None:
        """One session, from its opening to its last word. Raises what it failed with."""
        self._said.begin()
        choice.hears = False
        if not choice.begun:
            choice.begun = True
            choice.breaker.began()
        start_ms = tuple(self._said.upto_ms)
        async with asyncio.timeout(self._policy.open_s):
            session = await choice.provider.open(replace(self._call, start_ms=start_ms))
        self._opened.set()
        self._fed.clear()
        self._silent_from = self._feeding_from = None
        self._silent_ms = 0
        self._told = False
        pump = asyncio.create_task(self._pump(session, min(start_ms)))
        watch = asyncio.create_task(self._watch(choice))
        listen = asyncio.create_task(self._listen(session, choice))
        tasks = (pump, watch, listen)
        ended = False
        try:
            while not listen.done():
                waited = {task for task in tasks if not task.done()}
                for task in (await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED))[0]:
                    task.result()
            listen.result()
            short = self._fed and self._fed[-1][0] - min(self._said.upto_ms) > END_MS and not self._short
            if not self._told or short:
                self._short = self._told
                raise ProviderError("the provider ended before the call", fault=Fault.AWAY, retryable=True)
            ended = True
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            if not ended:
                with suppress(Exception):  # it failed already
                    async with asyncio.timeout(self._policy.open_s):
                        await session.abort()

    async def _pump(self, session: SpeechSession, from_ms: int) -> None:
        """Give the session what is kept, then what comes; at the end tell it so."""
        number = self._buffer.number_at(from_ms)
        self._unfed_ms = self._buffer.kept_ms
        if self._unfed_ms > self._policy.ahead_ms:
            self._room.clear()
        while True:
            while number < self._buffer.end:
                piece = self._buffer.piece(number, from_ms)
                number = self._buffer.next_of(number)
                length_ms = piece.end_ms - piece.start_ms
                self._feeding_from = now = time.monotonic()
                if piece.sides is None:
                    await session.skip(piece.start_ms, piece.end_ms)
                else:
                    self._silent_from = self._silent_from or now
                    self._silent_ms += length_ms
                    self._fed.append((piece.end_ms, now))
                    await session.feed(piece.sides, piece.start_ms)
                    self._unfed_ms -= length_ms
                self._feeding_from = None
                if self._unfed_ms <= self._policy.ahead_ms:
                    self._room.set()
                for _ in range(TURNS):
                    await asyncio.sleep(0)
            self._unfed_ms = 0
            self._room.set()
            if self._finishing:
                self._silent_from = time.monotonic()
                self._told = True
                await session.finish()
                return
            self._more.clear()
            await self._more.wait()

    async def _listen(self, session: SpeechSession, choice: _Choice) -> None:
        async for heard in session:
            self._silent_from = time.monotonic() if self._told else None
            self._silent_ms = 0
            if not choice.hears and (isinstance(heard, Progress) or heard.final):
                choice.hears = True
                choice.breaker.succeeded()
                choice.failures = self._in_a_row = 0
                self._outage_from = None
            new = self._said.passed(heard)
            if new is None:
                continue
            if isinstance(new, Hypothesis) and new.final:
                self._timed(choice, new.end_ms)
            self._buffer.trim(min(self._said.upto_ms))
            await self._out.put(new)

    def _timed(self, choice: _Choice, end_ms: int) -> None:
        for fed_ms, at in self._fed:
            if fed_ms >= end_ms:
                choice.breaker.took(time.monotonic() - at)
                return

    async def _watch(self, choice: _Choice) -> None:
        """Fail when the provider stands still: says nothing of much sound, takes none, or confirms none."""
        patience_s = float(getattr(choice.provider, "patience_s", self._policy.stall_s))
        while True:
            await asyncio.sleep(min(1.0, patience_s / 4))
            now = time.monotonic()
            silent_s = now - self._silent_from if self._silent_from is not None else 0.0
            feeding_s = now - self._feeding_from if self._feeding_from is not None else 0.0
            if self._told:
                still = silent_s > max(patience_s, self._policy.finish_s)
            else:
                # A line that sends nothing leaves a recogniser nothing to say: only sound counts.
                still = feeding_s > patience_s or (
                    silent_s > patience_s and self._silent_ms > patience_s * 1000 / 2
                )
            behind_ms = self._fed[-1][0] - min(self._said.upto_ms) if self._fed else 0
            if still or behind_ms > self._policy.keep_ms:
                raise ProviderError("the provider stands still", fault=Fault.SLOW, retryable=True)
