"""Whether one of two arms is better, by a comparison that may be looked at every day.

Whoever looks again and again at an interval made for one look finds a difference sooner or later, though there is none.
The intervals here hold at every look at once: the mixture sequential probability ratio test of Johari, Pekelis and
Walsh ("Always Valid Inference", 2015; KDD 2017), which is the asymptotic confidence sequence of Waudby-Smith, Arbour,
Sinha, Kennedy and Ramdas ("Time-uniform central limit theory and asymptotic confidence sequences", 2021, eq. 2.9)
written in the variance of the estimate instead of the number of observations: with a normal mixture of scale t over
the effect and V the variance of the estimate,

    half width = sqrt(V (V + t²) / t² · (log((V + t²) / V) - 2 log alpha))

so that it serves conversations one by one as well as agents of whom each has many. t is taken from the smallest effect
worth having and never from the data. Beside it stands the interval for one look: Newcombe's for shares (1998, method
10), Welch's for means, the linearised variance of a ratio where whole agents are in an arm (Cochran, 1977, ch. 6), as
one agent's conversations are not independent. With few agents tails are those of Student's t (Satterthwaite's degrees).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import NormalDist

ALPHA = 0.05
POWER = 0.8
# Fewer than this and the approximations behind every figure here are not worth showing.
LEAST_CONVERSATIONS = 50
LEAST_CLUSTERS = 8
LEAST_EVENTS = 5
# Arms whose sizes are less likely than this by the drawing were not drawn as they should have been.
MISMATCH = 0.001
# How near the drawing a wrong one is looked for: as far as the shares of so many conversations differ by chance. With
# 200 a share of 12 % for one of 10 is found after some 3,600 conversations, 15 % after 760.
NEAR = 200
_NORMAL = NormalDist()


class Kind(StrEnum):
    RATE = "rate"  # 0 or 1 of each conversation
    MEAN = "mean"


@dataclass(frozen=True, slots=True)
class Sums:
    """Of one conversation's worth of drawing (all conversations of an arm, or those of one agent): how many, and the
    sums of the outcome and of its square."""

    n: int
    total: float
    squares: float


@dataclass(frozen=True, slots=True)
class Arm:
    """One arm. `clustered`: each of `parts` is an agent, drawn whole; else there is one part, drawn one by one."""

    parts: tuple[Sums, ...]
    clustered: bool = False

    @property
    def n(self) -> int:
        return sum(part.n for part in self.parts)

    @property
    def clusters(self) -> int:
        return sum(part.n > 0 for part in self.parts)

    @property
    def total(self) -> float:
        return sum(part.total for part in self.parts)

    @property
    def mean(self) -> float:
        return self.total / self.n

    @property
    def spread(self) -> float:
        """The variance of one conversation."""
        squares = sum(part.squares for part in self.parts)
        return max(0.0, squares - self.n * self.mean**2) / max(self.n - 1, 1)


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value with its interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """The first arm less the second. `low`..`high` holds at every look, `once` for who looks only once.

    `more`: conversations of both arms still missing until an effect of the size asked for is found in four of five
    cases; None where more of the same agents' conversations would not do. `agents`: then, how many would.
    """

    difference: float
    low: float
    high: float
    once: tuple[float, float]
    error: float
    more: int | None
    agents: int | None = None

    @property
    def sure(self) -> bool:
        """Whether no difference at all is ruled out."""
        return self.low > 0 or self.high < 0


# --- What is too little ---------------------------------------------------------------------------------


def too_little(first: Arm, second: Arm, kind: Kind = Kind.MEAN) -> int:
    """How many more conversations are missing, at least, before anything may be said; 0: there are enough.

    Where agents are too few, or what is counted (or is not) is too rare, the number is what it takes at this rate.
    """
    missing = 0
    both = first.n + second.n
    for arm in (first, second):
        share = arm.n / both if both else 0.5
        wanted = LEAST_CONVERSATIONS
        if kind == Kind.RATE and arm.n >= LEAST_CONVERSATIONS:
            rare = min(arm.total, arm.n - arm.total)
            if rare < LEAST_EVENTS:
                wanted = math.ceil(arm.n * LEAST_EVENTS / max(rare, 1))
                wanted = max(wanted, arm.n + LEAST_CONVERSATIONS)
        if arm.n < wanted:
            missing = max(missing, math.ceil((wanted - arm.n) / max(share, 0.05)))
    return missing


def too_few_agents(first: Arm, second: Arm, share: float) -> int:
    """How many more agents of both arms are missing; 0 where conversations are drawn one by one.

    `share`: of agents that are drawn for the second arm, above 0 and below 1.
    """
    if not (first.clustered and second.clustered):
        return 0
    missing = (LEAST_CLUSTERS - first.clusters) / (1 - share), (LEAST_CLUSTERS - second.clusters) / share
    return max(0, math.ceil(max(missing)))


# --- Two arms -------------------------------------------------------------------------------------------


def compare(
    first: Arm, second: Arm, *, kind: Kind = Kind.MEAN, worth: float, alpha: float = ALPHA
) -> Comparison | None:
    """Compare two arms. `worth`: the smallest difference worth having, in the outcome's own unit, above 0.

    None where there is too little to have an error at all: an arm with fewer than two parts to differ.
    """
    if worth <= 0:
        raise ValueError("the smallest effect worth having must be above 0")
    if min(_parts(first), _parts(second)) < 2:
        return None
    v_first, v_second = _variance(first, kind), _variance(second, kind)
    variance = v_first + v_second
    if variance <= 0:
        return None
    difference = first.mean - second.mean
    degrees = variance**2 / sum(
        one**2 / max(_parts(arm) - 1, 1) for one, arm in ((v_first, first), (v_second, second)) if one
    )
    error = math.sqrt(variance)
    half = error * _like_t(always_valid(variance, mixture(worth, alpha), alpha) / error, degrees)
    more, agents = _missing(first, second, variance, kind, worth, alpha)
    return Comparison(
        difference=difference,
        low=difference - half,
        high=difference + half,
        once=_once(first, second, kind, difference, error, degrees, alpha),
        error=error,
        more=more,
        agents=agents,
    )


def always_valid(variance: float, scale: float, alpha: float = ALPHA) -> float:
    """Half the width of the interval that holds at every look. `scale`: of the mixture, see `mixture`."""
    ratio = (variance + scale**2) / scale**2
    return math.sqrt(variance * ratio * (math.log((variance + scale**2) / variance) - 2 * math.log(alpha)))


def mixture(worth: float, alpha: float = ALPHA) -> float:
    """The scale of the mixture with which the interval is narrowest when an effect of this size is being found."""
    return math.sqrt(_best(alpha)) * worth / _reach(alpha)


def _best(alpha: float) -> float:
    # t² / V at which the half width is least (Waudby-Smith et al., 2021, eq. B.2).
    twice = -2 * math.log(alpha)
    return twice + math.log(twice) + 1


def _reach(alpha: float) -> float:
    """How many standard errors an effect must be for the interval to leave 0 out in `POWER` of cases."""
    best = _best(alpha)
    half = math.sqrt((1 + 1 / best) * (math.log(1 + best) - 2 * math.log(alpha)))
    return half + _NORMAL.inv_cdf(POWER)


def _parts(arm: Arm) -> int:
    return arm.clusters if arm.clustered else arm.n


def _variance(arm: Arm, kind: Kind) -> float:
    """Of the arm's mean."""
    if arm.clustered:
        used = [part for part in arm.parts if part.n]
        mean, count = arm.mean, len(used)
        squares = sum((part.total - mean * part.n) ** 2 for part in used)
        return count / (count - 1) * squares / arm.n**2
    if kind == Kind.RATE:
        # Agresti and Caffo (2000): one success and one failure more in each arm keeps shares near 0 and 1 honest.
        share = (arm.total + 1) / (arm.n + 2)
        return share * (1 - share) / (arm.n + 2)
    return arm.spread / arm.n


