"""The trained model on a text that is still growing: what it may yet find, and from where words must wait.

The words at the growing end have nothing behind them that could tell what they are. They are read with the model
leaning towards a finding, the more the nearer they are to the end; what is found so is not shown as a finding, which it
may not be, but waits for the words behind it. Where more words follow, the model has seen nearly all it will see.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from engines.redaction.numbers import TIMES, ZERO_LETTERS, is_strong
from engines.redaction.resolve import MODEL_NAME
from engines.redaction.sequence.decode import Floats, Searched
from engines.redaction.sequence.tagger import Tagger
from engines.redaction.text import Span
from engines.redaction.tokens import Utterance

# By how much the score of "nothing personal" is lowered, in nats: from the last word backwards, and before those.
# Chosen on 400 conversations of MultiDoGO's training set, word by word, so that of the words that a final hides less
# than 1 % were shown before it: 0.7 % there, 0.8 % on 400 of the set's other conversations, no digit among them.
_LEANING = (4.0, 3.0, 1.5)
_BEFORE = 0.5
_REASON = "the words and those around them read like one, so far"


@lru_cache(maxsize=256)
def _leaning(count: int) -> Floats:
    """Return by how much the score of "nothing personal" is lowered at each of so many words."""
    lean: Floats = np.full(count, _BEFORE, dtype=np.float32)
    near = min(count, len(_LEANING))
    lean[count - near :] = _LEANING[:near][::-1]
    lean.flags.writeable = False
    return lean


class GrowingReader:
    """Reads partials with a tagger. Without state; safe to share between threads."""

    def __init__(self, tagger: Tagger) -> None:
        self._tagger = tagger
        self.everyday = tagger.lexicon.common

    def read(
        self, utterance: Utterance, scene: tuple[str, ...] = (), searched: Searched | None = None
    ) -> tuple[list[Span], int | None]:
        """Return what is found before the growing end, and where the words begin that must wait, if any do.

        `searched` is what was found in the partial before: where the words and those around them are the same, it is
        not searched again. It changes nothing of what is found.
        """
        starts, ends = utterance.starts, utterance.ends
        count = len(starts)
        if not count:
            return [], None
        near = min(count, len(_LEANING))
        labels, _margins = self._tagger.tag(utterance, lean=_leaning(count), scene=scene, searched=searched)
        spans: list[Span] = []
        i = 0
        while i < count:
            if not labels[i]:
                i += 1
                continue
            first = i
            while i + 1 < count and labels[i + 1] == labels[first]:
                i += 1
            if i >= count - near:
                return spans, starts[first]
            name = self._tagger.labels[labels[first]]
            spans.append(Span(starts[first], ends[i], name, 0.5, MODEL_NAME, _REASON))
            i += 1
        return spans, None


def undecided_from(utterance: Utterance) -> int | None:
    """Return where the words begin that wait because the model may yet make a number or a code of them.

    That is from the first number word on, whatever it counts, and letters among the last two words.
    """
    lows = utterance.lows
    near = len(lows) - 2
    for at, low in enumerate(lows):
        i = at
        if is_strong(low) or (i >= near and len(low) == 1 and low.isalpha()):
            # "double" and "oh" before it belong to it.
            while i and (lows[i - 1] in TIMES or lows[i - 1] in ZERO_LETTERS):
                i -= 1
            return utterance.starts[i]
    return None
