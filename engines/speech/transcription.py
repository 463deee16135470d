"""Speech to text by a server that speaks OpenAI's transcription API (`/v1/audio/transcriptions`), for uploads.

A session collects a call and asks when it is over: each channel by itself, cut at its pauses into pieces of FLAC that
a request may hold. Servers that give words with times (`verbose_json`: whisper-1, faster-whisper servers, vLLM) get
long pieces. Of those that answer with text alone (the gpt-4o-transcribe kind) each stretch of speech is asked for by
itself, and its words share its time, at a confidence that says so.
"""

from __future__ import annotations

import asyncio
import json
import math
import ssl
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import openai

from engines.pinned import Judge, JudgedTransport
from engines.redaction.text import RawText, storable
from engines.speech.audio import sound_from, write_audio
from engines.speech.endpoints import Endpointer, Stretch
from engines.speech.faults import Fault, ProviderError
from engines.speech.languages import code_of
from engines.speech.types import CallToHear, Heard, HeardWord, Hypothesis, Progress

NAME = "openai_audio"

FORMATS = ("auto", "verbose_json", "json", "text")
MOST_BYTES = 24 * 1024 * 1024
"""What a request may hold: hosted servers refuse 25 MB. Raw PCM16 is counted, of which FLAC is a part."""

MOST_MS = 600_000
APART_MS = 20_000
"""A pause as long as this ends a piece: silence is neither sent nor paid for, and no words are made up in it."""

MERGED_MS = 15_000
"""Of servers without times, stretches that lie close together are asked for as one up to this length."""

CLOSE_MS = 700
SPREAD_CONFIDENCE = 0.4
"""Confidence of words whose times are only a share of their stretch."""

TOLD_CONFIDENCE = 0.8
"""Confidence of timed words: these servers give none by word, and none at all by `words` without segments."""


