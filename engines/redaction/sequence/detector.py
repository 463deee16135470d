"""The sequence model as a detector: neighbouring words with one label are one finding."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from math import exp

from engines.redaction.context import Context
from engines.redaction.sequence.tagger import Tagger, tagger
from engines.redaction.text import Span
from engines.redaction.tokens import Utterance, words

# In nats: a chance of one in four where odds are even.
_LEANING = 1.0
_REASON = "the words and those around them read like one"
# Said before or after what somebody gives, and no part of it: the model takes one in where digits beside it, misheard,
# read like an address.
_AROUND = words("okay ok yes yeah yep it's um uh thanks please")


class SequenceDetector:
    """Finds what the trained model was taught: names, addresses, numbers and codes in context.

    A span's score is the chance of its words being that, against their being nothing personal, as far as the model can
    tell: from 0.5, a close call, to 1.
    """

    name = "sequence"

    def __init__(self, model: Tagger | None = None) -> None:
        self._tagger = model if model is not None else tagger()

    def doubted(self, utterance: Utterance, context: Context, spans: Sequence[Span]) -> list[bool]:
        """Say of each of `spans` if any of its words may be something personal to a model that leans towards it."""
        starts, ends, lows = utterance.starts, utterance.ends, utterance.lows
        within = [range(bisect_right(ends, span.start), bisect_left(starts, span.end)) for span in spans]
        among = {i for tokens in within for i in tokens}
        labels, _leads = self._tagger.tag(utterance, lean=_LEANING, scene=context.scene, among=among)
        return [any(labels[i] and lows[i][0] != "[" for i in tokens) for tokens in within]

    def find(self, utterance: Utterance, context: Context) -> list[Span]:
        """Return what the model finds, in order. Of the `context` it knows the scene."""
        labels, leads = self._tagger.tag(utterance, scene=context.scene)
        spans: list[Span] = []
        i, count = 0, len(labels)
        if not any(labels):
            return spans
        if "[" in utterance.text:
            labels = [
                0 if low[0] == "[" else label for low, label in zip(utterance.lows, labels, strict=True)
            ]
        while i < count:
            label = labels[i]
            if not label:
                i += 1
                continue
            first, odds = i, leads[i]
            while i + 1 < count and labels[i + 1] == label:
                i += 1
                odds += leads[i]
            odds -= self._tagger.cost(label, starts=first == 0, ends=i == count - 1)
            score = round(1.0 / (1.0 + exp(-max(0.0, min(20.0, odds)))), 3)
            name = self._tagger.labels[label]
            last = i
            while first < last and utterance.lows[last] in _AROUND:
                last -= 1
            while first < last and utterance.lows[first] in _AROUND:
                first += 1
            spans.append(Span(utterance.starts[first], utterance.ends[last], name, score, self.name, _REASON))
            i += 1
        return spans
