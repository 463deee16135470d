"""History scored anew by a scorecard's revision: in slices, each of which may be cut off and go on, or run twice.

One run at a time goes through conversations that are over, newest first, and remembers the last one it has judged.
A preview reckons what would change and writes nothing else. What people have touched stays as it is. A language model
is asked only by a run that was told to, after a preview said what that takes (`qa.rescoring_model`).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from time import monotonic
from typing import Any
from uuid import UUID

import structlog
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.errors import Conflict, error_place
from accounts.models import User
from accounts.services import audit
from conversations.models import Conversation
from conversations.outbox import jobs_announce
from conversations.services import call_lock
from qa.judging import MODEL
from qa.materials import stamp_of
from qa.models import Evaluation, QualitySettings, Rescore, ScorecardRevision
from qa.rescoring_model import (
    ModelGone,
    model_answered_check,
    model_answers_before,
    model_consent_check,
    model_cost_added,
)
from qa.scoring import Draft, WordsMoved, drafts_of, drafts_write
from qa.selectors import quality_settings, scoring_revisions, touched
from qa.services import SCORED, evaluation_tell
from tenants.locks import held_alone
from tenants.scope import current_schema, schema_scope

log = structlog.get_logger(__name__)

State = Rescore.State
SLICE_SECONDS = 20.0
# Figures are written after so many conversations.
BATCH = 25
MOST_DAYS = 731
# A step that was not heard of for so long was lost with its worker.
LOST_AFTER = timedelta(minutes=2)


def history(*, since: datetime, until: datetime) -> QuerySet[Conversation]:
    """Conversations of a period that are over and have their words."""
    rows = Conversation.objects.filter(
        words_erased_at__isnull=True, announced_at__gte=since, announced_at__lt=until
    )
    return rows.exclude(state__in=[Conversation.State.ANNOUNCED, Conversation.State.LIVE])


def rescore_start(
    *,
    revision: ScorecardRevision,
    days: int,
    preview: bool,
    actor: User | None,
    with_model: bool = False,
    dispatch: bool = True,
) -> Rescore:
    """Begin to judge the last days' conversations by a scorecard's newest revision.

    `with_model`: a language model is asked, too, for what it answers. Raises `ValidationError`, and `Conflict` while
    another run is under way.
    """
    if not 1 <= days <= MOST_DAYS:
        raise ValidationError({"days": _("Choose between 1 and %(most)d days.") % {"most": MOST_DAYS}})
    if revision.pk not in {row.pk for row in scoring_revisions()}:
        raise ValidationError({"revision": _("Only the newest revision of a scorecard in use can score.")})
    now = timezone.now()
    since = now - timedelta(days=days)
    if with_model:
        model_consent_check(revision=revision, since=since, preview=preview)
    try:
        with transaction.atomic():
            run = Rescore.objects.create(
                revision=revision,
                preview=preview,
                with_model=with_model,
                since=since,
                until=now,
                total=history(since=since, until=now).count(),
                started_by=actor,
            )
            audit(
                actor=actor,
                action="scorecard.rescore",
                thing=revision.template,
                changes={
                    "revision": revision.number,
                    "days": days,
                    "preview": preview,
                    "with_model": with_model,
                },
            )
            if dispatch:
                _next(run.pk)
    except IntegrityError:
        raise Conflict(_("Another re-scoring is under way. Wait for it, or cancel it.")) from None
    return run


def rescore_cancel(*, run_id: UUID, actor: User | None) -> Rescore:
    """Stop after the conversation it is at; what is written stays. One that has ended stays as it is."""
    with transaction.atomic():
        run = (
            Rescore.objects.select_for_update(of=("self",))
            .select_related("revision__template")
            .get(pk=run_id)
        )
        if run.is_open:
            run.state, run.is_open, run.ended_at = State.CANCELLED, False, timezone.now()
            run.save(update_fields=["state", "is_open", "ended_at"])
            audit(actor=actor, action="scorecard.rescore_cancel", thing=run.revision.template)
    return run


def rescore_resume(*, run_id: UUID, actor: User | None, dispatch: bool = True) -> Rescore:
    """Go on where it was: with one that was cancelled or failed, or that is open and not heard of.

    Raises `Conflict` for one that is done, and while another is under way.
    """
    try:
        with transaction.atomic():
            run = (
                Rescore.objects.select_for_update(of=("self",))
                .select_related("revision__template")
                .get(pk=run_id)
            )
            if run.state == State.DONE:
                raise Conflict(_("This re-scoring is done. Start another one."))
            if not run.is_open:
                run.state, run.is_open, run.ended_at = State.RUNNING, True, None
                run.save(update_fields=["state", "is_open", "ended_at"])
                audit(actor=actor, action="scorecard.rescore_resume", thing=run.revision.template)
            if dispatch:
                _next(run.pk)
    except IntegrityError:
        raise Conflict(_("Another re-scoring is under way. Wait for it, or cancel it.")) from None
    return run


def rescore_step(
    *, run_id: UUID, seconds: float = SLICE_SECONDS, told: Callable[[Rescore], Any] | None = None
) -> bool:
    """Judge on for `seconds`, then hand on. Returns whether it has ended. Safe to call twice at once.

    `told` is called after each batch. With it the caller goes on by itself, and nothing is handed to Celery.
    """
    with held_alone(f"rescore:{run_id}") as mine:
        if not mine:
            return False
        ended = _step(run_id, monotonic() + seconds, told)
    if not ended and told is None:
        with transaction.atomic():
            _next(run_id)
    return ended


def _step(run_id: UUID, until: float, told: Callable[[Rescore], Any] | None) -> bool:
    settings = quality_settings()
    while True:
        run = Rescore.objects.filter(pk=run_id, is_open=True).select_related("revision").first()
        if run is None:
            return True
        rows = history(since=run.since, until=run.until).select_related("queue").order_by("-pk")
        if run.cursor is not None:
            rows = rows.filter(pk__lt=run.cursor)
        batch = list(rows[:BATCH])
        now = timezone.now()
        if not batch:
            Rescore.objects.filter(pk=run_id, is_open=True).update(
                state=State.DONE, is_open=False, ended_at=now, seen_at=now
            )
            log.info("rescore.done", run=str(run_id), judged=run.done)
            return True
        for conversation in batch:
            try:
                _one(run, conversation, settings)
            except ModelGone as gone:
                return _stopped(run, str(gone))
            run.cursor, run.done = conversation.pk, run.done + 1
            if monotonic() >= until:
                break
        if not _noted(run, state=State.RUNNING):
            return True  # cancelled meanwhile
        if told is not None:
            told(run)
        if monotonic() >= until:
            return False


def _noted(run: Rescore, **fields: Any) -> bool:
    """Write down how far a run is. Returns whether it is still open."""
    names = ("cursor", "done", "changed", "kept", "failed", "figures", "last_error")
    told = {name: getattr(run, name) for name in names} | {"seen_at": timezone.now()} | fields
    return bool(Rescore.objects.filter(pk=run.pk, is_open=True).update(**told))


def _stopped(run: Rescore, why: str) -> bool:
    """Stop before the conversation that it is at, so that it is judged when somebody resumes."""
    log.warning("rescore.model_gone", run=str(run.pk), why=why)
    run.last_error = why
    _noted(run, state=State.FAILED, is_open=False, ended_at=timezone.now())
    return True


def _one(run: Rescore, conversation: Conversation, settings: QualitySettings) -> None:
    """Judge one conversation; an error is counted and does not keep the others from theirs.

    Raises `ModelGone` where the model that was to be asked is not there.
    """
    leave = frozenset() if run.with_model else frozenset({MODEL})
    known = None if run.with_model else partial(model_answers_before, run.revision)
    try:
        for _look in range(3):
            stamp = stamp_of(conversation.pk)
            drafts = drafts_of(conversation, [run.revision], settings, leave=leave, known=known)
            if run.with_model:
                model_answered_check(drafts)
            with transaction.atomic():
                if not run.preview:
                    call_lock(conversation.pk)
                    if stamp_of(conversation.pk) != stamp:
                        continue
                outcome = [_compare(run, conversation, draft, settings) for draft in drafts]
            for note in outcome:
                note()
            return
        raise WordsMoved
    except ModelGone:
        raise
    except Exception as error:
        run.failed += 1
        run.last_error = error_place(error)[:200]
        log.error("rescore.failed", conversation=str(conversation.pk), error=run.last_error)


def _compare(
    run: Rescore, conversation: Conversation, draft: Draft, settings: QualitySettings
) -> Callable[[], None]:
    """Put a part's new judgement in the place of the old one, unless people have touched that, or it is a preview.

    Returns what notes it in the run's figures, for when it is written.
    """
    rows = Evaluation.objects.filter(
        conversation=conversation,
        revision__template=run.revision.template_id,
        agent=draft.part.agent_id,
        replaced_at__isnull=True,
    ).exclude(kind=Evaluation.Kind.CALIBRATION)
    if touched(rows).exists():
        return lambda: _note_kept(run)
    before = rows.filter(kind=Evaluation.Kind.AUTOMATIC).order_by("-created_at").first()
    after = draft.total()
    if not run.preview:
        now = timezone.now()
        rows.update(replaced_at=now, counts=False, updated_at=now)
        (written,) = drafts_write(conversation, [draft], settings, announce=before is None)
        if (
            before is not None
            and before.released_at is not None
            and not draft.unscored
            and not written.released_at
        ):
            # Its agent has seen the score before, and sees the new one.
            Evaluation.objects.filter(pk=written.pk).update(released_at=now)
        if before is not None and before.released_at is not None:
            evaluation_tell(written, because=str(written.pk))
        elif before is not None:
            # Nobody follows what is not released; what reckons with scores does.
            jobs_announce(event=SCORED, conversation_id=conversation.pk, because=str(written.pk))
    old = None if before is None else before.total

    def note() -> None:
        _note(run, old, after, draft.unscored, known=before is not None)
        if run.preview:
            run.figures = run.figures | model_cost_added(run.figures, draft)

    return note


def _note_kept(run: Rescore) -> None:
    run.kept += 1


def _note(run: Rescore, old: Any, new: Any, unscored: str, *, known: bool) -> None:
    figures = {"before": [0.0, 0], "after": [0.0, 0], "up": 0, "down": 0, "unscored": {}, **run.figures}
    for name, total in (("before", old), ("after", new)):
        if total is not None:
            figures[name] = [round(figures[name][0] + float(total), 2), figures[name][1] + 1]
    if old is not None and new is not None and old != new:
        figures["up" if new > old else "down"] += 1
    if unscored:
        figures["unscored"] = {**figures["unscored"], unscored: figures["unscored"].get(unscored, 0) + 1}
    run.figures = figures
    if not known or old != new:
        run.changed += 1


def runs_wake() -> int:
    """Go on with a run whose worker went away, or whose message was lost. Returns how many."""
    quiet = timezone.now() - LOST_AFTER
    lost = Rescore.objects.filter(is_open=True).filter(
        Q(seen_at__lt=quiet) | Q(seen_at__isnull=True, created_at__lt=quiet)
    )
    woken = 0
    for run in lost:
        # Not again with the next sweep.
        Rescore.objects.filter(pk=run.pk).update(seen_at=timezone.now())
        with transaction.atomic():
            _next(run.pk)
        woken += 1
    return woken


def _next(run_id: UUID) -> None:
    from qa.tasks import rescore_run_step

    schema = current_schema()

    def hand_on() -> None:
        with schema_scope(schema):
            try:
                rescore_run_step.delay(run_id=str(run_id))
            except (OSError, rescore_run_step.OperationalError) as error:
                log.warning("rescore.broker_away", run=str(run_id), error=type(error).__name__)

    transaction.on_commit(hand_on)
