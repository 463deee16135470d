"""Reports: figures on the page lead to the conversations behind them; files hold the same and no formulas."""

from __future__ import annotations

import csv
import re
from io import StringIO
from typing import Any

import pytest
from django.utils import timezone

from accounts.ids import new_id
from analytics.services import fact_write
from coaching.models import BehaviourOutcome
from tests.budgets import query_budget
from tests.past_calls import Past, past_call


@pytest.fixture
def past(world: Any) -> Past:
    company = world.northwind
    with company.scope():
        made = past_call(agent=company.people["agent"], queue=company.queue)
        fact_write(made.conversation.pk)
    return made


def body(response: Any) -> str:
    assert response.status_code == 200
    return response.content.decode()


def test_every_figure_leads_to_its_conversations(world: Any, past: Past) -> None:
    client = world.northwind.client("supervisor")
    with query_budget("reports"):
        html = body(client.get("/reports/"))
    links = {link.replace("&amp;", "&") for link in re.findall(r'href="(/conversations/\?[^"]+)"', html)}
    # By day and by agent: conversations, score, hints, alerts.
    assert len(links) == 8
    for link in links:
        shown = body(client.get(link))
        assert shown.count('class="ls-row"') == 1 and str(past.conversation.pk) in shown, link


def test_each_supervisor_sees_their_own(world: Any, past: Past) -> None:
    company = world.northwind
    assert "No ended conversations" in body(company.client("other_supervisor").get("/reports/"))
    assert "No ended conversations" in body(world.acme.client("admin").get("/reports/"))
    # A team that is not theirs is as good as none.
    page = body(company.client("supervisor").get(f"/reports/?team={company.other_team.pk}&days=odd"))
    assert str(company.other_team.pk) not in page and "Agent" in page
    analyst = body(company.client("analyst").get(f"/reports/?team={company.other_team.pk}&days=30"))
    assert "No ended conversations" in analyst
    assert company.client("agent").get("/reports/").status_code == 403


def test_files(world: Any, past: Past) -> None:
    company = world.northwind
    with company.scope():
        company.people["agent"].name = "=HYPERLINK(1)"
        company.people["agent"].save()
    client = company.client("supervisor")
    for table, first in [("daily", "Day"), ("agents", "Agent")]:
        text = body(client.get(f"/reports/{table}.csv?days=7")).removeprefix("\ufeff")
        rows = list(csv.reader(StringIO(text)))
        assert rows[0][0] == first and len({len(row) for row in rows}) == 1
        assert sum(int(row[rows[0].index("Conversations")]) for row in rows[1:]) == 1
        assert len(rows) == (8 if table == "daily" else 2)
    assert rows[1][0] == "'=HYPERLINK(1)"
    assert client.get("/reports/other.csv").status_code == 404


def test_markup_in_a_name_is_text(world: Any, past: Past) -> None:
    company = world.northwind
    with company.scope():
        company.people["agent"].name = "<b>Agent</b>"
        company.people["agent"].save()
    assert "<b>Agent" not in body(company.client("admin").get("/reports/"))


def test_an_empty_period_says_so(world: Any) -> None:
    html = body(world.northwind.client("admin").get("/reports/"))
    assert "No ended conversations in this period." in html and "<svg" not in html


def test_what_was_expected_adds_up_to_a_score(world: Any, past: Past) -> None:
    """By weight, on the page, in the files, by the API, and on the conversation's own page with why."""
    company = world.northwind
    with company.scope():
        for name, result, weight in [("Empathy", "done", 3), ("Empathy", "missed", 3), ("Recap", "done", 2)]:
            BehaviourOutcome.objects.create(
                conversation=past.conversation,
                revision=past.hint.revision,
                behaviour_key=name.lower(),
                name=name,
                weight=weight,
                result=result,
                reason="Because the customer said “{quote}” at 0:05",
                evidence=[{"utterance": str(past.said[1].pk), "start": 3, "end": 16}],
                at_ms=9_000,
            )
    client = company.client("supervisor")
    html = body(client.get("/reports/"))
    links = re.findall(r'href="(/conversations/\?[^"]*(?:behaviour|missed)=[^"]+)"', html)
    assert len(links) == 3
    for link in links:
        shown = body(client.get(link.replace("&amp;", "&")))
        assert shown.count('class="ls-row"') == 1, link
    assert 'class="ls-row"' not in body(client.get("/conversations/?missed=Recap"))
    (agent,) = client.get("/api/v1/reports/agents/").json()
    assert (agent["figures"]["behaviours"], agent["figures"]["situations"]) == (62.5, 3)
    first, second = client.get("/api/v1/reports/behaviours/").json()
    assert (first["name"], first["situations"], first["missed"], first["share"]) == ("Empathy", 2, 1, 0.5)
    assert (second["name"], second["missed"], second["agents"]) == ("Recap", 0, 1)
    assert company.client("other_supervisor").get("/api/v1/reports/behaviours/").json() == []
    rows = list(csv.reader(StringIO(body(client.get("/reports/behaviours.csv")).removeprefix("\ufeff"))))
    policy = past.hint.revision.policy.name
    assert [row[:4] for row in rows[1:]] == [
        ["Empathy", policy, "2", "1"],
        ["Recap", policy, "1", "1"],
    ]
    page = body(client.get(f"/conversations/{past.conversation.pk}/?tab=guidance"))
    assert "2 of 3 done" in page and "score 63" in page
    assert "Because the customer said “bill is wrong” at 0:05" in page


def test_a_hint_that_was_held_back_was_not_shown_and_one_whose_words_were_said_was_taken_up(
    world: Any, past: Past
) -> None:
    with world.northwind.scope():
        shown = past.hint
        shown.state, shown.used_at = "open", timezone.now()
        shown.save()
        shown.pk, shown.state, shown.used_at = new_id(), "held", None
        shown.save(force_insert=True)
        fact = fact_write(past.conversation.pk)
        assert fact is not None and (fact.hints_shown, fact.hints_accepted) == (1, 1)
