"""From the times of words to the stretches of sound that must be beeped.

Recognition of digits is poor: it drops some, writes others as words that sound alike, and its times are off by as
much as `OFF_MS`. So a finding is beeped from its first word to its last with all holes in it; a word that sounds like
a digit is beeped with the digits it stands beside, and so is a single word between digits. Where a hole beside a
finding is longer than pauses in speech are, the beep goes into it, and `Beeps.reach` says how far it may follow the
voice that is heard there (`engines.speech.voiced`), which only those who have the sound can do.

A final may end in the midst of a number. So the end of what a speaker said is kept in mind: times, and what each word
is to the sound, but no word.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

# By how much the times of words may be wrong, either way.
OFF_MS = 100
# A longer hole between two words is no mere pause: something was said there, or nobody spoke.
PAUSE_MS = 300
# How far a beep goes into such a hole unheard. With times that are off it stays below half a second too much.
BLIND_MS = 350
# How far a beep follows a voice that recognition wrote nothing of: five slow digits. A number of which more is missing
# is seldom found at all.
REACH_MS = 5_000
# Digits further away than this from others, with no other word between, are no part of their number: as much may be
# missing between them as beside them.
_BESIDE_MS = REACH_MS
# Strange words between two digits, so many at most, belong to their number where no more than one digit is missing
# beside each: recognition writes unrelated words for digits, two in a row at times.
_STRANGE, _BETWEEN_WORDS, _BETWEEN_MS = 2, 4, 1_500

# How long ago the words before a final may be to go on in it, and how many of them are kept in mind.
_TAIL_MS = 1_500
_TAIL_WORDS = 40

# What recognition writes for digits, and digits themselves. Alone such a word says nothing; beside a number it is
# beeped.
_DIGITS = frozenset(["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"])
_LIKE_DIGITS = (
    "ten double triple "
    "oh o hero zeros cero won wan on want once to too tu tree free three's for fore ford four's "
    "forth fife fives hive five's fire fight by six's sex sick sicks sixth heaven seven's sever ate "
    "eight's hate eighth nein nines nine's mine night knight none line fine "
)
SOUNDS_LIKE_DIGIT = _DIGITS.union(_LIKE_DIGITS.split())
# So many in a row, and so many digits among them, are a number, too, though nothing was found in the text.
_MANY_ALIKE, _DIGITS_AMONG = 5, 2


class Part(StrEnum):
    """What a word is to the sound: part of a number, of another finding, a digit, perhaps one misheard, or neither."""

    NUMBER = "number"
    FINDING = "finding"
    DIGIT = "digit"
    LIKE_DIGIT = "like a digit"
    OTHER = "other"


# Not frozen, as `Span` is not: there is one for each word.
@dataclass(slots=True, unsafe_hash=True)
class Sound:
    """A word's time, and what it is. `span` counts the findings; -1 where it belongs to none."""

    start_ms: int
    end_ms: int
    part: Part
    span: int = -1

    @property
    def is_secret(self) -> bool:
        return self.part in (Part.NUMBER, Part.FINDING)

    @property
    def may_be_digit(self) -> bool:
        return self.part in (Part.NUMBER, Part.DIGIT, Part.LIKE_DIGIT)


@dataclass(frozen=True, slots=True)
class Beeps:
    """What to beep, in milliseconds of the call: in order, apart from each other, margins included.

    `reach` has for each of `intervals` from where to where at most it may be widened, as far as a voice is heard.
    """

    intervals: tuple[tuple[int, int], ...] = ()
    reach: tuple[tuple[int, int], ...] = ()


@dataclass(slots=True)
class _Run:
    """Words that are beeped in one: indices of the first and the last, and their time."""

    first: int
    last: int
    start_ms: int
    end_ms: int
    numeric: bool

    def take(self, index: int, sound: Sound) -> None:
        self.first, self.last = min(self.first, index), max(self.last, index)
        self.start_ms, self.end_ms = min(self.start_ms, sound.start_ms), max(self.end_ms, sound.end_ms)


