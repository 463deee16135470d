"""What can be told from words alone: tokens, good or bad news, yes or no, and what kind of action a reply is.

The lists are English. In another language they find nothing, and what was learned from past dialogues carries alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_TOKEN = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?|\d+|\?")
_CAMEL = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+")


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


BAD = _words(
    """
    unfortunately sorry cannot can't couldn't not no unsuccessful unavailable failed failure conflicting
    conflict must missing invalid error unable denied none declined rejected expired never
    """
)
GOOD = _words(
    """
    available successfully successfuly success succeeded successful confirmed confirmation submitted
    booked reserved approved scheduled done valid
    """
)
YES = _words(
    """
    yes yeah yep yea ye yup sure ok okay please great perfect fine correct right absolutely
    """
)
NO = _words(
    """
    no nope nah not don't dont nothing never
    """
)
FORGOT = _words(
    """
    forgot forget forgotten remember recall idea unsure know don't dont lost
    """
)
BYE = _words(
    """
    bye goodbye
    """
)
THANKS = _words(
    """
    thanks thank thx appreciate
    """
)
_STOP = _words(
    """
    a an the i you your my me it is are was be to of for and or in on at with can could may would will
    do does did have has had get please what who how that this there am i'm about
    """
)
_SAME = {
    "dr": "doctor",
    "dob": "birth",
    "birthday": "birth",
    "born": "birth",
    "acct": "account",
    "mom": "mother",
}
_CLAUSE = re.compile(r"[.,;:!?\n]+|\b(?:but|and|because|though)\b", re.IGNORECASE)
_MORE = re.compile(r"anything else|something else|any other", re.IGNORECASE)
_HELLO = re.compile(r"how (?:can|may) i (?:help|assist)|welcome to", re.IGNORECASE)
_LOST = re.compile(r"(?:don't|do not|didn't)(?: quite)? understand", re.IGNORECASE)
_OFFER = re.compile(r"\b(?:should|shall|can) i\b[^?]*\?|would you like me to", re.IGNORECASE)
_GIVE = re.compile(r"\bcan i (?:have|get|take|ask)\b", re.IGNORECASE)


def tokens(text: str) -> list[str]:
    """Lower-case words, question marks, and numbers as one zero per digit (at most nine)."""
    return [
        "0" * min(len(part), 9) if part[0].isdigit() else part.lower().replace("’", "'")
        for part in _TOKEN.findall(text)
    ]


def name_parts(name: str) -> list[str]:
    """The words of a name: `AccountNumber` and `ask_account_number` share two."""
    return [part.lower() for part in _CAMEL.findall(name)]


def content(words: Iterable[str]) -> frozenset[str]:
    """The words that carry meaning, without a plural's s."""
    plain = (word.removesuffix("'s") for word in words if not word.startswith("0"))
    return frozenset(
        _SAME.get(word) or (word[:-1] if len(word) > 4 and word.endswith("s") else word)
        for word in plain
        if len(word) > 1 and word not in _STOP
    )


def clauses(text: str) -> list[str]:
    """The parts of a text between its stops and joining words."""
    return [part for part in _CLAUSE.split(text) if part and not part.isspace()]


def news(words: Iterable[str]) -> str:
    """Say whether words are bad news, good news or neither: "bad", "good", ""."""
    found = set(words)
    if found & BAD:
        return "bad"
    return "good" if found & GOOD else ""


def answer(words: Iterable[str]) -> str:
    """Say whether words are a yes, a no, both or neither."""
    found = set(words)
    return f"{'yes' if found & YES else ''}{'no' if found & NO else ''}" or "other"


def kind_of(action: str, words: str) -> str:
    """The kind of an action by its words.

    "query", "hello", "more" (anything else?), "bye", "lost" (not understood), "bad" (bad news), "offer", "ask",
    "tell", or "free" where it has no words of its own.
    """
    if action == "query":
        return "query"
    if not words:
        return "free"
    for kind, pattern in (("more", _MORE), ("hello", _HELLO), ("lost", _LOST)):
        if pattern.search(words):
            return kind
    said = tokens(words)
    if BYE & set(said):
        return "bye"
    if news(said) == "bad":
        return "bad"
    if _OFFER.search(words) and not _GIVE.search(words):
        return "offer"
    return "ask" if "?" in said or "please" in said else "tell"