def student(degrees: float, share: float) -> float:
    """The quantile of Student's t."""
    from scipy.special import stdtrit  # few processes ever need it, and all would load it

    return float(stdtrit(degrees, share))


def _like_t(errors: float, degrees: float) -> float:
    """So many standard errors of a normal distribution, as many of Student's t that are as rarely exceeded."""
    if degrees > 2_000:
        return errors
    rare = _NORMAL.cdf(-errors)
    # Beyond what can be told from 0, as far as can be.
    return -student(degrees, max(rare, 1e-15))


def _once(
    first: Arm, second: Arm, kind: Kind, difference: float, error: float, degrees: float, alpha: float
) -> tuple[float, float]:
    if kind == Kind.RATE and not first.clustered:
        return newcombe(first, second, alpha)
    half = student(degrees, 1 - alpha / 2) * error
    return difference - half, difference + half


def _missing(
    first: Arm, second: Arm, variance: float, kind: Kind, worth: float, alpha: float
) -> tuple[int | None, int | None]:
    """Conversations still missing, or agents where conversations of these would never do."""
    wanted = (worth / _reach(alpha)) ** 2
    if variance <= wanted:
        return 0, None
    n = first.n + second.n
    if not first.clustered:
        return math.ceil(n * (variance / wanted - 1)), None
    # What is left of the variance however many conversations each agent has: how agents differ from each other.
    within = min(variance, _within(first) + _within(second))
    between = variance - within
    if between < wanted:
        needed = n * within / (wanted - between)
        # Ten times what there is means months; agents are the sooner way.
        if needed <= 10 * n:
            return max(1, math.ceil(needed - n)), None
    agents = first.clusters + second.clusters
    return None, math.ceil(agents * (variance / wanted - 1))


def _within(arm: Arm) -> float:
    used = [part for part in arm.parts if part.n]
    squares = sum(max(0.0, part.squares - part.total**2 / part.n) for part in used)
    return squares / max(arm.n - len(used), 1) / arm.n