def part_of(word: str, *, numeric: bool | None) -> Part:
    """Say what `word` is; `numeric` tells of the finding that it belongs to, None that it belongs to none."""
    said = word.lower().strip(".,;:?!")
    if numeric is not None:
        # Parts of a number are taken for a date or an address at times.
        return Part.NUMBER if numeric or said in SOUNDS_LIKE_DIGIT or said.isdecimal() else Part.FINDING
    if said in _DIGITS:
        return Part.DIGIT
    return Part.LIKE_DIGIT if said in SOUNDS_LIKE_DIGIT else Part.OTHER


def beeps_for(
    sounds: Sequence[Sound] | None,
    *,
    found: bool,
    start_ms: int,
    end_ms: int,
    margin_ms: int,
    before: Sequence[Sound] = (),
) -> Beeps:
    """Return what to beep of an utterance; `found` says whether anything was found in it.

    `sounds` are its words in order; None, or none of a finding among them, if times are missing: then all of it.
    `before` are the last words of the same speaker, which may belong to the same number.
    """
    if found and not any(sound.is_secret for sound in sounds or ()):
        whole = (max(0, start_ms - margin_ms), end_ms + margin_ms)
        return _merged([(*whole, max(0, start_ms - REACH_MS), end_ms + REACH_MS)])
    words = [*before, *(sounds or ())]
    special = [one for one in words if one.part is not Part.OTHER]
    if len(special) < _MANY_ALIKE and not any(one.is_secret for one in special):
        return Beeps()  # too few to be a number by their count
    words = _numbers_seen(words)
    widened = []
    for run in _runs(words):
        if run.last < len(before):
            continue  # it is beeped already
        last = words[run.first - 1] if run.first else None
        after = words[run.last + 1] if run.last + 1 < len(words) else None
        left_ms = start_ms if last is None else last.end_ms
        right_ms = end_ms if after is None else after.start_ms
        start = run.start_ms - _edge(run.start_ms - left_ms, margin_ms)
        end = run.end_ms + _edge(right_ms - run.end_ms, margin_ms)
        earliest, latest = run.start_ms - REACH_MS, run.end_ms + REACH_MS
        # A misheard digit further away is no reason not to follow the voice over it.
        other = next((one for one in words[: run.first][::-1] if one.part is Part.OTHER), None)
        if other is not None:
            earliest = max(earliest, other.end_ms - OFF_MS)
        other = next((one for one in words[run.last + 1 :] if one.part is Part.OTHER), None)
        if other is not None:
            latest = min(latest, other.start_ms + OFF_MS)
        widened.append((max(0, start), end, max(0, min(start, earliest)), max(end, latest)))
    return _merged(widened)


class Muting:
    """What is to be beeped of one conversation, final by final. `margin_ms` on either side of what was found."""

    def __init__(self, margin_ms: int) -> None:
        self._margin_ms = margin_ms
        self._last: dict[str, tuple[Sound, ...]] = {}

    def beeps(
        self, speaker: str, sounds: Sequence[Sound] | None, *, found: bool, start_ms: int, end_ms: int
    ) -> Beeps:
        """Return what to beep now that a final of `speaker` is known. Earlier sound may be among it."""
        before = self._last.pop(speaker, ())
        if sounds and before and not -_TAIL_MS <= sounds[0].start_ms - before[-1].end_ms <= _TAIL_MS:
            before = ()
        self._last[speaker] = _tail([*before, *sounds]) if sounds else ()
        return beeps_for(
            sounds,
            found=found,
            start_ms=start_ms,
            end_ms=end_ms,
            margin_ms=self._margin_ms,
            before=before if sounds else (),
        )


