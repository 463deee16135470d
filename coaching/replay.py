"""Past conversations played again, by the moments of now and by policies that are given: what would have happened.

Nothing is written. A call is played as the live way hears it: what is said in the order of the transcript, and the
clock that follows it.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.utils import timezone

from coaching.dialogues import Turn
from coaching.models import BacktestHit
from coaching.scopes import Audience, fits
from coaching.services import document_complaints
from conversations.models import CallPhase, Conversation, Speaker, Utterance
from conversations.phases import Phase
from engines.rules import CompiledMoments, Heard, MomentEngine, Occurrence
from engines.rules.compiled import CompiledPolicies
from engines.rules.decisions import Decision
from engines.rules.engine import RuleEngine
from engines.rules.facts import Facts
from engines.rules.reading import parse_policy
from moments.past import PastTeller, Tell
from moments.selectors import FIELD_COLUMNS, active_specs, fields_of
from tenants.companies import company_zone

# Words that are not final come about once a second, the first as soon as there are some.
FIRST_PARTIAL_MS, PARTIAL_EVERY_MS = 700, 1000
# A call ends a little after its last words.
TAIL_MS = 1000
# A hold that took so much longer than its sound: there was none, and the call's clock stood still.
STOOD_STILL = timedelta(seconds=3)
# What takes the agent's eye for a moment. Lines that must be read out, and ticks, are outside every budget.
HINTS = frozenset({"hint", "knowledge", "prefill", "praise"})
ACTS = frozenset({"show", "tick", "miss", "alert", "do", "done", "missed", "step"})


@dataclass(frozen=True, slots=True)
class Known:
    """What conditions may ask of a call besides its words."""

    fields: Mapping[str, Any] = field(default_factory=dict)
    started_at_local: datetime | None = None
    # When the customer was put on hold (True) and taken back, in the order of the call.
    holds: Sequence[tuple[int, bool]] = ()
    # How far time went on by the wall's clock in holds in which the call's own stood still, by when they ended.
    stood: Mapping[int, int] = field(default_factory=dict)

    @property
    def language(self) -> str:
        return str(self.fields.get("language") or "")


@dataclass(frozen=True, slots=True)
class Past:
    """A past call, ready to play. `fits`: whether it is within the policy's scope."""

    id: UUID
    turns: Sequence[Turn]
    known: Known
    fits: bool = True


@dataclass(slots=True)
class Played:
    """What one side did in one call: hits as (rule key, call time, utterance), and how much the agent was shown."""

    hits: list[tuple[str, int, int | None]] = field(default_factory=list)
    shown: int = 0


def document_compiled(document: Any, names: Mapping[str, str], key: str = "draft") -> CompiledPolicies:
    """A document ready to run. Raises `PolicyError` where it cannot be understood."""
    return CompiledPolicies({key: parse_policy(document)}, names)


def documents_checked(document: Any) -> None:
    """Raise `ValidationError` with what keeps a document from being played."""
    errors = [
        f"{one.where}: {one.sentence}" if one.where else one.sentence
        for one in document_complaints(document)
        if one.kind == "error"
    ]
    if errors:
        raise ValidationError(errors[:10])


@dataclass(frozen=True, slots=True)
class Step:
    """One turn of a call with what was found in it; without a turn: the passing of time, or the end of the call."""

    turn: Turn | None
    at_ms: int
    occurrences: tuple[Occurrence, ...]
    decisions: tuple[tuple[Decision, ...], ...]
    # What is so after it, per set of policies: read it before asking for the next step.
    facts: tuple[Facts, ...] = ()


