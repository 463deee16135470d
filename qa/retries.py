"""Answers that a language model could not give, because its server was not there: asked for again, a few times.

What came of it fills what was open, and what hung on that; nothing else of an evaluation changes. One that people have
touched is theirs, and is left alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from time import monotonic
from typing import Any
from uuid import UUID

import structlog
from django.db import transaction
from django.utils import timezone

from accounts.errors import error_place
from accounts.services import audit
from conversations.services import call_lock
from qa.answers import score_of
from qa.judging import Judged
from qa.materials import materials_of, stamp_of
from qa.models import Answer, Evaluation
from qa.scoring import judged, judged_by
from qa.selectors import PASSING, retry_at, touched
from qa.services import evaluation_tell, total_write
from tenants.locks import held_alone

log = structlog.get_logger(__name__)

Why = Answer.OpenWhy
# The server is not there for others, either.
GONE = frozenset({Why.AWAY, Why.BUSY, Why.SLOW})
SLICE_SECONDS = 20.0
LOOKS = 3


def answers_retry(*, seconds: float = SLICE_SECONDS) -> int:
    """Ask again for what is due, for about `seconds`. Returns how many evaluations got answers. One at a time.

    It leaves off with the first for which the server is not there.
    """
    with held_alone("qa-retries") as mine:
        if not mine:
            return 0
        until, filled = monotonic() + seconds, 0
        while monotonic() < until:
            due = Evaluation.objects.filter(retry_at__lte=timezone.now()).order_by("retry_at")
            found = due.values_list("pk", flat=True).first()
            if found is None:
                break
            try:
                still, answered = evaluation_retry(evaluation_id=found)
            except Exception as error:
                # Whatever is wrong with one: its turn comes later, and the others have theirs.
                log.error("qa.retry_failed", evaluation=str(found), error=error_place(error))
                _postpone(found)
                continue
            filled += answered
            if still & GONE:
                break
        return filled


def retries_dispatch() -> None:
    """Have Celery ask again for what is due: a server may take its time, and other companies wait for the sweep.

    A broker that is away is no error: the sweep comes again.
    """
    from qa.tasks import model_answers_retry

    if not Evaluation.objects.filter(retry_at__lte=timezone.now()).exists():
        return
    try:
        model_answers_retry.delay()
    except (OSError, model_answers_retry.OperationalError) as error:
        log.warning("qa.broker_away", error=type(error).__name__)


def evaluation_retry(*, evaluation_id: UUID) -> tuple[set[str], bool]:
    """Ask again for the open answers of one. Returns why some are still open, and whether any was given."""
    row = (
        Evaluation.objects.select_related("conversation", "revision", "revision__template")
        .filter(pk=evaluation_id)
        .first()
    )
    if row is None:
        return set(), False
    for _look in range(LOOKS):
        stamp = stamp_of(row.conversation_id)
        asked = _asked(row)
        with transaction.atomic():
            call_lock(row.conversation_id)
            fresh = (
                Evaluation.objects.select_for_update(of=("self",), no_key=True)
                .select_related("revision")
                .get(pk=row.pk)
            )
            if asked is None or not _is_open(fresh):
                Evaluation.objects.filter(pk=row.pk).update(retry_at=None)
                return set(), False
            if stamp_of(row.conversation_id) != stamp:
                continue
            return _filled(fresh, asked)
    # Words keep changing: its turn comes again.
    _postpone(row.pk)
    return set(), False


def _postpone(evaluation_id: UUID) -> None:
    row = Evaluation.objects.get(pk=evaluation_id)
    row.tries += 1
    row.retry_at = retry_at(row.answers.all(), row.tries)
    row.save(update_fields=["tries", "retry_at"])


def _is_open(row: Evaluation) -> bool:
    """Whether it still waits for a model: nobody has touched it, and none stands in its place."""
    return (
        row.retry_at is not None
        and row.replaced_at is None
        and row.conversation.words_erased_at is None
        and not touched(Evaluation.objects.filter(pk=row.pk)).exists()
    )


def _asked(row: Evaluation) -> Mapping[str, Judged] | None:
    """What the model says to what is open, and what judges say to what hangs on that; None where there is nothing."""
    if not _is_open(row):
        return None
    own = [one for part, one in materials_of(row.conversation) if part.agent_id == row.agent_id]
    if not own:
        return None
    criteria = row.revision.spec["criteria"]
    answers = {one.criterion_key: one for one in row.answers.all()}
    anew = _anew(criteria, answers)
    known = {key: answer_judged(one) for key, one in answers.items() if key not in anew}
    told = judged(criteria, own[0], known=known)
    return {key: told[key] for key in anew}


def _anew(criteria: Sequence[Mapping[str, Any]], answers: Mapping[str, Answer]) -> set[str]:
    """Keys of what is open by a passing fault, and of what hangs on that, directly or not."""
    found = {key for key, one in answers.items() if one.open_why in PASSING}
    while more := {one["key"] for one in criteria if one["depends_on"] in found} - found:
        found |= more
    return found


def answer_judged(answer: Answer) -> Judged:
    """An automatic answer as its judge gave it."""
    return Judged(
        answer.automatic, answer.evidence, answer.confidence, answer.reason, answer.judge, answer.open_why
    )


def _filled(row: Evaluation, told: Mapping[str, Judged]) -> tuple[set[str], bool]:
    """Write what was told, within the caller's transaction."""
    criteria = {one["key"]: one for one in row.revision.spec["criteria"]}
    answers = list(row.answers.all())
    given = False
    for answer in answers:
        one = told.get(answer.criterion_key)
        if one is None:
            continue
        given = given or one.value != answer.automatic
        answer.value = answer.automatic = one.value
        answer.score = score_of(criteria[answer.criterion_key], one.value)
        answer.confidence = None if one.confidence is None else round(one.confidence, 4)
        answer.evidence, answer.reason = one.evidence, one.reason
        answer.judge, answer.open_why = one.judge, one.open_why
    Answer.objects.bulk_update(
        [one for one in answers if one.criterion_key in told],
        ["value", "automatic", "score", "confidence", "evidence", "reason", "judge", "open_why"],
    )
    row.tries += 1
    row.retry_at = retry_at(answers, row.tries)
    row.judges = judged_by(
        list(criteria.values()), {one.criterion_key: answer_judged(one) for one in answers}
    )
    row.save(update_fields=["tries", "retry_at", "judges", "updated_at"])
    if given:
        total_write(row, answers)
        entry = audit(actor=None, action="evaluation.retried", thing=row, changes={"tries": row.tries})
        evaluation_tell(row, because=str(entry.pk))
    log.info("qa.retried", evaluation=str(row.pk), tries=row.tries, given=given)
    return {one.open_why for one in answers if one.open_why}, given
