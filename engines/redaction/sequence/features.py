"""What the sequence model sees of a text: of each word alone, of its neighbours, and of what stands between them.

Each feature is a name and a shift: `shift` -2 says that it is of the word two places before. Training writes them all
out (`attributes`); the tagger adds up the weights of the same features without writing them (`tagger.py`). A word's own
features hang on the word and the style of the text alone, so that they are worked out once per word.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from engines.redaction.numbers import MISHEARD, MONTHS, ORDINALS, SCALE, SINGLE, TEEN, TENS, TIMES
from engines.redaction.tokens import Utterance, words

REACH = 3  # how many words to either side
SHIFTS = 2 * REACH + 1
# Where the second of a pair of neighbours stands, seen from the word that is labelled.
PAIRS = (-1, 0, 1, 2)
BARE = 2  # a turn of so many words at most is little but an answer
SCENES = ("C", "D")  # what features of a scene begin with

_WEEKDAYS = words(
    "monday tuesday wednesday thursday friday saturday sunday mon tue tues wed thu thur thurs fri"
)
_TITLES = words("mr mrs ms miss dr mister missus doctor prof professor sir madam sgt capt rev")
_STREETS = words(
    "street road avenue lane drive court close way boulevard place terrace gardens crescent square parkway hill row "
    "st rd ave ln dr ct blvd pl terr sq pkwy hwy highway alley circle trail loop plaza grove rue via viale piazza "
    "corso vicolo strada calle avenida paseo camino carrera rua travessa largo ul ulica aleja jalan utca út tér körút "
    "tee tänav puiestee gatve iela cesta trg sokak caddesi terrasse allé väg plads sor chemin"
)
_STREET_ENDS = tuple(
    words(
        "straße strasse weg allee platz gasse laan straat plein dijk gracht vej gade vænget stræde gatan vägen gränd "
        "torget gata vegen veien katu kuja polku utca"
    )
)
_UNITS = words("apt apartment suite unit flat floor room ste lot box p.o po building block")
_COMPANY_ENDS = words(
    "inc llc ltd group plc gmbh ag corp holdings partners technologies systems solutions labs media bank insurance "
    "industries company co university institute foundation orchestra club international associates"
)
_STATES = words(
    "alabama alaska arizona arkansas california colorado connecticut delaware florida georgia hawaii idaho illinois "
    "indiana iowa kansas kentucky louisiana maine maryland massachusetts michigan minnesota mississippi missouri "
    "montana nebraska nevada ohio oklahoma oregon pennsylvania tennessee texas utah vermont virginia wisconsin wyoming "
    "tx ca ny fl ga il pa oh mi nc va wa az ma tn mo md wi mn co al sc la ky ct ut nv"
)
_MAIL = re.compile("gmail|yahoo|hotmail|outlook|icloud|aol|mailcom|rediff")
_VOWEL = re.compile("[aeiouyáéíóúäöüåæø]")
_ENDS = frozenset(end[-2:] for end in _STREET_ENDS)

_GAPS = {"": 0, " ": 1, ", ": 2, ". ": 3, "-": 4, "/": 5, ".": 6, ": ": 7, "@": 8, "'": 9}
_GAPS |= {" (": 10, "(": 10, '"': 11, ' "': 11}
_NEW_LINE, _OTHER_GAP = 12, 13

PLACEHOLDER = "ph"


@dataclass(frozen=True, slots=True)
class Lexicon:
    """Word lists: parts of first and last names, of names of towns, countries, nations, and everyday words."""

    first: frozenset[str]
    last: frozenset[str]
    cities: frozenset[str]
    countries: frozenset[str]
    nations: frozenset[str]
    common: frozenset[str]

    def without_names(self) -> Lexicon:
        """Return the lists as they are to a word that none of them of names and towns has."""
        none: frozenset[str] = frozenset()
        return Lexicon(none, none, none, self.countries, self.nations, self.common)


# Not frozen: that would make each of them three times as dear.
@dataclass(slots=True)
class Word:
    """What is known of one word by itself.

    `key` is the word as neighbours see it, `kind` and `coarse` its class, finer and coarser; `near` are features that
    neighbours see too, `own` those that only its own label hangs on.
    """

    key: str
    kind: str
    coarse: str
    near: tuple[str, ...]
    own: tuple[str, ...]


def is_cased(text: str) -> bool:
    """Say whether `text` is written with capitals and small letters, so that a capital says something."""
    return text != text.lower() and text != text.upper()


def describe(surface: str, cased: bool, lexicon: Lexicon) -> Word:
    """Return what is known of a token; `surface` as it stands in a text that `is_cased` or not."""
    low = surface.lower().replace("’", "'")
    if low[0] == "[":
        return Word(PLACEHOLDER, PLACEHOLDER, PLACEHOLDER, (), ())
    if low[0].isdecimal():
        return _number(low)
    case = _case(surface) if cased else "p"
    base = low[:-2] if low.endswith("'s") else low
    listed = _LISTED.get(base)
    if listed is not None:
        kind, coarse = listed
        kind = f"{kind}.{case if case in 'pl' else 'X'}"
        return Word(low, kind, coarse, (), (f"s3={low[-3:]}", f"c={case}"))
    if len(base) == 1:
        return Word(low, f"L.{case}", "L", (), ())
    flags = (
        ("N" if base in lexicon.nations else "")
        + ("C" if base in lexicon.countries else "")
        + ("f" if base in lexicon.first else "")
        + ("l" if base in lexicon.last else "")
        + ("c" if base in lexicon.cities else "")
    )
    coarse = "n" if flags else ""
    if base in lexicon.common:
        flags += "o"
        coarse += "o"
    ends = f"s3={base[-3:]}"
    own = [
        f"s2={base[-2:]}",
        ends,
        f"s4={base[-4:]}",
        f"p2={base[:2]}",
        f"p3={base[:3]}",
        f"c={case}",
        f"n={min(len(base), 12)}",
        *["+" + flag for flag in flags],
    ]
    if _MAIL.search(base) is not None:
        own.append("mail")
    if base[-2:] in _ENDS and base.endswith(_STREET_ENDS):
        own.append("streetend")
    if _VOWEL.search(base) is None:
        own.append("novowel")
    return Word(low, f"{flags or '-'}.{case}", coarse + case, (ends, f"g={flags}"), tuple(own))


def _number(low: str) -> Word:
    count = len(low)
    year = count == 4 and low[:2] in ("19", "20")
    size = (
        "y"
        if year
        else str(count if count <= 6 else 8 if count <= 8 else count if count <= 10 else min(count, 17))
    )
    coarse = "dy" if year else "d1" if count <= 2 else "d3" if count <= 6 else "d7"
    own = (f"d1={low[0]}", f"d={count}", *((f"v={low}",) if count <= 3 else ()))
    return Word(f"#{size}", f"d{size}", coarse, (), own)


def _classes() -> dict[str, tuple[str, str]]:
    """Return kind and class of the words that are listed; of a word on several lists, the first counts."""
    lists: tuple[tuple[Iterable[str], str, str], ...] = (
        (SINGLE, "n1", "nw"),
        (TEEN, "nt", "nw"),
        (TENS, "nt", "nw"),
        (TIMES, "nx", "nw"),
        (SCALE, "ns", "nw"),
        (("oh", "o"), "no", "no"),
        (MISHEARD, "nm", "nm"),
        (MONTHS - {"may", "march"}, "mo", "time"),
        (_WEEKDAYS, "wd", "time"),
        (ORDINALS, "or", "time"),
        (_TITLES, "ti", "ti"),
        (_STREETS, "st", "st"),
        (_UNITS, "un", "st"),
        (_COMPANY_ENDS, "co", "co"),
        (_STATES, "us", "us"),
    )
    found: dict[str, tuple[str, str]] = {}
    for listed, kind, coarse in lists:
        for word in listed:
            found.setdefault(word, (kind, coarse))
    return found


_LISTED = _classes()


def _case(surface: str) -> str:
    if surface.islower():
        return "l"
    if surface[0].isupper() and (len(surface) == 1 or surface[1:].islower()):
        return "X"
    return "A" if surface.isupper() else "X"


def gap_kind(gap: str) -> int:
    """Return the class of what stands between two words."""
    known = _GAPS.get(gap)
    if known is not None:
        return known
    return _NEW_LINE if "\n" in gap else _OTHER_GAP


def place(index: int, count: int) -> int:
    """Return the class of a word's place in its text: how long that is, and whether it stands first or last."""
    length = count if count <= 4 else 5 if count <= 7 else 6 if count <= 14 else 7
    return length * 4 + (index == 0) * 2 + (index == count - 1)


