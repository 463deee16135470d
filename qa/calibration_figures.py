"""How far raters of calibrations agree with the reference: by criterion, by person, and from session to session.

Every figure says over how many pairs it is reckoned. Kappa is Cohen's, of the pairs (rater's answer, reference); alpha
is Krippendorff's, among all who rated, the automatic judge as one of them, and only where three or more did.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from engines.agreement import krippendorffs_alpha
from engines.agreement.measures import Level
from qa.agreement import Agreed, agreed
from qa.answers import NA
from qa.calibration_ratings import AUTOMATIC, Rated, Rater, Said
from qa.models import CalibrationSession

# With fewer there is no more to say than what two of them do.
RATERS_FOR_ALPHA = 3
# How a criterion's answers are measured: what may be counted, what has an order, and names.
LEVELS: dict[str, Level] = {"number": "interval", "scale": "ordinal"}

Pairs = list[tuple[Said, Said]]


@dataclass(frozen=True, slots=True)
class CriterionFigures:
    """A criterion over all sessions asked about. `raters`: how many different ones answered it.

    `people` and `automatic` are against the reference; `automatic` is none where the judge never answered it. `alpha`
    is none with fewer than three raters, and where it is not defined.
    """

    key: str
    section: str
    question: str
    people: Agreed
    automatic: Agreed | None
    alpha: float | None
    raters: int


@dataclass(frozen=True, slots=True)
class RaterFigures:
    """One rater against the reference, over all criteria together. `rater`: none is the automatic judge."""

    rater: Rater
    agreed: Agreed


@dataclass(frozen=True, slots=True)
class SessionFigures:
    """One point of the trend. `automatic`: none where the judge took no part."""

    session: CalibrationSession
    people: Agreed
    automatic: Agreed | None


def criteria_figures(rated: Sequence[Rated], *, bar: float) -> list[CriterionFigures]:
    """By criterion, as the newest of these sessions asks them. `bar`: the least kappa, 0-1."""
    people: defaultdict[str, Pairs] = defaultdict(list)
    automatic: defaultdict[str, Pairs] = defaultdict(list)
    units: defaultdict[str, list[list[Any]]] = defaultdict(list)
    raters: defaultdict[str, set[Rater]] = defaultdict(set)
    asked: dict[str, dict[str, Any]] = {}
    for one in rated:
        asked |= one.asked
        for place, said in one.given.items():
            key = place[1]
            raters[key] |= said.keys()
            units[key].append(_ratings(one.asked[key]["kind"], said))
        for (_call, key), rater, what, measure in one.compared():
            (automatic if rater is AUTOMATIC else people)[key].append((what, measure))
    return [
        CriterionFigures(
            key,
            spec["section"],
            spec["question"],
            agreed(people[key], bar),
            agreed(automatic[key], bar) if automatic[key] else None,
            _alpha(spec["kind"], units[key], raters[key]),
            len(raters[key]),
        )
        for key, spec in asked.items()
        if raters[key]
    ]


def _ratings(kind: str, said: dict[Rater, Said]) -> list[Any]:
    """What can be compared on the criterion's level: N/A is no number."""
    values = [value for value, _score in said.values()]
    return [float(value) for value in values if value != NA] if kind in LEVELS else list(values)


def _alpha(kind: str, units: list[list[Any]], raters: set[Rater]) -> float | None:
    if len(raters) < RATERS_FOR_ALPHA:
        return None
    return krippendorffs_alpha(units, LEVELS.get(kind, "nominal"))


def raters_figures(rated: Iterable[Rated], *, bar: float) -> list[RaterFigures]:
    """By rater, who is furthest from the reference first; the automatic judge is one of them."""
    pairs: defaultdict[Rater, Pairs] = defaultdict(list)
    for one in rated:
        for _place, rater, what, measure in one.compared():
            pairs[rater].append((what, measure))
    found = [RaterFigures(rater, agreed(own, bar)) for rater, own in pairs.items()]
    return sorted(found, key=lambda one: (one.agreed.percent or 0, str(one.rater or "")))


def trend(rated: Iterable[Rated], *, bar: float) -> list[SessionFigures]:
    """Session by session, in the order given, over all criteria together."""
    found = []
    for one in rated:
        people: Pairs = []
        automatic: Pairs = []
        for _place, rater, what, measure in one.compared():
            (automatic if rater is AUTOMATIC else people).append((what, measure))
        found.append(
            SessionFigures(one.session, agreed(people, bar), agreed(automatic, bar) if automatic else None)
        )
    return found
