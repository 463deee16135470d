"""Sampling plans set up by the API: made, changed, switched off; what could not draw is said in a sentence."""

from __future__ import annotations

import json

import pytest

from accounts.models import AuditEvent
from qa.models import SamplingPlan
from qa.services import scorecard_retire

PLANS = "/api/v1/sampling-plans/"


@pytest.fixture
def send(company):
    client = company.client("admin")

    def send(path, method="post", **document):
        return getattr(client, method)(path, data=json.dumps(document), content_type="application/json")

    return send


def test_a_plan_is_made_changed_and_switched_off(company, card, revision, moments, send):
    analyst = company.people["analyst"]
    answer = send(
        PLANS,
        name="Weekly",
        scorecard=str(card.pk),
        strata="risk",
        moment="threat",
        per_agent=2,
        second_percent=25,
        evaluators=[str(analyst.pk)],
    )
    assert answer.status_code == 201, answer.content
    made = answer.json()
    assert (made["strata"], made["moment"], made["per_agent"], made["per_period"]) == (
        "risk",
        "threat",
        2,
        50,
    )
    assert made["active"] and made["evaluators"] == [{"id": str(analyst.pk), "name": "Analyst"}]
    row = SamplingPlan.objects.get()
    changed = send(f"{PLANS}{row.pk}/", "patch", moment=None, due_days=3, evaluators=[]).json()
    assert (changed["moment"], changed["due_days"], changed["evaluators"]) == (None, 3, [])
    assert (changed["name"], changed["strata"]) == ("Weekly", "risk")
    assert send(f"{PLANS}{row.pk}/", "patch", active=False).json()["active"] is False
    assert company.client("analyst").get(f"{PLANS}{row.pk}/").json()["active"] is False
    events = AuditEvent.objects.filter(object_id=str(row.pk)).order_by("pk")
    assert [one.action for one in events] == ["samplingplan.create", *["samplingplan.update"] * 2]
    assert events[1].changes == {"fields": ["due_days", "moment", "evaluators"]}


@pytest.mark.parametrize(
    ("document", "field", "words"),
    [
        ({"scorecard": "01900000-0000-7000-8000-000000000000"}, "scorecard", "no such scorecard"),
        ({"moment": "nothing"}, "moment", "no moment “nothing”"),
        ({"evaluators": ["01900000-0000-7000-8000-000000000000"]}, "evaluators", "no such person"),
        ({"per_agent": 0}, "per_agent", "greater than or equal to 1"),
        ({"second_percent": 101}, "second_percent", "less than or equal to 100"),
        ({"strata": "moon"}, "strata", "choices"),
        ({"name": "Daily"}, "name", "already exists"),
    ],
)
def test_what_could_not_draw_is_said(company, card, revision, send, document, field, words):
    SamplingPlan.objects.create(name="Daily", template=card)
    answer = send(PLANS, **({"name": "Weekly", "scorecard": str(card.pk)} | document))
    assert answer.status_code == 400
    assert words in " ".join(answer.json()["error"]["fields"][field])
    assert SamplingPlan.objects.count() == 1


def test_evaluators_may_evaluate_and_scorecards_are_in_use(company, card, revision, send):
    agent = company.people["agent"]
    answer = send(PLANS, name="Weekly", scorecard=str(card.pk), evaluators=[str(agent.pk)])
    assert "Who may not evaluate: Agent." in answer.content.decode()
    scorecard_retire(template=card, actor=None)
    answer = send(PLANS, name="Weekly", scorecard=str(card.pk))
    assert answer.status_code == 400 and "not in use" in answer.content.decode()
    assert not SamplingPlan.objects.exists()
