"""What the legs of a Five9 call say beside their sound, as our lifecycle events. No I/O."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from conversations.phases import LifecycleEvent, Phase, Transfer
from integrations.telephony.five9 import voice_pb2

# Its classes are made when it is imported, and are not known before.
wire: Any = voice_pb2
# Every status that a leg can say, by its name on the wire. A leg that goes (CLT_DISCONNECT) may come back.
STATES: Mapping[str, Phase | None] = {
    "SUCCESS": None,
    "CLT_CALL_HOLD": Phase.HOLD,
    "CLT_CALL_RESUME": Phase.CONNECTED,
    "CLT_CALL_ENDED": Phase.ENDED,
    "CLT_DISCONNECT": None,
    "CLT_ERROR_NO_RESOURCE": None,
    "CLT_ERROR_TIMEOUT": None,
    "CLT_ERROR_GENERIC": None,
}


def phase_of(code: int) -> Phase | None:
    """The phase that a status begins; None: none, or a status of a newer Five9."""
    known = wire.StreamingStatus.StatusCode
    return STATES.get(known.Name(code)) if code in known.values() else None


def translate(
    call_id: str, *, phase: Phase, agent: str, agent_before: str, received_at: datetime
) -> list[LifecycleEvent]:
    """Say what a leg has begun. Five9 does not tell whether agents spoke first: another agent is a blind transfer."""
    moved = bool(agent_before) and agent not in ("", agent_before)
    transfer = Transfer.BLIND if moved else Transfer.NONE
    named = "" if phase is Phase.ENDED else agent
    return [LifecycleEvent({"call": call_id}, received_at, phase=phase, agent=named, transfer=transfer)]
