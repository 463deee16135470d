"""Material of our own for what the public sets lack: templates filled by lot, the same for the same seed.

Three lists: `written` (letters, e-mails, news), `spoken` (what callers and agents say when data is given) and `none`
(the same talk without any). Speech comes in lower case without punctuation, or as smart formatting writes it.
In lower-case speech places, companies and dates of talk are not labelled: they say where a journey goes, not who calls.
"""

from __future__ import annotations

import random
import re
from functools import lru_cache
from pathlib import Path

from engines.redaction.training.corpus import Example
from engines.redaction.training.fillers import Fillers
from engines.redaction.training.words import listed

HERE = Path(__file__).parent
_SLOT = re.compile(r"\{([a-z0-9_]+)\}")
_PUNCTUATION = re.compile(r"[^\w\s'’]|_")
LABEL_OF = {
    **dict.fromkeys(("name", "first", "last", "spell_first", "spell_last"), "NAME"),
    **dict.fromkeys(("address", "saddress", "street", "num"), "ADDRESS"),
    **dict.fromkeys(("city", "country", "state"), "LOCATION"),
    **dict.fromkeys(("org", "porg"), "ORGANISATION"),
    **dict.fromkeys(("date", "year", "weekday", "spokendate"), "DATE"),
    **dict.fromkeys(("ssn", "ssn4"), "SSN"),
    **dict.fromkeys(("zip", "ukpost"), "POSTCODE"),
    **dict.fromkeys(("code", "cvv"), "SECURITY_CODE"),
    "title": "TITLE",
    "age": "AGE",
    "nrp": "NATIONALITY",
    "phone": "PHONE",
    "card": "CREDIT_CARD",
    "iban": "IBAN",
    "ip": "IP_ADDRESS",
    "url": "URL",
    "email": "EMAIL",
    "account": "ACCOUNT_NUMBER",
    "policy": "POLICY_NUMBER",
    "claim": "CLAIM_NUMBER",
    "order": "ORDER_NUMBER",
    "booking": "BOOKING_REFERENCE",
    "user": "USERNAME",
    "password": "PASSWORD",
    "dob": "DATE_OF_BIRTH",
}
# What is labelled only where the text has capitals.
ONLY_WRITTEN = frozenset({"LOCATION", "ORGANISATION", "DATE", "NATIONALITY", "AGE", "TITLE"})
_OPENINGS, _CLOSINGS = listed("openings"), listed("closings")


@lru_cache(maxsize=4)
def templates(kind: str) -> tuple[str, ...]:
    """Return the templates of one list."""
    lines = (HERE / f"templates_{kind}.txt").read_text(encoding="utf-8").splitlines()
    return tuple(line.replace("\\n", "\n") for line in lines if line.strip())


def generate(seed: int, written: int, spoken: int) -> list[Example]:
    """Return labelled texts: so many written, so many spoken (two of five of these without personal data)."""
    lot = random.Random(seed)
    fillers = Fillers(lot)
    found = [_written(lot, fillers) for _ in range(written)]
    found += [_spoken(lot, fillers) for _ in range(spoken)]
    return found


def filled(lot: random.Random, fillers: Fillers, template: str) -> Example:
    """Return `template` with a value in each brace; street and number are drawn as a written text's."""
    parts: list[str] = []
    spans: list[tuple[int, int, str]] = []
    length = cursor = 0
    for slot in _SLOT.finditer(template):
        before = template[cursor : slot.start()]
        value = fillers.fill(slot[1])
        if fillers.spoken:
            value = _PUNCTUATION.sub(" ", value).strip()
        parts += (before, value)
        length += len(before)
        label = LABEL_OF.get(slot[1])
        if slot[1] == "num" and not template[: slot.start()].rstrip().endswith("{street}"):
            label = None
        if label is not None:
            spans.append((length, length + len(value), label))
        length += len(value)
        cursor = slot.end()
    parts.append(template[cursor:])
    return Example("".join(parts), tuple(spans))


