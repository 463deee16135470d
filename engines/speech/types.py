"""What a speech provider takes and gives. Offsets are milliseconds from the start of the call's audio."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from engines.redaction.text import RawText


class SpeechError(Exception):
    """A provider failed. `retryable` says whether trying again, here or elsewhere, can help."""

    def __init__(self, message: str, *, retryable: bool) -> None:
        super().__init__(message)
        self.retryable = retryable


# Not frozen, as all that is made for each word or each piece of news: that would make them three times as dear. Nobody
# changes one; `replace` makes another.
@dataclass(slots=True, unsafe_hash=True)
class HeardWord:
    """One word as heard, not yet redacted. `confidence` lies in 0..1.

    `timed` is False where the times are made up of those of its utterance: no sound may be told by them.
    """

    text: RawText
    start_ms: int
    end_ms: int
    confidence: float
    timed: bool = True


@dataclass(slots=True, unsafe_hash=True)
class Hypothesis:
    """What one channel is heard to say.

    A partial replaces the channel's previous partial; a final ends the utterance and will not change.
    `words` of a partial may be empty when the provider times finals only.
    """

    channel: int
    final: bool
    start_ms: int
    end_ms: int
    text: RawText
    words: tuple[HeardWord, ...]
    confidence: float
    provider: str
    # What the provider took the language to be; "" when it was not asked or does not say.
    language: str = ""


@dataclass(slots=True, unsafe_hash=True)
class Progress:
    """Everything of `channel` before `upto_ms` has been heard, and what it held has been said as finals.

    Audio before this point will never be needed again; a new session may start here.
    """

    channel: int
    upto_ms: int


Heard = Hypothesis | Progress


@dataclass(frozen=True, slots=True)
class CallToHear:
    """One call, as a provider needs to know it. `sample_rate` in Hz.

    `language` is a BCP 47 tag; "" asks the provider to find out. `start_ms` says for each channel what lies before
    and was heard already: it is not said again. `keyterms` are words of the company's own vocabulary. `diarise` asks
    to tell the speakers of a single channel apart: hypotheses then give the speaker as their channel, where the
    provider can (`SpeechProvider.diarises`).
    """

    call_id: str
    channels: int
    sample_rate: int
    language: str
    start_ms: tuple[int, ...]
    keyterms: tuple[str, ...] = ()
    diarise: bool = False

    def __post_init__(self) -> None:
        if len(self.start_ms) != self.channels:
            raise ValueError("start_ms must name one start per channel")


class SpeechSession(Protocol):
    """One call, all its channels. Fed in order, from one task; read by iteration, from another."""

    async def feed(self, sides: Sequence[bytes], start_ms: int) -> None:
        """Take the next audio: PCM16 little-endian mono per channel, all of one length, beginning at `start_ms`.

        Raises `SpeechError` when the session has failed.
        """

    async def skip(self, start_ms: int, end_ms: int) -> None:
        """Pass over a stretch that nobody shall hear (hold, IVR): end what was being said, and go on behind it.

        Progress is said past the stretch as if it had been silent. Raises `SpeechError`.
        """

    async def finish(self) -> None:
        """Say that no more audio comes. The iteration ends after the last final and its progress."""

    async def abort(self) -> None:
        """Drop the session and what it holds, at once."""

    def __aiter__(self) -> AsyncIterator[Heard]: ...


class SpeechProvider(Protocol):
    """Opens sessions. One per process; shared by all its calls."""

    name: str
    diarises: bool

    async def start(self) -> None:
        """Acquire what sessions need (processes, connections). Called once before the first `open`."""

    async def open(self, call: CallToHear) -> SpeechSession:
        """Begin to hear a call. Raises `SpeechError`."""

    async def close(self) -> None:
        """Release everything; open sessions end."""


class ChannelSession(Protocol):
    """One channel of one call, for providers that hear each channel apart (see `engines.speech.channels`)."""

    async def feed(self, pcm: bytes, start_ms: int) -> None:
        """Take PCM16 little-endian mono at the session's rate, whose first sample lies at `start_ms`."""

    async def finish(self) -> None:
        """Say that no more audio comes. The iteration ends after the last final and its progress."""

    async def abort(self) -> None:
        """Drop the session and what it holds, at once."""

    def __aiter__(self) -> AsyncIterator[Heard]: ...


class ChannelProvider(Protocol):
    """Opens sessions of one channel."""

    name: str

    async def start(self) -> None:
        """Acquire what sessions need. Called once before the first `open`."""

    async def open(
        self, *, channel: int, sample_rate: int, language: str, start_ms: int, call_id: str
    ) -> ChannelSession:
        """Begin to hear one channel at `start_ms`. Raises `SpeechError`."""

    async def close(self) -> None:
        """Release everything; open sessions end."""
