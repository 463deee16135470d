"""The fallback: whatever fails in the middle of whatever, each word is said once, in order, and names who heard it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import pytest

from engines.speech.breaker import CircuitBreaker, State
from engines.speech.channels import PerChannel
from engines.speech.fallback import FallbackProvider, FallbackSession, Policy
from engines.speech.faults import Fault
from engines.speech.scripted import ScriptedProvider
from engines.speech.shared import StartedOnce
from engines.speech.types import CallToHear, Heard, Hypothesis, Progress, SpeechError
from tests.engines.speech_sound import until
from tests.peers.faulty_speech import MUTE, FaultyProvider, Trouble

SCRIPT = [
    {"channel": 0, "start_ms": 1000, "end_ms": 2000, "text": "good morning this is billing"},
    {"channel": 1, "start_ms": 2500, "end_ms": 3500, "text": "I want to cancel"},
    {"channel": 0, "start_ms": 3000, "end_ms": 4200, "text": "may I ask why"},
    {"channel": 1, "start_ms": 4500, "end_ms": 6000, "text": "it costs too much for what it is"},
    {"channel": 0, "start_ms": 7000, "end_ms": 8000, "text": "I see"},
]
WORDS = [(line["channel"], line["text"], line["start_ms"], line["end_ms"]) for line in SCRIPT]
CALL = CallToHear(call_id="c", channels=2, sample_rate=8000, language="en", start_ms=(0, 0))
# Quick to try again. What is waited for in vain has its time from the test, or from the provider (`patience_s`).
QUICK = Policy(tries=2, finish_s=0.1, backoff_s=0.001, backoff_most_s=0.01, outage_s=60.0)
OUT_SOON = replace(QUICK, outage_s=0.3)

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def fallback(*providers: Any, breakers: Any = (), policy: Policy = QUICK) -> FallbackProvider:
    return FallbackProvider(providers, breakers, policy=policy, chance=lambda: 0.0)


async def hear(
    provider: FallbackProvider,
    *,
    upto_ms: int = 9000,
    call: CallToHear = CALL,
    pause: Callable[[int], Any] | None = None,
) -> list[Heard]:
    """Play the whole call, as fast as it is taken."""
    session = await provider.open(call)
    events: list[Heard] = []

    async def listen() -> None:
        async for heard in session:
            events.append(heard)

    listener = asyncio.create_task(listen())
    for at in range(min(call.start_ms), upto_ms, 100):
        await session.feed([bytes(1600)] * call.channels, at)
        await asyncio.sleep(0)
        if pause is not None and at % 1000 == 0:
            await pause(at)
    await session.finish()
    async with asyncio.timeout(60):
        await listener
    return events


def finals(events: list[Heard]) -> list[Hypothesis]:
    return [event for event in events if isinstance(event, Hypothesis) and event.final]


def said(events: list[Heard]) -> list[tuple[int, str, int, int]]:
    """The finals, by time: what is compared with the undisturbed call."""
    found = [(one.channel, one.text.reveal(), one.start_ms, one.end_ms) for one in finals(events)]
    return sorted(found, key=lambda one: one[2])


def nothing_open(events: list[Heard]) -> None:
    """Every partial was replaced, ended by a final, or withdrawn."""
    standing: dict[int, str] = {}
    for event in events:
        if isinstance(event, Hypothesis):
            standing[event.channel] = "" if event.final else event.text.reveal()
    assert not any(standing.values())


async def test_one_provider_that_does_well() -> None:
    provider = FaultyProvider("first", SCRIPT)
    second = FaultyProvider("second", SCRIPT)
    events = await hear(fallback(provider, second))
    assert said(events) == WORDS
    assert {one.provider for one in finals(events)} == {"first"}
    assert len(provider.opened) == 1 and not second.opened and provider.aborted == 0
    for channel in (0, 1):
        last = [one.upto_ms for one in events if isinstance(one, Progress) and one.channel == channel]
        assert last == sorted(set(last)) and last[-1] == 9000


@pytest.mark.parametrize("what", ["die", "feed", "end", "silent", "stuck", "bug"])
@pytest.mark.parametrize("at_ms", [0, 1500, 3300, 5200, 7600])
async def test_killed_in_mid_utterance_and_opened_again(what: str, at_ms: int) -> None:
    provider = FaultyProvider("first", SCRIPT, [Trouble(what, at_ms)])
    second = FaultyProvider("second", SCRIPT)

    async def found_out(at: int) -> None:
        # Who says nothing is found out while the call goes on, once there is more sound than can be silence.
        if what in MUTE and at >= at_ms + 300:
            await until(lambda: len(provider.opened) == 2, what="another session")

    events = await hear(fallback(provider, second), pause=found_out)
    assert said(events) == WORDS
    nothing_open(events)
    assert len(provider.opened) == 2 and not second.opened
    assert provider.aborted == 1
    # It goes on from what was confirmed, and what lies before is not sent again.
    again = provider.opened[1]
    assert provider.fed_from[1:] == [min(again.start_ms)]
    assert at_ms - 2_500 <= min(again.start_ms) <= at_ms


async def test_after_some_failures_the_next_takes_over_and_is_named() -> None:
    provider = FaultyProvider("first", SCRIPT, [Trouble("die", 3300), Trouble("die", 0), Trouble("die", 0)])
    second = FaultyProvider("second", SCRIPT)
    events = await hear(fallback(provider, second))
    assert said(events) == WORDS
    assert [one.provider for one in finals(events)] == ["first", "second", "second", "second", "second"]
    assert len(provider.opened) == 3 - 1  # it was heard by then: its first failure is one of two
    nothing_open(events)


async def test_both_fail_in_turn_and_nothing_is_lost() -> None:
    first = FaultyProvider("first", SCRIPT, [Trouble("die", 1500), Trouble("refuse")])
    second = FaultyProvider(
        "second", SCRIPT, [Trouble("feed", 3200), Trouble("refuse"), Trouble("die", 5_000)]
    )
    events = await hear(fallback(first, second))
    assert said(events) == WORDS
    nothing_open(events)
    assert first.aborted + second.aborted >= 2


async def test_an_error_that_no_trying_mends_changes_at_once() -> None:
    provider = FaultyProvider("first", SCRIPT, [Trouble("refuse", retryable=False, fault=Fault.REFUSED)])
    events = await hear(fallback(provider, FaultyProvider("second", SCRIPT)))
    assert said(events) == WORDS
    assert len(provider.opened) == 1
    assert {one.provider for one in finals(events)} == {"second"}


async def test_words_said_twice_are_passed_over() -> None:
    """A successor that begins at the call's start and repeats itself: clock and words as if nothing had been."""
    provider = FaultyProvider("first", SCRIPT, [Trouble("die", 5_000), Trouble("again")])
    events = await hear(fallback(provider))
    assert said(events) == WORDS


