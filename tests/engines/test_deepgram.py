"""Deepgram streaming over the real SDK against the loopback peer: what goes over the wire, and every way to fail."""

from __future__ import annotations

import asyncio
import logging
import time
from itertools import pairwise

import pytest

from engines.speech import providers
from engines.speech.types import Hypothesis, Progress, SpeechError
from tests.engines.deepgram_calls import (
    FAST,
    KEY,
    call,
    feed,
    finals,
    hear,
    provider,
    rest,
    said,
    silence,
    tones,
    upto,
)
from tests.engines.speech_sound import until
from tests.peers.deepgram import DeepgramPeer, Fault

SOUND = tones((300, 600), (700, 900), (1600, 2000), (3000, 3300), length_ms=4000)


def fails(faults, *, sides=(SOUND,), key=KEY, seconds=30.0, **options):
    """Have a call heard that fails; return the error, what was said before, and what the peer saw."""

    async def run(peer):
        maker = provider(peer, **options)
        await maker.start()
        session = await maker.open(call(len(sides)))
        events = []

        async def listen():
            async for heard in session:
                events.append(heard)

        listening = asyncio.create_task(listen())
        began = time.monotonic()
        fed: SpeechError | None = None
        try:
            await feed(session, sides)
            while not listening.done() and time.monotonic() - began < seconds:
                await session.feed([silence(20)] * len(sides), upto_fed(session))
                await asyncio.sleep(0.02)
        except SpeechError as error:
            fed = error
        with pytest.raises(SpeechError) as caught:
            await asyncio.wait_for(listening, 30)
        assert fed is None or fed is caught.value
        with pytest.raises(SpeechError):
            await session.feed([silence(20)] * len(sides), upto_fed(session))
        await maker.close()
        assert session._task.done()  # nothing is left to close by itself
        return caught.value, events

    with DeepgramPeer(key=key, faults=faults) as peer:
        error, events = asyncio.run(run(peer))
        return error, events, peer.seen


def upto_fed(session) -> int:
    return session._upto_ms


def test_utterances_partials_and_progress():
    with DeepgramPeer() as peer:
        events = asyncio.run(hear(provider(peer), [SOUND], call()))
    assert [(start, end) for _, start, end, _ in said(events)] == [(300, 900), (1600, 2000), (3000, 3300)]
    assert upto(events) == 4000
    first = finals(events)[0]
    assert (first.provider, first.language, len(first.words)) == ("deepgram", "en", 2)
    assert first.text.reveal() == " ".join(word.text.reveal() for word in first.words)
    for number, event in enumerate(events):
        if isinstance(event, Hypothesis) and event.final:  # its progress follows, at or behind its end
            after = next(each for each in events[number:] if isinstance(each, Progress))
            assert after.upto_ms >= event.end_ms


def test_partials_refine_in_place():
    long = tones(*[(at, at + 200) for at in range(500, 4500, 300)], length_ms=6000)

    async def run(peer):
        maker = provider(peer)
        await maker.start()
        session = await maker.open(call())
        events = []

        async def listen():
            async for heard in session:
                events.append(heard)

        listening = asyncio.create_task(listen())
        for at in range(0, 6000, 500):
            said_before = len(events)
            await session.feed([long[at * 16 : (at + 500) * 16]], at)
            if at in (
                500,
                1500,
                2500,
                3500,
            ):  # a second is full, and brings an interim result with more words
                await until(lambda known=said_before: len(events) > known, what="a partial")
        await session.finish()
        await listening
        await maker.close()
        return events

    with DeepgramPeer() as peer:
        events = asyncio.run(run(peer))
    texts = [each.text.reveal() for each in events if isinstance(each, Hypothesis)]
    assert len(texts) >= 4
    for shorter, longer in pairwise(texts):
        assert longer.startswith(shorter)
    assert {each.start_ms for each in events if isinstance(each, Hypothesis)} == {500}
    assert [each.final for each in events if isinstance(each, Hypothesis)][-1]


