"""Secrets to be planted in a call, and how each of them would look if any part of it were left somewhere.

Two sets, so that what the test with redaction off leaves behind is never found by the one with redaction on.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.live_calls import line

AGENT, CUSTOMER = 0, 1
_SPOKEN = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
# Six digits of a card are a part of it; four said one after the other are.
WRITTEN_PART, SPOKEN_PART = 6, 4


def spoken(digits: str) -> str:
    """`digits` said one by one."""
    return " ".join(_SPOKEN[int(digit)] for digit in digits if digit.isdigit())


@dataclass(frozen=True)
class Planted:
    """What the people of one test say. `card`, `ssn`, `phone` are digits; the rest are words."""

    card: str
    ssn: str
    phone: str
    mailbox: str
    name: str
    password: str
    street: str
    booking: str

    @property
    def email(self) -> str:
        return f"{self.mailbox}@example.org"

    @property
    def card_written(self) -> str:
        return " ".join(self.card[at : at + 4] for at in range(0, 16, 4))

    @property
    def ssn_written(self) -> str:
        return f"{self.ssn[:3]}-{self.ssn[3:5]}-{self.ssn[5:]}"

    @property
    def phone_written(self) -> str:
        return f"+1 {self.phone[:3]} {self.phone[3:6]} {self.phone[6:]}"

    @property
    def note(self) -> str:
        """All of it in one written text, as somebody types a note."""
        return (
            f"card {self.card_written}, SSN {self.ssn_written}, call back {self.phone_written} or"
            f" {self.email}. My name is {self.name.title()}. The password is {self.password}."
        )

    @property
    def fields(self) -> dict[str, Any]:
        """As fields of a CRM: the value alone, under a name that says what it is, or that does not."""
        return {
            "card": self.card,
            "ref_1": self.card_written,
            "ssn": self.ssn,
            "Tax id": self.ssn_written,
            "password": self.password,
            "contact": {"phone": self.phone_written, "email": self.email},
            "remarks": [self.note, f"paid with {self.card}"],
            self.email: True,
        }

    def script(self) -> list[dict[str, Any]]:
        """What is said in a call of 34 seconds, card first; the first eight seconds hold the card and the e-mail."""
        said = [
            (AGENT, "can i have the card number please"),
            (CUSTOMER, f"sure it is {spoken(self.card[:4])}"),
            (AGENT, "mm hmm"),
            (CUSTOMER, f"{spoken(self.card[4:10])}"),
            (CUSTOMER, f"um {spoken(self.card[10:])}"),
            (AGENT, f"so that is {spoken(self.card)}"),
            (CUSTOMER, f"my email is {self.mailbox} at example dot org"),
            (AGENT, "thank you and your social security number"),
            (CUSTOMER, f"it is {spoken(self.ssn)}"),
            (CUSTOMER, f"and you can call me at {spoken(self.phone)} after five"),
            (AGENT, "who am i speaking with please"),
            (CUSTOMER, f"my name is {self.name}"),
            (AGENT, "and where do you live"),
            (CUSTOMER, f"i live at four twenty {self.street} in denver colorado"),
            (AGENT, "what is the password on the account"),
            (CUSTOMER, f"my password is {self.password}"),
            (AGENT, "and the booking reference"),
            (CUSTOMER, f"my booking reference is {' '.join(self.booking)}"),
            (CUSTOMER, f"i want to cancel my service today because of card {self.card_written}"),
            (CUSTOMER, "i am calling because my internet does not work since monday"),
            (AGENT, f"i have ordered a new router for {self.name}"),
            (AGENT, f"we will send the router and write to {self.mailbox} at example dot org by friday"),
        ]
        lines, at = [], 200
        for channel, text in said:
            # Seven words a second: faster than people speak, so that the test need not last as long as they do.
            end = at + 140 * len(text.split())
            lines.append(line(channel, at, text, end_ms=end))
            at = end + 200
        return lines

    # --- What to look for -------------------------------------------------------------------------------

    def traces(self, text: str) -> Iterator[str]:
        """Every part of a secret that can be read in `text`, written, said, or said word by word in a list."""
        lower = text.lower()
        for word in self._words():
            if word in lower:
                yield word
        digits = _digits_of(lower)
        for part in self._digit_parts():
            if part in digits:
                yield part
        words = f" {_words_of(lower)} "
        for part in self._spoken_parts():
            if f" {part} " in words:
                yield part

    def _words(self) -> list[str]:
        return [
            *re.findall(r"[a-z]{4,}", self.mailbox),
            *self.name.split(),
            *self.password.split(),
            self.street.split()[0],
            self.booking,
            " ".join(self.booking[:4]),
        ]

    def _digit_parts(self) -> set[str]:
        return {
            whole[at : at + WRITTEN_PART]
            for whole in (self.card, self.ssn, self.phone)
            for at in range(len(whole) - WRITTEN_PART + 1)
        }

    def _spoken_parts(self) -> set[str]:
        return {
            spoken(whole[at : at + SPOKEN_PART])
            for whole in (self.card, self.ssn, self.phone)
            for at in range(len(whole) - SPOKEN_PART + 1)
        }


# What holds digits by nature and nobody's words: times, ids, sealed bytes, hashes.
_BY_NATURE = re.compile(
    r"\d{4}-\d\d-\d\d[t ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?"
    r"|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
    r"|(?=[0-9a-f]*[a-f])[0-9a-f]{24,}"
    r"|\b\d+\.\d{5,}\b"
    # Seconds, milliseconds and microseconds since 1970, also with a number behind them as in Redis' streams.
    r"|\b1[7-9]\d{8}(?:\d{3}){0,2}(?:-\d+)?\b"
)
_RUN = re.compile(r"\d(?:[ .\-/]?\d){5,}")


def _digits_of(text: str) -> str:
    """The digits of all runs of six or more in `text`, runs apart from each other."""
    return " ".join(re.sub(r"\D", "", run) for run in _RUN.findall(_BY_NATURE.sub(" | ", text)))


# Names of fields that stand between the words of a list.
_BETWEEN = re.compile(r"\b(?:text|word|start|end|ms|confidence|speaker)\b")


def _words_of(text: str) -> str:
    """Only the words of `text`, one space between them, so that a list of words reads like what was said."""
    words = re.sub(r"[^a-z]+", " ", text.replace("start_ms", " ").replace("end_ms", " "))
    return " ".join(_BETWEEN.sub(" ", words).split())


KEPT_FROM = Planted(
    card="4539148803436467",
    ssn="536228190",
    phone="4156293187",
    mailbox="brunhilde.okafor",
    name="thaddeus quillfeather",
    password="zebrafish",
    street="marmaduke lane",
    booking="qx7z4k",
)
FOUND_OUT = Planted(
    card="5425233430109903",
    ssn="457558462",
    phone="2125837946",
    mailbox="ignatius.vandermeer",
    name="clementine ashgrove",
    password="hippogriff",
    street="wisteria road",
    booking="tw9v3h",
)
