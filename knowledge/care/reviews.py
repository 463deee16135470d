"""Looking through all documents for what stands there twice, contradicts or is stale, and deciding about it.

A review is a Celery job each night or when somebody asks, and one at a time in a company. What somebody decided stays
decided: a finding is known by a key of what its texts say, and comes up anew only when they say something else.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from django.db import DatabaseError, connection, transaction
from django.db.models import Max, Min, Q
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.errors import Conflict, error_place
from accounts.models import User
from accounts.services import audit
from engines.upkeep.contradictions import Contradiction, contradictions
from engines.upkeep.duplicates import Twins, duplicates
from engines.upkeep.statements import Passage
from knowledge.documents.selectors import documents_valid
from knowledge.documents.services import document_withdraw
from knowledge.models import Chunk, Collection, Document, Finding, KnowledgeReview, PassageUse

log = structlog.get_logger(__name__)

State = KnowledgeReview.State
Kind = Finding.Kind
Decision = Finding.Decision
Reason = Finding.Reason

LOST_AFTER = timedelta(minutes=15)
UNUSED_DAYS = 180
SHOWN = 1_500
REVIEWS_KEPT = 60
# What a review keeps of each kind at most: who has more has another problem.
MOST = 500
# A company with more passages is looked through by its newest documents.
PASSAGES_MOST = 60_000


@dataclass(frozen=True, slots=True)
class Stale:
    """A document that may say what held once. `day`: since when."""

    document_id: UUID
    reason: str
    day: date


Look = Callable[[], Iterable[Stale]]


def _nothing() -> Iterable[Stale]:
    return ()


_elsewhere: Look = _nothing


def stale_with(look: Look) -> None:
    """Have a higher room say which documents are older than where they came from."""
    global _elsewhere
    _elsewhere = look


# --- Reviews --------------------------------------------------------------------------------------------


def review_start(*, actor: User | None = None) -> KnowledgeReview:
    """Have this company's knowledge looked through soon. A review that waits already serves whoever asks again."""
    with transaction.atomic():
        waiting = KnowledgeReview.objects.filter(state=State.WAITING).first()
        if waiting is not None:
            return waiting
        review, _new = KnowledgeReview.objects.get_or_create(
            state=State.WAITING, defaults={"asked_by": actor}
        )
        transaction.on_commit(lambda: _dispatch(review.pk))
    return review


def _dispatch(review_id: UUID) -> None:
    from knowledge.care.tasks import knowledge_review

    knowledge_review.delay(review_id=str(review_id))


def reviews_wake() -> None:
    """Start what waits, and what no worker is at any more."""
    lost = timezone.now() - LOST_AFTER
    for review_id in KnowledgeReview.objects.filter(
        Q(state=State.WAITING, created_at__lt=lost) | Q(state=State.RUNNING, heard_at__lt=lost)
    ).values_list("pk", flat=True):
        _dispatch(review_id)


def review_do(*, review_id: UUID) -> KnowledgeReview | None:
    """Do a review that waits, or whose worker went away. None where another is at it or it is done."""
    from knowledge.care.gaps import gaps_sort

    now = timezone.now()
    mine = KnowledgeReview.objects.filter(
        Q(state=State.WAITING) | Q(state=State.RUNNING, heard_at__lt=now - LOST_AFTER), pk=review_id
    ).update(state=State.RUNNING, heard_at=now, progress=0)
    if not mine:
        return None
    row = KnowledgeReview.objects.get(pk=review_id)
    try:
        found = list(_stale())
        _tell(row, 10)
        passages, of = _passages()
        _tell(row, 25)
        twins = duplicates(passages)
        found += [one for one in (_of_twins(one, passages, of) for one in twins[:MOST]) if one]
        _tell(row, 40)
        against = contradictions(passages)
        found += [one for one in (_of_contradiction(one, passages, of) for one in against[:MOST]) if one]
        _tell(row, 80)
        counts = _keep(found)
        counts["gaps"] = gaps_sort()
    except DatabaseError as error:
        if connection.in_atomic_block:
            raise
        log.warning("knowledge.review.failed", review=str(row.pk), place=error_place(error))
        KnowledgeReview.objects.filter(pk=row.pk).update(state=State.FAILED, done_at=timezone.now())
    else:
        row.state, row.progress, row.counts, row.done_at = State.DONE, 100, counts, timezone.now()
        row.save(update_fields=["state", "progress", "counts", "done_at"])
        old = list(KnowledgeReview.objects.values_list("pk", flat=True)[REVIEWS_KEPT : REVIEWS_KEPT + 20])
        KnowledgeReview.objects.filter(pk__in=old).delete()
    row.refresh_from_db()
    return row


