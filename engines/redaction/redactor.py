"""Redaction of one text: which detectors run, and the batch API.

A whole text is read without a conversation around it: a few digits alone stay, as nothing says that they
belong to anything. Live speech goes through `stream.StreamRedactor`, which knows what was said before.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

import phonenumbers

from engines.redaction.context import Context, Detector
from engines.redaction.detectors.digits import DigitDetector, Reading, held_back_from
from engines.redaction.detectors.rules import RULES
from engines.redaction.resolve import replaced, settle
from engines.redaction.sequence.detector import SequenceDetector
from engines.redaction.text import RawText, RedactedText, Span
from engines.redaction.tokens import Utterance, tokenise
from engines.redaction.vocabulary import NUMERIC_TYPES, PROFILES, TYPES


@dataclass(frozen=True, slots=True)
class RedactionConfig:
    """What to redact.

    `enabled_types` are names of `vocabulary.TYPES`; one that is off stays in the text. A card spoken in
    several breaths without a cue is a `NUMBER` at first, so whoever turns that off keeps parts of cards.
    `regions` are the countries (ISO 3166, two letters) whose phone numbers are recognised without a country
    code. Times are in milliseconds: `beep_margin_ms` on either side of what is beeped; `due_ms` and
    `due_turns` say how long a number stays asked for, `open_ms` and `open_turns` how long further digits
    count as the rest of a number, `asked_ms` and `asked_turns` how long the answer to a question for a name
    is awaited. `model` says whether the trained model reads along, or rules alone.

    Raises ValueError for unknown types and regions.
    """

    enabled_types: frozenset[str] = field(default_factory=lambda: PROFILES["standard"])
    regions: tuple[str, ...] = ("US", "GB")
    beep_margin_ms: int = 150
    due_ms: int = 45_000
    due_turns: int = 6
    open_ms: int = 30_000
    open_turns: int = 3
    asked_ms: int = 20_000
    asked_turns: int = 2
    model: bool = True

    def __post_init__(self) -> None:
        unknown = self.enabled_types - TYPES.keys()
        if unknown:
            raise ValueError(f"unknown types: {', '.join(sorted(unknown))}")
        abroad = set(self.regions) - phonenumbers.SUPPORTED_REGIONS
        if abroad:
            raise ValueError(f"unknown regions: {', '.join(sorted(abroad))}")


@dataclass(frozen=True, slots=True)
class Findings:
    """What one text holds: settled spans of enabled types, and what the digits say about the next text.

    `kept_back` is where the words begin that a partial must not show yet (the text's length if none).
    """

    utterance: Utterance
    spans: list[Span]
    digits: Reading
    kept_back: int


class Redactor:
    """All detectors of one configuration. Without state; safe to share between threads."""

    def __init__(self, config: RedactionConfig) -> None:
        self.config = config
        self._digits = DigitDetector(config.regions)
        self._others = RULES

    def examine(self, text: str, context: Context) -> Findings:
        """Find everything in `text`."""
        utterance = tokenise(text)
        enabled = self.config.enabled_types
        digits = self._digits.read(utterance, context)
        numeric_off = enabled.isdisjoint(NUMERIC_TYPES)
        spans = [
            span for span in digits.spans if span.type in enabled or (context.growing and not numeric_off)
        ]
        for detector in self._others:
            spans += [span for span in detector.find(utterance, context) if span.type in enabled]
        kept_back = held_back_from(utterance) if context.growing and not numeric_off else None
        return Findings(utterance, settle(spans), digits, len(text) if kept_back is None else kept_back)


@lru_cache(maxsize=64)
def redactor_for(config: RedactionConfig) -> Redactor:
    """Return the redactor of `config`, made once."""
    return Redactor(config)


DEFAULT = RedactionConfig()


def redact(text: RawText, config: RedactionConfig = DEFAULT) -> RedactedText:
    """Return `text`, taken as a whole, without what `config` names. Thread-safe."""
    words = text.reveal()
    return replaced(words, redactor_for(config).examine(words, Context()).spans)
