"""Moments that stand for how things are, not for words: the customer's mood, and fields of the call.

They come about when it becomes so, and again only after it was not so in between. Of moods only the customer's is
known, from their words; what staff feel is never inferred, here or anywhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from engines.language import sentiment
from engines.rules.circumstances import field_holds, plain
from engines.rules.occurrences import Heard, MomentSpec
from engines.rules.spec import CHANNELS, FIELDS, LANGUAGE, METADATA, FieldIs, Value

MOODS = ("below", "above", "falling", "rising")
FIELD_TESTS = ("is", "is_not", "above", "below", "present")
MOST_TURNS = 20
# `sentiment.score` stays inside: what is asked beyond it is never, or always, so.
REACH = 0.9
MOST_VALUES = 100
# A word or two without any feeling ("yes", "nine four") says nothing of a mood.
_LEAST_WORDS = 3


def check_mood(spec: MomentSpec) -> list[str]:
    """Return what is wrong with a mood, in words for who wrote it."""
    if spec.speaker != "customer":
        return ["A sentiment moment is the customer's: what staff feel is never inferred. Choose customer."]
    if spec.mood not in MOODS:
        return ["Say whether the mood is below or above a level, or falling or rising."]
    wrong = []
    if not 1 <= spec.turns <= MOST_TURNS:
        wrong.append(f"The mood is taken over 1 to {MOST_TURNS} of the customer's utterances.")
    if spec.limit is None:
        return [*wrong, "Give the level, or by how much the mood changes."]
    if spec.mood in ("below", "above") and not -REACH < spec.limit < REACH:
        never = (spec.limit > 0) is (spec.mood == "above")
        wrong.append(
            f"A mood goes from -1 to 1 and hardly beyond {REACH:g}, so that this would "
            + ("never be so." if never else "always be so.")
        )
    elif spec.mood in ("falling", "rising") and not 0 < spec.limit < 2 * REACH:
        wrong.append(
            "By how much it changes is more than 0."
            if spec.limit <= 0
            else f"A mood changes by {2 * REACH:g} at most, so that this would never be so."
        )
    return wrong


def check_field(spec: MomentSpec) -> list[str]:
    """Return what is wrong with a test of a field, in words for who wrote it."""
    wrong = []
    if spec.field not in FIELDS and spec.field.removeprefix(METADATA) in (spec.field, ""):
        wrong.append(
            f"“{spec.field}” is no field of a call: choose {', '.join(FIELDS)} or metadata.NAME."
            if spec.field
            else f"Say which field of the call: {', '.join(FIELDS)} or metadata.NAME."
        )
    if spec.test not in FIELD_TESTS:
        wrong.append("Say what is asked of the field: is, is not, above, below or present.")
    elif spec.test in ("is", "is_not"):
        if not any(str(one).strip() for one in spec.values):
            wrong.append("Give at least one value: without any this could never be so.")
        elif len(spec.values) > MOST_VALUES:
            wrong.append(f"At most {MOST_VALUES} values.")
        elif spec.field == "channel" and (
            unknown := [one for one in spec.values if plain(one) not in CHANNELS]
        ):
            wrong.append(f"There is no channel “{unknown[0]}”: choose {' or '.join(CHANNELS)}.")
        elif spec.field == "channel" and {*map(plain, spec.values)} >= {*CHANNELS}:
            often = "always" if spec.test == "is" else "never"
            wrong.append(f"These are all channels, so that this would {often} be so: leave one out.")
        elif spec.field == "language" and (
            unknown := [one for one in spec.values if not LANGUAGE.fullmatch(plain(one).replace("_", "-"))]
        ):
            wrong.append(f"“{unknown[0]}” is no code of a language: write en, or en-GB.")
    elif spec.test == "present" and spec.field == "channel":
        wrong.append("Every call has a channel, so that this would always be so: choose is, and which.")
    elif spec.test in ("above", "below"):
        if spec.limit is None:
            wrong.append("Give the number that the field is compared with.")
        elif spec.field in ("queue", "channel", "language", "customer.segment"):
            wrong.append(
                f"“{spec.field}” is no number, so that this would never be so: choose is or present."
            )
    return wrong


def asked_of(spec: MomentSpec) -> FieldIs:
    """Return a field moment as the condition that it is."""
    if spec.test == "is":
        return FieldIs(spec.field, one_of=spec.values)
    if spec.test == "is_not":
        return FieldIs(spec.field, none_of=spec.values)
    if spec.test == "above":
        return FieldIs(spec.field, above=spec.limit)
    if spec.test == "below":
        return FieldIs(spec.field, below=spec.limit)
    return FieldIs(spec.field, present=True)


class Standing:
    """Which moods and fields are so in one call."""

    def __init__(self, specs: Sequence[MomentSpec]) -> None:
        self._moods = [spec for spec in specs if spec.kind == "sentiment"]
        self._fields = [(spec, asked_of(spec)) for spec in specs if spec.kind == "metadata"]
        self._longest = max((_needed(spec) for spec in self._moods), default=0)
        # Of the customer's last utterances that say something of a mood, in thousandths.
        self._felt: list[int] = []
        self._so: set[str] = set()

    def hear(self, heard: Heard) -> list[tuple[MomentSpec, float]]:
        """Return the moods that the customer's utterance brought about, each with its level or change."""
        if not self._moods or heard.speaker != "customer":
            return []
        score = sentiment.score(heard.text)
        if not score and len(heard.text.split()) < _LEAST_WORDS:
            return []
        self._felt = [*self._felt, round(score * 1000)][-self._longest :]
        return [
            (spec, value)
            for spec in self._moods
            if (value := self._value(spec)) is not None and self._turned(spec.key, _is_so(spec, value))
        ]

    def fields(self, fields: Mapping[str, Value | None]) -> list[MomentSpec]:
        """Return what has become so now that the call's fields are these."""
        return [
            spec
            for spec, asked in self._fields
            if self._turned(spec.key, field_holds(asked, fields.get(spec.field)))
        ]

    def _value(self, spec: MomentSpec) -> float | None:
        if len(self._felt) < _needed(spec):
            return None
        now = self._felt[-spec.turns :]
        level = sum(now) / len(now)
        if spec.mood in ("below", "above"):
            return level / 1000
        before = self._felt[-2 * spec.turns : -spec.turns]
        return (level - sum(before) / len(before)) / 1000

    def _turned(self, key: str, is_so: bool) -> bool:
        """Keep whether something is so, and say whether it has just become so."""
        if not is_so:
            self._so.discard(key)
            return False
        was_so = key in self._so
        self._so.add(key)
        return not was_so

    def state(self) -> dict[str, Any]:
        """Return what a successor needs, for JSON: numbers and keys, no words."""
        return {"felt": self._felt, "so": sorted(self._so)}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on where `state` was taken."""
        self._felt = list(state["felt"])
        known = {spec.key for spec in self._moods} | {spec.key for spec, _asked in self._fields}
        self._so = set(state["so"]) & known


def _needed(spec: MomentSpec) -> int:
    return spec.turns if spec.mood in ("below", "above") else 2 * spec.turns


def _is_so(spec: MomentSpec, value: float) -> bool:
    limit = float(spec.limit or 0)
    if spec.mood == "below":
        return value < limit
    if spec.mood == "above":
        return value > limit
    return value <= -limit if spec.mood == "falling" else value >= limit
