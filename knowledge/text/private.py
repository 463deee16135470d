"""What in a document reads as personal data. What a company looks for, a higher room knows and says when it starts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

# More than these are not worth naming: such a text is a list of people.
MOST = 200


@dataclass(frozen=True, slots=True)
class Private:
    """A finding: its type (`engines.redaction.vocabulary`) and where it stands, [start, end) in the text."""

    type: str
    start: int
    end: int


Find = Callable[[str], Iterable[Private]]


def _nothing(text: str) -> Iterable[Private]:
    return ()


_find: Find = _nothing


def _as_it_is(text: str) -> str:
    return text


Hide = Callable[[str], str]
_hide: Hide = _as_it_is


def find_with(find: Find) -> None:
    """Have documents read by this function from now on."""
    global _find
    _find = find


def hide_with(hide: Hide) -> None:
    """Have what people type and say redacted by this function from now on."""
    global _hide
    _hide = hide


def redacted(text: str) -> str:
    """A text without what the company hides; about what people ask and remark, not about documents."""
    return _hide(text)


def private_find(text: str) -> list[Private]:
    """What reads as personal data in a text, the first 200 of it."""
    found: list[Private] = []
    for one in _find(text):
        found.append(one)
        if len(found) == MOST:
            break
    return found


def private_masked(text: str) -> str:
    """A text fit to leave the house: `[TYPE]` in place of what reads as personal data."""
    found = private_find(text)
    if len(found) == MOST:
        # Nobody looked at what follows.
        text = text[: max(one.end for one in found)]
    for one in sorted(found, key=lambda one: -one.start):
        text = f"{text[: one.start]}[{one.type}]{text[one.end :]}"
    return text


def counted(rows: Iterable[tuple[str, int, int]]) -> dict[str, int]:
    """How many there are of each type, most first; `rows` as `DocumentVersion.private` keeps them."""
    return dict(Counter(row[0] for row in rows).most_common())
