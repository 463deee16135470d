"""Deepgram pre-recorded over the real SDK against the loopback peer."""

from __future__ import annotations

import asyncio
import io
import logging

import numpy as np
import pytest

from engines.speech.audio import read_audio
from engines.speech.deepgram.pieces import Cutter
from engines.speech.types import Hypothesis, Progress, SpeechError
from tests.engines.deepgram_calls import (
    KEY,
    call,
    clips,
    feed,
    hear,
    provider,
    rest,
    said,
    silence,
    tones,
    upto,
)
from tests.peers.deepgram import DeepgramPeer, Fault

SOUND = tones((300, 600), (700, 900), (2600, 3000), length_ms=4000)
OTHER = tones((1200, 1500), (2700, 2900), length_ms=4000, seed=2)


def batch(peer, **options):
    return provider(peer, "deepgram_batch", **options)


def test_two_channels_in_time_order():
    with DeepgramPeer(key=KEY) as peer:
        events = asyncio.run(hear(batch(peer, redact=["pci"]), [SOUND, OTHER], call(2, keyterms=("Zenith",))))
        again = asyncio.run(hear(batch(peer), [SOUND, OTHER], call(2, start_ms=(2000, 0), language="")))
    assert [each[:3] for each in said(events)] == [
        (0, 300, 900), (1, 1200, 1500), (0, 2600, 3000), (1, 2700, 2900),
    ]  # fmt: skip
    assert [type(each) for each in events] == [Hypothesis] * 4 + [Progress] * 2
    assert {each.provider for each in events if isinstance(each, Hypothesis)} == {"deepgram_batch"}
    assert upto(events, 0) == upto(events, 1) == 4000
    assert peer.seen[0].query == {
        "model": ["nova-3"], "language": ["en"], "keyterm": ["Zenith"], "multichannel": ["true"],
        "utterances": ["true"], "punctuate": ["true"], "smart_format": ["true"], "mip_opt_out": ["true"],
        "redact": ["pci"],
    }  # fmt: skip
    assert [each[:3] for each in said(again)] == [(1, 1200, 1500), (0, 2600, 3000), (1, 2700, 2900)]
    assert peer.seen[1].query["detect_language"] == ["true"]
    assert {each.language for each in again if isinstance(each, Hypothesis)} == {"en"}


def test_speakers_of_one_channel():
    first, second = clips()[:2]
    scripts = []
    for speaker, clip in enumerate((first, second)):
        script = clip.script
        scripts.append({**script, "words": [{**word, "speaker": speaker} for word in script["words"]]})
    pcm = first.pcm + silence(300) + second.pcm
    with DeepgramPeer(script={"*": scripts}) as peer:
        assert batch(peer).diarises
        events = asyncio.run(hear(batch(peer), [pcm], call(diarise=True)))
    assert peer.seen[0].query["diarize_model"] == ["latest"]
    assert [each[0] for each in said(events)] == [0, 1]


