"""A question as people put it, cut into its parts: what is searched for sentence by sentence finds what each is about.

A customer's situation is about several things at once. As one bag of words the thing with the most words drowns the
others, and a document that has a little of everything is found before those that have all of one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

LENGTH = 10_000
MOST = 96
# What a person types into a search box; longer is what was said.
TYPED = 200

_CUT = re.compile(r"(?<=[.!?…。？！])[\"”')*\]]*\s+|[\r\n]+|[\"“”„]|(?<=:)\s+|\s[-–—]\s|\s*;\s+")
_WORD = re.compile(r"[^\W_]{2,}")
_PHRASE = re.compile(r"(-?)\"([^\"]+)\"")
_WITHOUT = re.compile(r"(?:^|\s)-([^\W_][\w-]*)")


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked. `phrases` must stand so in a passage, `without` must not; only in what was typed."""

    sentences: tuple[str, ...]
    phrases: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    typed: bool = False

    @property
    def is_empty(self) -> bool:
        return not self.sentences and not self.phrases


def read(text: str) -> Asked:
    """Read what was asked; what is beyond 10,000 characters or 96 sentences is left out."""
    text = text.replace("\x00", " ")[:LENGTH].strip()
    if len(text) > TYPED or "\n" in text:
        parts = (part.strip() for part in _CUT.split(text))
        return Asked(tuple(part for part in parts if part and _WORD.search(part))[:MOST])
    phrases = [(minus, words.strip()) for minus, words in _PHRASE.findall(text) if _WORD.search(words)]
    rest = _PHRASE.sub(" ", text)
    without = tuple(_WITHOUT.findall(rest)) + tuple(words for minus, words in phrases if minus)
    rest = _WITHOUT.sub(" ", rest).strip()
    wanted = tuple(words for minus, words in phrases if not minus)
    plain = " ".join([rest, *wanted]).strip()
    return Asked((plain,) if re.search(r"\w", plain) else (), wanted, without, typed=True)
