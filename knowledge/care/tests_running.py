"""Running a collection's tests: each question is searched as somebody asks for whom the collection is.

A run is a Celery job that tells how far it is. It is claimed by a conditional update, so that two jobs for one run do
its work once; a run whose worker went away is taken up by the sweep. After a change, tests run once what search can
find has stayed the same for a minute: a crawl that saves a document each second makes one run, not thousands.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from time import monotonic
from uuid import UUID

import structlog
from django.core.mail import send_mail
from django.db import DatabaseError, connection, transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.errors import error_place
from accounts.models import User
from knowledge.care.tests_selectors import tests_listed
from knowledge.documents.audience import Audience
from knowledge.documents.selectors import documents_for
from knowledge.models import (
    Collection,
    SearchRevision,
    SearchTest,
    SearchTested,
    SearchTestResult,
    SearchTestRun,
)
from knowledge.search.indexing import searchable
from knowledge.search.searching import Found, passages_search
from tenants.companies import web_base
from tenants.scope import current_schema

log = structlog.get_logger(__name__)

State = SearchTestRun.State
Change = SearchTestResult.Change

FOUND = 10
# Of what was found instead, so many are kept with a result.
KEPT = 5
TELL_EVERY_S = 2.0
LOST_AFTER = timedelta(minutes=3)
# A place up to the third is as good as the first: people see it at a glance.
AT_A_GLANCE = 3
RUNS_KEPT = 200


@dataclass(frozen=True, slots=True)
class Figures:
    """Means over the questions of a run, 0 to 1."""

    recall_at_5: float
    recall_at_10: float
    hit_at_10: float
    mrr: float


def fingerprint() -> str:
    """What search can find now, as one value: another one after each change of any collection. One query."""
    rows = SearchRevision.objects.order_by("collection_id").values_list("collection_id", "value")
    return hashlib.sha256(repr([(str(key), value) for key, value in rows]).encode()).hexdigest()


# --- Start ----------------------------------------------------------------------------------------------


def search_tests_start(
    *, collection: Collection, cause: str = SearchTestRun.Cause.PERSON, actor: User | None = None
) -> SearchTestRun:
    """Have a collection's tests run soon. One that waits already serves whoever asks again."""
    with transaction.atomic():
        Collection.objects.select_for_update().get(pk=collection.pk)
        waiting = SearchTestRun.objects.filter(collection=collection, state=State.WAITING).first()
        if waiting is not None:
            return waiting
        run = SearchTestRun.objects.create(
            collection=collection, cause=cause, asked_by=actor, total=collection.tests.count()
        )
        transaction.on_commit(lambda: _dispatch(run.pk))
    return run


def _dispatch(run_id: UUID) -> None:
    from knowledge.care.tasks import search_tests_run

    search_tests_run.delay(run_id=str(run_id))


def search_tests_wake() -> None:
    """In this company: start what is due after changes, and what no worker is at any more. To be called each minute."""
    now = fingerprint()
    for collection in Collection.objects.filter(tests__isnull=False).distinct():
        last = SearchTestRun.objects.filter(collection=collection, state=State.DONE).first()
        if last is not None and last.fingerprint == now:
            continue
        seen, new = SearchTested.objects.get_or_create(collection=collection, defaults={"fingerprint": now})
        if new or seen.fingerprint != now:
            SearchTested.objects.filter(pk=seen.pk).update(fingerprint=now)
        elif not SearchTestRun.objects.filter(
            collection=collection, fingerprint=now, state__in=[State.RUNNING, State.FAILED]
        ).exists():
            search_tests_start(collection=collection, cause=SearchTestRun.Cause.CHANGE)
    lost = timezone.now() - LOST_AFTER
    for run_id in SearchTestRun.objects.filter(
        Q(state=State.WAITING, created_at__lt=lost) | Q(state=State.RUNNING, heard_at__lt=lost)
    ).values_list("pk", flat=True):
        _dispatch(run_id)


# --- Run ------------------------------------------------------------------------------------------------


def search_tests_do(*, run_id: UUID) -> SearchTestRun | None:
    """Do a run that waits, or whose worker went away. None where another is at it or it is done."""
    now = timezone.now()
    claimed = SearchTestRun.objects.filter(
        Q(state=State.WAITING) | Q(state=State.RUNNING, heard_at__lt=now - LOST_AFTER), pk=run_id
    ).update(state=State.RUNNING, heard_at=now, progress=0)
    if not claimed:
        return None
    run = SearchTestRun.objects.select_related("collection").get(pk=run_id)
    try:
        _run(run)
    except DatabaseError as error:
        if connection.in_atomic_block:
            raise
        log.warning("knowledge.tests.failed", run=str(run.pk), place=error_place(error))
        SearchTestRun.objects.filter(pk=run.pk).update(
            state=State.FAILED, problem=_("The database did not answer."), done_at=timezone.now()
        )
    run.refresh_from_db()
    return run


def _run(run: SearchTestRun) -> None:
    run.fingerprint = fingerprint()
    tests = list(tests_listed(run.collection_id))
    SearchTestRun.objects.filter(pk=run.pk).update(fingerprint=run.fingerprint, total=len(tests))
    searchable(wait=True)
    ask = asks_for(run.collection)
    told, results = monotonic(), []
    for number, test in enumerate(tests, 1):
        results.append(_result(run, test, ask(test.question)))
        if monotonic() - told > TELL_EVERY_S:
            told = monotonic()
            SearchTestRun.objects.filter(pk=run.pk).update(progress=number, heard_at=timezone.now())
    _finish(run, results)


