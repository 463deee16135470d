"""When the night's work is done. Knows no Django: the schedule is read before it is ready."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

# When few people call, in UTC; each company's own midnight is not worth a schedule of its own.
RETENTION_AT = time(2, 17)


def next_at(at: time, now: datetime) -> datetime:
    """The next moment (UTC) at which something is due every day."""
    due = datetime.combine(now.astimezone(UTC).date(), at, UTC)
    return due if due > now else due + timedelta(days=1)
