"""Whether a written line is borne out by what was said.

The check is by content words: those that carry meaning, in a crude stem so that "refunded" and "refund"
agree. It catches a line about something that nobody mentioned; it does not catch one that puts the right
words to a wrong use ("the agent refused the refund").
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from engines.rules.text import listed, words_of

SHARE = 0.7
_DIGITS = re.compile(r"\d")
_EMPTY = listed(
    "a an the this that these those and or but so if then than because as of at by for from in into on onto "
    "to up out off over with about i me my mine we us our you your he him his she her it its they them their "
    "there here is am are was were be been being do does did done have has had having will "
    "would shall should "
    "can could may might must get got go going just very really also too please okay ok yes yeah well oh um "
    "uh what which who whom whose when where why how some any all each other more most such only own same now"
)
# Words about the conversation itself that an edited line may use of anybody.
_ROLES = listed("customer agent caller call said asked told wants wanted")
_ENDINGS = (
    "ations",
    "ation",
    "ments",
    "ment",
    "ings",
    "ing",
    "ies",
    "ied",
    "ers",
    "ed",
    "es",
    "er",
    "s",
    "e",
    "y",
)


def stem(word: str) -> str:
    """Return a word without its commonest English ending; at least three letters remain."""
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            cut = word[: -len(ending)]
            # "shipped" is "ship", while "calling" is "call" and "missed" is "miss".
            return cut[:-1] if cut[-1] == cut[-2] and cut[-1] not in "lsz" and len(cut) > 3 else cut
    return word


def content(text: str) -> set[str]:
    """Return the stems of the words of `text` that carry meaning; negation and numbers count."""
    return {stem(word) for word in words_of(text).norms if word not in _EMPTY}


def supported(line_text: str, utterance_texts: Iterable[str]) -> bool:
    """Say whether `line_text` is borne out by the utterances that it cites.

    True when at least `SHARE` of its content words occur in them and every number in it does. Words that
    name the speakers are free. A line without content words is not supported: it says nothing to check.
    """
    said: set[str] = set()
    for text in utterance_texts:
        said |= content(text)
    claimed = content(line_text)
    checked = {word for word in claimed if word in said or word not in {stem(role) for role in _ROLES}}
    if not checked:
        return False
    if any(_DIGITS.search(word) and word not in said for word in checked):
        return False
    return len(checked & said) >= SHARE * len(checked)
