"""The sequence model as a detector: neighbouring words with one label are one finding."""

from __future__ import annotations

from math import exp

import numpy as np

from engines.redaction.context import Context
from engines.redaction.sequence.tagger import Tagger, tagger
from engines.redaction.text import Span
from engines.redaction.tokens import Utterance

# In nats: a chance of one in four where odds are even.
_LEANING = 1.0
_REASON = "the words and those around them read like one"


class SequenceDetector:
    """Finds what the trained model was taught: names, addresses, numbers and codes in context.

    A span's score is the chance of its words being that, against their being nothing personal, as far as the model can
    tell: from 0.5, a close call, to 1.
    """

    name = "sequence"

    def __init__(self, model: Tagger | None = None) -> None:
        self._tagger = model if model is not None else tagger()

    def doubted(self, utterance: Utterance, context: Context) -> list[tuple[int, int]]:
        """Return the words (start, end) that may be something personal, if the model leans towards it by `_LEANING`."""
        lean = np.full(len(utterance.tokens), _LEANING, dtype=np.float32)
        labels, _leads = self._tagger.tag(utterance, lean=lean, scene=context.scene)
        return [
            (token.start, token.end)
            for token, label in zip(utterance.tokens, labels, strict=True)
            if label and not token.is_placeholder
        ]

    def find(self, utterance: Utterance, context: Context) -> list[Span]:
        """Return what the model finds, in order. Of the `context` it knows the scene."""
        labels, leads = self._tagger.tag(utterance, scene=context.scene)
        spans: list[Span] = []
        tokens, i, count = utterance.tokens, 0, len(labels)
        if "[" in utterance.text:
            labels = [
                0 if token.is_placeholder else label for token, label in zip(tokens, labels, strict=True)
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
            spans.append(Span(tokens[first].start, tokens[i].end, name, score, self.name, _REASON))
            i += 1
        return spans
