"""What a company adds to the vocabulary: types of its own, by pattern, by list of words or by labelled examples.

Patterns are of RE2 (github.com/google/re2/wiki/Syntax): no look-around and no references back, so that the time for a
text grows with its length alone, whatever an admin writes. Patterns are tried with regard to case; `(?i)` lifts that.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import re2

from engines.redaction.context import Context
from engines.redaction.text import Span
from engines.redaction.tokens import Utterance, tokenise
from engines.redaction.vocabulary import TYPES

MAX_PATTERNS = 50
MAX_PATTERN_LENGTH = 500
MAX_WORDS = 10_000
MAX_PHRASE_LENGTH = 100
MAX_EXAMPLES = 500
MAX_LABEL_LENGTH = 60
_NAME = re.compile(r"[A-Z][A-Z_]{1,31}")
_MEMORY = 8 << 20  # bytes for one compiled pattern
_PARTS = re.compile(r"\d+|[^\W\d_]+|\s+|[^\w\s]|_")
_FEW_DIGITS = 4


@dataclass(frozen=True, slots=True)
class Example:
    """One text in which [start, end) is of the type. The text is the company's: it goes into no log and no reason."""

    text: str = field(repr=False)
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Learnt:
    """One pattern learnt from `examples` of the same form, and what it says in words."""

    pattern: str
    examples: int
    explanation: str


@dataclass(frozen=True, slots=True)
class CustomType:
    """A type of a company's own. `name` in capitals (`BADGE_NUMBER`), `label` lower case, for people.

    At least one of: `patterns` (RE2), `words` (words or phrases, found whole and in any case), `examples`.
    Raises ValueError, with a message for who wrote it, for anything that cannot be used.
    """

    name: str
    label: str
    patterns: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    examples: tuple[Example, ...] = ()

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError(
                f"the name {self.name!r} is not 2 to 32 capitals and underscores, led by a capital"
            )
        if self.name in TYPES:
            raise ValueError(f"the name {self.name} is taken by a type that is always there")
        if not self.label.strip() or len(self.label) > MAX_LABEL_LENGTH:
            raise ValueError(f"{self.name}: a label of 1 to {MAX_LABEL_LENGTH} characters is needed")
        if not (self.patterns or self.words or self.examples):
            raise ValueError(f"{self.name}: give a pattern, a word or an example")
        for what, given, most in (
            ("patterns", self.patterns, MAX_PATTERNS),
            ("words", self.words, MAX_WORDS),
            ("examples", self.examples, MAX_EXAMPLES),
        ):
            if len(given) > most:
                raise ValueError(f"{self.name}: more than {most} {what}")
        for pattern in self.patterns:
            compiled(pattern)
        for phrase in self.words:
            if len(phrase) > MAX_PHRASE_LENGTH or not tokenise(phrase).tokens:
                raise ValueError(f"{self.name}: an entry of its list has no letter or digit, or is too long")
        for example in self.examples:
            marked = example.text[example.start : example.end] if 0 <= example.start < example.end else ""
            if not marked.strip() or example.end > len(example.text):
                raise ValueError(f"{self.name}: an example does not mark words within its text")
        for learnt in learn(self):
            compiled(learnt.pattern)


@lru_cache(maxsize=1024)
def compiled(pattern: str) -> Any:
    """Return `pattern` for use. Raises ValueError for one that is not RE2's, is too long or matches nothing at all."""
    if not pattern or len(pattern) > MAX_PATTERN_LENGTH:
        raise ValueError(f"a pattern has 1 to {MAX_PATTERN_LENGTH} characters")
    options = re2.Options()
    options.log_errors = False
    options.max_mem = _MEMORY
    try:
        made = re2.compile(pattern, options=options)
    except re2.error as error:
        reason = error.args[0] if error.args else ""
        reason = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
        raise ValueError(
            f"the pattern {pattern!r} cannot be used: {reason} (look-around and references back do not exist)"
        ) from error
    except UnicodeEncodeError as error:
        raise ValueError("the pattern holds half a character") from error
    if made.search("") is not None:
        raise ValueError(f"the pattern {pattern!r} also matches where nothing stands")
    return made


