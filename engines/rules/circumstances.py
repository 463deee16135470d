"""What a condition asks of a call besides its words: its fields, and the company's local time."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from engines.rules import spec


def field_holds(asked: spec.FieldIs, value: spec.Value | None) -> bool:
    """Say whether a value passes a field's test. What is not known passes none but "is not" and "not present"."""
    if asked.present is not None:
        return (value is not None and value != "") is asked.present
    if asked.one_of is not None:
        return value is not None and listed(asked.field, value, map(plain, asked.one_of))
    if asked.none_of is not None:
        return value is None or not listed(asked.field, value, map(plain, asked.none_of))
    try:
        number = float(value) if value is not None and not isinstance(value, bool) else None
    except ValueError:
        number = None
    if number is None:
        return False
    return number > asked.above if asked.above is not None else number < float(asked.below or 0)


def listed(field: str, value: spec.Value, values: Iterable[str]) -> bool:
    """Say whether a field's value is one of these, as `plain` writes them; "en" is also what "en-GB" is."""
    one = plain(value)
    if field != "language":
        return one in values
    one = one.replace("_", "-")
    return not {one, one.partition("-")[0]}.isdisjoint(each.replace("_", "-") for each in values)


def plain(value: spec.Value) -> str:
    """Return a value as fields are compared: case and spaces do not matter, nor whether 3 is written as text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return " ".join(str(value).casefold().split())


def time_holds(asked: spec.LocalTime, now: datetime) -> bool:
    """Say whether a local time falls into days and hours. Over midnight, the day is that on which it began."""
    begins, ends = _minutes(asked.begins or "00:00"), _minutes(asked.ends or "24:00")
    minute = now.hour * 60 + now.minute
    day = now.weekday()
    if begins <= ends:
        inside = begins <= minute < ends
    else:
        inside = minute >= begins or minute < ends
        if minute < ends:
            day = (day - 1) % 7
    return inside and (not asked.days or spec.DAYS[day] in asked.days)


def _minutes(clock: str) -> int:
    hours, minutes = clock.split(":")
    return int(hours) * 60 + int(minutes)


def next_change(times: Iterable[spec.LocalTime], now: datetime) -> datetime:
    """Return the next time at which one of the conditions may turn, at the latest midnight."""
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    minutes = {24 * 60} | {
        _minutes(clock) for asked in times for clock in (asked.begins, asked.ends) if clock is not None
    }
    later = [midnight + timedelta(minutes=one) for one in sorted(minutes)]
    return next((one for one in later if one > now), midnight + timedelta(days=1))
