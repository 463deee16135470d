"""A stretch of a call and the speech session that hears it.

Usually a call has one lane, from where it was left to its end. After an outage it has two: what piled up is heard in
a lane of its own, at the provider's pace, beside what is being said now. They meet in a pause, so that no utterance
is cut in two.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from django.conf import settings

from conversations.live.buffer import CHUNK_MS, Chunk
from conversations.live.source import AudioSource
from engines.redaction.stream import StreamRedactor
from engines.speech.audio import AudioFormat, split_channels
from engines.speech.types import SpeechSession

# Where the lanes may meet: both sides silent for this long, not further back than this.
PAUSE_MS = 600
LOOK_BACK_MS = 60_000
# RMS of PCM16 above which a channel carries sound rather than line noise.
SOUND_RMS = 120


@dataclass
class Lane:
    """`upto_ms`: how far each channel is heard, by what was said to be final; `heard_ms`: how far it was worked on.

    `until_ms` is where the lane ends (None: with the call), `over` says that its session has said all.
    """

    session: SpeechSession
    redactor: StreamRedactor
    start_ms: list[int]
    until_ms: int | None = None
    upto_ms: list[int] = field(default_factory=list)
    heard_ms: list[int] = field(default_factory=list)
    over: bool = False

    def __post_init__(self) -> None:
        self.upto_ms = list(self.start_ms)
        self.heard_ms = list(self.start_ms)

    @property
    def clock_ms(self) -> int:
        """Everything in this lane before this has been heard on every channel."""
        return min(self.upto_ms)


def loudness(pcm: bytes) -> float:
    """The RMS of PCM16 samples."""
    if not pcm:
        return 0.0
    return math.sqrt(float(np.mean(np.square(np.frombuffer(pcm, "<i2"), dtype=np.float32))))


def silence(form: AudioFormat, milliseconds: int) -> bytes:
    """Nothing to hear, in the call's own codec."""
    zero = b"\xff" if form.codec == "mulaw" else b"\0"
    return zero * (form.bytes_per_ms * milliseconds)


async def meeting_point(source: AudioSource, form: AudioFormat, start_ms: int) -> int | None:
    """Where a second lane shall begin for a call that is heard up to `start_ms`; None: one lane will do.

    The middle of the last pause of all channels in what piled up. Raises redis errors.
    """
    behind_ms = settings.LIVE_SECOND_LANE_SECONDS * 1000
    last, ended = await source.last()
    if ended or not behind_ms or last * CHUNK_MS - start_ms < behind_ms:
        return None
    first = max(start_ms + PAUSE_MS, last * CHUNK_MS - LOOK_BACK_MS) // CHUNK_MS
    quiet: list[bool] = []
    number = first
    while number < last:
        chunks = [chunk for chunk in await source.read(number) if not chunk.end and chunk.number <= last]
        if not chunks:
            break
        for chunk in chunks:
            quiet += [True] * (chunk.number - number - 1)  # lost chunks are silence
            quiet.append(_is_quiet(form, chunk))
            number = chunk.number
    wanted = PAUSE_MS // CHUNK_MS
    for end in range(len(quiet), wanted - 1, -1):
        if all(quiet[end - wanted : end]):
            return (first + end - wanted // 2) * CHUNK_MS
    return None


def _is_quiet(form: AudioFormat, chunk: Chunk) -> bool:
    return all(loudness(side) <= SOUND_RMS for side in split_channels(form, chunk.payload))
