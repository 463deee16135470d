"""For whom a policy is: which conversations it fits, whose word is nearer, and which agents are in its share.

A scope is JSON (`coaching.models.Scoped.scope`). Nearness goes agent, team, queue, channel, language, time window: of
two scopes the nearer one names the first of these that only one of them names. A policy that stands "instead" takes
the place of every other that fits and is less near; what is equally near stays beside it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time
from typing import Any, Protocol, TypeVar
from uuid import UUID

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import Queue, Team, User
from accounts.permissions import Role
from conversations.models import Conversation
from engines.rules.spec import LANGUAGE

# Nearest first.
LISTS = ("agents", "teams", "queues", "channels", "languages")
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_NEARNESS = {name: 1 << place for place, name in enumerate(("time", *reversed(LISTS)))}
LONGEST = 500
_PARTS = 10_000
GONE = {
    "agents": gettext_lazy("The policy is for an agent who is not there any more: choose again."),
    "teams": gettext_lazy("The policy is for a team that is not there any more: choose again."),
    "queues": gettext_lazy(
        "The policy is for the queue “%(value)s”, which is not there any more: choose again."
    ),
}


@dataclass(frozen=True, slots=True)
class Audience:
    """What of a conversation decides which policies it goes by. `at`: its start, in the company's local time."""

    agent_id: UUID | None = None
    team_id: UUID | None = None
    queue: str | None = None
    channel: str = "voice"
    language: str = "en"
    at: datetime | None = None
    # Stands in for the agent where nobody is known: a conversation keeps what it has.
    key: str = ""


class _Policy(Protocol):
    scope: Any
    combine: str


P = TypeVar("P", bound=_Policy)


def fits(scope: Mapping[str, Any], audience: Audience) -> bool:
    """Whether all that the scope names holds. A language fits its regions: "en" is for "en-GB", too."""
    if (agents := scope.get("agents")) and str(audience.agent_id) not in agents:
        return False
    if (teams := scope.get("teams")) and str(audience.team_id) not in teams:
        return False
    if (queues := scope.get("queues")) and audience.queue not in queues:
        return False
    if (channels := scope.get("channels")) and audience.channel not in channels:
        return False
    spoken = audience.language.lower()
    if (languages := scope.get("languages")) and not {spoken, spoken.partition("-")[0]} & {
        one.lower() for one in languages
    }:
        return False
    return _in_time(scope.get("time"), audience.at)


def _in_time(window: Mapping[str, Any] | None, at: datetime | None) -> bool:
    if not window:
        return True
    if at is None:
        return False
    begin, end = _clock(window.get("from")), _clock(window.get("until"))
    now = at.time()
    day = at.weekday()
    if begin is not None and end is not None and begin >= end:
        # Over midnight: the early hours belong to the evening before.
        if now < end:
            day = (day - 1) % 7
        elif now < begin:
            return False
    elif (begin is not None and now < begin) or (end is not None and now >= end):
        return False
    days = window.get("days")
    return not days or DAYS[day] in days


def _clock(text: str | None) -> time | None:
    return time.fromisoformat(text) if text else None


def nearness(scope: Mapping[str, Any]) -> int:
    """The higher, the nearer."""
    return sum(weight for name, weight in _NEARNESS.items() if scope.get(name))


def combined(policies: Iterable[P]) -> list[P]:
    """Of policies that fit, those in effect: what stands "instead" leaves nothing that is less near."""
    rows = list(policies)
    floor = max((nearness(row.scope) for row in rows if row.combine == "instead"), default=0)
    return [row for row in rows if nearness(row.scope) >= floor]


def may_meet(one: _Policy, other: _Policy) -> bool:
    """Whether two policies can be in effect in the same conversation, as far as their scopes tell."""
    for name in LISTS:
        ours, theirs = one.scope.get(name), other.scope.get(name)
        if ours and theirs and not _share(name, ours, theirs):
            return False
    ours, theirs = ((row.scope.get("time") or {}).get("days") for row in (one, other))
    if ours and theirs and not set(ours) & set(theirs):
        return False
    return not is_silent_beside(one, other, meets=True) and not is_silent_beside(other, one, meets=True)


def is_silent_beside(one: _Policy, other: _Policy, *, meets: bool = False) -> bool:
    """Whether a policy is silent wherever both fit, as the other stands instead of it. `meets`: they do somewhere."""
    if other.combine != "instead" or nearness(other.scope) <= nearness(one.scope):
        return False
    return meets or all(
        _share(name, one.scope[name], other.scope[name])
        for name in LISTS
        if one.scope.get(name) and other.scope.get(name)
    )


def _share(name: str, ours: Iterable[str], theirs: Iterable[str]) -> bool:
    if name != "languages":
        return bool(set(ours) & set(theirs))
    mine, yours = ({code.lower() for code in codes} for codes in (ours, theirs))
    return any(a == b or a.startswith(f"{b}-") or b.startswith(f"{a}-") for a in mine for b in yours)


# --- Shares of agents -----------------------------------------------------------------------------------


def share_of(salt: str, audience: Audience) -> float:
    """Where this agent stands between 0 and 100, the same in every call, and another place for every salt."""
    who = str(audience.agent_id or audience.key)
    digest = hashlib.sha256(f"{salt}:{who}".encode()).digest()
    return int.from_bytes(digest[:8], "big") % _PARTS * 100 / _PARTS


def is_rolled_out(policy_id: UUID | str, percent: int, audience: Audience) -> bool:
    """Whether the agent is in the share that has the revision. A larger share only adds agents."""
    return percent >= 100 or share_of(f"rollout:{policy_id}", audience) < percent


