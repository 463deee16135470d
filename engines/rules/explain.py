"""Why a decision was made, in a plain English sentence.

A reason is kept as a form with the slot `{quote}` and, apart from it, the place of the words quoted: text has
one home, and whoever stores a decision stores the form and the place, and fills in the words when it shows
them. `Decision.reason` is the filled form, for the screen of the moment.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engines.rules.occurrences import Occurrence

QUOTE = "{quote}"
MAX_QUOTE = 80
MAX_NAMES = 3


def clock(ms: int) -> str:
    """Return call time as people read it: 0:20, 12:05, 1:02:03."""
    minutes, seconds = divmod(max(0, ms) // 1000, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def quote(text: str, spans: tuple[tuple[int, int], ...]) -> str:
    """Return the words of the first span, shortened in the middle where they are many."""
    if not spans or not text:
        return ""
    start, end = spans[0]
    words = " ".join(text[start:end].split())
    if len(words) <= MAX_QUOTE:
        return words
    half = MAX_QUOTE // 2
    return f"{words[:half].rsplit(' ', 1)[0]} … {words[-half:].split(' ', 1)[-1]}"


def fill(form: str, words: str) -> str:
    """Return the sentence of a reason's form; without words it says "this" instead of a quotation."""
    return form.replace(f"“{QUOTE}”", "this") if not words else form.replace(QUOTE, words)


def form_of(occurrence: Occurrence, names: Mapping[str, str]) -> str:
    """Return the form of the reason that an occurrence gives, without its full stop."""
    if occurrence.sequence is not None:
        who = "someone" if occurrence.speaker in {"any", "", "unknown"} else f"the {occurrence.speaker}"
        return f"Because {who} said “{QUOTE}” at {clock(occurrence.at_ms)}"
    if occurrence.searched is None:
        # A field of the call: nobody said it.
        return f"Because the call is marked “{_name(occurrence.key, names)}”"
    what = _lower(names.get(occurrence.expected or "", occurrence.expected or _name(occurrence.key, names)))
    from_ms, to_ms = occurrence.searched
    if from_ms == 0:
        return f"Because no {what} was given in the first {clock(to_ms)}"
    return f"Because no {what} was given between {clock(from_ms)} and {clock(to_ms)}"


def said_by_name(occurrence: Occurrence, words: str) -> str:
    """Return how to say that something of a list was named, where the words alone do not tell: else empty."""
    named = " and ".join(occurrence.names[:MAX_NAMES])
    if not named or named.casefold() == words.casefold():
        return ""
    who = "someone" if occurrence.speaker in {"any", "", "unknown"} else f"the {occurrence.speaker}"
    return f"{who} said “{QUOTE}” ({named}) at {clock(occurrence.at_ms)}"


def _name(key: str, names: Mapping[str, str]) -> str:
    return names.get(key) or key.replace("_", " ")


def _lower(name: str) -> str:
    """Return a name as it stands within a sentence: "Recording notice" but "PCI notice"."""
    return name[:1].lower() + name[1:] if name[1:2].islower() else name
