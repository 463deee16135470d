"""Policies: drafted, reviewed, published as revisions, rolled back, refused in words; and for whom each is."""

from __future__ import annotations

from copy import deepcopy
from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from accounts.models import AuditEvent
from coaching.models import GuidanceSettings, Policy, PolicyRevision
from coaching.scopes import Audience
from coaching.selectors import effective_revisions
from coaching.services import (
    policy_complaints,
    policy_create,
    policy_draft_save,
    policy_publish,
    policy_retire,
    policy_roll_back,
    policy_send_back,
    policy_submit,
)
from moments.services import moment_save
from tests.understanding import hint_action, policy_document, policy_make, rule


def _titled(policy, title):
    document = deepcopy(policy.draft)
    document["rules"][1]["then"][0]["title"] = title
    return document


def _in_effect(**audience):
    return [(row.policy.name, row.number) for row in effective_revisions(audience=Audience(**audience))]


def test_publishing_writes_a_revision_when_something_changed(world, heard, policy):
    admin = world.northwind.people["admin"]
    draft = policy.policy
    assert policy_publish(policy=draft, actor=admin) == policy
    policy_draft_save(policy=draft, document=_titled(draft, "Ask why"), actor=admin)
    assert _in_effect() == [("Test", 1)]
    second = policy_publish(policy=draft, actor=admin)
    assert (second.number, second.published_by) == (2, admin)
    policy.refresh_from_db()
    assert policy.document["rules"][1]["then"][0]["title"] == "Ask what would make them stay"
    assert policy.names["threat"] == "Threat"
    assert AuditEvent.objects.filter(action="policy.publish").count() == 2
    changed = AuditEvent.objects.filter(action="policy.draft", actor=admin).get()
    assert changed.changes == {"fields": ["draft"], "rules": {"changed": ["Rule 1"]}}


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"then": [{"do": "sing"}]}, "needs “do”"),
        ({"when": {"heard": "threat", "phrases": ["x"]}}, "exactly one"),
        ({"when": {"pattern": "(a+)+b"}}, "for ever|backtrack|repeat|too long|nested"),
        ({"when": {"heard": "nobody_knows_it"}}, "nobody_knows_it"),
    ],
)
def test_a_draft_that_cannot_work_is_not_kept(heard, policy, changes, word):
    document = deepcopy(policy.document)
    document["rules"][1] |= changes
    with pytest.raises(ValidationError, match=word):
        policy_draft_save(policy=policy.policy, document=document, actor=None)
    assert Policy.objects.get().draft == policy.document


def test_a_policy_without_rules_and_one_whose_scope_has_gone_are_not_published(world, heard):
    empty = policy_create(name="Empty", actor=None)
    with pytest.raises(ValidationError, match="no rules"):
        policy_publish(policy=empty, actor=None)
    with pytest.raises(ValidationError, match="team that is not there"):
        policy_draft_save(policy=empty, actor=None, scope={"teams": ["01a1fb5b-0000-7000-8000-000000000000"]})
    ours = policy_create(
        name="Ours",
        actor=None,
        document=policy_document(rule("threat", hint_action("x"))),
        scope={"queues": [world.northwind.queue.key]},
    )
    world.northwind.queue.delete()
    assert [one.where for one in policy_complaints(ours)] == ["scope"]
    with pytest.raises(ValidationError, match="billing"):
        policy_publish(policy=ours, actor=None)


def test_a_rule_about_what_nobody_listens_for_is_refused(heard, policy):
    heard["offer"].active = False
    moment_save(definition=heard["offer"], actor=None)
    with pytest.raises(ValidationError, match="offer"):
        policy_publish(policy=policy.policy, actor=None)


def test_who_wrote_may_not_publish_where_the_company_says_so(world, heard, policy):
    admin, other = world.northwind.people["admin"], world.northwind.people["supervisor"]
    GuidanceSettings.objects.create(four_eyes=True)
    draft = policy_draft_save(policy=policy.policy, document=_titled(policy.policy, "Ask why"), actor=admin)
    with pytest.raises(ValidationError, match="review first"):
        policy_publish(policy=draft, actor=other)
    assert policy_submit(policy=draft, actor=admin).state == "review"
    # What is published goes on while its successor waits.
    assert _in_effect() == [("Test", 1)]
    with pytest.raises(ValidationError, match="somebody else"):
        policy_publish(policy=draft, actor=admin)
    assert policy_send_back(policy=draft, actor=other).state == "published"
    policy_submit(policy=draft, actor=admin)
    # A change takes it out of review, and its writer may not publish either.
    changed = policy_draft_save(policy=draft, document=_titled(draft, "Ask how"), actor=other)
    assert changed.state == "published" and changed.submitted_at is None
    policy_submit(policy=draft, actor=admin)
    with pytest.raises(ValidationError, match="somebody else"):
        policy_publish(policy=draft, actor=other)
    revision = policy_publish(policy=draft, actor=world.northwind.people["analyst"])
    assert revision.number == 2
    assert Policy.objects.get().writers == []


