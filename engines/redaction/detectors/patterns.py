"""Finds what shows itself by its written form: IBANs, national ids, IP and MAC addresses, URLs, postcodes, codes.

Every expression begins at a border of words and repeats a bounded number of times, so that a text is read once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import AddressValueError, IPv6Address

from stdnum import iban

from engines.redaction.context import Context
from engines.redaction.detectors.identity import form, grouped_id, is_nino, solid_id
from engines.redaction.detectors.quantities import UNITS
from engines.redaction.numbers import MONTHS
from engines.redaction.text import Span
from engines.redaction.tokens import Utterance, words

_ENDINGS = (
    "com|net|org|edu|gov|info|biz|io|co|uk|us|ca|de|fr|es|it|nl|be|ch|at|ie|eu|au|nz|in|jp|cn|br|mx|se|no|dk|fi|pl|pt|"
    "cz|gr|ro|hu|ru|tr|za|ae|sg|hk|kr|app|dev|ai|me|tv|shop|store|online|site|xyz|tech|cloud"
)
_URL = re.compile(r"(?<![\w@])(?:(?:https?|ftp)://|www\.)[^\s<>\"'\[\]]{1,1000}", re.IGNORECASE)
_DOMAIN = re.compile(
    rf"(?<![\w@.\-])(?:[a-z0-9\-]{{1,63}}\.){{1,5}}(?:{_ENDINGS})(?![\w@\-]|\.\w)(?:/[^\s<>\"'\[\]]{{0,1000}})?",
    re.IGNORECASE,
)
_DOT_LETTER = re.compile(r"\.[a-z]", re.IGNORECASE)
_IPV4 = re.compile(r"(?<![\d.])\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}(?!\d|\.\d)", re.ASCII)
_IPV6 = re.compile(r"(?<![\w:])[0-9a-fA-F]{0,4}(?::[0-9a-fA-F]{0,4}){2,7}(?![\w:])")
_MAC = re.compile(r"(?<![\w:\-])[0-9a-fA-F]{2}(?:[:\-][0-9a-fA-F]{2}){5}(?![\w:\-])")
_IBAN = re.compile(r"(?<![A-Za-z0-9])[A-Za-z]{2}[0-9]{2}[ \-]?(?=[A-Za-z0-9])")
_NINO = re.compile(
    r"(?<![A-Za-z0-9])[A-Za-z] ?[A-Za-z] ?\d{2}[ \-]?\d{2}[ \-]?\d{2}[ \-]?[A-Da-d](?![A-Za-z0-9])", re.ASCII
)
_GROUPS = re.compile(r"(?<![\w.\-])\d{1,9}(?:[ .\-]\d{1,7}){1,6}(?![\w\-]|\.\d)", re.ASCII)
_BRITISH_POSTCODE = re.compile(
    r"(?<![A-Za-z0-9])(?:[a-pr-uwyz](?:[0-9]{1,2}|[a-hk-y][0-9]{1,2}|[0-9][a-hjkpstuw]|[a-hk-y][0-9][abehmnprv-y]))"
    r" ?[0-9][abd-hjlnp-uw-z]{2}(?![A-Za-z0-9])",
    re.IGNORECASE,
)
_CANADIAN_POSTCODE = re.compile(
    r"(?<![A-Za-z0-9])[abceghj-nprstvxy][0-9][abceghj-nprstv-z][ \-]?[0-9][abceghj-nprstv-z][0-9](?![A-Za-z0-9])",
    re.IGNORECASE,
)
_BIRTH_YEAR = r"(?:19[2-9]\d|200\d)"
_OLD_DATE = re.compile(
    rf"(?<![\w/.\-])(?:\d{{1,2}}([/.\-])\d{{1,2}}\1{_BIRTH_YEAR}|{_BIRTH_YEAR}([/\-])\d{{1,2}}\2\d{{1,2}})(?![\w/\-])",
    re.ASCII,
)
_ZIP_PLUS_FOUR = re.compile(r"(?<![\w\-.])\d{5}-\d{4}(?![\w\-])", re.ASCII)

# Length of an IBAN by country (SWIFT, IBAN registry).
_IBAN_LENGTHS = {
    code: int(length)
    for length, codes in (
        ("15", "NO"),
        ("16", "BE"),
        ("18", "DK FI FO GL NL"),
        ("19", "MK SI"),
        ("20", "AT BA EE KZ LT LU XK"),
        ("21", "CH HR LI LV"),
        ("22", "BG BH DE GB GE IE ME RS"),
        ("23", "AE GI IL IQ TL"),
        ("24", "AD CZ ES MD PK RO SA SE SK VG"),
        ("25", "PT"),
        ("26", "IS TR"),
        ("27", "FR GR IT MC MR SM"),
        ("28", "AL AZ BY CY DO GT HU LB PL"),
        ("29", "BR PS QA UA"),
        ("30", "JO KW MU"),
        ("31", "MT SC"),
    )
    for code in codes.split()
}
_STATES = words(
    "al ak az ar ca co ct de fl ga hi id il in ia ks ky la me md ma mi mn ms mo mt ne nv nh nj nm ny nc nd oh ok or "
    "pa ri sc sd tn tx ut vt va wa wv wi wy dc"
)
# What is another word in small letters.
_STATES_IN_DOUBT = words("al co de hi id in la ma me mo ms oh ok or pa")
_ORDINAL_ENDS = ("st", "nd", "rd", "th")
_CODE_LETTERS = 8
_NINO_DIGITS = 6
# What stands between the groups of an id, of a date; either is a single sign.
_GROUP_SIGNS = frozenset(" .-/")
_DATE_SIGNS = frozenset("/.-")


class PatternDetector:
    """Finds written forms. Numbers that are digits alone belong to `DigitDetector`; here they get a better name."""

    name = "patterns"

    def __init__(self) -> None:
        # What it knows of banks is read when it is first asked.
        iban.is_valid("GB82WEST12345698765432", check_country=False)

    def find(self, utterance: Utterance, context: Context) -> list[Span]:
        """Return what was found, in order of kinds; findings may overlap."""
        text = utterance.text
        spans: list[Span] = []
        if "." in text or "://" in text:
            spans += self._web(utterance)
        if text.count(":") >= 2 or text.count("-") >= 5:
            spans += self._hardware(text)
        # A digit of any script is a token of its own; without one, no form below can be there.
        if utterance.has_figures:
            spans += self._numbered(utterance)
        return spans

    def _span(self, start: int, end: int, kind: str, score: float, reason: str) -> Span:
        return Span(start, end, kind, score, self.name, reason)

    def _all(self, pattern: re.Pattern[str], text: str, kind: str, score: float, reason: str) -> list[Span]:
        found = []
        for match in pattern.finditer(text):
            end = match.end()
            while text[end - 1] in ".,;:!?)'\"" and end - 1 > match.start():
                end -= 1
            found.append(self._span(match.start(), end, kind, score, reason))
        return found

    def _web(self, utterance: Utterance) -> Iterator[Span]:
        text = utterance.text
        if "://" in text or "www." in utterance.small:
            yield from self._all(_URL, text, "URL", 0.95, "address of a page")
        if _DOT_LETTER.search(text) is not None:
            yield from self._all(_DOMAIN, text, "URL", 0.8, "name of a domain")
        if utterance.has_figures and text.count(".") >= 3:
            for match in _IPV4.finditer(text):
                if all(int(part) < 256 for part in match.group().split(".")):
                    yield self._span(*match.span(), "IP_ADDRESS", 0.9, "four numbers of an IPv4 address")

    def _hardware(self, text: str) -> Iterator[Span]:
        yield from self._all(_MAC, text, "IP_ADDRESS", 0.9, "six bytes of a network card's address")
        if "::" in text or text.count(":") >= 7:
            for match in _IPV6.finditer(text):
                try:
                    IPv6Address(match.group())
                except AddressValueError:
                    continue
                if len(match.group()) > 2:
                    yield self._span(*match.span(), "IP_ADDRESS", 0.9, "IPv6 address")

    def _numbered(self, utterance: Utterance) -> Iterator[Span]:
        text, gaps = utterance.text, utterance.gaps
        lows = utterance.lows
        figures = [low[0].isdecimal() for low in lows]
        mixed = "" in gaps[1:-1] and any(
            joined and figures[i] != figures[i - 1] and lows[i - 1][0] != "["
            for i, joined in enumerate(utterance.touching)
        )
        if mixed:
            yield from self._mixed(utterance)
            yield from self._ibans(text)
            for pattern in (_BRITISH_POSTCODE, _CANADIAN_POSTCODE):
                for match in pattern.finditer(text):
                    if not match.group().endswith(_ORDINAL_ENDS):
                        yield self._span(*match.span(), "POSTCODE", 0.8, "form of a postcode")
        lengths = [len(low) for low, is_figure in zip(lows, figures, strict=True) if is_figure]
        if ((len(lows) >= 4 and not utterance.vocabulary.isdisjoint("abcd")) or mixed) and sum(
            lengths
        ) >= _NINO_DIGITS:
            yield from self._ninos(text)
        if len(lengths) >= 2:
            # What parts numbers that stand side by side.
            between = {
                gap
                for gap, left, right in zip(gaps[1:-1], figures, figures[1:], strict=False)
                if left and right
            }
            if not between.isdisjoint(_GROUP_SIGNS):
                yield from self._grouped(utterance, between)
        if 5 in lengths and not utterance.vocabulary.isdisjoint(_STATES):
            yield from self._american(utterance)

    def _mixed(self, utterance: Utterance) -> Iterator[Span]:
        """Read words made of letters and digits: national ids, else codes of at least six with three digits."""
        lows, touching = utterance.lows, utterance.touching
        i = 0
        while i < len(lows):
            j = i + 1
            while j < len(lows) and touching[j] and lows[j][0] != "[":
                j += 1
            if j > i + 1 and lows[i][0] != "[" and utterance.ends[j - 1] - utterance.starts[i] <= 40:
                yield from self._code(utterance, i, j)
            i = j

    def _code(self, utterance: Utterance, first: int, after: int) -> Iterator[Span]:
        start, end = utterance.starts[first], utterance.ends[after - 1]
        word = utterance.text[start:end]
        shape = form(word)
        name = solid_id(word, shape)
        if name is not None:
            yield self._span(start, end, "NATIONAL_ID", 0.9, name)
            return
        letters = [low for low in utterance.lows[first:after] if not low[0].isdecimal()]
        if len(word) < 6 or shape.count("9") < 3 or any(len(low) > _CODE_LETTERS for low in letters):
            return
        # "1500pounds", "20th", "mar2022"
        if len(letters) == 1 and (letters[0] in UNITS or letters[0] in MONTHS or letters[0] in _ORDINAL_ENDS):
            return
        yield self._span(start, end, "NUMBER", 0.6, "letters and digits in one word")

    def _ibans(self, text: str) -> Iterator[Span]:
        for match in _IBAN.finditer(text):
            length = _IBAN_LENGTHS.get(match.group()[:2].upper())
            if length is None:
                continue
            end, count = match.start(), 0
            while end < len(text) and count < length:
                if text[end].isascii() and text[end].isalnum():
                    count += 1
                elif text[end] not in " -" or not text[end - 1].isalnum():
                    break
                end += 1
            written = text[match.start() : end]
            if count < length or text[end : end + 1].isalnum():
                continue
            if iban.is_valid(written, check_country=False):
                yield self._span(match.start(), end, "IBAN", 0.99, "IBAN, checksum right")
            elif " " not in written and sum(c.isdecimal() for c in written) >= 8:
                yield self._span(
                    match.start(), end, "IBAN", 0.7, "as long as an IBAN of that country, checksum wrong"
                )

    def _ninos(self, text: str) -> Iterator[Span]:
        for match in _NINO.finditer(text):
            if is_nino(match.group().upper().replace(" ", "").replace("-", "")):
                yield self._span(*match.span(), "NATIONAL_ID", 0.85, "British National Insurance number")

    def _grouped(self, utterance: Utterance, between: set[str]) -> Iterator[Span]:
        text = utterance.text
        for match in _GROUPS.finditer(text):
            name = grouped_id(match.group(), form(match.group()), utterance.vocabulary)
            if name is not None:
                yield self._span(*match.span(), "NATIONAL_ID", 0.8, name)
        if "-" in between:
            for match in _ZIP_PLUS_FOUR.finditer(text):
                yield self._span(*match.span(), "POSTCODE", 0.8, "American postcode of nine digits")
        if not between.isdisjoint(_DATE_SIGNS):
            for match in _OLD_DATE.finditer(text):
                reason = "a whole date in the years that people are born in"
                yield self._span(*match.span(), "DATE_OF_BIRTH", 0.5, reason)

    def _american(self, utterance: Utterance) -> Iterator[Span]:
        """Read five digits behind the letters of a state."""
        tokens = utterance.tokens
        for i, token in enumerate(tokens[1:], 1):
            before = tokens[i - 1]
            if (
                token.is_digits
                and len(token.low) == 5
                and before.low in _STATES
                and utterance.gap(i) in (" ", ", ", ". ")
                and (
                    utterance.text[before.start : before.end].isupper() or before.low not in _STATES_IN_DOUBT
                )
            ):
                yield self._span(token.start, token.end, "POSTCODE", 0.8, "five digits behind a state")