def gaps_of(utterance: Utterance) -> list[int]:
    """Return the classes of what stands before each token, and of what stands after the last one."""
    text, at, found = utterance.text, 0, []
    for token in utterance.tokens:
        found.append(gap_kind(text[at : token.start]))
        at = token.end
    found.append(gap_kind(text[at:]))
    return found


def scenes(scene: Sequence[str], count: int) -> list[str]:
    """Return the features of a scene that all words of a text of `count` words have: a bare answer has its own."""
    bare = [f"D{count}|{name}" for name in scene] if count <= BARE else []
    return [*(f"C|{name}" for name in scene), *bare]


def attributes(found: Sequence[Word], gaps: Sequence[int], scene: Sequence[str] = ()) -> Iterator[list[str]]:
    """Yield all features of each word, as training wants them. `gaps[i]` is before word i, the last one at the end."""
    count = len(found)
    around = scenes(scene, count)
    for i, word in enumerate(found):
        row = list(word.own)
        for shift in range(-REACH, REACH + 1):
            if 0 <= i + shift < count:
                other = found[i + shift]
                row += (f"{shift}|w={other.key}", f"{shift}|k={other.kind}")
                if -1 <= shift <= 1:
                    row += (f"{shift}|{feature}" for feature in other.near)
        for shift in PAIRS:
            if 0 < i + shift < count:
                a, b = found[i + shift - 1], found[i + shift]
                row += (f"P{shift}|{a.kind}|{b.kind}", f"W{shift}|{a.key} {b.key}")
        if i > 0:
            row.append(f"X|{found[i - 1].key}|{word.kind}")
        if i + 1 < count:
            row.append(f"Y|{word.kind}|{found[i + 1].key}")
        before = found[i - 1].coarse if i else "^"
        after = found[i + 1].coarse if i + 1 < count else "$"
        row.append(f"T|{before}|{word.coarse}|{after}")
        row.append(f"S|{place(i, count)}|{word.kind}")
        row.append(f"B|{gaps[i]}|{word.kind}")
        row.append(f"A|{gaps[i + 1]}|{word.kind}")
        row.append(f"G|{gaps[i]}|{gaps[i + 1]}|{word.coarse}")
        row += (f"{name}|{word.kind}" for name in around)
        yield row
