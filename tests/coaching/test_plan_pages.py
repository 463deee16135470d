"""Pages and API of plans, sessions and targets: what they show to whom, what they refuse, with how many queries."""

from __future__ import annotations

import csv
import json
from datetime import timedelta
from io import BytesIO, StringIO

import pytest
from django.utils import timezone
from openpyxl import load_workbook

from accounts.models import AuditEvent
from coaching.models import CoachingPlan, CoachingSession, NextStep, Target
from qa.models import Evaluation
from tests.budgets import query_budget
from tests.coaching.planned import call_scored, call_taken, card_make, plan_make, session_make


@pytest.fixture
def company(world):
    with world.northwind.scope():
        yield world.northwind


@pytest.fixture
def card(company):
    return card_make()


@pytest.fixture
def given(company, card, make_conversation):
    """Three plans of two skills with three sessions each, and calls that show them."""
    calls = [call_scored(company, make_conversation, card, 25 * (n % 5), days_ago=n + 0.5) for n in range(12)]
    both = [{"skill": card.ref(card.solved), "target": 80.0}, {"skill": card.ref(card.greeted)}]
    plans = [plan_make(company, card, title=f"Plan {n} <i>", focuses=both) for n in range(3)]
    for plan in plans:
        sessions = [session_make(company, plan=plan), session_make(company, plan=plan, state="held")]
        for call in calls[:3]:
            call_taken(company, sessions[0], call, card.ref(card.solved), why="worst")
            call_taken(company, sessions[0], call, card.ref(card.greeted), why="best")
    NextStep.objects.update(due_on=timezone.localdate() - timedelta(days=1))
    return plans


def page(client, path):
    answer = client.get(path)
    assert answer.status_code == 200
    return answer.content.decode()


def send(client, method, path, **data):
    return getattr(client, method)(path, json.dumps(data), content_type="application/json")


def test_pages_and_lists_take_the_same_queries_whatever_is_in_them(company, card, given):
    supervisor, agent = company.client("supervisor"), company.client("agent")
    plan, session = given[0], given[0].sessions.get(state="planned")
    # The first request of a process looks up what is kept afterwards.
    page(supervisor, "/coaching/targets/")
    with query_budget("coaching"):
        shown = page(supervisor, "/coaching/")
    assert shown.count("Plan 1 &lt;i&gt;") >= 2 and "prepare" in shown and "3 steps overdue" in shown
    with query_budget("coaching-plan"):
        shown = page(supervisor, f"/coaching/plans/{plan.pk}/")
    assert "Solved &lt;b&gt;it&lt;/b&gt;?" in shown and "Too few" in shown
    with query_budget("coaching-session"):
        shown = page(supervisor, f"/coaching/sessions/{session.pk}/")
    assert shown.count("<mark>bill</mark>") >= 6 and "Begin softly." in shown
    with query_budget("coaching-targets"):
        page(supervisor, "/coaching/targets/")
    for name, path in {
        "api-coaching-plans": "plans/",
        "api-coaching-plan-progress": f"plans/{plan.pk}/progress/",
        "api-coaching-home": "plans/home/",
        "api-coaching-sessions": "sessions/",
        "api-coaching-session": f"sessions/{session.pk}/",
        "api-coaching-suggestions": f"sessions/{session.pk}/suggestions/",
        "api-coaching-steps": "next-steps/",
        "api-coaching-targets": "targets/",
    }.items():
        with query_budget(name):
            assert supervisor.get(f"/api/v1/coaching/{path}").status_code == 200
    # The agent: nothing that was not shared, and of no score that was not shown to them.
    assert agent.get(f"/coaching/sessions/{session.pk}/").status_code == 404
    held = given[0].sessions.get(state="held")
    shown = page(agent, f"/coaching/sessions/{held.pk}/")
    assert "Begin softly." not in shown and "Acknowledge it" in shown and "/do/" in shown
    assert [one["id"] for one in agent.get("/api/v1/coaching/sessions/").json()["results"]] == [
        str(one.pk) for one in CoachingSession.objects.filter(state="held").order_by("-pk")
    ]
    focus = agent.get(f"/api/v1/coaching/plans/{plan.pk}/progress/").json()["focuses"][0]
    assert (focus["baseline"], focus["now"]["n"], focus["target"]) == (None, 0, 80.0)
    shown = page(agent, "/coaching/me/")
    assert shown.count("Acknowledge your session") == 3


def test_progress_is_taken_as_files(company, card, given):
    client, plan = company.client("supervisor"), given[0]
    address = f"/coaching/plans/{plan.pk}/progress"
    assert f'href="{address}.csv"' in page(client, f"/coaching/plans/{plan.pk}/")
    rows = list(csv.reader(StringIO(taken(client, f"{address}.csv").decode("utf-8-sig"))))
    assert rows[0][:5] == ["Skill", "Week from", "To", "Judged", "Mean"]
    told = client.get(f"/api/v1/coaching/plans/{plan.pk}/progress/").json()["focuses"]
    assert [int(row[3]) for row in rows[1:]] == [week["n"] for one in told for week in one["weeks"]]
    assert sum(int(row[3]) for row in rows[1:]) > 0
    book = load_workbook(BytesIO(taken(client, f"/api/v1/coaching/plans/{plan.pk}/file/?form=xlsx")))
    weeks, skills = (list(sheet.values) for sheet in book)
    assert len(weeks) == len(rows)
    assert [row[0] for row in skills[1:]] == [one["name"] for one in told]
    assert client.get(f"{address}.pdf").status_code == 404
    assert company.client("agent").get(f"{address}.csv").status_code == 403
    noted = AuditEvent.objects.filter(action="report.export").latest("occurred_at").changes
    assert (noted["report"], noted["plan"]) == ("coaching-plan", str(plan.pk))