def test_how_it_is_cut_and_when_it_is_begun_anew_changes_nothing():
    spans = [(at, at + 130 + at % 170) for at in range(200, 19_000, 700)]
    pcm = tones(*spans, length_ms=20_000)

    async def in_two(peer, at_ms):
        maker = provider(peer)
        await maker.start()
        session = await maker.open(call())
        await feed(session, [pcm], upto_ms=at_ms)
        events = []
        async for heard in session:
            events.append(heard)
            if upto(events) >= at_ms - 2500:
                break
        await session.abort()
        again = await maker.open(call(start_ms=(upto(events),)))
        await feed(again, [pcm], start_ms=upto(events))
        known = said(events)
        events = await rest(again)
        await maker.close()
        return known + said(events)

    with DeepgramPeer() as peer:
        whole = said(asyncio.run(hear(provider(peer), [pcm], call())))
        assert len(whole) == len(spans)
        for at_ms in (6000, 9300, 13_700):
            assert asyncio.run(in_two(peer, at_ms)) == whole


def test_the_query_and_the_headers():
    with DeepgramPeer(key=KEY) as peer:
        asyncio.run(hear(
            provider(peer, redact=["pci"], extra={"no_delay": "true"}), [SOUND, SOUND],
            call(2, language="en-GB", keyterms=("Zenith Plus", "Kowalczyk")),
        ))  # fmt: skip
        query = peer.seen[0].query
        asyncio.run(hear(provider(peer), [SOUND], call(language="")))
        asyncio.run(hear(provider(peer, model="nova-2"), [SOUND], call(keyterms=("Zenith: Plus",))))
        many = tuple(f"word{number:03}" for number in range(400))
        asyncio.run(hear(provider(peer), [SOUND], call(keyterms=many)))
    assert query == {
        "model": ["nova-3"], "language": ["en-GB"], "keyterm": ["Zenith Plus", "Kowalczyk"],
        "encoding": ["linear16"], "sample_rate": ["8000"], "channels": ["2"], "multichannel": ["true"],
        "interim_results": ["true"], "endpointing": ["300"], "utterance_end_ms": ["1000"],
        "smart_format": ["true"], "punctuate": ["true"], "mip_opt_out": ["true"], "redact": ["pci"],
        "no_delay": ["true"],
    }  # fmt: skip
    assert peer.seen[0].agent.startswith("deepgram-sdk/")
    assert peer.seen[1].query["language"] == ["multi"]
    assert peer.seen[2].query["keywords"] == ["Zenith Plus"]
    assert 100 < len(peer.seen[3].query["keyterm"]) <= 500 // 3
    for seen in peer.seen:
        assert seen.messages[-2:] == ['{"type": "Finalize"}', '{"type": "CloseStream"}']
        assert seen.longest_frame <= 2 * 2 * 8 * 200


@pytest.mark.parametrize(
    ("fault", "retryable", "words"),
    [
        (Fault("refuse", status=401, reason="INVALID_AUTH"), False, "HTTP 401.*INVALID_AUTH"),
        (Fault("refuse", status=402, reason="ASR_PAYMENT_REQUIRED"), False, "HTTP 402"),
        (Fault("refuse", status=403), False, "HTTP 403"),
        (Fault("refuse", status=429, reason="Too many requests"), True, "HTTP 429.*Too many requests"),
        (Fault("refuse", status=500, reason=f"broken {KEY}"), True, r"HTTP 500.*broken \*\*\*"),
        (Fault("close", after_ms=1500, status=1011, reason="NET-0000"), True, "1011.*NET-0000"),
        (Fault("close", after_ms=1500, status=1008, reason="DATA-0000"), False, "1008.*DATA-0000"),
        (Fault("close", after_ms=0, status=1011), True, "1011"),
        (Fault("close", after_ms=1500, status=1000), True, "mid-call"),
        (Fault("abort", after_ms=1500), True, "1006"),
        (Fault("garbage", after_ms=1500), True, "no JSON"),
        (Fault("error", after_ms=1500), True, "SchemaError"),
        (Fault("silent"), True, "stalled"),
        (Fault("silent", after_ms=2500), True, "stalled"),
        (Fault("deaf", after_ms=100), True, "stalled"),
    ],
    ids=lambda value: f"{value.kind}-{value.status}-{value.after_ms}" if isinstance(value, Fault) else "",
)
def test_a_failure_is_told_at_once_and_without_secrets(fault, retryable, words, caplog):
    caplog.set_level(logging.DEBUG)
    patience = {"stall_seconds": 0.6} if fault.kind in ("silent", "deaf") else {}
    error, events, _ = fails([fault], **patience)
    assert error.retryable is retryable
    with pytest.raises(SpeechError, match=words):
        raise error
    if fault.kind != "refuse" and fault.after_ms >= 1500:
        # What the peer had still to say when it broke off is heard again by the next session.
        lost = [] if fault.kind in ("garbage", "error") else [[]]
        assert [(start, end) for _, start, end, _ in said(events)][:1] in ([(300, 900)], *lost)
    chain: BaseException | None = error
    while chain is not None:
        assert KEY not in f"{chain!r} {chain} {vars(chain)}"
        chain = chain.__cause__ or chain.__context__
    assert KEY not in caplog.text
    assert "transcript" not in caplog.text