async def test_a_stretch_that_nobody_shall_hear_stays_unheard_after_a_change() -> None:
    provider = FaultyProvider("first", SCRIPT, [Trouble("die", 4_000)])
    session = await fallback(provider).open(CALL)
    for at in range(0, 2000, 100):
        await session.feed([bytes(1600)] * 2, at)
    await session.skip(2000, 3800)
    for at in range(3800, 9000, 100):
        await session.feed([bytes(1600)] * 2, at)
    await session.finish()
    events = [heard async for heard in session]
    # The scripted peer hears silence as time; what matters is that the clock goes on and nothing is doubled.
    assert said(events) == WORDS
    assert len(provider.opened) == 2


async def test_the_last_words_fail() -> None:
    provider = FaultyProvider("first", SCRIPT, [Trouble("finish")])
    events = await hear(fallback(provider), upto_ms=7_500)
    assert [text for _, text, _, _ in said(events)][-1] == "I"
    assert [text for _, text, _, _ in said(events)][:-1] == [text for _, text, _, _ in WORDS[:-1]]


async def test_who_drops_the_end_is_asked_once_more() -> None:
    """Told that the call is over, it ends without having said so much as how far it came."""
    provider = FaultyProvider("first", SCRIPT, [Trouble("curt", 6_500), Trouble("curt", 6_500)])
    events = await hear(fallback(provider))
    assert len(provider.opened) == 2
    assert said(events) == WORDS[:-1]
    provider = FaultyProvider("first", SCRIPT, [Trouble("curt", 6_500)])
    assert said(await hear(fallback(provider))) == WORDS


async def test_all_out_is_an_error_that_can_be_retried() -> None:
    def never(name: str) -> FaultyProvider:
        return FaultyProvider(name, SCRIPT, [Trouble("refuse")] * 500)

    first, second = never("first"), never("second")
    with pytest.raises(SpeechError) as refused:
        await fallback(first, second, policy=OUT_SOON).open(CALL)
    assert refused.value.retryable
    assert len(first.opened) >= 2 and len(second.opened) >= 2


async def test_all_unable_is_an_error_that_cannot() -> None:
    unable = [Trouble("refuse", retryable=False)] * 3
    first, second = FaultyProvider("first", SCRIPT, unable), FaultyProvider("second", SCRIPT, unable)
    with pytest.raises(SpeechError) as refused:
        await fallback(first, second).open(CALL)
    assert not refused.value.retryable
    assert len(first.opened) == len(second.opened) == 1


