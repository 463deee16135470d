"""What of a text an intent is told by: words and their neighbours, pieces of words, and words that occur together.

Kinds of n-grams keep apart by their form: "=card" is a word, "my card" are neighbours, "lost_card" have one word
between, " car" and "ard " are pieces at a word's edge, "ar" inside it, "card|lost" are two words of one text, wherever
they stand. Where a classifier has learned from English, words and what is made of them are in one form for the same
word (`forms`); pieces are as written. A placeholder of redaction ("[credit_card]") is one word without pieces.
"""

from __future__ import annotations

import re
import unicodedata
from itertools import pairwise

# An utterance longer than this is read to here: the bound on the cost.
MAX_TEXT = 600
MAX_WORD = 24
# Words of which each is put together with each: the first different ones of a text.
MAX_TOGETHER = 24
SHORTEST, LONGEST = 2, 5
_WORD = re.compile(r"\[[a-z0-9_]+\]|[^\W_]+(?:['’][^\W_]+)*")


def words_of(text: str) -> list[str]:
    """The words of a text as speech recognition would write them: lower case, without apostrophes and punctuation."""
    plain = unicodedata.normalize("NFKC", text[:MAX_TEXT]).lower()[:MAX_TEXT]
    return [word.replace("'", "").replace("’", "") for word in _WORD.findall(plain)]


def neighbours(words: list[str]) -> list[str]:
    """Words, pairs, and pairs with one word between. The edges of the text count as words."""
    edged = ["^", *words, "$"]
    grams = [f"={word}" for word in words]
    grams += [f"{one} {two}" for one, two in pairwise(edged)]
    grams += [f"{one}_{two}" for one, two in zip(edged, edged[2:], strict=False)]
    return grams


def pieces_of(word: str) -> list[str]:
    """Pieces of one word of 2 to 5 letters, its edges as spaces."""
    if word.startswith("["):
        return [f" {word} "]
    edged = f" {word[:MAX_WORD]} "
    grams = []
    for length in range(SHORTEST, min(LONGEST, len(edged)) + 1):
        grams += [edged[at : at + length] for at in range(len(edged) - length + 1)]
    return grams


def together(words: list[str]) -> list[str]:
    """Each two different words of a text, in the order of the alphabet."""
    different = sorted(set(list(dict.fromkeys(words))[:MAX_TOGETHER]))
    return [f"{one}|{two}" for at, one in enumerate(different) for two in different[at + 1 :]]
