"""What one open page has been sent of one conversation: every event once, in order, none left out.

Pub/sub drops messages silently, delivers them twice when a publisher repeats itself, and gives no order
between publishers. So the database is what counts: a message only says that there is something to read.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from conversations.events import Payload, events_after, head_of

PAGE = 500


def events_missing(conversation_id: UUID, after: int) -> tuple[list[Payload], int]:
    """The committed events after a sequence number, at most a page of them, and how far that reaches.

    An event whose item is no longer there has nothing to show and is left out, so the events may end before
    the number that was reached. Read again from there until the number stays.
    """
    # Numbers are given under a lock and without holes: a page reaches exactly `PAGE` numbers, or the head.
    reached = max(after, min(head_of(conversation_id), after + PAGE))
    events = [event for event in events_after(conversation_id, after, limit=PAGE) if event["seq"] <= reached]
    return events, reached


class Following:
    """How far one page is. Pure bookkeeping: the socket reads and sends."""

    def __init__(self, after: int) -> None:
        self.last = max(0, after)

    def is_next(self, event: dict[str, Any]) -> bool:
        """Whether this event is the very next, so that it can be sent as it came."""
        return int(event["seq"]) == self.last + 1

    def is_behind(self, sequence: int) -> bool:
        """Whether something up to this number has not been sent yet."""
        return sequence > self.last

    def sent_to(self, sequence: int) -> None:
        self.last = max(self.last, sequence)
