"""The page of the redaction policy in admin, and its API: read, tried, previewed and saved."""

from __future__ import annotations

import re

import pytest

from accounts.models import AuditEvent
from conversations.models import RedactionPolicy, RedactionRule, Utterance
from conversations.redaction.policy import redaction_policy
from conversations.redaction.trying import TEXT_MAX
from engines.redaction.actions import Action
from engines.redaction.vocabulary import PROFILES
from tests.budgets import query_budget

PAGE = "/admin/conversations/redactionpolicy/"
CARD = "my card is 4111 1111 1111 1111"


def sent(profile="standard", **fields):
    """What the page sends when nothing but `fields` is changed; None leaves a field out."""
    boxes = {f"on:{name}": "on" for name in PROFILES[profile]}
    whole = {
        "profile": profile,
        "profile_was": profile,
        "regions": "US GB",
        "pci_minutes": "10",
        "revision": "0",
        "reason": "asked for",
        **boxes,
        **fields,
    }
    return {name: value for name, value in whole.items() if value is not None}


@pytest.fixture
def admin(world):
    return world.northwind.client("admin")


def test_the_page_says_what_counts(world, admin):
    admin.get(PAGE)
    with query_budget("redaction policy"):
        page = admin.get(PAGE).content.decode()
    assert page.count('name="on:') == len(PROFILES["strict"])
    assert page.count("checked></td>") == len(PROFILES["standard"])


def test_it_is_saved_as_a_revision(world, admin):
    fields = {
        "on:NAME": None,
        "why:NAME": "agents need names",
        "action:CREDIT_CARD": "last_four",
        "why:CREDIT_CARD": "chargebacks",
        "custom-0-name": "badge number",
        "custom-0-label": "badge",
        "custom-0-patterns": r"\bB-\d{4}\b",
        "custom-0-examples": "my badge is [[BX-77]]",
        "pci_auto": "on",
        "do": "save",
    }
    assert admin.post(PAGE, sent(**fields)).status_code == 302
    with world.northwind.scope():
        policy = redaction_policy()
        assert policy.enabled_types == PROFILES["standard"] - {"NAME"}
        assert dict(policy.actions) == {"CREDIT_CARD": Action.LAST_FOUR}
        assert [one.name for one in policy.custom] == ["BADGE_NUMBER"]
        assert policy.custom[0].examples[0].text == "my badge is BX-77"
        assert policy.pci_auto and policy.revision == 1
        assert RedactionPolicy.objects.get().changed_by == world.northwind.people["admin"]
    page = admin.get(PAGE).content.decode()
    assert "my badge is [[BX-77]]" in page and "agents need names" in page
    with world.acme.scope():
        assert redaction_policy().revision == 0


def test_boxes_follow_the_profile_but_those_that_were_set_apart(world, admin):
    fields = {"on:AGE": "on", "on:NAME": None, "why:NAME": "asked for", "do": "save"}
    posted = sent(**fields) | {"profile": "cards_and_secrets"}
    assert admin.post(PAGE, posted).status_code == 302
    with world.northwind.scope():
        assert redaction_policy().enabled_types == PROFILES["cards_and_secrets"] | {"AGE"}


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"on:NAME": None}, "Say why: this hides less"),
        ({"action:NAME": "hash"}, "Say why: this hides less"),
        ({"reason": ""}, "Say why, in at most"),
        ({"regions": "Narnia"}, "two letters"),
        ({"pci_minutes": "soon"}, "number of minutes"),
        ({"revision": "7"}, "Somebody else has changed"),
        ({"custom-0-name": "NAME", "custom-0-words": "x"}, "is taken"),
        ({"custom-0-name": "BADGE", "custom-0-patterns": "(a"}, "cannot be used"),
        ({"custom-0-name": "BADGE", "custom-0-examples": "no mark"}, "double brackets"),
    ],
)
def test_what_cannot_be_saved_says_why_and_keeps_what_was_typed(world, admin, fields, words):
    answer = admin.post(PAGE, sent(do="save", **fields))
    page = answer.content.decode()
    assert answer.status_code == 400 and words in page
    for value in fields.values():
        assert value is None or value in page
    with world.northwind.scope():
        assert not RedactionPolicy.objects.exists()


