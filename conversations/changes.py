"""What changed in any of the company's conversations, in an order in which nothing is missed.

Events get their ids when they are written and are seen when they are committed, in another order: who remembers "all up
to id 7" misses 6, committed later. So each event carries the id of its transaction, and only events of transactions
older than every one that is still under way are given out, in the order of transactions. What comes later belongs to a
transaction that comes later. (PostgreSQL: pg_current_xact_id, pg_snapshot_xmin.)
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import structlog
from django.db import connection
from django.db.models import Q

from conversations import events
from conversations.models import ConversationEvent

log = structlog.get_logger(__name__)

AT_ONCE = 500
LATEST = "latest"

_CURSOR = re.compile(r"([0-9]{1,19})\.([0-9]{1,19})")
_HIGHEST = 2**63 - 1

# What a statement sees cannot be of a later transaction than this, unless it came from another database. It must be the
# statement itself that asks: a moment later others have committed.
_SNAPSHOT = """
    SELECT horizon, newest,
           EXISTS (SELECT 1 FROM conversations_conversationevent WHERE xid > newest)
      FROM (SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS horizon,
                   GREATEST(pg_snapshot_xmax(pg_current_snapshot())::text::bigint,
                            pg_current_xact_id_if_assigned()::text::bigint) AS newest) AS now
"""
_RESTORED = """
    UPDATE conversations_conversationevent SET xid = 0
     WHERE xid > GREATEST(pg_snapshot_xmax(pg_current_snapshot())::text::bigint,
                          pg_current_xact_id_if_assigned()::text::bigint)
"""


class CursorError(ValueError):
    """This is no cursor of ours."""


class CursorForeign(Exception):
    """The cursor is of another database: ours was restored from a copy since. Begin anew."""


@dataclass(frozen=True, slots=True)
class Changes:
    """`next`: the cursor for what comes after. `more`: there is more already."""

    events: Sequence[ConversationEvent]
    next: str
    more: bool


def changes_after(cursor: str, *, kinds: Collection[str] = (), limit: int = AT_ONCE) -> Changes:
    """Read what changed after a cursor; "" is the beginning, "latest" now. A cursor is good for as long as one likes.

    Raises `CursorError` and `CursorForeign`. What belongs to a transaction that has not ended is held back, with all
    that came after it; it is not lost.
    """
    with connection.cursor() as query:
        query.execute(_SNAPSHOT)
        horizon, newest, restored = query.fetchone()
        if restored:
            # From another database, whose transactions count higher: they come before all others.
            query.execute(_RESTORED)
            log.warning("changes.restored", events=query.rowcount)
    settled = (horizon - 1, _HIGHEST)
    if cursor == LATEST:
        return Changes([], _written(settled), False)
    xid, ident = _read(cursor)
    if xid > newest:
        raise CursorForeign
    rows = ConversationEvent.objects.filter(xid__lt=horizon, xid__gte=xid)
    rows = rows.filter(Q(xid__gt=xid) | Q(pk__gt=ident))
    if kinds:
        rows = rows.filter(kind__in=list(kinds))
    found = list(rows.order_by("xid", "pk")[: limit + 1])
    more = len(found) > limit
    found = found[:limit]
    after = (found[-1].xid, found[-1].pk) if more else max(settled, (xid, ident))
    return Changes(found, _written(after), more)


def changes_shown(rows: Sequence[ConversationEvent]) -> list[events.Payload]:
    """Events as the API has them, with their items as they are now (None: gone); a query or a few a kind."""
    refs: dict[str, set[UUID]] = {}
    for row in rows:
        if row.ref is not None:
            refs.setdefault(row.kind, set()).add(row.ref)
    items: dict[tuple[str, Any], events.Payload] = {
        (kind, item.pk): events.render(kind, item)
        for kind, ids in refs.items()
        for item in events.rows(kind).filter(pk__in=ids)
    }
    return [
        {
            "conversation": str(row.conversation_id),
            "seq": row.sequence,
            "kind": row.kind,
            "id": str(row.ref) if row.ref else None,
            "at": events.stamp(row.occurred_at),
            "data": items.get((row.kind, row.ref)),
        }
        for row in rows
    ]


def _read(cursor: str) -> tuple[int, int]:
    if not cursor:
        return 0, 0
    found = _CURSOR.fullmatch(cursor)
    if found is None:
        raise CursorError("this is no cursor of changes")
    xid, ident = int(found[1]), int(found[2])
    if max(xid, ident) > _HIGHEST:
        raise CursorError("this is no cursor of changes")
    return xid, ident


def _written(place: tuple[int, int]) -> str:
    return f"{place[0]}.{place[1]}"