def taken(client, path):
    answer = client.get(path)
    assert answer.status_code == 200
    return b"".join(answer.streaming_content)


def test_a_plan_is_drafted_changed_and_ended_on_its_pages(company, card):
    client = company.client("supervisor")
    people = company.people
    form = {
        "agent": people["agent"].pk,
        "title": "Ask first",
        "goal": "",
        "begins_on": "2026-12-01",
        "ends_on": "2026-11-01",
        "skill": [card.ref(card.solved), "", "", "", ""],
        "target": ["", "", "", "", ""],
        "do": "activate",
    }
    answer = client.post("/coaching/plans/new/", form)
    assert answer.status_code == 422 and "before it begins" in answer.content.decode()
    assert 'value="Ask first"' in answer.content.decode()
    for field, value, words in (
        ("ends_on", "never", "Choose a day"),
        ("target", ["many", "", "", "", ""], "0 to 100"),
        ("target", ["nan", "", "", "", ""], "0 to 100"),
        ("skill", ["", "", "", "", ""], "at least one"),
    ):
        wrong = client.post("/coaching/plans/new/", form | {"ends_on": "2026-12-20", field: value})
        assert wrong.status_code == 422 and words in wrong.content.decode(), words
    assert not CoachingPlan.objects.exists()
    assert client.post("/coaching/plans/new/", form | {"ends_on": "2026-12-20"}).status_code == 302
    plan = CoachingPlan.objects.get()
    assert (plan.state, plan.focuses.get().target) == ("active", None)
    edit = f"/coaching/plans/{plan.pk}/edit/"
    assert 'name="begins_on" value="2026-12-01" disabled' in page(client, edit)
    changed = {"title": "Ask", "ends_on": "2026-12-24", "skill": [card.ref(card.solved)], "target": ["70,5"]}
    assert client.post(edit, changed).status_code == 302
    plan.refresh_from_db()
    assert (plan.title, plan.ends_on.day, plan.focuses.get().target) == ("Ask", 24, 70.5)
    do = f"/coaching/plans/{plan.pk}/do/"
    assert "Say what came of it." in page_after(client, do, do="complete")
    assert "completed" in page_after(client, do, do="complete", outcome="They ask.")
    assert client.post(do, {"do": "nonsense"}).status_code == 404
    assert client.get(edit)["Location"] == f"/coaching/plans/{plan.pk}/"
    # Theirs only: an agent of another team is not there.
    assert client.get(f"/coaching/plans/new/?agent={people['outsider'].pk}").status_code == 404


def page_after(client, path, **data):
    return client.post(path, data, follow=True).content.decode()


def test_a_session_is_led_on_its_page(company, card, make_conversation):
    client, agent = company.client("supervisor"), company.client("agent")
    call = call_scored(company, make_conversation, card, 0, days_ago=1)
    plan = plan_make(company, card)
    new = "/coaching/sessions/new/"
    assert "Choose a day" in client.post(new, {"plan": plan.pk, "scheduled_at": "soon"}).content.decode()
    assert "2100" in client.post(new, {"plan": plan.pk, "scheduled_at": "0001-01-01T00:00"}).content.decode()
    client.post(new, {"plan": plan.pk, "scheduled_at": "2026-12-01T10:30", "preparation": "Calmly."})
    row = CoachingSession.objects.get()
    # As the company's clock has it.
    assert timezone.localtime(row.scheduled_at).isoformat()[:16] == "2026-12-01T10:30" and row.plan == plan
    do = f"/coaching/sessions/{row.pk}/do/"
    taken = {"do": "call", "conversation": call.pk, "skill": card.ref(card.solved), "why": "worst"}
    assert "my <mark>bill</mark>" in page_after(client, do, **taken)
    assert "already" in page_after(client, do, **taken)
    assert "no id of a call" in page_after(client, do, do="call", conversation="the one of Monday")
    item = row.items.get()
    assert "Ask &lt;why&gt;" in page_after(client, do, do="item", item=item.pk, note="Ask <why>")
    page_after(client, do, do="topic", note="Breaks")
    page_after(client, do, do="up", item=row.items.get(kind="topic").pk)
    assert [one.kind for one in row.items.all()] == ["topic", "call"]
    page_after(client, do, do="step", text="Listen to it", due_on="2026-12-05")
    page_after(client, do, do="notes", preparation="Calmly.", coach_notes="You asked late.")
    assert agent.get(f"/coaching/sessions/{row.pk}/").status_code == 404
    page_after(client, do, do="share")
    shown = page(agent, f"/coaching/sessions/{row.pk}/")
    # What was not shown to them is no score here either.
    assert "You asked late." in shown and "Calmly." not in shown and "Ask &lt;why&gt;" in shown
    assert "cell s1" not in shown
    Evaluation.objects.update(released_at=timezone.now())
    assert "cell s1" in page(agent, f"/coaching/sessions/{row.pk}/")
    page_after(client, do, do="hold")
    # Each does their own: the agent leads nothing, the coach acknowledges nothing.
    assert agent.post(do, {"do": "notes", "coach_notes": "Mine"}).status_code == 404
    assert client.post(do, {"do": "acknowledge", "words": "Yes"}).status_code == 404
    assert "own words" in page_after(agent, do, do="acknowledge", words="")
    page_after(agent, do, do="tick", step=row.next_steps.get().pk)
    assert "I ask early." in page_after(agent, do, do="acknowledge", words="I ask early.")
    assert row.next_steps.get().done_by == company.people["agent"]


