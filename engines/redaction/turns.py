"""A conversation's turns read as texts, in order, each with what the turns before it tell.

For text that is whole already: files, history, the second pass. Live speech comes in pieces and has a clock:
`stream.py`.
"""

from __future__ import annotations

from engines.redaction.context import Context
from engines.redaction.redactor import Findings, RedactionConfig, redactor_for
from engines.redaction.scene import Scene
from engines.redaction.tokens import Utterance
from engines.redaction.vocabulary import PLACEHOLDER


class TurnReader:
    """Reads one customer's turns. Not for several threads."""

    def __init__(self, config: RedactionConfig) -> None:
        self._redactor = redactor_for(config)
        self._scene = Scene.begin(self._redactor.topics)

    def examine(self, utterance: Utterance) -> Findings:
        """Find everything in the next turn."""
        topics = self._redactor.topics
        context = Context(scene=self._scene.names(topics, utterance.lows))
        findings = self._redactor.examined(utterance, context)
        types = [*(span.type for span in findings.spans), *types_hidden(utterance)]
        self._scene = self._scene.after(topics, utterance.lows, types)
        return findings


def types_hidden(utterance: Utterance) -> list[str]:
    """Return the types of what was hidden in a text before: they were given too."""
    text = utterance.text
    return [one.group(1) for one in PLACEHOLDER.finditer(text)] if "[" in text else []
