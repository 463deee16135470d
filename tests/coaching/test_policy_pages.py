"""Policies in the admin: published, compared, rolled back and sent out by who configures, and nobody else."""

from __future__ import annotations

from copy import deepcopy

import pytest
from django.urls import reverse

from coaching.faults import fault_count
from coaching.models import Policy, PolicyRevision
from coaching.services import policy_draft_save, policy_publish


@pytest.fixture
def two(world, heard, policy):
    """A policy with two revisions; returns it."""
    changed = deepcopy(policy.document)
    changed["rules"][1]["then"][0]["title"] = "Ask why"
    policy_draft_save(policy=policy.policy, document=changed, actor=world.northwind.people["admin"])
    policy_publish(policy=policy.policy, actor=world.northwind.people["admin"])
    return policy.policy


def _url(name, policy):
    return reverse(f"admin:coaching_policy_{name}", args=[policy.pk])


def test_the_page_says_how_it_stands_what_failed_and_who_did_what(world, two):
    fault_count(revision_id=str(two.revisions.first().pk), rule="stay", kind="error", last="KeyError x.py:1")
    page = world.northwind.client("admin").get(_url("change", two)).content.decode()
    assert "Revision 2 is in effect, as shown here." in page
    assert "KeyError x.py:1" in page
    assert "policy.publish" in page


def test_revisions_stand_side_by_side_and_one_comes_back(world, two):
    client = world.northwind.client("admin")
    page = client.get(_url("compare", two) + "?from=1&to=2").content.decode()
    assert "Ask what would make them stay" in page and "Ask why" in page
    assert "Roll back to revision 1" in page
    answer = client.post(_url("compare", two), {"number": "1"}, follow=True)
    assert "Revision 1 is in effect again" in answer.content.decode()
    with world.northwind.scope():
        assert two.revisions.order_by("-number").first().restores == 1


def test_buttons_hand_in_roll_back_and_export(world, two):
    client = world.northwind.client("admin")
    client.post(_url("submit", two), {"_form_submitted": "on"})
    with world.northwind.scope():
        assert Policy.objects.get(pk=two.pk).state == "review"
    client.post(_url("roll_back", two), {"_form_submitted": "on"})
    with world.northwind.scope():
        assert PolicyRevision.objects.filter(policy=two).count() == 3
    exported = client.get(_url("export", two))
    assert exported.headers["Content-Type"].startswith("application/yaml")


@pytest.mark.parametrize("persona", ["agent", "supervisor", "analyst"])
def test_who_does_not_configure_gets_nowhere(world, two, persona):
    client = world.northwind.client(persona)
    assert client.get(_url("compare", two)).status_code == 403
    assert client.post(_url("compare", two), {"number": "1"}).status_code == 403
    assert client.post(_url("roll_back", two), {"_form_submitted": "on"}).status_code == 403
    with world.northwind.scope():
        assert PolicyRevision.objects.filter(policy=two).count() == 2


def test_only_buttons_that_do_something_are_shown(world, two):
    client = world.northwind.client("admin")

    def shown():
        page = client.get(_url("change", two)).content.decode()
        buttons = ("publish", "submit", "send-back", "roll-back", "retire", "changes", "export")
        return [one for one in buttons if f"/{two.pk}/{one}/" in page]

    always = ["changes", "export"]
    assert shown() == ["roll-back", "retire", *always]
    with world.northwind.scope():
        draft = deepcopy(two.revisions.first().document)
        draft["rules"][1]["then"][0]["title"] = "Ask what happened"
        policy_draft_save(policy=two, document=draft, actor=None)
    assert shown() == ["publish", "submit", "roll-back", "retire", *always]
    client.post(_url("submit", two), {"_form_submitted": "on"})
    assert shown() == ["publish", "send-back", "roll-back", "retire", *always]
