"""Amounts, shares, durations, dates and counts in a sentence, in units that compare, and whether it denies something.

"£50.00" and "50 pounds" are one value, "two weeks" and "14 days" too; "working days" are a unit of their own. A range
("three to five days") is a value with two ends. Words for units and numbers: English, German, French, Spanish.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_NUMBERS = {
    word: float(number)
    for words, number in [
        ("one ein eine einen einem einer un une uno una", 1),
        ("two zwei deux dos", 2),
        ("three drei trois tres", 3),
        ("four vier quatre cuatro", 4),
        ("five fünf cinq cinco", 5),
        ("six sechs seis", 6),
        ("seven sieben sept siete", 7),
        ("eight acht huit ocho", 8),
        ("nine neun neuf nueve", 9),
        ("ten zehn dix diez", 10),
        ("eleven elf onze once", 11),
        ("twelve zwölf douze doce", 12),
        ("fourteen vierzehn quatorze catorce", 14),
        ("fifteen fünfzehn quinze quince", 15),
        ("twenty zwanzig vingt veinte", 20),
        ("thirty dreißig trente treinta", 30),
        ("sixty sechzig soixante sesenta", 60),
        ("ninety neunzig noventa", 90),
    ]
    for word in words.split()
}
# Into days, hours and months: what is not exact (a month in days) is not turned into another unit.
_UNITS = {
    word: unit
    for words, unit in [
        ("second seconds sekunde sekunden seconde secondes segundo segundos", ("time", 1.0)),
        ("minute minutes min mins minuten minuto minutos", ("time", 60.0)),
        ("hour hours hr hrs stunde stunden heure heures hora horas", ("time", 3_600.0)),
        ("day days tag tage tagen jour jours día días", ("time", 86_400.0)),
        ("week weeks woche wochen semaine semaines semana semanas", ("time", 7 * 86_400.0)),
        ("month months monat monate monaten mois mes meses", ("months", 1.0)),
        ("year years jahr jahre jahren an ans année années año años", ("months", 12.0)),
        ("werktag werktage werktagen arbeitstag arbeitstage arbeitstagen", ("working days", 1.0)),
    ]
    for word in words.split()
}
_MONTHS = {
    name: number
    for number, names in enumerate(
        [
            *("january jan januar janvier enero", "february feb februar février febrero"),
            *(
                "march mar märz mars marzo",
                "april apr avril abril",
                "may mai mayo",
                "june jun juni juin junio",
            ),
            *(
                "july jul juli juillet julio",
                "august aug août agosto",
                "september sep sept septembre septiembre",
            ),
            *("october oct oktober octobre octubre", "november nov novembre noviembre"),
            "december dec dezember décembre diciembre",
        ],
        1,
    )
    for name in names.split()
}
_CURRENCY = {
    word: sign
    for words, sign in [
        ("£ gbp pound pounds pfund", "£"),
        ("$ usd dollar dollars", "$"),
        ("€ eur euro euros", "€"),
    ]
    for word in words.split()
}


def _any(words: object) -> str:
    return "|".join(sorted((re.escape(word) for word in words), key=len, reverse=True))  # type: ignore[attr-defined]


_N = rf"(?:\d{{1,3}}(?:,\d{{3}})+(?:\.\d+)?|\d+(?:[.,]\d+)?|\b(?:{_any(_NUMBERS)})\b)"
_TO = r"\s*(?:-|–|to|bis|à|a|and)\s*"
_PATTERNS = [
    (
        "date",
        re.compile(
            rf"\b(?:(?P<y>\d{{4}})-(?P<m>\d\d)-(?P<d>\d\d)|(?P<d1>\d{{1,2}})(?:st|nd|rd|th|\.)?\s(?:of\s)?(?P<m1>{_any(_MONTHS)})\b"
            rf"(?:,?\s(?P<y1>\d{{4}}))?|(?P<m2>{_any(_MONTHS)})\s(?P<d2>\d{{1,2}})(?:st|nd|rd|th)?\b(?:,?\s(?P<y2>\d{{4}}))?)",
            re.I,
        ),
    ),
    (
        "clock",
        re.compile(
            r"\b(?P<h>\d{1,2})(?::(?P<min>\d\d))?\s?(?P<half>am|pm|a\.m\.|p\.m\.|uhr)(?!\w)"
            r"|\b(?P<h1>\d{1,2}):(?P<min1>\d\d)\b",
            re.I,
        ),
    ),
    (
        "money",
        re.compile(
            rf"(?P<sign>[£$€])\s?(?P<n>{_N})(?:{_TO}[£$€]?\s?(?P<n2>{_N}))?(?P<k>\s?(?:k|m|million|thousand)\b)?"
            rf"|(?P<n1>{_N})(?:{_TO}(?P<n3>{_N}))?\s?(?P<sign1>(?:{_any(w for w in _CURRENCY if w.isalpha())})\b|€)",
            re.I,
        ),
    ),
    (
        "share",
        re.compile(
            rf"(?P<n>{_N})(?:\s?%?{_TO}(?P<n2>{_N}))?\s?(?:%|percent\b|per cent\b|prozent\b|pour cent\b)", re.I
        ),
    ),
    (
        "duration",
        re.compile(
            rf"(?P<n>{_N})(?:{_TO}(?P<n2>{_N}))?[\s-](?P<work>(?:working|business|bank|consecutive|calendar|full)\s)?(?P<unit>{_any(_UNITS)})\b",
            re.I,
        ),
    ),
    (
        "count",
        re.compile(
            rf"(?<![\w.,#-])(?P<n>{_N})(?:{_TO}(?P<n2>{_N}))?\s(?P<noun>[^\W\d_]{{3,}}(?:\s[^\W\d_]{{4,}})?)",
            re.I,
        ),
    ),
]  # fmt: skip
_DENIES = re.compile(
    r"\b(?:not|cannot|never|no longer|nobody|none|neither|without|unable|ineligible"
    r"|nicht|kein|keine|keinen|keiner|niemals|nie|jamais|pas|aucun|aucune|nunca|ningún|ninguna)\b|\bno\b(?=\s[a-z])|n[’']t\b",
    re.I,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Value:
    """`kind` with its unit, from `low` to `high`, and where it stands in the text, [start, end)."""

    kind: str
    low: float
    high: float
    start: int
    end: int

    def meets(self, other: Value) -> bool:
        """Whether both can be meant at once: their ranges touch."""
        return self.low <= other.high + 1e-9 and other.low <= self.high + 1e-9


def values_in(text: str) -> list[Value]:
    """All values of a text, in order; what lies within an earlier kind's is not another one."""
    found: list[Value] = []
    for kind, pattern in _PATTERNS:
        for match in pattern.finditer(text):
            if any(match.start() < one.end and one.start < match.end() for one in found):
                continue
            value = _READERS[kind](match)
            if value is not None:
                found.append(value)
    return sorted(found, key=lambda one: one.start)


