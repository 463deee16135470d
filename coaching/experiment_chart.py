"""What the result page draws: both sides of each outcome on one scale, and the difference beside it."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext as _

from coaching.experiment_report import OutcomeFigures, Result, Standing
from coaching.experiment_words import amount, number
from coaching.models import Experiment, ExperimentArm
from engines.trials import Estimate

# Room at either end of a scale, in percent of the drawing's width.
_MARGIN = 6.0


@dataclass(frozen=True, slots=True)
class Bar:
    """An interval: places in percent of the width, and what it says in words."""

    label: str
    key: str
    value: str
    range: str
    low: float
    at: float
    high: float
    calls: int = 0

    @property
    def width(self) -> float:
        return self.high - self.low


@dataclass(frozen=True, slots=True)
class Chart:
    """One outcome. `zero`, `band`: where no difference is, and what is not worth having around it."""

    title: str
    unit: str
    primary: bool
    tone: str
    said: str
    arms: list[Bar]
    difference: Bar | None
    zero: float
    band: tuple[float, float] | None
    known: int
    missing: int


def charts(row: Experiment, result: Result) -> list[Chart]:
    """One chart an outcome, the one that decides first."""
    return [_chart(row, one) for one in result.outcomes]


def _chart(row: Experiment, one: OutcomeFigures) -> Chart:
    units = {"s": _("seconds of a typical call"), "points": _("points"), "of 100": _("of 100 calls")}
    sides = [(side, value) for side in ExperimentArm.Arm if (value := getattr(one, side)) is not None]
    ends = [end for _side, value in sides for end in (value.low, value.high)]
    arms = [
        _bar(one, str(side.label), str(side), value, min(ends), max(ends), one.known[side])
        for side, value in sides
    ]
    worth = _worth(row, one)
    difference, zero, band = None, 50.0, None
    if one.difference is not None:
        # Nothing is in the middle of the drawing, so that one sees on which side the interval lies.
        most = max(abs(one.difference.low), abs(one.difference.high), 1.5 * (worth or 0)) or 1.0
        difference = _bar(one, _("Difference"), "difference", one.difference, -most, most, 0, signed=True)
        if worth:
            band = (_place(-worth, -most, most), _place(worth, -most, most) - _place(-worth, -most, most))
    return Chart(
        title=one.label,
        unit=units[one.unit],
        primary=one.primary,
        tone={Standing.BETTER: "good", Standing.WORSE: "bad"}.get(one.standing, "open"),
        said=_said(one),
        arms=arms,
        difference=difference,
        zero=zero,
        band=band,
        known=sum(one.known.values()),
        missing=sum(one.missing.values()),
    )


def _worth(row: Experiment, one: OutcomeFigures) -> float | None:
    """What is worth having, as the difference is shown; of what decides only."""
    if not one.primary or one.held is None:
        return None
    return row.worth / 100 * one.held.value if one.unit == "s" else row.worth


def _said(one: OutcomeFigures) -> str:
    words = {
        Standing.BETTER: _("better with guidance"),
        Standing.WORSE: _("worse with guidance"),
        Standing.SAME: _("no difference worth having"),
        Standing.TOO_FEW: _("too little to say"),
    }
    return words.get(one.standing, _("not known yet"))


def _bar(
    one: OutcomeFigures,
    label: str,
    key: str,
    value: Estimate,
    low: float,
    high: float,
    calls: int,
    *,
    signed: bool = False,
) -> Bar:
    def with_sign(size: float, words: str) -> str:
        return ("+" if size > 0 else "−" if size < 0 else "") + words if signed else words

    def end(size: float) -> str:
        return with_sign(size, number(one.outcome, abs(size) if signed else size, value.value))

    return Bar(
        label=label,
        key=key,
        value=with_sign(value.value, amount(one.outcome, abs(value.value) if signed else value.value)),
        range=_("%(low)s to %(high)s") % {"low": end(value.low), "high": end(value.high)},
        low=_place(value.low, low, high),
        at=_place(value.value, low, high),
        high=_place(value.high, low, high),
        calls=calls,
    )


def _place(value: float, low: float, high: float) -> float:
    if high <= low:
        return 50.0
    return round(_MARGIN + (100 - 2 * _MARGIN) * (value - low) / (high - low), 2)
