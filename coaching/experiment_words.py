"""What an experiment has come to, in plain sentences: the verdict, and what speaks against believing it."""

from __future__ import annotations

import math

from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from coaching.experiment_report import OutcomeFigures, Result, Side, Standing
from coaching.models import Experiment

Outcome = Experiment.Outcome
# From which share on it is said that an outcome is mostly not known.
MUCH_MISSING = 0.2


def number(name: str, value: float, like: float | None = None) -> str:
    """A size as people read it, without its unit. `like`: the figure it stands beside, whose places it takes."""
    if name == Outcome.HANDLE_TIME:
        return f"{value:.0f}" if abs(value if like is None else like) >= 9.5 else f"{value:.1f}"
    return f"{value:.2f}" if name == Outcome.CSAT else f"{value:.1f}"


def amount(name: str, value: float) -> str:
    """The same with its unit: "21 s", "0.30", "4.1"."""
    size = number(name, value)
    return _("%(n)s s") % {"n": size} if name == Outcome.HANDLE_TIME else size


def _effect(row: Experiment, one: OutcomeFigures) -> str:
    """The difference in a sentence, where one is known."""
    difference = one.difference
    if difference is None:
        return ""
    up = difference.value > 0
    near, far = sorted((abs(difference.low), abs(difference.high)))
    said = {
        "policy": row.policy.name,
        "value": amount(one.outcome, abs(difference.value)),
        "low": number(one.outcome, near, difference.value),
        "high": number(one.outcome, far, difference.value),
    }
    sentences = {
        Outcome.HANDLE_TIME: (
            _("“%(policy)s” lengthens a typical call by %(value)s (%(low)s to %(high)s)."),
            _("“%(policy)s” shortens a typical call by %(value)s (%(low)s to %(high)s)."),
        ),
        Outcome.CSAT: (
            _("“%(policy)s” raises satisfaction by %(value)s points (%(low)s to %(high)s)."),
            _("“%(policy)s” lowers satisfaction by %(value)s points (%(low)s to %(high)s)."),
        ),
        Outcome.DISPOSITION: (
            _("With “%(policy)s”, %(value)s more of 100 calls end as was chosen (%(low)s to %(high)s)."),
            _("With “%(policy)s”, %(value)s fewer of 100 calls end as was chosen (%(low)s to %(high)s)."),
        ),
        Outcome.CONVERSION: (
            _("With “%(policy)s”, %(value)s more of 100 calls convert (%(low)s to %(high)s)."),
            _("With “%(policy)s”, %(value)s fewer of 100 calls convert (%(low)s to %(high)s)."),
        ),
    }
    return sentences[Outcome(one.outcome)][0 if up else 1] % said


def verdict(row: Experiment, result: Result) -> tuple[str, str]:
    """The verdict, and whether to act on it; the second may be empty."""
    one = result.primary
    if result.standing == Standing.WAITING:
        if row.state == Experiment.State.DRAFT:
            return _("Not started yet."), ""
        return _("No call has begun since it was started."), ""
    if result.standing == Standing.BROKEN:
        return (
            _("No verdict: the two sides are not as they were drawn."),
            _("Find out why before anything here is believed."),
        )
    if result.standing == Standing.BETTER:
        return _effect(row, one), _("Sure enough to act on.")
    if result.standing == Standing.WORSE:
        return _effect(row, one), _("Sure enough to act on: it does harm.")
    if result.standing == Standing.SAME:
        return (
            _("“%(policy)s” makes no difference worth having.") % {"policy": row.policy.name},
            _("Sure enough to act on."),
        )
    return _not_yet(result, one)


def _not_yet(result: Result, one: OutcomeFigures) -> tuple[str, str]:
    few = result.standing == Standing.TOO_FEW
    act = _("Too few calls to say anything.") if few else ""
    if one.more_agents:
        more = ngettext(
            "Not known yet: it takes about %(n)d more agent, more calls of these alone will not do.",
            "Not known yet: it takes about %(n)d more agents, more calls of these alone will not do.",
            one.more_agents,
        )
        return more % {"n": one.more_agents}, _("Too few agents to say anything.") if few else act
    if one.more:
        words = ngettext(
            "Not known yet: about %(n)s more call.", "Not known yet: about %(n)s more calls.", one.more
        )
        return words % {"n": rounded(one.more)}, act
    if one.comparison is None:
        return _("Not known yet: it is the same in all calls so far."), act
    return _(
        "Not known yet: if there is an effect, it is likely smaller than what was said to be worth it."
    ), act


def rounded(number: int) -> str:
    """Two figures are all that such a forecast is worth."""
    step = 10 ** max(0, len(str(number)) - 2)
    return f"{math.ceil(number / step) * step:,}".replace(",", " ")


def warnings(row: Experiment, result: Result) -> list[str]:
    """What to know before the figures are believed, the worst first."""
    told = []
    if result.standing == Standing.BROKEN:
        units = result.agents if row.unit == Experiment.Unit.AGENT else result.drawn
        told.append(
            _(
                "%(held)d of %(all)d are without guidance, where %(share)d %% were drawn. Chance does that less than "
                "once in a thousand times: calls of one side are lost, or counted twice."
            )
            % {"held": units[Side.HELD], "all": sum(units.values()), "share": row.holdout_percent}
        )
    if result.standing == Standing.TOO_FEW:
        told.append(
            _(
                "The smallest sample is not reached: 50 calls on each side of which the outcome is known, and 8 agents."
            )
            if row.unit == Experiment.Unit.AGENT
            else _("The smallest sample is not reached: 50 calls on each side of which the outcome is known.")
        )
    for each in result.outcomes:
        if words := _missing(each):
            told.append(words)
    if len(result.revisions) > 1:
        numbers = ", ".join(str(number) for number in result.revisions)
        told.append(
            _("The policy changed on the way: revisions %(numbers)s are counted together.")
            % {"numbers": numbers}
        )
    if row.state == Experiment.State.RUNNING and row.policy.in_use_from is None:
        told.append(_("The policy is not in effect any more: nothing is added. Stop the experiment."))
    return told


def _missing(one: OutcomeFigures) -> str:
    """What is to be said of conversations of which the outcome is not known."""
    ended = {side: one.known[side] + one.missing[side] for side in one.known}
    if not all(ended.values()) or not (one.primary or any(one.known.values())):
        return ""
    said = {
        "outcome": capfirst(one.label),
        "shown": f"{100 * one.missing[Side.SHOWN] / ended[Side.SHOWN]:.0f}",
        "held": f"{100 * one.missing[Side.HELD] / ended[Side.HELD]:.0f}",
        "share": f"{100 * sum(one.missing.values()) / sum(ended.values()):.0f}",
    }
    if one.missing_differs:
        return (
            _(
                "%(outcome)s is not known of %(shown)s %% of the calls with guidance and of %(held)s %% of those "
                "without: what is known of one side may not be like the other."
            )
            % said
        )
    if sum(one.missing.values()) > MUCH_MISSING * sum(ended.values()):
        return _("%(outcome)s is not known of %(share)s %% of the calls that have ended.") % said
    return ""
