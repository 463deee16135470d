"""Scorecards by the API: written whole, checked, published; what was published is switched off, not removed."""

from __future__ import annotations

import json

import pytest

from providers.models import ChatServer
from qa.models import Criterion, ScorecardTemplate
from tests.budgets import query_budget

DOCUMENT = {
    "name": "Retention",
    "audience": {"teams": [], "queues": ["billing"], "channels": ["voice"]},
    "criteria": [
        {
            "question": "Threat met?",
            "method": "moment",
            "moment": "offer",
            "applies_after": "threat",
            "weight": 30,
        },
        {
            "question": "How?",
            "kind": "choice",
            "options": [{"label": "By an offer", "score": 100}, {"label": "Not", "score": 0}],
            "depends_on": "Threat met?",
            "depends_values": ["Yes"],
            "coaching_tip": "Ask first.",
        },
    ],
}


@pytest.fixture
def ask(company):
    client = company.client("admin")

    def send(method, path, data=None, code=200):
        sent = {"data": json.dumps(data), "content_type": "application/json"} if data else {}
        answer = getattr(client, method)(f"/api/v1/scorecards/{path}", **sent)
        assert answer.status_code == code, answer.content
        return answer.json()

    return send


def test_a_scorecard_is_written_whole_and_published(moments, ask):
    made = ask("post", "", DOCUMENT, 201)
    assert (made["revision"], made["changed"], made["complaints"]) == (None, True, [])
    assert made["criteria"][1]["depends_on"] == "Threat met?"
    published = ask("post", f"{made['id']}/publish/", {"": ""})
    assert (published["revision"], published["changed"], published["active"]) == (1, False, True)
    # What comes back can be sent again; what is left out is switched off.
    kept = {"name": "Retention", "criteria": [published["criteria"][0]]}
    later = ask("put", f"{made['id']}/", kept)
    assert [one["question"] for one in later["criteria"]] == ["Threat met?"] and later["changed"]
    assert later["audience"] == DOCUMENT["audience"]
    assert Criterion.objects.filter(active=False, question="How?").count() == 1
    assert later["criteria"][0]["key"] == published["criteria"][0]["key"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"criteria": [{"question": "A?", "moment": "nowhere"}]}, "no moment “nowhere”"),
        ({"criteria": [{"question": "A?", "depends_on": "B?"}]}, "no criterion “B?”"),
        ({"audience": {"queues": ["moon"]}}, "no such queue"),
        (
            {"criteria": [{"question": "A?", "key": "01a1fb5b-0000-7000-8000-000000000000"}]},
            "no criterion of that",
        ),
        ({"criteria": [{"question": "A?", "weight": -1}]}, "weight"),
    ],
)
def test_a_document_that_makes_no_sense_changes_nothing(moments, ask, change, said):
    refused = ask("post", "", DOCUMENT | change, 400)
    assert said in json.dumps(refused, ensure_ascii=False)
    assert not ScorecardTemplate.objects.exists()


def test_what_is_wrong_keeps_it_a_draft(moments, ask):
    ring = [
        {"question": "A?", "method": "person", "depends_on": "B?", "depends_values": ["yes"]},
        {"question": "B?", "method": "person", "depends_on": "A?", "depends_values": ["yes"]},
    ]
    made = ask("post", "", DOCUMENT | {"criteria": ring}, 201)
    assert "wait for one another" in made["complaints"][0]
    assert "wait for one another" in json.dumps(ask("post", f"{made['id']}/publish/", {"": ""}, 400))
    assert not ScorecardTemplate.objects.get().revisions.exists()


def test_query_budgets(moments, ask, card, revision):
    with query_budget("api-scorecards"):
        assert len(ask("get", "")["results"]) == 1
    with query_budget("api-scorecard"):
        ask("get", f"{card.pk}/")


def test_a_language_model_that_nobody_set_up_is_warned_about_and_no_hindrance(moments, ask, peer):
    criterion = {
        "question": "Cause told?",
        "method": "model",
        "said_by": "anyone",
        "guideline": "In plain words.",
    }
    made = ask("post", "", {"name": "By a model", "criteria": [criterion]}, 201)
    assert (made["complaints"], made["warnings"]) == ([], [])
    assert made["criteria"][0]["said_by"] == "anyone"
    ChatServer.objects.update(active=False)
    told = ask("post", f"{made['id']}/publish/", {"": ""})
    assert told["revision"] == 1 and "“Cause told?” is left to people" in told["warnings"][0]
    criterion["kind"] = "text"
    criterion["weight"] = 0
    worded = ask("put", f"{made['id']}/", {"name": "By a model", "criteria": [criterion]})
    assert any("it must be of the kind" in one for one in worded["complaints"])
