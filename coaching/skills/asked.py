"""What pages and API of skills are asked for beside a period and filters (`qa.reporting.asked`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from coaching.skills.skills import KINDS, Skill, skill_of
from qa.access import agents_reported
from qa.reporting.asked import DAYS_DEFAULT, DAYS_MAX, day_from, is_key


def kinds_from(given: Mapping[str, Any]) -> tuple[str, ...]:
    """The kind of skills asked for, or both."""
    kind = str(given.get("kind") or "")
    return (kind,) if kind in KINDS else KINDS


@dataclass(frozen=True, slots=True)
class EffectAsked:
    """Whose change at what: `since` up to the day before `turn`, against `turn` to `until`, included.

    `wrong`: what makes no sense, by field, in a sentence; the days then are the usual ones."""

    agent: User | None
    skill: Skill | None
    since: date
    turn: date
    until: date
    wrong: dict[str, str] = field(default_factory=dict)


def effect_asked(user: User, given: Mapping[str, Any]) -> EffectAsked:
    """Read what is asked for. Without days: the last thirty against the thirty before. Two queries at most."""
    wrong: dict[str, str] = {}
    agent = skill = None
    if value := str(given.get("agent") or ""):
        agent = agents_reported(user).filter(pk=value).first() if is_key(value) else None
        if agent is None:
            wrong["agent"] = _("There is no such agent of yours.")
    if value := str(given.get("skill") or ""):
        skill = skill_of(value)
        if skill is None:
            wrong["skill"] = _("There is no such skill.")
    until = day_from(given, "until", wrong) or timezone.localdate()
    turn = day_from(given, "turn", wrong) or until - timedelta(days=DAYS_DEFAULT - 1)
    since = day_from(given, "since", wrong) or turn - timedelta(days=DAYS_DEFAULT)
    if not since < turn <= until:
        wrong["turn"] = _("The turn lies after the first day and not after the last one.")
    elif (until - since).days >= DAYS_MAX:
        wrong["since"] = _("A period has at most %(most)d days.") % {"most": DAYS_MAX}
    if wrong.keys() & {"since", "turn", "until"}:
        until = timezone.localdate()
        turn = until - timedelta(days=DAYS_DEFAULT - 1)
        since = turn - timedelta(days=DAYS_DEFAULT)
    return EffectAsked(agent, skill, since, turn, until, wrong)
