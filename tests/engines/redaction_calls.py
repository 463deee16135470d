"""Conversations for the redaction tests, on a clock of their own, and what of a number can be read in a text."""

from __future__ import annotations

import re

from engines.redaction.redactor import RedactionConfig
from engines.redaction.stream import RedactedUtterance, StreamRedactor
from engines.redaction.text import RawText
from engines.speech.types import HeardWord

# By value: 0 to 9, 10 to 19, and 20 to 90 in tens.
ONES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
TEENS = (
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
)
TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
DIGIT_WORDS = frozenset({*ONES, *TEENS, *TENS, "oh", "double", "triple"})


# The rules by themselves; what must hold with the trained model too is tried with both.
RULES = RedactionConfig(model=False)


class Call:
    """A conversation on a clock of its own: each word takes 300 ms, each turn is followed by a pause."""

    def __init__(self, redactor: StreamRedactor | None = None) -> None:
        self.redactor = redactor or StreamRedactor(RULES)
        self.now_ms = 0

    def say(self, speaker: str, text: str, *, pause_ms: int = 700) -> RedactedUtterance:
        start = self.now_ms
        words = []
        for word in text.split():
            words.append(HeardWord(RawText(word), self.now_ms, self.now_ms + 300, 0.9))
            self.now_ms += 300
        final = self.redactor.redact_final(speaker, RawText(text), words, start, self.now_ms)
        self.now_ms += pause_ms
        return final

    def customer(self, text: str) -> str:
        return self.say("customer", text).redacted.text

    def agent(self, text: str) -> str:
        return self.say("agent", text).redacted.text


def leaks(text: str) -> list[str]:
    return [
        word
        for word in re.findall(r"\w+", text.lower())
        if word in DIGIT_WORDS or any(map(str.isdigit, word))
    ]
