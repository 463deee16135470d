"""Is this the same question? Words that carry meaning, in their stems, by how much two questions share.

The measure is Dice's coefficient over weighted words: talk ("can you tell me") counts a quarter. Figures must be the
same, and so must a negation: "can I cancel" is not "can I not cancel".
"""

from __future__ import annotations

import re
from functools import lru_cache

from engines.retrieval.support_reading import read
from engines.retrieval.words import talk

# At and above this two questions are taken for one, where no other answer's question is as near by this lead. Of
# banking77's 77 kinds of questions, six wordings of each kept, ten others asked (and 400 questions of other trades),
# 24 % are answered, and 90 % of what is answered is right; what is wrong is mostly of the neighbouring kind.
ALIKE, LEAD = 0.7, 0.15
TALK = 0.25
_FIGURES = {"number", "money", "share", "date", "time"}


def alike(one: str, other: str, language: str = "en") -> float:
    """From 0 to 1: how much two questions ask the same."""
    mine, theirs = _asked(one, language), _asked(other, language)
    if mine[1] != theirs[1] or not mine[0] or not theirs[0]:
        return 0.0
    shared = sum(weight for word, weight in mine[0].items() if word in theirs[0])
    return 2 * shared / (sum(mine[0].values()) + sum(theirs[0].values()))


def same_figures(one: str, other: str, language: str = "en") -> bool:
    """Whether two questions name the same figures, and both deny or neither does."""
    return _asked(one, language)[1] == _asked(other, language)[1]


def asked_words(text: str, language: str = "en") -> list[str]:
    """The words by which a question can be looked for: those that are not talk, or all where there are no others."""
    weights = _asked(text, language)[0]
    return [word for word, weight in weights.items() if weight == 1.0] or list(weights)


def plain(text: str) -> str:
    """A question in one form: small letters and words alone."""
    return " ".join(re.findall(r"\w+", text.casefold()))


@lru_cache(maxsize=20_000)
def _asked(text: str, language: str) -> tuple[dict[str, float], tuple[object, ...]]:
    """The weights of its words, and what must be the same."""
    tokens = read(text).tokens
    chat = _talk(language)
    weights = {one.key: TALK if one.kind == "light" or one.key in chat else 1.0 for one in tokens}
    figures = frozenset(one.key for one in tokens if one.kind in _FIGURES)
    return weights, (figures, any("not" in one.marks for one in tokens))


@lru_cache(maxsize=32)
def _talk(language: str) -> frozenset[str]:
    return frozenset(token.key for word in talk(language) for token in read(word).tokens)