def _written(lot: random.Random, fillers: Fillers) -> Example:
    fillers.spoken = False
    example = filled(lot, fillers, lot.choice(templates("written")))
    at = lot.random()
    if at < 0.12:
        return lowered(example)
    if at < 0.3:
        more = filled(lot, fillers, lot.choice(templates("written")))
        return joined(example, more, lot.choice((" ", "\n", " - ")))
    return example


def _spoken(lot: random.Random, fillers: Fillers) -> Example:
    fillers.spoken = True
    kind = "none" if lot.random() < 0.4 else "spoken"
    example = filled(lot, fillers, lot.choice(templates(kind)))
    if lot.random() < 0.15:
        example = joined(Example(lot.choice(_OPENINGS)), example, " ")
    if lot.random() < 0.1:
        example = joined(example, Example(lot.choice(_CLOSINGS)), " ")
    if lot.random() < 0.15:
        more = filled(lot, fillers, lot.choice(templates(lot.choice(("none", "spoken")))))
        example = joined(example, more, " ")
    if lot.random() < 0.2:
        text = re.sub(r"\bi\b", "I", example.text)
        text = text[:1].upper() + text[1:] + lot.choice((".", ".", "", "?"))
        return Example(text, example.spans)
    return lowered(example)


def lowered(example: Example) -> Example:
    """Return `example` in lower case, without the labels of what counts in written text alone."""
    text = "".join(c.lower() if len(c.lower()) == 1 else c for c in example.text)
    return Example(text, tuple(span for span in example.spans if span[2] not in ONLY_WRITTEN))


def joined(first: Example, second: Example, joint: str) -> Example:
    """Return both texts as one."""
    moved = len(first.text) + len(joint)
    spans = tuple((start + moved, end + moved, label) for start, end, label in second.spans)
    return Example(first.text + joint + second.text, first.spans + spans)


_SLOT_FOR = {
    "NAME": ("name", "first"),
    "ADDRESS": ("address", "street"),
    "LOCATION": ("city", "country"),
    "ORGANISATION": ("org",),
    "DATE": ("date",),
    "AGE": ("age",),
    "NATIONALITY": ("nrp",),
    "PHONE": ("phone",),
    "CREDIT_CARD": ("card",),
    "SSN": ("ssn",),
    "POSTCODE": ("zip",),
    "IBAN": ("iban",),
    "IP_ADDRESS": ("ip",),
    "URL": ("url",),
    "TITLE": ("title",),
}


def refilled(seed: int, examples: list[Example], times: int) -> list[Example]:
    """Return labelled texts with new values in place of the labelled ones, `times` over.

    A name of several words stays one, a single one too; a number alone labelled as an address stays as it is.
    """
    lot = random.Random(seed)
    fillers = Fillers(lot)
    found: list[Example] = []
    for _ in range(times):
        for example in examples:
            if not example.spans:
                continue
            text, spans, cursor, parts, length = example.text, [], 0, [], 0
            for start, end, label in sorted(example.spans):
                if start < cursor:
                    continue
                value = text[start:end]
                slots = _SLOT_FOR.get(label, ())
                if slots and not (label == "ADDRESS" and (value.isdigit() or len(value) < 9)):
                    several = len(value.split()) > 1 or label not in ("NAME",)
                    slot = slots[0] if several and lot.random() < 0.8 else slots[-1]
                    value = fillers.fill(slot)
                before = text[cursor:start]
                parts += [before, value]
                length += len(before)
                spans.append((length, length + len(value), label))
                length += len(value)
                cursor = end
            parts.append(text[cursor:])
            found.append(Example("".join(parts), tuple(spans)))
    return found


def hidden(example: Example) -> Example:
    """Return `example` as redaction leaves it: a second reading should find nothing in it."""
    parts: list[str] = []
    cursor = 0
    for start, end, label in sorted(example.spans):
        if start >= cursor:
            parts += (example.text[cursor:start], f"[{label}]")
            cursor = end
    return Example("".join((*parts, example.text[cursor:])))