def steps(
    turns: Iterable[Turn],
    moments: CompiledMoments,
    compiled: Sequence[CompiledPolicies],
    known: Known,
    tell: Tell | None = None,
) -> Iterator[Step]:
    """Play a call: one step a turn, one for the time before it where that brought something, one for the end.

    `tell`: what classifiers and examples tell of an utterance.
    `decisions` of a step are per set of policies, in the order of `compiled`.
    """
    ears = MomentEngine(moments)
    engines = [
        RuleEngine(
            one, fields=dict(known.fields), started_at_local=known.started_at_local or timezone.localtime()
        )
        for one in compiled
    ]
    marked = tuple(ears.fields(known.fields, 0))
    begun = tuple(
        (*engine.start(), *(one for occurrence in marked for one in engine.observe(occurrence, "")))
        for engine in engines
    )
    if marked or any(begun):
        yield Step(None, 0, marked, begun)
    last = 0
    holds = deque(known.holds)
    said = list(turns)
    speech = _Speech(said, engines)
    for turn in said:
        # Finals of two speakers may overlap: the clock never goes back.
        if turn.start_ms > last:
            speech.until(turn.start_ms)
            yield from _passed(ears, engines, holds, known.stood, turn.start_ms)
        speech.until(turn.end_ms)
        heard = Heard(turn.sequence, turn.speaker, turn.start_ms, turn.end_ms, turn.text)
        found = tuple(ears.hear(heard, tell(heard) if tell is not None else ()))
        decided = []
        for engine in engines:
            decided.append(tuple(engine.hear(heard, found)))
        yield Step(turn, turn.end_ms, found, tuple(decided), tuple(engine.facts for engine in engines))
        speech.heard.add(turn.sequence)
        last = max(last, turn.end_ms)
    # Who is on hold when the call ends says nothing more.
    end = max([last, *(at_ms for at_ms, _on in holds)]) + TAIL_MS
    yield from _passed(ears, engines, holds, known.stood, end)
    missing = tuple(ears.finish(end))
    decided = []
    for engine in engines:
        told = [one for occurrence in missing for one in engine.observe(occurrence, "")]
        decided.append((*told, *engine.finish(end)))
    if missing or any(decided):
        yield Step(None, end, missing, tuple(decided))


class _Speech:
    """Tells engines while the customer speaks, as words that are not final do in a live call.

    The words themselves were not kept. That there are some is known from when an utterance begins and ends.
    """

    def __init__(self, turns: Sequence[Turn], engines: Sequence[RuleEngine]) -> None:
        self._engines = engines
        # Only for rules that wait for it.
        waits = any(engine.waits_for_customer for engine in engines)
        self._ticks = deque(
            sorted(
                (at_ms, turn.sequence)
                for turn in turns
                if waits and turn.speaker == Speaker.CUSTOMER
                for at_ms in range(turn.start_ms + FIRST_PARTIAL_MS, turn.end_ms, PARTIAL_EVERY_MS)
            )
        )
        self.heard: set[int] = set()

    def until(self, now_ms: int) -> None:
        """Tell what was being said before `now_ms` and has not come as a final yet."""
        at_ms = None
        while self._ticks and self._ticks[0][0] < now_ms:
            tick_ms, sequence = self._ticks.popleft()
            if sequence not in self.heard:
                at_ms = tick_ms
        if at_ms is not None:
            for engine in self._engines:
                engine.speaks(at_ms)


def _passed(
    ears: MomentEngine,
    engines: Sequence[RuleEngine],
    holds: deque[tuple[int, bool]],
    stood: Mapping[int, int],
    now_ms: int,
) -> Iterator[Step]:
    """The clock goes on to `now_ms`, with the holds that begin and end before it."""
    while holds and holds[0][0] <= now_ms:
        at_ms, on = holds.popleft()
        # As the live worker does while a held call stands still (`conversations.live.tidings`).
        yield from _waited(ears, engines, at_ms if on else max(at_ms, stood.get(at_ms, 0)))
        held = tuple(tuple(engine.hold(on, at_ms)) for engine in engines)
        if any(held):
            yield Step(None, at_ms, (), held)
    yield from _waited(ears, engines, now_ms)


def _waited(ears: MomentEngine, engines: Sequence[RuleEngine], now_ms: int) -> Iterator[Step]:
    missing = tuple(ears.advance(now_ms))
    decided = []
    for engine in engines:
        told = [one for occurrence in missing for one in engine.observe(occurrence, "")]
        decided.append((*told, *engine.advance(now_ms)))
    if missing or any(decided):
        yield Step(None, now_ms, missing, tuple(decided))


