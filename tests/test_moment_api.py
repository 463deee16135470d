"""Moments by the API: written under the checks of the admin's form, switched off, looked at before they are kept."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.urls import reverse

from accounts.models import AuditEvent
from moments.models import ListedName, MomentDefinition
from moments.naming import name_save
from tenants.models import Tenant
from tests.budgets import query_budget
from tests.conftest import World
from tests.understanding import definition_make

PATH = "/api/v1/moment-definitions/"
REFUND = {
    "key": "refund", "name": "Refund", "kind": "phrase", "speaker": "customer", "phrases": ["money back", "refund*"],
    "examples": ["i want my money back"], "counter_examples": ["he came back with the money"],
}  # fmt: skip


def _send(client: Any, method: str, path: str, data: dict[str, Any]) -> Any:
    return getattr(client, method)(path, json.dumps(data), content_type="application/json")


def test_a_moment_is_written_changed_and_switched_off(world: World) -> None:
    client = world.northwind.client("admin")
    made = _send(client, "post", PATH, REFUND)
    assert made.status_code == 201, made.content
    whole = made.json()
    assert (whole["revision"], whole["phrases"], whole["active"]) == (1, REFUND["phrases"], True)
    path = f"{PATH}{whole['id']}/"
    assert client.get(path).json() == whole
    changed = _send(client, "patch", path, {"phrases": ["money back"], "name": "Refund asked for"}).json()
    assert (changed["revision"], changed["phrases"], changed["speaker"]) == (2, ["money back"], "customer")
    missing = REFUND | {"key": "no_refund", "name": "None", "kind": "absence", "expected": "refund"}
    missing |= {"within_seconds": 20, "phrases": [], "examples": [], "counter_examples": []}
    other = _send(client, "post", PATH, missing).json()
    assert (other["expected"], other["after"]) == ("refund", None)
    refused = _send(client, "patch", path, {"active": False})
    assert refused.status_code == 400 and "“None” waits for this moment" in refused.content.decode()
    assert _send(client, "patch", f"{PATH}{other['id']}/", {"active": False}).json()["active"] is False
    assert _send(client, "patch", path, {"active": False}).json()["active"] is False
    numbers = [one["number"] for one in client.get(f"{path}revisions/").json()["revisions"]]
    assert numbers == [3, 2, 1] or numbers == [2, 1]
    with query_budget("api-moment-definitions"):
        listed = client.get(f"{PATH}?kind=phrase&active=false").json()["results"]
    assert [one["key"] for one in listed] == ["refund"]
    with world.northwind.scope():
        done = AuditEvent.objects.filter(
            object_type="moments.momentdefinition", object_id=whole["id"]
        ).order_by("pk")
        assert [one.action for one in done] == ["momentdefinition.create", *["momentdefinition.update"] * 2]
        assert done[1].changes == {"fields": ["name", "phrases"]}


@pytest.mark.parametrize(
    ("change", "field", "words"),
    [
        ({"phrases": []}, "", "at least one phrase"),
        ({"phrases": ["(broken"]}, "", "bracket"),
        ({"kind": "pattern", "pattern": "(a+)+"}, "", "repeats"),
        ({"phrases": ["thank you"]}, "examples", "Not heard in “i want my money back”"),
        ({"phrases": ["money"]}, "counter_examples", "Heard in “he came back with the money”"),
        ({"kind": "entity", "entity": "competitor"}, "", "never be heard"),
        ({"kind": "sentiment", "speaker": "agent", "mood": "below", "limit": -0.3}, "", "never inferred"),
        ({"kind": "absence", "expected": "nothing"}, "expected", "no moment of this key"),
        ({"kind": "smell"}, "kind", "not one of the choices"),
        ({"phrases": ["x" * 501]}, "phrases", "500"),
        ({"revision": 7}, "revision", "cannot be changed"),
        ({"key": "two words"}, "key", "slug"),
        ({"kind": "intent", "task": "reasons", "intent": "lost"}, "task", "no trained classifier"),
    ],
)  # fmt: skip
def test_what_could_not_work_is_refused_with_a_sentence(
    world: World, change: dict[str, Any], field: str, words: str
) -> None:
    answer = _send(world.northwind.client("admin"), "post", PATH, REFUND | change)
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert words in str(error["fields"][field] if field else error["message"])
    with world.northwind.scope():
        assert not MomentDefinition.objects.filter(name="Refund").exists()


def test_a_key_stays(world: World) -> None:
    with world.northwind.scope():
        row = definition_make("thanks", phrases=["thank you"])
    answer = _send(world.northwind.client("admin"), "patch", f"{PATH}{row.pk}/", {"key": "other"})
    assert answer.status_code == 400 and "cannot be changed" in answer.content.decode()


def test_looking_before_it_is_kept(world: World) -> None:
    client = world.northwind.client("admin")
    text = {"text": "may i have my money back please"}
    looked = _send(client, "post", f"{PATH}check/", REFUND | text)
    assert looked["Cache-Control"] == "no-store"
    assert looked.json() == {"complaints": {}, "heard": True, "spans": [[14, 24]], "names": [], "notes": []}
    looked = _send(client, "post", f"{PATH}check/", REFUND | text | {"phrases": ["thank you"]}).json()
    assert not looked["heard"] and "Not heard in" in looked["complaints"]["examples"][0]
    looked = _send(client, "post", f"{PATH}check/", REFUND | text | {"phrases": ["(broken"]}).json()
    assert looked["heard"] is None and "bracket" in str(looked["complaints"])
    with world.northwind.scope():
        name_save(row=ListedName(kind="product", name="Plan 5"), actor=None)
        assert not MomentDefinition.objects.exists()
    plan = {"key": "plan", "name": "Plan", "kind": "entity", "entity": "product", "text": "plan five, then"}
    looked = _send(client, "post", f"{PATH}check/", plan).json()
    assert looked == {"complaints": {}, "heard": True, "spans": [[0, 9]], "names": ["Plan 5"], "notes": []}
    lost = {"key": "lost", "name": "Lost", "kind": "examples", "text": "my bank card is lost"}
    lost |= {"examples": ["i lost my card", "my card was stolen", "i can't find my credit card"]}
    assert _send(client, "post", f"{PATH}check/", lost).json()["heard"] is True
    mood = {
        "key": "upset",
        "name": "Upset",
        "kind": "sentiment",
        "speaker": "customer",
        "mood": "below",
        "limit": -1,
    }
    assert _send(client, "post", f"{PATH}check/", mood | text).json()["heard"] is None


def test_what_is_english_alone_is_said_where_calls_are_in_another_language(world: World) -> None:
    client = world.northwind.client("admin")
    editor = reverse("admin:moments_momentdefinition_add")
    # Of a question it is said that no model answers it.
    assert client.get(editor).content.decode().count("data-kind=") == 1
    Tenant.objects.filter(schema_name=world.northwind.schema).update(languages=["en", "de"])
    page = client.get(editor).content.decode()
    assert (
        page.count('class="ic-note" data-kind=') == 7 and "in calls in German this moment is silent" in page
    )
    (note,) = _send(client, "post", f"{PATH}check/", REFUND).json()["notes"]
    assert "In calls in German phrases are heard as they are written" in note
    intent = {"key": "x", "name": "X", "kind": "intent", "task": "t", "intent": "i"}
    assert _send(client, "post", f"{PATH}check/", intent).json()["notes"] == []