def denials_in(text: str) -> list[tuple[int, int]]:
    """Where a sentence denies something."""
    return [match.span() for match in _DENIES.finditer(text)]


def _number(text: str) -> float:
    word = text.casefold()
    if word in _NUMBERS:
        return _NUMBERS[word]
    if re.fullmatch(r"\d{1,3}(,\d{3})+(\.\d+)?", word):
        return float(word.replace(",", ""))
    return float(word.replace(",", "."))


def _range(match: re.Match[str], kind: str, first: str, second: str | None, factor: float) -> Value:
    low = _number(first) * factor
    high = _number(second) * factor if second else low
    return Value(kind, min(low, high), max(low, high), match.start(), match.end())


def _date(match: re.Match[str]) -> Value | None:
    part = match.groupdict()
    day = int(part["d"] or part["d1"] or part["d2"])
    name = part["m1"] or part["m2"]
    month = _MONTHS[name.casefold()] if name else int(part["m"])
    year = part["y"] or part["y1"] or part["y2"]
    if not (1 <= day <= 31 and 1 <= month <= 12):
        return None
    # A day without a year is another kind: it comes each year.
    value = (int(year) if year else 0) * 10_000 + month * 100 + day
    return Value("date" if year else "day", value, value, match.start(), match.end())


def _clock(match: re.Match[str]) -> Value | None:
    part = match.groupdict()
    hour, minute = int(part["h"] or part["h1"]), int(part["min"] or part["min1"] or 0)
    half = (part["half"] or "").replace(".", "").casefold()
    if hour > 24 or minute > 59:
        return None
    if half in {"am", "pm"}:
        hour = hour % 12 + (12 if half == "pm" else 0)
    return Value("clock", hour * 60 + minute, hour * 60 + minute, match.start(), match.end())


def _money(match: re.Match[str]) -> Value:
    part = match.groupdict()
    sign = _CURRENCY[(part["sign"] or part["sign1"]).casefold()]
    scale = (part["k"] or "").strip().casefold()
    factor = {"": 1.0, "k": 1e3, "thousand": 1e3}.get(scale, 1e6)
    return _range(match, f"amount {sign}", part["n"] or part["n1"], part["n2"] or part["n3"], factor)


def _share(match: re.Match[str]) -> Value:
    return _range(match, "share", match["n"], match["n2"], 1.0)


def _duration(match: re.Match[str]) -> Value:
    unit, factor = _UNITS[match["unit"].casefold()]
    if (match["work"] or "").strip().casefold() in {"working", "business", "bank"}:
        unit = "working days" if unit == "time" and factor == 86_400.0 else f"working {unit}"
        factor = 1.0
    return _range(match, unit, match["n"], match["n2"], factor)


def _count(match: re.Match[str]) -> Value | None:
    first = match["noun"].split()[0].casefold()
    noun = first[:-1] if first.endswith("s") and len(first) > 4 else first
    # "one of", "the two and": no count of a thing.
    if noun in {"the", "and", "for", "per", "with", "from", "not", "more", "other", "und", "les", "los"}:
        return None
    if match["n"].casefold() in {"one", "a", "an", "ein", "eine", "un", "une", "uno", "una"}:
        return None
    number = match.end("n2") if match["n2"] else match.end("n")
    value = _range(match, f"count {noun}", match["n"], match["n2"], 1.0)
    # The noun stays among the words of the sentence.
    return Value(value.kind, value.low, value.high, match.start(), number)


_READERS = {
    "date": _date,
    "clock": _clock,
    "money": _money,
    "share": _share,
    "duration": _duration,
    "count": _count,
}
