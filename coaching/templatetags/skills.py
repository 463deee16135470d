"""How figures of skills are written on pages."""

from __future__ import annotations

from django import template

from coaching.skills.effects import points
from coaching.skills.gaps import Cell

register = template.Library()

register.filter("points", lambda value: "–" if value is None else points(value))


@register.filter
def gap_step(cell: Cell) -> str:
    """The class of a cell: five steps of the distance to the team's top quarter; none where that is not known."""
    if cell.gap is None:
        return "sk-open"
    for bound, step in ((0, "s5"), (5, "s4"), (10, "s3"), (20, "s2")):
        if round(cell.gap) <= bound:
            return step
    return "s1"


@register.filter
def behind(cell: Cell) -> str:
    """The distance as it stands in a cell: below the top quarter with a minus, above it with a plus."""
    if cell.gap is None:
        return ""
    whole = -round(cell.gap)
    return f"{whole:+d}".replace("-", "−") if whole else "0"
