"""Speech to text with faster-whisper, in this process: no network, many languages, an optional extra.

Whisper hears stretches, not streams: each channel is cut at its pauses (`endpoints.py`) and each stretch is decoded
as a whole in a pool of threads, in the order in which the stretches end. A final so comes when its speaker pauses.
Needs the packages of requirements-whisper.txt and a model, given by the path of a CTranslate2 folder or by a name that
faster-whisper knows; a name is looked for in the local cache only, unless `download` allows to fetch it.
"""

from __future__ import annotations

import asyncio
import importlib
import math
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from engines.redaction.text import RawText
from engines.speech.audio import Upsampler, samples, sound_from
from engines.speech.endpoints import Endpointer, Stretch, Timing
from engines.speech.faults import Fault, ProviderError
from engines.speech.outlet import Outlet
from engines.speech.types import CallToHear, Heard, HeardWord, Hypothesis, Progress, SpeechError

NAME = "whisper"
MODEL_RATE = 16_000

AHEAD = 8
"""Stretches of a call that may wait to be decoded; `feed` waits while there are more."""

PROGRESS_EVERY_MS = 500
LANGUAGE_SURE = 0.7
"""From this probability on a detected language is kept for the rest of the call."""

NO_SPEECH = 0.6
UNLIKELY = -1.0
"""A segment that is probably no speech and has a mean log probability below this was made up."""


class Model(Protocol):
    """The part of `faster_whisper.WhisperModel` (1.2) that is used."""

    @property
    def supported_languages(self) -> list[str]: ...

    def transcribe(self, audio: npt.NDArray[np.float32], **options: Any) -> tuple[Any, Any]: ...


@dataclass(frozen=True, slots=True)
class _Job:
    """What a session has to do next: decode a stretch (`final` or not), or say progress."""

    channel: int
    upto_ms: int
    stretch: Stretch | None = None
    final: bool = True


class WhisperProvider:
    """Decodes with one model that all calls share; `workers` stretches at a time."""

    name = NAME
    diarises = False
    # A long stretch on a busy machine.
    patience_s = 90.0

    def __init__(
        self,
        model: str = "small",
        *,
        device: str = "cpu",
        compute_type: str = "int8",
        threads: int = 2,
        workers: int = 1,
        beam_size: int = 1,
        partials_ms: int = 0,
        download: bool = False,
        load: Callable[[], Model] | None = None,
    ) -> None:
        """`threads` per decoding. `partials_ms` > 0: what is being said is decoded so often, too, if there is time.

        `load` makes the model (for tests). Raises `ValueError` for numbers that make no sense.
        """
        if not model or threads < 1 or workers < 1 or beam_size < 1 or partials_ms < 0:
            raise ValueError("whisper needs a model, and at least one thread, worker and beam")
        self._name_or_path = model
        self._settings: dict[str, Any] = {
            "device": device,
            "compute_type": compute_type,
            "cpu_threads": threads,
            "num_workers": workers,
            "local_files_only": not download,
        }
        self._workers = workers
        self.beam_size = beam_size
        self.partials_ms = partials_ms
        self._load = load or self._load_model
        self._model: Model | None = None
        self._pool: ThreadPoolExecutor | None = None
        self._sessions: set[WhisperSession] = set()

    async def start(self) -> None:
        """Load the model, in a thread. Raises `SpeechError` when the package or the model is not here."""
        self._pool = ThreadPoolExecutor(self._workers, thread_name_prefix="whisper")
        loop = asyncio.get_running_loop()
        try:
            self._model = await loop.run_in_executor(self._pool, self._load)
        except SpeechError:
            self._pool.shutdown(wait=False)
            raise
        except Exception as error:
            self._pool.shutdown(wait=False)
            raise ProviderError(
                f"the whisper model cannot be loaded ({type(error).__name__}): give the folder of a CTranslate2 "
                "model, or a name that is in the local cache",
                fault=Fault.MISSING,
                retryable=False,
            ) from error

    def _load_model(self) -> Model:
        try:
            package = importlib.import_module("faster_whisper")
        except ImportError as error:
            raise ProviderError(
                "faster-whisper is not installed: pip install -r requirements-whisper.txt",
                fault=Fault.MISSING,
                retryable=False,
            ) from error
        made: Model = package.WhisperModel(self._name_or_path, **self._settings)
        return made

    async def open(self, call: CallToHear) -> WhisperSession:
        """Begin to hear a call. Raises `SpeechError` for a language that the model has not."""
        if self._model is None or self._pool is None:
            raise ProviderError("whisper is not started", fault=Fault.FAILED, retryable=False)
        language = call.language.partition("-")[0].lower()
        if language and language not in self._model.supported_languages:
            raise ProviderError(
                "the model does not know the language", fault=Fault.UNSUPPORTED, retryable=False
            )
        session = WhisperSession(self, call, language)
        self._sessions.add(session)
        return session

    async def close(self) -> None:
        for session in list(self._sessions):
            await session.abort()
        if self._pool is not None:
            await asyncio.to_thread(self._pool.shutdown, wait=True, cancel_futures=True)
        self._pool = self._model = None

    # --- For the sessions -------------------------------------------------------------------------------

    def forget(self, session: WhisperSession) -> None:
        self._sessions.discard(session)

    async def decode(
        self, stretch: Stretch, rate: int, language: str, keyterms: Sequence[str]
    ) -> tuple[list[_Segment], str, float]:
        """Decode one stretch: its segments, and the language with its probability. Raises `SpeechError`."""
        if self._pool is None:
            raise ProviderError("whisper was closed", fault=Fault.FAILED, retryable=True)
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._pool, self._decode, stretch, rate, language, keyterms)
        except (asyncio.CancelledError, SpeechError):
            raise
        except Exception as error:
            # The type alone: a message might quote what was heard.
            raise ProviderError(
                f"whisper failed: {type(error).__name__}", fault=Fault.BROKEN, retryable=True
            ) from error

    def _decode(
        self, stretch: Stretch, rate: int, language: str, keyterms: Sequence[str]
    ) -> tuple[list[_Segment], str, float]:
        model = self._model
        assert model is not None
        segments, info = model.transcribe(
            _sound(stretch.pcm, rate),
            language=language or None,
            beam_size=self.beam_size,
            word_timestamps=True,
            # One stretch's mistakes must not be carried into the next.
            condition_on_previous_text=False,
            vad_filter=False,
            hotwords=", ".join(keyterms) or None,
        )
        # The segments are decoded while they are read: it has to happen in this thread.
        found = [_segment(one, stretch) for one in segments if not _made_up(one)]
        probability = float(info.language_probability)
        return [one for one in found if one.words], str(info.language), probability


