"""Reads Deepgram's messages. Times in seconds of the stream or recording.

The SDK builds its objects without looking at what it puts in: a field may be absent or of any type.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from engines.redaction.text import storable
from engines.speech.deepgram import failures


@dataclass(frozen=True, slots=True)
class Word:
    """One word as Deepgram timed it; `speaker` where it told speakers apart. The repr hides the word."""

    text: str
    start: float
    end: float
    confidence: float
    speaker: int = 0

    def __repr__(self) -> str:
        return f"<Word {self.start}-{self.end}>"

    @property
    def middle(self) -> float:
        return (self.start + self.end) / 2


@dataclass(frozen=True, slots=True)
class Segment:
    """`Results`: what was heard on one channel from `start` to `end`; not `final`, it may yet change."""

    channel: int
    start: float
    end: float
    final: bool
    speech_final: bool
    from_finalize: bool
    words: tuple[Word, ...]
    language: str


@dataclass(frozen=True, slots=True)
class UtteranceEnd:
    """No word was heard for a while after the one that ended at `last_word_end`."""

    channel: int
    last_word_end: float


@dataclass(frozen=True, slots=True)
class Metadata:
    """All was said; the connection closes."""


Message = Segment | UtteranceEnd | Metadata


def read(message: Any) -> Message | None:
    """Return what a message of the stream says; None for those that say nothing about the call.

    Raises `SpeechError`: for Deepgram's own `Error`, and for results that cannot be read, because words would
    be missing if they were passed over.
    """
    kind = getattr(message, "type", None)
    try:
        if kind == "Results":
            return _segment(message)
        if kind == "UtteranceEnd":
            return UtteranceEnd(int(message.channel[0]), _seconds(message.last_word_end))
    except (AttributeError, IndexError, KeyError, TypeError, ValueError):
        malformed = True
    else:
        malformed = False
    if malformed:
        raise failures.broken(f"its {kind} cannot be read")
    if kind == "Metadata":
        return Metadata()
    if kind == "Error":
        variant = str(getattr(message, "variant", "") or "")
        shown = variant if variant.isidentifier() else "unnamed"
        raise failures.broken(f"it reports the error {shown}")
    return None


def _segment(message: Any) -> Segment:
    start, duration = _seconds(message.start), _seconds(message.duration)
    best = message.channel.alternatives[0]
    words = timed_words(best.words or (), str(best.transcript or ""), start, start + duration)
    languages = [one for one in (getattr(best, "languages", None) or ()) if isinstance(one, str)]
    return Segment(
        channel=int(message.channel_index[0]),
        start=start,
        end=start + duration,
        final=message.is_final is True,
        speech_final=message.speech_final is True,
        from_finalize=message.from_finalize is True,
        words=words,
        language=languages[0] if languages else "",
    )


def timed_words(words: Sequence[Any], transcript: str, start: float, end: float) -> tuple[Word, ...]:
    """Return the words; those of a transcript without any share its time evenly. Raises `ValueError` and the like."""
    if not words and transcript.strip():
        texts = storable(transcript).split()
        share = (end - start) / len(texts)
        return tuple(
            Word(text, start + index * share, start + (index + 1) * share, 0.0)
            for index, text in enumerate(texts)
        )
    found = []
    for word in words:
        text = storable(str(getattr(word, "punctuated_word", None) or word.word or ""))
        begins, ends = _seconds(word.start), _seconds(word.end)
        confidence = word.confidence if isinstance(word.confidence, int | float) else 0.0
        speaker = getattr(word, "speaker", None)
        found.append(
            Word(
                text,
                begins,
                max(begins, ends),
                round(min(1.0, max(0.0, float(confidence))), 4),
                max(0, int(speaker)) if isinstance(speaker, int | float) else 0,
            )
        )
    return tuple(word for word in found if word.text.strip())


def _seconds(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e7:
        raise ValueError("no time")
    return float(value)
