"""`{% sample_calls as calls %}`: what the card on the agent's desk offers."""

from __future__ import annotations

from django import template

from demo import scripts

register = template.Library()


@register.simple_tag
def sample_calls() -> list[scripts.SampleCall]:
    """The sample calls, in the order in which they are offered."""
    return list(scripts.sample_calls().values())
