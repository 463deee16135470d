"""Whisper in process, with a model of ours in place of faster-whisper's: its call signature, its lazy segments."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from engines.speech.faults import Fault, ProviderError
from engines.speech.providers import create
from engines.speech.types import CallToHear, Heard, Hypothesis, Progress
from engines.speech.whisper import AHEAD, WhisperProvider, WhisperSession
from tests.peers.toned import recognise, speak

RATE = 8000
AGENT = [("hello", 1.0, 1.4), ("please", 1.5, 1.9), ("thanks", 6.0, 6.5)]
CUSTOMER = [
    ("my", 3.0, 3.2),
    ("bill", 3.3, 3.6),
    ("is", 3.7, 3.85),
    ("wrong", 3.95, 4.4),
    ("cancel", 8.2, 8.6),
]
SOUND = [speak(AGENT, seconds=10), speak(CUSTOMER, seconds=10)]


@dataclass
class Word:
    """As `faster_whisper.transcribe.Word` of 1.2: the text begins with its space."""

    start: float
    end: float
    word: str
    probability: float


@dataclass
class Segment:
    id: int
    seek: int
    start: float
    end: float
    text: str
    tokens: list[int]
    avg_logprob: float
    compression_ratio: float
    no_speech_prob: float
    words: list[Word] | None
    temperature: float | None


@dataclass
class Info:
    language: str
    language_probability: float
    duration: float


@dataclass
class TonedModel:
    """Has the signature of `WhisperModel.transcribe` as far as it is used, refuses everything else, hears tones."""

    detected: tuple[str, float] = ("en", 0.9)
    made_up: bool = False
    fails: bool = False
    asked: list[dict[str, Any]] = field(default_factory=list)
    threads: set[str] = field(default_factory=set)
    hold: threading.Event | None = None

    @property
    def supported_languages(self) -> list[str]:
        return ["en", "de"]

    def transcribe(
        self,
        audio: np.ndarray,
        language: str | None = None,
        *,
        beam_size: int = 5,
        condition_on_previous_text: bool = True,
        word_timestamps: bool = False,
        vad_filter: bool = False,
        hotwords: str | None = None,
    ) -> tuple[Iterator[Segment], Info]:
        assert audio.dtype == np.float32 and audio.ndim == 1 and np.abs(audio).max() <= 1.0
        assert word_timestamps and not condition_on_previous_text
        self.asked.append({"language": language, "beam_size": beam_size, "hotwords": hotwords})
        tongue, probability = (language, 1.0) if language else self.detected
        return self._segments(audio), Info(tongue, probability, len(audio) / 16000)

    def _segments(self, audio: np.ndarray) -> Iterator[Segment]:
        self.threads.add(threading.current_thread().name.rpartition("_")[0])
        if self.hold is not None:
            self.hold.wait(60)
        if self.fails:
            raise RuntimeError("CUDA failed while hearing hello")
        heard = recognise((audio * 32768).astype("<i2").tobytes(), 16000)
        words = [Word(start, end, f" {word}", 0.8) for word, start, end in heard]
        quality = (0.9, -1.5) if self.made_up else (0.01, -0.2)
        text = "".join(word.word for word in words)
        yield Segment(1, 0, 0.0, len(audio) / 16000, text, [1], quality[1], 1.1, quality[0], words, 0.0)


async def play(session: Any, sides: list[bytes], *, start_ms: int = 0) -> list[Heard]:
    for at in range(0, len(sides[0]), 1600):
        await session.feed([side[at : at + 1600] for side in sides], start_ms + at // 16)
    await session.finish()
    return [heard async for heard in session]


def hear(model: TonedModel, *, call: CallToHear | None = None, **options: Any) -> list[Heard]:
    async def run() -> list[Heard]:
        provider = WhisperProvider("tiny", load=lambda: model, **options)
        await provider.start()
        try:
            session = await provider.open(
                call or CallToHear("c", 2, RATE, "en-GB", (0, 0), ("Cresta", "tariff"))
            )
            async with asyncio.timeout(60):
                return await play(session, SOUND)
        finally:
            await provider.close()

    return asyncio.run(run())


def finals(events: list[Heard], channel: int) -> list[Hypothesis]:
    return [one for one in events if isinstance(one, Hypothesis) and one.final and one.channel == channel]


def test_words_times_and_progress() -> None:
    model = TonedModel()
    events = hear(model)
    for channel, said in ((0, AGENT), (1, CUSTOMER)):
        words = [word for one in finals(events, channel) for word in one.words]
        assert [word.text.reveal() for word in words] == [word for word, _, _ in said]
        for word, (_, start, end) in zip(words, said, strict=True):
            assert abs(word.start_ms - start * 1000) <= 30 and abs(word.end_ms - end * 1000) <= 30
            assert word.confidence == 0.8
        told = [one.upto_ms for one in events if isinstance(one, Progress) and one.channel == channel]
        assert told == sorted(set(told)) and told[-1] == 10_000
        # Nothing is said of what has been passed.
        passed = 0
        for one in events:
            if isinstance(one, Progress) and one.channel == channel:
                passed = one.upto_ms
            elif isinstance(one, Hypothesis) and one.channel == channel:
                assert one.start_ms >= passed
    first = finals(events, 1)[0]
    assert (first.text.reveal(), first.provider, first.language) == ("my bill is wrong", "whisper", "en")
    assert first.confidence == 0.8187
    assert model.threads == {"whisper"}
    assert model.asked[0] == {"language": "en", "beam_size": 1, "hotwords": "Cresta, tariff"}


def test_the_language_is_found_out_once_and_kept() -> None:
    model = TonedModel(detected=("de", 0.95))
    events = hear(model, call=CallToHear("c", 2, RATE, "", (0, 0)))
    assert [one["language"] for one in model.asked] == [None, "de", "de", "de"]
    assert {one.language for one in finals(events, 0)} == {"de"}
    unsure = TonedModel(detected=("de", 0.4))
    hear(unsure, call=CallToHear("c", 2, RATE, "", (0, 0)))
    assert {one["language"] for one in unsure.asked} == {None}
    assert unsure.asked[0]["hotwords"] is None


def test_what_was_heard_before_is_not_said_again() -> None:
    events = hear(TonedModel(), call=CallToHear("c", 2, RATE, "en", (5_000, 7_000)))
    assert [one.text.reveal() for channel in (0, 1) for one in finals(events, channel)] == [
        "thanks",
        "cancel",
    ]


def test_a_skipped_stretch_is_not_decoded() -> None:
    model = TonedModel()

    async def run() -> list[Heard]:
        provider = WhisperProvider("tiny", load=lambda: model)
        await provider.start()
        session = await provider.open(CallToHear("c", 2, RATE, "en", (0, 0)))
        for at in range(0, 16 * 2500, 1600):
            await session.feed([side[at : at + 1600] for side in SOUND], at // 16)
        await session.skip(2500, 5000)
        events = await play(session, [side[16 * 5000 :] for side in SOUND], start_ms=5000)
        await provider.close()
        return events

    events = asyncio.run(run())
    assert [one.text.reveal() for one in finals(events, 0)] == ["hello please", "thanks"]
    assert [one.text.reveal() for one in finals(events, 1)] == ["cancel"]
    assert Progress(1, 5000) in events


def test_what_was_made_up_in_silence_is_not_said() -> None:
    events = hear(TonedModel(made_up=True))
    assert not finals(events, 0) and not finals(events, 1)
    assert events[-1] == Progress(1, 10_000)


def test_partials_are_ended_by_their_finals() -> None:
    async def run() -> list[Heard]:
        provider = WhisperProvider("tiny", load=TonedModel, partials_ms=400)
        await provider.start()
        session = await provider.open(CallToHear("c", 1, RATE, "en", (0,)))
        events: list[Heard] = []

        async def listen() -> None:
            events.extend([heard async for heard in session])

        listener = asyncio.create_task(listen())
        for at in range(0, len(SOUND[1]), 1600):
            await session.feed([SOUND[1][at : at + 1600]], at // 16)
            await asyncio.sleep(0.005)
        await session.finish()
        await listener
        await provider.close()
        return events

    events = [one for one in asyncio.run(run()) if isinstance(one, Hypothesis)]
    partials = [one.text.reveal() for one in events if not one.final]
    assert partials and set(partials) <= {"my", "my bill", "my bill is", "my bill is wrong", "cancel"}
    assert [one.text.reveal() for one in events if one.final] == ["my bill is wrong", "cancel"]
    assert events[-1].final


def test_feeding_waits_while_the_decoder_is_behind() -> None:
    model = TonedModel(hold=threading.Event())

    async def run() -> int:
        provider = WhisperProvider("tiny", load=lambda: model)
        await provider.start()
        session = await provider.open(CallToHear("c", 1, RATE, "en", (0,)))
        sound = speak([("hello", at + 0.2, at + 0.6) for at in range(0, 40, 2)], seconds=40)
        fed = 0
        try:
            for at in range(0, len(sound), 1600):
                async with asyncio.timeout(0.3):
                    await session.feed([sound[at : at + 1600]], at // 16)
                fed = at // 16
        except TimeoutError:
            pass
        assert model.hold is not None
        model.hold.set()
        await session.abort()
        await provider.close()
        return fed

    assert AHEAD * 2000 <= asyncio.run(run()) <= (AHEAD + 2) * 2000


def test_a_model_that_fails_says_so_without_the_words() -> None:
    with pytest.raises(ProviderError) as failed:
        hear(TonedModel(fails=True))
    assert failed.value.retryable and failed.value.fault is Fault.BROKEN
    assert "hello" not in str(failed.value)


def test_a_bug_while_hearing_reaches_who_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    def buggy(*args: Any) -> None:
        raise KeyError("a bug")

    monkeypatch.setattr(WhisperSession, "_say", buggy)
    with pytest.raises(KeyError):
        hear(TonedModel())


def test_a_language_that_the_model_has_not() -> None:
    with pytest.raises(ProviderError) as failed:
        hear(TonedModel(), call=CallToHear("c", 1, RATE, "fi", (0,)))
    assert not failed.value.retryable and failed.value.fault is Fault.UNSUPPORTED


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "faster_whisper", None)
    with pytest.raises(ProviderError, match="pip install -r requirements-whisper") as failed:
        asyncio.run(create("whisper").start())
    assert not failed.value.retryable and failed.value.fault is Fault.MISSING


def test_the_model_is_made_as_asked_and_never_fetched_unasked(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[tuple[str, dict[str, Any]]] = []

    def model(name: str, **settings: Any) -> TonedModel:
        made.append((name, settings))
        if name == "absent":
            raise OSError("no such folder /models/absent")
        return TonedModel()

    package = ModuleType("faster_whisper")
    package.WhisperModel = model  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "faster_whisper", package)

    async def run(name: str) -> None:
        provider = create("whisper", model=name, threads=3, workers=2)
        await provider.start()
        await provider.close()

    asyncio.run(run("/models/small"))
    assert made[0][0] == "/models/small"
    assert made[0][1] == {
        "device": "cpu",
        "compute_type": "int8",
        "cpu_threads": 3,
        "num_workers": 2,
        "local_files_only": True,
    }
    with pytest.raises(ProviderError, match="cannot be loaded") as failed:
        asyncio.run(run("absent"))
    assert failed.value.fault is Fault.MISSING


@pytest.mark.parametrize("options", [{"model": ""}, {"threads": 0}, {"workers": 0}, {"partials_ms": -1}])
def test_options_that_make_no_sense(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        create("whisper", **options)
