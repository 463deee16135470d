"""Backtests: what a draft would have done, in slices that may be cut off, cancelled and run twice."""

from __future__ import annotations

import json
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.utils import timezone

from accounts.errors import Conflict
from coaching import backtest as engine
from coaching.backtest import backtest_cancel, backtest_resume, backtest_start, backtest_step
from coaching.backtest_report import backtest_examples, backtest_report, rule_label
from coaching.models import Backtest, BacktestHit, Guidance, Policy, PolicyRevision, RuleLabel
from conversations.models import CallPhase
from tests.budgets import query_budget
from tests.editing.documents import CANCEL, OFFER, document, rule

LEAVES = [
    ("customer", "I want to cancel my account"),
    ("agent", "may I ask why"),
    ("customer", "cancel the service"),
]
STAYS = [("customer", "where is my order"), ("agent", "let me look")]
STAY = rule("stay", CANCEL, cooldown_ms=0, expires_ms=1000, name="Ask why they leave")


@pytest.fixture
def company(world):
    with world.northwind.scope():
        yield world.northwind


@pytest.fixture
def calls(company, make_conversation):
    def make(lines, agent="agent"):
        return make_conversation(
            agent=company.people[agent],
            state="completed",
            at=timezone.now(),
            lines=lines,
            queue=company.queue,
        )

    return [make(LEAVES), make(STAYS), make(LEAVES), make(STAYS, agent="outsider")]


@pytest.fixture
def policy(company):
    return Policy.objects.create(name="Save", draft=document(STAY))


def play(policy, *, last=100, **more):
    run = backtest_start(policy=policy, last=last, actor=None, dispatch=False, **more)
    while not backtest_step(run_id=run.pk, told=lambda _run: None):
        pass
    run.refresh_from_db()
    return run


def publish(policy, said):
    row = PolicyRevision.objects.create(policy=policy, number=1, document=said)
    policy.in_use_from = 1
    policy.save(update_fields=["in_use_from"])
    return row


def test_it_counts_how_often_each_rule_acts_and_in_which_calls(policy, calls):
    policy.draft = document(STAY, rule("never", OFFER))
    policy.save()
    run = play(policy)
    assert (run.state, run.done, run.calls, run.failed) == ("done", 4, 4, 0)
    stay, never = backtest_report(run).rules
    assert (stay.name, stay.fires, stay.calls, stay.share) == ("Ask why they leave", 4, 2, 0.5)
    assert (never.fires, never.calls, never.precision) == (0, 0, None)
    assert set(run.hits.values_list("conversation_id", flat=True)) == {calls[0].pk, calls[2].pk}
    noise = backtest_report(run).noise
    assert (noise.p50, noise.p95, noise.most, noise.mean) == (0, 2, 2, 1.0)


def test_holds_are_played_as_far_as_telephony_has_told_them(company, calls):
    quiet = Policy.objects.create(
        name="Holds", draft=document(rule("back", {"measure": "hold_ms", "above": 60_000}, name="Back"))
    )
    told = [("connected", 0), ("hold", 4_000), ("hold", 5_000), ("connected", 30_000), ("hold", 31_000)]
    for number, (phase, from_ms) in enumerate([*told, ("ended", 100_000)]):
        CallPhase.objects.create(
            conversation=calls[0],
            phase=phase,
            key=str(number),
            from_ms=from_ms,
            at=timezone.now() + timedelta(milliseconds=from_ms),
        )
    play(quiet)
    hit = BacktestHit.objects.get()
    assert (hit.conversation_id, hit.at_ms) == (calls[0].pk, 91_000)


def test_only_the_last_and_only_what_is_in_scope(policy, calls, company):
    assert play(policy, last=2).done == 2
    policy.scope = {"teams": [str(company.other_team.pk)]}
    policy.save()
    run = play(policy)
    assert (run.total, run.calls, run.hits.count()) == (1, 1, 0)


def test_it_is_compared_with_what_is_published(policy, calls):
    publish(
        policy, document(rule("stay", {"phrases": ["where is my order"]}, name="Old"), rule("gone", CANCEL))
    )
    run = play(policy)
    report = backtest_report(run)
    by_key = {one.key: one for one in report.rules}
    assert (by_key["stay"].fires, by_key["stay"].before, by_key["stay"].new, by_key["stay"].gone) == (
        4,
        2,
        2,
        2,
    )
    assert not by_key["gone"].in_draft
    assert by_key["gone"].before == 2
    assert (report.new_calls, report.gone_calls) == (0, 2)
    assert report.before is not None


def test_a_step_that_is_cut_off_goes_on_and_counts_nothing_twice(policy, calls, monkeypatch):
    monkeypatch.setattr(engine, "BATCH", 1)
    run = backtest_start(policy=policy, last=100, actor=None, dispatch=False)
    assert not backtest_step(run_id=run.pk, seconds=0, told=lambda _run: None)
    run.refresh_from_db()
    assert (run.state, run.done) == ("running", 1)
    with pytest.raises(Conflict):
        backtest_start(policy=policy, last=1, actor=None, dispatch=False)

    def dies(*_args):
        raise SystemExit

    monkeypatch.setattr(BacktestHit.objects, "bulk_create", dies)
    with pytest.raises(SystemExit):
        backtest_step(run_id=run.pk, told=lambda _run: None)
    monkeypatch.undo()
    while not backtest_step(run_id=run.pk, told=lambda _run: None):
        pass
    run.refresh_from_db()
    assert (run.state, run.done, run.hits.count()) == ("done", 4, 4)
    assert backtest_step(run_id=run.pk, told=lambda _run: None)
    assert run.hits.count() == 4


