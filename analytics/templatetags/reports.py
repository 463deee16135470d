"""Figures of reports in templates. A dash where there is nothing to take a mean of."""

from __future__ import annotations

from django import template

from engines.rules.explain import clock

register = template.Library()
DASH = "–"


@register.filter
def length_of(seconds: float | None) -> str:
    """A mean length: 4:12."""
    return DASH if seconds is None else clock(round(seconds * 1000))


@register.filter
def percent(share: float | None) -> str:
    return DASH if share is None else f"{round(share * 100)} %"


@register.filter
def mood(value: float | None) -> str:
    """A mean sentiment with its sign; finer than a tenth would say more than it knows."""
    if value is None:
        return DASH
    tenth = round(value, 1)
    return "0" if tenth == 0 else f"{'+' if tenth > 0 else '−'}{abs(tenth):.1f}"