# --- What is wrong with a scope -------------------------------------------------------------------------


def scope_clean(scope: Any) -> dict[str, Any]:
    """The scope without what names nothing, ids and keys as texts. Raises `ValueError` in words."""
    if not isinstance(scope, dict):
        raise ValueError(_("The scope must be an object."))
    unknown = sorted(set(scope) - set(_NEARNESS))
    if unknown:
        raise ValueError(_("A scope does not have “%(name)s”.") % {"name": unknown[0][:40]})
    clean: dict[str, Any] = {}
    for name in LISTS:
        values = scope.get(name) or []
        if not isinstance(values, list) or not all(
            isinstance(one, str) and one and one.isprintable() for one in values
        ):
            raise ValueError(_("“%(name)s” of the scope must be a list of texts.") % {"name": name})
        if len(values) > LONGEST:
            raise ValueError(_("“%(name)s” of the scope is too long.") % {"name": name})
        if values:
            clean[name] = sorted(set(values))
    for code in clean.get("languages", ()):
        if not LANGUAGE.fullmatch(code):
            raise ValueError(
                _("“%(code)s” is no code of a language: write en, or en-GB.") % {"code": code[:20]}
            )
    if window := _window_clean(scope.get("time")):
        clean["time"] = window
    return clean


def _window_clean(window: Any) -> dict[str, Any]:
    if not window:
        return {}
    if not isinstance(window, dict) or set(window) - {"days", "from", "until"}:
        raise ValueError(_("The time of a scope has days, from and until."))
    clean: dict[str, Any] = {}
    days = window.get("days") or []
    if not isinstance(days, list) or not set(map(str, days)) <= set(DAYS):
        raise ValueError(_("Days are mon, tue, wed, thu, fri, sat and sun."))
    if days:
        clean["days"] = [day for day in DAYS if day in days]
    for name in ("from", "until"):
        if window.get(name):
            try:
                clean[name] = time.fromisoformat(str(window[name])).strftime("%H:%M")
            except ValueError:
                raise ValueError(_("Write times as 08:30.")) from None
    if clean.get("from") is not None and clean.get("from") == clean.get("until"):
        raise ValueError(_("The time of the scope begins when it ends."))
    return clean


def scope_complaints(scope: Mapping[str, Any]) -> list[str]:
    """What the scope names and is not there (any more), in words. Up to three queries."""
    wrong = [GONE[name] % {"value": one} for name, gone in scope_gone(scope).items() for one in gone]
    channels = set(Conversation.Channel.values)
    for one in scope.get("channels") or []:
        if one not in channels:
            wrong.append(_("There is no channel “%(key)s”.") % {"key": one})
    return list(dict.fromkeys(map(str, wrong)))


def scope_gone(scope: Mapping[str, Any]) -> dict[str, list[str]]:
    """Agents, teams and queues that the scope names and that are not there (any more). Up to three queries."""
    lost: dict[str, list[str]] = {}
    known: tuple[tuple[str, Any, str], ...] = (
        ("agents", User.objects.filter(role=Role.AGENT, is_active=True), "pk"),
        ("teams", Team.objects.all(), "pk"),
        ("queues", Queue.objects.all(), "key"),
    )
    for name, rows, field in known:
        wanted = scope.get(name) or []
        valid = [one for one in wanted if field == "key" or _is_id(one)]
        found = (
            {str(one) for one in rows.filter(**{f"{field}__in": valid}).values_list(field, flat=True)}
            if valid
            else set()
        )
        if gone := [one for one in wanted if one not in found]:
            lost[name] = gone
    return lost


def _is_id(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True


# --- In words -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Names:
    """What ids of scopes are called; read once for a page."""

    agents: Mapping[str, str]
    teams: Mapping[str, str]
    queues: Mapping[str, str]


def scope_names(scopes: Sequence[Mapping[str, Any]]) -> Names:
    """Names for all that these scopes mention. Three queries, fewer where nothing is mentioned."""

    def wanted(name: str) -> list[str]:
        return [one for scope in scopes for one in scope.get(name) or [] if name == "queues" or _is_id(one)]

    def read(name: str, rows: Any, field: str) -> dict[str, str]:
        ids = wanted(name)
        if not ids:
            return {}
        return {
            str(key): label for key, label in rows.filter(**{f"{field}__in": ids}).values_list(field, "name")
        }

    return Names(
        agents=read("agents", User.objects.all(), "pk"),
        teams=read("teams", Team.objects.all(), "pk"),
        queues=read("queues", Queue.objects.all(), "key"),
    )


def scope_in_words(scope: Mapping[str, Any], names: Names) -> str:
    """For whom, in one line: "Billing team · queue Refunds · Mon to Fri 08:00-17:00"."""
    gone = _("(gone)")
    parts = [
        ", ".join(names.agents.get(one, gone) for one in scope.get("agents") or []),
        ", ".join(names.teams.get(one, gone) for one in scope.get("teams") or []),
        ", ".join(names.queues.get(one, gone) for one in scope.get("queues") or []),
        ", ".join(
            str(Conversation.Channel(one).label)
            for one in scope.get("channels") or []
            if one in Conversation.Channel.values
        ),
        ", ".join(scope.get("languages") or []),
    ]
    if window := scope.get("time"):
        begin, end = window.get("from", ""), window.get("until", "")
        hours = f"{begin or '0:00'}–{end or '24:00'}" if begin or end else ""
        parts.append(" ".join(one for one in (", ".join(window.get("days") or []), hours) if one))
    return " · ".join(part for part in parts if part) or _("everyone")
