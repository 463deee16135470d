"""The phases of a call and how they may follow each other: a state machine without I/O.

Vendors tell what happens to a call in words of their own; each vendor's translator turns them into `LifecycleEvent`s.
What may follow what is said once, here.

    ringing ─ ivr ─ queue ─ connected ─┬─ hold ─┬─ connected …
                                       ├─ consult (an agent asks another, the customer waits)
                                       └─ conference (three or more talk)          … ─ ended
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Phase(StrEnum):
    RINGING = "ringing"
    IVR = "ivr"
    QUEUE = "queue"
    CONNECTED = "connected"
    HOLD = "hold"
    CONSULT = "consult"
    CONFERENCE = "conference"
    ENDED = "ended"


_WAITING = frozenset({Phase.RINGING, Phase.IVR, Phase.QUEUE})
_TALKING = frozenset({Phase.CONNECTED, Phase.HOLD, Phase.CONSULT, Phase.CONFERENCE})

# A call in talk may go back to waiting: a blind transfer to a queue, a menu or an agent who has to pick up first.
# The same phase again is allowed where it says something new: another menu, another agent.
FOLLOWS: Mapping[Phase | None, frozenset[Phase]] = {
    None: frozenset(Phase),
    Phase.RINGING: _WAITING | {Phase.CONNECTED, Phase.CONFERENCE, Phase.ENDED},
    Phase.IVR: _WAITING | {Phase.CONNECTED, Phase.ENDED},
    Phase.QUEUE: _WAITING | {Phase.CONNECTED, Phase.ENDED},
    Phase.CONNECTED: _WAITING | _TALKING | {Phase.ENDED},
    Phase.HOLD: _WAITING | _TALKING | {Phase.ENDED},
    Phase.CONSULT: _WAITING | _TALKING | {Phase.ENDED},
    Phase.CONFERENCE: _WAITING | _TALKING | {Phase.ENDED},
    Phase.ENDED: frozenset(),
}


class Transfer(StrEnum):
    """How a call came to its next agent. Blind: passed on unasked; consult: the two agents spoke first."""

    NONE = ""
    BLIND = "blind"
    CONSULT = "consult"

    @classmethod
    def read(cls, text: str) -> Transfer:
        """The kind that a text names; `NONE` for any other text."""
        return next((kind for kind in cls if kind == text), cls.NONE)


@dataclass(frozen=True, slots=True)
class LifecycleEvent:
    """One thing that a vendor says of a call.

    `identifiers`: the ids it is known by there, kind to value. `phase` None says nothing of it (only the agent or
    fields). `agent`: the agent's id at the vendor, "" when it says none; `transfer`: how the call came to them.
    `fields`: what else was said, named like `CallStart`'s (queue, language, direction, customer, metadata).
    `reference`: the event's own id, if it has one: the same one twice counts once. `is_state`: it tells how the call
    is rather than what happened, so that a phase and an agent that the call has already are no news.
    """

    identifiers: Mapping[str, str]
    at: datetime
    phase: Phase | None = None
    agent: str = ""
    transfer: Transfer = Transfer.NONE
    fields: Mapping[str, object] = field(default_factory=dict)
    reference: str = ""
    is_state: bool = False


def may_follow(before: Phase | None, after: Phase) -> bool:
    """Whether a call in phase `before` (None: nothing is known yet) may go to `after`."""
    return after in FOLLOWS[before]
