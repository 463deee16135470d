"""What jambonz's call status hook says about a call, as our lifecycle events. No I/O.

Of the call whose sound we hear, and of legs that were dialled from it (`parent_call_sid`). Who is rung is said by the
leg's `customer_data` (`tag` or `customerData` of the verb) under `agent`, or by the address (`?agent=`).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from conversations.phases import LifecycleEvent, Phase, Transfer

# Every call status, and what it begins if it is the customer's call; that it was answered does not say by whom.
STATES: Mapping[str, Phase | None] = {
    "queued": None,
    "trying": Phase.RINGING,
    "ringing": Phase.RINGING,
    "early-media": Phase.RINGING,
    "in-progress": None,
    "completed": Phase.ENDED,
    "failed": Phase.ENDED,
    "busy": Phase.ENDED,
    "no-answer": Phase.ENDED,
}
# The same of a leg that was dialled from it: where that ends, the customer's call may go on.
LEG_STATES: Mapping[str, Phase | None] = {
    "queued": None,
    "trying": Phase.RINGING,
    "ringing": Phase.RINGING,
    "early-media": Phase.RINGING,
    "in-progress": Phase.CONNECTED,
    "completed": None,
    "failed": None,
    "busy": None,
    "no-answer": None,
}


def translate(body: Any, asked: Mapping[str, str], *, received_at: datetime) -> list[LifecycleEvent]:
    """Read a status: the `body` that was posted, `asked` of its address. What is of no use to us gives nothing."""
    said: Mapping[str, Any] = body if isinstance(body, dict) else {}
    call, parent, state = (_id(said.get(name)) for name in ("call_sid", "parent_call_sid", "call_status"))
    phase = (LEG_STATES if parent else STATES).get(state)
    if not call or phase is None:
        return []
    identifiers = {"call_sid": parent, "leg_sid": call} if parent else {"call_sid": call}
    if not parent and _id(said.get("call_id")):
        identifiers["sip_call_id"] = _id(said["call_id"])
    comes = bool(parent) and phase is Phase.CONNECTED
    ours = said.get("customer_data")
    named = _id(ours.get("agent")) if isinstance(ours, dict) else ""
    return [
        LifecycleEvent(
            identifiers,
            received_at,
            phase=phase,
            agent=(named or _id(asked.get("agent"))) if comes else "",
            transfer=Transfer.read(asked.get("transfer", "")) if comes else Transfer.NONE,
            reference=f"{call}:{state}",
        )
    ]


def _id(value: Any) -> str:
    return value if isinstance(value, str) and len(value) <= 120 and value.isprintable() else ""
