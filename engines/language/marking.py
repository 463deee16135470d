"""Text as HTML: escaped first, then marked. What was redacted shows as a chip that names its kind.

The one place where words of customers, agents and documents become markup. Two ways in: offsets in the text
(moments, evidence), and marks that a search engine put into the text itself (`BEGIN` and `END`, control
characters that `clean` takes out of any text beforehand, so that nobody can write them).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape
from itertools import pairwise

from engines.redaction.vocabulary import TYPES

BEGIN, END = "\x02", "\x03"

_PLACEHOLDER = re.compile(r"\[(" + "|".join(sorted(TYPES, key=len, reverse=True)) + r")\]")


def clean(text: str) -> str:
    """Return the text without the two control characters that stand for marks."""
    return text.replace(BEGIN, "").replace(END, "")


def chip(type_name: str) -> str:
    """Return the chip of a redaction as HTML: a crossed eye and the kind of thing, never its length."""
    label = escape(TYPES[type_name].label)
    return f'<span class="redact"><i class="ti ti-eye-off" aria-hidden="true"></i>{label}</span>'


def words_html(text: str) -> str:
    """Return text as HTML, with chips for what was redacted."""
    return _PLACEHOLDER.sub(lambda found: chip(found[1]), escape(text))


def spans_html(text: str, spans: Iterable[tuple[int, int]]) -> str:
    """Return text as HTML with `<mark>` around the characters of `spans`: half-open, any order, may overlap.

    A span that cuts through a redaction's placeholder is widened to all of it; one beyond the text is cut.
    """
    inside = bytearray(len(text))
    for start, end in spans:
        begin, stop = max(0, start), min(len(text), end)
        if begin < stop:
            inside[begin:stop] = b"\x01" * (stop - begin)
    for found in _PLACEHOLDER.finditer(text):
        if any(inside[found.start() : found.end()]):
            inside[found.start() : found.end()] = b"\x01" * len(found[0])
    edges = [0, *(at for at in range(1, len(text)) if inside[at] != inside[at - 1]), len(text)]
    parts = []
    for start, end in pairwise(edges):
        part = words_html(text[start:end])
        parts.append(f"<mark>{part}</mark>" if start < end and inside[start] else part)
    return "".join(parts)


def headline_html(text: str) -> str:
    """Return a search engine's headline as HTML, `<mark>` for `BEGIN` … `END`. Unpaired ones are dropped."""
    plain, spans, begun = [], [], None
    at = 0
    for part in re.split(f"([{BEGIN}{END}])", text):
        if part == BEGIN:
            begun = at
        elif part == END:
            if begun is not None:
                spans.append((begun, at))
            begun = None
        else:
            plain.append(part)
            at += len(part)
    return spans_html("".join(plain), spans)


def plain_words(text: str) -> str:
    """Return text for people to read as plain text: `[card number]` where something was redacted."""
    return _PLACEHOLDER.sub(lambda found: f"[{TYPES[found[1]].label}]", text)
