"""Which alerts anybody acts on: figures by rule, and which rule could go."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Avg, Count, F, Max, Q, Sum
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from coaching.models import CHECK, HAND, Alert
from conversations.access import conversations_visible

DAYS = 30
# Fewer say nothing about a rule.
RETIRE_FROM = 20
RETIRE_SHARE = 0.8

_ACTED = Q(first_claimed_at__isnull=False) | Q(state=Alert.State.RESOLVED)
_OVER = Q(state__in=[Alert.State.RESOLVED, Alert.State.CLOSED])


@dataclass(frozen=True, slots=True)
class RuleFigures:
    """One rule's alerts. `raised`: alerts shown; `times`: with repeats; `over`: those of calls that have ended or that
    were resolved; `acted`: of these, taken or resolved by somebody; `claim_seconds`: mean time until somebody took
    one, None without any; `quiet`: those that their team does not want.
    """

    key: str
    title: str
    severity: str
    policy: str
    raised: int
    times: int
    over: int
    acted: int
    resolved: int
    escalated: int
    quiet: int
    claim_seconds: float | None
    last_raised_at: datetime

    @property
    def ignored(self) -> int:
        return self.over - self.acted

    @property
    def ignored_share(self) -> float:
        return self.ignored / self.over if self.over else 0.0

    @property
    def could_go(self) -> bool:
        """Whether so few act on it that it only costs attention. Raised hands and checks are no rules to retire."""
        return (
            self.key not in {HAND, CHECK} and self.over >= RETIRE_FROM and self.ignored_share >= RETIRE_SHARE
        )

    @property
    def advice(self) -> str:
        if not self.could_go:
            return ""
        return _("Nobody acted on %(ignored)d of %(over)d. Retire this rule, or make it rarer.") % {
            "ignored": self.ignored,
            "over": self.over,
        }


def alert_figures(*, user: User, days: int = DAYS) -> list[RuleFigures]:
    """The alerts of calls that this person watches over, by rule, those that could go first. Two queries."""
    rows = Alert.objects.filter(
        raised_at__gte=timezone.now() - timedelta(days=days),
        conversation__in=conversations_visible(user).values("pk"),
    )
    shown = ~Q(state=Alert.State.QUIET)
    counted = (
        rows.order_by()
        .values("policy", "rule_key")
        .annotate(
            raised=Count("pk", filter=shown),
            times=Sum("count", filter=shown),
            over=Count("pk", filter=_OVER),
            acted=Count("pk", filter=_OVER & _ACTED),
            resolved=Count("pk", filter=Q(state=Alert.State.RESOLVED)),
            escalated=Count("pk", filter=Q(escalated_at__isnull=False)),
            quiet=Count("pk", filter=~shown),
            wait=Avg(F("first_claimed_at") - F("raised_at"), filter=Q(first_claimed_at__isnull=False)),
            last=Max("raised_at"),
        )
    )
    found: list[Any] = list(counted)
    # What the rule is called now.
    newest = (
        rows.order_by("policy_id", "rule_key", "-raised_at")
        .distinct("policy_id", "rule_key")
        .select_related("policy")
    )
    named = {(row.policy_id, row.rule_key): row for row in newest}
    figures = [
        RuleFigures(
            key=_of(named, one).key,
            title=_of(named, one).title,
            severity=_of(named, one).severity,
            policy=_policy(_of(named, one)),
            raised=one["raised"],
            times=one["times"] or 0,
            over=one["over"],
            acted=one["acted"],
            resolved=one["resolved"],
            escalated=one["escalated"],
            quiet=one["quiet"],
            claim_seconds=None if one["wait"] is None else one["wait"].total_seconds(),
            last_raised_at=one["last"],
        )
        for one in found
    ]
    return sorted(figures, key=lambda one: (not one.could_go, -one.raised, one.title))


def _of(named: dict[tuple[UUID | None, str], Alert], one: dict[str, Any]) -> Alert:
    return named[one["policy"], one["rule_key"]]


def _policy(row: Alert) -> str:
    return row.policy.name if row.policy else ""