def test_the_api_does_what_pages_do(company, card, make_conversation):
    client, agent = company.client("supervisor"), company.client("agent")
    people, today = company.people, timezone.localdate()
    call = call_scored(company, make_conversation, card, 0, days_ago=1)
    path = "/api/v1/coaching"
    given = {
        "agent": str(people["agent"].pk),
        "title": "By program",
        "begins_on": today.isoformat(),
        "ends_on": (today + timedelta(days=20)).isoformat(),
        "focuses": [{"skill": card.ref(card.solved), "target": 90}],
    }
    made = send(client, "post", f"{path}/plans/", **given)
    assert made.status_code == 201 and made.json()["state"] == "draft"
    plan = f"{path}/plans/{made.json()['id']}/"
    wrong = send(client, "post", f"{path}/plans/", **given | {"focuses": [{"skill": "x", "target": 1}]})
    assert wrong.status_code == 400 and "no such skill" in str(wrong.json()["error"])
    assert (
        send(
            client, "post", f"{path}/plans/", **given | {"focuses": [{"skill": "x", "target": "nan"}]}
        ).status_code
        == 400
    )
    assert agent.get(plan).status_code == 404
    assert send(client, "post", f"{plan}activate/").json()["state"] == "active"
    assert agent.get(plan).json()["focuses"][0]["target"] == 90
    made = send(
        client, "post", f"{path}/sessions/", agent=given["agent"], plan=made.json()["id"],
        scheduled_at=timezone.now().isoformat(),
    )  # fmt: skip
    session = f"{path}/sessions/{made.json()['id']}/"
    (suggested,) = client.get(f"{session}suggestions/").json()["calls"]
    assert (suggested["conversation"], suggested["score"]) == (str(call.pk), 0.0)
    taken = {name: suggested[name] for name in ("conversation", "skill", "why")}
    whole = send(client, "post", f"{session}items/", **taken, note="Why so late?").json()
    assert whole["items"][0]["evidence"][0]["start"] == 3 and whole["items"][0]["at_ms"] == 5_000
    assert send(client, "post", f"{session}items/").status_code == 400
    item = f"{session}items/{whole['items'][0]['id']}/"
    assert send(client, "patch", item, note="Why?").json()["items"][0]["note"] == "Why?"
    send(client, "post", f"{session}next-steps/", text="Listen", due_on=today.isoformat())
    assert send(client, "patch", session, coach_notes="Late.").json()["coach_notes"] == "Late."
    assert send(client, "post", f"{session}hold/").json()["state"] == "held"
    assert client.delete(item).status_code == 409
    assert send(agent, "put", f"{session}agent-notes/", notes="Early.").json()["agent_notes"] == "Early."
    step = f"{path}/next-steps/{NextStep.objects.get().pk}/"
    assert send(agent, "patch", step, due_on=None).status_code == 409
    assert send(agent, "patch", step, done=True).json()["done_by"]["name"] == "Agent"
    assert client.get(f"{path}/next-steps/?done=false").json()["results"] == []
    assert send(agent, "post", f"{session}acknowledge/", words=" ").status_code == 400
    assert (
        send(agent, "post", f"{session}acknowledge/", words="I ask early.").json()["state"] == "acknowledged"
    )
    assert send(client, "post", f"{plan}complete/", outcome="Good.").json()["outcome"] == "Good."
    target = {"team": str(company.team.pk), "skill": card.ref(card.solved), "value": 75}
    made = send(client, "post", f"{path}/targets/", **target, begins_on=today.isoformat())
    assert made.status_code == 201 and agent.get(f"{path}/targets/").json()["results"][0]["value"] == 75
    end = f"{path}/targets/{made.json()['id']}/end/"
    assert send(client, "post", end, ends_on=today.isoformat()).json()["ends_on"] == today.isoformat()
    other = send(
        client,
        "post",
        f"{path}/targets/",
        **target | {"team": str(company.other_team.pk)},
        begins_on="2026-12-01",
    )
    assert other.status_code == 404 and Target.objects.count() == 1
