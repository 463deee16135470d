"""The page, the API and the admin of language models."""

from __future__ import annotations

import json
from typing import Any

import pytest

from engines.language.chat_replies import CHAT_REPLY
from providers.language_records import model_calls_keep
from providers.models import (
    ModelBudget,
    PromptRevision,
)
from providers.tasks import prompt_evaluate
from tests.budgets import query_budget
from tests.conftest import Company
from tests.language.asked import SYSTEM, replies, say_replies, server_of
from tests.peers.chat import ChatServer as Peer

State = PromptRevision.State


def test_the_page_and_the_api_say_the_same(company: Company, peer: Peer) -> None:
    client = company.client("admin")
    page = client.get("/settings/models/").content.decode()
    assert "without a model" in page and CHAT_REPLY.without in page and "No model was asked" in page
    server_of(peer)
    ModelBudget.objects.create(monthly_tokens=2000)
    assert replies().answered
    model_calls_keep()
    with query_budget("models"):
        page = client.get("/settings/models/?days=7").content.decode()
    assert "ours-8b (Ours)" in page and "55 %" in page and "0.0030" in page
    with query_budget("api-language-tasks"):
        tasks = client.get("/api/v1/language-tasks/").json()
    assert {one["name"]: (one["way"], one["why"]) for one in tasks}["chat_reply"] == ("model", "")
    with query_budget("api-language-figures"):
        [figure] = client.get("/api/v1/language-tasks/figures/?days=7").json()
    assert (figure["task"], figure["calls"], figure["tokens_in"]) == ("chat_reply", 1, 1000)
    assert client.get("/api/v1/language-tasks/figures/?days=8").status_code == 400
    with query_budget("api-language-budgets"):
        [budget] = client.get("/api/v1/language-budgets/").json()["results"]
    assert budget["spent_share"] == 0.55


def _sent(client: Any, method: str, path: str, **data: Any) -> Any:
    return getattr(client, method)(f"/api/v1/{path}", json.dumps(data), content_type="application/json")


def test_all_of_it_can_be_done_by_the_api(
    company: Company, peer: Peer, django_capture_on_commit_callbacks: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, client = server_of(peer), company.client("admin")
    made = _sent(client, "post", "language-routes/", task="chat_reply", server=str(server.pk), model="lora")
    assert made.status_code == 201, made.content
    path = f"language-routes/{made.json()['id']}/"
    assert _sent(client, "patch", path, deadline_ms=500).json()["deadline_ms"] == 500
    assert _sent(client, "patch", path, parameters={"n": 3}).status_code == 400
    twice = _sent(client, "post", "language-routes/", task="chat_reply", server=str(server.pk))
    assert twice.status_code == 400 and "this position" in twice.content.decode()
    with query_budget("api-language-routes"):
        assert len(client.get("/api/v1/language-routes/").json()["results"]) == 1
    assert replies().model == "lora"
    assert client.delete(f"/api/v1/{path}").status_code == 204

    body = {
        "task": "chat_reply",
        "variables": {"turns": "where", "most": 2},
        "expectation": {"contains": ["x"]},
    }
    assert _sent(client, "post", "language-cases/", **body).status_code == 201
    assert _sent(client, "post", "language-cases/", **body | {"expectation": {}}).status_code == 400
    with query_budget("api-language-cases"):
        client.get("/api/v1/language-cases/")
    made = _sent(client, "post", "language-prompts/", task="chat_reply", system=SYSTEM, user="{{turns}}")
    assert made.status_code == 201 and made.json()["number"] == 1
    path = f"language-prompts/{made.json()['id']}/"
    assert _sent(client, "patch", path, note="shorter").json()["note"] == "shorter"
    assert _sent(client, "post", f"{path}publish/").status_code == 400
    started: list[str] = []
    monkeypatch.setattr(
        "providers.evaluating_start.prompt_evaluate.delay", lambda revision_id: started.append(revision_id)
    )
    with django_capture_on_commit_callbacks(execute=True):
        assert _sent(client, "post", f"{path}evaluate/").status_code == 202
    assert started == [made.json()["id"]]
    peer.script = [say_replies("x")] * 2
    prompt_evaluate(revision_id=started[0])
    with query_budget("api-language-prompts"):
        [row] = client.get("/api/v1/language-prompts/").json()["results"]
    assert (row["state"], row["evaluation"]["score"]) == ("evaluated", 1.0)
    assert _sent(client, "post", f"{path}publish/", share=20).json()["share"] == 20
    assert _sent(client, "post", f"{path}roll-back/").json()["state"] == "rolled_back"
    assert _sent(client, "post", "language-budgets/", monthly_tokens=5, alert_to="x").status_code == 400
    made = _sent(client, "post", "language-budgets/", monthly_tokens=5)
    assert (
        made.status_code == 201
        and client.delete(f"/api/v1/language-budgets/{made.json()['id']}/").status_code == 204
    )


def test_the_admin_writes_and_publishes(company: Company, peer: Peer) -> None:
    server_of(peer)
    client, at = company.client("admin"), "/admin/providers"
    page = client.get(f"{at}/promptrevision/add/?task=chat_reply").content.decode()
    assert "Propose up to {{most}}" in page
    form = {"task": "chat_reply", "system": SYSTEM, "user": "{{turns}}", "note": ""}
    assert client.post(f"{at}/promptrevision/add/", form).status_code == 302
    row = PromptRevision.objects.get()
    assert (row.number, row.created_by) == (1, company.people["admin"])
    chosen = {"_selected_action": [str(row.pk)]}
    page = client.post(f"{at}/promptrevision/", chosen | {"action": "publish"}, follow=True).content.decode()
    assert "Evaluate it first" in page
    given = {"variables": '{"turns": "x", "most": 2}', "expectation": '{"contains": ["x"]}', "note": ""}
    assert (
        client.post(f"{at}/evaluationcase/add/", {"task": "chat_reply", "active": "on", **given}).status_code
        == 302
    )
    bad = given | {"expectation": '{"is": 1}'}
    assert client.post(f"{at}/evaluationcase/add/", {"task": "chat_reply", **bad}).status_code == 200
    peer.script = [say_replies("x")] * 2
    prompt_evaluate(revision_id=str(row.pk))
    page = client.post(f"{at}/promptrevision/", chosen | {"action": "publish"}, follow=True).content.decode()
    assert "It is published" in page
    page = client.get(f"{at}/promptrevision/{row.pk}/change/").content.decode()
    assert "1.000 on 1 cases by ours-8b" in page and 'name="system"' not in page
    page = client.post(
        f"{at}/promptrevision/", chosen | {"action": "roll_back"}, follow=True
    ).content.decode()
    assert "rolled back" in page
    for name in ("languageroute", "modelbudget", "evaluationcase", "promptevaluation", "modelcall"):
        assert client.get(f"{at}/{name}/").status_code == 200