class CustomDetector:
    """Finds the types of one company. Without state; safe to share between threads."""

    name = "custom"

    def __init__(self, types: tuple[CustomType, ...]) -> None:
        self._patterns: list[tuple[Any, str, float, str]] = []
        self._lists: dict[str, Any] = {}
        for kind in types:
            for pattern in kind.patterns:
                self._patterns.append((compiled(pattern), kind.name, 0.9, "pattern of the company"))
            for learnt in learn(kind):
                self._patterns.append(
                    (compiled(learnt.pattern), kind.name, 0.75, "like the company's examples")
                )
            for phrase in kind.words:
                node = self._lists
                for low in tokenise(phrase).lows:
                    node = node.setdefault(low, {})
                node.setdefault(
                    "", kind.name
                )  # no token is empty; the first type keeps a phrase that two have

    def find(self, utterance: Utterance, context: Context) -> list[Span]:
        """Return what was found; findings may overlap."""
        spans = self._listed(utterance) if self._lists else []
        if self._patterns and utterance.text:
            # Half a character (a lone surrogate) is no UTF-8; "?" takes its place, so that offsets stay.
            text = utterance.text.encode("utf-8", "replace").decode("utf-8")
            for pattern, name, score, reason in self._patterns:
                for match in pattern.finditer(text):
                    start, end = match.span(1) if pattern.groups and match.group(1) else match.span()
                    if start < end:
                        spans.append(Span(start, end, name, score, self.name, reason))
        return spans

    def _listed(self, utterance: Utterance) -> list[Span]:
        spans: list[Span] = []
        lows, tokens = utterance.lows, utterance.tokens
        i = 0
        while i < len(lows):
            node, k, last, name = self._lists.get(lows[i]), i + 1, -1, ""
            while node is not None:
                if "" in node:
                    last, name = k - 1, node[""]
                node, k = (node.get(lows[k]) if k < len(lows) else None), k + 1
            if last >= 0:
                spans.append(
                    Span(tokens[i].start, tokens[last].end, name, 0.9, self.name, "in the company's list")
                )
                i = last + 1
            else:
                i += 1
        return spans


def learn(kind: CustomType) -> list[Learnt]:
    """Return patterns for the examples of `kind`, one for each form among them.

    The form is the row of digits, letters and signs; groups become as long as the shortest to the longest seen. A
    form that ordinary words have too (letters alone, few digits) counts only behind a word that stood before at least
    half of its examples, or, if there is none, for the very words that were marked.
    """
    forms: dict[tuple[str, ...], list[Example]] = {}
    for example in kind.examples:
        marked = example.text[example.start : example.end].strip()
        forms.setdefault(tuple(_class(part) for part in _PARTS.findall(marked)), []).append(example)
    return [_learnt(classes, examples) for classes, examples in forms.items() if classes]


def _class(part: str) -> str:
    if part[0].isdecimal():
        return "9"
    if part[0].isalpha():
        return "A" if part.isupper() else "a"
    return " " if part.isspace() else part


def _learnt(classes: tuple[str, ...], examples: list[Example]) -> Learnt:
    rows = [_PARTS.findall(example.text[example.start : example.end].strip()) for example in examples]
    body, words = "", []
    for place, kind in enumerate(classes):
        column = [row[place] for row in rows]
        shortest, longest = min(map(len, column)), max(map(len, column))
        count = f"{{{shortest}}}" if shortest == longest else f"{{{shortest},{longest}}}"
        said = str(shortest) if shortest == longest else f"{shortest} to {longest}"
        if kind in "9Aa":
            body += {"9": "[0-9]", "A": "[A-Z]", "a": "[A-Za-z]"}[kind] + count
            words.append(f"{said} {'digits' if kind == '9' else 'capitals' if kind == 'A' else 'letters'}")
        elif kind == " ":
            body += r"\s{1,3}"
            words.append("space")
        else:
            body += re2.escape(kind)
            words.append("a sign")
    digits = min(sum(len(part) for part in row if part[0].isdecimal()) for row in rows)
    mixed = "9" in classes and len([kind for kind in classes if kind != " "]) > 1
    form = ", ".join(words)
    if digits >= _FEW_DIGITS or (mixed and digits >= 2):
        return Learnt(rf"\b({body})\b", len(examples), f"{form}, anywhere")
    cue = _word_before(examples)
    if cue:
        return Learnt(
            rf"(?i:\b{re2.escape(cue)})[\s:,.#]{{1,4}}(?:(?i:is|it's|its|as)\s+)?({body})\b",
            len(examples),
            f"{form}, behind a word that stood before the examples",
        )
    marked = sorted({example.text[example.start : example.end].strip() for example in examples})
    exact = "|".join(re2.escape(text) for text in marked)
    if len(exact) > MAX_PATTERN_LENGTH - 20:
        raise ValueError(
            "these examples are ordinary words without anything in common: give them as a list of words"
        )
    return Learnt(rf"(?i)\b({exact})\b", len(examples), "the very words that were marked")


def _word_before(examples: list[Example]) -> str:
    """Return the word that most often stands before the examples, if at least two and half of them have it."""
    before: Counter[str] = Counter()
    for example in examples:
        lows = [
            low
            for low in tokenise(example.text[: example.start]).lows
            if low not in ("is", "it's", "its", "as")
        ]
        if lows and lows[-1].replace("'", "").isalpha():
            before[lows[-1]] += 1
    if not before:
        return ""
    word, count = min(before.items(), key=lambda item: (-item[1], item[0]))
    return word if count >= 2 and count * 2 >= len(examples) else ""
