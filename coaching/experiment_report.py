"""What an experiment has come to: both arms, outcome by outcome, and what that lets one say.

The database sums each outcome (`coaching.experiment_sums`), `engines.trials` compares, `coaching.experiment_words` says
it. The verdict rests on the primary outcome; the others' intervals are wide enough that of all of them together one
in twenty experiments has one that is wrong.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

from coaching.experiment_sums import outcome_values, sums_read
from coaching.models import Better, Experiment, ExperimentArm
from engines.trials import (
    ALPHA,
    MISMATCH,
    Arm,
    Comparison,
    Estimate,
    Kind,
    Sums,
    arm_of,
    compare,
    estimate,
    mismatch,
    too_few_agents,
    too_little,
)

Outcome, Side = Experiment.Outcome, ExperimentArm.Arm
# How far apart the arms may be in what is not known of them, before that is a matter of its own.
MISSING_APART = 0.03
# Scales of the mixture where nobody has said what is worth having: of 100 calls, percent, standard deviations.
USUAL_RATE, USUAL_TIME, USUAL_SPREAD = 5.0, 5.0, 0.1


class Standing(StrEnum):
    WAITING = "waiting"  # nothing was drawn yet
    TOO_FEW = "too_few"
    UNKNOWN = "unknown"
    BETTER = "better"
    WORSE = "worse"
    SAME = "same"  # no difference worth having
    BROKEN = "broken"  # the arms are not as they were drawn


@dataclass(slots=True)
class OutcomeFigures:
    """One outcome. Values in seconds, points, or conversations of a hundred; `difference`: with guidance less without.

    `missing`: ended conversations of which it is not known, by arm.
    """

    outcome: str
    label: str
    unit: str
    primary: bool
    fewer_is_better: bool
    shown: Estimate | None
    held: Estimate | None
    difference: Estimate | None
    known: dict[str, int]
    missing: dict[str, int]
    missing_differs: bool
    comparison: Comparison | None = None
    standing: Standing = Standing.UNKNOWN
    # Conversations of both arms, or agents, that are still missing; None: nothing can be said of it.
    more: int | None = None
    more_agents: int | None = None


@dataclass(slots=True)
class Result:
    """All of it. `drawn`: conversations by arm; `counted`: of these, those that are looked at; `open`: under way."""

    drawn: dict[str, int]
    counted: dict[str, int]
    open: dict[str, int]
    agents: dict[str, int]
    revisions: list[int]
    mismatch: float
    outcomes: list[OutcomeFigures]
    standing: Standing

    @property
    def primary(self) -> OutcomeFigures:
        return next(one for one in self.outcomes if one.primary)


def experiment_result(row: Experiment) -> Result:
    """The result so far. `row.policy` is read, too. One query beside."""
    found = sums_read(row)
    by_agent = row.unit == Experiment.Unit.AGENT

    def count(name: str, side: str) -> int:
        return sum(one[name] for one in found if one["arm"] == side)

    sides = tuple(Side.values)
    drawn, counted, done = (
        {side: count(name, side) for side in sides} for name in ("drawn", "counted", "done")
    )
    agents = {
        side: len({one["unit"] for one in found if one["arm"] == side}) if by_agent else 0 for side in sides
    }
    likely = _as_drawn(row, drawn, counted, agents)
    names = list(outcome_values(row))
    outcomes = [_figures(row, name, found, len(names) - 1) for name in names]
    # What decides comes first.
    outcomes.sort(key=lambda one: not one.primary)
    result = Result(
        drawn=drawn,
        counted=counted,
        open={side: counted[side] - done[side] for side in sides},
        agents=agents,
        revisions=sorted({one["revision"] for one in found}),
        mismatch=likely,
        outcomes=outcomes,
        standing=outcomes[0].standing,
    )
    if not sum(drawn.values()):
        result.standing = Standing.WAITING
    elif likely < MISMATCH:
        result.standing = Standing.BROKEN
    return result


def _as_drawn(
    row: Experiment, drawn: dict[str, int], counted: dict[str, int], agents: dict[str, int]
) -> float:
    share = row.holdout_percent / 100
    if row.unit == Experiment.Unit.AGENT:
        return mismatch(agents[Side.SHOWN], agents[Side.HELD], share)
    # Two looks, each of which may err.
    return min(1.0, 2 * min(mismatch(one[Side.SHOWN], one[Side.HELD], share) for one in (drawn, counted)))


def _arm(found: list[dict[str, Any]], side: str, by_agent: bool, sums_of: Any) -> Arm:
    """One arm, its revisions together."""
    units: dict[UUID | None, list[Sums]] = defaultdict(list)
    for one in found:
        if one["arm"] == side:
            units[one["unit"]].append(sums_of(one))
    return arm_of(
        [
            Sums(sum(s.n for s in parts), sum(s.total for s in parts), sum(s.squares for s in parts))
            for parts in units.values()
        ],
        clustered=by_agent,
    )


def _figures(row: Experiment, name: str, found: list[dict[str, Any]], others: int) -> OutcomeFigures:
    by_agent = row.unit == Experiment.Unit.AGENT
    primary = name == row.primary
    arms = {side: _arm(found, side, by_agent, lambda one: one["sums"][name]) for side in Side.values}
    shown, held = arms[Side.SHOWN], arms[Side.HELD]
    kind = Kind.MEAN if name in {Outcome.HANDLE_TIME, Outcome.CSAT} else Kind.RATE
    # The others share what may go wrong among them, so that many of them do not find something by themselves.
    alpha = ALPHA if primary else ALPHA / max(others, 1)
    told = compare(shown, held, kind=kind, worth=worth_of(row, name, primary, (shown, held)), alpha=alpha)
    figures = OutcomeFigures(
        outcome=name,
        label=str(Outcome(name).label),
        unit={Outcome.HANDLE_TIME: "s", Outcome.CSAT: "points"}.get(Outcome(name), "of 100"),
        primary=primary,
        fewer_is_better=name == Outcome.HANDLE_TIME
        or (name == Outcome.DISPOSITION and row.dispositions_better == Better.FEWER),
        shown=_told(name, estimate(shown, kind)),
        held=_told(name, estimate(held, kind)),
        difference=_difference(name, told, held),
        known={side: arm.n for side, arm in arms.items()},
        missing={
            side: sum(one["done"] - one["sums"][name].n for one in found if one["arm"] == side)
            for side in Side.values
        },
        missing_differs=_missing_differs(found, name, by_agent),
        comparison=told,
    )
    figures.more_agents = too_few_agents(shown, held, row.holdout_percent / 100) or None
    figures.more = too_little(shown, held, kind)
    if told is None or figures.more or figures.more_agents:
        figures.standing = Standing.TOO_FEW
        if told is not None and told.more is not None:
            figures.more = max(figures.more, told.more)
        return figures
    figures.more, figures.more_agents = told.more, told.agents
    if told.sure:
        up = told.low > 0
        figures.standing = Standing.WORSE if up == figures.fewer_is_better else Standing.BETTER
    elif _is_small(figures.difference, held, row, name):
        figures.standing = Standing.SAME
    return figures


def _missing_differs(found: list[dict[str, Any]], name: str, by_agent: bool) -> bool:
    """Whether the outcome is missing more often on one side: then guidance has to do with what is known."""

    def unknown(part: dict[str, Any]) -> Sums:
        missing = part["done"] - part["sums"][name].n
        return Sums(part["done"], missing, missing)

    shown, held = (_arm(found, side, by_agent, unknown) for side in (Side.SHOWN, Side.HELD))
    if not (shown.n and held.n and shown.total + held.total):
        return False
    apart = compare(shown, held, kind=Kind.RATE, worth=MISSING_APART)
    return apart is not None and apart.sure


def worth_of(row: Experiment, name: str, primary: bool, arms: Sequence[Arm] = ()) -> float:
    """The smallest difference worth having, as the outcome is compared: in logarithms, shares, or points."""
    if name == Outcome.HANDLE_TIME:
        return -math.log1p(-min(row.worth if primary else USUAL_TIME, 90) / 100)
    if name != Outcome.CSAT:
        return (row.worth if primary else USUAL_RATE) / 100
    if primary:
        return row.worth
    return USUAL_SPREAD * math.sqrt(max((arm.spread for arm in arms if arm.n > 1), default=0.0)) or 1.0


def _is_small(difference: Estimate | None, held: Arm, row: Experiment, name: str) -> bool:
    """Whether what is worth having is ruled out either way; asked of what decides only."""
    if difference is None or name != row.primary:
        return False
    worth = row.worth * (math.exp(held.mean) / 100 if name == Outcome.HANDLE_TIME else 1)
    return difference.low > -worth and difference.high < worth


def _told(name: str, one: Estimate | None) -> Estimate | None:
    """As it is shown: seconds of a typical call (the geometric mean), points, of 100."""
    if one is None or name == Outcome.CSAT:
        return one
    if name == Outcome.HANDLE_TIME:
        return Estimate(math.exp(one.value), math.exp(one.low), math.exp(one.high))
    return Estimate(100 * one.value, 100 * max(0.0, one.low), 100 * min(1.0, one.high))


def _difference(name: str, told: Comparison | None, held: Arm) -> Estimate | None:
    if told is None:
        return None
    values = (told.difference, told.low, told.high)
    if name == Outcome.HANDLE_TIME:
        # What the ratio is to a typical call of those without.
        typical = math.exp(held.mean)
        return Estimate(*(typical * math.expm1(min(one, 10.0)) for one in values))
    return Estimate(*(one * (1 if name == Outcome.CSAT else 100) for one in values))
