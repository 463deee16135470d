"""Has calls transcribed as recordings by Deepgram's pre-recorded API: uploads, and a last resort for live calls.

A session collects what it is fed, in memory; each piece of up to a quarter of an hour goes out as soon as it is
complete, one at a time, so that memory stays bounded and progress is seen.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from typing import Any

from deepgram import AsyncDeepgramClient

from engines.speech.audio import sides_check, sound_from
from engines.speech.deepgram import failures
from engines.speech.deepgram.account import AccountProvider
from engines.speech.deepgram.assembler import hypothesis
from engines.speech.deepgram.options import Recorded
from engines.speech.deepgram.pieces import Cutter, Piece
from engines.speech.deepgram.results import Word, timed_words
from engines.speech.outlet import Outlet
from engines.speech.types import CallToHear, Heard, Hypothesis, Progress, SpeechError

NAME = "deepgram_batch"
LONGEST_WAIT_SECONDS = 60.0


class DeepgramBatchProvider(AccountProvider[Recorded]):
    """One Deepgram account. Options are those of `Recorded`; raises `ValueError` for what they cannot be."""

    name = NAME
    diarises = True

    def __init__(self, **options: Any) -> None:
        given = Recorded(**options)
        super().__init__(given, seconds=given.request_seconds)
        self._sessions: set[DeepgramBatchSession] = set()

    @property
    def patience_s(self) -> float:
        """How long a session may say nothing: as long as all attempts at a piece can take."""
        return self._options.attempts * (self._options.request_seconds + LONGEST_WAIT_SECONDS)

    async def open(self, call: CallToHear) -> DeepgramBatchSession:
        """Begin to collect a call. Raises `SpeechError`, not retryable, for one that Deepgram cannot hear."""
        client, query = self._asked(call)
        session = DeepgramBatchSession(client, self._options, call, query, self._sessions)
        self._sessions.add(session)
        return session

    async def close(self) -> None:
        """End all sessions and release the client."""
        for session in list(self._sessions):
            await session.abort()
        await self._release()


class DeepgramBatchSession:
    """One call, collected and sent in pieces; made by `DeepgramBatchProvider.open`."""

    def __init__(
        self,
        client: AsyncDeepgramClient,
        options: Recorded,
        call: CallToHear,
        query: dict[str, Any],
        sessions: set[DeepgramBatchSession],
    ) -> None:
        self._client = client
        self._options = options
        self._call = call
        self._query = query
        self._sessions = sessions
        self._cutter = Cutter(
            channels=call.channels, sample_rate=call.sample_rate, longest_ms=options.piece_seconds * 1000
        )
        self._upto_ms = min(call.start_ms)
        self._said_ms = list(call.start_ms)
        # One piece waits while one is transcribed; then feeding waits.
        self._pieces: asyncio.Queue[Piece | int | None] = asyncio.Queue(maxsize=1)
        self._said = Outlet()
        self._failure: SpeechError | None = None
        self._over = False
        self._packing = False
        self._task = asyncio.create_task(self._transcribe_all(), name="deepgram-batch")
        self._task.add_done_callback(self._let_go)

    async def feed(self, sides: Sequence[bytes], start_ms: int) -> None:
        """Collect audio; wait while the piece before the last is transcribed. Raises `SpeechError`, `ValueError`."""
        self._check_open()
        sides_check(sides, self._call.channels)
        rate = self._call.sample_rate
        if self._upto_ms - start_ms > 1:  # heard already
            sides = [sound_from(pcm, start_ms, self._upto_ms, rate) for pcm in sides]
            start_ms = self._upto_ms
        if sides[0]:
            self._upto_ms = round(start_ms + len(sides[0]) * 500 / rate)
            for piece in await self._cut(sides, start_ms):
                await self._put(piece)

    async def _cut(self, sides: Sequence[bytes], start_ms: int) -> list[Piece]:
        """Pack audio in a thread; who drops the session meanwhile leaves the cutter to us."""
        packing = asyncio.create_task(asyncio.to_thread(self._cutter.add, sides, start_ms))
        packing.add_done_callback(self._packed)
        self._packing = True
        return await asyncio.shield(packing)

    def _packed(self, packing: asyncio.Task[list[Piece]]) -> None:
        self._packing = False
        if self._task.done():
            self._cutter.drop()

    def _let_go(self, task: asyncio.Task[None]) -> None:
        self._sessions.discard(self)
        if not self._packing:
            self._cutter.drop()

    async def skip(self, start_ms: int, end_ms: int) -> None:
        """Leave a stretch out. Raises `SpeechError`."""
        self._check_open()
        if end_ms <= self._upto_ms:
            return
        self._upto_ms = end_ms
        for piece in self._cutter.move(end_ms):
            await self._put(piece)
        await self._put(end_ms)

    async def finish(self) -> None:
        """Have the last piece transcribed; returns without waiting for that. Raises `SpeechError`."""
        if self._over:
            return
        self._check_open()
        self._over = True
        for piece in self._cutter.end():
            await self._put(piece)
        await self._put(None)

    async def abort(self) -> None:
        """Drop what was collected."""
        self._over = True
        self._task.cancel()
        self._said.drop()

    def __aiter__(self) -> AsyncIterator[Heard]:
        return aiter(self._said)

    def _check_open(self) -> None:
        if self._failure is not None:
            raise self._failure
        if self._over:
            raise RuntimeError("the session is finished: it takes no more sound")

    async def _put(self, item: Piece | int | None) -> None:
        putting = asyncio.create_task(self._pieces.put(item))
        # A failed or aborted session takes nothing from the queue any more.
        await asyncio.wait({putting, self._task}, return_when=asyncio.FIRST_COMPLETED)
        if not putting.done():
            putting.cancel()
        if self._failure is not None:
            raise self._failure

    async def _transcribe_all(self) -> None:
        try:
            while (item := await self._pieces.get()) is not None:
                if isinstance(item, Piece):
                    # Digital silence holds no words; Deepgram would be paid for it.
                    for heard in (await self._transcribe(item)) if item.loud else []:
                        self._said.put_nowait(heard)
                self._progress(item.upto_ms if isinstance(item, Piece) else item)
            self._said.put_nowait(None)
        except Exception as error:
            self._failure = failures.of(error, self._options.api_key)
            self._said.put_nowait(self._failure)

    def _progress(self, upto_ms: int) -> None:
        for channel, said_ms in enumerate(self._said_ms):
            if upto_ms > said_ms:
                self._said_ms[channel] = upto_ms
                self._said.put_nowait(Progress(channel, upto_ms))

    # --- One piece --------------------------------------------------------------------------------------

    async def _transcribe(self, piece: Piece) -> list[Hypothesis]:
        response = await self._request(piece)
        try:
            return self._finals(response, piece)
        except (AttributeError, IndexError, KeyError, TypeError, ValueError):
            raise failures.broken("its transcript cannot be read") from None

    async def _request(self, piece: Piece) -> Any:
        """Send a piece, again with back-off while that may help. Raises `SpeechError`."""
        options = self._options
        for attempt in range(1, options.attempts + 1):
            failure, wait_seconds = failures.broken("not asked"), 0.0
            try:
                return await self._client.listen.v1.media.transcribe_file(
                    request=piece.flac,
                    **self._query,
                    request_options={
                        "timeout": options.request_seconds,
                        "max_retries": 0,
                        "additional_headers": {"content-type": "audio/flac"},
                        "additional_query_parameters": dict(options.extra),
                    },
                )
            except Exception as error:
                failure = failures.of(error, options.api_key)
                wait_seconds = failures.retry_after(error)
            if not failure.retryable or attempt == options.attempts:
                raise failure
            backoff = options.backoff_seconds * 2 ** (attempt - 1) * random.uniform(0.8, 1.2)
            await asyncio.sleep(min(LONGEST_WAIT_SECONDS, max(backoff, wait_seconds)))
        raise AssertionError("attempts are at least one")

    def _finals(self, response: Any, piece: Piece) -> list[Hypothesis]:
        """Return the piece's utterances in time order. Raises what malformed answers bring about."""
        channels = response.results.channels
        languages = [getattr(channel, "detected_language", None) or "" for channel in channels]
        finals = []
        for channel, words in self._utterances(response.results):
            # With speakers told apart there is one channel of sound only.
            source = 0 if self._call.diarise else channel
            start_ms = self._call.start_ms[source]
            wanted = [word for word in words if piece.clock.call_ms(word.middle) >= start_ms]
            if wanted:
                language = languages[source] if source < len(languages) else ""
                finals.append(
                    hypothesis(
                        channel,
                        wanted,
                        piece.clock,
                        floor_ms=start_ms,
                        language=language or self._call.language,
                        provider=NAME,
                    )
                )
        return sorted(finals, key=lambda final: (final.start_ms, final.channel))

    def _utterances(self, results: Any) -> list[tuple[int, tuple[Word, ...]]]:
        found = []
        if results.utterances is not None:
            for utterance in results.utterances:
                words = timed_words(
                    utterance.words or (), str(utterance.transcript or ""), utterance.start, utterance.end
                )
                if self._call.diarise and self._call.channels == 1:
                    channel = int(getattr(utterance, "speaker", None) or 0)
                else:
                    channel = int(utterance.channel or 0)
                found.append((channel, words))
            return found
        # A self-hosted model may lack utterances: then each channel's transcript is one.
        for channel, content in enumerate(results.channels):
            best = content.alternatives[0]
            found.append((channel, timed_words(best.words or (), "", 0.0, 0.0)))
        return found
