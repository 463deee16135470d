"""What a summary is made of: sections of text lines, and typed fields for other programs.

A field's value has one home, the words of its line: `value_of` reads them, so that a later redaction of the words
reaches the value, too.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any, Literal

LINES, TEXT, NUMBER, AMOUNT, DATE, YES_NO, CHOICE = (
    "lines",
    "text",
    "number",
    "amount",
    "date",
    "yes_no",
    "choice",
)
KINDS = (LINES, TEXT, NUMBER, AMOUNT, DATE, YES_NO, CHOICE)
YES, NO = "yes", "no"
RESOLUTIONS = ("resolved", "not resolved", "transferred", "call back")
FEELINGS = ("positive", "neutral", "negative")

SOURCES: Mapping[str, frozenset[str]] = {
    "reason": frozenset({LINES, TEXT}),
    "done": frozenset({LINES, TEXT}),
    "outcome": frozenset({LINES, TEXT}),
    "promises": frozenset({LINES, TEXT}),
    "next_steps": frozenset({LINES, TEXT}),
    "questions": frozenset({LINES, TEXT}),
    "amounts": frozenset({LINES, AMOUNT, NUMBER}),
    "promised_by": frozenset({DATE}),
    "resolution": frozenset({CHOICE}),
    "resolved": frozenset({YES_NO}),
    "follow_up": frozenset({YES_NO}),
    "feeling": frozenset({CHOICE}),
}
"""What can be found without a model, by name, with the kinds of section that each can fill."""

FIXED_CHOICES: Mapping[str, Sequence[str]] = {"resolution": RESOLUTIONS, "feeling": FEELINGS}
"""The choices of sections that these fill."""

MOST_SECTIONS, MOST_LINES, MOST_CHOICES = 20, 10, 30
KEY = re.compile(r"[a-z][a-z0-9_]{0,39}\Z")
TITLE_LENGTH, INSTRUCTION_LENGTH, CHOICE_LENGTH = 80, 400, 80

_AMOUNT = re.compile(
    r"(?:(?P<sign>[$€£¥])\s*(?P<first>-?[\d.,]*\d)|(?P<second>-?[\d.,]*\d)\s*(?P<after>[$€£¥]|[A-Z]{3})?)\Z"
)
_SIGNS = {"$": "USD", "€": "EUR", "£": "GBP", "¥": "JPY"}


@dataclass(frozen=True, slots=True)
class Section:
    """A section. `source` names what fills it without a model ("": only a model or the agent does).

    `most`: lines at most, of kind lines; a field has one. `required`: filled without a model where the model leaves it
    empty.
    """

    key: str
    title: str
    instruction: str = ""
    kind: str = LINES
    choices: tuple[str, ...] = ()
    required: bool = False
    source: str = ""
    most: int = 3

    @property
    def is_field(self) -> bool:
        """Whether it is a value for other programs, of which there is one."""
        return self.kind != LINES

    @property
    def room(self) -> int:
        return 1 if self.is_field else self.most

    @property
    def options(self) -> Sequence[str]:
        """What a choice chooses from."""
        return FIXED_CHOICES.get(self.source, self.choices) if self.kind == CHOICE else ()


def section_made(given: Mapping[str, Any]) -> Section:
    """A section as it is stored. Raises `TypeError` for what is none."""
    return Section(**{**given, "choices": tuple(given.get("choices") or ())})


def section_stored(section: Section) -> dict[str, Any]:
    """The same to be stored."""
    return {**asdict(section), "choices": list(section.choices)}


DEFAULT: tuple[Section, ...] = (
    Section(
        "reason",
        "Reason",
        "Why the customer called, in their own matter, not their greeting.",
        LINES,
        (),
        True,
        "reason",
    ),
    Section("done", "What was done", "What the agent did in this conversation.", LINES, (), False, "done"),
    Section(
        "outcome", "Outcome", "How it ended: solved or not, accepted or refused.", LINES, (), False, "outcome"
    ),
    Section(
        "promises", "Promises", "What somebody promised, who, and by when.", LINES, (), False, "promises"
    ),
    Section("next_steps", "Next steps", "What follows, and who does it.", LINES, (), False, "next_steps"),
)
"""The summary of a company that has no template of its own."""

Problem = Literal[
    "no sections", "too many sections", "key", "key twice", "title", "kind", "source", "source and kind",
    "choices", "choice", "most", "instruction",
]  # fmt: skip


def problems_of(sections: Sequence[Section]) -> list[tuple[int | None, Problem]]:
    """What is wrong with a template: the section's number from 0 (None: the whole) and what."""
    found: list[tuple[int | None, Problem]] = []
    if not sections:
        found.append((None, "no sections"))
    if len(sections) > MOST_SECTIONS:
        found.append((None, "too many sections"))
    keys: set[str] = set()
    for number, one in enumerate(sections):
        checks: list[tuple[bool, Problem]] = [
            (not KEY.match(one.key), "key"),
            (one.key in keys, "key twice"),
            (not 0 < len(one.title.strip()) <= TITLE_LENGTH, "title"),
            (len(one.instruction) > INSTRUCTION_LENGTH, "instruction"),
            (one.kind not in KINDS, "kind"),
            (bool(one.source) and one.source not in SOURCES, "source"),
            (
                one.source in SOURCES and one.kind in KINDS and one.kind not in SOURCES[one.source],
                "source and kind",
            ),
            (one.kind == CHOICE and not 2 <= len(set(one.options)) <= MOST_CHOICES, "choices"),
            (any(not 0 < len(choice.strip()) <= CHOICE_LENGTH for choice in one.choices), "choice"),
            (not 1 <= one.most <= MOST_LINES, "most"),
        ]
        keys.add(one.key)
        found += [(number, problem) for is_wrong, problem in checks if is_wrong]
    return found


