"""Does a passage say what a sentence says? A lexical check, for answers that somebody or something composed.

It reads words, not meaning, and errs on the side of no: what it lets through stands in the passage in nearly these
words. Of each part of the sentence (cut at "and", "but", a semicolon), or of all of it, one sentence, list item or row
of the passage must hold

- all words that carry meaning, in their stems or by words of one meaning; only a few that fit anything may be missing;
- all names, and all numbers, amounts, dates, times and percentages, each with the thing it counts and the same bound
  ("at least", "up to"), and not the ones that stand with another thing;
- the same negation on the same words, no opposite ("before" for "after", "accept" for "reject"), no "must" for a "may";
- its condition ("only", "unless", "except") where the passage makes one.

What it cannot see: who does what to whom, where both stand in one sentence with the same words.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from engines.retrieval import support_words as words
from engines.retrieval.support_reading import (
    Read,
    Token,
    contraries_of,
    parts_of,
    read,
    refers_back,
    same_words,
    sentences_of,
)

# At least so much must be there.
SUPPORTED = 0.8
# And so much in the sentence itself: what is before it, or above it, only says what it is about.
_ITSELF = 0.4
_REFUSED, _MISSING = 0.3, 0.7
_FIGURES = {"number", "money", "share", "date", "time"}
_EITHER = tuple(
    pair
    for one, other in (
        ("must", "may"),
        ("from", "to"),
        ("before", "after"),
        ("after", "during"),
        ("before", "during"),
    )
    for pair in ((one, other), (other, one))
)


@dataclass(frozen=True, slots=True)
class Support:
    """How far a passage supports a sentence, 0 to 1, and why no further. `holds`: whether that is enough."""

    score: float
    reason: str = ""

    @property
    def holds(self) -> bool:
        return self.score >= SUPPORTED


class Evidence:
    """A passage, read once, that sentences are held against. `context`: its title and headings, which hold for all of
    it. `synonyms`: groups of words of one meaning."""

    def __init__(self, passage: str, *, context: str = "", synonyms: Iterable[Sequence[str]] = ()) -> None:
        self._same = same_words(synonyms)
        around = read(context, self._same)
        plain = {token.key for token in around.tokens} | around.plain
        self._sentences: list[Read] = []
        announced: Read | None = None
        for text in sentences_of(passage):
            said = read(text, self._same)
            said.context = frozenset(plain)
            before = self._sentences[-1] if self._sentences else None
            if announced is not None and not text.endswith(":"):
                # An item of a list says what its announcement says of it; the list ends where a sentence does not fit.
                said.context |= {token.key for token in announced.tokens}
            if before is not None and refers_back(text):
                said.context |= {token.key for token in before.tokens if token.kind in {"word", "name"}}
            if text.endswith(":"):
                announced = said
            self._sentences.append(said)
        self._names = {token.key for one in self._sentences for token in one.tokens if token.kind == "name"}
        self._contraries = contraries_of(self._same)
        rows = [one for one in self._sentences if one.text.startswith("|")]
        for row in rows[1:]:
            row.context |= {token.key for token in rows[0].tokens}

    def supports(self, sentence: str) -> Support:
        """How far the passage says what a sentence says."""
        parts = [one for one in parts_of(sentence) if one]
        if not parts:
            return Support(0.0, "it says nothing")
        least = min((self._part(part) for part in parts), key=lambda one: one.score)
        if least.holds or len(parts) == 1:
            return least
        # What one sentence says as a whole needs no cutting.
        return max(self._part(" and ".join(parts)), least, key=lambda one: one.score)

    def _part(self, part: str) -> Support:
        claim = read(part, self._same)
        if not claim.tokens:
            return Support(0.0, "it says nothing")
        if claim.tokens[0].kind == "word" and part[0].isupper() and claim.tokens[0].key in self._names:
            claim.tokens[0].kind = "name"
        best = Support(0.0, "nothing of it stands there")
        for said in self._sentences:
            best = max(best, _compared(claim, said, self._contraries), key=lambda one: one.score)
        return best


def support(
    sentence: str, passage: str, *, context: str = "", synonyms: Iterable[Sequence[str]] = ()
) -> Support:
    """How far one passage supports one sentence; see `Evidence`."""
    return Evidence(passage, context=context, synonyms=synonyms).supports(sentence)


# --- Comparing ------------------------------------------------------------------------------------------


def _compared(claim: Read, said: Read, contraries: Mapping[str, set[str]]) -> Support:
    known = {token.key for token in said.tokens}
    anywhere = known | said.context
    total = sum(token.weight for token in claim.tokens)
    score = sum(token.weight for token in claim.tokens if token.key in anywhere) / total
    itself = sum(token.weight for token in claim.tokens if token.key in known) / total
    if itself < _ITSELF:
        return Support(round(min(itself, _REFUSED), 3), "little of it stands there")
    missing = [token for token in claim.tokens if token.key not in anywhere]
    if score < SUPPORTED or any(token.kind != "light" for token in missing):
        return Support(
            round(min(score, _MISSING), 3), f"missing: {', '.join(one.key for one in missing[:4])}"
        )
    for refused in (
        _exact(claim, said, anywhere),
        _counted(claim, said),
        _turned(claim, said, contraries),
        _left_out(claim, said),
    ):
        if refused:
            return Support(min(_REFUSED, score), refused)
    return Support(round(score, 3))


def _exact(claim: Read, said: Read, anywhere: set[str] | frozenset[str]) -> str:
    """Names, numbers, amounts, dates: each as it stands."""
    for token in claim.tokens:
        if token.kind in {"word", "light"}:
            continue
        if token.key not in anywhere:
            return f"{token.kind} not there: {token.key}"
        # Of the headings it is no figure of this sentence, unless this one has none to be mistaken for.
        if (
            token.kind != "name"
            and not said.of(token.key)
            and any(one.kind == token.kind for one in said.tokens)
        ):
            return f"another {token.kind} stands there"
    return ""


def _counted(claim: Read, said: Read) -> str:
    """What each number counts, its bound, and with what it stands."""
    for token in claim.tokens:
        if token.kind in {"word", "light", "name"}:
            continue
        places = said.of(token.key)
        if not places:
            continue
        if token.kind == "number" and token.after:
            if not any(one.after == token.after or token.after in _near(said, one) for one in places):
                return f"{token.key} counts something else"
            if not any(one.workday == token.workday for one in places):
                return "working days are not days"
        for bound in words.BOUNDS.keys() & token.marks:
            if not any(bound in one.marks for one in places):
                return f"another bound of {token.key}"
        if wrong := _elsewhere(claim, said, token, places):
            return wrong
    return ""


def _near(said: Read, token: Token) -> set[str]:
    at = said.tokens.index(token)
    return {one.key for one in said.tokens[max(0, at - 2) : at + 4]}


def _elsewhere(claim: Read, said: Read, token: Token, places: list[Token]) -> str:
    """Whether the figure stands with one thing and the claim's words with another figure."""
    rivals = [one for one in said.tokens if one.kind == token.kind and one.key != token.key]
    if not rivals:
        return ""
    mine = {one.key for place in places for one in said.tokens if one.segment == place.segment}
    theirs = {one.key for rival in rivals for one in said.tokens if one.segment == rival.segment}
    told = {one.key for one in claim.tokens if one.kind in {"word", "name"} and one.key != token.after}
    apart = told & (theirs - mine)
    if apart and not told & (mine - theirs):
        return f"{token.key} stands with something else than {sorted(apart)[0]}"
    return ""


