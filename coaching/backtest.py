"""A draft on the company's last conversations: in slices, each of which may be cut off and go on, or run twice.

One backtest at a time goes through conversations that are over, newest first, and remembers the last one it has
played. What a batch of them gave is written in one transaction with that place, so that nothing counts twice.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import timedelta
from time import monotonic
from typing import Any
from uuid import UUID

import structlog
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.errors import Conflict, error_place
from accounts.models import User
from accounts.services import audit
from coaching.models import Backtest, BacktestHit, Policy, PolicyRevision
from coaching.replay import Past, Player, documents_checked, past_calls
from conversations.models import Conversation
from tenants.scope import current_schema, schema_scope

log = structlog.get_logger(__name__)

State = Backtest.State
SLICE_SECONDS = 20.0
# Calls read, played and written at a time: few enough to show progress, enough for one query to serve many.
BATCH = 25
MOST = 10_000
# A step that was not heard of for so long was lost with its worker.
LOST_AFTER = timedelta(minutes=2)


def history(scope: Mapping[str, Any]) -> QuerySet[Conversation]:
    """Conversations that are over and have words, of those whom a scope names. Its times and languages: `fits`."""
    rows = Conversation.objects.filter(words_erased_at__isnull=True).exclude(
        state__in=[Conversation.State.ANNOUNCED, Conversation.State.LIVE]
    )
    if agents := scope.get("agents"):
        rows = rows.filter(agent__in=agents)
    if teams := scope.get("teams"):
        rows = rows.filter(agent__team__in=teams)
    if queues := scope.get("queues"):
        rows = rows.filter(queue__key__in=queues)
    if channels := scope.get("channels"):
        rows = rows.filter(channel__in=channels)
    return rows


def backtest_start(
    *,
    policy: Policy,
    last: int,
    actor: User | None,
    document: Any = None,
    address: str | None = None,
    dispatch: bool = True,
) -> Backtest:
    """Begin to play `document` (None: the policy's draft) over the last conversations in the policy's scope.

    It is compared with what is published of the policy. Raises `ValidationError` for a document that cannot run, and
    `Conflict` while another backtest is under way.
    """
    if not 1 <= last <= MOST:
        raise ValidationError(_("Choose between 1 and %(most)d conversations.") % {"most": MOST})
    document = policy.draft if document is None else document
    documents_checked(document)
    rows = history(policy.scope).order_by("-pk")
    newest = rows.values_list("pk", flat=True).first()
    try:
        with transaction.atomic():
            run = Backtest.objects.create(
                policy=policy,
                against=published_now(policy),
                document=document,
                last=last,
                total=min(last, rows.count()),
                from_id=newest,
                hints={side: {} for side in BacktestHit.Side.values},
                started_by=actor,
            )
            audit(
                actor=actor,
                action="policy.backtest",
                thing=policy,
                changes={"conversations": run.total},
                address=address,
            )
            if dispatch:
                _next(run.pk)
    except IntegrityError:
        raise Conflict(_("Another backtest is under way. Wait for it, or cancel it.")) from None
    return run


def published_now(policy: Policy) -> PolicyRevision | None:
    """The newest revision that is in effect."""
    if policy.in_use_from is None:
        return None
    return policy.revisions.filter(number__gte=policy.in_use_from).order_by("-number").first()


def backtest_cancel(*, run_id: UUID, actor: User | None, address: str | None = None) -> Backtest:
    """Stop after the batch it is at; what it found stays. One that has ended stays as it is."""
    with transaction.atomic():
        run = Backtest.objects.select_for_update().select_related("policy").get(pk=run_id)
        if run.is_open:
            run.state, run.is_open, run.ended_at = State.CANCELLED, False, timezone.now()
            run.save(update_fields=["state", "is_open", "ended_at"])
            audit(actor=actor, action="policy.backtest_cancel", thing=run.policy, address=address)
    return run


def backtest_resume(
    *, run_id: UUID, actor: User | None, address: str | None = None, dispatch: bool = True
) -> Backtest:
    """Go on where it was: with one that was cancelled or failed, or that is open and not heard of.

    Raises `Conflict` for one that is done, and while another is under way.
    """
    try:
        with transaction.atomic():
            run = Backtest.objects.select_for_update().select_related("policy").get(pk=run_id)
            if run.state == State.DONE:
                raise Conflict(_("This backtest is done. Start another one."))
            if not run.is_open:
                run.state, run.is_open, run.ended_at = State.RUNNING, True, None
                run.save(update_fields=["state", "is_open", "ended_at"])
                audit(actor=actor, action="policy.backtest_resume", thing=run.policy, address=address)
            if dispatch:
                _next(run.pk)
    except IntegrityError:
        raise Conflict(_("Another backtest is under way. Wait for it, or cancel it.")) from None
    return run


def backtest_step(
    *, run_id: UUID, seconds: float = SLICE_SECONDS, told: Callable[[Backtest], Any] | None = None
) -> bool:
    """Play on for `seconds`, then hand on. Returns whether it has ended. Safe to call twice at once.

    `told` is called after each batch. With it the caller goes on by itself, and nothing is handed to Celery.
    """
    lock = f"{current_schema()}:backtest:{run_id}"
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", [lock])
        if not cursor.fetchone()[0]:
            return False
    try:
        ended = _step(run_id, monotonic() + seconds, told)
    except Exception as error:
        # The draft, not one call, is what cannot be played: it would fail again with every step.
        place = error_place(error)
        log.error("backtest.failed", run=str(run_id), error=place)
        Backtest.objects.filter(pk=run_id, is_open=True).update(
            state=State.FAILED, is_open=False, ended_at=timezone.now(), last_error=place[:200]
        )
        return True
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(hashtextextended(%s, 0))", [lock])
    if not ended and told is None:
        with transaction.atomic():
            _next(run_id)
    return ended


def _step(run_id: UUID, until: float, told: Callable[[Backtest], Any] | None) -> bool:
    open_run = Backtest.objects.filter(pk=run_id, is_open=True).select_related("policy", "against")
    run = open_run.first()
    if run is None:
        return True
    player = Player(draft=run.document, published=run.against.document if run.against else None)
    while True:
        begun = monotonic()
        calls = past_calls(_following(run), run.policy.scope)
        if not calls:
            now = timezone.now()
            open_run.update(state=State.DONE, is_open=False, ended_at=now, seen_at=now)
            log.info("backtest.done", run=str(run_id), played=run.done)
            return True
        if not _batch(run, player, calls, begun):
            return True  # cancelled meanwhile
        if told is not None:
            told(run)
        if monotonic() >= until:
            return False


def _following(run: Backtest) -> list[UUID]:
    """The next conversations, by falling keys, as many as are still owed."""
    if run.from_id is None:
        return []
    rows = history(run.policy.scope).filter(pk__lte=run.from_id)
    if run.cursor is not None:
        rows = rows.filter(pk__lt=run.cursor)
    return list(rows.order_by("-pk").values_list("pk", flat=True)[: max(0, min(BATCH, run.last - run.done))])


def _batch(run: Backtest, player: Player, calls: list[Past], begun: float) -> bool:
    """Play some calls and write what they gave. Returns whether the run is still open."""
    hits: list[BacktestHit] = []
    shown: dict[str, Counter[int]] = {side: Counter() for side in BacktestHit.Side.values}
    failed, last_error, within = 0, "", 0
    for call in calls:
        if not call.fits:
            continue
        try:
            played = player.play(call)
        except Exception as error:
            # One call that cannot be played must not keep the others from it; it is counted.
            failed, last_error = failed + 1, error_place(error)
            log.error("backtest.call_failed", conversation=str(call.id), error=last_error)
            continue
        within += 1
        for side, found in played.items():
            shown[side][found.shown] += 1
            hits += [
                BacktestHit(
                    backtest=run,
                    conversation_id=call.id,
                    side=side,
                    rule_key=rule_key,
                    at_ms=at_ms,
                    sequence=sequence,
                )
                for rule_key, at_ms, sequence in found.hits
            ]
    with transaction.atomic():
        row = Backtest.objects.select_for_update().filter(pk=run.pk, is_open=True).first()
        if row is None:
            return False
        if row.cursor != run.cursor:
            raise RuntimeError("another step has gone on meanwhile")  # the lock keeps this from being
        # Of a conversation that was erased meanwhile nothing may be kept.
        there = set(
            Conversation.objects.filter(pk__in=[call.id for call in calls]).values_list("pk", flat=True)
        )
        BacktestHit.objects.bulk_create([hit for hit in hits if hit.conversation_id in there])
        run.hints = {side: _added(run.hints.get(side, {}), counts) for side, counts in shown.items()}
        run.done += len(calls)
        run.calls += within
        run.failed += failed
        run.last_error = last_error or run.last_error
        run.cursor = calls[-1].id
        run.state, run.seen_at = State.RUNNING, timezone.now()
        run.seconds += monotonic() - begun
        run.save(
            update_fields=[
                "hints", "done", "calls", "failed", "last_error", "cursor", "state", "seen_at", "seconds",
            ]
        )  # fmt: skip
    return True


def _added(before: Mapping[str, int], more: Counter[int]) -> dict[str, int]:
    whole = Counter({int(count): calls for count, calls in before.items()}) + more
    return {str(count): whole[count] for count in sorted(whole)}


def backtests_wake() -> int:
    """Go on with one whose worker went away, or whose message was lost. Returns how many there were."""
    quiet = timezone.now() - LOST_AFTER
    lost = Backtest.objects.filter(is_open=True).filter(
        Q(seen_at__lt=quiet) | Q(seen_at__isnull=True, created_at__lt=quiet)
    )
    woken = 0
    for run_id in lost.values_list("pk", flat=True):
        # Not again with the next sweep, which is seconds away.
        Backtest.objects.filter(pk=run_id).update(seen_at=timezone.now())
        with transaction.atomic():
            _next(run_id)
        woken += 1
    return woken


def _next(run_id: UUID) -> None:
    from coaching.backtest_tasks import backtest_run_step

    schema = current_schema()

    def hand_on() -> None:
        with schema_scope(schema):
            try:
                backtest_run_step.delay(run_id=str(run_id))
            except (OSError, backtest_run_step.OperationalError) as error:
                log.warning("backtest.broker_away", run=str(run_id), error=type(error).__name__)

    transaction.on_commit(hand_on)
