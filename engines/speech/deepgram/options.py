"""What can be set about Deepgram, and the query parameters that say it."""

from __future__ import annotations

import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpx
from deepgram import AsyncDeepgramClient
from deepgram.environment import DeepgramClientEnvironment

from engines.pinned import Judge, JudgedTransport1
from engines.speech.types import CallToHear

KEYTERM_TOKENS = 500
"""Deepgram refuses a request with more tokens of keyterms."""

MOST_CHANNELS = 20

# Query parameters by which answers go to another address.
_ELSEWHERE = frozenset({"callback", "callback_method"})
_NO_KEY = "none"  # a self-hosted Deepgram may ask for none, the SDK insists on one


@dataclass(frozen=True)
class Account:
    """Which Deepgram, and what is asked of it whatever the way. Raises `ValueError`.

    `base_url` of a self-hosted one begins with http(s):// or ws(s)://; "" is the hosted one. `extra` are further
    query parameters, by name, but none that would send what is heard elsewhere. `mip_opt_out` keeps the audio out
    of Deepgram's model improvement programme. `judge` says where `base_url` may be reached, each time anew.
    """

    api_key: str = field(default="", repr=False)
    base_url: str = ""
    model: str = "nova-3"
    smart_format: bool = True
    mip_opt_out: bool = True
    redact: Sequence[str] = ()
    extra: Mapping[str, str | Sequence[str]] = field(default_factory=dict)
    connect_seconds: float = 5.0
    judge: Judge | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if not self.api_key and not self.base_url:
            raise ValueError("Deepgram needs an api_key")
        if any(not 32 < ord(letter) < 127 for letter in self.api_key):
            # It becomes a header; the message must not show it.
            raise ValueError("the api_key holds characters that no key has")
        if not self.model:
            raise ValueError("Deepgram needs a model")
        if _ELSEWHERE & {name.strip().lower() for name in self.extra}:
            raise ValueError("extra may not name a callback: it would send what is heard elsewhere")
        if self.connect_seconds <= 0:
            raise ValueError("connect_seconds must be above 0")
        _hosts(self.base_url)

    def client(self, seconds: float) -> tuple[AsyncDeepgramClient, httpx.AsyncClient]:
        """Make the SDK's client and the HTTP client beneath it, to be closed. `seconds` bounds a request."""
        timeout = httpx.Timeout(seconds, connect=self.connect_seconds)
        # Redirects would carry the key elsewhere.
        if self.base_url and self.judge is not None:
            transport = JudgedTransport1(self.judge, verify=ssl.create_default_context())
            http = httpx.AsyncClient(
                timeout=timeout, follow_redirects=False, trust_env=False, transport=transport
            )
        else:
            http = httpx.AsyncClient(timeout=timeout, follow_redirects=False)
        rest, socket = _hosts(self.base_url)
        environment = DeepgramClientEnvironment(base=rest, production=socket, agent=socket, agent_rest=rest)
        client = AsyncDeepgramClient(
            api_key=self.api_key or _NO_KEY, environment=environment, httpx_client=http, max_retries=0
        )
        return client, http

    def common_query(self, call: CallToHear) -> dict[str, Any]:
        """Return what both ways of transcribing are asked. Raises `ValueError` for too many channels."""
        if not 1 <= call.channels <= MOST_CHANNELS:
            raise ValueError(f"Deepgram hears 1 to {MOST_CHANNELS} channels, not {call.channels}")
        query: dict[str, Any] = {
            "model": self.model,
            "smart_format": self.smart_format,
            "punctuate": True,
            "mip_opt_out": self.mip_opt_out,
        }
        if call.channels > 1:
            query["multichannel"] = True
        if self.redact:
            query["redact"] = list(self.redact)
        query.update(self._keyterms(call.keyterms))
        return query

    def _keyterms(self, keyterms: Sequence[str]) -> dict[str, list[str]]:
        if self.model.startswith("nova-3"):
            return {"keyterm": terms} if (terms := within_tokens(keyterms)) else {}
        if self.model.startswith("whisper"):
            return {}  # knows neither parameter
        # What follows a colon would be read as a weight.
        words = within_tokens([term.replace(":", " ") for term in keyterms])
        return {"keywords": words} if words else {}


