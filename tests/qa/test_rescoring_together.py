"""History scored anew by two workers at once: each call is judged once, whoever takes it, and all are counted."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connection

from qa import rescoring_pieces
from qa.models import Evaluation, RescorePiece
from qa.rescoring import rescore_start, rescore_step
from qa.scoring import conversation_score
from tenants.scope import call_in_schema
from tests.qa.conftest import OFFER

CALLS, WORKERS = 11, 2


@pytest.fixture
def company(committed):
    with committed.northwind.scope():
        yield committed.northwind


def test_two_workers_judge_each_call_once_and_both_do_their_part(company, revision, ended, monkeypatch):
    rows = [ended(("agent", OFFER if number % 2 else "no", 9_000)) for number in range(CALLS)]
    for row in rows:
        conversation_score(conversation_id=row.pk)
    monkeypatch.setattr(rescoring_pieces, "PIECE", 2)
    run = rescore_start(revision=revision, days=2, preview=False, actor=None, dispatch=False)
    both = Barrier(WORKERS, timeout=60)

    def work(lane):
        pieces = 0

        def told(_run):
            nonlocal pieces
            pieces += 1
            if pieces == 1:
                both.wait()  # each has had a piece before either goes on

        try:
            call_in_schema(company.schema, rescore_step, run_id=run.pk, lane=lane, told=told)
        finally:
            connection.close()
        return pieces

    with ThreadPoolExecutor(WORKERS) as pool:
        pieces = list(pool.map(work, range(WORKERS)))
    run.refresh_from_db()
    assert min(pieces) >= 1 and sum(pieces) >= CALLS // 2
    assert (run.state, run.done, run.changed, run.failed, run.is_open) == ("done", CALLS, 0, 0, False)
    assert run.figures["after"][1] == CALLS
    assert not RescorePiece.objects.exists()
    standing = Evaluation.objects.filter(replaced_at__isnull=True)
    assert sorted(standing.values_list("conversation_id", flat=True)) == sorted(row.pk for row in rows)
    assert Evaluation.objects.count() == 2 * CALLS
