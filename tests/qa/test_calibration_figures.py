"""Figures of calibrations against numbers worked out by hand."""

from __future__ import annotations

from uuid import UUID

import pytest

from accounts.ids import new_id
from qa.calibration_figures import criteria_figures, raters_figures, trend
from qa.calibration_ratings import AUTOMATIC, Rated, Reference
from qa.models import CalibrationSession

ANN, BEN, CEM = (UUID(int=n) for n in (1, 2, 3))
SPEC = {"section": "", "allow_na": True, "options": [], "low": None, "high": None}
YES_NO = {**SPEC, "key": "offer", "question": "Offer?", "kind": "yes_no"}
SCALE = {**SPEC, "key": "tone", "question": "Tone?", "kind": "scale", "low": 1, "high": 5}
WORTH = {"yes": 100.0, "no": 0.0, "na": None}


def rated(spec, reference, **given):
    """`reference` and each rater's answers, one a call: rated(YES_NO, "yny", ann="yyn"). `.`: not given."""
    people = {"ann": ANN, "ben": BEN, "cem": CEM, "judge": AUTOMATIC}
    letters = {"y": "yes", "n": "no", "-": "na"}
    calls = [new_id() for _letter in reference]
    row = Rated(CalibrationSession(pk=new_id(), name="Weekly"), {spec["key"]: spec}, [])

    def said(letter):
        value = letters.get(letter, letter)
        if spec["kind"] == "yes_no":
            return value, WORTH[value]
        return value, None if value == "na" else 100.0 * (int(value) - 1) / 4

    for number, call in enumerate(calls):
        for name, answers in given.items():
            if answers[number] != ".":
                row.given[call, spec["key"]][people[name]] = said(answers[number])
        if reference[number] != ".":
            row.reference[call, spec["key"]] = Reference(said(reference[number])[0], "agreed")
    return row


def test_a_rater_and_the_judge_against_the_reference():
    # Ann: 8 of 10 the same. Reference: 6 yes, 4 no; Ann: 6 yes, 4 no. By chance .6*.6 + .4*.4 = .52.
    # Kappa = (.8 - .52) / (1 - .52) = .58333. Two answers are 100 points off each: 20 on average.
    one = rated(YES_NO, "yyyyyynnnn", ann="yyyyynynnn", judge="yyyyyyyyyy")
    (row,) = criteria_figures([one], bar=0.6)
    assert (row.people.n, row.people.percent, row.people.points) == (10, 80, 20)
    assert row.people.kappa == pytest.approx(0.28 / 0.48)
    # Too few to warn: under the bar, and said to be few.
    assert (row.people.low, row.people.few) == (False, True)
    # The judge always says yes: no better than chance. 6 of 10, by chance .6: kappa 0.
    assert (row.automatic.percent, row.automatic.kappa, row.automatic.points) == (60, 0, 40)
    # Two raters are no more than a pair.
    assert (row.raters, row.alpha) == (2, None)


def test_kappa_under_the_bar_is_low_once_there_are_twenty_pairs():
    one = rated(YES_NO, "yyyyyynnnn" * 2, ann="yyyyynynnn" * 2)
    (row,) = criteria_figures([one], bar=0.6)
    assert (row.people.n, row.people.low, row.people.few) == (20, True, False)
    (row,) = criteria_figures([one], bar=0.5)
    assert not row.people.low


def test_alpha_is_among_all_raters_with_what_was_left_out():
    # Nominal, three raters: units yyy, nnn, yny, nn. (the last by two). Values: 5 y, 6 n, 11 pairable.
    # Disagreeing: yny has 4 of 6 ordered pairs, each weighing 1/2: 2. By chance 5*6*2/(11-1) = 6.
    # Alpha = 1 - 2/6 = .66667.
    one = rated(YES_NO, "yny.", ann="ynyn", ben="ynnn", judge="yny.")
    (row,) = criteria_figures([one], bar=0.6)
    assert row.raters == 3
    assert row.alpha == pytest.approx(2 / 3)
    # What nothing is agreed about counts among raters, not against a reference.
    assert (row.people.n, row.automatic.n) == (6, 3)


def test_a_scale_is_compared_by_its_order_and_na_is_no_number():
    one = rated(SCALE, "125", ann="12-", ben="125", cem="125")
    (row,) = criteria_figures([one], bar=0.6)
    # All the same wherever a number was given: nothing disagrees.
    assert row.alpha == 1
    assert (row.people.n, round(row.people.percent, 1), row.people.points) == (9, 88.9, 0)
    near, far = (
        rated(SCALE, "15", ann="15", ben="15", cem="25"),
        rated(SCALE, "15", ann="15", ben="15", cem="55"),
    )
    assert criteria_figures([near], bar=0)[0].alpha > criteria_figures([far], bar=0)[0].alpha


def test_raters_over_all_criteria_and_nobody_against_themselves():
    one = rated(YES_NO, "yyn", ann="yyn", ben="yny", judge="yyy")
    two = rated(SCALE, "34", ann="33", ben="34")
    # Ben's answers are the measure of the second: only Ann is compared there.
    two.reference = {place: Reference(a.value, "rater", by=BEN) for place, a in two.reference.items()}
    rows = {row.rater: row.agreed for row in raters_figures([one, two], bar=0.6)}
    assert (rows[ANN].n, rows[ANN].percent, rows[ANN].points) == (5, 80, 5)
    assert (rows[BEN].n, round(rows[BEN].percent)) == (3, 33)
    assert (rows[AUTOMATIC].n, round(rows[AUTOMATIC].percent)) == (3, 67)
    # Furthest from the reference first.
    assert next(iter(rows)) == BEN


def test_the_trend_has_a_point_for_each_session():
    points = trend([rated(YES_NO, "yy", ann="yn"), rated(YES_NO, "yn", ann="yn", judge="nn")], bar=0.6)
    assert [(one.people.n, one.people.percent) for one in points] == [(2, 50), (2, 100)]
    assert points[0].automatic is None and points[1].automatic.percent == 50