@dataclass(frozen=True, slots=True)
class _Segment:
    words: tuple[HeardWord, ...]
    confidence: float


def _sound(pcm: bytes, rate: int) -> npt.NDArray[np.float32]:
    """PCM16 as the model wants it: 16 kHz, -1..1."""
    if rate != MODEL_RATE:
        upsampler = Upsampler()
        pcm = upsampler.feed(pcm) + upsampler.flush()
    return samples(pcm).astype(np.float32) / 32768.0


def _made_up(segment: Any) -> bool:
    return float(segment.no_speech_prob) > NO_SPEECH and float(segment.avg_logprob) < UNLIKELY


def _segment(segment: Any, stretch: Stretch) -> _Segment:
    """Words in call time, within their stretch."""
    words = []
    at = stretch.start_ms
    for word in segment.words or ():
        text = str(word.word).strip()
        if not text:
            continue
        start = min(max(at, stretch.start_ms + round(float(word.start) * 1000)), stretch.end_ms)
        at = min(max(start, stretch.start_ms + round(float(word.end) * 1000)), stretch.end_ms)
        words.append(HeardWord(RawText(text), start, at, min(1.0, max(0.0, float(word.probability)))))
    return _Segment(tuple(words), round(min(1.0, math.exp(min(0.0, float(segment.avg_logprob)))), 4))


