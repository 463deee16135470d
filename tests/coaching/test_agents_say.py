"""What agents make of guidance beside accepting it: wrong here, not again today, keys of their own."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from coaching.answers import guidance_answer
from coaching.budget import Limits, Mute
from coaching.events import guidance_rows
from coaching.models import Guidance, GuidanceMute, GuidanceSettings
from coaching.mutes import limits_now, mute_end, mute_set, mutes_of
from conversations.events import snapshot
from desk.keys import keys_of, keys_save
from tests import live_events as live


@pytest.fixture
def agent(world):
    with world.northwind.scope():
        yield world.northwind.people["agent"]


@pytest.fixture
def conversation(agent):
    return live.call_begin(agent, ago_seconds=60)


def said(conversation, **fields):
    words = live.say(conversation, "customer", "i want to cancel my contract", 4000)
    return guidance_rows().get(pk=live.hint(conversation, "Offer", said=words, words="cancel", **fields).pk)


def test_wrong_here_dismisses_and_labels_with_the_evidence(agent, conversation) -> None:
    hint = said(conversation)
    guidance_answer(guidance=hint, user=agent, action="wrong")
    row = Guidance.objects.get(wrong_at__isnull=False, rule_key=hint.rule_key)
    assert (row.state, row.wrong_by) == ("dismissed", agent)
    assert row.evidence == hint.evidence
    assert snapshot(conversation)["items"]["guidance"][0]["wrong"] is True
    guidance_answer(guidance=row, user=agent, action="undo")
    row.refresh_from_db()
    assert (row.state, row.wrong_at, row.wrong_by) == ("open", None, None)


def test_what_was_accepted_can_be_wrong_all_the_same(agent, conversation) -> None:
    hint = said(conversation)
    guidance_answer(guidance=hint, user=agent, action="accept")
    assert guidance_answer(guidance=hint, user=agent, action="wrong").state == "accepted"
    assert Guidance.objects.filter(wrong_at__isnull=False).count() == 1


def test_used_before_the_click_needs_no_click(agent, conversation) -> None:
    hint = said(conversation)
    live.settle(hint, "used", 9000)
    assert guidance_answer(guidance=hint, user=agent, action="accept").state == "used"


def test_what_is_held_back_is_in_no_snapshot_until_it_is_opened(conversation) -> None:
    hint = said(conversation)
    Guidance.objects.filter(pk=hint.pk).update(state="held", held="soon")
    assert snapshot(conversation)["items"]["guidance"] == []
    Guidance.objects.filter(pk=hint.pk).update(state="open")
    assert len(snapshot(conversation)["items"]["guidance"]) == 1


def test_a_mute_is_one_person_s_and_ends_with_the_shift(world, agent, conversation) -> None:
    hint = said(conversation)
    row = mute_set(user=agent, guidance=hint)
    again = mute_set(user=agent, guidance=hint)
    assert row.pk == again.pk, "said twice, it is one"
    assert timedelta(hours=8, minutes=59) < row.until - timezone.now() <= timedelta(hours=9)
    assert mutes_of(agent.pk) == [Mute(rule=hint.rule_key)]
    assert mutes_of(world.northwind.people["teammate"].pk) == []
    mute_end(user=world.northwind.people["teammate"], mute_id=row.pk)
    assert mutes_of(agent.pk), "nobody ends another's"
    GuidanceMute.objects.update(until=timezone.now())
    assert mutes_of(agent.pk) == []


def test_a_whole_kind_is_muted_and_what_must_be_shown_is_not(agent, conversation) -> None:
    mute_set(user=agent, guidance=said(conversation, kind="knowledge"), whole_kind=True)
    assert mutes_of(agent.pk) == [Mute(kind="knowledge")]
    for fields in ({"kind": "line"}, {"optional": False}, {"kind": "checklist"}):
        with pytest.raises(ValidationError):
            mute_set(user=agent, guidance=said(conversation, **fields))


def test_a_company_sets_its_own_limits(agent) -> None:
    assert limits_now() == Limits(every_ms=20_000, per_call=6)
    GuidanceSettings.objects.create(hint_every_seconds=5, hints_per_call=0, shift_hours=4)
    assert limits_now() == Limits(every_ms=5_000, per_call=0)


def test_keys_are_a_person_s_own_and_never_mean_two_things(world, agent) -> None:
    assert keys_save(user=agent, keys={"w": "Q", "Enter": "Enter"}) == {"w": "q"}
    assert keys_of(agent) == {"w": "q"}
    assert keys_of(world.northwind.people["teammate"]) == {}
    assert keys_save(user=agent, keys={"w": "x", "x": "w"}) == {"w": "x", "x": "w"}, "two change places"
    for wrong in (
        {"w": "x"},
        {"w": "?"},
        {"w": "1"},
        {"w": "Tab"},
        {"w": ""},
        {"w": 1},
        {"q": "w"},
        {"w": " "},
    ):
        with pytest.raises(ValidationError):
            keys_save(user=agent, keys=wrong)
    assert keys_save(user=agent, keys={}) == {}
    assert keys_of(agent) == {}


def test_the_desk_mutes_and_keeps_keys_by_request(world, agent, conversation) -> None:
    hint = said(conversation)
    client = world.northwind.client("agent")

    def post(path, content):
        return client.post(path, json.dumps(content), content_type="application/json")

    muted = post(f"/desk/calls/{conversation.pk}/mute/", {"id": str(hint.pk)}).json()["mutes"]
    assert [(one["rule"], one["title"]) for one in muted] == [(hint.rule_key, "Offer")]
    assert post(f"/desk/mutes/{muted[0]['id']}/end/", {}).json() == {"mutes": []}
    assert post("/desk/keys/", {"keys": {"w": "q"}}).json() == {"keys": {"w": "q"}}
    refused = post("/desk/keys/", {"keys": {"w": "x"}})
    assert refused.status_code == 400
    assert "would do two things" in refused.json()["error"]["message"]
    raised = post(f"/desk/calls/{conversation.pk}/hand/", {"raised": True})
    assert raised.status_code == 200
    assert snapshot(conversation)["items"]["hand"][0]["state"] == "open"
    post(f"/desk/calls/{conversation.pk}/hand/", {"raised": False})
    assert snapshot(conversation)["items"]["hand"][0]["state"] != "open"
