"""A company's redaction policy: revisions, reasons, what counts where, and what never may."""

from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError

from accounts.errors import Conflict
from accounts.models import AuditEvent
from conversations.live import metadata
from conversations.live.ownership import call_claim
from conversations.models import RedactionPolicy
from conversations.redacted import redacted
from conversations.redaction.policy import (
    Policy,
    Rule,
    config_for_speech,
    redaction_config,
    redaction_policy,
    types_known,
)
from conversations.redaction.policy_changes import history_done, needs_again, policy_save, tightens
from engines.redaction.actions import Action
from engines.redaction.custom import CustomType
from engines.redaction.vocabulary import PROFILES
from tenants.keys import derive
from tests.live_calls import call_make

PROJECT = CustomType("PROJECT", "project", patterns=(r"(?i)\bkestrel [a-z]+\b",))
CARD = "card 4111 1111 1111 1111"


def save(policy, *, revision=None, reason="asked for by the works council", actor=None):
    before = redaction_policy().revision if revision is None else revision
    return policy_save(policy=policy, reason=reason, actor=actor, revision=before)


def test_without_a_policy_the_standard_holds(northwind):
    assert redaction_policy().revision == 0
    assert redaction_config().enabled_types == PROFILES["standard"]
    assert redacted(CARD) == "card [CREDIT_CARD]"


def test_a_policy_counts_everywhere_at_once_and_for_its_company_alone(world):
    with world.northwind.scope():
        save(Policy(custom=(PROJECT,), rules=(Rule("CREDIT_CARD", True, Action.LAST_FOUR, "chargebacks"),)))
        assert redacted("we talked of kestrel plans") == "we talked of [PROJECT]"
        assert redacted(CARD) == "card [CREDIT_CARD 1111]"
        assert metadata.redacted({"note": "kestrel two", "ticket": 12345678}) == {
            "note": "[PROJECT]",
            "ticket": 12345678,
        }
        ident, _key = call_make(world.northwind.people["agent"])
        claimed = call_claim(conversation_id=ident, worker="w").redaction
        assert claimed == config_for_speech() and claimed.ours == ("Northwind",)
        assert types_known()["PROJECT"] == "project"
    with world.acme.scope():
        assert redacted("we talked of kestrel plans") == "we talked of kestrel plans"


def test_asking_takes_one_query(northwind, django_assert_num_queries):
    save(Policy(custom=(PROJECT,)))
    redaction_config()
    with django_assert_num_queries(1):
        redaction_config()


def test_revisions_are_kept_and_two_at_once_are_told(northwind):
    admin = northwind.people["admin"]
    first = save(Policy(profile="strict"), actor=admin)
    save(Policy(profile="standard"), actor=admin)
    assert redaction_policy().revision == 2
    first.refresh_from_db()
    assert (first.profile, first.changed_by) == ("strict", admin)
    with pytest.raises(Conflict):
        save(Policy(), revision=1)
    assert RedactionPolicy.objects.count() == 2
    event = AuditEvent.objects.filter(action="redactionpolicy.change").first()
    assert event.changes["types"] and "reason" not in event.changes


@pytest.mark.parametrize(
    ("policy", "field"),
    [
        (Policy(rules=(Rule("NAME", False),)), "rule:NAME"),
        (Policy(rules=(Rule("NAME", True, Action.HASH),)), "rule:NAME"),
        (Policy(rules=(Rule("CREDIT_CARD", True, Action.KEEP, "we want it"),)), "rule:CREDIT_CARD"),
        (Policy(rules=(Rule("SECURITY_CODE", True, Action.LAST_FOUR, "why not"),)), "rule:SECURITY_CODE"),
        (Policy(rules=(Rule("EMAIL", True, Action.LAST_FOUR, "why not"),)), "rule:EMAIL"),
        (Policy(rules=(Rule("NOTHING", True, Action.HASH, "x"),)), "rule:NOTHING"),
        (Policy(regions=("XX",)), "regions"),
        (Policy(regions=()), "regions"),
        (Policy(may_see=("platform",)), "may_see"),
        (Policy(pci_minutes=0), "pci_minutes"),
        (Policy(custom=(PROJECT, PROJECT)), "custom"),
    ],
)
def test_what_may_not_be_saved(northwind, policy, field):
    with pytest.raises(ValidationError) as error:
        save(policy)
    assert set(error.value.message_dict) == {field}
    assert redaction_policy().revision == 0


def test_a_reason_is_asked_for(northwind):
    with pytest.raises(ValidationError, match="Say why"):
        save(Policy(profile="strict"), reason=" ")


def test_a_rule_that_says_what_the_profile_says_is_left_out(northwind):
    save(Policy(rules=(Rule("NAME", True), Rule("AGE", True), Rule("DATE", False))))
    assert [rule.type for rule in redaction_policy().rules] == ["AGE"]
    assert "AGE" in redaction_config().enabled_types


def test_hashes_have_a_key_of_the_company_s_own(world):
    rules = (Rule("NAME", True, Action.HASH, "to count callers"),)
    said, seen = "my name is Maria Gonzalez", set()
    for company in (world.northwind, world.acme):
        with company.scope():
            save(Policy(rules=rules))
            text = redacted(said)
            assert "[NAME #" in text and "Gonzalez" not in text
            assert text == redacted(said)
            assert "hash_key" not in repr(redaction_config())
            assert derive(company.schema, "another use") != redaction_config().hash_key
            seen.add(text)
    assert len(seen) == 2


def test_what_is_kept_for_some_roles_is_hidden_from_all(northwind):
    """No text may hold words that not all of its readers may see."""
    save(Policy(rules=(Rule("NAME", True, Action.KEEP, "asked for"),), may_see=("analyst",)))
    assert redacted("my name is Maria Gonzalez") == "my name is [NAME]"


@pytest.mark.parametrize(
    ("before", "after", "does"),
    [
        (Policy(), Policy(profile="strict"), True),
        (Policy(profile="strict"), Policy(), False),
        (Policy(), Policy(custom=(PROJECT,)), True),
        (Policy(custom=(PROJECT,)), Policy(), False),
        (Policy(rules=(Rule("NAME", True, Action.HASH, "x"),)), Policy(), True),
        (Policy(), Policy(rules=(Rule("NAME", True, Action.HASH, "x"),)), False),
        (Policy(regions=("US",)), Policy(regions=("US", "DE")), True),
        (Policy(), Policy(pci_auto=True), False),
    ],
)
def test_what_tightens(before, after, does):
    assert tightens(before, after) is does


def test_history_waits_to_be_gone_through_after_a_tightening(northwind):
    save(Policy(profile="standard", pci_auto=True))
    assert needs_again() is None
    save(Policy(profile="strict"))
    save(Policy(profile="strict", pci_auto=True))
    assert needs_again().revision == 2
    history_done(revision=3)
    assert needs_again() is None