def test_a_wrong_key_and_a_server_that_is_not_there():
    error, _, seen = fails([], key="another")
    assert not error.retryable
    assert seen[0].closed == "HTTP 401"

    async def nowhere():
        maker = providers.create("deepgram", **{**FAST, "base_url": "http://127.0.0.1:9"})
        await maker.start()
        session = await maker.open(call())
        await feed(session, [SOUND], upto_ms=300)
        with pytest.raises(SpeechError, match="cannot be reached") as caught:
            await rest(session)
        assert caught.value.retryable
        await maker.close()

    asyncio.run(nowhere())


def test_answers_that_fall_behind_are_an_error():
    sound = tones(*[(at, at + 300) for at in range(0, 20_000, 400)], length_ms=20_000)
    error, _, _ = fails([Fault("slow", rate=2.0)], sides=(sound,), behind_seconds=0.8)
    assert error.retryable
    assert "too slow" in str(error)


def test_messages_that_nobody_knows_and_repeated_finals_do_no_harm():
    with DeepgramPeer() as peer:
        whole = said(asyncio.run(hear(provider(peer), [SOUND], call())))
        peer.set_faults([Fault("unknown", after_ms=500), Fault("duplicate")])
        assert said(asyncio.run(hear(provider(peer), [SOUND], call()))) == whole


def test_it_connects_with_the_first_audio_and_keeps_the_connection_alive():
    async def run(peer):
        maker = provider(peer, keepalive_seconds=0.1)
        await maker.start()
        session = await maker.open(call(2))
        await session.skip(0, 30_000)  # an IVR: nothing is paid for it
        assert not peer.seen
        sound = tones((200, 500), length_ms=700)
        for at in range(0, 700, 100):
            await session.feed([sound[at * 16 : at * 16 + 1600]] * 2, 30_000 + at)
        await session.skip(30_700, 90_000)
        await asyncio.sleep(2.6)  # beyond the peer's patience
        await session.feed([silence(100)] * 2, 90_000)
        events = await rest(session)
        await maker.close()
        return events

    with DeepgramPeer(idle_seconds=2.0) as peer:
        events = asyncio.run(run(peer))
        seen = peer.seen[0]
    assert events[:2] == [Progress(0, 30_000), Progress(1, 30_000)]
    assert [(start, end) for _, start, end, _ in said(events)] == [(30_200, 30_500)] * 2
    assert upto(events, 0) == upto(events, 1) == 90_100
    assert seen.messages.count('{"type": "KeepAlive"}') >= 5
    assert "EMPTY" not in seen.messages
    assert seen.closed in ("1000", "client 1000")


def test_without_keepalive_the_peer_closes_as_deepgram_does():
    async def run(peer):
        maker = provider(peer, keepalive_seconds=5)
        await maker.start()
        session = await maker.open(call())
        await feed(session, [silence(200)])
        with pytest.raises(SpeechError, match=r"1011.*net0001") as caught:
            async for _ in session:
                pass
        assert caught.value.retryable
        await maker.close()

    with DeepgramPeer(idle_seconds=0.4) as peer:
        asyncio.run(run(peer))


@pytest.mark.parametrize("tail_ms", [50, 1500])
def test_a_skip_whose_finalize_goes_unanswered(tail_ms):
    sound = tones((200, 500), length_ms=500 + tail_ms)

    async def run(peer):
        maker = provider(peer, settle_seconds=0.4)
        await maker.start()
        session = await maker.open(call())
        await feed(session, [sound])
        await session.skip(500 + tail_ms, 60_000)
        events = []
        async with asyncio.timeout(30):
            async for heard in session:
                events.append(heard)
                if upto(events) >= 60_000:
                    break
        await maker.close()
        return events

    with DeepgramPeer(faults=[Fault("no_finalize")]) as peer:
        events = asyncio.run(run(peer))
    assert [(start, end) for _, start, end, _ in said(events)] == [(200, 500)]


