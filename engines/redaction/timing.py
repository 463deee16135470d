"""From findings in the text to words with times, and to the stretches of audio that must be beeped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from engines.redaction.text import Span
from engines.redaction.vocabulary import PLACEHOLDER
from engines.speech.types import HeardWord


@dataclass(frozen=True, slots=True)
class RedactedWord:
    """A word, or a placeholder for several, with its times in the call's audio. `confidence` lies in 0..1."""

    text: str
    start_ms: int
    end_ms: int
    confidence: float


@dataclass(frozen=True, slots=True)
class TimedWords:
    """The words of an utterance after redaction, and the times of those that stand for a finding.

    `secret` is None when a word of a finding had no times of its own.
    """

    words: tuple[RedactedWord, ...]
    secret: tuple[tuple[int, int], ...] | None


def redacted_words(
    text: str, spans: Sequence[Span], words: Sequence[HeardWord], stand_ins: Sequence[str | None]
) -> TimedWords | None:
    """Place `words` in `text` and replace those that a span touches, even in part, by its stand-in.

    All words that touch one span become one. Where the stand-in is None the words stay, but their times are those of
    a finding all the same: sound cannot be shown to some and not to others. Returns None if the words are not, in
    order, all in the text, if a span has no word, or if letters or digits of the text belong to no word.
    """
    result: list[RedactedWord] = []
    secret: list[tuple[int, int]] = []
    timed = True
    cursor = 0
    at = 0
    last_span = -1
    reached: set[int] = set()
    for word in words:
        said = word.text.reveal().strip()
        start = text.find(said, cursor)
        if start < 0 or any(character.isalnum() for character in text[cursor:start]):
            return None
        end = cursor = start + len(said)
        while at < len(spans) and spans[at].end <= start:
            at += 1
        if at == len(spans) or spans[at].start >= end:
            result.append(RedactedWord(said, word.start_ms, word.end_ms, word.confidence))
            continue
        index = at
        while at + 1 < len(spans) and spans[at + 1].start < end:
            reached.add(at)
            at += 1
        reached.add(at)
        timed = timed and word.end_ms > word.start_ms
        secret.append((word.start_ms, word.end_ms))
        stand_in = next((one for one in stand_ins[index : at + 1] if one is not None), None)
        if stand_in is None:
            result.append(RedactedWord(said, word.start_ms, word.end_ms, word.confidence))
        elif index == last_span:
            before = result[-1]
            result[-1] = RedactedWord(
                before.text,
                min(before.start_ms, word.start_ms),
                max(before.end_ms, word.end_ms),
                min(before.confidence, word.confidence),
            )
        else:
            result.append(RedactedWord(stand_in, word.start_ms, word.end_ms, word.confidence))
        if stand_in is not None:
            last_span = at
    if len(reached) < len(spans) or any(character.isalnum() for character in text[cursor:]):
        return None
    covered = (
        [(word.start_ms, word.end_ms) for word in result if PLACEHOLDER.match(word.text)] if secret else []
    )
    return TimedWords(tuple(result), tuple(sorted(set(secret + covered))) if timed else None)


def beeps(
    timed: TimedWords | None, *, found: bool, start_ms: int, end_ms: int, margin_ms: int
) -> tuple[tuple[int, int], ...]:
    """Return what to beep, in milliseconds: each finding with its margins, or all where times are missing."""
    if not found:
        return ()
    intervals = timed.secret if timed is not None else None
    if not intervals:
        intervals = ((start_ms, end_ms),)
    merged: list[tuple[int, int]] = []
    for start, end in sorted((max(0, start - margin_ms), end + margin_ms) for start, end in intervals):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    return tuple(merged)
