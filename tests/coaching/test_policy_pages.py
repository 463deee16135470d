"""Policies in the admin: published, compared, rolled back and sent out by who configures, and nobody else."""

from __future__ import annotations

from copy import deepcopy

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
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


def test_a_file_becomes_a_draft_and_another_draft_only_where_one_says_so(world, two):
    """What one company exports, another takes in on the same page; what cannot be read is answered in words."""
    text = world.northwind.client("admin").get(_url("export", two)).content.decode()
    acme, page = world.acme.client("admin"), reverse("admin:coaching_policy_take_in")
    assert page in acme.get(reverse("admin:coaching_policy_changelist")).content.decode()
    assert 'enctype="multipart/form-data"' in acme.get(page).content.decode()
    for sent, words in (
        ({"text": "name: ["}, "line 1"),
        ({"text": " "}, "Choose a file"),
        ({"text": text}, "no moment"),
        ({"file": SimpleUploadedFile("p.yaml", b"x" * 1_000_001)}, "larger than a megabyte"),
    ):
        answer = acme.post(page, sent)
        assert answer.status_code == 400 and words in answer.content.decode()
    with world.acme.scope():
        assert not Policy.objects.exists()
    client = world.northwind.client("admin")
    renamed = text.replace(f"name: {two.name}", "name: Brought in", 1)
    answer = client.post(page, {"file": SimpleUploadedFile("p.yaml", renamed.encode())})
    with world.northwind.scope():
        two.refresh_from_db()
        made = Policy.objects.get(name="Brought in")
        assert (made.state, made.draft) == ("draft", two.draft)
    assert answer["Location"] == _url("change", made)
    again = client.post(page, {"text": renamed})
    assert again.status_code == 400 and "tick the box" in again.content.decode()
    changed = renamed.replace("priority: 90", "priority: 91")
    assert client.post(page, {"text": changed, "replace": "1"}).status_code == 302
    with world.northwind.scope():
        made.refresh_from_db()
        assert Policy.objects.filter(name="Brought in").count() == 1
        assert [rule.get("priority") for rule in made.draft["rules"]].count(91) == 1