# --- Values ---------------------------------------------------------------------------------------------


def value_of(section: Section, text: str) -> Any:
    """A field's value, read from its words: str, bool, date as ISO, {"amount", "currency"}; None if it is none.

    Numbers and amounts are strings of digits, so that no other program rounds them.
    """
    text = text.strip()
    if section.kind in {LINES, TEXT}:
        return text or None
    if section.kind == YES_NO:
        return {YES: True, NO: False}.get(text.casefold())
    if section.kind == CHOICE:
        return next((one for one in section.options if one.casefold() == text.casefold()), None)
    if section.kind == DATE:
        try:
            return date.fromisoformat(text).isoformat()
        except ValueError:
            return None
    if section.kind == NUMBER:
        return decimal_of(text)
    found = _AMOUNT.match(text)
    digits = decimal_of(found["first"] or found["second"]) if found else None
    if found is None or digits is None:
        return None
    sign = found["sign"] or found["after"] or ""
    return {"amount": digits, "currency": _SIGNS.get(sign, sign)}


def decimal_of(text: str) -> str | None:
    """A number in one form: "1,000.50" and "1.000,50" are "1000.50"; None if it is none."""
    digits = text.strip()
    if re.fullmatch(r"-?\d{1,3}(?:,\d{3})+(?:\.\d+)?", digits):
        digits = digits.replace(",", "")
    elif re.fullmatch(r"-?\d{1,3}(?:\.\d{3})+(?:,\d+)?", digits):
        digits = digits.replace(".", "").replace(",", ".")
    elif re.fullmatch(r"-?\d+,\d{1,2}", digits):
        digits = digits.replace(",", ".")
    if not re.fullmatch(r"-?\d{1,15}(?:\.\d{1,6})?", digits):
        return None
    try:
        return str(Decimal(digits))
    except InvalidOperation:
        return None


def words_for(section: Section, text: str) -> str | None:
    """What is kept of a field's words: in the one form that `value_of` reads; None if they are no value of its kind."""
    value = value_of(section, text)
    if value is None:
        return None
    if isinstance(value, bool):
        return YES if value else NO
    if isinstance(value, dict):
        return f"{value['amount']} {value['currency']}".strip()
    return str(value)
