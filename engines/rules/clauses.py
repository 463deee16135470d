"""Conditions in words: what came about, as half a sentence of a reason, and what is asked, for who edits a rule.

The half sentences hold `{quote}` at most once in place of what was said (see `explain.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from engines.rules import spec
from engines.rules.explain import QUOTE, clock

if TYPE_CHECKING:
    from engines.rules.fires import Fire

_DAYS = {
    "mon": "Monday",
    "tue": "Tuesday",
    "wed": "Wednesday",
    "thu": "Thursday",
    "fri": "Friday",
    "sat": "Saturday",
    "sun": "Sunday",
}
_MAX_WORDS = 60


def lower(name: str) -> str:
    """Return a name as it stands within a sentence: "Recording notice" but "PCI notice"."""
    return name[:1].lower() + name[1:] if name[1:2].islower() else name


def listed(parts: list[str], word: str) -> str:
    """Return "a, b and c"."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} {word} {parts[-1]}"


def span(ms: int) -> str:
    """Return a length of time: "0:20", or "350 ms" below a second."""
    return clock(ms) if ms >= 1_000 else f"{ms} ms"


def name_of(condition: spec.Condition, names: Mapping[str, str]) -> str:
    """Return what is said, as a noun: a moment's name, or the words looked for in quotation marks."""
    if isinstance(condition, spec.MomentHeard):
        return lower(names.get(condition.key) or condition.key.replace("_", " "))
    if isinstance(condition, spec.WordsSaid):
        words = condition.pattern if condition.pattern is not None else next(iter(condition.phrases), "")
        words = words if len(words) <= _MAX_WORDS else f"{words[:_MAX_WORDS]}…"
        return f"“{words}”"
    if isinstance(condition, spec.AnyOf):
        named = [name_of(part, names) for part in condition.parts]
        return listed(named[:3], "or") if named else "nothing"
    return "what was expected"


def happened(condition: spec.Condition, fire: Fire, names: Mapping[str, str], *, quoted: bool = True) -> str:
    """Return how a condition came about: "the customer said “{quote}” at 0:04".

    Without `quoted` the words are left to another half of the sentence.
    """
    if fire.clause and quoted:
        return fire.clause
    if fire.sequence is not None and not fire.clause:
        who = f"the {fire.speaker}" if fire.speaker in {"agent", "customer"} else "someone"
        if quoted and fire.evidence:
            return f"{who} said “{QUOTE}” at {clock(fire.at_ms)}"
        return f"{name_of(condition, names)} came from {who} at {clock(fire.at_ms)}"
    if isinstance(condition, spec.Missing):
        return f"no {name_of(condition.expected, names)} was given"
    if isinstance(condition, spec.InOrder):
        return f"{listed([name_of(part, names) for part in condition.parts], 'and')} came in this order"
    if isinstance(condition, spec.Measured):
        return measured(condition)
    if isinstance(condition, spec.FieldIs):
        return field_is(condition)
    if isinstance(condition, spec.LocalTime):
        return f"it is {local_time(condition)}"
    if isinstance(condition, spec.AnyOf):
        return f"{name_of(condition, names)} came up"
    return f"{name_of(condition, names)} came up at {clock(fire.at_ms)}"


def absent(condition: spec.Condition, names: Mapping[str, str]) -> str:
    """Return that a condition is not so: "no retention offer came up"."""
    if isinstance(condition, spec.Missing):
        return f"{name_of(condition.expected, names)} was not missing"
    if isinstance(condition, spec.InOrder):
        parts = listed([name_of(part, names) for part in condition.parts], "and")
        return f"{parts} did not come in this order"
    if isinstance(condition, spec.Measured):
        return f"not: {measured(condition)}"
    if isinstance(condition, spec.FieldIs):
        return f"not: {field_is(condition)}"
    if isinstance(condition, spec.LocalTime):
        return f"it is not {local_time(condition)}"
    lasts = condition.for_ms if isinstance(condition, spec.MomentHeard | spec.WordsSaid) else None
    return f"no {name_of(condition, names)} came up" + (f" in the last {span(lasts)}" if lasts else "")


def missed_clause(
    expected: spec.Condition,
    began: str,
    within_ms: int | None,
    within_turns: int | None,
    names: Mapping[str, str],
) -> str:
    """Return the half sentence of something missing; `began` is that of what it was to follow, if anything."""
    what = name_of(expected, names)
    if within_turns is not None:
        limit = f"{within_turns} turn{'' if within_turns == 1 else 's'}"
    else:
        limit = "" if within_ms is None else span(within_ms)
    if began:
        return f"{began} and no {what} followed {f'within {limit}' if limit else 'before the call ended'}"
    return f"no {what} was given {f'in the first {limit}' if limit else 'before the call ended'}"


_MEASURES = {
    "talk_share": ("{who} had {limit} of the talking", "more than", "less than"),
    "words_per_minute": ("{who} spoke {limit} words a minute", "more than", "fewer than"),
    "silence_ms": ("nobody spoke for {limit}", "", "less than"),
    "hold_ms": ("the hold took {limit}", "", "less than"),
    "overtalk_ms": ("people spoke at once for {limit}", "more than", "less than"),
    "duration_ms": ("the call took {limit}", "", "less than"),
    "turns": ("there were {limit} turns", "more than", "fewer than"),
    "sentiment": ("the customer’s mood was {limit}", "above", "below"),
    "sentiment_change": ("the customer’s mood changed by {limit}", "more than", "less than"),
}


def measured(condition: spec.Measured) -> str:
    """Return what a measure did: "the agent had more than 70 % of the talking in the last 2:00"."""
    words, above, below = _MEASURES[condition.measure]
    limit = condition.above if condition.above is not None else float(condition.below or 0)
    if condition.measure == "talk_share":
        value = f"{limit * 100:g} %"
    elif condition.measure.endswith("_ms"):
        value = span(round(limit))
    else:
        value = f"{limit:g}".replace("-", "−")
    relation = above if condition.above is not None else below
    said = words.format(who=f"the {condition.speaker or 'agent'}", limit=f"{relation} {value}".strip())
    return said if condition.over_ms is None else f"{said} in the last {span(condition.over_ms)}"


def field_is(condition: spec.FieldIs) -> str:
    """Return what a field is: "the queue is Sales or Retention"."""
    field = condition.field.removeprefix(spec.METADATA).replace(".", " ").replace("_", " ")
    if condition.present is not None:
        return f"the {field} is {'known' if condition.present else 'not known'}"
    if condition.one_of is not None:
        return f"the {field} is {listed([str(one) for one in condition.one_of], 'or')}"
    if condition.none_of is not None:
        return f"the {field} is not {listed([str(one) for one in condition.none_of], 'or')}"
    if condition.above is not None:
        return f"the {field} is above {condition.above:g}"
    return f"the {field} is below {float(condition.below or 0):g}"


def local_time(condition: spec.LocalTime) -> str:
    """Return days and hours: "Monday or Friday from 08:00 until 17:00"."""
    parts = [listed([_DAYS[day] for day in condition.days], "or")] if condition.days else []
    if condition.begins is not None:
        parts.append(f"from {condition.begins}")
    if condition.ends is not None:
        parts.append(f"until {condition.ends}")
    return " ".join(parts)
