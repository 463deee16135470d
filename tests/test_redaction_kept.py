"""What the policy keeps of hidden words: sealed apart, shown to the roles it names, and gone when it may not stay."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import Any

import pytest
from django.core import serializers
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import connection

from accounts.errors import Conflict
from accounts.models import ApiKey, AuditEvent
from conversations import events
from conversations.erasure import utterances_erase, words_erase
from conversations.hiding import words_hide
from conversations.models import Conversation, KeptValue, Redaction, RedactionRun, Utterance
from conversations.redaction.again import run_start, run_step
from conversations.redaction.kept import kept_places, kept_show, types_seen
from conversations.redaction.policy import Policy, Rule, config_for_metadata, redaction_config
from conversations.redaction.policy_changes import needs_again, policy_check, policy_save
from conversations.redaction.second_pass import conversation_read, policy_mark
from engines.redaction.actions import Action
from tenants.keys import SealError, unwrap
from tests.budgets import query_budget
from tests.conftest import Company, World
from tests.kept_words import call_said, policy_keep, turns_add

CARD = "4111 1111 1111 1111"
SAID = [
    ("agent", "who am i speaking with please"),
    ("customer", "my name is siobhan macgregor"),
    ("customer", f"my card is {CARD} and my email is sio@example.org"),
]


@pytest.fixture
def call(northwind: Company) -> Conversation:
    """A call that is over, with a name that is kept."""
    policy_keep("NAME")
    return call_said(northwind, SAID)


def kept_api(company: Company, persona: str, call: Conversation, **sent: Any) -> Any:
    client, where = company.client(persona), f"/api/v1/conversations/{call.pk}/kept/"
    if sent:
        return client.post(where, sent, content_type="application/json")
    return client.get(where)


# --- Where the words are, and where not ------------------------------------------------------------------


def test_the_text_has_the_placeholder_and_the_words_are_sealed_apart(northwind, call):
    texts = list(Utterance.objects.order_by("sequence").values_list("text", flat=True))
    assert texts[1:] == ["my name is [NAME]", "my card is [CREDIT_CARD] and my email is [EMAIL]"]
    (kept,) = KeptValue.objects.select_related("redaction")
    assert kept.redaction.type == "NAME"
    everything = json.dumps(events.snapshot(call)) + serializers.serialize("json", KeptValue.objects.all())
    everything += serializers.serialize("json", Utterance.objects.all()) + repr(kept) + str(kept)
    assert b"macgregor" not in bytes(kept.sealed)
    assert not re.search(r"siobhan|macgregor|4111", everything, re.IGNORECASE)
    # It opens in its own place, and in no other.
    opened = unwrap(northwind.schema, bytes(kept.sealed), kept.key_version, bound_to=f"kept:{kept.pk}")
    assert opened.decode() == "siobhan macgregor"
    other = Redaction.objects.exclude(pk=kept.pk).first()
    with pytest.raises(SealError):
        unwrap(northwind.schema, bytes(kept.sealed), kept.key_version, bound_to=f"kept:{other.pk}")


def test_a_policy_that_became_stricter_counts_for_running_calls_at_once(northwind):
    policy_keep("NAME")
    taken = redaction_config()
    policy_keep()
    call_said(northwind, SAID, config=taken)
    assert not KeptValue.objects.exists()


def test_fields_are_hidden_whatever_is_kept(northwind):
    policy_keep("NAME")
    assert redaction_config().apart == {"NAME"} and config_for_metadata().apart == frozenset()


# --- Who sees them ---------------------------------------------------------------------------------------


def test_who_may_sees_the_words_and_it_is_noted_without_them(world: World) -> None:
    with world.northwind.scope():
        policy_keep("NAME", "EMAIL")
        call = call_said(world.northwind, SAID)
    places = kept_api(world.northwind, "supervisor", call)
    assert places.headers["Cache-Control"] == "private, no-store"
    assert [one["type"] for one in places.json()["kept"]] == ["NAME", "EMAIL"]
    name = places.json()["kept"][0]
    with world.northwind.scope():
        text = Utterance.objects.get(pk=name["utterance"]).text
    assert text[name["start"] : name["end"]] == "[NAME]" and "macgregor" not in places.content.decode()
    with world.northwind.scope():
        assert not AuditEvent.objects.filter(action="conversation.kept_show").exists()
    shown = kept_api(world.northwind, "supervisor", call, ids=[name["id"]])
    assert shown.headers["Cache-Control"] == "private, no-store"
    assert [(one["id"], one["text"]) for one in shown.json()["kept"]] == [(name["id"], "siobhan macgregor")]
    with world.northwind.scope():
        (event,) = AuditEvent.objects.filter(action="conversation.kept_show")
        assert event.actor == world.northwind.people["supervisor"] and event.object_id == str(call.pk)
        assert event.changes == {"shown": 1, "types": {"NAME": 1}}
        assert "macgregor" not in serializers.serialize("json", AuditEvent.objects.all())


def test_who_may_not_does_not(world: World) -> None:
    with world.northwind.scope():
        policy_keep("NAME")
        call = call_said(world.northwind, SAID)
        ids = [str(pk) for pk in KeptValue.objects.values_list("pk", flat=True)]
    expected = {
        "agent": 403,
        "analyst": 403,
        "outsider": 404,
        "other_supervisor": 404,
        "supervisor": 200,
        "admin": 200,
    }
    for persona, status in expected.items():
        assert kept_api(world.northwind, persona, call).status_code == status, persona
        answer = kept_api(world.northwind, persona, call, ids=ids)
        assert answer.status_code == status, persona
        assert ("macgregor" in answer.content.decode()) == (status == 200), persona
    # Another company's admin, who may see what his own company keeps.
    with world.acme.scope():
        policy_keep("NAME")
        other = call_said(world.acme, SAID[:1])
    assert kept_api(world.acme, "admin", call, ids=ids).status_code == 404
    assert kept_api(world.acme, "admin", other, ids=ids).json() == {"kept": []}
    with world.acme.scope(), pytest.raises(SealError):
        with world.northwind.scope():
            row = KeptValue.objects.get()
        unwrap(world.acme.schema, bytes(row.sealed), row.key_version, bound_to=f"kept:{row.pk}")


def test_the_ids_of_another_conversation_open_nothing(northwind, call):
    other = call_said(northwind, SAID)
    (one,) = KeptValue.objects.filter(redaction__utterance__conversation=call)
    assert kept_show(conversation=other, user=northwind.people["admin"], redactions=[one.pk]) == []
    assert not AuditEvent.objects.filter(action="conversation.kept_show").exists()


def test_a_key_never_sees_them(world: World) -> None:
    from accounts.services import api_key_create

    with world.northwind.scope():
        policy_keep("NAME")
        call = call_said(world.northwind, SAID)
        ids = [str(pk) for pk in KeptValue.objects.values_list("pk", flat=True)]
        made = api_key_create(
            owner=world.northwind.people["admin"], name="all", scopes=["read", "write", "ingest"]
        )
        assert ApiKey.objects.exists()
    headers = {"authorization": f"Bearer {made[1]}"}
    client, where = world.northwind.client(), f"/api/v1/conversations/{call.pk}/kept/"
    assert client.get(f"/api/v1/conversations/{call.pk}/", headers=headers).status_code == 200
    assert client.get(where, headers=headers).status_code == 403
    sent = client.post(where, {"ids": ids}, content_type="application/json", headers=headers)
    assert sent.status_code == 403 and "macgregor" not in sent.content.decode()


def test_a_role_that_is_taken_off_sees_nothing_from_then_on(northwind, call):
    admin, supervisor = northwind.people["admin"], northwind.people["supervisor"]
    assert types_seen(supervisor) == {"NAME"}
    policy_keep("NAME", sees=("admin",))
    assert types_seen(admin) == {"NAME"} and types_seen(supervisor) == frozenset()
    with pytest.raises(PermissionDenied):
        kept_places(conversation=call, user=supervisor)
    # The same where the type is no longer kept, before history was read again.
    policy_keep("EMAIL", sees=("admin",))
    ids = list(KeptValue.objects.values_list("pk", flat=True))
    assert ids and kept_places(conversation=call, user=admin) == []
    assert kept_show(conversation=call, user=admin, redactions=ids) == []


def test_each_role_sees_the_types_that_name_it(world: World) -> None:
    rules = (
        Rule("NAME", True, Action.KEEP, "call-backs"),
        Rule("EMAIL", True, Action.KEEP, "receipts", ("supervisor",)),
    )
    with world.northwind.scope():
        policy_save(policy=Policy(may_see=("admin",), rules=rules), reason="a test", actor=None, revision=0)
        call = call_said(world.northwind, SAID)
        ids = [str(pk) for pk in KeptValue.objects.values_list("pk", flat=True)]
        assert redaction_config().apart == {"NAME", "EMAIL"} and len(ids) == 2
    for persona, types in {"admin": ["NAME"], "supervisor": ["EMAIL"]}.items():
        places = kept_api(world.northwind, persona, call).json()["kept"]
        assert [one["type"] for one in places] == types, persona
        shown = kept_api(world.northwind, persona, call, ids=ids).json()["kept"]
        assert [one["type"] for one in shown] == types, persona
    assert kept_api(world.northwind, "agent", call).status_code == 403


def test_looking_takes_few_queries(northwind, call):
    turns_add(call.pk, SAID[1:2] * 10)
    admin, ids = northwind.people["admin"], list(KeptValue.objects.values_list("pk", flat=True))
    client, where = northwind.client("admin"), f"/api/v1/conversations/{call.pk}/kept/"
    assert len(ids) == 11
    kept_show(conversation=call, user=admin, redactions=ids)  # the company's key is in memory from now on
    with query_budget("api-kept"):
        assert len(client.get(where).json()["kept"]) == 11
    with query_budget("api-kept-show"):
        sent = client.post(where, {"ids": [str(pk) for pk in ids]}, content_type="application/json")
    assert len(sent.json()["kept"]) == 11


# --- When they go ----------------------------------------------------------------------------------------


def test_history_read_again_deletes_what_is_kept_no_more(northwind):
    policy_keep("NAME", "EMAIL")
    call = call_said(northwind, SAID)
    conversation_read(call.pk, found_in="second")
    assert KeptValue.objects.count() == 2
    before = policy_mark(redaction_config())
    policy_keep("EMAIL")
    assert needs_again() is not None and policy_mark(redaction_config()) != before
    run = run_start(actor=northwind.people["admin"], dispatch=False)
    run_step(run_id=run.pk, told=lambda: None)
    assert RedactionRun.objects.get(pk=run.pk).state == RedactionRun.State.DONE
    assert [one.redaction.type for one in KeptValue.objects.select_related("redaction")] == ["EMAIL"]
    assert Redaction.objects.filter(type="NAME").exists()


def test_a_type_that_is_looked_for_no_more_is_kept_no_more(northwind, call):
    policy = Policy(may_see=("admin",), rules=(Rule("NAME", False, reason="a test"),))
    policy_save(policy=policy, reason="a test", actor=None, revision=1)
    assert needs_again() is not None and redaction_config().apart == frozenset()
    conversation_read(call.pk, found_in="again")
    assert not KeptValue.objects.exists()


@pytest.mark.parametrize(("start", "left"), [(11, "my name is [NAME]"), (6, "my [NAME]")])
def test_hiding_the_words_by_hand_deletes_them(northwind, call, start, left):
    row, admin = Utterance.objects.get(sequence=2), northwind.people["admin"]
    words = {"utterance_id": row.pk, "type_name": "NAME", "actor": admin}
    after = words_hide(start=start, end=len(row.text), **words)
    assert after.text == left and not KeptValue.objects.exists()
    assert AuditEvent.objects.filter(action="conversation.redact").exists()
    # Now it is hidden from everybody.
    with pytest.raises(Conflict):
        words_hide(start=left.index("["), end=len(left), **words)


def test_words_hidden_before_it_leave_it_where_it_is(northwind, call):
    row = Utterance.objects.get(sequence=2)
    words_hide(utterance_id=row.pk, actor=None, start=0, end=2, type_name="LOCATION")
    (place,) = kept_places(conversation=call, user=northwind.people["admin"])
    text = Utterance.objects.get(pk=row.pk).text
    assert text.startswith("[LOCATION]") and text[place.start : place.end] == "[NAME]"
    (shown,) = kept_show(conversation=call, user=northwind.people["admin"], redactions=[place.id])
    assert shown.words.reveal() == "siobhan macgregor"


def test_erasure_deletes_them(northwind, call):
    words_erase(conversation_id=call.pk, reason="a test")
    assert not KeptValue.objects.exists()


def test_words_said_without_consent_go_with_them(northwind, call):
    unheard = Utterance.objects.get(sequence=2)
    utterances_erase(conversation_id=call.pk, utterances=[unheard.pk], reason="no consent")
    assert not KeptValue.objects.exists()


def test_withdrawn_consent_deletes_them(northwind, call):
    from conversations.consent import consent_record
    from conversations.consent_enforcement import consent_enforce
    from conversations.models import ConsentRule

    ConsentRule.objects.create(purpose="assist", mode="opt_out", unknown_allows=True, on_withdrawal="erase")
    consent_record(conversation=call, purpose="assist", state="withdrawn", source="agent", actor=None)
    consent_enforce(call.pk)
    assert not KeptValue.objects.exists()


def test_retention_deletes_them(northwind, call):
    from conversations.models import RetentionRule
    from conversations.retention import retention_enforce

    Conversation.objects.filter(pk=call.pk).update(ended_at=call.ended_at - timedelta(days=40))
    RetentionRule.objects.create(kind="transcript", days=30)
    retention_enforce()
    assert not KeptValue.objects.exists()


def test_numbers_that_together_are_a_card_are_not_kept(northwind):
    policy_keep("ACCOUNT_NUMBER", "PHONE")
    parts = [("agent", "what is your account number"), ("customer", "41111111"), ("customer", "11111111")]
    call = call_said(northwind, [*parts, ("agent", "and your phone number"), ("customer", "415 555 0132")])
    kept = KeptValue.objects.select_related("redaction")
    assert [one.redaction.type for one in kept] == ["ACCOUNT_NUMBER", "ACCOUNT_NUMBER", "PHONE"]
    ids = [one.pk for one in kept]
    (shown,) = kept_show(conversation=call, user=northwind.people["admin"], redactions=ids)
    assert shown.type == "PHONE" and [one.redaction.type for one in kept.all()] == ["PHONE"]


# --- The policy ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["CREDIT_CARD", "SECURITY_CODE", "PASSWORD", "NUMBER"])
def test_cards_and_secrets_are_never_kept(northwind, name):
    policy = Policy(may_see=("admin",), rules=(Rule(name, True, Action.KEEP, "we want it"),))
    with pytest.raises(ValidationError, match="may not be kept"):
        policy_check(policy)
    # Whatever way it came into the database.
    assert policy.config.apart == frozenset()


def test_keeping_needs_somebody_who_may_see(northwind):
    policy = Policy(rules=(Rule("NAME", True, Action.KEEP, "we want it"),))
    with pytest.raises(ValidationError) as error:
        policy_check(policy)
    assert set(error.value.message_dict) == {"may_see"}
    assert policy_check(policy, reasons=False).config.apart == {"NAME"}


def test_no_key_keeps_nothing_and_the_call_goes_on(northwind, monkeypatch):
    policy_keep("NAME")

    def none(*args: object, **more: object) -> None:
        raise SealError("the company has no such data key")

    monkeypatch.setattr("conversations.redaction.kept.wrap", none)
    call_said(northwind, SAID)
    assert Utterance.objects.filter(text="my name is [NAME]").exists() and not KeptValue.objects.exists()
    assert connection.schema_name == northwind.schema
