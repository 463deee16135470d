"""Where the rules stand in a call that began under another version of ours, whose state this one cannot read.

What was said, the moments found in it, holds, and what the agent closed or chose are stored: the rules are told all of
it again, and what they decide is dropped, as it was decided then. So what they wait for, count and follow goes on.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from typing import Any
from uuid import UUID

from coaching.board import step_key
from coaching.budget import COUNTED
from coaching.compiled import Ready
from coaching.models import Guidance
from coaching.replay import holds_of
from conversations.models import Utterance
from engines.rules import Heard, Occurrence
from engines.rules.compiled import rule_key
from engines.rules.engine import RuleEngine
from moments.models import MomentOccurrence


def rules_retold(engine: RuleEngine, conversation_id: UUID, now_ms: int) -> None:
    """Bring a new engine to where the call stands at `now_ms`. Five queries, and work by the length of the call."""
    engine.start()
    reached = 0
    for at_ms, _order, told in sorted(_told(conversation_id), key=lambda one: one[:2]):
        if at_ms > reached:
            engine.advance(at_ms)
            reached = at_ms
        told(engine)
    engine.advance(max(now_ms, reached))
    _closed(engine, conversation_id)


def screen_retold(conversation_id: UUID, ready: Ready) -> dict[str, Any]:
    """What stands on the agent's screen, as `Board` takes it, from its rows. One query.

    That the words of a hint shown before are said later is not recognised any more, and what was shown on words not
    yet final counts as confirmed.
    """
    opened: dict[str, str] = {}
    closed: dict[str, str] = {}
    waiting: list[dict[str, Any]] = []
    shown, last = 0, None
    # Without a revision the model of the next step has suggested it, which leaves it to its time.
    rows = Guidance.objects.filter(conversation=conversation_id, revision__isnull=False)
    for row in rows.select_related("revision").order_by("at_ms", "pk"):
        key = _key(row, ready)
        if row.state in {Guidance.State.OPEN, Guidance.State.HELD}:
            opened[key] = str(row.pk)
        elif row.state == Guidance.State.DISMISSED:
            closed[str(row.pk)] = key
        if row.state == Guidance.State.HELD and row.held == Guidance.Held.SOON:
            offer = {"kind": row.kind, "rule": row.rule_key}
            waiting.append({"key": str(row.pk), **offer, "priority": row.priority, "optional": row.optional})
        elif row.kind in COUNTED and row.state != Guidance.State.HELD:
            shown, last = shown + 1, row.at_ms
    counts = {"shown": shown, "soon": len(waiting), "enough": 0, "muted": 0, "lost": 0}
    budget = {"last": last, "waiting": waiting, "counts": counts}
    return {"open": opened, "closed": closed, "budget": budget}


def _key(row: Guidance, ready: Ready) -> str:
    """As `board.key_of` of the decision that put it there."""
    if row.kind == Guidance.Kind.CHECKLIST:
        return f"check|{row.title}"
    if row.kind == Guidance.Kind.STEP and row.revision is not None:
        return step_key(row.revision, row.playbook, row.step)
    revision = str(row.revision_id)
    source = "rule" if rule_key(revision, row.rule_key) in ready.policies.rule_numbers else "behaviour"
    return f"{revision}|{source}|{row.rule_key}|{row.action}"


def _told(conversation_id: UUID) -> Iterator[tuple[int, int, Any]]:
    """(call time, order within it, what to do with the engine), in no order."""
    found: dict[int, list[Occurrence]] = defaultdict(list)
    rows = MomentOccurrence.objects.filter(conversation=conversation_id).select_related(
        "definition", "utterance"
    )
    for row in rows.order_by("at_ms", "start", "pk"):
        said = row.utterance
        occurrence = Occurrence(
            row.definition.key,
            str(row.revision_id),
            row.at_ms,
            None if said is None else said.sequence,
            "any" if said is None else said.speaker,
            () if row.start is None or row.end is None else ((row.start, row.end),),
            until_ms=row.at_ms if said is None else said.end_ms,
            score=row.score,
        )
        if said is None:
            yield row.at_ms, 1, lambda engine, one=occurrence: engine.observe(one)
        else:
            found[said.sequence].append(occurrence)
    spoken = Utterance.objects.filter(conversation=conversation_id).order_by("sequence")
    fields = ("sequence", "speaker", "start_ms", "end_ms", "text")
    at_ms = 0
    for sequence, speaker, start_ms, end_ms, text in spoken.values_list(*fields):
        heard = Heard(sequence, speaker, start_ms, end_ms, text)
        # In the order in which it was heard: the engine takes no earlier number after a later one.
        at_ms = max(at_ms, start_ms)
        yield (
            at_ms,
            2 + sequence,
            lambda engine, one=heard: engine.hear(one, found.get(one.sequence, [])),
        )
    for since_ms, on in holds_of([conversation_id])[conversation_id][0]:
        yield since_ms, 0, lambda engine, since_ms=since_ms, on=on: engine.hold(on, since_ms)


def _closed(engine: RuleEngine, conversation_id: UUID) -> None:
    """What the agent has closed rests; playbooks are where they are on the screen."""
    rows = Guidance.objects.filter(conversation=conversation_id, revision__isnull=False)
    fields = ("revision_id", "rule_key", "action", "settled_ms", "at_ms")
    for revision, rule, action, settled_ms, at_ms in rows.filter(state=Guidance.State.DISMISSED).values_list(
        *fields
    ):
        with suppress(KeyError):
            engine.dismiss(str(revision), rule, index=action, at_ms=settled_ms or at_ms)
    steps = rows.filter(kind=Guidance.Kind.STEP, state=Guidance.State.OPEN)
    for revision, playbook, step, at_ms in steps.values_list("revision_id", "playbook", "step", "at_ms"):
        with suppress(ValueError):
            engine.move(str(revision), playbook, step, at_ms)
