"""The rule builder on the policy's page: what it is given, what it is told of a draft, and who may use it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from coaching.builder_words import WORDS
from coaching.models import Backtest, Policy
from engines.rules.spec import DOES, FIELDS, MEASURES
from tests.budgets import query_budget
from tests.editing.documents import CANCEL, document, moment_make, rule

CHECK = "/admin/coaching/policy/draft/check/"
JS = Path(__file__).resolve().parents[2] / "static" / "js"


@pytest.fixture
def company(world):
    with world.northwind.scope():
        yield world.northwind


@pytest.fixture
def policy(company):
    return Policy.objects.create(name="Save", draft=document(rule("stay", CANCEL)))


def check(client, said, **more):
    return client.post(CHECK, json.dumps({"document": said, **more}), content_type="application/json")


def test_the_page_holds_the_draft_as_text_and_what_there_is_to_choose_from(company, policy):
    moment_make("threat", name="Cancel threat", phrases=["cancel it"])
    client = company.client("admin")
    client.get(f"/admin/coaching/policy/{policy.pk}/change/")
    with query_budget("policy builder"):
        page = client.get(f"/admin/coaching/policy/{policy.pk}/change/").content.decode()
    text = re.search(r'<textarea name="draft".*?>(.*?)</textarea>', page, re.DOTALL)[1]
    assert json.loads(text.replace("&quot;", '"')) == policy.draft
    data = json.loads(
        re.search(r'<script id="rb-data" type="application/json">(.*?)</script>', page, re.DOTALL)[1]
    )
    assert {"key": "threat", "name": "Cancel threat"} in data["moments"]
    assert [one[0] for one in data["fields"]][: len(FIELDS)] == list(FIELDS)
    assert re.search(r'<script[^>]*type="module"[^>]*js/rule_builder', page) or re.search(
        r'<script src="[^"]*js/rule_builder[^"]*" type="module"', page
    )


def test_a_draft_is_explained_part_by_part_and_its_faults_name_their_part(company, policy):
    client = company.client("admin")
    fine = check(client, policy.draft).json()
    assert not [one for one in fine["complaints"] if one["kind"] == "error"]
    assert fine["explained"]["stay"].startswith("When the customer says")
    wrong = document(rule("stay", CANCEL), rule("bad", {"pattern": "(a+)+b"}, then=[]))
    told = check(client, wrong, policy=str(policy.pk)).json()
    assert {one["thing"] for one in told["complaints"] if one["kind"] == "error"} == {"bad"}
    assert "stay" in told["explained"]


def test_sound_in_a_policy_for_chats_is_warned_of_as_the_channels_are_ticked(company, policy):
    client = company.client("admin")
    document = {
        "format": 1,
        "rules": [rule("quiet", {"measure": "silence_ms", "above": 5000}, title="Say something")],
    }
    found = {}
    for name, channels in {"all": [], "both": ["chat", "voice"], "chat": ["chat"]}.items():
        for known in (None, str(policy.pk)):
            sent = {"document": document, "channels": channels, "policy": known}
            told = client.post(CHECK, json.dumps(sent), content_type="application/json").json()
            found[name, known is None] = [(one["kind"], one["thing"]) for one in told["complaints"]]
    warned = [("warning", "quiet")]
    assert found == {
        ("all", True): [], ("all", False): [], ("both", True): [], ("both", False): [],
        ("chat", True): warned, ("chat", False): warned,
    }  # fmt: skip
    policy.refresh_from_db()
    assert not policy.scope.get("channels")


@pytest.mark.parametrize("body", ["", "{", "[]", '{"document": 5}', '{"document": {"rules": 3}}', "[" * 5000])
def test_nonsense_is_answered_in_words(company, body):
    answer = company.client("admin").post(CHECK, body, content_type="application/json")
    assert answer.status_code in {200, 400}
    assert answer.json().get("complaints") or answer.json()["error"]["message"]


def test_what_the_form_sends_is_kept_as_the_draft(company, policy):
    client = company.client("admin")
    said = document(rule("stay", CANCEL, title="Offer help"))
    sent = {
        "name": "Save", "draft": json.dumps(said), "combine": "also", "rollout_percent": "100",
        "revisions-TOTAL_FORMS": "0", "revisions-INITIAL_FORMS": "0",
    }  # fmt: skip
    answer = client.post(f"/admin/coaching/policy/{policy.pk}/change/", sent)
    assert answer.status_code == 302, re.findall(r"errorlist.*", answer.content.decode())
    policy.refresh_from_db()
    assert policy.draft == said


@pytest.mark.parametrize("persona", ["nobody", "agent", "supervisor", "analyst"])
def test_only_who_configures_is_told_of_a_draft(company, policy, persona):
    client = company.client(None if persona == "nobody" else persona)
    run = Backtest.objects.create(policy=policy, document=policy.draft, last=1, state="done", is_open=False)
    page = f"/admin/coaching/policy/{policy.pk}"
    denied = 302 if persona == "nobody" else 403
    for answer in (
        check(client, policy.draft),
        client.post("/admin/coaching/policy/draft/try/", {"document": json.dumps(policy.draft)}),
        client.get(f"{page}/try/"),
        client.get(f"{page}/backtest/"),
        client.post(f"{page}/backtest/", {"do": "start", "last": "10"}),
        client.get(f"{page}/backtest/{run.pk}/rule/stay/"),
    ):
        assert answer.status_code == denied
    assert Backtest.objects.count() == 1


def test_another_companys_policy_is_not_there(world, policy):
    stranger = world.acme.client("admin")
    for address in ("try/", "backtest/"):
        assert stranger.get(f"/admin/coaching/policy/{policy.pk}/{address}").status_code == 404


def test_the_builder_knows_every_measure_and_action_of_the_language():
    conditions = (JS / "rule_builder_conditions.js").read_text()
    actions = (JS / "rule_builder_actions.js").read_text()
    for measure in MEASURES:
        assert f"  {measure}: {{" in conditions
        assert f"measure_{measure}" in WORDS
    for action in DOES:
        assert f'"{action}"' in actions
        assert f"do_{action}" in WORDS


def test_every_word_that_the_scripts_ask_for_is_there():
    said = "\n".join(path.read_text() for path in JS.glob("rule_builder*.js"))
    asked = set(re.findall(r"\bwords\.([a-z_]+)", said))
    assert asked
    assert asked <= set(WORDS), asked - set(WORDS)
