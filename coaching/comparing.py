"""Revisions of one policy compared: what its parts say, and for whom and when it is."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from coaching.models import Policy, PolicyRevision, empty_document
from coaching.revisions import Change, document_changes, settings_change
from coaching.scopes import Names, scope_in_words, scope_names


def revision_changes(
    policy: Policy, before: PolicyRevision | None, after: PolicyRevision | None
) -> list[Change]:
    """What differs from one revision (None: nothing yet) to another (None: the draft). Up to three queries."""
    later: Policy | PolicyRevision = after or policy
    names = scope_names([one.scope for one in (before, later) if one is not None])
    old = before.document if before else empty_document()
    new = after.document if after else policy.draft
    settings = settings_change(settings_of(before, names) if before else {}, settings_of(later, names))
    return [*([settings] if settings and before else []), *document_changes(old, new)]


def settings_of(row: Policy | PolicyRevision, names: Names) -> dict[str, Any]:
    """For whom and when, as people read it."""

    def time(at: datetime | None) -> str:
        return "" if at is None else at.isoformat(timespec="minutes")

    return {
        "for": scope_in_words(row.scope, names),
        "in effect": str(row.get_combine_display()),
        "from": time(row.starts_at),
        "until": time(row.ends_at),
        "share of agents": f"{row.rollout_percent} %",
    }
