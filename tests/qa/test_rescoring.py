"""History scored anew in pieces: whose they are, what a dead worker leaves, what fails, and what stays as it was."""

from __future__ import annotations

from contextlib import contextmanager

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from conversations.models import OutboxJob
from qa import rescoring_pieces
from qa.models import Evaluation, RescorePiece
from qa.rescoring import rescore_start, rescore_step
from qa.rescoring_pieces import RunClosed, figures_added, piece_held, piece_judge
from qa.scoring import conversation_score, drafts_judged
from qa.selectors import quality_settings
from qa.services import SCORED
from tenants.scope import current_schema
from tests.live_calls import wait_for
from tests.qa.conftest import OFFER


@pytest.fixture
def calls(revision, ended):
    rows = [ended(("agent", OFFER if number % 2 else "no", 9_000)) for number in range(5)]
    for row in rows:
        conversation_score(conversation_id=row.pk)
    return rows


@pytest.fixture
def begin(card, revision):
    def start(*, preview=False):
        return rescore_start(revision=revision, days=2, preview=preview, actor=None, dispatch=False)

    return start


def step(run):
    ended = rescore_step(run_id=run.pk, told=lambda run: None)
    run.refresh_from_db()
    return ended


def standing():
    return Evaluation.objects.filter(replaced_at__isnull=True)


@contextmanager
def another_worker_at(piece):
    """A session of the database that is at a piece, and goes away with its lock."""
    other = connection.copy()
    try:
        with other.cursor() as cursor:
            name = f"{current_schema()}:rescore-piece:{piece.pk}"
            cursor.execute("SELECT pg_try_advisory_lock(hashtextextended(%s, 0)), pg_backend_pid()", [name])
            locked, session = cursor.fetchone()
            assert locked
        yield
    finally:
        other.close()
    # The server notices a moment after we have gone.
    wait_for(lambda: not _is_there(session), what="the other session to end")


def _is_there(session):
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT FROM pg_locks WHERE pid = %s)", [session])
        return cursor.fetchone()[0]


def test_what_a_worker_has_is_left_to_it_and_taken_over_once_it_is_dead(calls, begin, monkeypatch):
    monkeypatch.setattr(rescoring_pieces, "PIECE", 2)
    run = begin()
    with piece_held(run) as piece:
        assert len(piece.left) == 2
    with another_worker_at(piece):
        assert not step(run)
        assert (run.state, run.done, run.is_open) == ("running", 3, True)
    assert step(run)
    assert (run.state, run.done, run.changed, run.failed) == ("done", 5, 0, 0)
    assert not RescorePiece.objects.exists()
    # Each once: the old ones are kept, and count no more.
    assert standing().count() == 5 and Evaluation.objects.count() == 10
    assert {one.conversation_id for one in standing()} == {row.pk for row in calls}


def test_a_piece_that_somebody_else_has_done_is_not_written_again(calls, begin):
    run = begin()
    with piece_held(run) as piece:
        pass
    assert step(run)
    for late in (piece, piece_of(run, calls[:2])):
        with pytest.raises(RunClosed):
            piece_judge(run, late, quality_settings(), until=0)
    assert Evaluation.objects.count() == 10


def piece_of(run, rows):
    return RescorePiece.objects.create(run=run, left=[row.pk for row in rows])


def test_many_take_as_many_queries_as_few(calls, begin, ended):
    """Each more costs the locks of none: what is read and written is read and written together."""
    taken = []
    for _more in range(2):
        run = begin(preview=False)
        with CaptureQueriesContext(connection) as asked:
            assert step(run)
        taken.append(len(asked))
        for _call in range(3):
            conversation_score(conversation_id=ended(("agent", OFFER, 9_000)).pk)
    assert taken[0] == taken[1] and run.done == 8
    # One job a conversation and run, whatever its parts, and in no hurry.
    jobs = OutboxJob.objects.filter(event=f"{SCORED}:{run.pk}")
    assert jobs.filter(due_at__gt=timezone.now()).count() == jobs.count() == 8


def test_one_that_cannot_be_judged_or_written_does_not_hold_up_the_others(calls, begin, monkeypatch):
    def judge(reading, *args, **named):
        if reading.conversation.pk == calls[0].pk:
            raise RuntimeError("odd row")
        return drafts_judged(reading, *args, **named)

    def write(drafts, *args, **named):
        if any(call.pk == calls[1].pk for call, _draft in drafts):
            raise RuntimeError("odd answer")
        return drafts_write(drafts, *args, **named)

    drafts_write = rescoring_pieces.drafts_write
    monkeypatch.setattr(rescoring_pieces, "drafts_judged", judge)
    monkeypatch.setattr(rescoring_pieces, "drafts_write", write)
    run = begin()
    assert step(run)
    assert (run.state, run.done, run.failed) == ("done", 5, 2)
    replaced = Evaluation.objects.filter(replaced_at__isnull=False)
    assert {one.conversation_id for one in replaced} == {row.pk for row in calls[2:]}
    assert standing().count() == 5


def test_the_team_of_then_is_kept(company, calls, begin):
    agent = company.people["agent"]
    assert {one.team for one in standing()} == {company.team}
    agent.team = company.other_team
    agent.save(update_fields=["team"])
    assert step(begin())
    assert standing().count() == 5
    assert {(one.agent, one.team) for one in standing()} == {(agent, company.team)}


def test_figures_of_pieces_add_up_in_any_order():
    one = {"before": [150.0, 2], "after": [125.25, 2], "down": 1, "unscored": {"gaps": 1}}
    two = {"before": [0.0, 0], "after": [80.5, 1], "up": 2, "unscored": {"gaps": 1, "too_short": 3}}
    cost = {"model": {"requests": 1, "tokens_in": 5, "tokens_out": 2, "cost": "0.10"}}
    found = figures_added(figures_added(one, two), cost)
    assert found == figures_added(figures_added(cost, two), one)
    assert (found["before"], found["after"], found["up"], found["down"]) == ([150.0, 2], [205.75, 3], 2, 1)
    assert found["unscored"] == {"gaps": 2, "too_short": 3}
    assert figures_added(found, cost)["model"] == {
        "requests": 2,
        "tokens_in": 10,
        "tokens_out": 4,
        "cost": "0.20",
    }
