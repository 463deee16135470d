"""Pieces of history that is scored anew: each worker takes one, judges its conversations together, and notes them.

Reading and writing fifty conversations together costs much less than doing it one by one. Which are judged, what was
written for them and the run's figures are one transaction: a worker that dies, or a step that is run twice, judges and
counts none of them twice. A conversation that is busy, has changed meanwhile or fails is seen to by itself afterwards.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from time import monotonic
from typing import Any
from uuid import UUID

import structlog
from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from accounts.errors import error_place
from conversations.models import Conversation
from conversations.outbox import jobs_announce_behind
from conversations.services import call_lock, calls_lock_free
from qa.judging import MODEL
from qa.materials import stamps_of
from qa.models import Evaluation, QualitySettings, Rescore, RescorePiece
from qa.rescoring_model import (
    ModelGone,
    costs_added,
    model_answered_check,
    model_answers_before,
    model_cost,
)
from qa.scoring import LOOKS, Draft, WordsMoved, drafts_judged, drafts_write, readings_of
from qa.selectors import touched
from qa.services import SCORED
from tenants.locks import held_alone

log = structlog.get_logger(__name__)

# Conversations of a piece: half a second's work.
PIECE = 50
NO_FIGURES: Mapping[str, Any] = {"before": [0.0, 0], "after": [0.0, 0], "up": 0, "down": 0, "unscored": {}}

Drafted = tuple[Conversation, Draft]


class RunClosed(Exception):
    """The run was cancelled, or somebody else has done the piece: nothing of what was judged is written."""


@dataclass
class Tally:
    """What judging some conversations came to, to be added to the run's own."""

    done: int = 0
    changed: int = 0
    kept: int = 0
    failed: int = 0
    last_error: str = ""
    figures: dict[str, Any] = field(default_factory=dict)

    def fail(self, conversation_id: UUID, error: Exception) -> None:
        self.failed += 1
        self.last_error = error_place(error)[:200]
        log.error("rescore.failed", conversation=str(conversation_id), error=self.last_error)

    def note(self, before: Evaluation | None, draft: Draft) -> None:
        """One part, whose score was `before`."""
        old, new = before.total if before else None, draft.total()
        self.figures = figures_added(
            self.figures,
            {
                "before": [0.0, 0] if old is None else [float(old), 1],
                "after": [0.0, 0] if new is None else [float(new), 1],
                "up": int(old is not None and new is not None and new > old),
                "down": int(old is not None and new is not None and new < old),
                "unscored": {draft.unscored: 1} if draft.unscored else {},
            },
        )
        self.changed += before is None or old != new