def asks_for(collection: Collection) -> Callable[[str], list[Found]]:
    """A search of whoever the collection is for: the first team, queue, channel and language that it names."""
    team, queue = collection.teams.first(), collection.queues.first()
    audience = Audience(
        team=team.pk if team else None,
        queue=queue.pk if queue else None,
        channel=next(iter(collection.channels), ""),
        language=next(iter(collection.languages), ""),
    )
    return lambda question: passages_search(
        query=question, limit=3 * FOUND, documents=documents_for(audience)
    )


def _result(run: SearchTestRun, test: SearchTest, found: Sequence[Found]) -> SearchTestResult:
    wanted = {document.pk for document in test.documents.all()}
    # Several passages of one document are one place.
    places = list(dict.fromkeys(one.document_id for one in found))[:FOUND]
    first = {one.document_id: one for one in reversed(found)}
    has = " ".join(test.passage.casefold().split())
    with_words = {one.document_id for one in found if has and has in " ".join(one.text.casefold().split())}

    def recall(most: int) -> float:
        return len(wanted & set(places[:most])) / len(wanted) if wanted else 0.0

    def place(meant: set[UUID]) -> int | None:
        return next((number for number, one in enumerate(places, 1) if one in meant), None)

    return SearchTestResult(
        run=run,
        test=test,
        rank=place(wanted),
        passage_rank=place(with_words & wanted) if has else None,
        recall_at_5=recall(5),
        recall_at_10=recall(FOUND),
        found=[[str(one), first[one].title, first[one].path] for one in places[:KEPT]],
    )


def _finish(run: SearchTestRun, results: list[SearchTestResult]) -> None:
    """Keep the results with what changed since the run before, and tell of what got worse."""
    with transaction.atomic():
        kept = SearchTestRun.objects.select_for_update().get(pk=run.pk)
        if kept.state != State.RUNNING:
            return
        before = (
            SearchTestRun.objects.filter(collection=run.collection_id, state=State.DONE)
            .exclude(pk=run.pk)
            .first()
        )
        then = {row.test_id: row for row in before.results.all()} if before else {}
        for row in results:
            row.change = changed(row, then.get(row.test_id))
            row.before = then[row.test_id].rank if row.test_id in then else None
        kept.results.all().delete()
        SearchTestResult.objects.bulk_create(results, batch_size=500)
        figures = figures_of(results)
        kept.worse = sum(row.change == Change.WORSE for row in results)
        kept.better = sum(row.change == Change.BETTER for row in results)
        if figures is not None:
            kept.recall_at_5, kept.recall_at_10 = figures.recall_at_5, figures.recall_at_10
            kept.hit_at_10, kept.mrr = figures.hit_at_10, figures.mrr
        kept.total = kept.progress = len(results)
        kept.state, kept.done_at = State.DONE, timezone.now()
        kept.save()
        old = SearchTestRun.objects.filter(collection=run.collection_id).values_list("pk", flat=True)
        SearchTestRun.objects.filter(pk__in=list(old[RUNS_KEPT : RUNS_KEPT + 50])).delete()
        if kept.worse:
            transaction.on_commit(lambda: _tell(kept))


def changed(now: SearchTestResult, before: SearchTestResult | None) -> Change:
    """Whether a question fares worse or better than before: fewer of its documents among ten, or further down than
    what is seen at a glance."""
    if before is None:
        return Change.NEW

    def worth(row: SearchTestResult) -> tuple[float, int]:
        return round(row.recall_at_10, 4), -max(AT_A_GLANCE, row.rank or 2 * FOUND)

    if worth(now) == worth(before):
        return Change.SAME
    return Change.BETTER if worth(now) > worth(before) else Change.WORSE


def figures_of(results: Sequence[SearchTestResult]) -> Figures | None:
    """The means; None without a question."""
    if not results:
        return None

    def mean(values: Sequence[float]) -> float:
        return round(sum(values) / len(results), 4)

    return Figures(
        mean([row.recall_at_5 for row in results]),
        mean([row.recall_at_10 for row in results]),
        mean([float(row.rank is not None) for row in results]),
        mean([1 / row.rank if row.rank else 0.0 for row in results]),
    )


def _tell(run: SearchTestRun) -> None:
    """Mail whoever looks after the collection; no word of a question."""
    owner = run.collection.owner
    if owner is None or not owner.is_active:
        return
    send_mail(
        subject=_("Search tests of “%s” got worse") % run.collection.name,
        message=_(
            "%(worse)d of %(total)d questions find less than before.\n\nCompany: %(company)s\n"
            "Recall among ten: %(recall).2f\n\n%(link)s"
        )
        % {
            "worse": run.worse,
            "total": run.total,
            "company": current_schema(),
            "recall": run.recall_at_10 or 0.0,
            "link": f"{web_base()}/knowledge/collections/{run.collection_id}/tests/",
        },
        from_email=None,
        recipient_list=[owner.email],
        fail_silently=True,
    )
