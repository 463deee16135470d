"""Reads of policies: which of them a call goes by."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from coaching.models import Policy, PolicyRevision


def effective_revisions(*, team_id: UUID | None) -> list[PolicyRevision]:
    """The newest revision of each published policy that is for everyone or for this team. One query."""
    newest = (
        PolicyRevision.objects.filter(policy__state=Policy.State.PUBLISHED)
        .select_related("policy")
        .order_by("policy_id", "-number")
        .distinct("policy_id")
    )
    # For whom it is stands in the revision too: the draft beside it may say something else by now.
    return [
        revision
        for revision in newest
        if revision.spec["scope"] == Policy.Scope.ALL or revision.spec["team"] == str(team_id)
    ]


def revisions_by_id(ids: Iterable[str]) -> list[PolicyRevision]:
    """The revisions with these ids, in the order of `effective_revisions`. One query."""
    rows = PolicyRevision.objects.filter(pk__in=[UUID(one) for one in ids])
    return list(rows.select_related("policy").order_by("policy_id"))