@dataclass(frozen=True, slots=True)
class _Piece:
    """What one request asks about."""

    channel: int
    start_ms: int
    end_ms: int
    stretches: tuple[Stretch, ...]

    def pcm(self, rate: int) -> bytes:
        """The stretches with silence between them, so that times in it are times of the call."""
        sound = bytearray()
        for stretch in self.stretches:
            sound += bytes(max(0, (stretch.start_ms - self.start_ms) * rate // 1000 * 2 - len(sound)))
            sound += stretch.pcm
        return bytes(sound)


class _Untimed(Exception):
    """The server does not give words with times."""


class OpenAITranscriptionProvider:
    """Asks an OpenAI-compatible server about calls that are over. Its sessions say nothing before `finish`."""

    name = NAME
    diarises = False

    def __init__(
        self,
        *,
        model: str = "whisper-1",
        api_key: str = "",
        base_url: str = "",
        response_format: str = "auto",
        timeout_s: float = 300.0,
        retries: int = 2,
        parallel: int = 2,
        piece_ms: int = MOST_MS,
        judge: Judge | None = None,
    ) -> None:
        """`base_url` with its `/v1`; "" is OpenAI's own. `judge` says where `base_url` may be reached. Raises
        `ValueError` for options that make no sense.

        `timeout_s` is for each attempt; `retries` are the SDK's own, on 408, 409, 429, 5xx and lost connections.
        """
        if response_format not in FORMATS:
            raise ValueError(f"response_format must be one of {', '.join(FORMATS)}")
        if not model or timeout_s <= 0 or retries < 0 or parallel < 1 or not 1_000 <= piece_ms <= MOST_MS:
            raise ValueError("the server needs a model, a positive timeout and pieces of 1 s to 10 min")
        self._model = model
        self._format = response_format
        self._auto = response_format == "auto"
        self._parallel = parallel
        self._piece_ms = piece_ms
        # One that asks for no key still wants the header; the SDK refuses to do without.
        self._client_options: dict[str, Any] = {
            "api_key": api_key or "none",
            "base_url": base_url or None,
            "timeout": timeout_s,
            "max_retries": retries,
        }
        self._judge = judge if base_url else None
        self._client: openai.AsyncOpenAI | None = None

    @property
    def timed(self) -> bool:
        """Whether the server is asked for words with times."""
        if self._format == "auto":
            return "transcribe" not in self._model
        return self._format == "verbose_json"

    async def start(self) -> None:
        options = dict(self._client_options)
        if self._judge is not None:
            options["http_client"] = openai.DefaultAsyncHttpxClient(
                follow_redirects=False,
                trust_env=False,
                transport=JudgedTransport(self._judge, verify=ssl.create_default_context()),
            )
        self._client = openai.AsyncOpenAI(**options)

    async def open(self, call: CallToHear) -> TranscriptionSession:
        """Begin to collect a call; the server is not asked yet. Raises `SpeechError` before `start`."""
        if self._client is None:
            raise ProviderError("the provider is not started", fault=Fault.FAILED, retryable=False)
        return TranscriptionSession(self, call)

    async def close(self) -> None:
        if self._client is not None:
            await self._client.close()
        self._client = None

    # --- For the sessions -------------------------------------------------------------------------------

    def pieces(
        self, channel: int, stretches: Sequence[Stretch], rate: int, *, timed: bool | None = None
    ) -> list[_Piece]:
        """Group a channel's stretches into what requests may hold, cut at pauses."""
        timed = self.timed if timed is None else timed
        most_ms = min(self._piece_ms, MOST_BYTES * 1000 // (rate * 2)) if timed else MERGED_MS
        apart_ms = APART_MS if timed else CLOSE_MS
        groups: list[list[Stretch]] = []
        for stretch in stretches:
            last = groups[-1] if groups else None
            if (
                last
                and stretch.start_ms - last[-1].end_ms < apart_ms
                and stretch.end_ms - last[0].start_ms <= most_ms
            ):
                last.append(stretch)
            else:
                groups.append([stretch])
        return [_Piece(channel, group[0].start_ms, group[-1].end_ms, tuple(group)) for group in groups]

    async def ask(self, piece: _Piece, call: CallToHear) -> list[Hypothesis]:
        """Send one piece; its finals. Raises `SpeechError`."""
        timed = self.timed
        try:
            return await self._asked(piece, call, timed=timed)
        except _Untimed:
            # A server without times for its words says no to the format; it is asked again in short pieces.
            found = []
            for smaller in self.pieces(piece.channel, piece.stretches, call.sample_rate, timed=False):
                found += await self._asked(smaller, call, timed=False)
            self._format = "json"  # and the next calls do not ask for times
            return found

    async def _asked(self, piece: _Piece, call: CallToHear, *, timed: bool) -> list[Hypothesis]:
        sound = await asyncio.to_thread(_flac, piece, call.sample_rate)
        try:
            answer = await self._request(sound, call, timed=timed)
        except (openai.OpenAIError, json.JSONDecodeError) as error:
            if isinstance(error, openai.BadRequestError) and timed and self._auto:
                raise _Untimed from None
            # Without its cause, whose request holds the key and whose answer may hold words.
            raise _translated(error) from None
        try:
            return _finals(answer, piece, call.language)
        except (AttributeError, TypeError, ValueError, KeyError):
            raise ProviderError(
                "the server's answer is no transcription", fault=Fault.BROKEN, retryable=True
            ) from None

    async def _request(self, sound: bytes, call: CallToHear, *, timed: bool) -> Any:
        client = self._client
        if client is None:
            raise ProviderError("the provider was closed", fault=Fault.FAILED, retryable=True)
        options: dict[str, Any] = {"response_format": "text" if self._format == "text" else "json"}
        if timed:
            options = {"response_format": "verbose_json", "timestamp_granularities": ["word", "segment"]}
        if call.language:
            options["language"] = call.language.partition("-")[0].lower()
        if call.keyterms:
            options["prompt"] = ", ".join(call.keyterms)
        return await client.audio.transcriptions.create(
            file=("call.flac", sound, "audio/flac"), model=self._model, **options
        )

    @property
    def parallel(self) -> int:
        return self._parallel


def _flac(piece: _Piece, rate: int) -> bytes:
    file = BytesIO()
    write_audio(file, rate, [piece.pcm(rate)])
    return file.getvalue()


def _translated(error: Exception) -> ProviderError:
    """What the SDK raised, in our words: its own may quote the request or the answer."""
    if isinstance(error, openai.RateLimitError):
        return ProviderError("the server has too much to do (429)", fault=Fault.BUSY, retryable=True)
    if isinstance(error, openai.AuthenticationError | openai.PermissionDeniedError):
        return ProviderError(
            f"the server refuses the key ({error.status_code})", fault=Fault.REFUSED, retryable=False
        )
    if isinstance(error, openai.NotFoundError):
        return ProviderError(
            "the server knows no such model or path (404)", fault=Fault.REFUSED, retryable=False
        )
    if isinstance(error, openai.APITimeoutError):
        return ProviderError("the server did not answer in time", fault=Fault.SLOW, retryable=True)
    if isinstance(error, openai.APIStatusError) and error.status_code in {400, 413, 415, 422}:
        words = f"the server does not take this request ({error.status_code})"
        return ProviderError(words, fault=Fault.UNSUPPORTED, retryable=False)
    if isinstance(error, openai.APIStatusError):
        again = error.status_code >= 500 or error.status_code in {408, 409}
        return ProviderError(f"the server answered {error.status_code}", fault=Fault.BROKEN, retryable=again)
    if isinstance(error, openai.APIResponseValidationError | json.JSONDecodeError):
        return ProviderError("the server's answer cannot be read", fault=Fault.BROKEN, retryable=True)
    if isinstance(error, openai.APIConnectionError):
        return ProviderError("no connection to the server", fault=Fault.AWAY, retryable=True)
    return ProviderError(f"the request failed ({type(error).__name__})", fault=Fault.FAILED, retryable=True)


# --- Answers --------------------------------------------------------------------------------------------


def _finals(answer: Any, piece: _Piece, asked: str) -> list[Hypothesis]:
    """Finals of an answer, in call time: one a segment, or one a stretch where the server has none."""
    text = answer if isinstance(answer, str) else answer.text
    if not isinstance(text, str):
        raise TypeError("no text")
    if isinstance(answer, str) and text.lstrip().startswith(("<", "{")):
        raise ValueError("a page or an object where text should be")
    language = asked or code_of(str(getattr(answer, "language", None) or ""))
    segments = [one for one in getattr(answer, "segments", None) or [] if str(one.text).strip()]
    timed = _words(getattr(answer, "words", None) or [], piece)
    if timed:
        groups = _by_segment(timed, segments, piece) if segments else _by_stretch(timed, piece)
        return [_final(piece, words, confidence, language) for words, confidence in groups if words]
    if segments:
        found = []
        for segment in segments:
            start, end = _span(segment, piece)
            words = _spread(str(segment.text), start, end)
            if words:
                found.append(_final(piece, words, SPREAD_CONFIDENCE, language))
        return found
    words = _spread(text, piece.start_ms, piece.end_ms)
    return [_final(piece, words, SPREAD_CONFIDENCE, language)] if words else []


def _span(timed: Any, piece: _Piece) -> tuple[int, int]:
    start = min(max(piece.start_ms, piece.start_ms + round(float(timed.start) * 1000)), piece.end_ms)
    end = min(max(start, piece.start_ms + round(float(timed.end) * 1000)), piece.end_ms)
    return start, end


def _words(timed: Sequence[Any], piece: _Piece) -> list[HeardWord]:
    words = []
    for word in timed:
        text = storable(str(word.word)).strip()
        if text:
            words.append(HeardWord(RawText(text), *_span(word, piece), TOLD_CONFIDENCE))
    return sorted(words, key=lambda word: word.start_ms)


def _by_segment(
    words: list[HeardWord], segments: list[Any], piece: _Piece
) -> list[tuple[list[HeardWord], float]]:
    """Words by the segment in whose time their middle lies; what lies between two goes to the next."""
    ends = [_span(segment, piece)[1] for segment in segments]
    sure = [_probability(segment) for segment in segments]
    groups: list[tuple[list[HeardWord], float]] = [([], confidence) for confidence in sure]
    at = 0
    for word in words:
        while at < len(ends) - 1 and (word.start_ms + word.end_ms) // 2 >= ends[at]:
            at += 1
        groups[at][0].append(HeardWord(word.text, word.start_ms, word.end_ms, sure[at]))
    return groups


def _by_stretch(words: list[HeardWord], piece: _Piece) -> list[tuple[list[HeardWord], float]]:
    groups: list[tuple[list[HeardWord], float]] = [([], TOLD_CONFIDENCE) for _ in piece.stretches]
    at = 0
    for word in words:
        while at < len(groups) - 1 and (word.start_ms + word.end_ms) // 2 >= piece.stretches[at].end_ms:
            at += 1
        groups[at][0].append(word)
    return groups


def _probability(segment: Any) -> float:
    value = getattr(segment, "avg_logprob", None)
    return TOLD_CONFIDENCE if value is None else round(math.exp(min(0.0, float(value))), 4)


def _spread(text: str, start_ms: int, end_ms: int) -> list[HeardWord]:
    """Words that share a time, each by its length."""
    texts = storable(text).split()
    total = sum(len(word) + 1 for word in texts)
    words, so_far = [], 0
    for word in texts:
        begin = start_ms + (end_ms - start_ms) * so_far // total
        so_far += len(word) + 1
        end = start_ms + (end_ms - start_ms) * so_far // total
        words.append(HeardWord(RawText(word), begin, end, SPREAD_CONFIDENCE, timed=False))
    return words


def _final(piece: _Piece, words: Sequence[HeardWord], confidence: float, language: str) -> Hypothesis:
    return Hypothesis(
        channel=piece.channel,
        final=True,
        start_ms=words[0].start_ms,
        end_ms=max(word.end_ms for word in words),
        text=RawText(" ".join(word.text.reveal() for word in words)),
        words=tuple(words),
        confidence=confidence,
        provider=NAME,
        language=language,
    )


class TranscriptionSession:
    """One call; made by `OpenAITranscriptionProvider.open`. Keeps the stretches of speech alone."""

    def __init__(self, provider: OpenAITranscriptionProvider, call: CallToHear) -> None:
        self._provider = provider
        self._call = call
        self._ends = [Endpointer(sample_rate=call.sample_rate, start_ms=start) for start in call.start_ms]
        self._stretches: list[list[Stretch]] = [[] for _ in self._ends]
        self._finished = asyncio.Event()
        self._over = False

    async def feed(self, sides: Sequence[bytes], start_ms: int) -> None:
        if self._finished.is_set():
            raise RuntimeError("the session is finished: it takes no more sound")
        for channel, (end, pcm) in enumerate(zip(self._ends, sides, strict=True)):
            at_ms = max(start_ms, self._call.start_ms[channel])
            if new := sound_from(pcm, start_ms, at_ms, self._call.sample_rate):
                self._stretches[channel] += end.feed(new, at_ms)

    async def skip(self, start_ms: int, end_ms: int) -> None:
        for channel, end in enumerate(self._ends):
            self._stretches[channel] += end.finish()
            end.feed(b"", end_ms)

    async def finish(self) -> None:
        self._finished.set()

    async def abort(self) -> None:
        self._over = True
        self._stretches = [[] for _ in self._ends]
        self._finished.set()

    async def __aiter__(self) -> AsyncIterator[Heard]:
        """Ask about all pieces, some at a time; then say the finals of both channels in time order."""
        await self._finished.wait()
        if self._over:
            return
        rate = self._call.sample_rate
        pieces = []
        for channel, end in enumerate(self._ends):
            self._stretches[channel] += end.finish()
            pieces += self._provider.pieces(channel, self._stretches[channel], rate)
        free = asyncio.Semaphore(self._provider.parallel)

        async def ask(piece: _Piece) -> list[Hypothesis]:
            async with free:
                return await self._provider.ask(piece, self._call)

        tasks = [asyncio.create_task(ask(piece)) for piece in pieces]
        try:
            answers = await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        finals = sorted(
            (final for answer in answers for final in answer), key=lambda one: (one.start_ms, one.channel)
        )
        for final in finals:
            yield final
        for channel, end in enumerate(self._ends):
            if end.heard_ms > self._call.start_ms[channel]:
                yield Progress(channel, end.heard_ms)