def _turned(claim: Read, said: Read, contraries: Mapping[str, set[str]]) -> str:
    """Negations, opposites, directions and duties."""
    denied = {token.key for token in claim.tokens if "not" in token.marks}
    said_denied = {token.key for token in said.tokens if "not" in token.marks}
    if denied and not denied & said_denied:
        return "the passage does not deny it"
    for token in claim.tokens:
        places = said.of(token.key)
        if not places or token.kind not in {"word", "light", "name"}:
            continue
        if not denied and all("not" in one.marks for one in places):
            return f"the passage denies it: {token.key}"
        if denied and "not" not in token.marks and all("head" in one.marks for one in places):
            return f"the passage denies it: {token.key}"
        for one, other in _EITHER:
            if one in token.marks and all(
                other in place.marks and one not in place.marks for place in places
            ):
                return f"{other}, not {one}: {token.key}"
    keys = {token.key for token in claim.tokens}
    there = {token.key for token in said.tokens}
    for key in keys - there:
        for contrary in contraries.get(key, set()) & there - keys:
            return f"the opposite: {contrary}"
    for those, others in ((words.BEFORE, words.AFTER), (words.AFTER, words.BEFORE)):
        if claim.plain & those and not said.plain & those and said.plain & others:
            return "before is not after"
    each, some = words.EACH, words.SOME
    if claim.plain & each and not said.plain & (each | words.NEGATIONS) and said.plain & (some | words.ONLY):
        return "what holds for some does not hold for all"
    return ""


def _left_out(claim: Read, said: Read) -> str:
    """Whether the claim holds for more than the passage says: without its condition, its bound, its exception."""
    told = {token.key for token in claim.tokens}
    conditional = claim.plain & (words.ONLY | words.EXCEPT | words.NEGATIONS)
    only = [token.key for token in said.tokens if "only" in token.marks]
    if only and not conditional and not any(key in told for key in only):
        return f"it holds only for {only[0]}"
    if claim.plain & (words.ONLY | words.EXCEPT) and not said.plain & (
        words.ONLY | words.EXCEPT | words.NEGATIONS
    ):
        return "the passage makes no such condition"
    excepted = [token for token in said.tokens if "except" in token.marks]
    if excepted and not conditional:
        first = excepted[0].segment
        if not any(token.key in told for token in excepted):
            return f"an exception is left out: {excepted[0].key}"
        for token in claim.tokens:
            stands = said.of(token.key)
            if token.kind in _FIGURES and stands and all(place.segment < first for place in stands):
                return f"it does not hold for {excepted[0].key}"
    places = [
        {place.segment for place in said.of(token.key)} for token in claim.tokens if token.kind != "light"
    ]
    mine = set().union(*(one for one in places if len(one) == 1))
    for token in said.tokens:
        if (
            token.kind in _FIGURES
            and token.segment in mine
            and token.key not in told
            and token.marks & words.BOUNDS.keys()
        ):
            return f"a bound is left out: {token.key}"
    for token in claim.tokens:
        both = [one for one in said.of(token.key) if "both" in one.marks]
        if "both" in token.marks and not any(_together(claim, said, place) for place in both):
            return "both are said of something else"
    # Of whom the passage denies it.
    denied = [token for token in said.tokens if "head" in token.marks and "not" in token.marks]
    if denied and any("not" in token.marks for token in claim.tokens):
        subject: list[Token] = []
        for token in said.tokens:
            if token is denied[0]:
                break
            if token.segment == denied[0].segment:
                subject.append(token)
        if subject and not any(token.key in told for token in subject):
            return f"it is denied of {subject[0].key} only"
    return ""


def _together(claim: Read, said: Read, place: Token) -> bool:
    near = {one.key for one in said.tokens if one.segment == place.segment}
    return sum(one.key in near for one in claim.tokens) > len(claim.tokens) / 2
