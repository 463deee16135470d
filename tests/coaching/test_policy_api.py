"""Policies by the API: drafts and complaints, publishing and rolling back, comparison, files."""

from __future__ import annotations

import json

import pytest
import yaml

from accounts.models import AuditEvent
from coaching.models import Policy
from coaching.revisions import document_changes, side_by_side
from tests.budgets import query_budget
from tests.understanding import hint_action, policy_document, policy_make, rule

BASE = "/api/v1/policies/"


@pytest.fixture
def api(world):
    client = world.northwind.client("admin")

    def call(method, address, data=None, status=200, **extra):
        body = {} if method == "get" else {"data": data or {}, "content_type": "application/json"}
        answer = getattr(client, method)(BASE + address, **(body | extra))
        assert answer.status_code == status, answer.content
        return answer.json() if "json" in answer.headers["Content-Type"] else answer.content.decode()

    return call


def test_a_policy_from_draft_to_roll_back(world, heard, api):
    team = str(world.northwind.team.pk)
    document = policy_document(rule("threat", hint_action("Ask why"), id="ask", name="Ask"))
    made = api("post", "", {"name": "Leaving", "draft": document, "scope": {"teams": [team]}}, 201)
    assert (made["state"], made["in_effect"], made["revision"]) == ("draft", False, None)
    one = made["id"] + "/"
    assert api("post", one + "publish/")["number"] == 1
    document["rules"][0]["then"][0]["title"] = "Ask how"
    changed = api("patch", one, {"draft": document, "rollout_percent": 25})
    assert (changed["state"], changed["in_effect"], changed["rollout_percent"]) == ("published", True, 25)
    changes = api("get", one + "diff/")["changes"]
    assert [(change["part"], change["name"], change["kind"]) for change in changes] == [
        ("settings", "", "changed"),
        ("rules", "Ask", "changed"),
    ]
    differ = [line for line in changes[1]["lines"] if line["kind"] != "same"]
    assert [(line["left"].strip(), line["right"].strip()) for line in differ] == [
        ("title: Ask why", "title: Ask how")
    ]
    api("post", one + "submit/")
    assert api("get", one)["submitted_by"]["name"] == "Admin"
    assert api("post", one + "publish/")["rollout_percent"] == 25
    assert api("post", one + "roll-back/", {"number": 1})["restores"] == 1
    assert [row["number"] for row in api("get", one + "revisions/")["revisions"]] == [3, 2, 1]
    assert not api("get", one + "diff/?from=1&to=3")["changes"]
    assert api("post", one + "retire/")["state"] == "retired"
    with world.northwind.scope():
        assert (
            AuditEvent.objects.filter(object_id=made["id"], actor=world.northwind.people["admin"]).count()
            == 8
        )


def test_what_is_wrong_is_said_with_its_place(heard, api):
    made = api("post", "", {"name": "New"}, 201)
    found = api("post", made["id"] + "/check/")["complaints"]
    assert [(one["where"], one["kind"]) for one in found] == [("rules", "error")]
    broken = policy_document(rule("threat", {"do": "hint"}))
    found = api("post", made["id"] + "/check/", {"draft": broken})["complaints"]
    assert ("rules[0].then[0].title", "error") in [(one["where"], one["kind"]) for one in found]
    refused = api("patch", made["id"] + "/", {"draft": broken}, 400)
    assert "title" in refused["error"]["fields"]["draft"][0]
    refused = api("patch", made["id"] + "/", {"scope": {"queues": ["nowhere"]}}, 400)
    assert "nowhere" in refused["error"]["fields"]["scope"][0]
    assert api("patch", made["id"] + "/", {"state": "published"}, 400)
    assert api("get", made["id"] + "/diff/?to=7", status=404)
    api("post", made["id"] + "/send-back/", status=409)


@pytest.mark.parametrize("form", ["yaml", "json"])
def test_a_policy_goes_out_as_a_file_and_comes_in_again(world, heard, policy, api, form):
    with world.northwind.scope():
        row = policy.policy
        Policy.objects.filter(pk=row.pk).update(
            scope={
                "teams": [str(world.northwind.team.pk)],
                "agents": [str(world.northwind.people["agent"].pk)],
            },
            combine="instead",
            starts_at="2027-01-01T00:00:00Z",
        )
    text = api("get", f"{row.pk}/export/?file={form}")
    text = json.dumps(text) if form == "json" else text
    said = yaml.safe_load(text)
    # Ids mean nothing elsewhere.
    assert said["scope"] == {"teams": ["Billing"], "agents": [world.northwind.people["agent"].email]}
    said["name"] = "Copy"
    text = json.dumps(said) if form == "json" else yaml.safe_dump(said)
    copy = api("post", "import/", status=201, data=text, content_type=f"application/{form}")
    with world.northwind.scope():
        first, second = Policy.objects.get(pk=row.pk), Policy.objects.get(pk=copy["id"])
        for name in ("draft", "scope", "combine", "starts_at", "rollout_percent"):
            assert getattr(first, name) == getattr(second, name), name
        assert (second.state, second.in_use_from) == ("draft", None)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("name: [", "line 1"),
        ("- a list", "object"),
        ("rules: []", "called"),
        ("name: x\nwhatever: 1", "whatever"),
        ("name: &a x\nrules: [*a]", "aliases"),
        ("name: x\nrules: [{id: a, on: 1}]", "quotation"),
        ("name: x\nscope: {teams: [Nobody]}", "Nobody"),
        ("name: !!python/object/apply:os.system ['true']", "cannot be read"),
        ("name: x\nstarts_at: tomorrow", "zone"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_in_words(api, text, word):
    refused = api("post", "import/", status=400, data=text, content_type="application/yaml")
    assert word in json.dumps(refused)


def test_the_list_does_not_grow_with_its_rows(world, heard, api):
    with world.northwind.scope():
        for number in range(5):
            policy_make(rule("threat", hint_action("x")), name=f"Policy {number}")
    with query_budget("api-policies"):
        listed = api("get", "?in_effect=true")
    assert len(listed["results"]) == 5
    assert "draft" not in listed["results"][0]


def test_parts_added_removed_and_moved_are_told_apart():
    before = policy_document(*(rule("m", hint_action("x"), id=key, position=0) for key in "abc"))
    after = policy_document(*(rule("m", hint_action("x"), id=key, position=0) for key in "bad"))
    for document in (before, after):
        for one in document["rules"]:
            one["name"] = one["id"]
    assert {(change.id, change.kind) for change in document_changes(before, after)} == {
        ("b", "moved"),
        ("a", "moved"),
        ("d", "added"),
        ("c", "removed"),
    }


def test_lines_stand_beside_each_other():
    rows = side_by_side(["a", "b", "c"], ["a", "x", "c", "d"])
    assert [(row.left, row.right, row.kind) for row in rows] == [
        ("a", "a", "same"),
        ("b", "x", "changed"),
        ("c", "c", "same"),
        (None, "d", "added"),
    ]
