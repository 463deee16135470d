"""What answers to a criterion mean: which there can be, what each is worth, which criteria apply, and the total.

No database: criteria are those of a revision's spec. An answer is text: "yes", a choice's value, a number as it is
written, free words; "na" where the criterion does not apply, "" where it is not answered yet.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.text import slugify
from django.utils.translation import gettext as _

YES, NO, NA, OPEN = "yes", "no", "na", ""
WORTH = {YES: 100.0, NO: 0.0}
CENT = Decimal("0.01")
TEXT_MAX = 1000
STEPS_MAX = 11

Spec = Mapping[str, Any]


def choices_of(criterion: Spec) -> list[dict[str, Any]]:
    """The answers to choose from, as they are asked: `[{"value", "label", "score"}]`, N/A not among them.

    Empty for numbers and text.
    """
    kind = criterion["kind"]
    if kind == "yes_no":
        return [
            {"value": YES, "label": _("Yes"), "score": WORTH[YES]},
            {"value": NO, "label": _("No"), "score": WORTH[NO]},
        ]
    if kind == "choice":
        return list(criterion["options"])
    if kind == "scale":
        low, high = int(criterion["low"]), int(criterion["high"])
        return [
            {"value": str(step), "label": str(step), "score": 100.0 * (step - low) / (high - low)}
            for step in range(low, high + 1)
        ]
    return []


def choices_shown(criterion: Spec) -> list[dict[str, str]]:
    """What can be chosen, N/A last where it is allowed: `[{"value", "label"}]`; empty for numbers and text."""
    found = [{"value": one["value"], "label": str(one["label"])} for one in choices_of(criterion)]
    return (
        [*found, {"value": NA, "label": label_of(criterion, NA)}]
        if found and criterion["allow_na"]
        else found
    )


def choice_value(label: str) -> str:
    """The value that stands for a choice's words; the same words, the same value."""
    return slugify(label)[:40]


def label_of(criterion: Spec, value: str) -> str:
    """An answer in words."""
    if value == NA:
        return _("N/A")
    found = (one["label"] for one in choices_of(criterion) if one["value"] == value)
    return str(next(found, value))


def value_checked(criterion: Spec, value: str) -> str:
    """The answer as it is stored. Raises `ValidationError` in plain words for one that there cannot be."""
    value = value.strip()
    if value == OPEN:
        return OPEN
    if value == NA:
        if not criterion["allow_na"]:
            raise ValidationError({"value": _("This criterion always applies.")})
        return NA
    if choices := [one["value"] for one in choices_of(criterion)]:
        if value not in choices:
            raise ValidationError({"value": _("Answer one of: %(all)s.") % {"all": ", ".join(choices)}})
        return value
    if criterion["kind"] == "number":
        number = number_of(value)
        if number is None:
            raise ValidationError({"value": _("Answer with a number.")})
        return f"{number:g}"
    if len(value) > TEXT_MAX:
        raise ValidationError(
            {"value": _("An answer has at most %(count)d characters.") % {"count": TEXT_MAX}}
        )
    return value


def number_of(value: str) -> float | None:
    """The number that was written; None where it is none, or none that can be counted with."""
    try:
        number = float(value.replace(",", "."))
    except ValueError:
        return None
    return number if abs(number) < 1e9 else None


def score_of(criterion: Spec, value: str) -> float | None:
    """What an answer is worth, 0-100; None for N/A, no answer, and what is asked without being worth anything."""
    if value in (NA, OPEN):
        return None
    if criterion["kind"] == "yes_no":
        # Without the words that `choices_of` has: scoring asks this most of all.
        return WORTH.get(value)
    if choices := choices_of(criterion):
        return next((float(one["score"]) for one in choices if one["value"] == value), None)
    low, high = criterion["low"], criterion["high"]
    number = number_of(value) if criterion["kind"] == "number" else None
    if number is None or low is None or high is None or low == high:
        return None
    return max(0.0, min(100.0, 100.0 * (number - low) / (high - low)))


def counts(criterion: Spec) -> bool:
    """Whether its answers can be worth anything."""
    if criterion["kind"] == "number":
        return criterion["low"] is not None and criterion["high"] is not None
    return bool(criterion["kind"] != "text")


def applying(criteria: Sequence[Spec], values: Mapping[str, str]) -> set[str]:
    """Keys of the criteria that apply, given what others were answered; a chain of conditions holds all along.

    A criterion whose condition is not answered yet does not apply yet. `criteria` have no cycle (`cycle_of`).
    """
    by_key = {one["key"]: one for one in criteria}

    def applies(one: Spec) -> bool:
        other = by_key.get(one["depends_on"] or "")
        if one["depends_on"] is None:
            return True
        return (
            other is not None and applies(other) and values.get(other["key"], OPEN) in one["depends_values"]
        )

    return {one["key"] for one in criteria if applies(one)}


def cycle_of(depends: Mapping[str, str | None]) -> list[str]:
    """The keys of a ring of conditions, each on the next; empty where there is none."""
    for begin in depends:
        path: list[str] = []
        key: str | None = begin
        while key is not None and key in depends and key not in path:
            path.append(key)
            key = depends[key]
        if key is not None and key in path:
            return path[path.index(key) :]
    return []


def total_of(answers: Iterable[tuple[Spec, str]]) -> tuple[Decimal | None, bool]:
    """Return the total, 0-100 over the weights of what applies and is answered, and whether it failed outright.

    None where nothing that has a weight applies. An answer worth 0 to an auto-fail criterion makes the total 0.
    """
    gained, possible, failed = Decimal(0), 0, False
    for criterion, value in answers:
        score = score_of(criterion, value)
        if score is None:
            continue
        possible += criterion["weight"]
        gained += criterion["weight"] * Decimal(str(score))
        failed = failed or (score == 0 and criterion["auto_fail"])
    if failed:
        return Decimal(0), True
    if not possible:
        return None, False
    return (gained / possible).quantize(CENT, ROUND_HALF_UP), False