def _tail(sounds: Sequence[Sound]) -> tuple[Sound, ...]:
    """Return the words at the end that a number may go on from; of findings no more than that they were some.

    A few strange words behind a number may be digits of it.
    """
    last = len(sounds)
    while last and sounds[last - 1].part is Part.OTHER and len(sounds) - last < _STRANGE:
        last -= 1
    first = last
    while first and sounds[first - 1].part is not Part.OTHER and last - first < _TAIL_WORDS:
        first -= 1
    if last < len(sounds) and all(one.part is not Part.NUMBER for one in sounds[first:last]):
        return ()
    return tuple(replace(sound, span=min(sound.span, -1)) for sound in sounds[first:])


def _numbers_seen(sounds: Sequence[Sound]) -> list[Sound]:
    """Return `sounds` with those made parts of a number that are one by their mere count."""
    seen = list(sounds)
    first = 0
    for index in range(len(seen) + 1):
        goes_on = index < len(seen) and seen[index].may_be_digit
        if goes_on and (index == first or seen[index].start_ms - seen[index - 1].end_ms <= _BESIDE_MS):
            continue
        row = seen[first:index]
        if len(row) >= _MANY_ALIKE and sum(one.part is not Part.LIKE_DIGIT for one in row) >= _DIGITS_AMONG:
            seen[first:index] = [replace(one, part=Part.NUMBER) for one in row]
        first = index if goes_on else index + 1
    return seen


def _edge(hole_ms: int, margin_ms: int) -> int:
    return margin_ms if hole_ms <= PAUSE_MS else max(margin_ms, min(hole_ms, BLIND_MS))


def _runs(sounds: Sequence[Sound]) -> list[_Run]:
    runs: list[_Run] = []
    for index, sound in enumerate(sounds):
        if not sound.is_secret:
            continue
        last = runs[-1] if runs else None
        if last is not None and _goes_on(sounds, last, index):
            for between in range(last.last + 1, index + 1):
                last.take(between, sounds[between])
            last.numeric = last.numeric or sound.part is Part.NUMBER
        else:
            runs.append(_Run(index, index, sound.start_ms, sound.end_ms, sound.part is Part.NUMBER))
    for run in runs:
        if run.numeric:
            _take_misheard(sounds, run)
    return runs


def _goes_on(sounds: Sequence[Sound], run: _Run, index: int) -> bool:
    """Say whether all from the end of `run` to the word at `index` is beeped: there is nothing but a hole, or it
    is one number with misheard words in it."""
    sound = sounds[index]
    between = sounds[run.last + 1 : index]
    hole_ms = sound.start_ms - run.end_ms
    if 0 <= sound.span == sounds[run.last].span:
        return True
    if not between:
        return hole_ms <= REACH_MS
    numbers = sounds[run.last].part is Part.NUMBER and sound.part is Part.NUMBER
    strange = sum(one.part is Part.OTHER for one in between)
    few = strange <= _STRANGE and len(between) <= _BETWEEN_WORDS
    return numbers and few and hole_ms <= _BETWEEN_MS * len(between)


def _take_misheard(sounds: Sequence[Sound], run: _Run) -> None:
    while run.first and sounds[run.first - 1].may_be_digit:
        sound = sounds[run.first - 1]
        if run.start_ms - sound.end_ms > _BESIDE_MS:
            break
        run.take(run.first - 1, sound)
    while run.last + 1 < len(sounds) and sounds[run.last + 1].may_be_digit:
        sound = sounds[run.last + 1]
        if sound.start_ms - run.end_ms > _BESIDE_MS:
            break
        run.take(run.last + 1, sound)


def _merged(found: Iterable[tuple[int, int, int, int]]) -> Beeps:
    merged: list[tuple[int, int, int, int]] = []
    for start, end, earliest, latest in sorted(found):
        if merged and start <= merged[-1][1]:
            last = merged[-1]
            merged[-1] = (last[0], max(last[1], end), min(last[2], earliest), max(last[3], latest))
        else:
            merged.append((start, end, earliest, latest))
    return Beeps(tuple(one[:2] for one in merged), tuple(one[2:] for one in merged))