async def test_out_in_mid_call_fails_reading_and_feeding() -> None:
    provider = FaultyProvider("first", SCRIPT, [Trouble("die", 2_500), *[Trouble("refuse")] * 500])
    session = await fallback(provider, policy=OUT_SOON).open(CALL)
    for at in range(0, 4000, 100):
        await session.feed([bytes(1600)] * 2, at)
    events = []
    with pytest.raises(SpeechError) as out:
        async for heard in session:
            events.append(heard)
    assert out.value.retryable
    assert said(events) == WORDS[:1]
    nothing_open(events)
    with pytest.raises(SpeechError):
        await session.feed([bytes(1600)] * 2, 4000)
    await session.abort()


async def test_an_outage_is_sat_out() -> None:
    """Refused again and again, then well: the call has all its words."""
    provider = FaultyProvider("first", SCRIPT, [Trouble("die", 2_500), *[Trouble("refuse")] * 8])
    events = await hear(fallback(provider, breakers=[CircuitBreaker(threshold=100)]))
    assert said(events) == WORDS
    assert len(provider.opened) == 10


async def test_feeding_waits_only_when_much_is_waiting() -> None:
    provider = FaultyProvider("first", SCRIPT, [Trouble("die", 500), *[Trouble("refuse")] * 500])
    policy = replace(QUICK, ahead_ms=2_000)
    session = await fallback(provider, policy=policy).open(CALL)

    async def play() -> int:
        at = 0
        while True:
            async with asyncio.timeout(0.1):
                await session.feed([bytes(1600)] * 2, at)
            await asyncio.sleep(0)
            at += 100

    with pytest.raises(TimeoutError):
        await play()
    assert 2_000 <= session._buffer.kept_ms <= 3_000
    await session.abort()


async def test_what_is_confirmed_is_not_kept() -> None:
    session: FallbackSession = await fallback(FaultyProvider("first", [])).open(CALL)
    most = 0
    for at in range(0, 120_000, 100):
        await session.feed([bytes(1600)] * 2, at)
        while not session._out.empty():
            session._out.get_nowait()
        for _ in range(12):
            await asyncio.sleep(0)
        most = max(most, session._buffer.kept_ms)
    assert 0 < most <= 2_000
    await session.abort()


async def test_a_line_that_sends_nothing_is_no_stall() -> None:
    provider = FaultyProvider("first", SCRIPT, [Trouble("silent")], patience_s=None)
    session = await fallback(provider, policy=replace(QUICK, stall_s=0.25)).open(CALL)
    await session.feed([bytes(1600)] * 2, 0)
    await asyncio.sleep(0.6)
    assert len(provider.opened) == 1
    # With more of it, it is.
    for at in range(100, 1_000, 100):
        await session.feed([bytes(1600)] * 2, at)
    await until(lambda: len(provider.opened) > 1, what="another session")
    await session.abort()


async def test_aborting_ends_the_session_below() -> None:
    provider = FaultyProvider("first", SCRIPT)
    session = await fallback(provider).open(CALL)
    await session.feed([bytes(1600)] * 2, 0)
    await session.abort()
    assert [heard async for heard in session] == []
    assert provider.aborted == 1
    with pytest.raises(RuntimeError):
        await session.feed([bytes(1600)] * 2, 100)


async def test_a_call_that_begins_in_its_middle() -> None:
    call = replace(CALL, start_ms=(4200, 3500))
    events = await hear(fallback(FaultyProvider("first", SCRIPT, [Trouble("die", 5_000)])), call=call)
    assert said(events) == WORDS[3:]


# --- The breaker ----------------------------------------------------------------------------------------


class Clock:
    def __init__(self) -> None:
        self.at = 1000.0

    def __call__(self) -> float:
        return self.at


def test_the_breaker_opens_tries_and_closes() -> None:
    clock = Clock()
    breaker = CircuitBreaker(threshold=3, cooldown_s=10, longest_s=30, clock=clock, now=clock)
    seen: list[State] = []
    breaker.observe(lambda one: seen.append(one.state))
    for _ in range(2):
        breaker.failed(Fault.AWAY)
    breaker.succeeded()
    for _ in range(3):
        assert breaker.allows()
        breaker.failed(Fault.BUSY)
    assert breaker.state is State.OPEN and not breaker.allows()
    clock.at += 10
    assert breaker.allows() and not breaker.allows()  # one trial at a time
    assert breaker.state is State.HALF_OPEN
    breaker.failed(Fault.SLOW)
    clock.at += 19
    assert not breaker.allows()  # twice as long
    clock.at += 1
    assert breaker.allows()
    breaker.succeeded()
    assert breaker.state is State.CLOSED and breaker.allows() and breaker.allows()
    assert seen == [State.OPEN, State.HALF_OPEN, State.OPEN, State.HALF_OPEN, State.CLOSED]
    health = breaker.health()
    assert (health.successes, health.failures, health.fault) == (2, 6, Fault.SLOW)
    assert (health.fault_at, health.since) == (1010.0, 1030.0)


