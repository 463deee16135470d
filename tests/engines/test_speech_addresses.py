"""Speech providers at companies' own addresses: connected to where they were judged to be, and nowhere else."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from engines.speech import providers
from engines.speech.faults import ProviderError
from engines.speech.types import CallToHear, Heard, Hypothesis
from tests.engines.deepgram_calls import KEY, call, hear, provider, tones
from tests.peers.deepgram import DeepgramPeer
from tests.peers.openai_audio import transcription_server
from tests.peers.toned import speak

SOUND = tones((300, 600), length_ms=1000)
HERE: tuple[str, ...] = ("127.0.0.1",)


def forbidden() -> tuple[str, ...]:
    raise ValueError("a network of ours")


def named(url: str) -> str:
    """The address by a name that leads nowhere outside of this test."""
    return url.replace("127.0.0.1", "speech.invalid").replace("localhost", "speech.invalid")


def heard(events: list[Heard]) -> int:
    return sum(isinstance(each, Hypothesis) and each.final for each in events)


def ask_openai(url: str, judge: Callable[[], tuple[str, ...]]) -> list[Heard]:
    made = providers.create("openai_audio", base_url=url, api_key="sk-1", retries=0, judge=judge)
    return asyncio.run(
        hear(made, [speak([("hello", 0.2, 0.6)], seconds=1)], CallToHear("c", 1, 8000, "en", (0,)))
    )


def test_a_transcription_server_is_asked_where_it_was_judged_to_be() -> None:
    with transcription_server() as server:
        assert named(server.url) != server.url
        assert heard(ask_openai(named(server.url), lambda: HERE)) == 1
        asked = len(server.requests)
        for judge in (forbidden, tuple):
            with pytest.raises(ProviderError, match="no connection"):
                ask_openai(server.url, judge)
        assert len(server.requests) == asked


def test_deepgram_s_recordings_go_where_it_was_judged_to_be() -> None:
    with DeepgramPeer(key=KEY) as peer:
        batch: Any = {"attempts": 1, "name": "deepgram_batch"}
        events = asyncio.run(
            hear(provider(peer, base_url=named(peer.url), judge=lambda: HERE, **batch), [SOUND], call())
        )
        assert heard(events) == 1
        asked = len(peer.seen)
        with pytest.raises(ProviderError):
            asyncio.run(hear(provider(peer, judge=forbidden, **batch), [SOUND], call()))
        assert len(peer.seen) == asked


def test_deepgram_s_stream_gets_no_sound_where_it_was_not_judged_to_be() -> None:
    with DeepgramPeer(key=KEY) as peer:
        assert heard(asyncio.run(hear(provider(peer, judge=lambda: HERE), [SOUND], call()))) == 1
        asked = len(peer.seen)
        with pytest.raises(ProviderError):
            asyncio.run(hear(provider(peer, judge=forbidden), [SOUND], call()))
        assert len(peer.seen) == asked, "not even asked"
        # The name leads elsewhere a moment later: connected, and closed before a sound goes out.
        with pytest.raises(ProviderError):
            asyncio.run(hear(provider(peer, judge=lambda: ("203.0.113.7",)), [SOUND], call()))
        assert not any(one.audio_bytes for one in peer.seen[asked:])
