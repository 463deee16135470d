"""Finds passwords and user names: what follows "password is", or answers the question for one.

A password may be any word, so the words around it decide: "my password is wrong" gives nothing away.
"""

from __future__ import annotations

from engines.redaction.context import Context
from engines.redaction.cues import Cue, find_cues
from engines.redaction.detectors.names import COMMON_WORDS
from engines.redaction.numbers import TIMES, ZERO_LETTERS, is_strong
from engines.redaction.text import Span
from engines.redaction.tokens import LEAD_INS, Utterance, words

_TYPES = ("PASSWORD", "USERNAME")
_LINKS = words("is was are be it's its that's would will should please")
_STATES = words(
    "wrong incorrect expired invalid correct locked blocked reset changed required needed weak strong compromised "
    "stolen hacked case sensitive different protected secure unknown forgotten rejected accepted updated visible "
    "hidden blank empty ok okay fine broken temporary too being going gonna supposed similar saved stored reused "
    "older shorter longer new old my your his her their our the a an one this that these those same working what "
    "which asking showing coming getting giving taking letters characters something someone anything nothing "
    "necessary mandatory recovery change resetting recently never always still ready safe"
)
_SIGN_WORDS = words(
    "underscore dash hyphen dot at hash pound dollar percent star asterisk exclamation mark question ampersand plus "
    "capital uppercase lowercase upper lower case letter number digit small big slash sign caps symbol space"
)
_MOST_WORDS = 12


class SecretDetector:
    """Finds passwords and user names by cue and as answers."""

    name = "secrets"

    def find(self, utterance: Utterance, context: Context) -> list[Span]:
        """Return what was found, in order."""
        found: list[Span] = []
        cues = [cue for cue in find_cues(utterance) if cue.type in _TYPES]
        if not cues and context.asked not in _TYPES:
            return found
        if context.asked in _TYPES and not cues and context.asked is not None:
            first = 0
            while (
                utterance.low(first)
                and utterance.low(first) in LEAD_INS
                and utterance.low(first) not in TIMES
            ):
                first += 1
            after = self._take(utterance, first, growing=context.growing)
            if after > first:
                found.append(
                    self._span(utterance, first, after, context.asked, "answers the question for it")
                )
        for cue in cues:
            taken = self._after(utterance, cue, context)
            if taken is not None and (not found or utterance.tokens[taken[0]].start >= found[-1].end):
                found.append(self._span(utterance, *taken, cue.type, "after a cue"))
        return found

    def _after(self, utterance: Utterance, cue: Cue, context: Context) -> tuple[int, int] | None:
        """Return the tokens [first, after) of the secret that follows `cue`, or None."""
        first = cue.last + 1
        tokens = utterance.tokens
        linked = utterance.lows[cue.last] == "is"
        while first < len(tokens) and utterance.low(first) in _LINKS and first - cue.last <= 3:
            linked, first = True, first + 1
        if first >= len(tokens):
            return None
        linked = linked or utterance.gap(first).strip(" \n\"'") in (":", "=", "-")
        open_end = context.growing and first == len(tokens) - 1
        if not linked and not open_end and not self._telling(utterance, first):
            return None
        after = self._take(utterance, first, growing=context.growing)
        return (first, after) if after > first else None

    def _telling(self, utterance: Utterance, first: int) -> bool:
        """Say whether what stands right behind a cue, with no "is" between, can be nothing but a secret."""
        if is_strong(utterance.low(first)):
            return len(utterance.low(first)) > 1 or is_strong(utterance.low(first + 1))
        named = utterance.low(first) not in COMMON_WORDS and utterance.low(first) not in _STATES
        following = utterance.low(first + 1)
        return named and bool(following) and following[0].isdecimal()

    def _take(self, utterance: Utterance, first: int, *, growing: bool) -> int:
        """Return the token after the secret that begins at `first` (`first` itself if none does)."""
        tokens, i, plain = utterance.tokens, first, 0
        while i < len(tokens) and i - first < _MOST_WORDS:
            token, low = tokens[i], tokens[i].low
            if token.is_placeholder or (i > first and "\n" in utterance.gap(i)):
                break
            made = (
                low in _SIGN_WORDS
                or low in TIMES
                or low in ZERO_LETTERS
                or is_strong(low)
                or (token.is_letter and not (low in "ai" and _plain(utterance.low(i + 1))))
                or (i > first and utterance.touching[i])
            )
            if not made:
                if (
                    plain == 2
                    or low in _STATES
                    or low in COMMON_WORDS
                    or (i > first and ". " in utterance.gap(i))
                ):
                    break
                plain += 1
            i += 1
        # Words for signs, at the end, belong to the next sentence.
        while i > first and tokens[i - 1].low in (
            "at",
            "case",
            "letter",
            "number",
            "digit",
            "small",
            "big",
            "space",
        ):
            i -= 1
        # "user name at the top": signs alone are no secret.
        return i if any(low not in _SIGN_WORDS for low in utterance.lows[first:i]) else first

    def _span(self, utterance: Utterance, first: int, after: int, kind: str, reason: str) -> Span:
        """Make the span, with the signs that touch it: "hunter2!$"."""
        text = utterance.text
        start, end = utterance.tokens[first].start, utterance.tokens[after - 1].end
        while start and not text[start - 1].isspace() and text[start - 1] not in "\"':=([" and start > 0:
            if text[start - 1].isalnum() or (first and start <= utterance.tokens[first - 1].end):
                break
            start -= 1
        limit = utterance.tokens[after].start if after < len(utterance.tokens) else len(text)
        signs = end
        while signs < limit and not text[signs].isspace() and text[signs] not in "[]":
            signs += 1
        if text[end:signs].strip(".,;:?)\"'"):
            end = signs
        return Span(start, end, kind, 0.8, self.name, reason)


def _plain(low: str) -> bool:
    return len(low) > 1 and not is_strong(low)
