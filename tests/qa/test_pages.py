"""The lists and the form: what they show, and with how many queries, however many rows there are."""

from __future__ import annotations

import pytest

from qa.evaluating import evaluation_dispute, evaluation_start
from qa.models import Evaluation
from qa.scoring import conversation_score
from qa.services import evaluation_release
from qa.work import assignment_create
from tests.budgets import query_budget
from tests.qa.conftest import OFFER


@pytest.fixture
def work(company, card, revision, ended):
    """Three scored calls, released and disputed by their agent, each on the analyst's list."""
    rows = []
    for _call in range(3):
        row = ended(("agent", OFFER, 9_000))
        (score,) = conversation_score(conversation_id=row.pk)
        evaluation_release(evaluation=score, user=None)
        evaluation_dispute(evaluation=score, user=company.people["agent"], reason="I <b>did</b> more.")
        assignment_create(
            conversation=row, template=card, actor=None, assignee=company.people["analyst"], why="Weekly"
        )
        rows.append(row)
    return rows


def page(client, path):
    answer = client.get(path)
    assert answer.status_code == 200
    return answer.content.decode()


def test_lists_take_the_same_queries_whatever_is_on_them(company, work):
    analyst, agent = company.client("analyst"), company.client("agent")
    with query_budget("quality"):
        assert page(analyst, "/quality/").count("Weekly") >= 3
    with query_budget("quality-scores"):
        shown = page(analyst, "/quality/?list=scores")
    assert shown.count("disputed") == 3
    with query_budget("api-assignments"):
        assert len(analyst.get("/api/v1/assignments/").json()["results"]) == 3
    with query_budget("api-disputes"):
        assert len(analyst.get("/api/v1/disputes/").json()["results"]) == 3
    shown = page(analyst, "/quality/?list=disputes")
    assert shown.count("I &lt;b&gt;did&lt;/b&gt; more.") == 3
    Evaluation.objects.update(needs_person=True)
    assert page(analyst, "/quality/?list=unsure").count("ql-open") == 3
    # Agents have their own lists, and theirs alone.
    assert page(agent, "/quality/").count("ql-open") == 3
    assert "ql-open" not in page(company.client("teammate"), "/quality/")
    assert "ql-open" not in page(company.client("other_supervisor"), "/quality/?list=scores")
    # Whatever somebody writes into the address, a list shows.
    page(analyst, "/quality/?list=nothing&after=nonsense")


def test_the_form_holds_criteria_and_hides_what_is_blind(company, card, work):
    analyst = company.people["analyst"]
    row = evaluation_start(conversation=work[0], template=card, user=analyst)
    client = company.client("analyst")
    with query_budget("evaluate"):
        shown = page(client, f"/quality/evaluations/{row.pk}/")
    assert '"automatic_label": "Yes"' in shown and "At most one hold?" in shown
    Evaluation.objects.filter(pk=row.pk).update(kind="second")
    blind = page(client, f"/quality/evaluations/{row.pk}/")
    assert "automatic_label" not in blind and "blind" in blind


def test_a_conversation_offers_its_evaluation_and_its_disputes(company, card, work):
    client = company.client("supervisor")
    shown = page(client, f"/conversations/{work[0].pk}/?tab=score")
    assert "I &lt;b&gt;did&lt;/b&gt; more." in shown and "Keep the score" in shown
    assert "Service call" in page(client, f"/quality/start/?conversation={work[0].pk}")
    begun = client.post("/quality/start/", {"conversation": work[0].pk, "scorecard": card.pk})
    assert begun["Location"].startswith("/quality/evaluations/")
