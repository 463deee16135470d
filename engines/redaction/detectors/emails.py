"""Finds e-mail addresses, as written and as spoken ("john dot smith at gmail dot com").

Spoken without a cue before it, the first words of an address cannot be told from others until the "at" is
heard: a partial may show them, and the next one withdraws them. After a cue, or a question for the address,
a partial hides whatever may become one.
"""

from __future__ import annotations

from engines.redaction.context import Context
from engines.redaction.cues import find_cues
from engines.redaction.numbers import SINGLE, TEEN, TENS, TIMES, ZERO_LETTERS, is_strong
from engines.redaction.text import Span
from engines.redaction.tokens import LEAD_INS, Utterance, words

_PROVIDERS = words(
    "gmail googlemail yahoo hotmail outlook icloud aol msn protonmail proton ymail btinternet virginmedia "
    "comcast verizon gmx fastmail zoho sbcglobal talktalk mac me live sky"
)
_PROVIDERS_ALONE = _PROVIDERS - {"me", "live", "sky", "mac", "proton", "verizon", "comcast"}
_ENDINGS = words(
    "com net org edu gov uk co io info biz eu de fr ca us au ie me mil nl es it in nz ch app dev ac"
)
_JOINERS = words("dot point period underscore dash hyphen minus plus full stop")
_BEFORE_LOCAL = words(
    "id is it it's its that's my the address email mail e at to on and um uh so yes yeah sure okay ok you "
    "your for of a an be by with send sent use using reach me contact here this that was i'm or in from "
    "under him her them us i"
)
# Recognition writes the end of an address as one word: "gmailcom", "yahoocouk", "rediffmailcom".
_JOINED_PROVIDERS = ("mail", "yahoo", "outlook", "icloud", "live", "aol")
_JOINED_ENDINGS = ("com", "couk", "net", "coin", "org")
_BARE_JOINED = frozenset(
    provider + ending
    for provider in (*_PROVIDERS_ALONE, "mail", "email", "rediffmail", "live")
    for ending in _JOINED_ENDINGS
)
_MAX_LOCAL = 12
_MAX_DOMAIN = 4
_LOCAL_SIGNS = frozenset("._%+-'&")
_DOMAIN_SIGNS = frozenset(".-")
_CUE_REACH = 10


