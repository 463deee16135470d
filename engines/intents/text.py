"""What of a text an intent is told by: words, pairs of words, and pieces of words.

Kinds of n-grams keep apart by their form: "=card" is a word, "my card" a pair, "lost_card" a pair with one word between,
" car" and "ard " are pieces at a word's edge, "ar" inside it. A placeholder of redaction ("[credit_card]") is one word
without pieces.
"""

from __future__ import annotations

import re
import unicodedata

# An utterance longer than this is read to here: the bound on the cost.
MAX_TEXT = 600
MAX_WORD = 24
SHORTEST, LONGEST = 2, 5
_WORD = re.compile(r"\[[a-z0-9_]+\]|[^\W_]+(?:['’][^\W_]+)*")


def words_of(text: str) -> list[str]:
    """The words of a text as speech recognition would write them: lower case, without apostrophes and punctuation."""
    plain = unicodedata.normalize("NFKC", text[:MAX_TEXT]).lower()
    return [word.replace("'", "").replace("’", "") for word in _WORD.findall(plain)]


def word_grams(words: list[str]) -> list[str]:
    """Words, pairs, and pairs with one word between. The edges of the text count as words."""
    edged = ["^", *words, "$"]
    grams = [f"={word}" for word in words]
    grams += [f"{one} {two}" for one, two in zip(edged, edged[1:], strict=False)]
    grams += [f"{one}_{two}" for one, two in zip(edged, edged[2:], strict=False)]
    return grams


def pieces_of(word: str) -> list[str]:
    """Pieces of one word of 2 to 5 letters, its edges as spaces; the whole word, if that is shorter."""
    if word.startswith("["):
        return [f" {word} "]
    edged = f" {word[:MAX_WORD]} "
    grams = []
    for length in range(SHORTEST, min(LONGEST, len(edged)) + 1):
        grams += [edged[at : at + length] for at in range(len(edged) - length + 1)]
    return grams
