"""A value that a rule offers for a form: accepted, it is in the conversation; taken back, it is not."""

from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError

from accounts.errors import Conflict
from accounts.models import AuditEvent
from coaching.access import guidance_for
from coaching.answers import guidance_answer
from coaching.models import Guidance
from conversations.models import Conversation
from tests.coaching.conftest import THREAT
from tests.understanding import call_begin, policy_make, rule


@pytest.fixture
def offered(world, heard, make_conversation):
    """A call in which a rule offers `value` for `field`; returns the conversation and what answers."""
    agent = world.northwind.people["agent"]

    def make(field, value, **metadata):
        policy_make(rule("threat", {"do": "prefill", "field": field, "value": value}))
        conversation = make_conversation(agent=agent, state="live")
        Conversation.objects.filter(pk=conversation.pk).update(metadata=metadata)
        call = call_begin("northwind", conversation)
        call.sequence = 2
        call.say("customer", THREAT, 0)

        def answer(action):
            row = guidance_for(agent, Guidance.objects.get().pk)
            return guidance_answer(guidance=row, user=agent, action=action)

        return conversation, answer

    return make


def metadata_of(conversation):
    return Conversation.objects.get(pk=conversation.pk).metadata


def test_accepted_it_is_written_and_taken_back_it_is_not(offered):
    conversation, answer = offered("metadata.reason.leaving", "price", crm="42")
    answer("accept")
    assert metadata_of(conversation) == {"crm": "42", "reason": {"leaving": "price"}}
    answer("accept")
    entry = AuditEvent.objects.get(action="conversation.amend")
    assert "price" not in str(entry.changes)
    assert answer("undo").state == "open"
    assert metadata_of(conversation) == {"crm": "42", "reason": {}}


def test_a_card_s_number_is_kept_as_everywhere(offered):
    conversation, answer = offered("note", "pays with 4012 8888 8888 1881")
    answer("accept")
    assert "4012" not in str(metadata_of(conversation))
    answer("undo")
    assert metadata_of(conversation) == {}


def test_what_somebody_changed_since_stays_and_what_was_there_is_not_lost_silently(offered):
    conversation, answer = offered("product", "fibre")
    answer("accept")
    Conversation.objects.filter(pk=conversation.pk).update(metadata={"product": "cable"})
    answer("undo")
    assert metadata_of(conversation) == {"product": "cable"}
    answer("accept")
    assert metadata_of(conversation) == {"product": "fibre"}
    with pytest.raises(Conflict, match="another value"):
        answer("undo")
    assert Guidance.objects.get().state == "accepted"


@pytest.mark.parametrize("field", ["metadata.consent.record", "tags", "metadata."])
def test_some_fields_are_not_for_forms_and_then_nothing_is_accepted(offered, field):
    conversation, answer = offered("order", "given")
    # By a revision of before such fields were refused on saving.
    Guidance.objects.update(payload={"field": field, "value": "given"})
    with pytest.raises(ValidationError):
        answer("accept")
    assert (Guidance.objects.get().state, metadata_of(conversation)) == ("open", {})
    assert answer("dismiss").state == "dismissed"
