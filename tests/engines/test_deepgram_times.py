"""Deepgram's word times are the recording's, to 100 ms, through rates, reconnects, skips and pieces."""

from __future__ import annotations

import asyncio
import random

import pytest

from engines.speech.deepgram.clock import StreamClock
from engines.speech.fallback import FallbackProvider, Policy
from engines.speech.types import SpeechError
from tests.engines.deepgram_calls import (
    assert_true_times,
    call,
    clips,
    feed,
    finals,
    hear,
    provider,
    rest,
    said,
    silence,
    tones,
    upto,
    words,
)
from tests.engines.speech_sound import demo_channels
from tests.peers.deepgram import DeepgramPeer, Fault


def moved(clip, by_ms):
    return [(text, start + by_ms, end + by_ms) for text, start, end in clip.words]


@pytest.mark.parametrize("rate", [8000, 16000])
def test_every_digit_is_where_it_was_spoken(rate):
    every = clips()
    pcm, truth = b"", []
    for clip in every:
        truth += moved(clip, len(pcm) * 500 // rate)
        pcm += clip.at(rate) + silence(700, rate)
    with DeepgramPeer(script={"*": [clip.script for clip in every]}) as peer:
        events = asyncio.run(hear(provider(peer), [pcm], call(rate=rate)))
    assert_true_times(words(events), truth)
    assert abs(upto(events) - len(pcm) * 500 // rate) <= 1


def test_a_session_begun_anew_says_the_rest_at_the_same_times():
    first, second = clips()[:2]
    pcm = first.pcm + silence(2000) + second.pcm + silence(1000)
    behind = len(first.pcm) // 16 + 2000

    async def run(peer):
        maker = provider(peer)
        await maker.start()
        session = await maker.open(call())
        events = []
        with pytest.raises(SpeechError, match="1011"):
            await feed(session, [pcm], upto_ms=behind + 1500)
            async for heard in session:
                events.append(heard)
        again = await maker.open(call(start_ms=(upto(events),)))
        await feed(again, [pcm], start_ms=upto(events))
        events += await rest(again)
        await maker.close()
        return events

    faults = [Fault("close", connection=0, after_ms=behind + 1400, status=1011, reason="NET-0001")]
    with DeepgramPeer(script={"*": [first.script, second.script]}, faults=faults) as peer:
        events = asyncio.run(run(peer))
    assert_true_times(words(events), [*first.words, *moved(second, behind)])


def test_times_hold_when_another_recogniser_takes_over():
    """Two connections break and a third is refused; the rest is heard by another, as a recording."""
    first, second, third = clips()[:3]
    pcm, truth = b"", []
    for clip in (first, second, third):
        truth += moved(clip, len(pcm) // 16)
        pcm += clip.pcm + silence(800)
    breaks = [(text, start, end) for text, start, end in truth if start > 2000]
    faults = [
        Fault("abort", connection=0, after_ms=(breaks[0][1] + breaks[0][2]) // 2),
        Fault("close", connection=1, after_ms=(breaks[4][1] + breaks[4][2]) // 2, status=1011),
        Fault("refuse", connection=2, status=402),
    ]
    script = {"*": [clip.script for clip in (first, second, third)]}
    quick = Policy(backoff_s=0.01, backoff_most_s=0.01, stall_s=60.0, outage_s=60.0)
    with DeepgramPeer(script=script, faults=faults) as live, DeepgramPeer(script=script) as other:
        choices = [provider(live), provider(other, "deepgram_batch")]
        events = asyncio.run(hear(FallbackProvider(choices, policy=quick), [pcm], call()))
        assert len(live.seen) == 3 and other.seen
    assert_true_times(words(events), truth)
    heard_by = [each.provider for each in finals(events)]
    assert heard_by[-1] == "deepgram_batch"


def test_times_hold_behind_a_skip_and_what_was_said_before_it_ends():
    first, second = clips()[2:4]
    length = len(first.pcm) // 16
    hold = 90_000

    async def run(peer):
        maker = provider(peer)
        await maker.start()
        session = await maker.open(call())
        await feed(session, [first.pcm], upto_ms=length)
        await session.skip(length, length + hold)
        events = []
        async for heard in session:
            events.append(heard)
            if upto(events) >= length + hold:
                break
        before = words(events)
        for at in range(0, len(second.pcm), 1600):
            await session.feed([second.pcm[at : at + 1600]], length + hold + at // 16)
        events += await rest(session)
        await maker.close()
        return before, events

    with DeepgramPeer(script={"*": [first.script, second.script]}) as peer:
        before, events = asyncio.run(run(peer))
        sent = peer.seen[0].audio_bytes
    assert_true_times(before, first.words)
    assert_true_times(words(events), [*first.words, *moved(second, length + hold)])
    assert sent < len(first.pcm) + len(second.pcm) + 2 * 16 * 600  # the hold was not paid for


@pytest.mark.parametrize("rate", [8000, 16000])
def test_recordings_in_pieces(rate):
    every = clips()[:8]
    pcm, truth = silence(400, rate), []
    for clip in every:
        truth += moved(clip, len(pcm) * 500 // rate)
        pcm += clip.at(rate) + silence(900, rate)
    with DeepgramPeer(script={"*": [clip.script for clip in every]}) as peer:
        events = asyncio.run(hear(provider(peer, "deepgram_batch", piece_seconds=20), [pcm], call(rate=rate)))
        assert len(peer.seen) > 3
        assert {seen.media for seen in peer.seen} == {"audio/flac"}
    assert_true_times(words(events), truth)
    assert abs(upto(events) - len(pcm) * 500 // rate) <= 1


def test_two_channels_that_began_at_different_points():
    left = tones((300, 600), (2200, 2500), (4200, 4500), length_ms=6000)
    right = tones((1300, 1700), (2300, 2600), (5000, 5200), length_ms=6000, seed=2)
    with DeepgramPeer() as peer:
        whole = said(asyncio.run(hear(provider(peer), [left, right], call(2))))
        part = asyncio.run(hear(provider(peer), [left, right], call(2, start_ms=(3000, 1000))))
    assert len(whole) == 6
    # Speech at the same time on both sides stays two utterances, each at its own time.
    assert [(ch, start, end) for ch, start, end, _ in whole if 2000 < start < 3000] == [
        (0, 2200, 2500),
        (1, 2300, 2600),
    ]
    assert sorted(said(part)) == sorted(each for each in whole if each[1] >= (3000 if each[0] == 0 else 1000))


def test_the_clock_is_exact_to_the_sample():
    clock = StreamClock(8000)
    clock.audio(8001, 1000)  # no whole number of milliseconds
    clock.audio(7999, 2000)
    assert clock.call_ms(2.0) == clock.next_ms == 3000
    clock.silence(4000)
    assert (clock.call_ms(2.2), clock.next_ms) == (3000, 3000)
    clock.move(60_000)
    clock.audio(8000, 60_000)
    assert (clock.end_ms(2.5), clock.call_ms(2.5), clock.call_ms(3.0)) == (3000, 60_000, 60_500)
    clock.audio(800, 70_000)  # a hole moves what follows
    assert (clock.end_ms(3.5), clock.call_ms(3.5)) == (61_000, 70_000)


def test_the_clock_at_a_rate_that_divides_into_no_milliseconds():
    clock = StreamClock(11_025)
    for number in range(600):
        clock.audio(1103 if number % 2 else 1102, number * 100)
    assert clock.call_ms(60.0) == 60_000


@pytest.mark.parametrize("seed", [0, 2, 4])
def test_a_call_whose_connection_breaks_again_and_again_is_heard_exactly_the_same(seed):
    sides, dice = demo_channels("cancellation"), random.Random(seed)

    async def broken(peer):
        maker = provider(peer)
        await maker.start()
        starts, known, sessions = [0, 0], [], 0
        failed = True
        while failed:
            kind = dice.choice(["abort", "close"])
            peer.set_faults([Fault(kind, after_ms=dice.randrange(500, 40_000))] if sessions < 5 else [])
            session = await maker.open(call(2, start_ms=tuple(starts)))
            sessions += 1
            events = []

            async def listen(session=session, events=events):
                async for heard in session:
                    events.append(heard)

            listening = asyncio.create_task(listen())
            try:
                await feed(session, sides, start_ms=min(starts))
                await session.finish()
            except SpeechError as error:
                assert error.retryable  # the iteration ends with the same
            failed = isinstance((await asyncio.gather(listening, return_exceptions=True))[0], SpeechError)
            known += said(events)
            starts = [max(starts[channel], upto(events, channel)) for channel in (0, 1)]
        await maker.close()
        return known, sessions

    with DeepgramPeer() as peer:
        whole = said(asyncio.run(hear(provider(peer), sides, call(2))))
        known, sessions = asyncio.run(broken(peer))
    assert sessions > 2
    assert len(whole) > 10
    assert sorted(known) == sorted(whole)