@dataclass(frozen=True)
class Streaming(Account):
    """How a call is heard while it lasts. Milliseconds and seconds as named. Raises `ValueError`.

    `max_rate`: audio is sent at most so much faster than it was spoken, after a burst (Deepgram takes in about 1.25);
    0 sends as fast as it comes. `stall_seconds`: sound unanswered for so long is an error; `behind_seconds`:
    so are answers that come further behind the sound. `longest_ms`: speech without an end is cut at a gap then.
    """

    endpointing_ms: int = 300
    utterance_end_ms: int = 1000
    max_rate: float = 1.25
    stall_seconds: float = 10.0
    behind_seconds: float = 30.0
    settle_seconds: float = 5.0
    finish_seconds: float = 10.0
    keepalive_seconds: float = 4.0
    longest_ms: int = 30_000

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 10 <= self.endpointing_ms <= 5000:
            raise ValueError("endpointing_ms must lie in 10..5000")
        if not 1000 <= self.utterance_end_ms <= 5000:
            raise ValueError("utterance_end_ms must lie in 1000..5000")
        if self.max_rate and self.max_rate < 1:
            raise ValueError("max_rate below 1 would never keep up with a call; 0 sets no limit")
        if not 0 < self.keepalive_seconds <= 8:
            raise ValueError("keepalive_seconds must lie in 0..8: Deepgram closes after 10 s of nothing")
        for name in ("stall_seconds", "behind_seconds", "settle_seconds", "finish_seconds", "longest_ms"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be above 0")

    def query(self, call: CallToHear) -> dict[str, Any]:
        """Return the parameters of the SDK's `connect`."""
        query = self.common_query(call)
        query.update(
            encoding="linear16",
            sample_rate=call.sample_rate,
            channels=call.channels,
            interim_results=True,
            endpointing=self.endpointing_ms,
            utterance_end_ms=self.utterance_end_ms,
        )
        language = call.language or self._any_language()
        if language:
            query["language"] = language
        if self.extra:
            query["request_options"] = {"additional_query_parameters": dict(self.extra)}
        return query

    def _any_language(self) -> str:
        # A stream's language is never detected as a whole; these models hear several at once.
        return "multi" if self.model.startswith(("nova-2", "nova-3")) else ""


@dataclass(frozen=True)
class Recorded(Account):
    """How a recording is transcribed. `attempts` in all, with back-off from `backoff_seconds`, doubled each time.

    Recordings go in pieces of `piece_seconds` at most, cut at a pause after four fifths of that, if there is one.
    """

    request_seconds: float = 300.0
    attempts: int = 4
    backoff_seconds: float = 1.0
    piece_seconds: int = 900

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.request_seconds <= 0 or self.backoff_seconds <= 0 or self.attempts < 1:
            raise ValueError("request_seconds, backoff_seconds and attempts must be above 0")
        if not 1 <= self.piece_seconds <= 3600:
            raise ValueError("piece_seconds must lie in 1..3600")

    def query(self, call: CallToHear) -> dict[str, Any]:
        """Return the parameters of the SDK's `transcribe_file`."""
        query = self.common_query(call)
        query["utterances"] = True
        if call.language:
            query["language"] = call.language
        else:
            query["detect_language"] = True
        if call.diarise and call.channels == 1:
            query["diarize_model"] = "latest"
        return query


def within_tokens(keyterms: Sequence[str], limit: int = KEYTERM_TOKENS) -> list[str]:
    """Return the first keyterms, each once, whose tokens stay within the limit.

    Deepgram does not publish its tokeniser; a token per three letters of each word is on the safe side of what
    such tokenisers make of English.
    """
    kept: dict[str, None] = {}
    tokens = 0
    for keyterm in keyterms:
        words = keyterm.split()
        tokens += sum(-(-len(word) // 3) for word in words)
        if tokens > limit:
            break
        if words:
            kept[" ".join(words)] = None
    return list(kept)


def _hosts(base_url: str) -> tuple[str, str]:
    """Return the base of HTTP requests and of WebSockets. Raises `ValueError`."""
    if not base_url:
        return DeepgramClientEnvironment.PRODUCTION.base, DeepgramClientEnvironment.PRODUCTION.production
    url = urlsplit(base_url)
    secure = {"http": False, "ws": False, "https": True, "wss": True}.get(url.scheme)
    if secure is None or not url.hostname or url.query or url.fragment or url.username or url.password:
        raise ValueError("base_url must be http(s):// or ws(s):// with a host, and no more than a path")
    path = url.path.rstrip("/").removesuffix("/listen").removesuffix("/v1")
    rest = f"{url.netloc}{path}"
    return (f"https://{rest}", f"wss://{rest}") if secure else (f"http://{rest}", f"ws://{rest}")
