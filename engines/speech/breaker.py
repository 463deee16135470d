"""A circuit breaker: a provider that keeps failing is left alone for a while, then tried with one call.

One for each account of a provider in each process. Closed: it is used. Open: it is not, until a cool-down has
passed. Half open: one call tries it, and closes the breaker or opens it for twice as long.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from engines.speech.faults import Fault

LATENCIES_KEPT = 200


class State(StrEnum):
    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


@dataclass(frozen=True, slots=True)
class Health:
    """What a breaker knows. `since` and `fault_at` are Unix times; latencies are milliseconds, None before the first.

    `latency` is the time from the moment at which an utterance's last audio was sent to the moment at which its
    final came, and so holds the recogniser's own wait for the end of speech.
    """

    state: State
    since: float
    calls: int
    successes: int
    failures: int
    fault: Fault | None
    fault_at: float | None
    latency_p50_ms: int | None
    latency_p95_ms: int | None


class CircuitBreaker:
    """Counts what a provider does and says whether it may be asked.

    `threshold` failures in a row open it for `cooldown_s`, which doubles with every trial that fails, up to
    `longest_s`. A trial that never answers is given up after `trial_s`. `clock` is monotonic seconds, `now` Unix time.
    """

    def __init__(
        self,
        *,
        threshold: int = 5,
        cooldown_s: float = 10.0,
        longest_s: float = 120.0,
        trial_s: float = 60.0,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        if threshold < 1 or cooldown_s <= 0 or longest_s < cooldown_s or trial_s <= 0:
            raise ValueError("a breaker needs a threshold of at least 1 and positive times")
        self._threshold = threshold
        self._first_cooldown_s = self._cooldown_s = cooldown_s
        self._longest_s = longest_s
        self._trial_s = trial_s
        self._clock, self._now = clock, now
        self._observers: list[Callable[[CircuitBreaker], None]] = []
        self._state = State.CLOSED
        self._since = now()
        self._open_until = 0.0
        self._trial_until = 0.0
        self._in_a_row = 0
        self._calls = self._successes = self._failures = 0
        self._fault: Fault | None = None
        self._fault_at: float | None = None
        self._latencies: deque[float] = deque(maxlen=LATENCIES_KEPT)

    def observe(self, observer: Callable[[CircuitBreaker], None]) -> None:
        """Call `observer` after each change of the state."""
        self._observers.append(observer)

    @property
    def state(self) -> State:
        return self._state

    def allows(self) -> bool:
        """Whether a call may be heard now. True in half-open means that the caller is the one that tries."""
        now = self._clock()
        if self._state is State.OPEN and now >= self._open_until:
            self._change(State.HALF_OPEN)
            self._trial_until = now
        if self._state is State.HALF_OPEN:
            if now < self._trial_until:
                return False
            self._trial_until = now + self._trial_s
            return True
        return self._state is State.CLOSED

    def began(self) -> None:
        """A call begins to be heard here, for the first time."""
        self._calls += 1

    def succeeded(self) -> None:
        """The provider has heard something: whatever was wrong is over."""
        self._successes += 1
        self._in_a_row = 0
        if self._state is not State.CLOSED:
            self._cooldown_s = self._first_cooldown_s
            self._change(State.CLOSED)

    def took(self, latency_s: float) -> None:
        """A final came `latency_s` after its last audio had been sent."""
        self._latencies.append(latency_s)

    def failed(self, fault: Fault) -> None:
        """Count a failure. `Fault.UNSUPPORTED` is the call's own and counts for nothing; it only frees the trial."""
        if fault is Fault.UNSUPPORTED:
            self._trial_until = self._clock()
            return
        self._failures += 1
        self._in_a_row += 1
        self._fault, self._fault_at = fault, self._now()
        if self._state is State.HALF_OPEN:
            self._cooldown_s = min(self._longest_s, self._cooldown_s * 2)
            self._open()
        elif self._state is State.CLOSED and self._in_a_row >= self._threshold:
            self._open()

    def reset(self) -> None:
        """Close it by hand: somebody has put right what was wrong."""
        self._in_a_row = 0
        self._cooldown_s = self._first_cooldown_s
        if self._state is not State.CLOSED:
            self._change(State.CLOSED)

    def health(self) -> Health:
        ordered = sorted(self._latencies)
        return Health(
            state=self._state,
            since=self._since,
            calls=self._calls,
            successes=self._successes,
            failures=self._failures,
            fault=self._fault,
            fault_at=self._fault_at,
            latency_p50_ms=_percentile_ms(ordered, 50),
            latency_p95_ms=_percentile_ms(ordered, 95),
        )

    def _open(self) -> None:
        self._open_until = self._clock() + self._cooldown_s
        self._change(State.OPEN)

    def _change(self, state: State) -> None:
        self._state = state
        self._since = self._now()
        for observer in self._observers:
            observer(self)


def _percentile_ms(ordered: list[float], percent: int) -> int | None:
    """The nearest-rank percentile of sorted seconds, in milliseconds."""
    if not ordered:
        return None
    return round(ordered[max(0, -(-len(ordered) * percent // 100) - 1)] * 1000)
