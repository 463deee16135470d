"""What answers are worth, which criteria apply, what the total is: all without a database."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError

from qa.answers import applying, cycle_of, score_of, total_of, value_checked
from qa.forms import OptionsField, answer_value
from tests.qa.made import PARTLY, criterion

SCALE = criterion(kind="scale", low=1, high=5)
CHOICE = criterion(kind="choice", options=PARTLY)
WAIT = criterion(kind="number", low=120, high=20)
TEXT = criterion(kind="text", weight=0)


@pytest.mark.parametrize(
    ("asked", "value", "score"),
    [
        (criterion(), "yes", 100),
        (criterion(), "no", 0),
        (criterion(), "na", None),
        (criterion(), "", None),
        (SCALE, "1", 0),
        (SCALE, "4", 75),
        (CHOICE, "partly", 50),
        # Less is better: what is worth nothing stands above what is worth everything.
        (WAIT, "20", 100),
        (WAIT, "70", 50),
        (WAIT, "5", 100),
        (WAIT, "500", 0),
        (criterion(kind="number"), "12", None),
        (TEXT, "well done", None),
    ],
)
def test_what_an_answer_is_worth(asked, value, score):
    assert score_of(asked, value) == score


@pytest.mark.parametrize(
    ("asked", "given", "kept"),
    [
        (criterion(), " yes ", "yes"),
        (SCALE, "5", "5"),
        (WAIT, "12,50", "12.5"),
        (TEXT, " Said so. ", "Said so."),
        (criterion(), "", ""),
    ],
)
def test_answers_are_kept_in_one_form(asked, given, kept):
    assert value_checked(asked, given) == kept


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        (criterion(), "maybe"),
        (SCALE, "6"),
        (CHOICE, "Partly!"),
        (WAIT, "a while"),
        (WAIT, "inf"),
        (WAIT, "nan"),
        (TEXT, "x" * 1001),
        (criterion(allow_na=False), "na"),
    ],
)
def test_answers_that_cannot_be_are_refused(asked, given):
    with pytest.raises(ValidationError):
        value_checked(asked, given)


def test_conditions_hold_along_their_chain():
    criteria = [
        criterion(key="threat"),
        criterion(key="offer", depends_on="threat", depends_values=["yes"]),
        criterion(key="kind", depends_on="offer", depends_values=["yes", "na"]),
        criterion(key="gone", depends_on="switched-off", depends_values=["yes"]),
    ]
    assert applying(criteria, {"threat": "yes", "offer": "yes"}) == {"threat", "offer", "kind"}
    assert applying(criteria, {"threat": "yes", "offer": "no"}) == {"threat", "offer"}
    # What was answered of a criterion that does not apply lets nothing apply.
    assert applying(criteria, {"threat": "no", "offer": "yes"}) == {"threat"}
    assert applying(criteria, {}) == {"threat"}


def test_rings_of_conditions_are_found():
    assert cycle_of({"a": None, "b": "a", "c": "b"}) == []
    assert set(cycle_of({"a": "c", "b": "a", "c": "b", "d": "a"})) == {"a", "b", "c"}
    assert cycle_of({"a": "a"}) == ["a"]
    assert cycle_of({"a": "elsewhere"}) == []


@pytest.mark.parametrize(
    ("answers", "total", "failed"),
    [
        ([], None, False),
        ([(criterion(), "na")], None, False),
        ([(criterion(weight=0), "no")], None, False),
        ([(criterion(), "yes"), (criterion(weight=20), "no")], Decimal("33.33"), False),
        ([(criterion(auto_fail=True), "na"), (criterion(), "yes")], Decimal(100), False),
        ([(criterion(), "yes"), (criterion(weight=0, auto_fail=True), "no")], Decimal(0), True),
        # Not answered yet counts as little as what does not apply.
        ([(criterion(), ""), (CHOICE, "partly")], Decimal(50), False),
        ([(criterion(kind="choice", options=PARTLY, auto_fail=True), "partly")], Decimal(50), False),
        ([(TEXT, "words"), (SCALE, "4"), (WAIT, "70")], Decimal("62.50"), False),
    ],
)
def test_totals(answers, total, failed):
    assert total_of(answers) == (total, failed)


def test_choices_are_written_one_a_line():
    field = OptionsField()
    written = "Fully, at once: 100\n\nOnly partly: 50\nNot at all: 0"
    options = field.to_python(written)
    assert [(one["value"], one["score"]) for one in options] == [
        ("fully-at-once", 100),
        ("only-partly", 50),
        ("not-at-all", 0),
    ]
    assert field.to_python(field.prepare_value(options)) == options
    for wrong in ("Fully", "Fully: much", ": 5", "Fully: 101"):
        with pytest.raises(ValidationError):
            field.to_python(wrong)
    # Conditions name them as people do.
    assert [answer_value(one) for one in ("Only partly", "Yes", "3", "-1")] == [
        "only-partly",
        "yes",
        "3",
        "-1",
    ]
