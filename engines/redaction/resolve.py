"""From findings to redacted text: overlaps settled, words replaced, offsets moved."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from engines.redaction.text import RedactedText, Span
from engines.redaction.vocabulary import TYPES


def settle(spans: Iterable[Span]) -> list[Span]:
    """Return spans that do not overlap, in order, covering all that `spans` cover.

    Overlapping ones become one, named by the type of highest priority, so that no end of either survives.
    """
    settled: list[Span] = []
    for span in sorted(spans, key=lambda span: (span.start, -span.end)):
        if settled and span.start < settled[-1].end:
            last = settled[-1]
            best = max(last, span, key=lambda part: (TYPES[part.type].priority, part.score))
            settled[-1] = replace(best, start=last.start, end=max(last.end, span.end))
        else:
            settled.append(span)
    return settled


def replaced(text: str, spans: list[Span]) -> RedactedText:
    """Return `text` with each of the settled `spans` replaced by its placeholder."""
    parts: list[str] = []
    moved: list[Span] = []
    length = cursor = 0
    for span in spans:
        before, stand_in = text[cursor : span.start], TYPES[span.type].placeholder
        parts += (before, stand_in)
        length += len(before)
        moved.append(replace(span, start=length, end=length + len(stand_in)))
        length += len(stand_in)
        cursor = span.end
    parts.append(text[cursor:])
    return RedactedText("".join(parts), tuple(moved))