class Player:
    """Plays calls through a draft and through what is published beside it. Made once for a run."""

    def __init__(self, *, draft: Any, published: Any | None) -> None:
        specs = active_specs()
        names = {spec.key: spec.name for spec in specs}
        self._moments = CompiledMoments(specs)
        self._teller = PastTeller(specs)
        self._sides = {BacktestHit.Side.DRAFT.value: document_compiled(draft, names)}
        if published is not None:
            self._sides[BacktestHit.Side.PUBLISHED.value] = document_compiled(published, names, "published")

    def play(self, call: Past) -> dict[str, Played]:
        """What each side would have done in a call."""
        played = {side: Played() for side in self._sides}
        results = list(played.values())
        sides = list(self._sides.values())
        tell = self._teller.of_call(call.known.language)
        for step in steps(call.turns, self._moments, sides, call.known, tell):
            for result, decisions in zip(results, step.decisions, strict=True):
                for one in decisions:
                    _count(result, one)
        return played


def _count(result: Played, one: Decision) -> None:
    if one.what not in ACTS or is_opening(one):
        return
    if one.what == "show" and one.action is not None and one.action.do in HINTS:
        result.shown += 1
    hit = (one.rule_id, one.at_ms, one.sequence)
    # Several actions of one rule are one time that it acts.
    if not result.hits or hit not in result.hits[-12:]:
        result.hits.append(hit)


def is_opening(one: Decision) -> bool:
    """Whether it is only the checklist as it stands when a call begins."""
    return one.what == "show" and one.action is not None and one.action.do == "check"


# --- Reading past calls ---------------------------------------------------------------------------------


def past_calls(ids: Sequence[UUID], scope: Mapping[str, Any]) -> list[Past]:
    """Past conversations with what was said in them, in the order of `ids`. Four queries, however many."""
    if not ids:
        return []
    zone = company_zone()
    rows = Conversation.objects.filter(pk__in=ids).values(
        "pk",
        *FIELD_COLUMNS,
        "started_at",
        "announced_at",
        "agent_id",
        "agent__team_id",
    )
    known = {row["pk"]: row for row in rows}
    said: dict[UUID, list[Turn]] = {pk: [] for pk in ids}
    spoken = (
        Utterance.objects.filter(conversation__in=ids).exclude(text="").order_by("conversation", "sequence")
    )
    for one in spoken.values_list("conversation_id", "sequence", "speaker", "start_ms", "end_ms", "text"):
        said[one[0]].append(Turn(one[1], one[2], one[3], one[4], one[5]))
    holds = holds_of(ids)
    calls = []
    for pk in ids:
        row = known.get(pk)
        if row is None:
            # Erased meanwhile: it has its place in the row, and nothing to play.
            calls.append(Past(pk, (), Known(), fits=False))
            continue
        begun = (row["started_at"] or row["announced_at"]).astimezone(zone)
        audience = Audience(
            agent_id=row["agent_id"],
            team_id=row["agent__team_id"],
            queue=row["queue__key"],
            channel=row["channel"],
            language=row["language"],
            at=begun,
            key=str(pk),
        )
        calls.append(
            Past(pk, said[pk], Known(fields_of(row), begun, *holds.get(pk, ())), fits(scope, audience))
        )
    return calls


def holds_of(ids: Sequence[UUID]) -> dict[UUID, tuple[list[tuple[int, bool]], dict[int, int]]]:
    """`holds` and `stood` of `Known`, as far as telephony has told. One query."""
    found: dict[UUID, tuple[list[tuple[int, bool]], dict[int, int]]] = defaultdict(lambda: ([], {}))
    since: dict[UUID, datetime] = {}
    rows = CallPhase.objects.filter(conversation__in=ids, refused=False).order_by("conversation", "at", "pk")
    for conversation_id, phase, from_ms, at in rows.values_list("conversation_id", "phase", "from_ms", "at"):
        (edges, stood), on = found[conversation_id], phase == Phase.HOLD
        if on == bool(edges and edges[-1][1]):
            continue
        # Where audio stood still, the order of the telephony counts.
        at_ms = max(from_ms, edges[-1][0] if edges else 0)
        if on:
            since[conversation_id] = at
        else:
            began_ms, lasted = edges[-1][0], at - since[conversation_id]
            if lasted - timedelta(milliseconds=at_ms - began_ms) > STOOD_STILL:
                stood[at_ms] = began_ms + round(lasted / timedelta(milliseconds=1))
        edges.append((at_ms, on))
    return found
