"""What was hidden in a conversation is found again when it is said again, by whoever: "thank you, ..." after a name.

Not the words are kept but keyed digests of them, under a key that is thrown away with the conversation. They are no
part of the stored state of a call, so that one that goes on elsewhere begins with an empty memory. Of a chat, whose
messages may each meet another process, `exported` is kept sealed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b
from secrets import token_bytes
from typing import Any

from engines.redaction.actions import digits_of
from engines.redaction.detectors.names import COMMON_WORDS
from engines.redaction.numbers import NumberReader, is_strong
from engines.redaction.resolve import MEMORY_NAME
from engines.redaction.text import Span
from engines.redaction.tokens import Utterance
from engines.redaction.vocabulary import kind

_MOST = 512
_LONGEST = 12  # words
_LEAST_LETTERS = 3
_LEAST_DIGITS = 4
_SHORTEST_CODE = 3
_REASON = "said again after it was hidden"


class Memory:
    """The digests of one conversation. Not safe to share between threads: its redactor's lock guards it.

    `everyday` are words too common to be hidden by themselves because somebody bears them as a name.
    """

    name = MEMORY_NAME

    def __init__(self, everyday: frozenset[str] = frozenset()) -> None:
        self._key = token_bytes(16)
        self._everyday = everyday
        # Digests of beginnings, and those among them that end a value, with its type.
        self._begun: set[bytes] = set()
        self._whole: dict[bytes, str] = {}
        self._numbers: dict[bytes, str] = {}

    def exported(self) -> dict[str, Any]:
        """All of it as JSON: with the key, so that whoever opens it can try words. It goes nowhere but into a seal."""
        return {
            "key": self._key.hex(),
            "begun": sorted(each.hex() for each in self._begun),
            "whole": {each.hex(): name for each, name in self._whole.items()},
            "numbers": {each.hex(): name for each, name in self._numbers.items()},
        }

    def take_over(self, exported: Mapping[str, Any]) -> None:
        """Go on from what was exported. Raises `ValueError` for anything else."""
        try:
            self._key = bytes.fromhex(exported["key"])
            self._begun = {bytes.fromhex(each) for each in exported["begun"]}
            self._whole = {bytes.fromhex(each): str(name) for each, name in exported["whole"].items()}
            self._numbers = {bytes.fromhex(each): str(name) for each, name in exported["numbers"].items()}
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError("not a memory") from error

    def remember(self, utterance: Utterance, spans: Iterable[Span]) -> None:
        """Take up what `spans` hide in `utterance`."""
        tokens = utterance.tokens
        for span in spans:
            if len(self._whole) + len(self._numbers) >= _MOST:
                return
            if kind(span.type).numeric:
                digits = digits_of(utterance.text[span.start : span.end])
                if len(digits) >= (_SHORTEST_CODE if span.type == "SECURITY_CODE" else _LEAST_DIGITS):
                    self._numbers[self._digest(b"", digits)] = span.type
                    self._numbers.setdefault(self._digest(b"", digits[-4:]), span.type)
                continue
            lows = [
                token.low
                for token in tokens
                if token.start >= span.start and token.end <= span.end and not token.is_placeholder
            ]
            self._add(lows[:_LONGEST], span.type)
            if span.type == "NAME" and len(lows) > 1:
                for low in lows:
                    self._add([low], span.type)

    def find(self, utterance: Utterance, *, growing: bool = False) -> list[Span]:
        """Return what is said again; while the text grows, also what may become it."""
        spans: list[Span] = []
        if self._whole:
            spans += self._words(utterance, growing=growing)
        if self._numbers and any(is_strong(low) for low in utterance.lows):
            spans += self._digits(utterance)
        return spans

    def _add(self, lows: Sequence[str], type_name: str) -> None:
        telling = [low for low in lows if low not in COMMON_WORDS and low not in self._everyday]
        if sum(map(len, telling)) < _LEAST_LETTERS:
            return
        digest = b""
        for low in lows:
            digest = self._digest(digest, low)
            self._begun.add(digest)
        self._whole[digest] = type_name

    def _words(self, utterance: Utterance, *, growing: bool) -> list[Span]:
        spans: list[Span] = []
        tokens = utterance.tokens
        count, i = len(tokens), 0
        while i < count:
            digest = self._digest(b"", tokens[i].low)
            end, j, name = i, i, ""
            while digest in self._begun:
                j += 1
                if digest in self._whole:
                    end, name = j, self._whole[digest]
                if j == count:
                    break
                digest = self._digest(digest, tokens[j].low)
            if growing and j == count and j > i and end < j:
                end, name = count, name or "NAME"
            if end > i:
                spans.append(Span(tokens[i].start, tokens[end - 1].end, name, 0.8, self.name, _REASON))
            i = max(end, i + 1)
        return spans

    def _digits(self, utterance: Utterance) -> list[Span]:
        spans: list[Span] = []
        tokens = utterance.tokens
        for run in NumberReader(utterance).runs():
            digits = run.digits
            name = self._numbers.get(self._digest(b"", digits)) if len(digits) >= _SHORTEST_CODE else None
            if name is not None:
                start, end = tokens[run.first].start, tokens[run.last].end
                spans.append(Span(start, end, name, 0.8, self.name, _REASON))
        return spans

    def _digest(self, before: bytes, word: str) -> bytes:
        data = before + word.encode("utf-8", "surrogatepass")
        return blake2b(data, digest_size=8, key=self._key).digest()