def test_an_earlier_revision_comes_back_as_a_new_one(world, heard, policy):
    admin = world.northwind.people["admin"]
    draft = policy_draft_save(policy=policy.policy, document=_titled(policy.policy, "Ask why"), actor=admin)
    policy_publish(policy=draft, actor=admin)
    back = policy_roll_back(policy=draft, number=1, actor=admin)
    assert (back.number, back.restores, back.document) == (3, 1, policy.document)
    assert _in_effect() == [("Test", 3)]
    assert Policy.objects.get().draft == policy.document
    # Work that goes on is not thrown away.
    draft = policy_draft_save(policy=draft, document=_titled(draft, "In the making"), actor=admin)
    policy_roll_back(policy=draft, number=2, actor=admin)
    assert Policy.objects.get().draft["rules"][1]["then"][0]["title"] == "In the making"
    with pytest.raises(ValidationError, match="no revision 9"):
        policy_roll_back(policy=draft, number=9, actor=admin)


def test_a_retired_policy_comes_back_without_its_earlier_shares(world, heard, policy):
    policy_draft_save(policy=policy.policy, actor=None, rollout_percent=50)
    policy_publish(policy=policy.policy, actor=None)
    agents = [f"01a1fb5b-0000-7000-8000-{number:012}" for number in range(30)]
    assert {_in_effect(agent_id=one)[0][1] for one in agents} == {1, 2}
    policy_retire(policy=policy.policy, actor=None)
    assert _in_effect() == []
    assert policy_publish(policy=policy.policy, actor=None).number == 2
    assert {len(_in_effect(agent_id=one)) for one in agents} == {0, 1}


def test_a_share_of_agents_is_stable_and_only_grows(heard, policy):
    agents = [f"01a1fb5b-0000-7000-8000-{number:012}" for number in range(150)]
    taken = {}
    for share in (10, 40):
        policy_draft_save(policy=policy.policy, actor=None, rollout_percent=share)
        number = policy_publish(policy=policy.policy, actor=None).number
        taken[share] = {one for one in agents if _in_effect(agent_id=one) == [("Test", number)]}
        assert abs(len(taken[share]) / 1.5 - share) < 13
    assert taken[10] < taken[40]


def test_a_revision_waits_for_its_time_and_the_one_before_holds_until_then(heard, policy):
    now = timezone.now()
    policy_draft_save(
        policy=policy.policy, actor=None, starts_at=now + timedelta(days=1), ends_at=now + timedelta(days=3)
    )
    policy_publish(policy=policy.policy, actor=None)

    def at(days):
        found = effective_revisions(audience=Audience(), now=now + timedelta(days=days))
        return [row.number for row in found]

    assert (at(0), at(2), at(4)) == ([1], [2], [])


def test_a_call_goes_by_what_is_for_everyone_and_for_its_team(
    world, heard, policy, django_assert_num_queries
):
    team, other = world.northwind.team, world.northwind.other_team
    own = policy_make(rule("recap", hint_action("Ours")), name="Team", scope={"teams": [str(team.pk)]})
    policy_make(rule("recap", hint_action("Theirs")), name="Other", scope={"teams": [str(other.pk)]})
    retired = policy_make(rule("recap", hint_action("Gone")), name="Gone")
    policy_retire(policy=retired.policy, actor=None)
    # A draft change of scope is not in effect before it is published.
    policy_draft_save(policy=own.policy, actor=None, scope={})
    with django_assert_num_queries(1):
        found = effective_revisions(audience=Audience(team_id=team.pk))
    assert set(found) == {policy, own}
    assert effective_revisions(audience=Audience()) == [policy]


def test_instead_leaves_nothing_that_is_less_near(world, heard, policy):
    team = world.northwind.team
    queue = policy_make(
        rule("recap", hint_action("q")), name="Queue", scope={"queues": [world.northwind.queue.key]}
    )
    only = policy_make(rule("recap", hint_action("t")), name="Team", scope={"teams": [str(team.pk)]})
    audience = Audience(team_id=team.pk, queue=world.northwind.queue.key)
    assert set(effective_revisions(audience=audience)) == {policy, queue, only}
    policy_draft_save(policy=only.policy, actor=None, combine="instead")
    policy_publish(policy=only.policy, actor=None)
    assert [row.policy.name for row in effective_revisions(audience=audience)] == ["Team"]
    assert PolicyRevision.objects.filter(policy=only.policy).count() == 2
