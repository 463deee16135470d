"""Shares as percentages, and numbers as SVG wants them."""

from __future__ import annotations

from django import template

register = template.Library()


@register.filter
def percent(share: float | None) -> str:
    """A share with one digit, or a dash where nothing was measured."""
    return "–" if share is None or share == "" else f"{float(share) * 100:.1f}\u00a0%"


@register.filter
def unlocalised(number: float) -> str:
    """A number with a point, in every language."""
    return f"{number:g}"
