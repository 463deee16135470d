"""Finds what is read out with its signs: web addresses ("w w w dot acme dot com slash help") and IP addresses.

An address of a product's page counts too: nothing tells a public one from one with a customer's token in it.
"""

from __future__ import annotations

from engines.redaction.context import Context
from engines.redaction.numbers import is_strong
from engines.redaction.text import Span
from engines.redaction.tokens import Utterance, words

ENDINGS = words(
    "com net org edu gov uk co io info biz eu de fr ca us au ie me mil nl es it in nz ch app dev ac tv shop store "
    "online ai html htm php"
)
_JOINERS = words("dot slash dash hyphen underscore colon point backslash")
# Before the name of a host; they are no part of it.
_BEFORE_HOST = words(
    "at to on is the a visit go our your my website site page and or from called it's its see check try of in"
)
_MOST_WORDS = 16


class SpokenAddressDetector:
    """Finds spoken URLs and IP addresses around "dot"."""

    name = "spoken addresses"

    def find(self, utterance: Utterance, context: Context) -> list[Span]:
        """Return the addresses found, in order."""
        vocabulary = utterance.vocabulary
        if vocabulary.isdisjoint(("dot", "point", "www", "slash")):
            return []
        lows = utterance.lows
        spans: list[Span] = []
        reached = 0
        for i, low in enumerate(lows):
            if i < reached or low not in ("dot", "point"):
                continue
            found = self._ip(lows, i, reached)
            kind, reason = "IP_ADDRESS", "four numbers with dots, spoken"
            if found is None and low == "dot":
                found = self._url(lows, i, reached)
                kind, reason = "URL", "spoken web address"
            if found is not None:
                first, reached = found
                start, end = utterance.tokens[first].start, utterance.tokens[reached - 1].end
                spans.append(Span(start, end, kind, 0.85, self.name, reason))
        return spans

    def _url(self, lows: list[str], dot: int, floor: int) -> tuple[int, int] | None:
        """Return the tokens [first, after) of the address whose first "dot" is token `dot`, or None."""
        first = self._world_wide_web(lows, dot, floor)
        led = first is not None
        if first is None:
            first = dot
            if first > floor and lows[first - 1] not in _BEFORE_HOST and lows[first - 1][0] != "[":
                first -= 1
            while first < dot and first - 1 > floor and lows[first - 1] in ("dash", "hyphen", "underscore"):
                first -= 2
            if first == dot:
                return None
        i, ended = dot, False
        while i + 1 < len(lows) and i - first < _MOST_WORDS:
            if lows[i] == "dot":
                ended = ended or lows[i + 1] in ENDINGS
                i += 2
            elif lows[i] in _JOINERS or lows[i] in ("forward", "back"):
                if not ended and lows[i] not in ("dash", "hyphen", "underscore"):
                    break
                i += 1 if lows[i] in ("forward", "back") else 2
            elif not ended and led and "dot" in lows[i : i + 3]:
                i += 1  # a host of several words
            else:
                break
        return (first, min(i, len(lows))) if ended else None

    def _world_wide_web(self, lows: list[str], dot: int, floor: int) -> int | None:
        if dot - 1 >= floor and lows[dot - 1] == "www":
            return dot - 1
        if dot - 3 >= floor and lows[dot - 3 : dot] in (["w", "w", "w"], ["dub", "dub", "dub"]):
            return dot - 3
        if dot - 2 >= floor and lows[dot - 2 : dot] == ["triple", "w"]:
            return dot - 2
        return None

    def _ip(self, lows: list[str], dot: int, floor: int) -> tuple[int, int] | None:
        """Read four numbers, each of at most five words, with three dots between them."""
        first = dot
        while first > floor and dot - first < 5 and is_strong(lows[first - 1]):
            first -= 1
        if first == dot:
            return None
        i, dots = dot, 0
        while i < len(lows) and lows[i] == lows[dot] and dots < 3:
            dots += 1
            i = start = i + 1
            while i < len(lows) and i - start < 5 and is_strong(lows[i]):
                i += 1
            if i == start:
                return None
        return (first, i) if dots == 3 else None