def test_what_is_kept_and_who_sees_it(world, admin):
    page = admin.get(PAGE).content.decode()
    assert "can never be kept" in page and page.count('name="sees:') == 4
    for name in PROFILES["strict"]:
        choices = re.search(rf'<select name="action:{name}".*?</select>', page)[0]
        never = name in {"CREDIT_CARD", "SECURITY_CODE", "PASSWORD", "NUMBER"}
        assert ('value="keep"' in choices) != never, name
    kept = {"action:NAME": "keep", "why:NAME": "call-backs", "do": "save"}
    nobody = admin.post(PAGE, sent(**kept))
    assert nobody.status_code == 400 and "Say which roles may see" in nobody.content.decode()
    card = sent(**kept, **{"sees:admin": "on", "action:CREDIT_CARD": "keep", "why:CREDIT_CARD": "no"})
    assert "may not be kept" in admin.post(PAGE, card).content.decode()
    assert admin.post(PAGE, sent(**kept, **{"sees:admin": "on"})).status_code == 302
    with world.northwind.scope():
        policy = redaction_policy()
        assert (policy.may_see, policy.config.apart) == (("admin",), {"NAME"})
    page = admin.get(PAGE).content.decode()
    assert 'name="sees:admin" checked' in page and 'name="sees:agent" checked' not in page


def test_a_type_may_name_who_sees_what_is_kept_of_it(world, admin):
    kept = {"action:NAME": "keep", "why:NAME": "call-backs", "action:EMAIL": "keep", "why:EMAIL": "receipts"}
    own = {"sees:admin": "on", "own-sees:EMAIL": "on", "do": "save"}
    nobody = admin.post(PAGE, sent(**kept, **own))
    assert nobody.status_code == 400 and "Say which roles may see" in nobody.content.decode()
    # Roles beside a type that is not kept, or names none of its own, say nothing.
    more = {"role:EMAIL:analyst": "on", "own-sees:PHONE": "on", "role:NAME:agent": "on"}
    badge = {"custom-0-name": "BADGE", "custom-0-words": "bx", "custom-0-action": "keep", "custom-0-why": "w"}
    badge |= {"custom-0-own-sees": "on", "custom-0-role:supervisor": "on"}
    assert admin.post(PAGE, sent(**kept, **own, **more, **badge)).status_code == 302
    with world.northwind.scope():
        policy = redaction_policy()
        assert policy.seen_by("admin") == {"NAME"} and policy.seen_by("agent") == frozenset()
        assert policy.seen_by("analyst") == {"EMAIL"} and policy.seen_by("supervisor") == {"BADGE"}
        assert RedactionRule.objects.filter(may_see=None).count() == 1
        (event,) = AuditEvent.objects.filter(action="redactionpolicy.change")
        assert event.changes["may_see_by_type"] == {"EMAIL": ["analyst"], "BADGE": ["supervisor"]}
    page = admin.get(PAGE).content.decode()
    for name in ("own-sees:EMAIL", "role:EMAIL:analyst", "custom-0-own-sees", "custom-0-role:supervisor"):
        assert re.search(rf'name="{name}"[^>]* checked', page), name
    assert not re.search(r'name="(own-sees:NAME|role:[A-Z_]+:admin)"[^>]* checked', page)
    assert 'name="role:CREDIT_CARD:admin"' not in page


def test_the_preview_tells_what_goes_beyond_today_and_nothing_else(world, admin, make_conversation):
    with world.northwind.scope():
        make_conversation(
            agent=world.northwind.people["agent"],
            lines=[
                ("agent", "shall we use the kestrel plan for you"),
                ("customer", "it is [CREDIT_CARD] for the kestrel plan"),
                ("customer", "thank you"),
            ],
        )
        before = list(Utterance.objects.values_list("text", flat=True))
    fields = {"custom-0-name": "PROJECT", "custom-0-words": "kestrel plan", "do": "preview"}
    answer = admin.post(PAGE, sent(**fields))
    found = answer.context["preview"]
    assert (found.calls, found.sentences) == (1, 3)
    assert [(more.label, more.count) for more in found.more] == [("project", 2)]
    shown = re.search(r'id="preview".*?</section>', answer.content.decode(), re.DOTALL)[0]
    assert "kestrel" not in shown and shown.count(">project</span>") == 2
    with world.northwind.scope():
        assert list(Utterance.objects.values_list("text", flat=True)) == before
        assert not RedactionPolicy.objects.exists()


