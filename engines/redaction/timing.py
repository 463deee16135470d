"""From findings in the text to words with times; `muting` makes of them what must be beeped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

from engines.redaction.muting import Beeps, Part, Sound, beeps_for, part_of
from engines.redaction.text import Span
from engines.redaction.vocabulary import kind
from engines.speech.types import HeardWord

# By so much a word may begin before its utterance or end after it, and begin before the one before it. What is more was
# never measured.
_ASTRAY_MS = 500


# Not frozen, as `Span` is not: there are ten of them in every final.
@dataclass(slots=True, unsafe_hash=True)
class RedactedWord:
    """A word, or a placeholder for several, with its times in the call's audio. `confidence` lies in 0..1."""

    text: str
    start_ms: int
    end_ms: int
    confidence: float


@dataclass(frozen=True, slots=True)
class TimedWords:
    """The words of an utterance after redaction, and for the sound the times of all of them, in order.

    `sounds` is None when a word of a finding had no times of its own, or one that may be a misheard digit beside it.
    """

    words: tuple[RedactedWord, ...]
    sounds: tuple[Sound, ...] | None


def words_trusted(words: Sequence[HeardWord], start_ms: int, end_ms: int) -> list[HeardWord]:
    """Return the words of an utterance from `start_ms` to `end_ms`, `timed` only where their times can be believed.

    Not believed are no times (no length), times that are no numbers, and times outside the utterance; where words go
    far back, none of them. Such words have the time of their whole utterance: so what hides them later mutes all of it.
    """
    first, last = start_ms - _ASTRAY_MS, end_ms + _ASTRAY_MS
    before = first
    for one in words:
        if not (one.timed and before <= one.start_ms < one.end_ms <= last):
            break
        before = one.start_ms
    else:
        return list(words)  # all in order, as nearly always
    # What is no number is in no order with any.
    timed = [one.timed and first <= one.start_ms < one.end_ms <= last for one in words]
    starts = [one.start_ms for one, sure in zip(words, timed, strict=True) if sure]
    if any(
        after < before - _ASTRAY_MS for before, after in zip(accumulate(starts, max), starts, strict=True)
    ):
        timed = [False] * len(words)
    whole = max(0, start_ms), max(0, start_ms, end_ms)
    return [
        one if sure else replace(one, start_ms=whole[0], end_ms=whole[1], timed=False)
        for one, sure in zip(words, timed, strict=True)
    ]


def redacted_words(
    text: str, spans: Sequence[Span], words: Sequence[HeardWord], stand_ins: Sequence[str | None]
) -> TimedWords | None:
    """Place `words` in `text` and replace those that a span touches, even in part, by its stand-in.

    All words that touch one span become one. Where the stand-in is None the words stay, but their times are those of
    a finding all the same: sound cannot be shown to some and not to others. Returns None if the words are not, in
    order, all in the text, if a span has no word, or if letters or digits of the text belong to no word.
    """
    result: list[RedactedWord] = []
    sounds: list[Sound] = []
    timed = True
    cursor = 0
    at = 0
    last_span = last_touched = last_number = -1
    reached: set[int] = set()
    for word in words:
        said = word.text.reveal().strip()
        start = text.find(said, cursor)
        if start < 0 or _says_something(text[cursor:start]):
            return None
        end = cursor = start + len(said)
        while at < len(spans) and spans[at].end <= start:
            at += 1
        if at == len(spans) or spans[at].start >= end:
            result.append(RedactedWord(said, word.start_ms, word.end_ms, word.confidence))
            part = part_of(said, numeric=None)
            # Without times it says nothing of where others are.
            if _has_time(word):
                sounds.append(Sound(word.start_ms, word.end_ms, part))
            elif spans and part is not Part.OTHER:
                timed = False
            continue
        index = at
        while at + 1 < len(spans) and spans[at + 1].start < end:
            reached.add(at)
            at += 1
        reached.add(at)
        timed = timed and _has_time(word)
        numeric = any(kind(span.type).numeric for span in spans[index : at + 1])
        # A word that two findings share joins them.
        number = index if last_touched != index else last_number
        sounds.append(Sound(word.start_ms, word.end_ms, part_of(said, numeric=numeric), number))
        last_touched, last_number = at, number
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
    if len(reached) < len(spans) or _says_something(text[cursor:]):
        return None
    return TimedWords(tuple(result), tuple(sounds) if timed else None)


def _says_something(between: str) -> bool:
    return between != " " and any(map(str.isalnum, between))


def _has_time(word: HeardWord) -> bool:
    return word.timed and word.end_ms > word.start_ms


def beeps(timed: TimedWords | None, *, found: bool, start_ms: int, end_ms: int, margin_ms: int) -> Beeps:
    """Return what to beep, in milliseconds: each finding with its margins, or all where times are missing."""
    sounds = timed.sounds if timed is not None else None
    return beeps_for(sounds, found=found, start_ms=start_ms, end_ms=end_ms, margin_ms=margin_ms)