class WhisperSession:
    """One call; made by `WhisperProvider.open`."""

    def __init__(self, provider: WhisperProvider, call: CallToHear, language: str) -> None:
        self._provider = provider
        self._call = call
        self._language = language
        self._ends = [
            Endpointer(sample_rate=call.sample_rate, start_ms=start, timing=Timing())
            for start in call.start_ms
        ]
        self._told_ms = list(call.start_ms)
        self._partial_ms = list(call.start_ms)
        self._partial_open = [False] * call.channels
        self._jobs: asyncio.Queue[_Job | None] = asyncio.Queue()
        self._waiting = 0
        self._room = asyncio.Event()
        self._room.set()
        self._out = Outlet()
        self._error: Exception | None = None
        self._over = False
        self._worker = asyncio.create_task(self._work())

    async def feed(self, sides: Sequence[bytes], start_ms: int) -> None:
        """Take the next audio; waits while many stretches wait for the decoder. Raises `SpeechError`."""
        await self._room.wait()
        if self._error is not None:
            raise self._error
        if self._over:
            raise RuntimeError("the session is finished: it takes no more sound")
        for channel, (end, pcm) in enumerate(zip(self._ends, sides, strict=True)):
            at_ms = max(start_ms, self._call.start_ms[channel])
            new = sound_from(pcm, start_ms, at_ms, self._call.sample_rate)
            if not new:
                continue
            for stretch in end.feed(new, at_ms):
                self._decode_later(channel, stretch)
            self._progress(channel, end.clear_ms)
            self._partial_later(channel, end)

    async def skip(self, start_ms: int, end_ms: int) -> None:
        """Pass over a stretch: what was being said ends, and it goes on behind it."""
        for channel, end in enumerate(self._ends):
            for stretch in end.finish():
                self._decode_later(channel, stretch)
            # An empty piece behind the gap moves the clock there.
            end.feed(b"", end_ms)
            self._progress(channel, end_ms, every_ms=1)

    async def finish(self) -> None:
        if self._over:
            return
        self._over = True
        for channel, end in enumerate(self._ends):
            for stretch in end.finish():
                self._decode_later(channel, stretch)
            self._progress(channel, end.heard_ms, every_ms=1)
        self._jobs.put_nowait(None)

    async def abort(self) -> None:
        self._over = True
        self._worker.cancel()
        await asyncio.gather(self._worker, return_exceptions=True)
        self._out.drop()

    def __aiter__(self) -> AsyncIterator[Heard]:
        return aiter(self._out)

    # --- Work, in the order in which it comes -------------------------------------------------------------

    def _decode_later(self, channel: int, stretch: Stretch) -> None:
        self._waiting += 1
        if self._waiting > AHEAD:
            self._room.clear()
        self._jobs.put_nowait(_Job(channel, stretch.end_ms, stretch))
        self._told_ms[channel] = max(self._told_ms[channel], stretch.end_ms)

    def _progress(self, channel: int, upto_ms: int, every_ms: int = PROGRESS_EVERY_MS) -> None:
        if upto_ms - self._told_ms[channel] >= every_ms:
            self._told_ms[channel] = upto_ms
            self._jobs.put_nowait(_Job(channel, upto_ms))

    def _partial_later(self, channel: int, end: Endpointer) -> None:
        every = self._provider.partials_ms
        if every and self._jobs.empty() and end.heard_ms - self._partial_ms[channel] >= every:
            stretch = end.speaking()
            if stretch is not None:
                self._partial_ms[channel] = end.heard_ms
                self._jobs.put_nowait(_Job(channel, stretch.end_ms, stretch, final=False))

    async def _work(self) -> None:
        try:
            while (job := await self._jobs.get()) is not None:
                if job.stretch is not None:
                    await self._decode(job, job.stretch)
                if job.final:
                    self._out.put_nowait(Progress(job.channel, job.upto_ms))
            self._out.put_nowait(None)
        except Exception as error:  # a bug of ours, too, is for who reads: he would wait for ever
            self._error = error
            self._out.put_nowait(error)
        finally:
            self._room.set()
            self._provider.forget(self)

    async def _decode(self, job: _Job, stretch: Stretch) -> None:
        segments, language, probability = await self._provider.decode(
            stretch, self._call.sample_rate, self._language, self._call.keyterms
        )
        if job.final:
            self._waiting -= 1
            if self._waiting <= AHEAD:
                self._room.set()
        if not self._language and probability >= LANGUAGE_SURE:
            self._language = language
        for segment in segments if job.final else segments[:1]:
            words = segment.words if job.final else tuple(word for one in segments for word in one.words)
            self._say(job, words, segment.confidence, language)
        if not segments and self._partial_open[job.channel]:
            self._out.put_nowait(
                Hypothesis(job.channel, False, stretch.start_ms, stretch.end_ms, RawText(""), (), 0.0, NAME)
            )
            self._partial_open[job.channel] = False

    def _say(self, job: _Job, words: tuple[HeardWord, ...], confidence: float, language: str) -> None:
        self._partial_open[job.channel] = not job.final
        self._out.put_nowait(
            Hypothesis(
                channel=job.channel,
                final=job.final,
                start_ms=words[0].start_ms,
                end_ms=words[-1].end_ms,
                text=RawText(" ".join(word.text.reveal() for word in words)),
                words=words,
                confidence=confidence,
                provider=NAME,
                language=language,
            )
        )
