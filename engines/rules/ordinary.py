"""Ordinary talk: what is heard in every one of these sentences is heard always."""

from __future__ import annotations

from collections.abc import Sequence

from engines.rules.detectors import Detector, Detectors
from engines.rules.patterns import Pattern
from engines.rules.phrases import Variant

ORDINARY = (
    "hello thanks for calling my name is sam how can i help",
    "yes",
    "no that is all for today goodbye",
    "my parcel has not arrived and it was due on monday",
    "let me have a look at that for you",
    "sure it is four seven two",
    "could you send me the form by email please",
    "we moved house last week",
    "okay one moment",
    "what time do you close",
    "the light on the router is red",
    "great have a nice evening",
)


def share_heard(variants: Sequence[Variant], pattern: Pattern | None, *, reject_negated: bool) -> float:
    """Return in how much of ordinary talk phrases or a pattern are heard, 0 to 1."""
    found = Detectors([Detector(0, "any", tuple(variants), pattern, reject_negated)])
    return sum(bool(found.find("any", text)) for text in ORDINARY) / len(ORDINARY)
