"""A sentence as `support` compares it: what carries meaning, in one form, with what the small words around it say."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from engines.language.evidence import stem as english_stem
from engines.retrieval import support_words as words

LONGEST = 1_500
_SPLIT = re.compile(
    r"(?<=[.!?…。])[\"”')\]]*\s+(?=\S)|\n\s*\n|\n(?=\s*(?:[-*+]\s|\d{1,3}[.)]\s|[|#>]))|(?<=\|)[ \t]*\n|(?<=:)[ \t]*\n"
)
_PARTS = re.compile(
    r"\s*;\s+|\s*,?\s+(?:and|but|while|whereas|und|aber|et|mais|y|pero)\s+|\s+[-–—]\s+", re.IGNORECASE
)
_SEGMENTS = re.compile(
    r"[,;:()|]\s|\s\|\s|\b(?:and|but|or|while|whereas|when|if|und|oder|wenn|et|ou|quand|si|y|o)\b",
    re.IGNORECASE,
)
_BETWEEN = re.compile(r"(\b(?:between|zwischen|entre)\s+[^\s,]+)\s+(?:and|und|et|y)\s+", re.IGNORECASE)
_MARKUP = re.compile(r"!?\[([^\]]*)\]\([^)]*\)|[*_`#>]{1,3}|^\s*(?:[-*+]|\d{1,3}[.)])\s+", re.MULTILINE)
# In small letters "may" is no month.
_MONTH = "|".join(sorted(set(words.MONTHS) - {"may"}, key=len, reverse=True)) + "|(?-i:May)"
_TOKEN = re.compile(
    rf"""(?P<iso>\b\d{{4}}-\d\d-\d\d\b)
    |(?P<dmy>\b\d{{1,2}}(?:st|nd|rd|th|\.)?\s+(?:of\s+)?(?:{_MONTH})\b\.?(?:,?\s+\d{{4}}\b)?)
    |(?P<mdy>\b(?:{_MONTH})\.?\s+\d{{1,2}}(?:st|nd|rd|th)?\b(?:,?\s+\d{{4}}\b)?)
    |(?P<time>\b\d{{1,2}}:\d\d(?:\s?[ap]\.?m\b\.?)?|\b\d{{1,2}}\s?[ap]\.?m\b\.?)
    |(?P<money>[£$€¥]\s?\d[\d,.]*\d|[£$€¥]\s?\d|\b\d[\d,.]*\s?(?:€|(?:pounds?|dollars?|euros?|gbp|usd|eur)\b))
    |(?P<share>\b\d[\d.,]*\s?(?:%|percent\b|per\ cent\b|prozent\b|pour\ cent\b)|\b\d[\d.,]*%)
    |(?P<number>\b\d[\d.,]*\d\b|\b\d+\b)
    |(?P<word>[^\W\d_]+(?:['’-][^\W\d_]+)*|[^\W_]+)
    |(?P<stop>[.,;:!?()|])""",
    re.IGNORECASE | re.VERBOSE,
)


_MARKS = {
    "must": words.MUST,
    "may": words.MAY,
    "from": words.FROM,
    "to": words.TO,
    "before": words.BEFORE,
    "after": words.AFTER,
    "during": words.DURING,
    "both": frozenset({"both", "beide", "ambos"}),
}


@dataclass(slots=True)
class Token:
    """A word or number that carries meaning. `marks`: what the small words before it say."""

    key: str
    kind: str  # word, name, number, money, share, date, time
    weight: float
    segment: int
    marks: set[str] = field(default_factory=set)
    after: str = ""  # what a number counts
    workday: bool = False


@dataclass(slots=True)
class Read:
    text: str
    tokens: list[Token]
    plain: frozenset[str]  # small words, too
    context: frozenset[str] = frozenset()

    def of(self, key: str) -> list[Token]:
        return [one for one in self.tokens if one.key == key]


def sentences_of(text: str) -> list[str]:
    """Sentences, list items and rows of a text, without its Markdown's signs."""
    found = []
    for part in _SPLIT.split(text):
        plain = " ".join(_MARKUP.sub(lambda one: one[1] or " ", part).split())
        # What is longer is no sentence.
        plain = plain[:LONGEST]
        if re.search(r"\w", plain) and not re.fullmatch(r"[|:\s-]+", plain):
            found.append(plain)
    return found


def parts_of(sentence: str) -> list[str]:
    """A sentence cut where it says a second thing; what is too short to be one stays with what is before it."""
    plain = " ".join(_MARKUP.sub(lambda one: one[1] or " ", sentence).split())[:LONGEST]
    parts: list[str] = []
    at = 0
    for cut in [*_PARTS.finditer(plain), None]:
        piece = plain[at : cut.start()] if cut else plain[at:]
        if parts and (len(read(piece).tokens) < 2 or len(read(parts[-1]).tokens) < 2):
            parts[-1] = f"{parts[-1]} and {piece}"
        else:
            parts.append(piece)
        at = cut.end() if cut else at
    return [part.strip() for part in parts]


def refers_back(text: str) -> bool:
    return (
        re.match(
            r"(?:it|they|this|that|these|those|he|she|such|otherwise|then|es|sie|dies\w*|il|elle|ils|elles|ce|esto|este)\b",
            text,
            re.I,
        )
        is not None
    )


def same_words(synonyms: Iterable[Sequence[str]]) -> dict[str, str]:
    """Each stem's stand-in, of the house's groups of words and of these."""
    groups = tuple(tuple(group) for group in synonyms)
    return _same_words(groups)


@lru_cache(maxsize=64)
def _same_words(synonyms: tuple[tuple[str, ...], ...]) -> dict[str, str]:
    """Each stem's stand-in. Of a group's phrases of several words only single words are read so."""
    same: dict[str, str] = {}
    for group in [*words.SAME, *synonyms]:
        stems = [_stem(one.casefold()) for one in group if " " not in one.strip()]
        if stems:
            first = next((same[one] for one in stems if one in same), stems[0])
            for one in stems:
                same.setdefault(one, first)
    return same


def contraries_of(same: Mapping[str, str]) -> dict[str, set[str]]:
    def key(word: str) -> str:
        return same.get(_stem(word), _stem(word))

    found: dict[str, set[str]] = {}
    for word, others in words.OPPOSITES.items():
        found.setdefault(key(word), set()).update(key(other) for other in others)
    return found


@lru_cache(maxsize=20_000)
def _stem(word: str) -> str:
    for prefix in ("pre", "re"):
        # "re-open" is not the matter here; hyphens join what some write apart.
        if word.startswith(f"{prefix}-"):
            word = word.replace("-", "", 1)
    # To the end: "cover" and "covered" must not part over an ending that only one of them has left.
    while (shorter := english_stem(word)) != word:
        word = shorter
    return word


def read(text: str, same: dict[str, str] | None = None) -> Read:
    """The words and numbers of a sentence, with what the small words around them say."""
    same = same or {}
    text = _BETWEEN.sub(r"\1 to ", text)
    cuts = [found.start() for found in _SEGMENTS.finditer(text)]
    tokens: list[Token] = []
    plain: set[str] = set()
    marks: set[str] = set()
    denied = 0
    bounds = _bounds(text)
    first = not text.startswith("|")
    only, excepted = 0, False
    for found in _TOKEN.finditer(text):
        kind = found.lastgroup or "word"
        if kind == "stop":
            denied = 0
            marks = set()
            only, excepted = 0, False
            continue
        lower = found[0].casefold().replace("’", "'")
        segment = sum(cut <= found.start() for cut in cuts)
        if kind == "word":
            plain.add(lower)
            if _is_negation(lower):
                denied = 2
                marks.add("head")
            if lower in words.ONLY:
                only = 2
            excepted = excepted or lower in words.EXCEPT
            marks |= {name for name, those in _MARKS.items() if lower in those}
        token = _token(found, kind, lower, same, first=first)
        first = False
        if token is None:
            continue
        if isinstance(token, str):
            # "non-refundable": the negation and the word it denies in one.
            denied, marks = 2, marks | {"head"}
            token = Token(same.get(_stem(token), _stem(token)), "word", 1.0, 0)
        token.segment = segment
        token.marks = set(marks)
        token.marks |= {
            name for name, holds in (("not", denied), ("only", only), ("except", excepted)) if holds
        }
        for start, end, bound in bounds:
            if start <= found.start() < end:
                token.marks.add(bound)
        denied, only = max(0, denied - 1), max(0, only - 1)
        marks = set()
        if kind in {"iso", "dmy", "mdy"} and (year := re.search(r"\d{4}", lower)):
            tokens.append(Token(year[0], "date", 1.0, segment))
        if tokens and tokens[-1].kind == "number" and not tokens[-1].after and tokens[-1].segment == segment:
            if lower in words.WORKDAY:
                tokens[-1].workday = True
                continue
            tokens[-1].after = token.key
        tokens.append(token)
    return Read(text, tokens, frozenset(plain))


def _is_negation(lower: str) -> bool:
    return lower in words.NEGATIONS or lower.endswith("n't")


def _token(
    found: re.Match[str], kind: str, lower: str, same: dict[str, str], *, first: bool
) -> Token | str | None:
    """A token, the word that a prefix denies, or None for small words."""
    if kind != "word":
        return _figure(kind, lower)
    if lower in words.NUMBERS and lower not in {"both"}:
        return Token(str(words.NUMBERS[lower]), "number", 1.0, 0)
    if lower in words.EMPTY or _is_negation(lower) or len(lower) < 2:
        return None
    head, hyphen, rest = lower.partition("-")
    if hyphen and head in words.NEGATIVE_PREFIXES and len(rest) > 3:
        return rest
    plain = lower.removesuffix("'s")
    for prefix in ("non", "un"):
        if (
            plain.startswith(prefix)
            and len(plain) > len(prefix) + 5
            and plain.endswith(("able", "ed", "ible"))
        ):
            return plain[len(prefix) :]
    key = same.get(_stem(plain), _stem(plain))
    is_name = (found[0][0].isupper() and not first) or (found[0].isupper() and len(found[0]) > 1)
    if is_name:
        return Token(key, "name", 1.0, 0)
    is_light = plain in words.LIGHT or _stem(plain) in _LIGHT
    return Token(key, "light" if is_light else "word", 0.5 if is_light else 1.0, 0)


def _figure(kind: str, lower: str) -> Token:
    if kind in {"iso", "dmy", "mdy"}:
        return Token(_date(lower), "date", 1.0, 0)
    if kind == "time":
        return Token(_time(lower), "time", 1.0, 0)
    digits = _number(re.sub(r"[^\d.,]", "", lower))
    if kind == "money":
        sign = next((code for name, code in words.CURRENCIES.items() if name in lower), "")
        return Token(f"{digits} {sign}", "money", 1.0, 0)
    return Token(f"{digits} %" if kind == "share" else digits, kind, 1.0, 0)


def _number(digits: str) -> str:
    """A number in one form: 1,000.50 and 1.000,50 are 1000.5."""
    digits = digits.rstrip(".,")
    if re.fullmatch(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?", digits):
        digits = digits.replace(",", "")
    elif re.fullmatch(r"\d{1,3}(?:\.\d{3})+(?:,\d+)?", digits):
        digits = digits.replace(".", "").replace(",", ".")
    else:
        digits = digits.replace(",", ".")
    try:
        value = float(digits)
    except ValueError:
        return digits
    return str(int(value)) if value == int(value) else str(value)


def _date(lower: str) -> str:
    if re.fullmatch(r"\d{4}-\d\d-\d\d", lower):
        _year, iso_month, iso_day = lower.split("-")
        return f"{int(iso_day)}.{int(iso_month)}."
    month = next(words.MONTHS[one] for one in re.findall(r"[^\W\d_]+", lower) if one in words.MONTHS)
    day = int(re.findall(r"\d{1,2}", lower)[0])
    return f"{day}.{month}."


def _time(lower: str) -> str:
    hour, minute = [*re.findall(r"\d+", lower), "0"][:2]
    number = int(hour) % 12 + (12 if "p" in lower else 0) if re.search(r"[ap]", lower) else int(hour)
    return f"{number}:{int(minute):02d}"


def _bounds(text: str) -> list[tuple[int, int, str]]:
    """Where a bound holds: the characters beside its words."""
    found = [(at.end(), at.end() + _NEAR, _BEFORE[at[0].casefold()]) for at in _BEFORE_PATTERN.finditer(text)]
    return found + [
        (max(0, at.start() - _NEAR), at.start(), _BEHIND[at[0].casefold()])
        for at in _BEHIND_PATTERN.finditer(text)
    ]


def _phrases(*, behind: bool) -> tuple[dict[str, str], re.Pattern[str]]:
    """Words that say a bound, and what finds them, the longest first: "no more than" is not "more than"."""
    bounds = {
        phrase.removeprefix("<"): bound
        for bound, (single, phrases) in words.BOUNDS.items()
        for phrase in [*phrases.split("|"), *single.split()]
        if phrase.startswith("<") == behind
    }
    longest = sorted(bounds, key=len, reverse=True)
    return bounds, re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, longest))})(?!\w)", re.IGNORECASE)


# A bound's words stand right beside its number.
_NEAR = 14
_BEFORE, _BEFORE_PATTERN = _phrases(behind=False)
_BEHIND, _BEHIND_PATTERN = _phrases(behind=True)
_LIGHT = frozenset(_stem(word) for word in words.LIGHT)


def words_of(text: str) -> frozenset[str]:
    """The stems of the words and numbers that carry meaning."""
    return frozenset(token.key for token in read(text, _same_words(())).tokens)


def words_at(text: str, wanted: frozenset[str]) -> list[tuple[int, int]]:
    """Where a text has one of these stems (`words_of`), [start, end)."""
    found = []
    for word in re.finditer(r"[^\W_]+(?:['’-][^\W\d_]+)*", text):
        if words_of(word[0]) & wanted:
            found.append((word.start(), word.end()))
    return found
