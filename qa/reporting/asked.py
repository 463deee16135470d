"""What a report is asked for: a period and filters, read from an address alike for pages, the API and files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import Queue, Team, User
from qa.access import agents_reported, evaluations_counted, teams_reported
from qa.models import Evaluation, ScorecardTemplate

PERIODS = (7, 30, 90, 365)
DAYS_DEFAULT = 30
# Three years and a little.
DAYS_MAX = 1100
BAR_DEFAULT = 75
# Whose call it was then was in no team, or came by no queue.
NONE = "none"
STEPS = ("day", "week", "month")


@dataclass(frozen=True, slots=True)
class Asked:
    """A period of days (`since` to `until`, both included, in the company's time zone) and what else is asked for.

    `team`: the team that the agent was in then. `source`: by whom what counts was judged, "automatic", "person", or
    "" for both. `bar`: scores under it are counted as such. `step`: how far apart points of a trend are.
    """

    since: date
    until: date
    team: Team | None = None
    no_team: bool = False
    agent: User | None = None
    queue: Queue | None = None
    no_queue: bool = False
    scorecard: ScorecardTemplate | None = None
    source: str = ""
    bar: int = BAR_DEFAULT
    step: str = "day"
    wrong: dict[str, str] = field(default_factory=dict)

    @property
    def days(self) -> int:
        return (self.until - self.since).days + 1

    @property
    def begins(self) -> datetime:
        return _midnight(self.since)

    @property
    def ends(self) -> datetime:
        """The first moment that is no longer in it."""
        return _midnight(self.until + timedelta(days=1))

    @property
    def before(self) -> Asked:
        """The period of the same length just before."""
        return replace(
            self, since=self.since - timedelta(days=self.days), until=self.since - timedelta(days=1)
        )

    @property
    def filters(self) -> dict[str, str]:
        """As it stands in an address, the period left out."""
        found = {
            "team": NONE if self.no_team else str(self.team.pk) if self.team else "",
            "agent": str(self.agent.pk) if self.agent else "",
            "queue": NONE if self.no_queue else self.queue.key if self.queue else "",
            "scorecard": str(self.scorecard.pk) if self.scorecard else "",
            "source": self.source,
            "bar": "" if self.bar == BAR_DEFAULT else str(self.bar),
        }
        return {name: value for name, value in found.items() if value}

    @property
    def params(self) -> dict[str, str]:
        """As it stands in an address, whole."""
        return {"since": self.since.isoformat(), "until": self.until.isoformat(), **self.filters}

    @property
    def link(self) -> str:
        return urlencode(self.params)

    def rows(self, user: User) -> QuerySet[Evaluation]:
        """The scores asked for that this person's figures are reckoned from, in no order."""
        return self.narrow(evaluations_counted(user))

    def narrow(self, rows: QuerySet[Evaluation]) -> QuerySet[Evaluation]:
        """Those of these scores that are asked for."""
        rows = rows.filter(
            conversation__announced_at__gte=self.begins, conversation__announced_at__lt=self.ends
        )
        if self.team is not None or self.no_team:
            rows = rows.filter(team=self.team)
        if self.agent is not None:
            rows = rows.filter(agent=self.agent)
        if self.queue is not None or self.no_queue:
            rows = rows.filter(conversation__queue=self.queue)
        if self.scorecard is not None:
            rows = rows.filter(revision__template=self.scorecard)
        return rows.filter(kind=self.source) if self.source else rows


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, tzinfo=timezone.get_current_timezone())


def asked_from(user: User, given: Mapping[str, Any]) -> Asked:
    """Read what is asked for. What makes no sense is left out, and said in `wrong`, field by field, in a sentence."""
    wrong: dict[str, str] = {}
    since, until = _period(given, wrong)
    team, no_team = _one(
        teams_reported(user), "pk", given, "team", wrong, _("There is no such team of yours.")
    )
    agents = agents_reported(user)
    agent, _any = _one(agents, "pk", given, "agent", wrong, _("There is no such agent of yours."), none=False)
    queue, no_queue = _one(Queue.objects.all(), "key", given, "queue", wrong, _("There is no such queue."))
    cards = ScorecardTemplate.objects.all()
    card, _any = _one(cards, "pk", given, "scorecard", wrong, _("There is no such scorecard."), none=False)
    source = given.get("source") or ""
    if source not in {"", Evaluation.Kind.AUTOMATIC, Evaluation.Kind.PERSON}:
        wrong["source"] = _("The source is “automatic” or “person”.")
        source = ""
    bar = _number(given.get("bar"), 1, 100)
    if bar is None and given.get("bar"):
        wrong["bar"] = _("The bar is a whole number from 1 to 100.")
    step = given.get("step") or ""
    if step and step not in STEPS:
        wrong["step"] = _("The step is day, week or month.")
        step = ""
    days = (until - since).days + 1
    return Asked(
        since=since,
        until=until,
        team=team,
        no_team=no_team,
        agent=agent,
        queue=queue,
        no_queue=no_queue,
        scorecard=card,
        source=source,
        bar=bar or BAR_DEFAULT,
        step=step or ("day" if days <= 31 else "week" if days <= 200 else "month"),
        wrong=wrong,
    )


def _period(given: Mapping[str, Any], wrong: dict[str, str]) -> tuple[date, date]:
    today = timezone.localdate()
    days = _number(given.get("days"), 1, DAYS_MAX)
    if days is None and given.get("days"):
        wrong["days"] = _("Days are a whole number from 1 to %(most)d.") % {"most": DAYS_MAX}
    until = day_from(given, "until", wrong) or today
    since = day_from(given, "since", wrong) or until - timedelta(days=(days or DAYS_DEFAULT) - 1)
    if since > until:
        wrong["since"] = _("The period ends before it begins.")
    elif (until - since).days >= DAYS_MAX:
        wrong["since"] = _("A period has at most %(most)d days.") % {"most": DAYS_MAX}
    else:
        return since, until
    return today - timedelta(days=DAYS_DEFAULT - 1), today


def day_from(given: Mapping[str, Any], name: str, wrong: dict[str, str]) -> date | None:
    """The day of this name; None where there is none, and said in `wrong` where it makes no sense."""
    value = str(given.get(name) or "")
    if not value:
        return None
    try:
        day = date.fromisoformat(value)
    except ValueError:
        day = None
    if day is None or not 2000 <= day.year <= 2100:
        wrong[name] = _("A day is written as in 2026-11-30.")
        return None
    return day


def _number(value: Any, low: int, high: int) -> int | None:
    text = str(value or "")
    # Digits of other scripts count as such to Python, and mean the same.
    number = int(text) if text.isdecimal() and len(text) < 6 else None
    return number if number is not None and low <= number <= high else None


def _one(
    rows: QuerySet[Any],
    by: str,
    given: Mapping[str, Any],
    name: str,
    wrong: dict[str, str],
    words: str,
    *,
    none: bool = True,
) -> tuple[Any, bool]:
    """The one that is named, and whether it is asked for what has none."""
    value = str(given.get(name) or "")
    if not value:
        return None, False
    if none and value == NONE:
        return None, True
    found = None
    if by != "pk" or is_key(value):
        found = rows.filter(**{by: value}).first()
    if found is None:
        wrong[name] = words
    return found, False


def is_key(value: str) -> bool:
    """Whether it may be an id."""
    try:
        UUID(value)
    except ValueError:
        return False
    return True
