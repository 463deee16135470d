"""Regular expressions of administrators: refused when they could run away, skipped when they cannot match.

Python's `re` backtracks, so a careless pattern can take minutes on one sentence. `parse_pattern` therefore
reads the expression's own syntax tree and refuses what can blow up, with words that say what to write
instead. From the same tree comes a set of literals one of which any match must contain; `PatternSet` files
patterns under three letters of those and runs only the few whose letters the utterance has.

The tree comes from `re._parser`, the parser inside the standard library (CPython 3.11 and later). It is not a
public interface; the tests pin what we read from it.
"""

from __future__ import annotations

import importlib
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

MAX_PATTERN = 300
MAX_COST = 5_000
_UNBOUNDED = 1_000
_GRAM = 3
_FLAGS = re.IGNORECASE

_parser: Any = importlib.import_module("re._parser")
_ALL = frozenset(range(128))
_DIGIT = frozenset(map(ord, "0123456789"))
_SPACE = frozenset(map(ord, " \t\n\r\f\v"))
_WORD = frozenset(code for code in _ALL if chr(code).isalnum()) | {ord("_")}
_CATEGORIES = {
    "CATEGORY_DIGIT": _DIGIT,
    "CATEGORY_NOT_DIGIT": _ALL - _DIGIT,
    "CATEGORY_SPACE": _SPACE,
    "CATEGORY_NOT_SPACE": _ALL - _SPACE,
    "CATEGORY_WORD": _WORD,
    "CATEGORY_NOT_WORD": _ALL - _WORD,
}
_REPEATS = frozenset({"MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"})

Item = tuple[str, Any]


