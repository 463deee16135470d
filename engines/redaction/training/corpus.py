"""Labelled texts: what an example is, and how the public sets are read."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

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

_SENTENCE_END = re.compile(r"(?<=[.!?])\s|\n")
_LONG_NUMBER = re.compile(r"\d{3}")


@dataclass(frozen=True, slots=True)
class Example:
    """A text and the stretches in it that are personal: (start, end, name in `vocabulary.TYPES`)."""

    text: str
    spans: tuple[tuple[int, int, str], ...] = ()


def labelled(example: Example) -> tuple[Utterance, list[str]]:
    """Return the tokens of `example` and the label of each."""
    utterance = tokenise(example.text)
    labels = [
        next((label for a, b, label in example.spans if a < token.end and b > token.start), OUTSIDE)
        for token in utterance.tokens
    ]
    return utterance, labels


def conversations(path: Path, copies: int) -> list[Example]:
    """Return the turns of a MultiDoGO file; one that is said again and again is taken `copies` times at most."""
    seen: Counter[Example] = Counter()
    found: list[Example] = []
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            for turn in json.loads(line)["customer_turns"]:
                spans = tuple(
                    (slot["start"], slot["end"], LABELS[slot["pii"]]) for slot in turn["slots"] if slot["pii"]
                )
                example = Example(turn["text"], spans)
                seen[example] += 1
                if seen[example] <= copies:
                    found.append(example)
    return found


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