def test_a_skip_is_left_out_and_times_hold():
    async def run(peer):
        maker = batch(peer)
        await maker.start()
        session = await maker.open(call())
        await session.skip(0, 30_000)
        await feed_at(session, SOUND, 30_000)
        await session.skip(34_000, 100_000)
        await feed_at(session, OTHER, 100_000)
        events = await rest(session)
        await maker.close()
        return events

    async def feed_at(session, pcm, start_ms):
        for at in range(0, len(pcm), 1600):
            await session.feed([pcm[at : at + 1600]], start_ms + at // 16)

    with DeepgramPeer() as peer:
        events = asyncio.run(run(peer))
    assert [each[1:3] for each in said(events)] == [
        (30_300, 30_900), (32_600, 33_000), (101_200, 101_500), (102_700, 102_900),
    ]  # fmt: skip
    assert upto(events) == 104_000


@pytest.mark.parametrize(("status", "times"), [(429, 2), (503, 3)])
def test_it_tries_again(status, times):
    with DeepgramPeer(faults=[Fault("refuse", status=status, times=times)]) as peer:
        events = asyncio.run(hear(batch(peer), [SOUND], call()))
    assert len(said(events)) == 2
    assert len(peer.seen) == times + 1


@pytest.mark.parametrize(
    ("fault", "retryable", "words", "requests"),
    [
        (Fault("refuse", status=401, reason=f"no {KEY}"), False, "HTTP 401", 1),
        (Fault("refuse", status=402), False, "HTTP 402", 1),
        (Fault("refuse", status=400), False, "HTTP 400", 1),
        (Fault("refuse", status=500), True, "HTTP 500", 3),
        (Fault("abort"), True, "cannot be reached", 3),
        (Fault("silent"), True, "did not answer in time", 3),
        (Fault("garbage"), True, "HTTP 200", 3),
    ],
    ids=lambda value: f"{value.kind}-{value.status}" if isinstance(value, Fault) else "",
)
def test_failures(fault, retryable, words, requests, caplog):
    caplog.set_level(logging.DEBUG)

    async def run(peer):
        # Who answers, answers at once; a busy machine may take a while for it.
        maker = batch(peer, attempts=3, request_seconds=0.3 if fault.kind == "silent" else 60)
        await maker.start()
        session = await maker.open(call())
        await feed(session, [SOUND])
        with pytest.raises(SpeechError, match=words) as caught:
            await rest(session)
        await maker.close()
        return caught.value

    with DeepgramPeer(faults=[fault]) as peer:
        error = asyncio.run(run(peer))
    assert error.retryable is retryable
    assert len(peer.seen) == requests
    assert KEY not in f"{error!r} {error} {error.__cause__!r} {error.__context__!r}"
    if fault.status != 401:  # there the server itself sent it back
        assert KEY not in caplog.text


def test_a_failure_in_mid_call_ends_the_feeding():
    async def run(peer):
        maker = batch(peer, piece_seconds=2, attempts=1)
        await maker.start()
        session = await maker.open(call())
        with pytest.raises(SpeechError, match="HTTP 402"):
            for number in range(100):
                await session.feed([SOUND], number * 4000)
        await maker.close()

    with DeepgramPeer(faults=[Fault("refuse", status=402)]) as peer:
        asyncio.run(run(peer))


def test_an_aborted_session_ends():
    async def run(peer):
        maker = batch(peer, piece_seconds=2)
        await maker.start()
        session = await maker.open(call())
        await feed(session, [SOUND])
        await session.abort()
        assert [heard async for heard in session] == []
        await maker.close()

    with DeepgramPeer(faults=[Fault("silent")]) as peer:
        asyncio.run(run(peer))


def test_pieces_join_to_the_recording_and_are_cut_where_it_is_quiet():
    spans = [(at, at + 1200) for at in range(0, 118_000, 2000)]
    sides = [tones(*spans, length_ms=120_000), tones(*spans, length_ms=120_000, seed=3)]
    cutter = Cutter(channels=2, sample_rate=8000, longest_ms=30_000)
    pieces = []
    for at in range(0, 120_000, 700):
        pieces += cutter.add([pcm[at * 16 : (at + 700) * 16] for pcm in sides], at)
    pieces += cutter.end()
    joined = [b"", b""]
    for piece in pieces:
        assert piece.seconds <= 30
        rate, channels = read_audio(io.BytesIO(piece.flac))
        assert rate == 8000
        assert piece.clock.call_ms(0) == len(joined[0]) // 16
        joined = [a + b for a, b in zip(joined, channels, strict=True)]
    assert joined == sides
    for piece in pieces[:-1]:
        assert any(end + 200 <= piece.upto_ms <= end + 800 for _, end in spans)


def test_noise_without_a_pause_is_cut_all_the_same():
    dice = np.random.default_rng(5)
    noise = dice.integers(-9000, 9000, 8000 * 70).astype("<i2").tobytes()
    cutter = Cutter(channels=1, sample_rate=8000, longest_ms=20_000)
    pieces = [*cutter.add([noise], 0), *cutter.end()]
    assert all(16 <= piece.seconds <= 20 for piece in pieces[:-1])
    assert sum(piece.seconds for piece in pieces) == 70
