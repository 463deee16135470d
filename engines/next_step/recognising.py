"""What an agent has done, told by what they said: the action whose words they used.

Compared are the stems of the words that carry meaning, as where a hint counts as used (`engines.rules.used`). It takes
`SHARE` of an action's words, all of them where there are fewer than three, and more than any other action has.
"""

from __future__ import annotations

from collections.abc import Mapping

from engines.rules.used import telling

SHARE = 0.6
FEW = 3


class Recogniser:
    """`words`: by action, what is said when it is done; actions without words are not recognised."""

    def __init__(self, words: Mapping[str, str]) -> None:
        self._telling = {action: found for action, text in words.items() if (found := telling(text))}

    def of(self, text: str) -> str | None:
        """The action that the text is, or None."""
        said = telling(text)
        best, most = None, 0.0
        for action, words in self._telling.items():
            share = len(said & words) / len(words)
            if share >= (1.0 if len(words) < FEW else SHARE) and share > most:
                best, most = action, share
        return best
