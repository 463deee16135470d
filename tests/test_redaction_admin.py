"""Second readings and history read again in the admin: seen, filtered, started again, gone on with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import AuditEvent
from conversations import outbox
from conversations.models import OutboxJob, RedactionCheck, RedactionRun, Utterance
from conversations.redaction import again, second_pass
from conversations.redaction.again import run_cancel, run_start, run_step
from conversations.redaction.second_pass import TASK, redaction_check
from engines.redaction.redactor import RedactionConfig
from tests.budgets import query_budget
from tests.conftest import World

CHECKS, RUNS = "/admin/conversations/redactioncheck/", "/admin/conversations/redactionrun/"


@pytest.fixture
def calls(world: World, make_conversation: Callable[..., Any]) -> list[Any]:
    """Three calls that are over and were read by a policy that hides no web addresses."""
    with world.northwind.scope():
        return [
            make_conversation(lines=[("customer", f"look at www.mill{number}.example.com please")])
            for number in range(3)
        ]


@pytest.fixture
def strict(monkeypatch: pytest.MonkeyPatch) -> None:
    config = RedactionConfig(enabled_types=frozenset({"URL"}), model=False)
    monkeypatch.setattr(again, "redaction_config", lambda: config)
    monkeypatch.setattr(second_pass, "config_for_speech", lambda: config)


def chosen(action: str, *rows: Any) -> dict[str, Any]:
    return {"action": action, "_selected_action": [str(row.pk) for row in rows]}


def test_readings_are_started_again(world: World, calls: list[Any], strict: None) -> None:
    company = world.northwind
    admin = company.client("admin")
    with company.scope():
        failed = RedactionCheck.objects.create(
            conversation=calls[0], state="failed", attempts=8, last_error="ValueError at x.py:1"
        )
        done = RedactionCheck.objects.create(conversation=calls[1], state="done", done_at=timezone.now())
        erased = RedactionCheck.objects.create(conversation=calls[2], state="done")
        type(calls[2]).objects.filter(pk=calls[2].pk).update(words_erased_at=timezone.now())
        outbox.jobs_announce(event=outbox.ENDED, conversation_id=calls[0].pk)
        OutboxJob.objects.filter(task=TASK).update(attempts=8)
    page = admin.get(CHECKS + "?state__exact=failed").content.decode()
    assert str(failed.pk) in page and str(done.pk) not in page and "ValueError at x.py:1" in page
    assert "mill" not in admin.get(f"{CHECKS}{failed.pk}/change/").content.decode()
    answer = admin.post(CHECKS, chosen("read_again", failed, done, erased), follow=True)
    assert "2 conversations are read again." in answer.content.decode()
    with company.scope():
        jobs = OutboxJob.objects.filter(task=TASK, done_at__isnull=True)
        assert set(jobs.values_list("conversation_id", "attempts")) == {(calls[0].pk, 0), (calls[1].pk, 0)}
        assert AuditEvent.objects.filter(action="redaction.read_again").count() == 2
        for job in jobs:
            assert outbox.job_execute(job_id=job.pk)
        assert set(RedactionCheck.objects.values_list("state", flat=True)) == {"done"}
        texts = Utterance.objects.filter(conversation__in=calls[:2]).values_list("text", flat=True)
        assert set(texts) == {"look at [URL] please"}
        redaction_check(calls[0].pk)  # a message that came twice
        assert RedactionCheck.objects.get(pk=failed.pk).attempts == 1


def test_a_run_that_was_cancelled_goes_on(world: World, calls: list[Any], strict: None) -> None:
    company = world.northwind
    admin = company.client("admin")
    with company.scope():
        run = run_start(actor=None, dispatch=False)
        run_step(run_id=run.pk, seconds=0, told=lambda: None)
        run_cancel(run_id=run.pk, actor=None)
    page = admin.get(RUNS + "?state__exact=cancelled").content.decode()
    assert "1 of 3" in page and str(run.pk) in page
    assert "It goes on where it was." in admin.post(RUNS, chosen("resume", run), follow=True).content.decode()
    with company.scope():
        run.refresh_from_db()
        assert (run.state, run.is_open, run.ended_at, run.done) == ("running", True, None, 1)
        assert AuditEvent.objects.filter(action="redaction.again_resume").count() == 1
        assert run_step(run_id=run.pk, told=lambda: None)
        run.refresh_from_db()
        assert (run.state, run.done, run.found) == ("done", 3, 3)
    assert "This run is done." in admin.post(RUNS, chosen("resume", run), follow=True).content.decode()


def test_pages_and_api_do_the_same(world: World, calls: list[Any], strict: None) -> None:
    company = world.northwind
    admin = company.client("admin")
    with company.scope():
        run = run_start(actor=None, dispatch=False)
        run_cancel(run_id=run.pk, actor=None)
        RedactionCheck.objects.create(
            conversation=calls[0], state="failed", attempts=8, last_error="ValueError at x.py:1"
        )
    with company.scope(), query_budget("api-redaction"):
        policy = admin.get("/api/v1/redaction/").json()
    assert (policy["revision"], policy["profile"], policy["unread"]) == (0, "standard", 3)
    types = {one["name"]: one for one in policy["types"]}
    assert types["CREDIT_CARD"] == {
        "name": "CREDIT_CARD",
        "label": "card number",
        "on": True,
        "action": "mask",
        "own": False,
        "may_see": None,
    }
    assert not types["AGE"]["on"]
    [trouble] = admin.get("/api/v1/redaction-report/").json()["troubles"]
    assert (trouble["conversation"], trouble["attempts"]) == (str(calls[0].pk), 8)
    path = f"/api/v1/redaction-runs/{run.pk}"
    assert "Resume" in admin.get("/privacy/again/").content.decode()
    assert admin.post(f"{path}/resume/").json()["state"] == "running"
    assert admin.post(f"{path}/cancel/").json()["state"] == "cancelled"
    assert admin.post(f"/privacy/again/{run.pk}/resume").status_code == 302
    with company.scope():
        assert run_step(run_id=run.pk, told=lambda: None)
    answer = admin.post(f"{path}/resume/")
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "conflict")
    assert "Resume" not in admin.get("/privacy/again/").content.decode()


def test_one_run_at_a_time(world: World, calls: list[Any], strict: None) -> None:
    company = world.northwind
    admin = company.client("admin")
    with company.scope():
        first = run_start(actor=None, dispatch=False)
        run_cancel(run_id=first.pk, actor=None)
        second = run_start(actor=None, dispatch=False)
    answer = admin.post(RUNS, chosen("resume", first), follow=True)
    assert "being read again already" in answer.content.decode()
    admin.post(RUNS, chosen("cancel", second))
    with company.scope():
        assert set(RedactionRun.objects.values_list("state", flat=True)) == {"cancelled"}
    assert company.client("supervisor").post(RUNS, chosen("resume", first)).status_code == 403
