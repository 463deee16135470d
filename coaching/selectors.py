"""Reads of policies: which of them a call goes by, and what became of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import F, FilteredRelation, Max, Q, QuerySet, Sum
from django.utils import timezone

from accounts.models import AuditEvent
from coaching.models import Experiment, Policy, PolicyRevision, RuleFault
from coaching.scopes import Audience, combined, fits, is_rolled_out
from conversations.live.stages import CallContext
from conversations.models import Conversation
from moments.selectors import FIELD_COLUMNS, fields_of
from tenants.companies import company_zone

LATELY = timedelta(days=14)


def effective_revisions(*, audience: Audience, now: datetime | None = None) -> list[PolicyRevision]:
    """The revisions that a conversation which begins now goes by, in the order of their policies. One query.

    Of each policy in use: the newest revision whose time has come and in whose share the agent is; nothing, where its
    time is over or it is not for this conversation. Documents are not loaded (`documents_of`). What
    `coaching.drawing` asks of a running experiment comes along.
    """
    now = now or timezone.now()
    rows = (
        PolicyRevision.objects.filter(
            Q(starts_at__isnull=True) | Q(starts_at__lte=now),
            policy__in_use_from__isnull=False,
            number__gte=F("policy__in_use_from"),
        )
        .alias(
            trial=FilteredRelation(
                "policy__experiments",
                condition=Q(policy__experiments__state=Experiment.State.RUNNING),
            )
        )
        .annotate(
            experiment_id=F("trial__pk"),
            experiment_unit=F("trial__unit"),
            experiment_percent=F("trial__holdout_percent"),
        )
        .select_related("policy")
        .defer(*_LARGE)
        .order_by("policy_id", "-number")
    )
    chosen: dict[UUID, PolicyRevision] = {}
    for row in rows:
        if row.policy_id not in chosen and is_rolled_out(row.policy_id, row.rollout_percent, audience):
            chosen[row.policy_id] = row
    return combined(
        row
        for row in chosen.values()
        if (row.ends_at is None or row.ends_at > now) and fits(row.scope, audience)
    )


def revisions_by_id(ids: Iterable[str]) -> list[PolicyRevision]:
    """The revisions with these ids, in the order of `effective_revisions`, without documents. One query."""
    rows = PolicyRevision.objects.filter(pk__in=[UUID(one) for one in ids])
    return list(rows.select_related("policy").defer(*_LARGE).order_by("policy_id"))


def documents_of(revisions: Iterable[PolicyRevision]) -> dict[UUID, tuple[dict[str, Any], dict[str, str]]]:
    """What the engine is given of each: its document, and the names of its moments by key. One query."""
    rows = PolicyRevision.objects.filter(pk__in=[revision.pk for revision in revisions])
    return {pk: (document, names) for pk, document, names in rows.values_list("pk", "document", "names")}


_LARGE = ("document", "names", "policy__draft")


@dataclass(frozen=True, slots=True)
class CallFacts:
    """What conditions and scopes may ask of a call. `fields`: as `engines.rules` names them."""

    audience: Audience
    fields: dict[str, Any]
    started_at_local: datetime


def call_facts(call: CallContext) -> CallFacts:
    """Read them as they are now. Two queries."""
    row = (
        Conversation.objects.filter(pk=call.conversation_id)
        .values(*FIELD_COLUMNS, "started_at", "announced_at")
        .get()
    )
    begun = (row["started_at"] or row["announced_at"]).astimezone(company_zone())
    language = row["language"] or call.language
    audience = Audience(
        agent_id=call.agent_id,
        team_id=call.team_id,
        queue=row["queue__key"],
        channel=row["channel"],
        language=language,
        at=begun,
        key=str(call.conversation_id),
    )
    return CallFacts(audience, fields_of({**row, "language": language}), begun)


@dataclass(frozen=True, slots=True)
class Trouble:
    """What went wrong with one rule lately, over all revisions."""

    rule_key: str
    kind: str
    label: str
    count: int
    last: str
    last_at: datetime


def policy_trouble(policy: Policy) -> list[Trouble]:
    """What went wrong in the last two weeks, the most frequent first. One query."""
    rows = (
        RuleFault.objects.filter(revision__policy=policy, last_at__gte=timezone.now() - LATELY)
        .values("rule_key", "kind")
        .annotate(times=Sum("count"), latest=Max("last_at"), what=Max("last"))
        .order_by("-times")
    )
    return [
        Trouble(
            row["rule_key"],
            row["kind"],
            str(RuleFault.Kind(row["kind"]).label),
            row["times"],
            row["what"],
            row["latest"],
        )
        for row in rows
    ]


def policy_log(policy: Policy) -> QuerySet[AuditEvent]:
    """Who did what to a policy, newest first."""
    return AuditEvent.objects.filter(
        object_type=Policy._meta.label_lower, object_id=str(policy.pk)
    ).select_related("actor")
