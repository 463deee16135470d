"""Reads what judges look at: a conversation's words, moments, holds and gaps, cut to each agent's part."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from django.db.models import Aggregate, Count, Model, OuterRef, Subquery, Sum
from django.db.models.functions import Coalesce

from conversations.models import CallLedger, CallPhase, Conversation, Handover, Utterance
from moments.models import MomentOccurrence
from moments.selectors import keys_listened_for_each
from qa.judging.material import Material, Stretch, Turn, cut, merged
from qa.parts import Part, parts_of


def duration_ms(conversation: Conversation, spoken_ms: int) -> int:
    """The stretch that a silence is judged over: to the end of what was said, or of the call if that was later."""
    if conversation.started_at is None or conversation.ended_at is None:
        return spoken_ms
    return max(spoken_ms, round((conversation.ended_at - conversation.started_at).total_seconds() * 1000))


@dataclass(slots=True)
class _Read:
    """What was read of one conversation, each in the order of time."""

    turns: list[Turn] = field(default_factory=list)
    heard: list[MomentOccurrence] = field(default_factory=list)
    handed: list[tuple[int, UUID | None, UUID | None]] = field(default_factory=list)
    phases: list[tuple[str, int]] = field(default_factory=list)
    gaps: list[Stretch] = field(default_factory=list)
    listened: set[str] | None = None


def materials_of(conversation: Conversation) -> list[tuple[Part, Material]]:
    """Each agent's part with what was said, heard and missing in it. Eight queries at most."""
    return materials_of_each([conversation])[conversation.pk]


def materials_of_each(conversations: Sequence[Conversation]) -> dict[UUID, list[tuple[Part, Material]]]:
    """The same of several conversations, by their ids. Eight queries however many."""
    read = _read([one.pk for one in conversations])
    return {one.pk: _parted(one, read[one.pk]) for one in conversations}


def _read(ids: Sequence[UUID]) -> dict[UUID, _Read]:
    found = {one: _Read() for one in ids}
    said = Utterance.objects.filter(conversation__in=ids).order_by("start_ms", "sequence")
    for call, *turn in said.values_list(
        "conversation_id", "id", "speaker", "start_ms", "end_ms", "text", "confidence"
    ):
        found[call].turns.append(Turn(*turn))  # type: ignore[arg-type]
    heard = MomentOccurrence.objects.filter(conversation__in=ids).order_by("at_ms", "id")
    # Few definitions are heard many times.
    for one in heard.prefetch_related("definition"):
        found[one.conversation_id].heard.append(one)
    handed = Handover.objects.filter(conversation__in=ids).order_by("at_ms", "pk")
    for call, at_ms, old, new in handed.values_list(
        "conversation_id", "at_ms", "from_agent_id", "to_agent_id"
    ):
        found[call].handed.append((at_ms, old, new))
    phases = CallPhase.objects.filter(conversation__in=ids, refused=False).order_by("at", "pk")
    for call, phase, from_ms in phases.values_list("conversation_id", "phase", "from_ms"):
        found[call].phases.append((phase, from_ms))
    for call, gaps in CallLedger.objects.filter(conversation__in=ids).values_list("conversation_id", "gaps"):
        found[call].gaps += [(one["from_ms"], one["to_ms"]) for one in gaps]
    for call, listened in keys_listened_for_each(ids).items():
        found[call].listened = listened
    return found


def _parted(conversation: Conversation, read: _Read) -> list[tuple[Part, Material]]:
    turns = read.turns
    end_ms = duration_ms(conversation, max((turn.end_ms for turn in turns), default=0))
    parts = parts_of(read.handed, conversation.agent_id, end_ms)
    holds, gaps = _holds(read.phases, end_ms), merged(read.gaps)
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
                for one in read.heard
                if (one.utterance_id in ids if one.utterance_id else part.whole or _within(one.at_ms, own))
            ],
            holds=cut(holds, own),
            gaps=cut(gaps, own),
            listened=read.listened,
            whole=part.whole,
            channel=conversation.channel,
            language=conversation.language,
            agent_id=part.agent_id,
        )
        found.append((part, material))
    return found


Stamp = tuple[int, int, int]


def stamp_of(conversation_id: UUID) -> Stamp:
    """What a judgement rests on, in short: another one means that words or moments have changed. One query."""
    return stamps_of([conversation_id]).get(conversation_id, (0, 0, 0))


def stamps_of(conversation_ids: Collection[UUID]) -> dict[UUID, Stamp]:
    """The same of several conversations, by their ids. One query however many."""

    def each(model: type[Model], figure: Aggregate) -> Coalesce:
        rows = model._default_manager.filter(conversation=OuterRef("pk")).order_by()
        return Coalesce(Subquery(rows.values("conversation").annotate(n=figure).values("n")), 0)

    rows = Conversation.objects.filter(pk__in=conversation_ids).order_by()
    told = rows.values_list(
        "pk",
        each(Utterance, Count("pk")),
        each(Utterance, Sum("revision")),
        each(MomentOccurrence, Count("pk")),
    )
    return {call: (said, revised, heard) for call, said, revised, heard in told}


def _within(at_ms: int, segments: Sequence[Stretch]) -> bool:
    return any(start <= at_ms < end for start, end in segments)


def _holds(phases: Iterable[tuple[str, int]], end_ms: int) -> list[Stretch]:
    """When the customer was on hold, as far as telephony has told."""
    found: list[Stretch] = []
    since: int | None = None
    for phase, from_ms in phases:
        if phase == CallPhase.Phase.HOLD:
            since = from_ms if since is None else since
        elif since is not None:
            found.append((since, from_ms))
            since = None
    if since is not None:
        found.append((since, end_ms))
    return merged(found)