class PatternError(ValueError):
    """A pattern is refused. The message says, to the person who wrote it, what to change."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """A pattern fit to run. `required` are lower-case literals; a match contains at least one of them."""

    expression: re.Pattern[str]
    required: frozenset[str]


def parse_pattern(pattern: str) -> Pattern:
    """Compile `pattern`, ignoring case. Raises `PatternError` where it is wrong or could run away."""
    if not pattern.strip():
        raise PatternError("The pattern is empty.")
    if len(pattern) > MAX_PATTERN:
        raise PatternError(f"The pattern is longer than {MAX_PATTERN} characters: split it into several.")
    try:
        expression = re.compile(pattern, _FLAGS)
        tree = _items(_parser.parse(pattern, _FLAGS))
    except (re.error, OverflowError, RecursionError) as error:
        raise PatternError(f"The pattern is not a regular expression: {error}.") from error
    if expression.search("") is not None:
        raise PatternError("The pattern also matches where nothing is said: every part of it is optional.")
    if _never(tree):
        raise PatternError(
            "The pattern can never match words: ^ stands first and $ last, and some of it must be a letter or a digit."
        )
    if _cost(tree, frozenset()) > MAX_COST:
        raise PatternError(
            "The pattern could take very long: it has too many open-ended parts in a row. "
            "Give limits, as in .{0,20}, or use fewer."
        )
    return Pattern(expression, _required(tree) or frozenset())


def _items(tree: Any) -> list[Item]:
    return [(str(op), argument) for op, argument in tree]


def _never(sequence: list[Item]) -> bool:
    """Say whether a sequence takes no characters at all, or takes some before its ^ or after its $."""
    taken = ended = False
    for item in sequence:
        op, argument = item
        if op == "AT":
            if taken and str(argument) in {"AT_BEGINNING", "AT_BEGINNING_STRING"}:
                return True
            ended = ended or str(argument) in {"AT_END", "AT_END_STRING"}
        elif _takes(item):
            if ended:
                return True
            taken = True
    return not taken and all(item[0] in {"AT", "ASSERT", "ASSERT_NOT"} for item in sequence)


def _takes(item: Item) -> bool:
    """Say whether an item always takes a character."""
    if item[0] in {"AT", "ASSERT", "ASSERT_NOT"}:
        return False
    return not _can_be_empty([item])


def _inner(item: Item) -> list[Item] | None:
    """Return the sequence inside a group, or None where `item` is none."""
    op, argument = item
    if op == "SUBPATTERN":
        return _items(argument[3])
    return _items(argument) if op == "ATOMIC_GROUP" else None


def _cases(code: int) -> frozenset[int]:
    return frozenset(
        {ord(form) for form in (chr(code).lower(), chr(code).upper(), chr(code)) if len(form) == 1}
    )


def _codes(item: Item) -> frozenset[int] | None:
    """Return the characters that a one-character item may match (others than ASCII as named), else None."""
    op, argument = item
    if op == "ANY":
        return _ALL
    if op == "LITERAL":
        return _cases(argument)
    if op == "NOT_LITERAL":
        return _ALL - _cases(argument)
    if op != "IN":
        return None
    chosen: frozenset[int] = frozenset()
    negative = False
    for kind, value in _items(argument):
        if kind == "NEGATE":
            negative = True
        elif kind == "LITERAL":
            chosen |= _cases(value)
        elif kind == "RANGE":
            for code in range(value[0], min(value[1], 1024) + 1):
                chosen |= _cases(code)
        else:
            chosen |= _CATEGORIES.get(str(value), _ALL)
    return _ALL - chosen if negative else chosen


def _first(sequence: list[Item], after: frozenset[int]) -> frozenset[int]:
    """Return what a match of `sequence` may begin with; `after` stands for what follows an empty one."""
    begins: frozenset[int] = frozenset()
    for item in sequence:
        op, argument = item
        codes = _codes(item)
        if codes is not None:
            return begins | codes
        inner = _inner(item)
        if inner is not None:
            begins |= _first(inner, frozenset())
            if _can_be_empty(inner):
                continue
            return begins
        if op == "BRANCH":
            alternatives = [_items(alternative) for alternative in argument[1]]
            for alternative in alternatives:
                begins |= _first(alternative, frozenset())
            if any(map(_can_be_empty, alternatives)):
                continue
            return begins
        if op in _REPEATS:
            body = _items(argument[2])
            begins |= _first(body, frozenset())
            if argument[0] > 0 and not _can_be_empty(body):
                return begins
        elif op in {"GROUPREF", "GROUPREF_EXISTS"}:
            return _ALL
    return begins | after


def _can_be_empty(sequence: list[Item]) -> bool:
    for item in sequence:
        op, argument = item
        inner = _inner(item)
        if _codes(item) is not None or (inner is not None and not _can_be_empty(inner)):
            return False
        if op in _REPEATS and argument[0] > 0 and not _can_be_empty(_items(argument[2])):
            return False
        if op == "BRANCH" and not any(_can_be_empty(_items(alternative)) for alternative in argument[1]):
            return False
    return True


def _cost(sequence: list[Item], after: frozenset[int]) -> int:
    """Return how many ways a backtracking matcher may try `sequence` from one place, at most."""
    cost = 1
    for index, item in enumerate(sequence):
        op, argument = item
        rest = _first(sequence[index + 1 :], after)
        inner = _inner(item)
        if inner is not None:
            cost *= _cost(inner, rest)
        elif op == "BRANCH":
            cost *= max(1, sum(_cost(_items(alternative), rest) for alternative in argument[1]))
        elif op in _REPEATS:
            cost *= _repeat_cost(argument, rest)
        elif op in {"ASSERT", "ASSERT_NOT"}:
            cost *= _cost(_items(argument[1]), frozenset())
        elif op in {"GROUPREF", "GROUPREF_EXISTS"}:
            raise PatternError("The pattern refers back to one of its own groups: that is not supported.")
    return cost


def _repeat_cost(argument: Any, rest: frozenset[int]) -> int:
    least, most, body = argument[0], int(argument[1]), _items(argument[2])
    begins = _first(body, frozenset())
    if most > 1 and (_varies(body) or _forks(body)):
        raise PatternError(
            "The pattern repeats a part that itself repeats, as in (a+)+, which can run for minutes. "
            "For words in between use a phrase with ... instead."
        )
    if most > 1000 and ord(" ") in begins and ord("a") in begins:
        raise PatternError("The pattern has an unlimited .* or .+: give it a limit, as in .{0,40}.")
    if least == most or not begins & rest:
        return 1
    return min(most, _UNBOUNDED) - least + 1 if most > least else 1


def _varies(sequence: list[Item]) -> bool:
    for item in sequence:
        op, argument = item
        inner = _inner(item)
        if inner is not None and _varies(inner):
            return True
        if op in _REPEATS and (argument[0] != argument[1] or _varies(_items(argument[2]))):
            return True
        if op == "BRANCH" and any(_varies(_items(alternative)) for alternative in argument[1]):
            return True
    return False


def _forks(sequence: list[Item]) -> bool:
    """Say whether alternatives in `sequence` can begin alike, so that repeating them tries each both ways."""
    for item in sequence:
        op, argument = item
        inner = _inner(item)
        if inner is not None and _forks(inner):
            return True
        if op == "BRANCH":
            seen: frozenset[int] = frozenset()
            for alternative in argument[1]:
                begins = _first(_items(alternative), _ALL)
                if begins & seen:
                    return True
                seen |= begins
    return False


def _required(sequence: list[Item]) -> frozenset[str] | None:
    """Return literals one of which every match contains, the most telling set found, or None."""
    found: list[frozenset[str]] = []
    run = ""
    for item in [*sequence, ("END", None)]:
        op, argument = item
        if op == "LITERAL" and argument < 128:
            run += chr(argument).lower()
            continue
        if op == "AT":
            continue
        if run:
            found.append(frozenset({run}))
            run = ""
        inner = _inner(item)
        if inner is None and op in _REPEATS and argument[0] > 0:
            inner = _items(argument[2])
        if inner is not None:
            inside = _required(inner)
        elif op == "BRANCH":
            each = [_required(_items(alternative)) for alternative in argument[1]]
            inside = None if None in each else frozenset().union(*(one for one in each if one))
        else:
            inside = None
        if inside:
            found.append(inside)
    return max(found, key=lambda literals: (min(map(len, literals)), -len(literals)), default=None)


class PatternSet:
    """Runs many patterns on one text, and of those only the ones that could match it."""

    def __init__(self, patterns: Iterable[tuple[int, Pattern]]) -> None:
        listed = list(patterns)
        shared = Counter(gram for _, one in listed for literal in one.required for gram in _grams(literal))
        self._always: list[tuple[int, re.Pattern[str]]] = []
        self._filed: dict[str, list[tuple[int, str, re.Pattern[str]]]] = {}
        for owner, one in listed:
            if not one.required or min(map(len, one.required)) < _GRAM:
                self._always.append((owner, one.expression))
                continue
            for literal in sorted(one.required):
                gram = min(sorted(_grams(literal)), key=lambda candidate: shared[candidate])
                self._filed.setdefault(gram, []).append((owner, literal, one.expression))

    def find(self, text: str) -> list[tuple[int, int, int]]:
        """Return (owner, start, end) of every match, as character offsets."""
        due = dict(self._always)
        if self._filed:
            folded = text.casefold()
            for gram in self._filed.keys() & _grams(folded):
                for owner, literal, expression in self._filed[gram]:
                    if literal in folded:
                        due[owner] = expression
        return [
            (owner, *found.span())
            for owner, expression in sorted(due.items(), key=lambda pair: pair[0])
            for found in expression.finditer(text)
            if found.end() > found.start()
        ]


def _grams(text: str) -> set[str]:
    return {text[at : at + _GRAM] for at in range(len(text) - _GRAM + 1)}