def test_it_is_cancelled_and_goes_on_where_it_was(policy, calls, monkeypatch):
    monkeypatch.setattr(engine, "BATCH", 1)
    run = backtest_start(policy=policy, last=100, actor=None, dispatch=False)
    backtest_step(run_id=run.pk, seconds=0, told=lambda _run: None)
    backtest_cancel(run_id=run.pk, actor=None)
    assert backtest_step(run_id=run.pk, told=lambda _run: None)
    run.refresh_from_db()
    assert (run.state, run.is_open, run.done) == ("cancelled", False, 1)
    backtest_resume(run_id=run.pk, actor=None, dispatch=False)
    while not backtest_step(run_id=run.pk, told=lambda _run: None):
        pass
    run.refresh_from_db()
    assert (run.state, run.done, run.hits.count()) == ("done", 4, 4)
    with pytest.raises(Conflict):
        backtest_resume(run_id=run.pk, actor=None, dispatch=False)


def test_one_call_that_cannot_be_played_is_counted_and_the_others_go_on(policy, calls, monkeypatch):
    real = engine.Player.play

    def play_but_one(self, call):
        if call.id == calls[1].pk:
            raise ValueError("what somebody said")
        return real(self, call)

    monkeypatch.setattr(engine.Player, "play", play_but_one)
    run = play(policy)
    assert (run.state, run.done, run.calls, run.failed) == ("done", 4, 3, 1)
    assert "somebody" not in run.last_error


def test_what_agents_did_and_what_people_say_make_its_precision(policy, calls, company):
    revision = publish(policy, policy.draft)
    first, second = calls[0], calls[2]
    for call, state in ((first, "accepted"), (second, "dismissed")):
        Guidance.objects.create(
            conversation=call, revision=revision, rule_key="stay", kind="hint", label="Say", title="x",
            at_ms=call.utterances.first().end_ms, state=state, decided_at=timezone.now(),
        )  # fmt: skip
    run = play(policy)
    [stay] = backtest_report(run).rules
    assert (stay.right, stay.wrong, stay.precision) == (1, 1, 0.5)
    admin = company.people["admin"]
    shown = backtest_examples(run, "stay", admin)
    assert [one.right for one in shown["examples"]] == [False, None, True, None]
    wrongly = shown["examples"][0]
    rule_label(run=run, rule_key="stay", hit_id=str(wrongly.id), right=True, actor=admin)
    rule_label(run=run, rule_key="stay", hit_id=str(shown["examples"][1].id), right=True, actor=admin)
    [stay] = backtest_report(run).rules
    assert (stay.right, stay.wrong) == (3, 0)
    rule_label(run=run, rule_key="stay", hit_id=str(wrongly.id), right=None, actor=admin)
    assert RuleLabel.objects.count() == 1
    assert backtest_report(run).rules[0].wrong == 1


def test_what_it_found_goes_with_the_conversation(policy, calls):
    run = play(policy)
    calls[0].delete()
    assert run.hits.count() == 2


def test_the_page_starts_one_and_shows_its_figures(policy, calls, company, monkeypatch):
    client = company.client("admin")
    url = f"/admin/coaching/policy/{policy.pk}/backtest/"
    monkeypatch.setattr("coaching.backtest_tasks.backtest_run_step.delay", lambda **_message: None)
    assert client.post(url, {"do": "start", "last": "100"}).status_code == 302
    run = Backtest.objects.get()
    waiting = client.get(url).content.decode()
    assert "data-poll" in waiting
    assert 'value="cancel"' in waiting
    while not backtest_step(run_id=run.pk, told=lambda _run: None):
        pass
    with query_budget("policy backtest"):
        page = client.get(url).content.decode()
    assert "Ask why they leave" in page
    assert "data-poll" not in page
    examples = f"{url}{run.pk}/rule/stay/"
    assert "I want to cancel my account" in client.get(examples).content.decode()
    hit = run.hits.first()
    assert client.post(examples, {"hit": str(hit.pk), "label": "right"}).status_code == 302
    assert RuleLabel.objects.get().right is True


def test_the_command_prints_one_object(policy, calls, company):
    out = StringIO()
    call_command("backtest", company=company.schema, policy="Save", json=True, stdout=out, stderr=StringIO())
    told = json.loads(out.getvalue())
    assert (told["state"], told["conversations"], told["rules"][0]["fires"]) == ("done", 4, 4)


def test_the_api_starts_cancels_and_tells(policy, calls, company, monkeypatch):
    client = company.client("admin")
    monkeypatch.setattr("coaching.backtest_tasks.backtest_run_step.delay", lambda **_message: None)

    def post(path, **sent):
        return client.post(f"/api/v1/backtests/{path}", json.dumps(sent), content_type="application/json")

    made = post("", policy=str(policy.pk), last=10)
    assert made.status_code == 201, made.content
    key = made.json()["id"]
    assert post("", policy=str(policy.pk), last=10).status_code == 409
    assert post(f"{key}/cancel/").json()["state"] == "cancelled"
    assert post(f"{key}/resume/").json()["state"] == "running"
    while not backtest_step(run_id=key, told=lambda _run: None):
        pass
    told = client.get(f"/api/v1/backtests/{key}/").json()
    assert (told["state"], told["rules"][0]["fires"]) == ("done", 4)
    with query_budget("api-backtests"):
        assert len(client.get("/api/v1/backtests/").json()["results"]) == 1
    examples = client.get(f"/api/v1/backtests/{key}/examples/?rule=stay").json()
    assert examples["total"] == 4
    labelled = post(f"{key}/label/", rule="stay", example=examples["examples"][0]["id"], right=False)
    assert labelled.json()["rules"][0]["wrong"] == 1
