"""One agent's part of a conversation: whose it was when, and whether it can be judged at all. No database."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from qa.judging.material import AGENT_SIDE, Material, Stretch, overlap
from qa.models import Evaluation

Unscored = Evaluation.Unscored

# How long after the beginning a machine has said what it is.
GREETING_MS = 30_000
# A machine's greeting, and no more from that side.
GREETING_TURNS = 3
MACHINE = re.compile(
    r"\b(?:leave (?:me |us )?(?:a|your) (?:short |brief )?message|after the (?:tone|beep)|at the (?:tone|beep)"
    r"|voice ?mail(?:box)?|mailbox (?:is|of|for)|(?:is|are) not available (?:to take|right now)"
    r"|has been forwarded to|person you (?:are|have) (?:calling|called|dialed))\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Part:
    """An agent and their stretches of the conversation, in ms. `whole`: nobody else had any of it."""

    agent_id: UUID | None
    segments: tuple[Stretch, ...]
    whole: bool = True


def parts_of(
    handovers: Iterable[tuple[int, UUID | None, UUID | None]], last: UUID | None, end_ms: int
) -> list[Part]:
    """Whose the conversation was when. `handovers`: (at_ms, from, to) in order; `last`: who has it at the end.

    Who got it back has two stretches. Without hand-overs all of it is the last agent's.
    """
    passed = sorted(handovers, key=lambda one: one[0])
    edges: list[tuple[int, UUID | None]] = []
    if passed:
        edges.append((0, passed[0][1]))
        edges += [(at_ms, to) for at_ms, _from, to in passed]
        edges[-1] = (edges[-1][0], edges[-1][1] or last)
    else:
        edges.append((0, last))
    stretches: dict[UUID | None, list[Stretch]] = {}
    for number, (begin, agent) in enumerate(edges):
        stop = edges[number + 1][0] if number + 1 < len(edges) else end_ms
        if stop > begin:
            own = stretches.setdefault(agent, [])
            if own and own[-1][1] == begin:
                own[-1] = (own[-1][0], stop)
            else:
                own.append((begin, stop))
    if len(stretches) > 1:
        # A menu or a queue between two agents is nobody's work.
        stretches.pop(None, None)
    if not stretches:
        return [Part(last, ((0, end_ms),))]
    return [Part(agent, tuple(own), len(stretches) == 1) for agent, own in stretches.items()]


def unscored_why(
    material: Material, *, shortest_ms: int, gap_share: float, flagged: bool = False
) -> Unscored | None:
    """Why a part cannot be scored; None where it can. Only calls are too short or full of gaps.

    `flagged`: telephony said that a machine answered.
    """
    if not any(turn.text.strip() for turn in material.turns):
        return Unscored.NO_WORDS
    if material.channel != "voice":
        return None
    if flagged or is_voicemail(material):
        return Unscored.VOICEMAIL
    if material.length_ms < shortest_ms:
        return Unscored.TOO_SHORT
    if material.gaps and overlap(material.gaps, material.segments) >= gap_share * material.length_ms:
        return Unscored.GAPS
    return None


def is_voicemail(material: Material) -> bool:
    """Whether a machine answered: it says so within half a minute, and that side says hardly anything else.

    An agent who speaks of messages and tones is no machine: only the other side's words count.
    """
    others = [turn for turn in material.turns if turn.speaker not in AGENT_SIDE and turn.text.strip()]
    if not others or len(others) > GREETING_TURNS:
        return False
    return any(MACHINE.search(turn.text) for turn in others if turn.start_ms <= GREETING_MS)


def machine_flagged(metadata: object) -> bool:
    """Whether telephony's own words for a call say that a machine answered (`answered_by`, `amd_result`)."""
    if not isinstance(metadata, dict):
        return False
    told = {str(metadata.get(name, "")).lower() for name in ("answered_by", "amd_result", "answer_type")}
    return any(one.startswith(("machine", "voicemail", "answering_machine")) for one in told)


def segments_of(part: Part) -> Sequence[list[int]]:
    """How a part is stored: nothing for a whole conversation, which may grow as its end is told late."""
    return [] if part.whole else [list(one) for one in part.segments]
