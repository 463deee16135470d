"""Questions for a model outside a live call: tried on a sentence or a whole dialogue, and why nobody answers them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotInTime
from dataclasses import dataclass, field

import structlog
from django.utils.translation import gettext as _

from accounts.errors import error_place
from accounts.ids import new_id
from engines.language.moment_detection import DEADLINE_S, MOMENT_DETECTION, TURNS, Said
from engines.language.tasks import NO_MODEL, OVER_BUDGET
from engines.rules import Heard, MomentSpec, Occurrence
from moments.questions import GRACE_S, OBEYS, Told, Turn, occurrence_of, question_of, questions_ask
from providers.language import task_fault
from tenants.scope import current_schema

log = structlog.get_logger(__name__)

# A try is given as many requests as these, all at once: a hundred and twenty turns.
MOST_REQUESTS = 10


@dataclass(frozen=True, slots=True)
class Tried:
    """What a try came to: the first yes to each question, by the turn that shows it, and who answered.

    `fault`: why some of it, or all, was not answered, in a sentence; empty where it was.
    """

    found: dict[int, list[Occurrence]] = field(default_factory=dict)
    models: tuple[str, ...] = ()
    fault: str = ""


def question_notes() -> list[str]:
    """Why no question is answered now, in a sentence for who asks it; none where one is. Up to four queries."""
    fault = task_fault(MOMENT_DETECTION)
    return [_unasked(fault)] if fault else []


def questions_try(specs: Iterable[MomentSpec], turns: Sequence[Heard]) -> Tried:
    """Ask about all that was said, redacted: as much at a time as a call does, all at once, within a call's deadline.

    Each question counts once, in the first of these parts that answers it with yes. Blocks for that time: not in a
    transaction, and not where an event loop runs.
    """
    asked = {spec.key: spec for spec in specs}
    if not asked or not turns:
        return Tried()
    if fault := task_fault(MOMENT_DETECTION):
        return Tried(fault=_unasked(fault))
    questions, ident, schema = [question_of(one) for one in asked.values()], str(new_id()), current_schema()
    windows = [turns[at : at + TURNS] for at in range(0, len(turns), TURNS)]
    under_way = [
        questions_ask(schema, ident, questions, [Said(one.sequence, one.speaker, one.text) for one in window])
        for window in windows[:MOST_REQUESTS]
    ]
    told = [_waited(one) for one in under_way]
    found: dict[int, list[Occurrence]] = {}
    known = set[str]()
    by_number = {one.sequence: one for one in turns}
    for one in told:
        for yes in sorted(one.judged.yes, key=lambda yes: yes.sequence) if one.judged else ():
            if yes.key in known:
                continue
            known.add(yes.key)
            heard = by_number[yes.sequence]
            said = Said(heard.sequence, heard.speaker, heard.text)
            turn = Turn(said, new_id(), heard.start_ms, heard.end_ms)
            found.setdefault(yes.sequence, []).append(occurrence_of(asked[yes.key], turn, yes))
    models = tuple(sorted({one.model for one in told if one.model}))
    return Tried(found, models, _fault(told, len(windows)))


def _waited(under_way: Future[Told]) -> Told:
    try:
        return under_way.result(DEADLINE_S + GRACE_S)
    except NotInTime:
        return Told(fault="slow")
    except Exception as error:
        log.error("questions.try_failed", place=error_place(error))
        return Told(fault="failed")


def _fault(told: Sequence[Told], windows: int) -> str:
    faults = [one.fault for one in told if one.judged is None]
    if faults and faults[0] in (NO_MODEL, OVER_BUDGET):
        return _unasked(faults[0])
    if faults:
        return _("The model did not answer in time, or not as asked (%(fault)s).") % {"fault": faults[0]}
    if any(one.judged and one.judged.obeys for one in told):
        return _("The model %(obeys)s: nothing of its answer counts.") % {"obeys": OBEYS}
    if any(one.judged and one.judged.void for one in told):
        return _("The model named words that nobody said: that answer does not count.")
    if windows > MOST_REQUESTS:
        return _("Only the first %(most)d turns were asked about.") % {"most": MOST_REQUESTS * TURNS}
    return ""


def _unasked(fault: str) -> str:
    if fault == OVER_BUDGET:
        return _(
            "What “moments that are asked of a model” may cost in this month is spent: until it is over they are not "
            "heard."
        )
    return _(
        "No model is set for “moments that are asked of a model”: they are never heard. Set one under Models, or in a "
        "route."
    )
