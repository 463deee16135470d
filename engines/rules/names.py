"""Names from a list that a company keeps, its products and its competitors, found as speech recognition writes them.

A name is compared by its letters and digits alone: "Northwind" is heard in "north wind", "NorthWind's" and
"north-wind", "Plan 5" in "plan five", "Office 365" in "office three sixty five". What is shorter than five letters is
not pieced together from longer words ("ION" is not heard in "i on"). Sound-alikes are other spellings of the list.

Any language that writes words with spaces; numbers are spoken in English.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product

from engines.rules.text import words_of

MAX_NAMES = 1_000
MAX_SPELLINGS = 30
MAX_NAME = 60
MAX_READINGS = 48
# What is shorter is taken as written, or letter by letter.
PIECED_FROM = 5

_WORD = re.compile(r"[^\W_]+(?:['’ʼ][^\W_]+)*\+?")
_GAP = re.compile(r"[\s\-‐‑–_'’/]*(?:&\s*)?")
_PIECE = re.compile(r"\d+|\D+")
_UNITS: list[str] = re.findall(
    r"\w+",
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen",
)
_TENS: list[str] = re.findall(r"\w+", "twenty thirty forty fifty sixty seventy eighty ninety")
_VALUES = {word: value for value, word in enumerate(_UNITS)}
_VALUES |= {word: 10 * (at + 2) for at, word in enumerate(_TENS)}

Span = tuple[int, int]
Pieces = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Named:
    """One name of the list. `exact`: words are neither joined nor split, for names that are ordinary words, too."""

    name: str
    spellings: tuple[str, ...] = ()
    exact: bool = False


@dataclass(frozen=True, slots=True)
class _Entry:
    name: str
    exact: bool
    written: frozenset[Pieces]


@lru_cache(maxsize=8192)
def _letters(word: str) -> str:
    """Return a word as it is compared: no case, no accents, no apostrophes."""
    folded = word.casefold()
    if not folded.isascii():
        parts = unicodedata.normalize("NFKD", folded)
        folded = "".join(part for part in parts if not unicodedata.combining(part))
    if folded.isalnum():
        return folded
    return "".join(letter for letter in folded if letter.isalnum() or letter == "+").replace("+", "plus")


def _words(text: str) -> list[tuple[str, int, int]]:
    return [(_letters(found.group()), *found.span()) for found in _WORD.finditer(text)]


def _number(value: int, joint: str = "") -> str:
    """Return a number below ten thousand as it is spoken, words separated by spaces."""
    if value < 20:
        return _UNITS[value]
    if value < 100:
        return _TENS[value // 10 - 2] + (f" {_UNITS[value % 10]}" if value % 10 else "")
    size, name = (1000, "thousand") if value >= 1000 else (100, "hundred")
    rest = value % size
    return f"{_number(value // size, joint)} {name}" + (f" {joint}{_number(rest, joint)}" if rest else "")


def _pair(digits: str) -> str:
    if digits == "00":
        return "hundred"
    return f"oh {_UNITS[int(digits[1])]}" if digits[0] == "0" else _number(int(digits))


@lru_cache(maxsize=1024)
def _readings(digits: str) -> tuple[str, ...]:
    """Return the ways to say a run of digits, itself among them."""
    one_by_one = " ".join(_UNITS[int(digit)] for digit in digits)
    said = [digits, one_by_one, one_by_one.replace("zero", "oh")]
    if len(digits) <= 4 and digits[0] != "0":
        said += [_number(int(digits)), _number(int(digits), "and ")]
        if len(digits) == 3:
            said.append(f"{_UNITS[int(digits[0])]} {_pair(digits[1:])}")
        elif len(digits) == 4:
            said.append(f"{_pair(digits[:2])} {_pair(digits[2:])}")
    return tuple(dict.fromkeys(said))


def _figures(words: Sequence[str]) -> list[str]:
    """Return the words with spoken numbers in digits: "plan twenty five" as plan, 25."""
    made: list[str] = []
    at = 0
    while at < len(words):
        value = _VALUES.get(words[at])
        if value is None:
            made.append(words[at])
        else:
            after = _VALUES.get(words[at + 1]) if at + 1 < len(words) else None
            if value >= 20 and after is not None and 0 < after < 10:
                value, at = value + after, at + 1
            made.append(str(value))
        at += 1
    return made


def _written(spelling: str) -> list[Pieces]:
    """Return the ways in which a spelling may be written or said, each as its words."""
    readings: list[list[str]] = []
    words: list[str] = []
    last = 0
    for word, start, end in _words(spelling):
        if words and "&" in spelling[last:start]:
            words.append("and")
        words.append(word)
        last = end
    choices: list[list[str]] = []
    for word in words:
        parts = [_readings(one) if one.isdigit() else (one,) for one in _PIECE.findall(word)]
        joined = [word] + [" ".join(chosen) for chosen in product(*parts)]
        choices.append(list(dict.fromkeys(joined)))
    for chosen in product(*choices):
        readings.append([word for part in chosen for word in part.split()])
        if len(readings) >= MAX_READINGS:
            break
    readings += [made for reading in readings[:1] if (made := _figures(reading)) != reading]
    return list(dict.fromkeys(tuple(one) for one in readings if one))


def check_names(names: Sequence[Named]) -> list[str]:
    """Return what is wrong with a list, in words for who keeps it."""
    wrong: list[str] = []
    if len(names) > MAX_NAMES:
        wrong.append(f"More than {MAX_NAMES} names: keep those that callers say.")
    taken: dict[str, str] = {}
    for one in names[:MAX_NAMES]:
        if len(one.spellings) > MAX_SPELLINGS:
            wrong.append(f"“{one.name}” has more than {MAX_SPELLINGS} other spellings.")
        for spelling in (one.name, *one.spellings[:MAX_SPELLINGS]):
            complaint = _complaint(spelling)
            if complaint:
                wrong.append(complaint)
                continue
            squashed = "".join(_written(spelling)[0])
            other = taken.setdefault(squashed, one.name)
            if other != one.name:
                wrong.append(f"“{spelling}” would be heard as “{other}”, too: keep it with one of them.")
    return wrong


def _complaint(spelling: str) -> str:
    if len(spelling) > MAX_NAME:
        return f"“{spelling[:30]}…” is longer than {MAX_NAME} characters."
    words = [word for word, _start, _end in _words(spelling)]
    if not words:
        return f"“{spelling}” has no letters." if spelling.strip() else "A name is empty."
    if all(word.isdigit() or word in _VALUES for word in words):
        return (
            f"“{spelling}” is a number, and would be heard wherever one is said: "
            "write it as callers say it, as in “plan five”."
        )
    if len("".join(words)) < 2:
        return f"“{spelling}” is a single letter: write it as callers say it, as in “plan B”."
    return ""


class NameFinder:
    """Finds the names of one list. Immutable; shared by all conversations that use the list."""

    def __init__(self, names: Iterable[Named]) -> None:
        self._entries: dict[str, _Entry] = {}
        # How long what begins with these two letters may be: most words begin no name.
        self._longest: dict[str, int] = {}
        for one in names:
            for spelling in (one.name, *one.spellings):
                if _complaint(spelling):
                    continue
                for pieces in _written(spelling):
                    self._enter(one, "".join(pieces), frozenset({pieces}))
                if "&" in spelling:
                    # "a t t": but never of whole words, as in "look at T-shirts".
                    self._enter(one, "".join(word for word, _start, _end in _words(spelling)), frozenset())

    def _enter(self, one: Named, squashed: str, written: frozenset[Pieces]) -> None:
        known = self._entries.get(squashed)
        if known is not None:
            if known.name != one.name:
                return  # `check_names` tells
            written |= known.written
        self._entries[squashed] = _Entry(one.name, one.exact, written)
        head = squashed[:2]
        self._longest[head] = max(self._longest.get(head, 0), len(squashed))

    def find(self, text: str) -> list[Span]:
        """Return where names are, as half-open character spans in their order; the longest name wins."""
        return [(start, end) for start, end, _name in self.named(text)]

    def named(self, text: str) -> list[tuple[int, int, str]]:
        """Return (start, end, name as the list has it) of every name in a text."""
        found: list[tuple[int, int, str]] = []
        if not self._entries:
            return found
        # The words are at hand: other detectors ask for them, too.
        norms, starts, _ends = words_of(text)
        longest = self._longest
        count, over = len(norms), 0
        for at, norm in enumerate(norms):
            head = norm[:2]
            if len(head) < 2 and at + 1 < count:
                head += norms[at + 1][:1]
            if (head in longest or not head.isascii()) and starts[at] >= over:
                hit = self._from(text, starts[at])
                if hit is not None:
                    found.append(hit)
                    over = hit[1]
        return found

    def _from(self, text: str, first: int) -> tuple[int, int, str] | None:
        """Return the longest name that begins at a character."""
        best: tuple[int, int, str] | None = None
        pieces: list[str] = []
        length = longest = last = 0
        for found in _WORD.finditer(text, first):
            start, end = found.span()
            if pieces:
                if not _GAP.fullmatch(text, last, start):
                    break
                if "&" in text[last:start]:
                    pieces.append("and")
                    length += 3
            word = _letters(found.group())
            pieces.append(word)
            length += len(word)
            if not longest and length >= 2:
                # A plural or a genitive is up to two letters longer.
                longest = self._longest.get("".join(pieces)[:2], -2) + 2
            if length > max(longest, 1):
                break
            name = self._name(pieces)
            if name is not None:
                best = (first, end, name)
            last = end
        return best

    def _name(self, pieces: list[str]) -> str | None:
        squashed = "".join(pieces)
        for ending in ("", "s", "es"):
            if not squashed.endswith(ending):
                continue
            stem = squashed[: len(squashed) - len(ending)]
            entry = self._entries.get(stem)
            last = pieces[-1][: len(pieces[-1]) - len(ending)]
            if entry is not None and last and _fits(entry, stem, (*pieces[:-1], last)):
                return entry.name
        return None


def _fits(entry: _Entry, squashed: str, pieces: Pieces) -> bool:
    if pieces in entry.written:
        return True
    if entry.exact:
        return False
    return len(pieces) == 1 or len(squashed) >= PIECED_FROM or all(len(piece) == 1 for piece in pieces)
