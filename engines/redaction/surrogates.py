"""Made-up values in place of real ones, for texts that leave for training: same type, same shape, nobody's.

A value depends on the seed, the type and the real value alone, so that one person keeps one made-up name through a
whole export, in whatever order it is written. Where a range is set aside for fiction, numbers come from it: telephone
numbers (NANP 555-0100 to 0199, Ofcom 07700 900000 to 900999), addresses of computers (RFC 5737, RFC 3849), domains
(RFC 2606), cards of the test range 4111 11, social security numbers of the area 666, which is never given out.

Without the seed nobody can say which real value a made-up one stands for; keep it as long as exports must agree.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from random import Random

from engines.redaction.actions import digits_of, normalised
from engines.redaction.detectors.checks import luhn
from engines.redaction.numbers import MONTHS, ORDINALS, SINGLE, SPELLING_WORDS, TEEN, TENS, TIMES, WEAK
from engines.redaction.text import Span
from engines.redaction.tokens import FILLERS, words
from engines.redaction.vocabulary import PLACEHOLDER, kind


def _row(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_FIRST = _row(
    "alice anna arthur ben carla clara daniel david elena emma frank george grace hannah helen ivan jack "
    "james julia karen kofi laura leila liam lucy maria marcus mei nadia nina noah olga oscar paula peter "
    "priya ravi rosa ruth samir sara simon sofia thomas tomas vera viktor wei yusuf zoe"
)
_LAST = _row(
    "adams allen baker bennett brooks carter clark cohen cooper costa dawson diaz evans fischer foster garcia "
    "gray haddad hansen harris hill hughes ivanov jensen kaur kelly khan kim kowalski lopez marino martin "
    "mensah moore morgan novak okafor owens palmer patel perez porter reed rossi santos schmidt silva singh "
    "tanaka walsh yilmaz"
)
_TOWNS = _row(
    "ashford brookfield easton fairview greenville lakewood milton newbury oakdale riverton westbrook"
)
_STREETS = _row("alder beech birch cedar chestnut elm juniper maple oak poplar rowan sycamore walnut willow")
_STREET_ENDS = words(
    "street road avenue lane drive court close way place square st rd ave ln dr ct apartment apt flat"
)
_COMPANIES = _row("acme blueway corvus delphi everline fernhill globex initech northwind orbita")
_NATIONS = _row("american british canadian danish french german indian irish italian mexican polish spanish")
_TITLES = _row("mr mrs ms dr")
_SAID = tuple(dict.fromkeys(word for word in SINGLE if not word.endswith("s") or word == "six"))
_DIGITS_SAID = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_PART = re.compile(r"[^\W\d_]+|\d+|_|[^\w]+")
_NUMERIC_DATE = re.compile(r"(\d{1,4})([/.\- ])(\d{1,2})\2(\d{1,4})", re.ASCII)
_VOWELS, _CONSONANTS = "aeiou", "bcdfghklmnprstvw"
_LONGEST_CARD = 19


@dataclass(frozen=True, slots=True)
class MadeUp:
    """A text with made-up values; `spans` point at them."""

    text: str
    spans: tuple[Span, ...]


class Surrogates:
    """Makes up values under one seed. Without state; safe to share between threads."""

    def __init__(self, seed: bytes) -> None:
        self._seed = seed
        self._by_type: dict[str, Callable[[Random, str], str]] = {
            "CREDIT_CARD": self._card,
            "PHONE": self._phone,
            "SSN": self._ssn,
            "IBAN": self._iban,
            "EMAIL": self._email,
            "NAME": self._name,
            "ADDRESS": self._address,
            "LOCATION": lambda lot, said: _cased(lot.choice(_TOWNS), said),
            "ORGANISATION": lambda lot, said: _cased(lot.choice(_COMPANIES), said),
            "NATIONALITY": lambda lot, said: _cased(lot.choice(_NATIONS), said),
            "TITLE": lambda lot, said: _cased(lot.choice(_TITLES), said),
            "DATE_OF_BIRTH": self._date,
            "DATE": self._date,
            "URL": self._url,
            "IP_ADDRESS": self._ip,
        }

    def in_place_of(self, text: str, spans: Sequence[Span]) -> MadeUp:
        """Return `text` with the words at each of the settled `spans` replaced by made-up ones."""
        parts: list[str] = []
        moved: list[Span] = []
        length = cursor = 0
        for span in sorted(spans, key=lambda one: one.start):
            said = text[span.start : span.end]
            made = self.value(span.type, said)
            parts += (text[cursor : span.start], made)
            length += span.start - cursor
            moved.append(replace(span, start=length, end=length + len(made)))
            length += len(made)
            cursor = span.end
        return MadeUp("".join([*parts, text[cursor:]]), tuple(moved))

    def filled(self, text: str, *, place: str = "", spoken: bool = False) -> MadeUp:
        """Return redacted `text` with made-up values for its placeholders.

        The same hash gives the same value. Nothing is known of what other placeholders stood for: each is a value of
        its own, fixed by `place`, which names the text (an id), and by its number in it. `spoken`: as people say it.
        """
        parts: list[str] = []
        spans: list[Span] = []
        length = cursor = 0
        for number, found in enumerate(PLACEHOLDER.finditer(text)):
            name, detail = found[1], found[2]
            same = detail if detail and detail[0] == "#" else f"{place}\0{number}"
            lot = self._lot(name, same)
            shape = _SHAPES.get(name, ("ab12cd", "a b one two"))[spoken]
            made = self._made(lot, name, shape)
            parts += (text[cursor : found.start()], made)
            length += found.start() - cursor
            spans.append(
                Span(length, length + len(made), name, 1.0, "surrogates", "made up for a placeholder")
            )
            length += len(made)
            cursor = found.end()
        return MadeUp("".join([*parts, text[cursor:]]), tuple(spans))

    def value(self, type_name: str, said: str) -> str:
        """Return what stands for `said`, a value of `type_name`; the same for the same value under one seed."""
        return self._made(self._lot(type_name, normalised(type_name, said)), type_name, said)

    def _lot(self, type_name: str, value: str) -> Random:
        message = f"{type_name}\0{value}".encode("utf-8", "surrogatepass")
        return Random(int.from_bytes(hmac.new(self._seed, message, sha256).digest(), "big"))

    def _made(self, lot: Random, type_name: str, said: str) -> str:
        maker = self._by_type.get(type_name)
        made = maker(lot, said) if maker is not None else _shaped(lot, said)
        return made or kind(type_name).label

    def _card(self, lot: Random, said: str) -> str:
        count = len(digits_of(said))
        if not 13 <= count <= _LONGEST_CARD:
            return _shaped(lot, said)
        digits = "411111" + "".join(lot.choices("0123456789", k=count - 7))
        return _said_as(next(digits + check for check in "0123456789" if luhn(digits + check)), said)

    def _phone(self, lot: Random, said: str) -> str:
        digits = digits_of(said)
        if len(digits) < 7:
            return _shaped(lot, said)
        british = digits.startswith("44") or (digits[0] == "0" and not digits.startswith("00"))
        tail = f"7700900{lot.randrange(1000):03}" if british else f"55501{lot.randrange(100):02}"
        head = digits[: -len(tail)] if len(digits) > len(tail) else ""
        # Before the fictional part: the country's code as it is, and an area that is nobody's secret.
        if not british and len(digits) >= 10:
            head = head[:-3] + lot.choice(("202", "303", "415", "512", "617", "713"))
        return _said_as((head + tail)[-len(digits) :], said)

    def _ssn(self, lot: Random, said: str) -> str:
        if len(digits_of(said)) != 9:
            return _shaped(lot, said)
        return _said_as(f"666{lot.randint(1, 99):02}{lot.randint(1, 9999):04}", said)

    def _iban(self, lot: Random, said: str) -> str:
        solid = "".join(character for character in said if character.isalnum()).upper()
        if not re.fullmatch(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{8,30}", solid):
            return _shaped(lot, said)
        account = _shaped(lot, solid[4:], pronounceable=False)
        value = "".join(str(int(character, 36)) for character in f"{account}{solid[:2]}00")
        characters = iter(f"{solid[:2]}{98 - int(value) % 97:02}{account}")
        return "".join(next(characters) if character.isalnum() else character for character in said)

    def _email(self, lot: Random, said: str) -> str:
        first, last, ending = lot.choice(_FIRST), lot.choice(_LAST), lot.choice(("com", "org", "net"))
        if "@" in said:
            number = str(lot.randrange(10, 100)) if any(map(str.isdecimal, said.partition("@")[0])) else ""
            joint = next((sign for sign in "._-" if sign in said.partition("@")[0]), "")
            return f"{first}{joint}{last}{number}@example.{ending}"
        return f"{first} dot {last} at example dot {ending}"

    def _name(self, lot: Random, said: str) -> str:
        parts = said.split()
        if len(parts) > 2 and all(len(part) == 1 for part in parts):
            return " ".join(_cased(letter, said) for letter in lot.choice(_LAST))
        made = (
            [*(lot.choice(_FIRST) for _ in parts[1:]), lot.choice(_LAST)]
            if len(parts) > 1
            else [lot.choice(_FIRST)]
        )
        return " ".join(_cased(one, part) for one, part in zip(made, parts, strict=False))

    def _address(self, lot: Random, said: str) -> str:
        def word(part: str) -> str:
            return (
                part if part.lower() in _STREET_ENDS or len(part) < 3 else _cased(lot.choice(_STREETS), part)
            )

        return _shaped(lot, said, word=word)

    def _date(self, lot: Random, said: str) -> str:
        written = _NUMERIC_DATE.fullmatch(said.strip())
        if written is None:
            return _shaped(lot, said, word=lambda part: part)
        # Twelve or less for day and month, so that either order is a date.
        numbers = [
            f"{lot.randint(1940, 2004)}" if len(part) == 4 else f"{lot.randint(1, 12):0{len(part)}}"
            for part in (written[1], written[3], written[4])
        ]
        return written[2].join(numbers)

    def _url(self, lot: Random, said: str) -> str:
        host = f"{lot.choice(_COMPANIES)}.example.com"
        if "." not in said:
            return host.replace(".", " dot ")
        scheme = said[: said.index("//") + 2] if "//" in said else ""
        _host, slash, path = said[len(scheme) :].partition("/")
        return f"{scheme}{host}{slash}{_shaped(lot, path)}"

    def _ip(self, lot: Random, said: str) -> str:
        if said.count(".") == 3:
            return f"192.0.2.{lot.randint(1, 254)}"
        return f"2001:db8::{lot.randrange(1 << 16):x}" if ":" in said else _shaped(lot, said)


def _shaped(
    lot: Random, said: str, *, pronounceable: bool = True, word: Callable[[str], str] | None = None
) -> str:
    """Return `said` with other digits, number words, months and letters: each of the same kind and length."""
    made: list[str] = []
    for part in _PART.findall(said):
        low = part.lower()
        if part.isdecimal():
            made.append(lot.choice("123456789") + "".join(lot.choices("0123456789", k=len(part) - 1)))
        elif not part.isalpha() or low in TIMES or low in FILLERS or low in WEAK:
            made.append(part)
        elif (same := _listed(low)) is not None:
            made.append(_cased(lot.choice(same), part))
        elif word is not None:
            made.append(word(part))
        elif pronounceable and len(part) > 1:
            letters = (lot.choice(_VOWELS if i % 2 else _CONSONANTS) for i in range(len(part)))
            made.append(_cased("".join(letters), part))
        else:
            made.append("".join(_cased(lot.choice("bcdfghjklmnprstvwxz"), letter) for letter in part))
    return "".join(made)


def _listed(low: str) -> Sequence[str] | None:
    """Return the words of the same kind as a word of a number or a date."""
    if low in SINGLE:
        return _SAID[1:]
    for group in (TEEN, TENS):
        if low in group:
            return tuple(group)
    if low in MONTHS:
        return tuple(sorted(month for month in MONTHS if (len(month) == 3) == (len(low) == 3)))
    for names in (ORDINALS, SPELLING_WORDS):
        if low in names:
            return tuple(sorted(names))
    return None


def _said_as(digits: str, said: str) -> str:
    """Return `digits` as `said` shows its own: in figures with its signs, or word by word."""
    if sum(map(str.isdecimal, said)) != len(digits):
        return " ".join(_DIGITS_SAID[int(digit)] for digit in digits)
    rest = iter(digits)
    return "".join(next(rest) if character.isdecimal() else character for character in said)


def _cased(made: str, said: str) -> str:
    if len(said) > 1 and said.isupper():
        return made.upper()
    return made[:1].upper() + made[1:] if said[:1].isupper() else made


# What a placeholder's value looks like, written and spoken, where nothing else is known of it.
_SHAPES: dict[str, tuple[str, str]] = {
    "CREDIT_CARD": ("4111 1111 1111 1111", "four" + " one" * 15),
    "IBAN": ("GB33BUKB20201555555555", "g b three three b u k b two oh two oh one five five five"),
    "SSN": ("666-45-6789", "six six six four five six seven eight nine"),
    "PHONE": ("202-555-0100", "two oh two five five five oh one oh oh"),
    "SECURITY_CODE": ("123", "one two three"),
    "EMAIL": ("a.b@example.com", "a dot b at example dot com"),
    "NAME": ("Anna Baker", "anna baker"),
    "ADDRESS": ("12 Oak Street", "twelve oak street"),
    "POSTCODE": ("90210", "nine one two one three"),
    "DATE_OF_BIRTH": ("01/02/1980", "the first of march nineteen eighty"),
    "DATE": ("01/02/2020", "the first of march"),
    "AGE": ("42", "forty two"),
    "URL": ("www.example.com", "example dot com"),
    "IP_ADDRESS": ("192.0.2.1", "one nine two dot zero dot two dot one"),
    "ORGANISATION": ("Acme", "acme"),
    "LOCATION": ("Milton", "milton"),
    "NATIONALITY": ("British", "british"),
    "TITLE": ("Mr", "mister"),
    "ACCOUNT_NUMBER": ("12345678", "one two three four five six seven eight"),
    "NUMBER": ("123456", "one two three four five six"),
    "PASSWORD": ("tiger77", "tiger seven seven"),
    "USERNAME": ("marlin42", "marlin forty two"),
}
