"""Passages cut into statements: sentences, list items, rows of tables, each with its words and values."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from engines.upkeep.values import Value, denials_in, values_in

# What a sentence is about is in none of these, whatever the language.
_EMPTY_WORDS = """
a an the and or but if then of to in on at by for with from as into onto over under about within after
before until is are was were be been being am do does did have has had will would shall should can could may
might must need needs it its this that these those there their they them he she his her we our us you your i
my me who whom which what when where how also just only still already please each any all some such own same
so than too very up out off again per via not no cannot never nor neither none without n't der die das den
dem des ein eine einen einem einer und oder aber wenn dann von zu auf für mit aus als bei nach vor ist sind
war waren sein wird werden kann können muss müssen darf dürfen soll sollen haben hat sie er es wir ihr ihre
nicht kein keine le la les un une et ou mais si de du à en sur pour avec par est sont était être ont peut
doit il elle ils vous nous ne pas el los las una y o pero del al con por para son era ser ha han puede debe
lo su sus se que
"""
_EMPTY = frozenset(_EMPTY_WORDS.split())
_GENERIC_WORDS = """
policy policies guide overview summary basics introduction faq question answer information info detail
internal external update updated new old draft copy final version news notice change changes general rule
procedure process page section note handbook manual article document help about how what
"""
_GENERIC = frozenset(_GENERIC_WORDS.split())
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)?")
_SENTENCE = re.compile(r"(?<=[.!?;])\s+(?=[A-ZÄÖÜÀ-Ý\"“(*\d])|\n\s*\n")
_ITEM = re.compile(r"^\s*(?:[-*+•]|\d{1,3}[.)])\s+|^\s*\|", re.M)


@dataclass(frozen=True, slots=True)
class Passage:
    """A passage to look through. `document`: what it belongs to; `path`: its headings, the title first."""

    key: str
    document: str
    title: str
    path: str
    text: str


@dataclass(frozen=True, slots=True)
class Statement:
    """A sentence of a passage, [start, end) in its text. `words`: what it is about; `subject`: title and headings,
    `title`: the title alone."""

    passage: int
    start: int
    end: int
    text: str
    words: frozenset[str]
    subject: frozenset[str]
    title: frozenset[str]
    values: tuple[Value, ...]
    denials: tuple[tuple[int, int], ...]


def stem(word: str) -> str:
    """A word without its most common endings: enough to compare sentences with each other."""
    word = word.casefold().replace("’", "'").removesuffix("'s")
    for ending in (
        "ations",
        "ation",
        "ments",
        "ment",
        "ings",
        "ing",
        "ies",
        "ers",
        "es",
        "ed",
        "er",
        "en",
        "s",
        "e",
    ):
        if word.endswith(ending) and len(word) - len(ending) >= 4:
            return word[: -len(ending)]
    return word[:-1] if word.endswith("s") and len(word) > 3 else word


_STEMMED = frozenset(stem(word) for word in _GENERIC)
_YEAR = re.compile(r"(?:19|20)\d\d")


def words_of(text: str) -> frozenset[str]:
    """What a text is about: its words without those that are about nothing, stemmed."""
    return frozenset(
        stem(one)
        for one in _WORD.findall(text)
        if one.casefold().replace("’", "'") not in _EMPTY and not one.casefold().endswith("n't")
    )


def subject_of(passage: Passage) -> frozenset[str]:
    """What a passage is about by its title and headings."""
    return _named(f"{passage.title} {passage.path}")


def title_of(passage: Passage) -> frozenset[str]:
    """What its document is about by its title alone."""
    return _named(passage.title)


def _named(text: str) -> frozenset[str]:
    # Years say how old a text is, not what it is about.
    return frozenset(word for word in words_of(text) if word not in _STEMMED and not _YEAR.fullmatch(word))


def statements(passages: list[Passage]) -> Iterator[Statement]:
    """All statements of passages, in order."""
    for number, passage in enumerate(passages):
        subject, title = subject_of(passage), title_of(passage)
        for start, end in _spans(passage.text):
            text = passage.text[start:end]
            values = tuple(
                Value(one.kind, one.low, one.high, start + one.start, start + one.end)
                for one in values_in(text)
            )
            rest, at = [], 0
            for one in values:
                rest.append(text[at : one.start - start])
                at = one.end - start
            rest.append(text[at:])
            words = frozenset(word for word in words_of(" ".join(rest)) if not word.isdigit())
            denials = tuple((start + a, start + b) for a, b in denials_in(text))
            yield Statement(number, start, end, text, words, subject, title, values, denials)


def _spans(text: str) -> Iterator[tuple[int, int]]:
    """Sentences, items and rows: [start, end)."""
    lines: list[tuple[int, int]] = []
    at = 0
    for line in text.splitlines(keepends=True):
        begins = _ITEM.match(line) is not None or not line.strip()
        if lines and not begins and text[lines[-1][0] : lines[-1][1]].strip():
            lines[-1] = (lines[-1][0], at + len(line))
        else:
            lines.append((at, at + len(line)))
        at += len(line)
    for start, end in lines:
        begin = start
        for cut in _SENTENCE.finditer(text, start, end):
            yield from _trimmed(text, begin, cut.start())
            begin = cut.end()
        yield from _trimmed(text, begin, end)


def _trimmed(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    part = text[start:end]
    left = len(part) - len(part.lstrip())
    kept = part.strip()
    if kept:
        yield start + left, start + left + len(kept)