def _tell(row: KnowledgeReview, percent: int) -> None:
    KnowledgeReview.objects.filter(pk=row.pk).update(progress=percent, heard_at=timezone.now())


# --- What is found --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Of:
    """What a passage belongs to, and for whom."""

    chunk: Chunk
    collection: Collection
    valid: tuple[date, date]


def _passages() -> tuple[list[Passage], list[_Of]]:
    """The passages that search finds today, in the order of their documents. Three queries."""
    rows = (
        Chunk.objects.filter(document__in=documents_valid())
        .select_related("document", "document__collection")
        .defer("search", "document__body")
        .order_by("-document__id", "position")[:PASSAGES_MOST]
    )
    collections = {one.pk: one for one in Collection.objects.prefetch_related("teams", "queues").all()}
    passages, of = [], []
    for row in sorted(rows, key=lambda one: (one.document_id, one.position)):
        document = row.document
        passages.append(Passage(str(row.pk), str(document.pk), document.title, row.heading_path, row.text))
        valid = (document.valid_from or date.min, document.valid_to or date.max)
        of.append(_Of(row, collections[document.collection_id], valid))
    return passages, of


def _meet(left: _Of, right: _Of) -> bool:
    """Whether somebody may find both, on one day: what is for other people, or another time, contradicts nothing."""
    ours, theirs = left.collection, right.collection

    def some(one: Iterable[Any], other: Iterable[Any]) -> bool:
        first, second = set(one), set(other)
        return not first or not second or bool(first & second)

    if left.valid[0] > right.valid[1] or right.valid[0] > left.valid[1] or ours.language != theirs.language:
        return False
    return ours.pk == theirs.pk or (
        some((one.pk for one in ours.teams.all()), (one.pk for one in theirs.teams.all()))
        and some((one.pk for one in ours.queues.all()), (one.pk for one in theirs.queues.all()))
        and some(ours.channels, theirs.channels)
        and some(ours.languages, theirs.languages)
    )


