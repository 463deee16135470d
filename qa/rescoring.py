"""History scored anew by a scorecard's revision: by several workers, in slices that may be cut off or run twice.

One run at a time goes through conversations that are over, newest first; each worker takes pieces of it (see
`qa.rescoring_pieces`) for some seconds and hands on to itself, so that what else waits gets its turn. A preview reckons
what would change and writes nothing else. What people have touched stays as it is. A language model is asked only by a
run that was told to, after a preview said what that takes (`qa.rescoring_model`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import timedelta
from enum import Enum
from time import monotonic
from typing import Any
from uuid import UUID

import structlog
from django.conf import settings as django_settings
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.errors import Conflict
from accounts.models import User
from accounts.services import audit
from qa.models import Rescore, ScorecardRevision
from qa.rescoring_model import ModelGone, model_consent_check
from qa.rescoring_pieces import RunClosed, history, piece_held, piece_judge
from qa.selectors import quality_settings, scoring_revisions
from tenants.locks import held_alone
from tenants.scope import current_schema, schema_scope

log = structlog.get_logger(__name__)

State = Rescore.State
SLICE_SECONDS = 5.0
MOST_DAYS = 731
# A step that was not heard of for so long was lost with its worker.
LOST_AFTER = timedelta(minutes=2)


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
    """Stop at once: what is written stays, what is being judged is not written. One that has ended stays as it is."""
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
    *,
    run_id: UUID,
    lane: int = 0,
    seconds: float = SLICE_SECONDS,
    told: Callable[[Rescore], Any] | None = None,
) -> bool:
    """Judge on for `seconds`, then hand on. Returns whether the run has ended. Safe to call twice at once.

    Each lane is one worker's at a time. `told` is called after each piece. With it the caller goes on by itself, and
    nothing is handed to Celery.
    """
    with held_alone(f"rescore:{run_id}:{lane}") as mine:
        if not mine:
            return False
        after = _step(run_id, monotonic() + seconds, told)
    if after is After.MORE and told is None:
        with transaction.atomic():
            _next(run_id, [lane])
    return after is After.ENDED


class After(Enum):
    """A step: the run has ended, there is more to do, or what is left is done by others."""

    ENDED = "ended"
    MORE = "more"
    OTHERS = "others"


def _step(run_id: UUID, until: float, told: Callable[[Rescore], Any] | None) -> After:
    settings = quality_settings()
    while True:
        run = Rescore.objects.filter(pk=run_id, is_open=True).select_related("revision").first()
        if run is None:
            return After.ENDED
        with piece_held(run) as piece:
            if piece is None:
                return _done(run)
            try:
                piece_judge(run, piece, settings, until=until)
            except RunClosed:
                continue
            except ModelGone as gone:
                _stopped(run, str(gone))
                return After.ENDED
        if told is not None:
            run.refresh_from_db()
            told(run)
        if monotonic() >= until:
            return After.MORE


def _done(run: Rescore) -> After:
    """End a run of which nothing is left to take, unless others are still at their pieces."""
    with transaction.atomic():
        row = Rescore.objects.select_for_update().filter(pk=run.pk, is_open=True).first()
        if row is not None and row.pieces.exists():
            return After.OTHERS
        if row is not None:
            row.state, row.is_open, row.ended_at = State.DONE, False, timezone.now()
            row.save(update_fields=["state", "is_open", "ended_at"])
            log.info("rescore.done", run=str(run.pk), judged=row.done)
    return After.ENDED


def _stopped(run: Rescore, why: str) -> None:
    """Stop before the conversation that it is at, so that it is judged when somebody resumes."""
    log.warning("rescore.model_gone", run=str(run.pk), why=why)
    Rescore.objects.filter(pk=run.pk, is_open=True).update(
        state=State.FAILED, is_open=False, ended_at=timezone.now(), last_error=why[:200]
    )


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


def _next(run_id: UUID, lanes: Iterable[int] | None = None) -> None:
    """Have the run gone on with once this is committed: in these lanes, or in as many as there are workers."""
    from qa.tasks import rescore_run_step

    schema = current_schema()
    wanted = range(django_settings.BACKGROUND_WORKERS) if lanes is None else lanes

    def hand_on() -> None:
        with schema_scope(schema):
            try:
                for lane in wanted:
                    rescore_run_step.delay(run_id=str(run_id), lane=lane)
            except (OSError, rescore_run_step.OperationalError) as error:
                log.warning("rescore.broker_away", run=str(run_id), error=type(error).__name__)

    transaction.on_commit(hand_on)
