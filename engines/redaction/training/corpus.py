"""Labelled texts: what an example is, and how the public sets are read."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import log
from pathlib import Path

from engines.redaction.scene import Scene, Topics
from engines.redaction.tokens import Utterance, tokenise

OUTSIDE = "O"
# How the sets name the types of `vocabulary.TYPES`.
LABELS = {
    "PERSON": "NAME",
    "US_SSN": "SSN",
    "BOOKING_REF": "BOOKING_REFERENCE",
    "ZIP_CODE": "POSTCODE",
    "BANK_ACCOUNT": "ACCOUNT_NUMBER",
    "ACCOUNT_ID": "ACCOUNT_NUMBER",
    "EMAIL_ADDRESS": "EMAIL",
    "CREDIT_CARD": "CREDIT_CARD",
    "PASSWORD": "PASSWORD",
    "PHONE_NUMBER": "PHONE",
    "CLAIM_ID": "CLAIM_NUMBER",
    "POLICY_ID": "POLICY_NUMBER",
    "ORDER_ID": "ORDER_NUMBER",
    "USERNAME": "USERNAME",
    "ADDRESS": "ADDRESS",
    "STREET_ADDRESS": "ADDRESS",
    "GPE": "LOCATION",
    "ORGANIZATION": "ORGANISATION",
    "DATE_TIME": "DATE",
    "NRP": "NATIONALITY",
    "AGE": "AGE",
    "TITLE": "TITLE",
    "DOMAIN_NAME": "URL",
    "IBAN_CODE": "IBAN",
    "IP_ADDRESS": "IP_ADDRESS",
}

SECTORS = {
    "airline": "travel",
    "fastfood": "food",
    "finance": "banking",
    "insurance": "insurance",
    "media": "media",
    "software": "software",
}
# A word tells sectors apart if it was said in so many conversations, and its log chances differ by so much.
_TOLD_BY = 8
_UNEVEN = 1.5

_SENTENCE_END = re.compile(r"(?<=[.!?])\s|\n")
_LONG_NUMBER = re.compile(r"\d{3}")


@dataclass(frozen=True, slots=True)
class Example:
    """A text and the stretches in it that are personal: (start, end, name in `vocabulary.TYPES`).

    `scene` is what the turns before it tell (`scene.Scene.names`), where it has any.
    """

    text: str
    spans: tuple[tuple[int, int, str], ...] = ()
    scene: tuple[str, ...] = ()


def labelled(example: Example) -> tuple[Utterance, list[str]]:
    """Return the tokens of `example` and the label of each."""
    utterance = tokenise(example.text)
    labels = [
        next((label for a, b, label in example.spans if a < token.end and b > token.start), OUTSIDE)
        for token in utterance.tokens
    ]
    return utterance, labels


@dataclass(frozen=True, slots=True)
class Call:
    """The customer's turns of one conversation, and the sector it belongs to."""

    sector: str
    turns: tuple[Example, ...]


def calls(path: Path) -> list[Call]:
    """Return the conversations of a MultiDoGO file."""
    found = []
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            record = json.loads(line)
            turns = tuple(
                Example(
                    turn["text"],
                    tuple(
                        (slot["start"], slot["end"], LABELS[slot["pii"]])
                        for slot in turn["slots"]
                        if slot["pii"]
                    ),
                )
                for turn in record["customer_turns"]
            )
            found.append(Call(SECTORS[record["domain"]], turns))
    return found


def words_of(example: Example) -> list[str]:
    """Return the words of a text as scenes see them."""
    return [token.low for token in tokenise(example.text).tokens]


def topics_of(found: Sequence[Call]) -> Topics:
    """Return which words tell sectors apart: those said in enough conversations, and unevenly."""
    sectors = tuple(sorted({call.sector for call in found}))
    count = Counter(call.sector for call in found)
    by_sector: dict[str, Counter[str]] = {sector: Counter() for sector in sectors}
    for call in found:
        by_sector[call.sector].update(
            {word for turn in call.turns for word in words_of(turn) if word.isalpha()}
        )
    total = sum(by_sector.values(), Counter())
    known: dict[str, tuple[float, ...]] = {}
    for word in sorted(word for word, often in total.items() if often >= _TOLD_BY):
        chances = [log((by_sector[one][word] + 0.5) / (count[one] + 1)) for one in sectors]
        mean = sum(chances) / len(chances)
        if max(chances) - min(chances) > _UNEVEN:
            known[word] = tuple(round(chance - mean, 2) for chance in chances)
    return Topics(sectors, known)


def turns_of(found: Sequence[Call], topics: Topics, copies: int) -> list[Example]:
    """Return the turns with the scene of each; one that is said again and again is taken `copies` times at most."""
    seen: Counter[Example] = Counter()
    turns: list[Example] = []
    for call in found:
        scene = Scene.begin(topics)
        for turn in call.turns:
            words = words_of(turn)
            seen[turn] += 1
            if seen[turn] <= copies:
                turns.append(replace(turn, scene=scene.names(topics, words)))
            scene = scene.after(topics, words, (label for *_, label in turn.spans))
    return turns


def texts(path: Path) -> list[tuple[int, Example]]:
    """Return the texts of a Presidio file with the number of the template that each was made from."""
    found = []
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            record = json.loads(line)
            spans = tuple((span["start"], span["end"], LABELS[span["type"]]) for span in record["spans"])
            found.append((int(record["template_id"]), Example(record["text"], spans)))
    return found


def plain(path: Path) -> list[Example]:
    """Return the texts of an intent set, which name nobody."""
    with path.open(encoding="utf-8") as lines:
        return [Example(json.loads(line)["text"]) for line in lines]


def sentences(path: Path) -> list[Example]:
    """Return the sentences of a company's own documents: products, terms and procedures, and nobody's data."""
    found: dict[str, None] = {}
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            for sentence in _SENTENCE_END.split(json.loads(line)["content"]):
                words = " ".join(sentence.strip("#*-| \n").split())
                if 12 < len(words) < 300 and "@" not in words and not _LONG_NUMBER.search(words):
                    found[words] = None
    return [Example(words) for words in found]
