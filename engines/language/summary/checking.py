"""Whether a line that a model wrote is borne out by the utterances that it cites.

A lexical check, in the manner of `engines.retrieval.support`, for talk: a line tells in the third person what was said
in the first, of several utterances, in fewer words. So it asks that

- at least `SHARE` of the words that carry meaning occur in the cited utterances, roles ("the customer") apart;
- every name, number, amount, date and time in it does, and a number counts the same thing;
- nothing is denied that was affirmed, or affirmed that was denied, and no word is turned into its opposite;
- who is said to have done something is among those who speak in the cited utterances, and what stands under a section
  for the agent's doings is not taken from the customer's words alone.

It sees words, not meaning. What it cannot see: who did what to whom, where both say it in the same words; a paraphrase
in other words, which it drops.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from engines.language.clauses import Line
from engines.language.summary.figures import amounts_in
from engines.language.summary.template import AMOUNT, CHOICE, DATE, NUMBER, TEXT, YES_NO, Section, value_of
from engines.language.summary.when import days_in
from engines.retrieval.support import Evidence
from engines.retrieval.support_reading import Read, contraries_of, read, same_words
from engines.retrieval.support_words import listed

SHARE = 0.7
_ROLE = re.compile(
    r"\b(?:the\s+)?(?P<role>customers?|callers?|clients?|agents?|representatives?|rep|advisors?)(?:'s|’s)?\b(?:\s+(?:also\s+)?"
    r"(?:said|says|stated|states|reported|reports|explained|explains|mentioned|mentions|told|asked|asks|wants|wanted|"
    r"called|calls|contacted|confirmed|confirms|agreed|informed|advised|promised|promises|requested|needs))?"
    r"(?:\s+(?:that|to|about|because|for))?(?!\w)",
    re.IGNORECASE,
)
_CUSTOMERS = ("customer", "caller", "client")
# Sources whose lines tell what the agent did.
_AGENTS_OWN = frozenset({"done"})
_EXACT = frozenset({"name", "number", "money", "share", "date", "time"})
# Words that count or order: each as it stands, like a number.
_COUNTING = listed(
    "first second third fourth fifth sixth seventh eighth ninth tenth last once twice half double triple"
)
_REFUSED = ("counts something else", "stands with something else", "another bound", "working days")


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a line holds, and why not, in a word for logs and figures; never what was said."""

    holds: bool
    why: str = ""


HOLDS = Verdict(True)


def check(section: Section, text: str, cited: Sequence[Line], *, day: date | None = None) -> Verdict:
    """Hold a line of a section against the utterances that it cites."""
    if not cited:
        return Verdict(False, "no evidence")
    speakers = {"customer" if one.speaker == "customer" else "agent" for one in cited}
    if section.source in _AGENTS_OWN and "agent" not in speakers:
        return Verdict(False, "speaker")
    if section.is_field and section.kind != TEXT:
        return _field(section, text, cited, day)
    if any(
        ("customer" if role.startswith(_CUSTOMERS) else "agent") not in speakers for role in _first_role(text)
    ):
        return Verdict(False, "speaker")
    return _sentence(text, [one.text for one in cited])


def _first_role(text: str) -> list[str]:
    """Who the line is about: the role that it begins with."""
    found = _ROLE.match(text.strip())
    return [found["role"].lower()] if found else []


def _field(section: Section, text: str, cited: Sequence[Line], day: date | None) -> Verdict:
    """A value must be one of its kind, and stand in the words; a choice and a yes are judgements, which must cite."""
    value = value_of(section, text)
    if value is None:
        return Verdict(False, "value")
    if section.kind in {YES_NO, CHOICE}:
        return HOLDS
    words = [one.text for one in cited]
    if section.kind == DATE:
        said = {one.day.isoformat() for each in words for one in days_in(each, day)} if day else set()
        return HOLDS if value in said else Verdict(False, "date")
    numbers = {token.key.split()[0] for each in words for token in read(each).tokens if token.kind in _EXACT}
    amounts = [one for each in words for one in amounts_in(each)]
    if section.kind == AMOUNT:
        digits, currency = value["amount"], value["currency"]
        if any(
            _same(str(one.value), digits) and (not currency or not one.currency or currency == one.currency)
            for one in amounts
        ):
            return HOLDS
        return (
            HOLDS if not amounts and any(_same(one, digits) for one in numbers) else Verdict(False, "amount")
        )
    if section.kind == NUMBER:
        known = numbers | {str(one.value) for one in amounts}
        return HOLDS if any(_same(one, value) for one in known) else Verdict(False, "number")
    return HOLDS


def _same(one: str, other: str) -> bool:
    try:
        return float(one) == float(other)
    except ValueError:
        return False


def _sentence(text: str, said: Sequence[str]) -> Verdict:
    same = same_words(())
    claim_text = " ".join(_ROLE.sub(" ", text).split())
    claim = read(claim_text, same)
    if not claim.tokens:
        return Verdict(False, "nothing said")
    # One sentence of all of them: a line may join two turns.
    passage = ", ".join(each.strip(" .!?;,") for each in said)
    support = Evidence(passage).supports(claim_text)
    if any(one in support.reason for one in _REFUSED):
        return Verdict(False, "number")
    heard = read(passage, same)
    known = {token.key for token in heard.tokens}
    amounts = {f"{one.value.normalize():f}" for one in amounts_in(passage)}
    for token in claim.tokens:
        if token.kind not in _EXACT or token.key in known or token.key.split()[0] in amounts:
            continue
        # The first word of a sentence, or of what is left of it, is capital whatever it is.
        if token.kind == "name" and token is claim.tokens[0]:
            continue
        return Verdict(False, "name" if token.kind == "name" else "number")
    if listed(claim_text.lower()) & _COUNTING - listed(re.sub(r"[^\w\s]", " ", passage.lower())):
        return Verdict(False, "number")
    total = sum(token.weight for token in claim.tokens)
    share = (
        sum(token.weight for token in claim.tokens if token.key in known or token.key.split()[0] in amounts)
        / total
    )
    if share < SHARE:
        return Verdict(False, "words")
    return _turned(claim, heard, contraries_of(same))


def _turned(claim: Read, heard: Read, contraries: Mapping[str, set[str]]) -> Verdict:
    """Negations and opposites."""
    told, there = {one.key for one in claim.tokens}, {one.key for one in heard.tokens}
    for token in claim.tokens:
        places = heard.of(token.key)
        if not places or token.kind in {"number", "money", "share", "date", "time"}:
            continue
        is_denied = "not" in token.marks
        if is_denied and "head" in token.marks and not any("not" in one.marks for one in places):
            return Verdict(False, "negation")
        if not is_denied and all("head" in one.marks and "not" in one.marks for one in places):
            return Verdict(False, "negation")
    for key in told - there:
        if contraries.get(key, set()) & there - told:
            return Verdict(False, "opposite")
    return HOLDS