@dataclass(frozen=True, slots=True)
class Plan:
    """What an effect takes to be found in `POWER` of cases: `calls` of both arms; where no number of calls of as many
    agents as there are would do, None, and more than `agents` are needed."""

    calls: int | None
    agents: int | None = None


def plan(
    past: Arm, *, share: float, kind: Kind = Kind.MEAN, worth: float, alpha: float = ALPHA
) -> Plan | None:
    """What a trial would take, by how the outcome varied in the past. None where too little is known of that.

    `past`: conversations before the trial, clustered where agents shall be drawn; `share`: of the second arm.
    """
    if past.n < LEAST_CONVERSATIONS or (past.clustered and past.clusters < 2):
        return None
    wanted = (worth / _reach(alpha)) ** 2
    sides = 1 / share + 1 / (1 - share)
    within, between = _apart(past) if past.clustered else (past.spread, 0.0)
    left = wanted - between * sides / max(past.clusters, 1)
    if left <= 0:
        return Plan(None, math.ceil(between * sides / wanted))
    least = LEAST_CONVERSATIONS / min(share, 1 - share)
    if kind == Kind.RATE and (rare := min(past.mean, 1 - past.mean)) > 0:
        least = max(least, LEAST_EVENTS / rare / min(share, 1 - share))
    return Plan(math.ceil(max(least, within * sides / left)))


def _apart(arm: Arm) -> tuple[float, float]:
    """The variance of one agent's conversations, and that of the agents' own means (analysis of variance)."""
    used = [part for part in arm.parts if part.n]
    count, n = len(used), arm.n
    within = sum(max(0.0, part.squares - part.total**2 / part.n) for part in used) / max(n - count, 1)
    between = sum(part.n * (part.total / part.n - arm.mean) ** 2 for part in used) / (count - 1)
    size = (n - sum(part.n**2 for part in used) / n) / (count - 1)
    return within, max(0.0, (between - within) / size) if size else 0.0


# --- One arm, and whether both were drawn ---------------------------------------------------------------


def estimate(arm: Arm, kind: Kind = Kind.MEAN, alpha: float = ALPHA) -> Estimate | None:
    """One arm's mean or share with its interval for one look, to be drawn beside the other's."""
    if not arm.n or _parts(arm) < 2:
        return None
    if kind == Kind.RATE and not arm.clustered:
        return Estimate(arm.mean, *wilson(arm, alpha))
    half = student(_parts(arm) - 1, 1 - alpha / 2) * math.sqrt(_variance(arm, kind))
    return Estimate(arm.mean, arm.mean - half, arm.mean + half)


def wilson(arm: Arm, alpha: float = ALPHA) -> tuple[float, float]:
    """Wilson's interval (1927) of a share."""
    return score_interval(arm.mean, arm.n, _NORMAL.inv_cdf(1 - alpha / 2))


def score_interval(share: float, n: float, z: float) -> tuple[float, float]:
    """Wilson's interval of a share of `n`, so many standard errors wide; `n` may be what a sample is worth."""
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return max(0.0, middle - half), min(1.0, middle + half)


def newcombe(first: Arm, second: Arm, alpha: float = ALPHA) -> tuple[float, float]:
    """Newcombe's interval (1998, method 10) of the difference of two shares."""
    apart = difference(
        Estimate(first.mean, *wilson(first, alpha)), Estimate(second.mean, *wilson(second, alpha))
    )
    return apart.low, apart.high


def difference(first: Estimate, second: Estimate) -> Estimate:
    """The first less the second, of two that are independent, by the interval of each.

    MOVER (Zou and Donner, "Construction of confidence limits about effect measures", 2008), whatever the intervals
    are of; of shares with Wilson's it is Newcombe's method 10.
    """
    value = first.value - second.value
    return Estimate(
        value,
        value - math.hypot(first.value - first.low, second.high - second.value),
        value + math.hypot(first.high - first.value, second.value - second.low),
    )


def mismatch(first: int, second: int, share: float) -> float:
    """How likely sizes that look so little drawn as said are, at whatever look: a p value that holds at every one.

    `share`: of the second arm, above 0 and below 1. Below `MISMATCH` something other than chance chose the arms. It is
    one over the mixture likelihood ratio of a drawing with any share, near this one, to one with this share (Lindon and
    Malek, "Anytime-valid inference for multinomial count data", 2022, eq. 5), which is seldom large by chance however
    often one looks: more than 1/p at most in a share p of experiments (Ville's inequality).
    """
    n = first + second
    held, shown = NEAR * share, NEAR * (1 - share)
    ratio = _log_beta(held + second, shown + first) - _log_beta(held, shown)
    ratio -= second * math.log(share) + first * math.log(1 - share)
    return min(1.0, math.exp(-ratio)) if n else 1.0


def _log_beta(a: float, b: float) -> float:
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)


def arm_of(rows: Sequence[Sums], *, clustered: bool) -> Arm:
    """An arm of what the database has summed, one row an agent; agents without the outcome do not count."""
    return Arm(tuple(row for row in rows if row.n), clustered)
