"""Words as the detectors compare them: case, apostrophes and punctuation taken off, offsets kept.

Contractions are written out ("don't" is "do not", "gonna" is "going to"), in phrases and in speech alike, so
that one phrase covers both ways of saying it and negation is always the word "not". A placeholder that
redaction left, `[CREDIT_CARD]`, is one word, `[credit_card]`.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

_WORD = re.compile(r"\[[A-Z][A-Z0-9_]*\]|[^\W_]+(?:['’ʼ][^\W_]+)*")
_APOSTROPHES = str.maketrans("’ʼ", "''")

_WHOLE = {
    "won't": ("will", "not"),
    "can't": ("can", "not"),
    "shan't": ("shall", "not"),
    "ain't": ("is", "not"),
    "let's": ("let", "us"),
    "y'all": ("you", "all"),
    "cannot": ("can", "not"),
    "gonna": ("going", "to"),
    "wanna": ("want", "to"),
    "gotta": ("got", "to"),
    "gimme": ("give", "me"),
    "lemme": ("let", "me"),
    # Chat, and recognisers without apostrophes; only forms that are no other word ("ill" and "were" are).
    "dont": ("do", "not"),
    "doesnt": ("does", "not"),
    "didnt": ("did", "not"),
    "isnt": ("is", "not"),
    "wasnt": ("was", "not"),
    "arent": ("are", "not"),
    "havent": ("have", "not"),
    "hasnt": ("has", "not"),
    "wont": ("will", "not"),
    "cant": ("can", "not"),
    "couldnt": ("could", "not"),
    "wouldnt": ("would", "not"),
    "shouldnt": ("should", "not"),
    "im": ("i", "am"),
    "ive": ("i", "have"),
    "youre": ("you", "are"),
    "youve": ("you", "have"),
    "theyre": ("they", "are"),
    "thats": ("that", "is"),
    "whats": ("what", "is"),
}
_ENDINGS = {"m": "am", "re": "are", "ve": "have", "ll": "will", "d": "would"}


def listed(words: str) -> frozenset[str]:
    """Return the words of a list written with spaces."""
    return frozenset(words.split())


_IS_AFTER = listed("it that this what here there he she who how where when everything nothing")


class Words(NamedTuple):
    """The normalised words of a text and where each stands in it, as half-open character offsets.

    A contraction gives two words with the same offsets, so that a span never cuts a written word.
    """

    norms: list[str]
    starts: list[int]
    ends: list[int]


@lru_cache(maxsize=8192)
def forms(written: str) -> tuple[str, ...]:
    """Return the normalised word or words of one written word."""
    word = written.casefold().translate(_APOSTROPHES)
    whole = _WHOLE.get(word)
    if whole is not None:
        return whole
    if "'" not in word:
        return (word,)
    stem, _, ending = word.rpartition("'")
    if ending == "t" and stem.endswith("n"):
        return (stem[:-1].replace("'", ""), "not")
    stem = stem.replace("'", "")
    if ending in _ENDINGS:
        return (stem, _ENDINGS[ending])
    if ending == "s":
        return (stem, "is") if stem in _IS_AFTER else (stem,)
    return (stem + ending,)


# The text split last: several readers ask for the words of one utterance, one after the other.
_last: tuple[str, Words] = ("", Words([], [], []))


def words_of(text: str) -> Words:
    """Split `text` into normalised words with their offsets. The result is shared: read it only."""
    global _last
    known, words = _last
    if known == text:
        return words
    words = _split(text)
    _last = (text, words)
    return words


def _split(text: str) -> Words:
    norms: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    for found in _WORD.finditer(text):
        start, end = found.span()
        for norm in forms(found.group()):
            norms.append(norm)
            starts.append(start)
            ends.append(end)
    return Words(norms, starts, ends)


NEGATORS = listed("not never no without nor neither")
_UNCOUNTED = listed("to really actually even just ever yet definitely certainly necessarily be been being")
_SUBJECTS = listed("i we you he she they it please thanks thank but so because")
_RAISING = listed("think believe suppose want need expect say said see feel know mean")
_REACH = 3


def negated(text: str, words: Words, first: int, last: int, own: frozenset[str]) -> bool:
    """Say whether the words `first`..`last` (half-open) are denied: "i'm not going to cancel".

    A negator counts when it stands at most three words before the match ("to" and light adverbs are not
    counted) or inside it without being one of the phrase's `own` words. Punctuation or a new subject in
    between ends its reach: "it does not work, cancel it", "can't you cancel", "no i want to cancel". Without
    punctuation a negation right before an imperative ("it does not work cancel it") is still taken for one.
    """
    norms = words.norms
    for at in range(first, last):
        if norms[at] in NEGATORS and norms[at] not in own:
            return True
    counted = 0
    at = first - 1
    while at >= 0 and counted < _REACH:
        gap = text[words.ends[at] : words.starts[at + 1]]
        if gap and not gap.isspace():
            return False
        word = norms[at]
        if word in NEGATORS:
            follower = norms[at + 1]
            return not (
                (word == "not" and follower == "only")
                or (word == "no" and at + 1 < first and follower in _UNCOUNTED)
            )
        if word in _SUBJECTS:
            if at == 0 or norms[at - 1] not in _RAISING:
                return False
            # "i do not think i want to": the denial is of what is thought.
            at -= 2
            continue
        counted += word not in _UNCOUNTED
        at -= 1
    return False