def test_a_close_that_never_comes_ends_by_its_deadline():
    async def run(peer):
        maker = provider(peer, finish_seconds=0.4)
        await maker.start()
        session = await maker.open(call())
        await feed(session, [SOUND])
        with pytest.raises(SpeechError, match="did not say the rest") as caught:
            await rest(session)
        assert caught.value.retryable
        await maker.close()

    with DeepgramPeer(faults=[Fault("hang_up")]) as peer:
        asyncio.run(run(peer))


def test_audio_goes_out_at_the_pace_that_deepgram_takes_in():
    async def run(peer):
        maker = provider(peer, max_rate=10)
        assert maker.max_rate == 10
        await maker.start()
        session = await maker.open(call())
        began = time.monotonic()
        await feed(session, [silence(15_000)])
        fed = time.monotonic() - began
        await rest(session)
        await maker.close()
        return fed, time.monotonic() - began

    with DeepgramPeer() as peer:
        fed, done = asyncio.run(run(peer))
    assert fed > 0.1  # 10 s may wait in the queue, then feeding waits
    assert 1.2 < done < 12  # 15 s, less a burst of 2 s, ten times faster; 13 s as it was spoken


def test_aborting_is_at_once_even_before_a_deaf_server():
    async def run(peer):
        maker = provider(peer, stall_seconds=30)
        await maker.start()
        session = await maker.open(call())
        await feed(session, [SOUND])
        await asyncio.sleep(0.1)
        began = time.monotonic()
        await session.abort()
        assert [heard async for heard in session] == []
        await maker.close()
        # Closing gives up waiting after 3 s and would leave the session to itself; the SDK's own way takes up to 20 s.
        assert session._task.done()
        assert time.monotonic() - began < 10

    with DeepgramPeer(faults=[Fault("deaf", after_ms=100)]) as peer:
        asyncio.run(run(peer))


@pytest.mark.parametrize(
    "options",
    [
        {"api_key": ""},
        {"api_key": "with space"},
        {"base_url": "ftp://host"},
        {"base_url": "https://user:pw@host"},
        {"base_url": "https://host?x=1"},
        {"model": ""},
        {"utterance_end_ms": 500},
        {"endpointing_ms": 5},
        {"max_rate": 0.5},
        {"keepalive_seconds": 10},
        {"stall_seconds": 0},
        {"extra": {"Callback": "https://elsewhere.example"}},
    ],
)
def test_options_that_cannot_be(options):
    with pytest.raises(ValueError) as caught:
        providers.create("deepgram", **{"api_key": KEY, **options})
    assert KEY not in str(caught.value)
    assert "with space" not in str(caught.value)


def test_the_key_is_in_no_repr():
    for name in ("deepgram", "deepgram_batch"):
        maker = providers.create(name, api_key=KEY)
        assert KEY not in f"{maker!r} {maker._options!r}"


@pytest.mark.parametrize(
    ("base_url", "hosts"),
    [
        ("", ("https://api.deepgram.com", "wss://api.deepgram.com")),
        ("wss://asr.example:8443/v1/listen", ("https://asr.example:8443", "wss://asr.example:8443")),
        ("http://asr/deepgram/", ("http://asr/deepgram", "ws://asr/deepgram")),
    ],
)
def test_one_address_gives_both_hosts(base_url, hosts):
    maker = providers.create("deepgram", api_key=KEY, base_url=base_url)

    async def environment():
        await maker.start()
        found = maker._client._client_wrapper.get_environment()
        await maker.close()
        return found.base, found.production

    assert asyncio.run(environment()) == hosts


def test_what_cannot_be_fed():
    async def run(peer):
        maker = provider(peer)
        await maker.start()
        with pytest.raises(SpeechError, match="channels"):
            await maker.open(call(21))
        session = await maker.open(call(2))
        for sides in ([b"\0\0"], [b"\0\0", b"\0\0\0\0"], [b"\0", b"\0"]):
            with pytest.raises(ValueError):
                await session.feed(sides, 0)
        await session.feed([b"", b""], 0)
        assert await rest(session) == []
        with pytest.raises(RuntimeError):
            await session.feed([b"\0\0", b"\0\0"], 0)
        await maker.close()

    with DeepgramPeer() as peer:
        asyncio.run(run(peer))
        assert not peer.seen