def test_a_trial_that_never_answers_is_given_up_and_a_call_s_own_fault_does_not_count() -> None:
    clock = Clock()
    breaker = CircuitBreaker(threshold=1, cooldown_s=10, trial_s=60, clock=clock, now=clock)
    breaker.failed(Fault.UNSUPPORTED)
    assert breaker.state is State.CLOSED and breaker.health().failures == 0
    breaker.failed(Fault.REFUSED)
    clock.at += 10
    assert breaker.allows()
    breaker.failed(Fault.UNSUPPORTED)
    assert breaker.allows()
    clock.at += 59
    assert not breaker.allows()
    clock.at += 1
    assert breaker.allows()
    breaker.reset()
    assert breaker.state is State.CLOSED


def test_latencies_of_finals() -> None:
    breaker = CircuitBreaker()
    assert breaker.health().latency_p50_ms is None
    for number in range(1, 101):
        breaker.took(number / 1000)
    assert (breaker.health().latency_p50_ms, breaker.health().latency_p95_ms) == (50, 95)


async def test_an_open_breaker_sends_calls_elsewhere_and_lets_one_try_later() -> None:
    clock = Clock()
    breakers = [CircuitBreaker(threshold=2, cooldown_s=10, clock=clock, now=clock), CircuitBreaker()]
    first = FaultyProvider("first", SCRIPT, [Trouble("refuse")] * 2)
    second = FaultyProvider("second", SCRIPT)
    provider = fallback(first, second, breakers=breakers)
    for _ in range(3):
        events = await hear(provider)
        assert {one.provider for one in finals(events)} == {"second"} and said(events) == WORDS
    assert len(first.opened) == 2 and breakers[0].state is State.OPEN
    clock.at += 10
    assert {one.provider for one in finals(await hear(provider))} == {"first"}
    assert breakers[0].state is State.CLOSED
    assert (breakers[0].health().calls, breakers[1].health().calls) == (2, 3)
    latency = breakers[1].health().latency_p95_ms
    assert latency is not None and latency < 5_000


async def test_a_start_that_takes_longer_than_a_call_can_wait_goes_on_for_the_next() -> None:
    class Loading(FaultyProvider):
        loaded = asyncio.Event()

        async def start(self) -> None:
            await super().start()
            await self.loaded.wait()

    loading = Loading("first", SCRIPT)
    shared = StartedOnce(loading)
    provider = fallback(shared, FaultyProvider("second", SCRIPT), policy=replace(QUICK, open_s=0.05))
    assert {one.provider for one in finals(await hear(provider))} == {"second"}
    loading.loaded.set()
    await shared.ready()
    assert {one.provider for one in finals(await hear(fallback(shared)))} == {"first"}
    assert loading.started == 1
    await shared.close()
    assert loading.closed == 1


async def test_a_start_that_failed_is_tried_again() -> None:
    class Missing(FaultyProvider):
        async def start(self) -> None:
            await super().start()
            if self.started == 1:
                raise Trouble("refuse").error()

    missing = Missing("first", SCRIPT)
    shared = StartedOnce(missing)
    with pytest.raises(SpeechError):
        await shared.ready()
    await shared.ready()
    await shared.ready()
    assert missing.started == 2
    await shared.close()
    assert missing.closed == 1


async def test_a_bug_in_a_channel_s_session_reaches_who_reads() -> None:
    class Session:
        async def feed(self, pcm: bytes, start_ms: int) -> None:
            return None

        async def finish(self) -> None:
            return None

        async def abort(self) -> None:
            return None

        async def __aiter__(self) -> AsyncIterator[Heard]:
            raise KeyError("a bug")
            yield

    class Broken(ScriptedProvider):
        async def open(self, **wanted: Any) -> Any:
            return Session()

    session = await PerChannel(Broken(SCRIPT)).open(CALL)
    async with asyncio.timeout(30):
        with pytest.raises(KeyError):
            [heard async for heard in session]
    await session.abort()


async def test_shared_providers_start_once_and_only_when_needed() -> None:
    first, second = FaultyProvider("first", SCRIPT), FaultyProvider("second", SCRIPT)
    shared = [StartedOnce(first), StartedOnce(second)]
    one, other = fallback(*shared), fallback(*shared)
    for provider in (one, other):
        await provider.start()
        await hear(provider)
    assert (first.started, second.started) == (1, 0)
    for each in shared:
        await each.close()
    assert (first.closed, second.closed) == (1, 0)
