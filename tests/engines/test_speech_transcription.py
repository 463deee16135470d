"""Transcription servers: the real SDK against a server of ours; words, times, cuts, faults, no secret in errors."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from engines.speech.faults import Fault, ProviderError
from engines.speech.languages import code_of
from engines.speech.providers import create
from engines.speech.transcription import SPREAD_CONFIDENCE, OpenAITranscriptionProvider, _finals, _Piece
from engines.speech.types import CallToHear, Heard, Hypothesis, Progress, SpeechError
from tests.peers.openai_audio import TranscriptionServer, transcription_server
from tests.peers.toned import speak

RATE = 8000
AGENT = [
    ("hello", 1.0, 1.4),
    ("please", 1.5, 1.9),
    ("thanks", 8.0, 8.5),
    ("hello", 45.0, 45.4),
    ("my", 45.6, 45.8),
]
CUSTOMER = [
    ("my", 3.0, 3.2),
    ("bill", 3.3, 3.6),
    ("is", 3.7, 3.85),
    ("wrong", 3.95, 4.4),
    ("cancel", 46.0, 46.6),
]
SOUND = [speak(AGENT, seconds=50), speak(CUSTOMER, seconds=50)]


def hear(
    server: TranscriptionServer,
    *,
    sides: list[bytes] | None = None,
    start_ms: tuple[int, ...] = (),
    **options: Any,
) -> list[Heard]:
    """A call to its end, asked of the server."""
    language, keyterms = options.pop("language", ""), options.pop("keyterms", ())
    sides = sides or SOUND

    async def run() -> list[Heard]:
        provider = OpenAITranscriptionProvider(base_url=server.url, api_key="sk-secret", **options)
        await provider.start()
        try:
            session = await provider.open(
                CallToHear("c", len(sides), RATE, language, start_ms or (0,) * len(sides), keyterms)
            )
            for at in range(0, len(sides[0]), 1600):
                await session.feed([side[at : at + 1600] for side in sides], at // 16)
            await session.finish()
            return [heard async for heard in session]
        finally:
            await provider.close()

    return asyncio.run(run())


def words(events: list[Heard], channel: int) -> list[tuple[str, int, int]]:
    return [
        (word.text.reveal(), word.start_ms, word.end_ms)
        for event in events
        if isinstance(event, Hypothesis) and event.channel == channel
        for word in event.words
    ]


def near(found: list[tuple[str, int, int]], said: list[tuple[str, float, float]], within_ms: int) -> None:
    assert [word for word, _, _ in found] == [word for word, _, _ in said]
    for (_, start, end), (_, begin, stop) in zip(found, said, strict=True):
        assert abs(start - begin * 1000) <= within_ms and abs(end - stop * 1000) <= within_ms


@pytest.mark.parametrize("kind", ["timed", "words"])
def test_words_and_their_times(kind: str) -> None:
    with transcription_server(kind) as server:
        events = hear(server, keyterms=("Cresta", "tariff"))
    near(words(events, 0), AGENT, 25)
    near(words(events, 1), CUSTOMER, 25)
    finals = [event for event in events if isinstance(event, Hypothesis)]
    assert all(one.final and one.provider == "openai_audio" and one.language == "en" for one in finals)
    assert [one.start_ms for one in finals] == sorted(one.start_ms for one in finals)
    assert [(one.channel, one.upto_ms) for one in events if isinstance(one, Progress)] == [
        (0, 50_000),
        (1, 50_000),
    ]
    # Each channel by itself, and nothing of the long silence.
    assert len(server.requests) == 4
    assert sum(len(one["file"]) for one in server.requests) < len(SOUND[0])
    first = server.requests[0]
    assert first["path"] == "/v1/audio/transcriptions"
    assert first["authorization"] == "Bearer sk-secret"
    assert (first["response_format"], first["timestamp_granularities"]) == (
        "verbose_json",
        ["word", "segment"],
    )
    assert first["prompt"] == "Cresta, tariff" and "language" not in first
    assert first["model"] == "whisper-1"


def test_a_language_that_is_known_is_told() -> None:
    with transcription_server() as server:
        hear(server, language="de-AT")
        assert server.requests[0]["language"] == "de"


def test_segments_without_words_share_their_time() -> None:
    with transcription_server("segments") as server:
        events = hear(server)
    near(words(events, 1), CUSTOMER, 400)
    assert {one.confidence for one in events if isinstance(one, Hypothesis)} == {SPREAD_CONFIDENCE}


@pytest.mark.parametrize(
    ("options", "formats"),
    [
        ({"model": "gpt-4o-transcribe"}, {"json"}),
        ({"model": "local", "response_format": "text"}, {"text"}),
        ({"model": "local"}, {"verbose_json", "json"}),
    ],
)
def test_servers_that_answer_with_text_alone(options: dict[str, str], formats: set[str]) -> None:
    """Pieces are short then, so that words lie where they were said, more or less."""
    with transcription_server("text") as server:
        events = hear(server, **options)
        assert {one["response_format"] for one in server.requests} == formats
    for channel, said in ((0, AGENT), (1, CUSTOMER)):
        assert [word for word, _, _ in words(events, channel)] == [word for word, _, _ in said]
    near(words(events, 0), AGENT, 700)
    near(words(events, 1), CUSTOMER, 700)


def test_a_long_call_is_cut_at_pauses() -> None:
    said = [("hello", at + 0.5, at + 1.1) for at in range(0, 120, 4)]
    with transcription_server() as server:
        events = hear(server, sides=[speak(said, seconds=122)], piece_ms=30_000)
        assert len(server.requests) == 4
    near(words(events, 0), said, 25)


def test_what_was_heard_before_is_not_asked_about() -> None:
    with transcription_server() as server:
        events = hear(server, start_ms=(20_000, 20_000))
        assert len(server.requests) == 2
    near(words(events, 0), AGENT[3:], 25)
    near(words(events, 1), CUSTOMER[4:], 25)


def test_silence_is_not_asked_about() -> None:
    with transcription_server() as server:
        events = hear(server, sides=[speak([], seconds=30)])
        assert not server.requests
    assert events == [Progress(0, 30_000)]


@pytest.mark.parametrize("fault", ["429", "500", "cut"])
def test_what_passes_is_asked_again(fault: str) -> None:
    with transcription_server() as server:
        server.faults = [fault, fault]
        events = hear(server, sides=[SOUND[1][: 16 * 6000]], parallel=1)
        assert len(server.requests) == 3
    near(words(events, 0), CUSTOMER[:4], 25)


@pytest.mark.parametrize(
    ("faults", "options", "fault", "retryable"),
    [
        (["429"] * 3, {}, Fault.BUSY, True),
        (["500"] * 3, {}, Fault.BROKEN, True),
        (["cut"] * 3, {}, Fault.AWAY, True),
        (["slow"], {"timeout_s": 0.1, "retries": 0}, Fault.SLOW, True),
        (["401"], {}, Fault.REFUSED, False),
        (["404"], {}, Fault.REFUSED, False),
        (["400", "400"], {}, Fault.UNSUPPORTED, False),
        (["garbage"], {}, Fault.BROKEN, True),
        (["page"], {}, Fault.BROKEN, True),
        (["odd"], {}, Fault.BROKEN, True),
    ],
)
def test_what_does_not_pass(
    faults: list[str], options: dict[str, Any], fault: Fault, retryable: bool
) -> None:
    with transcription_server() as server:
        server.faults = list(faults)
        with pytest.raises(SpeechError) as failed:
            hear(server, sides=[SOUND[1][: 16 * 6000]], **options)
    error = failed.value
    assert isinstance(error, ProviderError)
    assert (error.fault, error.retryable) == (fault, retryable)
    # Neither the key nor what was said, in the message or in what goes with it.
    told = f"{error!r} {error} {error.__cause__!r}"
    assert "secret" not in told and "hello" not in told and "bill" not in told


def test_nobody_there() -> None:
    with transcription_server() as server:
        pass
    with pytest.raises(ProviderError) as failed:
        hear(server, sides=[SOUND[1][: 16 * 6000]], retries=0)
    assert failed.value.fault is Fault.AWAY


def test_a_session_that_is_dropped_asks_nothing() -> None:
    async def run(server: TranscriptionServer) -> list[Heard]:
        provider = OpenAITranscriptionProvider(base_url=server.url)
        await provider.start()
        session = await provider.open(CallToHear("c", 1, RATE, "", (0,)))
        await session.feed([SOUND[0]], 0)
        await session.abort()
        events = [heard async for heard in session]
        with pytest.raises(RuntimeError):
            await session.feed([SOUND[0]], 50_000)
        await provider.close()
        return events

    with transcription_server() as server:
        assert asyncio.run(run(server)) == []
        assert not server.requests


@pytest.mark.parametrize(
    "options",
    [{"response_format": "srt"}, {"model": ""}, {"timeout_s": 0}, {"piece_ms": 700_000}, {"parallel": 0}],
)
def test_options_that_make_no_sense(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        create("openai_audio", **options)


def test_names_of_languages() -> None:
    assert [code_of(name) for name in ("english", "German", "pt-BR", "EN", "no such language", "")] == [
        *("en", "de", "pt", "en"),
        *("", ""),
    ]


def test_what_no_database_keeps_is_in_no_word() -> None:
    piece = _Piece(0, 0, 4_000, ())
    timed = SimpleNamespace(word="nu\x00ll", start=0.0, end=1.0)
    for answer in ("half \ud800", SimpleNamespace(text="half \ud800", language="en")):
        [final] = _finals(answer, piece, "en")
        assert final.text.reveal() == "half \ufffd"
    segment = SimpleNamespace(text="nu\x00ll", start=0.0, end=1.0)
    with_words = SimpleNamespace(text="nu\x00ll", language="en", words=[timed], segments=[segment])
    assert words(list(_finals(with_words, piece, "en")), 0) == [("nu\ufffdll", 0, 1_000)]
