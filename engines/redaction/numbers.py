"""Spoken and written digits: what each word is worth, and which of them make one run.

A run is a stretch of number words and digit strings that may be one number: "four one double seven", "forty
one eleven", "4111-1111", "4 one um 1". Fillers may stand in it, and so may words that speech recognition
writes for a digit ("to", "for") if digits stand on both sides. Whether a run is hidden is not decided here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from unicodedata import decimal

from engines.redaction.tokens import Utterance, words

SINGLE = {
    word: str(value)
    for value, names in enumerate(
        (
            "zero zeros zeroes nought naught",
            "one",
            "two twos",
            "three threes",
            "four fours",
            "five fives",
            "six sixes",
            "seven sevens",
            "eight eights",
            "nine niner nines",
        )
    )
    for word in names.split()
}
_TEENS = "ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen"
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
TEEN = {name: str(10 + value) for value, name in enumerate(_TEENS.split())}
TENS = {name: str(2 + value) for value, name in enumerate(_TENS.split())} | {"fourty": "4"}
SCALE = {"hundred": 100, "thousand": 1000, "million": 1_000_000, "billion": 1_000_000_000}
TIMES = {"double": 2, "triple": 3, "treble": 3, "quadruple": 4}
ZERO_LETTERS = words("oh o")  # a zero beside other digits, an interjection elsewhere
# What speech recognition writes for a digit: part of a number only within one.
MISHEARD = words("to too for fore won ate free tree sicks sex fife nein ones")
WEAK = ZERO_LETTERS | MISHEARD | frozenset(TIMES)

MONTHS = words(
    "january february march april may june july august september october november december jan feb mar apr "
    "jun jul aug sep sept oct nov dec"
)
ORDINALS = words(
    "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth "
    "fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth twentieth thirtieth"
)
DATE_WORDS = MONTHS | ORDINALS

_STRONG = frozenset((*SINGLE, *TEEN, *TENS))
_NUMBER_WORDS = _STRONG | frozenset(TIMES)
# Words that stand for their first letter (ICAO's alphabet, and what people say instead).
SPELLING_WORDS = words(
    "alpha alfa bravo charlie delta echo foxtrot golf hotel india juliet juliett kilo lima mike november "
    "oscar papa quebec romeo sierra tango uniform victor whiskey whisky xray yankee zulu zebra"
)
# Short words that are no group of letters in a code.
SHORT_WORDS = words(
    "a am an and any are as ask at bad be been big but buy by call can card case cell city code come cost "
    "did do does done each else end etc ext feel few fine for from full gave get give go good got had has "
    "have he help her here hers hey hi him his hit home hope how i id if i'm in info into is it its it's "
    "just keep kind know last late left less let like line list live long look lot made mail make many may "
    "me mine more most move much must my name near need new next nice no none nope nor not note now of off "
    "ok okay old on once one only open or our out over paid pay per pin plan plus post put ring said same "
    "say says see send sent she show sir so some soon sort stay still such sure take tell text than that "
    "them then they this tick till time to told too try turn two type uh um up upon use used very via wait "
    "want was way we week well went were what when who why will wish with won yeah year yep yes yet you "
    "your zip pick huh plz pls usd gbp eur dob ssn otp pnr am pm mr mrs miss kids dogs cars days date easy "
    "sum fax area apt road st ave ln dr lane park bank loan bill ref num acc acct nos tv pc amt kg lb lbs km "
    "cm mm mb gb th nd rd mins secs hrs hour min sec max ago bye hold yet also ever even days both half"
)

LONGEST_BRIDGE = 4  # words between two groups of one number
_JOINING_GAP = re.compile(r"[\s\-.,()/:+*#–—_·…;?!]{0,6}")


# Not frozen: that would make each of them three times as dear.
@dataclass(slots=True)
class Element:
    """One number within a run: "forty one" is one element of the digits 41, "double seven" two single ones.

    `first` and `last` are token indices. `digits` never leaves the engine. `single` says that each digit was
    said by itself, `scaled` that a word such as "hundred" took part, `written` that it stood in figures.
    """

    first: int
    last: int
    digits: str
    single: bool = False
    scaled: bool = False
    written: bool = False


class Run:
    """Elements that may be one number. `first` and `last` are token indices, both within the run.

    `digits` are all of them, `total` how many; `singles` is the longest row of digits that were said one by one.
    `counted` and `dated` are for whoever finds out whether it is a quantity, a date or a sum: asked more than once.
    """

    __slots__ = ("counted", "dated", "digits", "elements", "first", "last", "singles", "total")

    def __init__(self, elements: list[Element]) -> None:
        self.elements = elements
        self.counted: bool | None = None
        self.dated: bool | None = None
        self.first = elements[0].first if elements else 0
        self.last = elements[-1].last if elements else -1
        self.digits = "".join([one.digits for one in elements])
        self.total = len(self.digits)
        best = row = 0
        for element in elements:
            if element.single:
                row += len(element.digits)
                if row > best:
                    best = row
            else:
                row = 0
        self.singles = best


def said_for(lows: list[str], i: int) -> int:
    """Return how many words after letter `i` only say which letter it is: "as in bravo" 3, "for golf" 2, else 0."""
    letter, rest = lows[i], lows[i + 1 : i + 4]
    if len(rest) == 3 and rest[0] == "as" and rest[1] == "in" and rest[2][0] == letter:
        return 3
    if len(rest) >= 2 and rest[0] in ("for", "like", "as") and len(rest[1]) > 1 and rest[1][0] == letter:
        return 2
    return 0


def figures(digits: str) -> str:
    """Return decimal digits of any script as ASCII."""
    return digits if digits.isascii() else "".join(str(decimal(character)) for character in digits)


def is_strong(low: str) -> bool:
    """Say whether a lower-case token is a number by itself, whatever stands beside it."""
    return low in _STRONG or low[0].isdecimal()


def joining(gap: str) -> bool:
    """Say whether `gap`, the signs between two words, may stand within a number."""
    return gap == " " or ("\n" not in gap and _JOINING_GAP.fullmatch(gap) is not None)


def says_numbers(utterance: Utterance) -> bool:
    """Say whether any word of `utterance` can be a number at all; a quick no for most of what is said."""
    return utterance.has_figures or not utterance.vocabulary.isdisjoint(_NUMBER_WORDS)


class NumberReader:
    """Reads the runs of one utterance, left to right.

    From token `dates_from` on, months and ordinals count as parts of a number (a date of birth was asked
    for); from `letters_from` on, single letters do ("g 75 f 34"); from `alone_from` on, "oh", "to" and the
    like stand for digits without a strong number beside them: right only where digits are due and nothing
    else is said. None means nowhere.
    """

    def __init__(
        self,
        utterance: Utterance,
        *,
        dates_from: int | None = None,
        letters_from: int | None = None,
        alone_from: int | None = None,
    ) -> None:
        self._utterance = utterance
        self._dates_from = dates_from
        lows = utterance.lows
        self._lows = lows
        self._letters: set[int] = set()
        self._number = [low in _STRONG or low[0].isdecimal() for low in lows]
        if dates_from is not None:
            for i in range(dates_from, len(lows)):
                self._number[i] = self._number[i] or lows[i] in DATE_WORDS
        if not utterance.vocabulary.isdisjoint(ZERO_LETTERS):
            self._promote()
        if alone_from is not None:
            for i in range(alone_from, len(lows)):
                self._number[i] = self._number[i] or lows[i] in ZERO_LETTERS or lows[i] in MISHEARD
        if letters_from is not None:
            self._promote_letters(letters_from)

    def _promote(self) -> None:
        """Count "oh" as a digit beside a digit, in both directions, so that "oh oh seven" is three."""
        lows, number = self._lows, self._number
        for order, before in ((range(len(lows)), -1), (range(len(lows) - 1, -1, -1), 1)):
            for i in order:
                if lows[i] in ZERO_LETTERS and not number[i]:
                    j = i + before
                    number[i] = 0 <= j < len(lows) and (number[j] or lows[j] in TIMES)

    def _promote_letters(self, start: int) -> None:
        """Count letters as parts of the number: single ones, "b as in bravo", "golf", "ssk 698"."""
        tokens, number, lows = self._utterance.tokens, self._number, self._lows
        end = len(tokens)
        for i in range(start, end):
            token = tokens[i]
            if number[i] and i not in self._letters and not (token.is_letter and said_for(lows, i)):
                continue
            if token.is_letter:
                beside = (i > start and number[i - 1]) or (i + 1 < end and number[i + 1])
                behind = said_for(lows, i)
                if token.low in ("a", "i"):  # also words: "253 i ordered"
                    beside = i + 1 < end and (number[i + 1] or tokens[i + 1].is_letter)
                if beside or behind or token.low not in ("a", "i"):
                    number[i] = True
                    for k in range(i + 1, i + 1 + behind):
                        number[k] = True
                        self._letters.add(k)
                    if behind and token.low in ZERO_LETTERS:
                        self._letters.add(i)
            elif token.low in SPELLING_WORDS or self._is_group(i, start):
                number[i] = True
                self._letters.add(i)

    def _is_group(self, i: int, start: int) -> bool:
        """Say whether token `i` is a group of letters within a code: "ssk 698", "ui 85 op"."""
        low, number = self._lows[i], self._number
        if not (2 <= len(low) <= 4 and low.isalpha()) or low in SHORT_WORDS or low in WEAK:
            return False
        before = i > start and number[i - 1]
        after = i + 1 < len(number) and is_strong(self._lows[i + 1])
        return after or (before and (i + 1 == len(number) or not any(v in low for v in "aeiouy")))

    def runs(self) -> list[Run]:
        """Return all runs in order. They do not overlap."""
        found: list[Run] = []
        run: list[Element] = []
        after = 0
        number = self._number
        if self._utterance.vocabulary.isdisjoint(TIMES):
            begins = [i for i, is_number in enumerate(number) if is_number]
        else:
            begins = [i for i, low in enumerate(self._lows) if number[i] or low in TIMES]
        for i in begins:
            if i < after:
                continue
            elements, after = self._read(i)
            if not elements:
                continue
            if run and not self._joined(run[-1], elements[0]):
                found.append(Run(run))
                run = []
            run += elements
        if run:
            found.append(Run(run))
        return found

    def _read(self, i: int) -> tuple[list[Element], int]:
        """Read one number at token `i`; return its elements and the token after it."""
        lows = self._lows
        times = TIMES.get(lows[i])
        if times is not None and i + 1 < len(lows) and (digit := self._digit(i + 1)) is not None:
            return [Element(i, i + 1, digit * times, single=True)], i + 2
        if times is not None and i + 1 < len(lows) and lows[i + 1].isdecimal():
            written = figures(lows[i + 1])  # "double 936": recognition wrote the rest of the group in figures
            return [Element(i, i + 1, written[0] * (times - 1) + written, written=True)], i + 2
        if not self._number[i]:
            return [], i + 1
        if i in self._letters:
            return [Element(i, i, "")], i + 1
        low = lows[i]
        if low[0].isdecimal():
            written = figures(low)
            value, after = int(written) if len(written) <= 6 else 0, i + 1
            if after < len(lows) and lows[after] in SCALE and self._touching(after):
                return self._scaled(i, value, after)
            return [Element(i, i, written, single=len(written) == 1, written=True)], after
        small, after = self._small(i)
        if small is None:
            return [Element(i, i, "")], i + 1  # a month, an ordinal or a letter: no digit of its own
        if after < len(lows) and lows[after] in SCALE and self._touching(after):
            return self._scaled(i, int(small), after)
        return [Element(i, after - 1, small, single=len(small) == 1)], after

    def _digit(self, i: int) -> str | None:
        low = self._lows[i]
        if low in SINGLE:
            return SINGLE[low]
        if low in ZERO_LETTERS:
            return "0"
        return figures(low) if len(low) == 1 and low.isdecimal() else None

    def _small(self, i: int) -> tuple[str | None, int]:
        """Read a number word below a hundred."""
        low = self._lows[i]
        if low in SINGLE:
            return SINGLE[low], i + 1
        if low in TEEN:
            return TEEN[low], i + 1
        if low in TENS:
            unit = (
                SINGLE.get(self._lows[i + 1]) if i + 1 < len(self._lows) and self._touching(i + 1) else None
            )
            if unit is not None and unit != "0":
                return TENS[low] + unit, i + 2
            return TENS[low] + "0", i + 1
        if low in ZERO_LETTERS:
            return "0", i + 1
        if low in MISHEARD:
            return "2", i + 1
        return None, i

    def _scaled(self, first: int, value: int, i: int) -> tuple[list[Element], int]:
        """Read the rest of a number with "hundred" or "thousand" in it, whose scale word is token `i`."""
        total, current = 0, value
        lows = self._lows
        while i < len(lows) and lows[i] in SCALE:
            scale = SCALE[lows[i]]
            if scale == 100:
                current *= 100
            else:
                total, current = total + current * scale, 0
            i += 1
            j = i + 1 if i + 1 < len(lows) and lows[i] == "and" else i
            if j < len(lows) and self._number[j] and not lows[j][0].isdecimal():
                small, after = self._small(j)
                if small is not None and lows[j] not in ZERO_LETTERS:
                    if after < len(lows) and lows[after] == "hundred" and current % 1000:
                        break  # "four hundred three hundred": two numbers
                    current, i = current + int(small), after
        return [Element(first, i - 1, str(total + current), scaled=True)], i

    def _touching(self, i: int) -> bool:
        """Say whether nothing but white space or a hyphen parts token `i` from the one before."""
        gap = self._utterance.gap(i)
        return len(gap) <= 3 and not gap.strip("- ")

    def _joined(self, left: Element, right: Element) -> bool:
        """Say whether two numbers belong to one run, by what stands between them."""
        between = range(left.last + 1, right.first)
        if len(between) > LONGEST_BRIDGE:
            return False
        utterance = self._utterance
        dated = self._dates_from is not None and left.first >= self._dates_from
        for i in between:
            low = self._lows[i]
            if not utterance.bridges(i) and low not in MISHEARD and not (dated and low in ("of", "the")):
                return False
            # "between one twenty and one thirty" is two numbers, "four one and one one" may be one.
            if low == "and" and self._lows[i + 1] != "then" and not (left.single and right.single):
                return False
        for i in range(left.last + 1, right.first + 1):
            gap = utterance.gap(i)
            if not joining(gap):
                return False
            ends_sentence = any(mark in gap for mark in (". ", "? ", "! ", "; "))
            alike = len(left.digits) == len(right.digits) <= 4
            if ends_sentence and not alike:
                return False
        return True