def test_a_sentence_is_tried_under_what_the_page_holds_and_not_logged(world, admin, caplog, capsys):
    answer = admin.post(PAGE + "try/", sent(text=CARD)).json()
    assert answer["text"] == "my card is [CREDIT_CARD]"
    (span,) = answer["spans"]
    assert CARD[span["start"] : span["end"]] == "4111 1111 1111 1111"
    assert span["detector"] and span["reason"] and 0 < span["score"] <= 1
    # Nobody has to say why for a try.
    fields = {"on:CREDIT_CARD": None, "on:NUMBER": None}
    assert admin.post(PAGE + "try/", sent(text=CARD, **fields)).json()["spans"] == []
    heard = capsys.readouterr()
    assert "4111 1111" not in caplog.text + heard.out + heard.err
    assert admin.post(PAGE + "try/", sent(text="x" * (TEXT_MAX + 1))).status_code == 400
    assert admin.get(PAGE + "try/").status_code == 405
    assert world.northwind.client("supervisor").post(PAGE + "try/", sent(text=CARD)).status_code == 403


def test_trying_by_the_api_has_a_limit(world):
    client, where = world.northwind.client("admin"), "/api/v1/redaction/try/"
    answer = client.post(where, {"text": CARD}, content_type="application/json")
    assert answer.json()["text"] == "my card is [CREDIT_CARD]" and answer.json()["revision"] == 0
    too_long = client.post(where, {"text": "x" * (TEXT_MAX + 1)}, content_type="application/json")
    assert too_long.status_code == 400
    for _ in range(60):
        last = client.post(where, {"text": "x"}, content_type="application/json")
    assert last.status_code == 429


def test_a_program_saves_a_revision_under_the_same_rules(world):
    client, where = world.northwind.client("admin"), "/api/v1/redaction/"

    def send(**given):
        answer = client.post(
            where, {"made_from": 0, "reason": "for the auditors"} | given, "application/json"
        )
        return answer.status_code, answer.json()

    assert send(rules=[{"type": "NAME", "on": False}])[0] == 400, "it hides less and does not say why"
    assert send(rules=[{"type": "CREDIT_CARD", "on": True, "action": "keep", "reason": "no"}])[0] == 400
    assert send(profile="none")[0] == 400
    assert send(regions=["XX"])[0] == 400
    code, saved = send(
        profile="strict",
        may_see=["analyst"],
        rules=[{"type": "NAME", "on": True, "action": "keep", "reason": "complaints are theirs"}],
        pci_minutes=5,
    )
    assert (code, saved["revision"], saved["profile"], saved["may_see"]) == (201, 1, "strict", ["analyst"])
    assert {one["name"]: one["action"] for one in saved["types"]}["NAME"] == "keep"
    assert saved["regions"] == ["US", "GB"] and saved["pci_minutes"] == 5
    assert send(profile="standard")[0] == 409, "another has come meanwhile"
    code, saved = send(made_from=1, profile="standard")
    assert (code, saved["revision"], saved["may_see"]) == (201, 2, ["analyst"])
    rule = {"type": "NAME", "on": True, "action": "keep", "reason": "complaints"}
    for wrong in ([], ["platform"]):
        assert send(made_from=2, rules=[rule | {"may_see": wrong}])[0] == 400
    code, saved = send(made_from=2, may_see=[], rules=[rule | {"may_see": ["admin"]}])
    assert (code, {one["name"]: one["may_see"] for one in saved["types"]}["NAME"]) == (201, ["admin"])
    with world.northwind.scope():
        assert AuditEvent.objects.filter(action="redactionpolicy.change").count() == 3
