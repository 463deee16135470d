"""Lines of a conversation in a language whose patterns are not known: by place and by repeated words alone.

The reason is the customer's turn, of the first third, that has the most words which come back in the conversation; the
outcome the same of the last quarter, whoever said it. Nothing is said of steps, promises or dates: to know them means
to know the language.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from engines.language.clauses import MAX_QUOTE, Line

_WORD = re.compile(r"[^\W\d_]{4,}")
_LEAST_WORDS = 4
_FIRST, _LAST = 1 / 3, 3 / 4


def neutral_lines(lines: Sequence[Line]) -> list[tuple[str, str, tuple[int, ...]]]:
    """(source, quote, utterances) of the reason and the outcome, each at most once."""
    spoken = [line for line in sorted(lines, key=lambda one: one.sequence) if line.text.strip()]
    in_how_many = Counter(word for line in spoken for word in _words(line.text))
    found: list[tuple[str, str, tuple[int, ...]]] = []
    last = max(1, len(spoken) - 1)
    first = [line for at, line in enumerate(spoken) if at / last <= _FIRST and line.speaker == "customer"]
    if reason := _best(first, in_how_many):
        found.append(("reason", _quote(reason.text), (reason.sequence,)))
    final = [line for at, line in enumerate(spoken) if at / last >= _LAST and line is not reason]
    if len(spoken) > _LEAST_WORDS and (outcome := _best(final, in_how_many)):
        found.append(("outcome", _quote(outcome.text), (outcome.sequence,)))
    return found


def _words(text: str) -> set[str]:
    return {word.casefold() for word in _WORD.findall(re.sub(r"\[[A-Z_]+\]", " ", text))}


def _best(lines: Sequence[Line], in_how_many: Counter[str]) -> Line | None:
    """The one with the most words that come back, by the root of its length; the earlier of equals."""
    best, most = None, 0.0
    for line in lines:
        words = _words(line.text)
        if len(line.text.split()) < _LEAST_WORDS or not words:
            continue
        weight = (1 + sum(min(in_how_many[word] - 1, 3) for word in words)) / len(words) ** 0.5
        weight *= min(1.0, len(words) / _LEAST_WORDS)
        if weight > most:
            best, most = line, weight
    return best


def _quote(text: str) -> str:
    text = " ".join(text.split())
    if len(text) > MAX_QUOTE:
        text = text[: MAX_QUOTE - 1].rsplit(" ", 1)[0].rstrip(" ,;:-") + "…"
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "!", "?", "…")) else f"{text}."
