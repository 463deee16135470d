"""What cannot work is refused with a sentence that says what to change, on the page and by the API."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.urls import reverse

from accounts.models import Team
from coaching.models import Policy
from coaching.services import policy_create
from tests.conftest import World
from tests.understanding import hint_action, policy_document, rule

FINE = policy_document(rule({"phrases": ["cancel my plan"]}, hint_action("Ask why")))
NESTED = "[" * 5_000 + "]" * 5_000


def _form(**fields: Any) -> dict[str, Any]:
    inlines = {"revisions-TOTAL_FORMS": "0", "revisions-INITIAL_FORMS": "0"}
    return {"name": "Keep", "combine": "also", "rollout_percent": "100"} | inlines | fields


def _never() -> dict[str, Any]:
    return policy_document(rule({"measure": "talk_share", "above": 2}, hint_action("x")))


def _big() -> dict[str, Any]:
    return policy_document(rule({"phrases": ["cancel my plan"]}, hint_action("x", say="x" * 1_000_000)))


def _circle() -> dict[str, Any]:
    said = {"phrases": ["cancel my plan"]}
    steps = [
        {"id": one, "title": one.upper(), "done": said, "next": [{"to": to}]} for one, to in ("ab", "ba")
    ]
    return policy_document(playbooks=[{"id": "p", "name": "P", "start": said, "steps": steps}])


def _unwritable() -> dict[str, Any]:
    return policy_document(rule({"phrases": ["cancel \ud800 plan"]}, hint_action("x")))


@pytest.mark.parametrize(
    ("document", "words"),
    [
        (_never, "talk_share cannot be above 2"),
        (_big, "larger than 64 kB"),
        (_circle, "go round in a circle without an end"),
        (_unwritable, "characters that can be kept"),
    ],
)
def test_a_document_that_cannot_work(world: World, document: Any, words: str) -> None:
    client, said = world.northwind.client("admin"), document()
    answer = client.post(
        "/api/v1/policies/", json.dumps({"name": "Keep", "draft": said}), content_type="application/json"
    )
    assert answer.status_code == 400 and words in answer.json()["error"]["message"]
    page = client.post(reverse("admin:coaching_policy_add"), _form(draft=json.dumps(said)))
    assert page.status_code == 200 and words in page.content.decode()
    with world.northwind.scope():
        assert not Policy.objects.exists()


def test_what_cannot_be_read_is_answered_in_words(world: World) -> None:
    client = world.northwind.client("admin")
    for path in ("/api/v1/policies/", "/api/v1/policies/import/", "/api/v1/moment-definitions/"):
        answer = client.post(path, f'{{"draft": {NESTED}}}', content_type="application/json")
        assert answer.status_code == 400 and "nested too deep" in answer.json()["error"]["message"]
    page = client.post(reverse("admin:coaching_policy_add"), _form(draft=NESTED))
    assert page.status_code == 200 and "nested too deep" in page.content.decode()
    large = json.dumps({"name": "x" * 6_000_000})
    answer = client.post("/api/v1/policies/", large, content_type="application/json")
    assert answer.status_code == 413 and answer.json()["error"]["code"] == "too_large"
    page = client.post(reverse("admin:coaching_policy_add"), {"draft": large})
    assert page.status_code == 400 and "Nothing was saved" in page.content.decode()


@pytest.mark.parametrize(
    ("scope", "words"),
    [
        ({"queues": ["gone"]}, "queue “gone”, which is not there any more"),
        ({"languages": ["klingon"]}, "no code of a language"),
        ({"channels": ["fax"]}, "no channel “fax”"),
        ({"queues": ["a\x00"]}, "must be a list of texts"),
    ],
)
def test_a_scope_that_is_not_there(world: World, scope: dict[str, Any], words: str) -> None:
    body = json.dumps({"name": "Keep", "draft": FINE, "scope": scope})
    answer = world.northwind.client("admin").post("/api/v1/policies/", body, content_type="application/json")
    assert answer.status_code == 400 and words in answer.json()["error"]["message"]


def test_a_team_that_has_gone_is_not_silently_everybody(world: World) -> None:
    with world.northwind.scope():
        team = Team.objects.create(name="Seasonal")
        policy = policy_create(name="Keep", actor=None, document=FINE, scope={"teams": [str(team.pk)]})
        gone = str(team.pk)
        team.delete()
    client, url = world.northwind.client("admin"), reverse("admin:coaching_policy_change", args=[policy.pk])
    page = client.get(url).content.decode()
    assert f'value="{gone}" selected' in page and "not there any more" in page
    kept = _form(draft=json.dumps(FINE))
    page = client.post(url, kept | {"teams": [gone]}).content.decode()
    assert "for a team that is not there any more: choose again" in page
    with world.northwind.scope():
        assert Policy.objects.get().scope == {"teams": [gone]}
        other = str(world.northwind.team.pk)
    assert client.post(url, kept | {"teams": [other]}).status_code == 302
    with world.northwind.scope():
        assert Policy.objects.get().scope == {"teams": [other]}