def _side(
    of: _Of, passage: Passage, place: tuple[int, int], marks: Iterable[tuple[int, int]]
) -> dict[str, Any]:
    """A passage as it is kept with a finding, cut around the place that matters."""
    begin = max(0, min(place[0] - SHOWN // 3, len(passage.text) - SHOWN))
    text = passage.text[begin : begin + SHOWN]
    return {
        "version": of.chunk.document_version,
        "start": of.chunk.start + place[0],
        "end": of.chunk.start + place[1],
        "path": passage.path,
        "text": text,
        "before": begin > 0,
        "after": begin + SHOWN < len(passage.text),
        "statement": [max(0, place[0] - begin), min(len(text), place[1] - begin)],
        "marks": [[a - begin, b - begin] for a, b in marks if a >= begin and b - begin <= len(text)],
    }


def _of_contradiction(one: Contradiction, passages: list[Passage], of: list[_Of]) -> Finding | None:
    left, right = of[one.left], of[one.right]
    if not _meet(left, right):
        return None
    ours, theirs = passages[one.left], passages[one.right]
    said = (ours.text[slice(*one.left_statement)], theirs.text[slice(*one.right_statement)])
    return Finding(
        kind=Kind.CONTRADICTION,
        key=_key("contradiction", ours.document, theirs.document, one.kind, *said),
        collection=left.collection,
        document=left.chunk.document,
        other=right.chunk.document,
        weight=1 + one.alike,
        facts={
            "what": one.kind,
            "left": _side(left, ours, one.left_statement, one.left_marks),
            "right": _side(right, theirs, one.right_statement, one.right_marks),
        },
    )


def _of_twins(one: Twins, passages: list[Passage], of: list[_Of]) -> Finding | None:
    first, second, _share = one.pairs[0]
    left, right = of[first], of[second]
    if not _meet(left, right):
        return None
    ours, theirs = passages[first], passages[second]
    return Finding(
        kind=Kind.DUPLICATE,
        key=_key("duplicate", one.left, one.right, ours.text, theirs.text),
        collection=left.collection,
        document=left.chunk.document,
        other=right.chunk.document,
        weight=one.share,
        facts={
            "share": one.share,
            "passages": len(one.pairs),
            "left": _side(left, ours, (0, len(ours.text)), []),
            "right": _side(right, theirs, (0, len(theirs.text)), []),
        },
    )


def _stale() -> Iterator[Finding]:
    today = timezone.localdate()
    for collection in Collection.objects.filter(review_on__lte=today):
        yield _made_stale(collection, None, Reason.REVIEW, collection.review_on or today)
    live = (
        Document.objects.filter(version__gt=0, withdrawn_at__isnull=True)
        .select_related("collection")
        .defer("body")
    )
    for document in live.filter(valid_to__lt=today)[:MOST]:
        yield _made_stale(document.collection, document, Reason.OVER, document.valid_to or today)
    since = timezone.now() - timedelta(days=UNUSED_DAYS)
    uses = PassageUse.objects.aggregate(first=Min("at"))["first"]
    # Before anybody's looks were noted for so long, nothing can be said.
    if uses is not None and uses < since:
        seen = PassageUse.objects.filter(at__gte=since).values("document")
        last = dict(PassageUse.objects.values_list("document").annotate(last=Max("at")))
        for document in live.filter(updated_at__lt=since).exclude(pk__in=seen)[:MOST]:
            at: datetime = last.get(document.pk) or document.updated_at
            yield _made_stale(document.collection, document, Reason.UNUSED, timezone.localdate(at))
    elsewhere = {one.document_id: one for one in _elsewhere()}
    for document in live.filter(pk__in=elsewhere)[:MOST]:
        one = elsewhere[document.pk]
        yield _made_stale(document.collection, document, one.reason, one.day)


def _made_stale(collection: Collection, document: Document | None, reason: str, day: date) -> Finding:
    return Finding(
        kind=Kind.STALE,
        key=_key("stale", document.pk if document else collection.pk, reason, day),
        collection=collection,
        document=document,
        weight=min(1.0, (timezone.localdate() - day).days / 365),
        facts={"reason": str(reason), "day": day.isoformat()},
    )


def _key(*parts: object) -> str:
    return hashlib.sha256("\x1f".join(str(one) for one in parts).encode()).hexdigest()


def _keep(found: list[Finding]) -> dict[str, int]:
    """Store what was found beside what was decided; what is there no more is resolved. Returns how many are open."""
    by_key = {one.key: one for one in found}
    now = timezone.now()
    with transaction.atomic():
        known = {row.key: row for row in Finding.objects.select_for_update()}
        Finding.objects.bulk_create([one for key, one in by_key.items() if key not in known], batch_size=200)
        again = []
        for key, row in known.items():
            if key in by_key:
                row.facts, row.weight = by_key[key].facts, by_key[key].weight
                if row.decision == Decision.GONE:
                    row.state, row.decision, row.decided_at = Finding.State.OPEN, Decision.NONE, None
                again.append(row)
            elif row.state == Finding.State.OPEN:
                row.state, row.decision, row.decided_at = Finding.State.RESOLVED, Decision.GONE, now
                again.append(row)
        Finding.objects.bulk_update(
            again, ["facts", "weight", "state", "decision", "decided_at"], batch_size=200
        )
    opened = Finding.objects.filter(state=Finding.State.OPEN)
    return {kind.value: opened.filter(kind=kind).count() for kind in Kind}


# --- Decisions ------------------------------------------------------------------------------------------


def finding_decide(
    *, finding: Finding, decision: str, actor: User, withdraw: UUID | None = None, address: str | None = None
) -> Finding:
    """Say what is to become of a finding.

    `keep`: both hold; `not_one`: the finder is wrong; `withdrew`: take the document `withdraw`, one of the two, out of
    search; "" opens it again. Raises `Conflict` for anything else.
    """
    with transaction.atomic():
        row = Finding.objects.select_for_update().get(pk=finding.pk)
        if decision not in {Decision.NONE, Decision.KEEP, Decision.NOT_ONE, Decision.WITHDREW}:
            raise Conflict(_("This cannot be decided so."))
        if decision == Decision.WITHDREW:
            if withdraw is None or withdraw not in {row.document_id, row.other_id}:
                raise Conflict(_("Say which of the documents is to be withdrawn."))
            document_withdraw(document=Document.objects.get(pk=withdraw), actor=actor, address=address)
        row.decision = Decision(decision)
        row.state = {
            Decision.NONE: Finding.State.OPEN,
            Decision.WITHDREW: Finding.State.RESOLVED,
        }.get(row.decision, Finding.State.DISMISSED)
        row.decided_by, row.decided_at = (actor, timezone.now()) if decision else (None, None)
        row.save(update_fields=["decision", "state", "decided_by", "decided_at"])
        audit(
            actor=actor,
            action="finding.decide",
            thing=row,
            changes={"kind": row.kind, "decision": decision},
            address=address,
        )
    return row
