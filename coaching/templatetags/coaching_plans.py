"""An agent's sessions and plans in templates of rooms below: `coaching/mine_list.html` shows them."""

from __future__ import annotations

from django import template

from accounts.models import User
from coaching.plans.selectors import OwnCoaching
from coaching.plans.selectors import own_coaching as own_coaching_of

register = template.Library()


@register.simple_tag
def own_coaching(user: User) -> OwnCoaching:
    """What was shared with this person as an agent. Five queries at most."""
    return own_coaching_of(user)
