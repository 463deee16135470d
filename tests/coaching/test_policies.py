"""Policies: published as revisions, refused in words, and for whom each is; the admin that publishes them."""

from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError
from django.urls import reverse

from accounts.models import AuditEvent
from coaching.models import Policy, PolicyRevision, Rule
from coaching.selectors import effective_revisions
from coaching.services import policy_publish, policy_retire
from moments.services import moment_save
from tests.understanding import policy_make


def test_publishing_writes_a_revision_when_something_changed(world, heard, policy):
    admin = world.northwind.people["admin"]
    draft = policy.policy
    assert policy_publish(policy=draft, actor=admin) == policy
    draft.rules.filter(kind="hint").update(title="Ask why")
    second = policy_publish(policy=draft, actor=admin)
    assert (second.number, second.published_by) == (2, admin)
    policy.refresh_from_db()
    assert [rule["title"] for rule in policy.spec["rules"]][1] == "Ask what would make them stay"
    assert AuditEvent.objects.filter(action="policy.publish").count() == 2


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (lambda policy, heard: policy.rules.all().delete(), "no rules"),
        (
            lambda policy, heard: policy.rules.filter(kind="hint").update(withdraw_on=heard["threat"]),
            "same moment",
        ),
        (lambda policy, heard: policy.rules.update(wait_seconds=5), "unless"),
    ],
)
def test_a_policy_that_cannot_work_is_refused_in_words(heard, policy, change, word):
    change(policy.policy, heard)
    with pytest.raises(ValidationError, match=word):
        policy_publish(policy=policy.policy, actor=None)
    assert PolicyRevision.objects.count() == 1


def test_a_rule_about_what_nobody_listens_for_is_refused(heard, policy):
    heard["offer"].active = False
    moment_save(definition=heard["offer"], actor=None)
    with pytest.raises(ValidationError, match="switched off"):
        policy_publish(policy=policy.policy, actor=None)


def test_a_call_goes_by_what_is_for_everyone_and_for_its_team(
    world, heard, policy, django_assert_num_queries
):
    own = policy_make({"when": heard["recap"], "title": "Ours"}, name="Team", team=world.northwind.team)
    policy_make({"when": heard["recap"], "title": "Theirs"}, name="Other", team=world.northwind.other_team)
    retired = policy_make({"when": heard["recap"], "title": "Gone"}, name="Gone")
    policy_retire(policy=retired.policy, actor=None)
    # A draft change of scope is not in effect before it is published.
    Policy.objects.filter(pk=own.policy_id).update(scope="all", team=None)
    with django_assert_num_queries(1):
        found = effective_revisions(team_id=world.northwind.team.pk)
    assert set(found) == {policy, own}
    assert effective_revisions(team_id=None) == [policy]


# --- The admin -------------------------------------------------------------------------------------------


def _form(heard, **fields):
    return {
        "name": "Calls",
        "scope": "all",
        "rules-TOTAL_FORMS": "1",
        "rules-INITIAL_FORMS": "0",
        "rules-0-kind": "hint",
        "rules-0-label": "Say",
        "rules-0-severity": "warn",
        "rules-0-when": str(heard["threat"].pk),
        "rules-0-wait_seconds": "0",
        "rules-0-title": "Ask why",
        "rules-0-priority": "50",
        "rules-0-cooldown_seconds": "60",
        "rules-0-expires_seconds": "60",
        "rules-0-position": "0",
        "revisions-TOTAL_FORMS": "0",
        "revisions-INITIAL_FORMS": "0",
    } | fields


def _messages(response):
    return [str(message) for message in response.context["messages"]]


def test_an_admin_saves_and_publishes_in_one_go(world, heard):
    client = world.northwind.client("admin")
    fields = _form(heard, _save="1", coaching_policy_save_and_publish="1")
    response = client.post(reverse("admin:coaching_policy_add"), fields, follow=True)
    assert any("Revision 1 is published" in message for message in _messages(response)), _messages(response)
    with world.northwind.scope():
        revision = PolicyRevision.objects.get()
        assert [rule["title"] for rule in revision.spec["rules"]] == ["Ask why"]
        assert revision.published_by == world.northwind.people["admin"]
        url = reverse("admin:coaching_policy_change", args=[revision.policy_id])
    page = client.get(url).content.decode()
    assert "Revision 1 is in effect, as shown here." in page
    assert "When “Threat” comes up, show the agent “Ask why”" in page


def test_publishing_asks_once_and_never_by_a_link(world, heard):
    client = world.northwind.client("admin")
    client.post(reverse("admin:coaching_policy_add"), _form(heard, _save="1"))
    with world.northwind.scope():
        policy = Policy.objects.get()
    url = reverse("admin:coaching_policy_publish", args=[policy.pk])
    assert b"Publish as it was last saved?" in client.get(url).content
    with world.northwind.scope():
        assert not PolicyRevision.objects.exists()
    response = client.post(url, {"_form_submitted": "on"}, headers={"HX-Request": "true"})
    assert response.headers["HX-Redirect"].endswith(f"/{policy.pk}/change/")
    with world.northwind.scope():
        assert PolicyRevision.objects.count() == 1
    client.post(reverse("admin:coaching_policy_retire", args=[policy.pk]), {"_form_submitted": "on"})
    with world.northwind.scope():
        assert effective_revisions(team_id=None) == []
    assert (
        b"Retired: no effect on new conversations."
        in client.get(reverse("admin:coaching_policy_change", args=[policy.pk])).content
    )


def test_the_admin_says_why_a_policy_is_not_published(world, heard):
    client = world.northwind.client("admin")
    fields = _form(heard, _save="1", coaching_policy_save_and_publish="1") | {"rules-TOTAL_FORMS": "0"}
    response = client.post(reverse("admin:coaching_policy_add"), fields, follow=True)
    assert "The policy has no rules yet." in _messages(response)
    with world.northwind.scope():
        assert Policy.objects.get().state == "draft"


def test_the_list_of_policies_counts_in_few_queries(world, heard, policy, django_assert_max_num_queries):
    client = world.northwind.client("admin")
    with django_assert_max_num_queries(14):
        page = client.get(reverse("admin:coaching_policy_changelist")).content.decode()
    assert "Test" in page


@pytest.mark.parametrize("persona", ["agent", "supervisor", "analyst"])
def test_who_does_not_configure_publishes_nothing(world, heard, policy, persona):
    Rule.objects.filter(policy=policy.policy).update(title="Changed")
    url = reverse("admin:coaching_policy_publish", args=[policy.policy_id])
    assert world.northwind.client(persona).post(url, {"_form_submitted": "on"}).status_code == 403
    with world.northwind.scope():
        assert PolicyRevision.objects.count() == 1
