"""Text as HTML: escaped first, then marked. What was redacted shows as a chip that names its kind.

The one place where words of customers, agents and documents become markup. Two ways in: offsets in the text
(moments, evidence), and marks that a search engine put into the text itself (`BEGIN` and `END`, control
characters that `clean` takes out of any text beforehand, so that nobody can write them).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from html import escape
from itertools import pairwise

from engines.redaction.vocabulary import PLACEHOLDER, TYPES, chip_words, kind

BEGIN, END = "\x02", "\x03"
# What a type is called, by its name.
Label = Callable[[str], str]


def plain_label(type_name: str) -> str:
    """What a type is called in the house; a company's own by its name in small letters."""
    return kind(type_name).label


def clean(text: str) -> str:
    """Return the text without the two control characters that stand for marks."""
    return text.replace(BEGIN, "").replace(END, "")


def chip(type_name: str, detail: str | None = None, *, label: Label = plain_label) -> str:
    """Return the chip of a redaction as HTML: a crossed eye and the kind of thing, never its length.

    `detail` is the rest of its placeholder: the last four digits or a keyed hash. `data-length` is the length of the
    placeholder, so that the page can count characters of the text.
    """
    words = escape(chip_words(label(type_name), detail))
    length = len(type_name) + 2 + (len(detail) + 1 if detail else 0)
    return f'<span class="redact" data-length="{length}"><i class="ti ti-eye-off" aria-hidden="true"></i>{words}</span>'


def words_html(text: str, *, own_types: bool = True, label: Label = plain_label) -> str:
    """Return text as HTML, with chips for what was redacted.

    Without `own_types` only those of the house become chips: in a document, `[NOTE]` is no type of the company's.
    """

    def shown(found: re.Match[str]) -> str:
        return chip(found[1], found[2], label=label) if own_types or found[1] in TYPES else found[0]

    return PLACEHOLDER.sub(shown, escape(text))


def spans_html(
    text: str, spans: Iterable[tuple[int, int]], *, own_types: bool = True, label: Label = plain_label
) -> str:
    """Return text as HTML with `<mark>` around the characters of `spans`: half-open, any order, may overlap.

    A span that cuts through a redaction's placeholder is widened to all of it; one beyond the text is cut.
    """
    inside = bytearray(len(text))
    for start, end in spans:
        begin, stop = max(0, start), min(len(text), end)
        if begin < stop:
            inside[begin:stop] = b"\x01" * (stop - begin)
    for found in PLACEHOLDER.finditer(text):
        if any(inside[found.start() : found.end()]):
            inside[found.start() : found.end()] = b"\x01" * len(found[0])
    edges = [0, *(at for at in range(1, len(text)) if inside[at] != inside[at - 1]), len(text)]
    parts = []
    for start, end in pairwise(edges):
        part = words_html(text[start:end], own_types=own_types, label=label)
        parts.append(f"<mark>{part}</mark>" if start < end and inside[start] else part)
    return "".join(parts)


def headline_html(text: str, *, own_types: bool = True, label: Label = plain_label) -> str:
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
    return spans_html("".join(plain), spans, own_types=own_types, label=label)


def plain_words(text: str, *, label: Label = plain_label) -> str:
    """Return text for people to read as plain text: `[card number]` where something was redacted."""
    return PLACEHOLDER.sub(lambda found: f"[{chip_words(label(found[1]), found[2])}]", text)
