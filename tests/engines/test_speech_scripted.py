"""The scripted peer keeps the contract and depends on nothing but the length of the sound."""

from __future__ import annotations

import asyncio
import json

import pytest

from engines.speech import providers
from engines.speech.scripted import ScriptedProvider
from engines.speech.types import Heard, Hypothesis, Progress, SpeechError

SCRIPT = [
    {"channel": 0, "start_ms": 1000, "end_ms": 2000, "text": "good morning"},
    {"channel": 1, "start_ms": 2500, "end_ms": 3500, "text": "I want to cancel"},
    {
        "channel": 0,
        "start_ms": 4000,
        "end_ms": 5000,
        "text": "sorry",
        "words": [{"text": "sorry", "start_ms": 4100, "end_ms": 4800, "confidence": 0.5}],
    },
]


async def hear(provider, *, channel=0, start_ms=0, upto_ms=6000, step_ms=100, call_id="c") -> list[Heard]:
    session = await provider.open(
        channel=channel, sample_rate=8000, language="en", start_ms=start_ms, call_id=call_id
    )
    for at in range(start_ms, upto_ms, step_ms):
        await session.feed(bytes(min(step_ms, upto_ms - at) * 16), at)
    await session.finish()
    return [event async for event in session]


def said(events: list[Heard]) -> list[tuple[bool, str]]:
    return [(event.final, event.text.reveal()) for event in events if isinstance(event, Hypothesis)]


def test_partials_grow_then_the_final_then_its_progress():
    events = asyncio.run(hear(ScriptedProvider(SCRIPT)))
    assert said(events) == [
        (False, "good"),
        (False, "good morning"),
        (True, "good morning"),
        (False, "sorry"),
        (True, "sorry"),
    ]
    final = next(i for i, event in enumerate(events) if isinstance(event, Hypothesis) and event.final)
    assert events[final].start_ms == 1000
    assert [(w.start_ms, w.end_ms) for w in events[final].words] == [(1000, 1500), (1500, 2000)]
    assert events[final + 1] == Progress(0, 2000)
    assert events[-1] == Progress(0, 6000)
    steps = [event.upto_ms for event in events if isinstance(event, Progress)]
    assert steps == sorted(set(steps))


def test_final_comes_200_ms_after_its_end_and_within_feed():
    async def run() -> None:
        session = await ScriptedProvider(SCRIPT).open(
            channel=0, sample_rate=8000, language="en", start_ms=0, call_id="c"
        )
        await session.feed(bytes(2199 * 16), 0)
        before = session._events.qsize()
        await session.feed(bytes(16), 2199)
        assert session._events.qsize() == before + 2  # the final and its progress
        await session.abort()
        assert [event async for event in session] == []

    asyncio.run(run())


@pytest.mark.parametrize("step_ms", [20, 250, 6000])
def test_independent_of_pieces(step_ms):
    assert asyncio.run(hear(ScriptedProvider(SCRIPT), step_ms=step_ms)) == asyncio.run(
        hear(ScriptedProvider(SCRIPT))
    )


def test_restart_and_channels():
    provider = ScriptedProvider(SCRIPT)
    assert said(asyncio.run(hear(provider, start_ms=2000))) == [(False, "sorry"), (True, "sorry")]
    assert said(asyncio.run(hear(provider, start_ms=1001, upto_ms=3000))) == []
    assert said(asyncio.run(hear(provider, channel=1)))[-1] == (True, "I want to cancel")


def test_cut_short_says_what_was_spoken():
    events = asyncio.run(hear(ScriptedProvider(SCRIPT), upto_ms=1600))
    assert said(events)[-1] == (True, "good")
    assert events[-1] == Progress(0, 1600)


def test_file_by_call(tmp_path):
    path = tmp_path / "script.json"
    path.write_text(json.dumps({"one": SCRIPT, "two": []}))
    provider = ScriptedProvider.from_file(path)
    assert said(asyncio.run(hear(provider, call_id="one")))
    assert said(asyncio.run(hear(provider, call_id="two"))) == []
    with pytest.raises(SpeechError) as raised:
        asyncio.run(hear(provider, call_id="three"))
    assert not raised.value.retryable


@pytest.mark.parametrize(
    "line",
    [{"channel": 0}, {"channel": 0, "start_ms": 5, "end_ms": 5, "text": "x"}, {**SCRIPT[0], "text": " "}],
)
def test_bad_scripts(line):
    with pytest.raises(ValueError, match="utterance 0"):
        ScriptedProvider([line])


def test_create():
    assert providers.create("engines.speech.scripted:ScriptedProvider", script=[]).name == "scripted"
    assert providers.create("pocketsphinx", processes=2).name == "pocketsphinx"
    for name in ("nobody", "engines.nothing:X", "engines.speech.scripted:Nothing"):
        with pytest.raises(ValueError, match=r"speech provider"):
            providers.create(name)
