"""Figures of agreement against worked examples that were published."""

from __future__ import annotations

import pytest

from engines.agreement import cohens_kappa, krippendorffs_alpha, percent_agreement, points_off


def pairs_of(matrix):
    """Pairs of ratings from a table of how often one rater said the row while the other said the column."""
    return [
        (row, column)
        for row, counts in enumerate(matrix)
        for column, count in enumerate(counts)
        for _time in range(count)
    ]


def test_cohens_kappa_of_the_paper_of_1960():
    """Table 1: 200 cases in three categories, 70 % agreed, 41 % by chance."""
    pairs = pairs_of([[88, 14, 18], [10, 40, 10], [2, 6, 12]])
    assert percent_agreement(pairs) == 70
    assert cohens_kappa(pairs) == pytest.approx(0.492, abs=0.0005)


def test_cohens_kappa_of_fifty_proposals():
    """The example that textbooks use: 20 both yes, 15 both no, 5 and 10 apart."""
    assert cohens_kappa(pairs_of([[20, 5], [10, 15]])) == pytest.approx(0.4)


@pytest.mark.parametrize(
    ("pairs", "kappa"),
    [
        ([], None),
        # Who always says yes tells nothing apart, however often another says so, too.
        ([("yes", "yes")] * 9, None),
        ([("yes", "yes"), ("no", "no")], 1.0),
        ([("yes", "no"), ("no", "yes")], -1.0),
        ([("yes", "yes"), ("yes", "no")], 0.0),
    ],
)
def test_kappa_at_its_ends(pairs, kappa):
    assert cohens_kappa(pairs) == kappa


# Krippendorff (2011), section C: four observers, twelve units, some left out.
OBSERVERS = [
    "1 2 3 3 2 1 4 1 2 . . .",
    "1 2 3 3 2 2 4 1 2 5 . 3",
    ". 3 3 3 2 3 4 2 2 5 1 .",
    "1 2 3 3 2 4 4 1 2 5 1 .",
]
UNITS = [
    [int(one) for one in unit if one != "."] for unit in zip(*(row.split() for row in OBSERVERS), strict=True)
]


@pytest.mark.parametrize(("level", "alpha"), [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849)])
def test_krippendorffs_alpha_of_the_paper(level, alpha):
    assert krippendorffs_alpha(UNITS, level) == pytest.approx(alpha, abs=0.0006)


def test_krippendorffs_alpha_of_two_observers():
    """Section A of the same: ten units, two values."""
    meg, owen = "0100000010", "1110010000"
    assert krippendorffs_alpha(list(zip(meg, owen, strict=True))) == pytest.approx(0.095, abs=0.0005)


def test_alpha_where_there_is_nothing_to_compare():
    assert krippendorffs_alpha([]) is None
    assert krippendorffs_alpha([["yes"], ["no"]]) is None
    assert krippendorffs_alpha([["yes", "yes"], ["yes", "yes"]]) is None
    assert krippendorffs_alpha([["yes", "yes"], ["no", "no"]]) == 1


def test_points_off():
    assert points_off([]) is None
    assert points_off([(80.0, 90.0), (70.0, 50.0)]) == 15
