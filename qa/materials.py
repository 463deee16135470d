"""Reads what judges look at: a conversation's words, moments, holds and gaps, cut to each agent's part."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from django.db.models import Count, Max, Subquery, Sum

from conversations.models import CallLedger, CallPhase, Conversation, Handover, Utterance
from moments.models import MomentOccurrence
from moments.selectors import keys_listened_for
from qa.judging.material import Material, Stretch, Turn, cut, merged
from qa.parts import Part, parts_of


def duration_ms(conversation: Conversation, spoken_ms: int) -> int:
    """The stretch that a silence is judged over: to the end of what was said, or of the call if that was later."""
    if conversation.started_at is None or conversation.ended_at is None:
        return spoken_ms
    return max(spoken_ms, round((conversation.ended_at - conversation.started_at).total_seconds() * 1000))


def materials_of(conversation: Conversation) -> list[tuple[Part, Material]]:
    """Each agent's part with what was said, heard and missing in it. Seven queries."""
    turns = [
        Turn(*row)
        for row in Utterance.objects.filter(conversation=conversation)
        .order_by("start_ms", "sequence")
        .values_list("id", "speaker", "start_ms", "end_ms", "text", "confidence")
    ]
    heard = list(
        MomentOccurrence.objects.filter(conversation=conversation)
        .select_related("definition")
        .order_by("at_ms", "id")
    )
    end_ms = duration_ms(conversation, max((turn.end_ms for turn in turns), default=0))
    handed = Handover.objects.filter(conversation=conversation).order_by("at_ms", "pk")
    parts = parts_of(
        handed.values_list("at_ms", "from_agent_id", "to_agent_id"), conversation.agent_id, end_ms
    )
    holds, gaps = _holds(conversation.pk, end_ms), _gaps(conversation.pk)
    listened = keys_listened_for(conversation.pk)
    found = []
    for part in parts:
        own = part.segments
        mine = [turn for turn in turns if part.whole or _within(turn.start_ms, own)]
        ids = {turn.id for turn in mine}
        material = Material(
            conversation_id=conversation.pk,
            segments=own,
            turns=mine,
            heard=[
                one
                for one in heard
                if (one.utterance_id in ids if one.utterance_id else part.whole or _within(one.at_ms, own))
            ],
            holds=cut(holds, own),
            gaps=cut(gaps, own),
            listened=listened,
            whole=part.whole,
            channel=conversation.channel,
            language=conversation.language,
            agent_id=part.agent_id,
        )
        found.append((part, material))
    return found


def stamp_of(conversation_id: UUID) -> tuple[int, int, int]:
    """What a judgement rests on, in short: another one means that words or moments have changed. One query."""
    heard = MomentOccurrence.objects.filter(conversation=conversation_id).order_by().values("conversation")
    said = Utterance.objects.filter(conversation=conversation_id).aggregate(
        n=Count("pk"), of=Sum("revision"), heard=Max(Subquery(heard.annotate(n=Count("pk")).values("n")))
    )
    return said["n"], said["of"] or 0, said["heard"] or 0


def _within(at_ms: int, segments: Sequence[Stretch]) -> bool:
    return any(start <= at_ms < end for start, end in segments)


def _holds(conversation_id: UUID, end_ms: int) -> list[Stretch]:
    """When the customer was on hold, as far as telephony has told."""
    rows = CallPhase.objects.filter(conversation=conversation_id, refused=False).order_by("at", "pk")
    found: list[Stretch] = []
    since: int | None = None
    for phase, from_ms in rows.values_list("phase", "from_ms"):
        if phase == CallPhase.Phase.HOLD:
            since = from_ms if since is None else since
        elif since is not None:
            found.append((since, from_ms))
            since = None
    if since is not None:
        found.append((since, end_ms))
    return merged(found)


def _gaps(conversation_id: UUID) -> list[Stretch]:
    """What of the sound is missing, on whichever side."""
    ledgers = CallLedger.objects.filter(conversation=conversation_id).values_list("gaps", flat=True)
    return merged((one["from_ms"], one["to_ms"]) for gaps in ledgers for one in gaps)