class EmailDetector:
    """Finds addresses of the form local-part, at, domain."""

    name = "emails"

    def find(self, utterance: Utterance, context: Context) -> list[Span]:
        """Return the addresses found, in order."""
        spans = self._written(utterance.text) if "@" in utterance.text else []
        vocabulary = utterance.vocabulary
        if "at" in vocabulary or not _PROVIDERS_ALONE.isdisjoint(vocabulary):
            spans += self._spoken(utterance)
        small = utterance.small
        if any(ending in small for ending in _JOINED_ENDINGS) and (
            "com" in vocabulary or any(len(low) > 6 and low.endswith(_JOINED_ENDINGS) for low in vocabulary)
        ):
            spans += self._joined(utterance)
        if context.growing:
            spans += self._growing(utterance, context, spans)
        elif not spans and "at" in vocabulary and ("email" in vocabulary or context.asked == "EMAIL"):
            spans += self._cut_off(utterance, context)
        return sorted(spans, key=lambda span: span.start)

    def _written(self, text: str) -> list[Span]:
        """Look around each "@", at most as far as RFC 5321 lets the two parts reach."""
        spans: list[Span] = []
        at = text.find("@")
        while at >= 0:
            start, end = at, at + 1
            while (
                start and at - start < 64 and (text[start - 1].isalnum() or text[start - 1] in _LOCAL_SIGNS)
            ):
                start -= 1
            while end < len(text) and end - at < 255 and (text[end].isalnum() or text[end] in _DOMAIN_SIGNS):
                end += 1
            while text[end - 1] in _DOMAIN_SIGNS:
                end -= 1
            if start < at and end > at + 1:
                dotted = "." in text[at:end]
                score, reason = (
                    (0.99, "written address") if dotted else (0.6, "written address without an ending")
                )
                spans.append(Span(start, end, "EMAIL", score, self.name, reason))
            at = text.find("@", max(at + 1, end if start < at else 0))
        return spans

    def _spoken(self, utterance: Utterance) -> list[Span]:
        spans: list[Span] = []
        done = 0
        for i, low in enumerate(utterance.lows):
            at = low == "at"
            if i < done or not (at or low in _PROVIDERS_ALONE):
                continue
            behind = i + 1
            if at and utterance.low(i + 1) == "the" and utterance.low(i + 2) in ("rate", "sign", "symbol"):
                behind = i + 4 if utterance.low(i + 3) in ("of", "sign", "symbol") else i + 3
            end = self._domain(utterance, behind if at else i, named_only=not at)
            if end is None and not at and is_strong(utterance.low(i - 1) or "-"):
                end = i + 1  # "rathik 67 gmail"
            if end is None:
                continue
            start = self._local(utterance, i, done)
            # Without an ending ("look at gmail") only a local part that can be no other words tells.
            told = end > i + 2 or any(_telling(utterance.low(k)) for k in range(start, i))
            if (start < i and told) or not at:
                begins, ends = utterance.starts[start], utterance.ends[end - 1]
                spans.append(Span(begins, ends, "EMAIL", 0.9, self.name, "spoken address"))
                done = end
        return spans

    def _joined(self, utterance: Utterance) -> list[Span]:
        """Read addresses whose "at" and "dot" were swallowed: "nila 90 gmailcom", "anthony mail com"."""
        spans: list[Span] = []
        tokens = utterance.tokens
        done = 0
        for i, token in enumerate(tokens):
            low = token.low
            joined = (
                len(low) > 6 and low.endswith(_JOINED_ENDINGS) and any(p in low for p in _JOINED_PROVIDERS)
            )
            parted = (
                utterance.low(i + 1) == "com"
                and (low in _PROVIDERS_ALONE or low == "mail" or low.endswith(("gmail", "yahoo")))
                and not utterance.gap(i + 1).strip(" .")
            )
            if i < done or not (joined or parted):
                continue
            whole = joined and low not in _BARE_JOINED
            start = self._local(utterance, i, done)
            if whole and not (start < i and is_strong(utterance.low(i - 1))):
                start = i
            done = i + 1 if joined else i + 2
            if start < i or whole:
                reason = "address written in one"
                spans.append(
                    Span(tokens[start].start, tokens[done - 1].end, "EMAIL", 0.85, self.name, reason)
                )
        return spans

    def _domain(self, utterance: Utterance, i: int, *, named_only: bool) -> int | None:
        """Return the token after the domain that begins at token `i`, or None if none begins there."""
        tokens = utterance.tokens
        if i >= len(tokens):
            return None
        if named_only and utterance.low(i) not in _PROVIDERS_ALONE:
            return None
        end = i
        while end < len(tokens) and end - i <= _MAX_DOMAIN and utterance.low(end) not in ("dot", "at"):
            end += 1
            if utterance.gap(end - 1).strip() not in ("", "@", "-"):
                if utterance.gap(end - 1) == "." and utterance.low(end - 1) in _ENDINGS and end - 1 > i:
                    return end  # "john at gmail.com"
                break
        if end == i or end - i > _MAX_DOMAIN:
            return i + 1 if utterance.low(i) in _PROVIDERS and not named_only else None
        last = end
        while utterance.low(last) == "dot" and utterance.low(last + 1) and last - i < 10:
            ending = utterance.low(last + 1)
            last += 2
            if ending in _ENDINGS and utterance.low(last) != "dot":
                return last
        return i + 1 if utterance.low(i) in _PROVIDERS and not named_only else None

    def _local(self, utterance: Utterance, at: int, floor: int) -> int:
        """Return the token where the local part before token `at` begins (`at` itself if there is none)."""
        start = at
        plain = 0
        while start > floor and at - start < _MAX_LOCAL:
            low = utterance.low(start - 1)
            if low[0] == "[":
                break
            joined = start < at and utterance.low(start) in _JOINERS
            number = is_strong(low) or low in TIMES or low in ZERO_LETTERS
            # "two kids 45 at ...": what stands beyond a plain word is not of the address.
            if low in _JOINERS or joined or (number and not plain) or (len(low) == 1 and low not in "ai"):
                start -= 1
                continue
            if number:
                break
            if low in _BEFORE_LOCAL or plain == 3:
                break
            plain += 1
            start -= 1
        while start < at and utterance.low(start) in _JOINERS:
            start += 1
        return start

    def _cut_off(self, utterance: Utterance, context: Context) -> list[Span]:
        """Find an address that was announced and ends with the text before its domain does: "ann.miles at example"."""
        tokens = utterance.tokens
        at = len(tokens) - 1 - utterance.lows[::-1].index("at")
        if len(tokens) - at > 3:
            return []
        begins = [cue.last + 1 for cue in find_cues(utterance) if cue.type == "EMAIL" and cue.last < at]
        if context.asked == "EMAIL":
            begins.append(0)
        if not begins:
            return []
        start = max(begins)
        while start < at and utterance.low(start) in LEAD_INS:
            start += 1
        # Of plain words ("my email is down at work") it cannot be told; what was joined is no plain word.
        joined = any(
            utterance.gap(k) in (".", "_", "-") or _telling(utterance.low(k)) for k in range(start + 1, at)
        )
        if not 0 < at - start <= _MAX_LOCAL or not joined:
            return []
        reason = "address without its end"
        return [Span(tokens[start].start, tokens[-1].end, "EMAIL", 0.6, self.name, reason)]

    def _growing(self, utterance: Utterance, context: Context, found: list[Span]) -> list[Span]:
        """Hide what may become an address: all that follows a cue, and a telling local part before "at"."""
        tokens = utterance.tokens
        if not tokens:
            return []
        reach_from = [cue.last + 1 for cue in find_cues(utterance) if cue.type == "EMAIL"]
        if context.asked == "EMAIL":
            reach_from.insert(0, 0)
        for i in reach_from:
            while i < len(tokens) and utterance.low(i) in LEAD_INS:
                i += 1
            open_words = len(tokens) - i
            if 0 < open_words <= _CUE_REACH and not any(span.start >= tokens[i].start for span in found):
                return [
                    Span(tokens[i].start, tokens[-1].end, "EMAIL", 0.3, self.name, "may become an address")
                ]
        for i in range(max(0, len(tokens) - _MAX_DOMAIN - 6), len(tokens)):
            if utterance.low(i) == "at":
                start = self._local(utterance, i, 0)
                local = [utterance.low(k) for k in range(start, i)]
                if any(_telling(low) for low in local) and not all(
                    low in SINGLE or low in TEEN or low in TENS for low in local
                ):
                    return [
                        Span(
                            tokens[start].start,
                            tokens[-1].end,
                            "EMAIL",
                            0.3,
                            self.name,
                            "may become an address",
                        )
                    ]
        return []


def _telling(low: str) -> bool:
    """Say whether a word before "at" speaks for an address: a joiner, a number or a single letter."""
    return low in _JOINERS or low in TIMES or low in ZERO_LETTERS or is_strong(low) or len(low) == 1
