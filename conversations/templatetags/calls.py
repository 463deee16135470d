"""Figures of conversations in templates: places in a call, lengths, scores. A dash where there is nothing."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django import template
from django.utils.translation import gettext as _

from conversations.spoken import cause_words, source_names
from engines.rules.explain import clock as as_clock

register = template.Library()
DASH = "–"


@register.filter
def clock(ms: int | None) -> str:
    """A place in a call or a length: 0:07, 14:02, 1:02:03."""
    return DASH if ms is None else as_clock(int(ms))


@register.filter
def seconds(ms: int | None) -> str:
    """A short time in seconds: 0.4 s."""
    return DASH if ms is None else _("%(seconds)s s") % {"seconds": f"{ms / 1000:.1f}"}


@register.filter
def share(value: float | None) -> str:
    """A share of one as a percentage; small ones with a decimal, or nothing could be seen of them."""
    if value is None:
        return DASH
    return f"{100 * value:.1f} %" if 0 < value < 0.1 else f"{round(100 * value)} %"


@register.filter
def cause(name: str) -> str:
    """Why a call ended or a stretch of it is missing, in words."""
    return cause_words(name)


@register.filter
def source(name: str) -> str:
    """Where a call came from, in words."""
    return source_names().get(name, name)


@register.filter
def minus(value: int, other: int) -> int:
    return value - other


@register.filter
def iso_length(ms: int | None) -> str:
    """A length for `<time datetime>`."""
    return f"PT{int(ms or 0) // 1000}S"


@register.filter
def score(value: Any) -> str:
    """A total without decimals; nobody judges finer than that."""
    return DASH if value is None else f"{round(float(value))}"


@register.filter
def score_step(value: Any) -> str:
    """The class of a score cell: five steps around the target."""
    if value is None:
        return "na"
    figure = round(float(value))
    for bound, step in ((95, "s5"), (85, "s4"), (75, "s3"), (60, "s2")):
        if figure >= bound:
            return step
    return "s1"


@register.filter
def at(values: Any, index: int) -> Any:
    """One of a list, or None where it is shorter."""
    return values[index] if values is not None and index < len(values) else None


@register.filter
def item(values: dict[str, Any], key: str) -> Any:
    """One of a dictionary by a key that the template computes; empty where there is none."""
    return values.get(key, "")


@register.filter
def split_words(text: str) -> list[str]:
    return text.split()


@register.simple_tag
def replace(filters: dict[str, str], name: str, value: str) -> str:
    """The query string of a list with one filter set."""
    return "?" + urlencode({**filters, name: value})


@register.simple_tag
def drop(filters: dict[str, str], name: str) -> str:
    """The query string of a list without one filter."""
    return "?" + urlencode({key: value for key, value in filters.items() if key != name})


@register.filter
def duration(seconds: float) -> str:
    """A sum of seconds for people: 12.5 s, 4 min 10 s, 3 h 5 min."""
    if seconds < 60:
        return f"{seconds:.1f} s".replace(".0 s", " s")
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"
