"""What is said of a call joins it, whichever of the two comes first, and however late; the rest waits and is seen."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import OperationalError, connection
from django.utils import timezone

from accounts.models import TelephonyIdentity
from accounts.services import api_key_create
from conversations import correlation
from conversations.correlation import CallFields, conversation_by, events_take, metadata_arrived
from conversations.live.calls import call_announce
from conversations.live.wire import CallAudio, CallStart
from conversations.models import CallPhase, Conversation, ConversationIdentifier, WaitingMetadata
from conversations.phases import LifecycleEvent, Phase
from engines.speech.audio import AudioFormat
from tenants.scope import schema_scope

AUDIO = CallAudio(AudioFormat(codec="mulaw", sample_rate=8000, channels=2), ("customer", "agent"))


def announce(call_id: str, **fields) -> Conversation:
    announced = call_announce(source="genesys", start=CallStart(id=call_id, **fields), audio=AUDIO)
    return Conversation.objects.get(pk=announced.conversation_id)


def arrives(identifiers, **fields):
    return metadata_arrived(provider="genesys", identifiers=identifiers, fields=CallFields(**fields))


@pytest.fixture
def northwind(committed):
    with committed.northwind.scope():
        yield committed.northwind


def test_metadata_that_comes_first_waits_and_joins(northwind):
    said = {"metadata": {"campaign": "spring"}, "queue": "billing"}
    assert arrives({"conversation": "c-1"}, **said) is None
    assert WaitingMetadata.objects.get().joined_at is None
    call = announce("session-1", identifiers={"conversation": "c-1"})
    assert call.queue == northwind.queue
    assert call.metadata == {"campaign": "spring"}
    waiting = WaitingMetadata.objects.get()
    assert waiting.conversation == call
    assert waiting.joined_at is not None


def test_metadata_that_comes_later_joins_at_once(northwind):
    call = announce("session-1", identifiers={"conversation": "c-1"})
    assert arrives({"conversation": "c-1"}, metadata={"order": "A 17"}) == call
    call.refresh_from_db()
    assert call.metadata == {"order": "A 17"}
    assert not WaitingMetadata.objects.exists()


def test_ids_lead_on_to_other_ids(northwind):
    """The CRM knows the contact, the event knows contact and leg, the audio knows only the leg."""
    call = announce("leg-9")
    assert arrives({"contact": "crm-5"}, metadata={"segment": "gold"}) is None
    assert arrives({"contact": "crm-5", "leg": "leg-9"}, metadata={"ivr": "2"}) == call
    call.refresh_from_db()
    assert call.metadata == {"segment": "gold", "ivr": "2"}
    kinds = dict(ConversationIdentifier.objects.filter(conversation=call).values_list("kind", "value"))
    assert kinds == {"call": "leg-9", "leg": "leg-9", "contact": "crm-5"}


def test_another_providers_ids_and_yesterdays_calls_are_others(northwind):
    call = announce("same-id")
    metadata_arrived(provider="twilio", identifiers={"call": "same-id"}, fields=CallFields(metadata={"a": 1}))
    Conversation.objects.filter(pk=call.pk).update(announced_at=timezone.now() - timedelta(days=2))
    assert arrives({"call": "same-id"}, metadata={"b": 2}) is None
    call.refresh_from_db()
    assert call.metadata == {}
    assert WaitingMetadata.objects.filter(joined_at__isnull=True).count() == 2


def test_of_two_calls_under_one_id_the_one_that_goes_on_is_meant(northwind):
    first = announce("leg-1", identifiers={"contact": "x"})
    Conversation.objects.filter(pk=first.pk).update(state="completed", ended_at=timezone.now())
    second = announce("leg-2", identifiers={"contact": "x"})
    third = announce("leg-3", identifiers={"contact": "x"})
    Conversation.objects.filter(pk=third.pk).update(state="completed")
    assert conversation_by("genesys", {"contact": "x"}) == second


def test_the_agent_is_found_by_metadata_alone(northwind):
    agent = northwind.people["agent"]
    TelephonyIdentity.objects.create(user=agent, provider="genesys", agent_id="g-7")
    call = announce("leg-1")
    assert call.agent is None
    arrives({"call": "leg-1"}, agent="g-7")
    call.refresh_from_db()
    assert call.agent == agent
    assert call.participants.get(role="agent").user == agent
    assert not call.handovers.exists()


def test_what_people_put_into_fields_is_redacted_while_it_waits(northwind):
    arrives({"call": "x"}, metadata={"note": "card 4111 1111 1111 1111"})
    assert "4111 1111" not in str(WaitingMetadata.objects.values().get())


def test_no_more_waits_than_can_be_kept(northwind, monkeypatch):
    monkeypatch.setattr(correlation, "MAX_WAITING", 1)
    arrives({"call": "a"}, metadata={"x": 1})
    with pytest.raises(correlation.WaitingFull):
        arrives({"call": "b"}, metadata={"x": 1})
    # What met no call in a day never will, and keeps nothing out.
    WaitingMetadata.objects.update(received_at=timezone.now() - timedelta(days=2))
    assert arrives({"call": "b"}, metadata={"x": 1}) is None
    assert WaitingMetadata.objects.count() == 2


def test_integrators_report_by_the_api(northwind, committed):
    admin = northwind.people["admin"]
    _key, secret = api_key_create(owner=admin, name="telephony", scopes=["ingest"])
    client = northwind.client()

    def post(path, data, status):
        answer = client.post(
            f"/api/v1/{path}/",
            data,
            content_type="application/json",
            headers={"authorization": f"Bearer {secret}"},
        )
        assert answer.status_code == status, answer.content
        return answer.json()

    of = {"provider": "genesys", "identifiers": {"conversation": "c-1"}}
    assert post("call-events", of | {"phase": "queue", "reference": "e1"}, 202) == {"conversation": None}
    call = announce("leg-1", identifiers={"conversation": "c-1"})
    told = post("call-events", of | {"phase": "connected", "agent": "g-9", "reference": "e2"}, 200)
    assert told == {"conversation": str(call.pk)}
    post("call-events", of | {"phase": "connected", "agent": "g-9", "reference": "e2"}, 200)
    assert post("call-metadata", of | {"metadata": {"a": "b"}}, 200) == {"conversation": str(call.pk)}
    phases = CallPhase.objects.filter(conversation=call).order_by("at")
    assert [row.phase for row in phases] == ["queue", "connected"]
    call.refresh_from_db()
    assert (call.provider_agent_id, call.metadata) == ("g-9", {"a": "b"})
    for wrong in (
        {"provider": "genesys", "identifiers": {}, "phase": "queue"},
        of | {"phase": "nonsense"},
        of | {"phase": "queue", "at": "2199-01-01T00:00:00Z"},
    ):
        assert post("call-events", wrong, 400)["error"]["code"] == "invalid"
    assert post("call-metadata", of | {"customer": {"nickname": "x"}}, 400)["error"]["code"] == "invalid"
    _key, reading = api_key_create(owner=admin, name="reader", scopes=["read"])
    secret = reading
    post("call-events", of | {"phase": "queue"}, 403)


def test_what_names_no_leg_reaches_all_that_go_on(northwind):
    """Two sessions of one conversation are two calls; what is said of the conversation is said of both."""
    agent = northwind.people["agent"]
    TelephonyIdentity.objects.create(user=agent, provider="genesys", agent_id="g-7")
    over = announce("leg-0", identifiers={"conversation": "c-1"})
    Conversation.objects.filter(pk=over.pk).update(state="completed", ended_at=timezone.now())
    legs = [announce(f"leg-{n}", identifiers={"conversation": "c-1"}) for n in (1, 2)]
    talk = LifecycleEvent({"conversation": "c-1"}, timezone.now(), phase=Phase.CONNECTED, agent="g-7")
    assert events_take(provider="genesys", events=[talk, talk]) == 2
    hold = LifecycleEvent({"conversation": "c-1", "leg": "leg-2"}, timezone.now(), phase=Phase.HOLD)
    assert events_take(provider="genesys", events=[hold]) == 1
    assert arrives({"conversation": "c-1", "session": "s-3"}, metadata={"order": "7"}) in legs
    for leg, phases in zip(legs, (["connected"], ["connected", "hold"]), strict=True):
        leg.refresh_from_db()
        assert leg.agent == agent
        assert leg.metadata == {"order": "7"}
        assert list(leg.phases.order_by("at").values_list("phase", flat=True)) == phases
        assert not leg.identifiers.filter(kind="session").exists(), "whose session it is was not said"
    assert not over.phases.exists()
    Conversation.objects.filter(pk__in=[leg.pk for leg in legs]).update(state="completed")
    end = LifecycleEvent({"conversation": "c-1"}, timezone.now(), phase=Phase.ENDED)
    assert events_take(provider="genesys", events=[end]) == 1
    assert [leg.phases.filter(phase="ended").count() for leg in (over, *legs)] == [0, 0, 1]


def test_how_a_call_is_told_again_is_no_news(northwind):
    call = announce("leg-1")
    at = timezone.now()
    for seconds, phase in ((3, Phase.CONNECTED), (2, Phase.CONNECTED), (1, Phase.HOLD), (0, Phase.HOLD)):
        told = LifecycleEvent({"call": "leg-1"}, at - timedelta(seconds=seconds), phase=phase, is_state=True)
        events_take(provider="genesys", events=[told])
    assert list(call.phases.order_by("at").values_list("phase", flat=True)) == ["connected", "hold"]
    # By a clock that is behind ours, and is told after what was told before.
    behind = LifecycleEvent(
        {"call": "leg-1"}, at - timedelta(seconds=4), phase=Phase.CONNECTED, agent="g-7", is_state=True
    )
    events_take(provider="genesys", events=[behind])
    call.refresh_from_db()
    assert call.provider_agent_id == "g-7"
    assert [row.phase for row in call.phases.order_by("at", "pk")] == ["connected", "hold", "connected"]


def test_an_agent_who_is_entered_later_is_no_hand_over(northwind):
    """The id was known, only not whose; or somebody attached the call by hand before the vendor said so."""
    agent = northwind.people["agent"]
    call, other = announce("leg-1", agent="g-7"), announce("leg-2")
    assert call.agent is None
    TelephonyIdentity.objects.create(user=agent, provider="genesys", agent_id="g-7")
    Conversation.objects.filter(pk=other.pk).update(agent=agent)
    for leg in ("leg-1", "leg-2"):
        said = LifecycleEvent({"call": leg}, timezone.now(), phase=Phase.CONNECTED, agent="g-7")
        events_take(provider="genesys", events=[said])
    for row in (call, other):
        row.refresh_from_db()
        assert (row.agent, row.provider_agent_id) == (agent, "g-7")
        assert not row.handovers.exists()
        assert row.participants.filter(role="agent").count() == 1


def test_what_could_not_be_applied_waits_on(northwind, monkeypatch):
    """A worker or database that goes in the middle of joining must not lose what came."""
    arrives({"conversation": "c-1"}, metadata={"campaign": "spring"})
    call = announce("session-1")

    def away(**_fields):
        raise OperationalError

    with monkeypatch.context() as patch:
        patch.setattr(correlation, "fields_apply", away)
        correlation.identifiers_add(
            conversation_id=call.pk, provider="genesys", identifiers={"conversation": "c-1"}
        )
        with pytest.raises(OperationalError):
            correlation.waiting_join(conversation_id=call.pk)
    assert WaitingMetadata.objects.get().joined_at is None
    assert correlation.waiting_join(conversation_id=call.pk) == 1
    call.refresh_from_db()
    assert call.metadata == {"campaign": "spring"}


def test_what_cannot_be_read_keeps_no_call_out(northwind):
    arrives({"conversation": "c-1"}, metadata={"campaign": "spring"})
    WaitingMetadata.objects.update(events=[{"phase": "unheard of"}])
    assert announce("session-1", identifiers={"conversation": "c-1"})
    assert WaitingMetadata.objects.get().joined_at is not None


def test_hooks_that_meet_the_announcement_lose_nothing(northwind):
    """Eight hooks and the line at once, many times: all that was said is with the call in the end."""
    schema = connection.schema_name

    def hook(number, part):
        try:
            with schema_scope(schema):
                arrives({"conversation": f"c-{number}"}, metadata={f"part {part}": "here"})
        finally:
            connection.close()

    def arrival(number):
        try:
            with schema_scope(schema):
                announce(f"session-{number}", identifiers={"conversation": f"c-{number}"})
        finally:
            connection.close()

    for number in range(5):
        work = [(hook, (number, part)) for part in range(4)] + [(arrival, (number,))]
        work += [(hook, (number, part)) for part in range(4, 8)]
        with ThreadPoolExecutor(len(work)) as threads:
            for done in [threads.submit(each, *arguments) for each, arguments in work]:
                done.result()
        call = Conversation.objects.get(provider_call_id=f"session-{number}")
        assert set(call.metadata) == {f"part {part}" for part in range(8)}
    assert not WaitingMetadata.objects.filter(joined_at__isnull=True).exists()
