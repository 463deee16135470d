"""From findings to redacted text: overlaps settled, words replaced, offsets moved."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from engines.redaction.text import RedactedText, Span
from engines.redaction.vocabulary import Group, kind

# The names of the sequence model, and of what was hidden before, among detectors.
MODEL_NAME = "sequence"
MEMORY_NAME = "memory"
_SURE = 0.9


def settle(spans: Iterable[Span]) -> list[Span]:
    """Return spans that do not overlap, in order, covering all that `spans` cover.

    Overlapping ones become one, so that no end of either survives. It is named by the type of highest priority, then
    by the highest score. What a rule knows goes before what the model thinks; where rules know no more than that it is
    a number, the model names it if it is sure: as a kind of number, or as something that has more words than that.
    """
    ordered = sorted(spans, key=_place)
    if len(ordered) < 2:
        return ordered
    settled: list[Span] = []
    for span in ordered:
        if settled and span.start < settled[-1].end:
            last = settled[-1]
            best, other = (last, span) if _weight(last) >= _weight(span) else (span, last)
            if best.detector == MODEL_NAME and _is_bare(other, best):
                best = other
            beside = last.beside | span.beside
            beside |= {one.type for one in (last, span) if one is not best and not _is_part(one, best)}
            end = max(last.end, span.end)
            settled[-1] = Span(last.start, end, best.type, best.score, best.detector, best.reason, beside)
        else:
            settled.append(span)
    return settled


def _is_bare(rule: Span, model: Span) -> bool:
    """Whether the words that the model names are the very digits of a rule, and no kind of number to the model."""
    return (
        rule.type == "NUMBER"
        and rule.start <= model.start
        and model.end <= rule.end
        and not kind(model.type).numeric
    )


def _is_part(other: Span, best: Span) -> bool:
    """Whether `best` by its nature has what `other` found: the web address within an e-mail address is of it."""
    within = best.start <= other.start and other.end <= best.end
    theirs, own = kind(other.type), kind(best.type)
    return other.type == best.type or (
        within and theirs.priority <= own.priority and theirs.group is not Group.SECRETS
    )


def _place(span: Span) -> tuple[int, int]:
    return span.start, -span.end


def _weight(span: Span) -> tuple[int, int, float]:
    if span.detector == MODEL_NAME:
        knows = 2 if span.score >= _SURE else 0
    else:
        knows = 1 if span.type == "NUMBER" or span.detector == MEMORY_NAME else 3
    return knows, kind(span.type).priority, span.score


def replaced(text: str, spans: Sequence[Span], stand_ins: Sequence[str | None]) -> RedactedText:
    """Return `text` with each of the settled `spans` replaced by its stand-in; None leaves the words."""
    if not spans:
        return RedactedText(text)
    parts: list[str] = []
    moved: list[Span] = []
    kept: list[Span] = []
    length = cursor = 0
    for span, stand_in in zip(spans, stand_ins, strict=True):
        before = text[cursor : span.start]
        words = text[span.start : span.end] if stand_in is None else stand_in
        parts += (before, words)
        length += len(before)
        (kept if stand_in is None else moved).append(replace(span, start=length, end=length + len(words)))
        length += len(words)
        cursor = span.end
    parts.append(text[cursor:])
    return RedactedText("".join(parts), tuple(moved), tuple(kept))
