"""How content a customer sounds, from the words of one utterance.

A small lexicon of contact-centre talk with negation and intensifiers: it hears the plain cases ("this is
ridiculous", "thank you so much"), not irony, and nothing in the voice. It is for customers' words alone.
Never call it on what staff say: their emotions are not inferred anywhere in this product.
"""

from __future__ import annotations

from functools import lru_cache

from engines.rules.text import NEGATORS, listed, words_of

# Weights 1 to 3; a phrase counts in place of its words.
_GOOD = {
    1: listed("good nice fine glad easy clear helpful sorted fixed quick smooth thanks"),
    2: listed(
        "great happy pleased appreciate appreciated wonderful lovely relieved resolved satisfied thankful"
    ),
    3: listed("excellent amazing fantastic perfect brilliant love loved awesome superb outstanding best"),
}
_BAD = {
    1: listed(
        "problem problems issue issues wrong trouble confused confusing confuse slow late delay "
        "delayed broken "
        "error errors mistake worried concerned missing stuck unfortunately expensive difficult sorry hard"
    ),
    2: listed(
        "upset annoyed annoying frustrated frustrating frustration disappointed disappointing unhappy angry "
        "cancel cancelling canceling complain complaint complaints bad poor waste wasted unacceptable unfair "
        "overcharged misled rude useless fail failed fails failing fault faulty sick tired waiting"
    ),
    3: listed(
        "terrible awful horrible ridiculous furious outrageous disgusting disgusted disgrace "
        "disgraceful scam "
        "fraud hate worst pathetic appalling joke nightmare lied lying liar livid lawyer sue stupid"
    ),
}
_PHRASES = {
    ("thank", "you"): 1,
    ("no", "problem"): 1,
    ("no", "worries"): 1,
    ("not", "bad"): 1,
    ("can", "not", "complain"): 2,
    ("that", "works"): 1,
    ("fed", "up"): -3,
    ("sick", "and", "tired"): -3,
    ("had", "enough"): -3,
    ("last", "straw"): -3,
    ("rip", "off"): -3,
    ("ripped", "off"): -3,
    ("let", "down"): -2,
    ("third", "time"): -2,
    ("fourth", "time"): -2,
    ("second", "time"): -1,
    ("still", "not"): -2,
    ("not", "working"): -2,
    ("does", "not", "work"): -2,
    ("did", "not", "work"): -2,
    ("for", "hours"): -1,
    ("no", "one"): -1,
    ("nobody",): -1,
    ("your", "manager"): -2,
    ("your", "supervisor"): -2,
    ("credit", "card"): 0,
    ("fraud", "department"): 0,
    ("sorry", "to", "bother"): 0,
    ("what", "is", "wrong"): -1,
    ("working", "day"): 0,
    ("working", "days"): 0,
    ("well", "done"): 2,
}
_STRONG = listed("very so really extremely absolutely totally completely incredibly such too utterly beyond")
_WEAK = listed("slightly somewhat fairly bit little kind sort quite")
_WEIGHT: dict[str, int] = {word: weight for weight, words in _GOOD.items() for word in words} | {
    word: -weight for weight, words in _BAD.items() for word in words
}
_LONGEST = max(map(len, _PHRASES))
_BEGINNINGS = frozenset(phrase[0] for phrase in _PHRASES)
_REACH = 3
_SOFTNESS = 4.0


def score(text: str) -> float:
    """Return -1 (very unhappy) to 1 (very happy) for one redacted utterance of a customer; 0 is neither.

    The sum s of the weights found becomes s / (|s| + 4), so that one strong word gives about 0.4 and no
    number of words leaves the range. A negator up to three words before a word of feeling turns it round,
    a bad one at half weight ("not happy" is bad, "not angry" only a little good).
    """
    return _score(text)


@lru_cache(maxsize=16)  # asked for twice: for the transcript, and for what rules make of it
def _score(text: str) -> float:
    norms = words_of(text).norms
    total = 0.0
    at = 0
    negator: int | None = None
    factor = 1.0
    while at < len(norms):
        length, weight = _entry(norms, at)
        if weight is not None:
            reach = negator is not None and at - negator <= _REACH
            turned = -0.5 if reach and weight < 0 else -1.0 if reach else 1.0
            total += weight * factor * turned
            negator = None
            factor = 1.0
        else:
            word = norms[at]
            if word in NEGATORS:
                negator = at
            factor = (
                1.5 if word in _STRONG else 0.5 if word in _WEAK else factor if word in {"a", "of"} else 1.0
            )
        at += length
    return round(total / (abs(total) + _SOFTNESS), 3)


def _entry(norms: list[str], at: int) -> tuple[int, int | None]:
    """Return how many words the entry at `at` takes, and its weight; (1, None) where there is none."""
    if norms[at] in _BEGINNINGS:
        for length in range(min(_LONGEST, len(norms) - at), 0, -1):
            weight = _PHRASES.get(tuple(norms[at : at + length]))
            if weight is not None:
                return length, weight
    return 1, _WEIGHT.get(norms[at])
