"""What classifiers and examples tell of words that were said before, or pasted: as in a live call, at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from engines.rules import Heard, MomentSpec, Occurrence
from moments.classifying import IntentSession, live_classifiers
from moments.meaning import MeaningSession

Tell = Callable[[Heard], list[Occurrence]]


class PastTeller:
    """Made once for any number of calls: the classifiers are those that are live now.

    No vectors are asked for, so that a thousand calls are played in seconds: intents are told by the words alone. No
    model is asked anything either: that is done before, by who wants it (`moments.asking`).
    """

    def __init__(self, specs: Sequence[MomentSpec]) -> None:
        self._specs = specs
        self._classifiers = live_classifiers(specs, None)

    def of_call(self, language: str, answered: Mapping[int, Sequence[Occurrence]] | None = None) -> Tell:
        """What tells in one call, in the order of its utterances. At most one query.

        `answered`: what a model was asked and said yes to, by the utterances that show it.
        """
        asked = answered or {}
        intents = IntentSession(self._specs, self._classifiers, None)
        meanings = MeaningSession(self._specs, language)
        return lambda heard: [
            *intents.tell(heard),
            *meanings.tell(heard),
            *asked.get(heard.sequence, ()),
        ]
