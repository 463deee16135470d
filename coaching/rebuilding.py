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

from coaching.models import Guidance
from coaching.replay import holds_of
from conversations.models import Utterance
from engines.rules import Heard, Occurrence
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
