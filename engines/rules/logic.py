"""What conditions mean, taken apart: can one ever be true, is it always, does it follow from another.

A condition is written as alternatives, each a set of leaves that must be so or not be so. Beyond `MOST` alternatives
nothing is claimed about it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from engines.rules import spec
from engines.rules.circumstances import listed, plain, time_holds
from engines.rules.spec import Condition, Leaf

MOST = 64

# A leaf, and whether it is negated.
Term = tuple[Leaf, bool]
Alternative = frozenset[Term]

# The values that a measure can take at all.
_RANGES: dict[str, tuple[float, float]] = {
    "talk_share": (0, 1),
    # `engines.language.sentiment` stays inside.
    "sentiment": (-0.9, 0.9),
    "sentiment_change": (-1.8, 1.8),
}
_DAY_MS = 86_400_000.0
# Beyond any call: what is said in a minute, a day of it, more turns than a chat may have messages.
_MOST: dict[str, float] = {
    "words_per_minute": 1_000,
    "turns": 5_000,
    **dict.fromkeys(("silence_ms", "overtalk_ms", "hold_ms", "duration_ms"), _DAY_MS),
}
# Above nothing as soon as a call goes on; of a hold or of people who speak at once that says something.
_SOON = frozenset({"duration_ms", "silence_ms", "words_per_minute"})
_MONDAY = datetime(2024, 1, 1)


def alternatives(condition: Condition, negated: bool = False) -> list[Alternative] | None:
    """Return the alternatives of a condition, or None where there are too many."""
    if isinstance(condition, spec.Not):
        return alternatives(condition.part, not negated)
    if not isinstance(condition, spec.AllOf | spec.AnyOf):
        return [frozenset({_term(condition, negated)})]
    found: list[Alternative] = []
    every = isinstance(condition, spec.AllOf) is not negated
    if every:
        found = [frozenset()]
    for part in condition.parts:
        inner = alternatives(part, negated)
        if inner is None:
            return None
        found = [one | other for one in found for other in inner] if every else found + inner
        if len(found) > MOST:
            return None
    return list(dict.fromkeys(found))


def _term(leaf: Leaf, negated: bool) -> Term:
    """A leaf as a term; what only says the opposite of another is that one, negated."""
    if isinstance(leaf, spec.FieldIs):
        if leaf.none_of is not None:
            return replace(leaf, one_of=leaf.none_of, none_of=None), not negated
        if leaf.present is False:
            return replace(leaf, present=True), not negated
    return leaf, negated


def impossible(alternative: Alternative) -> str | None:
    """Return why an alternative can never be true, or None."""
    for leaf, negated in alternative:
        if (leaf, not negated) in alternative:
            return "it asks for something and for its opposite"
        if not negated and _undone(leaf, alternative):
            return "it asks for words and for the same words never having been said"
        if not negated and isinstance(leaf, spec.Missing) and _missed_and_said(leaf, alternative):
            return "it asks for words and for their being missing"
        if _every_call(leaf) and negated:
            return "every call has a channel"
        if isinstance(leaf, spec.Measured) and not negated and never_measured(leaf):
            return f"{leaf.measure} cannot be {_limit(leaf)}"
    return _measures_clash(alternative) or _fields_clash(alternative) or _times_clash(alternative)


def _undone(leaf: Leaf, alternative: Alternative) -> bool:
    for other, negated in alternative:
        if not negated:
            continue
        if isinstance(leaf, spec.MomentHeard) and isinstance(other, spec.MomentHeard):
            if (other.key, other.nth, other.for_ms) == (leaf.key, None, None) and other.speaker in {
                "any",
                leaf.speaker,
            }:
                return True
        elif isinstance(leaf, spec.WordsSaid) and isinstance(other, spec.WordsSaid):
            same = (other.phrases, other.pattern) == (leaf.phrases, leaf.pattern)
            lasting = other.nth is None and other.for_ms is None
            if same and lasting and other.speaker in {"any", leaf.speaker}:
                return True
    return False


def _missed_and_said(missing: spec.Missing, alternative: Alternative) -> bool:
    """Whether what is missing since the call began must have been said, too."""
    if missing.after is not None:
        return False
    expected = spec.parts_of(missing.expected) or (missing.expected,)
    return any(
        isinstance(leaf, spec.MomentHeard | spec.WordsSaid)
        and not negated
        and replace(leaf, nth=None, for_ms=None) in expected
        for leaf, negated in alternative
    )


def _every_call(leaf: Leaf) -> bool:
    """Whether it is so of each call: that it comes by some channel."""
    if not isinstance(leaf, spec.FieldIs) or leaf.field != "channel":
        return False
    return bool(leaf.present) or set(map(plain, leaf.one_of or ())).issuperset(spec.CHANNELS)


def _limit(leaf: spec.Measured) -> str:
    return f"above {leaf.above:.9g}" if leaf.above is not None else f"below {float(leaf.below or 0):.9g}"


def _range(measure: str) -> tuple[float, float]:
    return _RANGES[measure] if measure in _RANGES else (0, _MOST[measure])


def never_measured(leaf: spec.Measured) -> bool:
    """Say whether a measure can never be beyond its limit."""
    least, most = _range(leaf.measure)
    if leaf.above is not None:
        return leaf.above >= most
    # There is one turn as soon as anybody has spoken.
    return float(leaf.below or 0) <= (1 if leaf.measure == "turns" else least)


def always_measured(leaf: spec.Measured) -> bool:
    """Say whether a measure is beyond its limit as soon as it is known: in every call, if only at its beginning."""
    least, most = _range(leaf.measure)
    if leaf.above is not None:
        if leaf.measure == "turns":
            return leaf.above < 1
        bounded = leaf.measure in _SOON or leaf.measure in _RANGES
        return leaf.above < least or (bounded and leaf.above <= least)
    return leaf.measure == "turns" or float(leaf.below or 0) >= most


def always(term: Term) -> bool:
    """Say whether something is so in every call, whatever happens."""
    leaf, negated = term
    if isinstance(leaf, spec.Measured):
        return not negated and always_measured(leaf)
    if isinstance(leaf, spec.LocalTime):
        return not negated and _at_all_times(leaf)
    return _every_call(leaf) and not negated


def _at_all_times(leaf: spec.LocalTime) -> bool:
    clocks = {clock for clock in (leaf.begins, leaf.ends, "00:00") if clock and clock != "24:00"}
    return all(
        time_holds(leaf, _MONDAY + timedelta(days=day, hours=int(clock[:2]), minutes=int(clock[3:])))
        for day in range(7)
        for clock in clocks
    )


def _measures_clash(alternative: Alternative) -> str | None:
    bounds: dict[tuple[str, int | None, str | None], tuple[float, float]] = {}
    for leaf, negated in alternative:
        if not isinstance(leaf, spec.Measured):
            continue
        same = (leaf.measure, leaf.over_ms, leaf.speaker)
        low, high = bounds.get(same, (float("-inf"), float("inf")))
        if (leaf.above is not None) is not negated:
            low = max(low, leaf.above if leaf.above is not None else float(leaf.below or 0))
        else:
            high = min(high, leaf.below if leaf.below is not None else float(leaf.above or 0))
        if low >= high:
            return f"{leaf.measure} cannot be above {low:g} and below {high:g}"
        bounds[same] = (low, high)
    return None


def _fields_clash(alternative: Alternative) -> str | None:
    allowed: dict[str, set[str]] = {}
    barred: dict[str, set[str]] = {}
    bounds: dict[str, tuple[float, float]] = {}
    missing: set[str] = set()
    needed: set[str] = set()
    for leaf, negated in alternative:
        if not isinstance(leaf, spec.FieldIs):
            continue
        if leaf.one_of is not None:
            asked = set(map(plain, leaf.one_of))
            if negated:
                barred.setdefault(leaf.field, set()).update(asked)
            else:
                allowed[leaf.field] = _both(leaf.field, allowed.get(leaf.field, asked), asked)
                needed.add(leaf.field)
        elif leaf.present is not None:
            (missing if negated else needed).add(leaf.field)
        elif not negated:
            needed.add(leaf.field)
            low, high = bounds.get(leaf.field, (float("-inf"), float("inf")))
            low, high = max(low, _or(leaf.above, low)), min(high, _or(leaf.below, high))
            bounds[leaf.field] = (low, high)
            if low >= high:
                return f"the field {leaf.field} cannot be above {low:g} and below {high:g}"
    for field, values in allowed.items():
        if all(listed(field, value, barred.get(field, ())) for value in values):
            return f"the field {field} cannot be all that is asked of it"
    for field in sorted(missing & needed):
        return f"the field {field} cannot be known and not known"
    return None


def _or(limit: float | None, other: float) -> float:
    return other if limit is None else limit


def _both(field: str, one: set[str], other: set[str]) -> set[str]:
    """The values that are in both; of a language and its region the region."""
    return {value for value in one if listed(field, value, other)} | {
        value for value in other if listed(field, value, one)
    }


def _times_clash(alternative: Alternative) -> str | None:
    times = [(leaf, negated) for leaf, negated in alternative if isinstance(leaf, spec.LocalTime)]
    if not times:
        return None
    clocks = {clock for leaf, _negated in times for clock in (leaf.begins, leaf.ends, "00:00") if clock}
    for day in range(7):
        for clock in clocks:
            hours, minutes = map(int, clock.split(":"))
            now = _MONDAY + timedelta(days=day, hours=hours, minutes=minutes)
            if all(time_holds(leaf, now) is not negated for leaf, negated in times):
                return None
    return "there is no such time of day"


def can_cause(term: Term) -> bool:
    """Say whether something can ever set a rule off by this: coming about, or ceasing to be so."""
    leaf, negated = term
    if not negated:
        return True
    if isinstance(leaf, spec.MomentHeard | spec.WordsSaid):
        return leaf.for_ms is not None
    return not isinstance(leaf, spec.InOrder)


def implies(these: Iterable[Alternative], those: Iterable[Alternative]) -> bool:
    """Say whether one condition being true means that the other is, as far as their leaves tell."""
    others = list(those)
    return all(any(other <= one for other in others) for one in these)