def figures_added(some: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """A run's figures with those of some more conversations."""
    old, new = {**NO_FIGURES, **some}, {**NO_FIGURES, **more}
    sums = {
        name: [round(old[name][0] + new[name][0], 2), old[name][1] + new[name][1]]
        for name in ("before", "after")
    }
    whys = {*old["unscored"], *new["unscored"]}
    unscored = {why: old["unscored"].get(why, 0) + new["unscored"].get(why, 0) for why in sorted(whys)}
    found = sums | {"up": old["up"] + new["up"], "down": old["down"] + new["down"], "unscored": unscored}
    model = costs_added(old.get("model", {}), new.get("model", {}))
    return found | ({"model": model} if model else {})


def history(*, since: datetime, until: datetime) -> QuerySet[Conversation]:
    """Conversations of a period that are over and have their words."""
    rows = Conversation.objects.filter(
        words_erased_at__isnull=True, announced_at__gte=since, announced_at__lt=until
    )
    return rows.exclude(state__in=[Conversation.State.ANNOUNCED, Conversation.State.LIVE])


# --- Taking ------------------------------------------------------------------------------------------------


@contextmanager
def piece_held(run: Rescore) -> Iterator[RescorePiece | None]:
    """A piece that nobody else is at: one whose worker went away, or else the next of the history. None: there is none.

    A lock of the database session says who is at it, so that it is free the moment a worker dies.
    """
    while True:
        for left in RescorePiece.objects.filter(run=run).order_by("pk").values_list("pk", flat=True):
            with held_alone(f"rescore-piece:{left}") as mine:
                piece = RescorePiece.objects.filter(pk=left).first() if mine else None
                if piece is not None:
                    yield piece
                    return
        if not _cut(run):
            yield None
            return


def _cut(run: Rescore) -> bool:
    """Make a piece of the next conversations, for whoever takes it first. Returns whether there were any."""
    with transaction.atomic():
        row = Rescore.objects.select_for_update().filter(pk=run.pk, is_open=True).first()
        if row is None:
            return False
        rows = history(since=row.since, until=row.until).order_by("-pk")
        if row.cursor is not None:
            rows = rows.filter(pk__lt=row.cursor)
        ids = list(rows.values_list("pk", flat=True)[:PIECE])
        if ids:
            RescorePiece.objects.create(run=row, left=ids)
            row.cursor, row.state, row.seen_at = ids[-1], Rescore.State.RUNNING, timezone.now()
            row.save(update_fields=["cursor", "state", "seen_at"])
    return bool(ids)


# --- Judging -----------------------------------------------------------------------------------------------


def piece_judge(run: Rescore, piece: RescorePiece, settings: QualitySettings, *, until: float) -> None:
    """Judge a piece, or as much of it as can be begun until `until` (`monotonic`). Each is tried; errors are counted.

    Raises `ModelGone` where the model that was to be asked is not there, and `RunClosed`.
    """
    # A model is asked of one conversation at a time: that takes seconds, and what was paid for is kept.
    if not run.with_model and len(piece.left) > 1:
        try:
            _judge(run, piece, piece.left, settings, alone=False)
        except RunClosed:
            raise
        except Exception as error:
            # One of them is the reason; each shows by itself.
            log.warning("rescore.one_by_one", run=str(run.pk), error=error_place(error))
    for call in list(piece.left):
        _judge_alone(run, piece, call, settings)
        if monotonic() >= until:
            return


def _judge_alone(run: Rescore, piece: RescorePiece, call: UUID, settings: QualitySettings) -> None:
    try:
        for _look in range(LOOKS):
            if _judge(run, piece, [call], settings, alone=True):
                return
        raise WordsMoved
    except (ModelGone, RunClosed):
        raise
    except Exception as error:
        tally = Tally(done=1)
        tally.fail(call, error)
        with transaction.atomic():
            left = _settle(run, piece, {call}, tally)
        piece.left = left


def _judge(
    run: Rescore, piece: RescorePiece, ids: Collection[UUID], settings: QualitySettings, *, alone: bool
) -> bool:
    """Judge conversations of a piece and write that down. Returns whether any are settled.

    Alone, a call that somebody else has locked is waited for; of several, such calls are left.
    """
    rows = history(since=run.since, until=run.until).filter(pk__in=ids).select_related("queue")
    calls = list(rows.order_by("-pk"))
    found = {one.pk for one in calls}
    stamps = {} if run.preview else stamps_of(found)
    tally = Tally()
    drafts = _drafts(run, calls, settings, None if alone else tally)
    with transaction.atomic():
        free = found
        if not run.preview:
            if alone:
                for call in found:
                    call_lock(call)
            else:
                free = calls_lock_free(found)
            free = {call for call, stamp in stamps_of(free).items() if stamp == stamps[call]}
        # Words that were erased since leave nothing to judge.
        settled = free | (set(ids) - found)
        if not settled:
            return False
        _compare(run, [(call, draft) for call, draft in drafts if call.pk in free], settings, tally)
        tally.done = len(free)
        left = _settle(run, piece, settled, tally)
    piece.left = left
    return True


def _drafts(
    run: Rescore, calls: list[Conversation], settings: QualitySettings, tally: Tally | None
) -> list[Drafted]:
    """Judge conversations, and write nothing. An error is noted in `tally`; without it it is raised."""
    leave = frozenset() if run.with_model else frozenset({MODEL})
    known = None if run.with_model else model_answers_before(run.revision, [one.pk for one in calls])
    found: list[Drafted] = []
    for reading in readings_of(calls):
        try:
            drafts = drafts_judged(reading, [run.revision], settings, leave=leave, known=known)
        except Exception as error:
            if tally is None:
                raise
            tally.fail(reading.conversation.pk, error)
            continue
        if run.with_model:
            model_answered_check(drafts)
        found += [(reading.conversation, draft) for draft in drafts]
    return found


def _compare(run: Rescore, drafts: list[Drafted], settings: QualitySettings, tally: Tally) -> None:
    """Put parts' new judgements in the place of the old ones, unless people have touched these, or it is a preview."""
    rows = Evaluation.objects.filter(
        conversation__in={call.pk for call, _draft in drafts},
        revision__template=run.revision.template_id,
        replaced_at__isnull=True,
    ).exclude(kind=Evaluation.Kind.CALIBRATION)
    hands = set(touched(rows).order_by().values_list("pk", flat=True))
    standing: dict[tuple[UUID, UUID | None], list[Evaluation]] = {}
    columns = ("conversation_id", "agent_id", "kind", "total", "released_at")
    for row in rows.order_by("created_at").only(*columns):
        standing.setdefault((row.conversation_id, row.agent_id), []).append(row)
    fresh: list[Drafted] = []
    replaced: list[UUID] = []
    seen, told = set(), set()
    for call, draft in drafts:
        part = (call.pk, draft.part.agent_id)
        old = standing.get(part, [])
        if any(one.pk in hands for one in old):
            tally.kept += 1
            continue
        automatic = [one for one in old if one.kind == Evaluation.Kind.AUTOMATIC]
        before = automatic[-1] if automatic else None
        tally.note(before, draft)
        if run.preview:
            tally.figures = figures_added(tally.figures, {"model": model_cost(draft)})
            continue
        fresh.append((call, draft))
        replaced += [one.pk for one in old]
        if before is not None and before.released_at is not None:
            seen.add(part)
        if before is not None or not draft.unscored:
            told.add(call.pk)
    if not fresh:
        return
    now = timezone.now()
    Evaluation.objects.filter(pk__in=replaced).update(replaced_at=now, counts=False, updated_at=now)
    drafts_write(fresh, settings, seen=seen)
    # Nobody follows what is not released; what reckons with scores does.
    jobs_announce_behind(event=SCORED, conversation_ids=sorted(told), because=str(run.pk))


def _settle(run: Rescore, piece: RescorePiece, settled: Iterable[UUID], tally: Tally) -> list[UUID]:
    """Note conversations of a piece as done, within the transaction that wrote them. Returns what is left of it.

    Raises `RunClosed`.
    """
    mine = set(settled)
    held = RescorePiece.objects.select_for_update().filter(pk=piece.pk).first()
    row = Rescore.objects.select_for_update().filter(pk=run.pk, is_open=True).first()
    if held is None or row is None or not mine <= set(held.left):
        raise RunClosed
    left = [one for one in held.left if one not in mine]
    if left:
        RescorePiece.objects.filter(pk=piece.pk).update(left=left)
    else:
        RescorePiece.objects.filter(pk=piece.pk).delete()
    Rescore.objects.filter(pk=run.pk).update(
        figures=figures_added(row.figures, tally.figures),
        last_error=tally.last_error or row.last_error,
        seen_at=timezone.now(),
        **{name: F(name) + getattr(tally, name) for name in ("done", "changed", "kept", "failed")},
    )
    return left
