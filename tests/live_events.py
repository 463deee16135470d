"""Writes and announces what happens in a live call, one thing at a time, for tests of what people see.

Everything goes through the services that announce, in the current schema, so that open pages get it as from a worker.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from accounts.ids import new_id
from coaching.alerts import alert_raise, alerts_close
from coaching.models import Alert, Guidance, Policy, PolicyRevision
from conversations import news
from conversations.models import (
    CallOwner,
    CallPhase,
    Conversation,
    Customer,
    Handover,
    Participant,
    Speaker,
    Utterance,
)
from conversations.publish import (
    channel_of,
    conversation_group,
    heartbeat_told,
    partial_told,
    publish,
    tell_agent,
)
from conversations.services import event_append
from conversations.summaries import summary_write
from engines.language import score
from moments.models import MomentDefinition, MomentOccurrence
from moments.services import moment_save


def customer_make(reference: str = "C-1001", name: str = "Helen Marsh", **fields: Any) -> Customer:
    values: dict[str, Any] = {"name": name, "segment": "Gold", "fields": {}} | fields
    return Customer.objects.update_or_create(reference=reference, defaults=values)[0]


def call_begin(agent: Any = None, *, ago_seconds: float = 0.0, **fields: Any) -> Conversation:
    """A call that is live since so many seconds; tells its agent's pages."""
    at = timezone.now() - timedelta(seconds=ago_seconds)
    values: dict[str, Any] = {"provider_agent_id": "" if agent else "7001"} | fields
    with transaction.atomic():
        call = Conversation.objects.create(
            agent=agent,
            state=Conversation.State.LIVE,
            announced_at=at,
            started_at=at,
            provider_call_id=str(new_id()),
            **values,
        )
        CallOwner.objects.create(conversation=call)
        for index, role in enumerate((Speaker.AGENT, Speaker.CUSTOMER)):
            Participant.objects.create(conversation=call, role=role, channel_index=index, joined_at=at)
        event_append(conversation_id=call.pk, kind="conversation", row=call)
        if agent is not None:
            schema = connection.schema_name
            transaction.on_commit(lambda: tell_agent(schema, agent.pk, call.pk, call.state))
    return call


def say(call: Conversation, speaker: str, text: str, start_ms: int, end_ms: int | None = None) -> Utterance:
    with transaction.atomic():
        row = Utterance.objects.create(
            conversation=call,
            sequence=call.utterances.count() + 1,
            speaker=speaker,
            channel_index=0 if speaker == "agent" else 1,
            start_ms=start_ms,
            end_ms=start_ms + 3000 if end_ms is None else end_ms,
            text=text,
            provider="test",
            sentiment=score(text) if speaker == "customer" else None,
        )
        event_append(conversation_id=call.pk, kind="utterance", row=row)
    return row


def _span(said: Utterance, words: str) -> tuple[int, int]:
    start = said.text.index(words)
    return start, start + len(words)


def moment(call: Conversation, said: Utterance, words: str, key: str = "cancel_threat") -> MomentOccurrence:
    definition = MomentDefinition.objects.filter(key=key).first()
    if definition is None:
        definition = MomentDefinition(key=key, name=key.replace("_", " ").capitalize(), phrases=[words])
        moment_save(definition=definition, actor=None)
    start, end = _span(said, words)
    with transaction.atomic():
        row = MomentOccurrence.objects.create(
            conversation=call,
            definition=definition,
            revision=definition.revisions.first(),
            utterance=said,
            start=start,
            end=end,
            at_ms=said.start_ms,
        )
        event_append(conversation_id=call.pk, kind="moment", row=row)
    return row


def _revision() -> PolicyRevision:
    policy, _created = Policy.objects.get_or_create(
        name="Retention, fault first", defaults={"state": "published"}
    )
    revision, _created = PolicyRevision.objects.get_or_create(
        policy=policy, number=1, defaults={"document": {}}
    )
    return revision


def _cause(said: Utterance | None, words: str) -> dict[str, Any]:
    if said is None:
        return {}
    start, end = _span(said, words)
    seconds = said.start_ms // 1000
    return {
        "cause": said,
        "evidence": [{"utterance": str(said.pk), "start": start, "end": end}],
        "reason": f"Because the {said.speaker} said “{{quote}}” at {seconds // 60}:{seconds % 60:02}.",
    }


def hint(
    call: Conversation, title: str, *, said: Utterance | None = None, words: str = "", **fields: Any
) -> Guidance:
    values: dict[str, Any] = {
        "kind": "hint",
        "label": "Say",
        "at_ms": said.end_ms if said else 0,
        "spoken_at": timezone.now(),
        "sent_at": timezone.now(),
    }
    values |= _cause(said, words) | fields
    with transaction.atomic():
        row = Guidance.objects.create(
            conversation=call,
            revision=_revision(),
            rule_key=str(new_id()),
            title=title,
            decided_at=timezone.now(),
            **values,
        )
        event_append(conversation_id=call.pk, kind="guidance", row=row)
    return row


def settle(item: Guidance, state: str, at_ms: int) -> None:
    with transaction.atomic():
        item.state, item.settled_ms, item.settled_at = state, at_ms, timezone.now()
        item.save()
        event_append(conversation_id=item.conversation_id, kind="guidance", row=item)


def alert(
    call: Conversation, title: str, *, said: Utterance | None = None, words: str = "", **fields: Any
) -> Alert:
    values: dict[str, Any] = {"severity": "bad", "at_ms": said.end_ms if said else 0}
    values |= {"rule_key": str(new_id()), "raised_at": timezone.now()} | _cause(said, words) | fields
    team = call.agent.team_id if call.agent else None
    row = Alert(conversation=call, revision=_revision(), title=title, **values)
    return alert_raise(alert=row, team_id=team)


def call_end(call: Conversation, *, summary: bool = True) -> None:
    """Into wrap-up, as the worker ends a call; with its summary, as Celery writes it."""
    schema = connection.schema_name
    with transaction.atomic():
        call.state, call.ended_at = Conversation.State.WRAP_UP, timezone.now()
        call.save(update_fields=["state", "ended_at"])
        event_append(conversation_id=call.pk, kind="conversation", row=call)
        alerts_close(news.COMPLETED, call.pk, None)
        agent_id = call.agent_id
        if agent_id is not None:
            transaction.on_commit(lambda: tell_agent(schema, agent_id, call.pk, call.state))
    if summary:
        summary_write(conversation_id=call.pk)


def phase(call: Conversation, name: str, from_ms: int = 0, *, ago_seconds: float = 0.0) -> None:
    """The telephony says that the call is on hold, in a menu and so on."""
    with transaction.atomic():
        CallPhase.objects.create(
            conversation=call,
            phase=name,
            at=timezone.now() - timedelta(seconds=ago_seconds),
            from_ms=from_ms,
            key=str(new_id()),
        )
        event_append(conversation_id=call.pk, kind="conversation", row=call)


def hand_over(call: Conversation, agent: Any, at_ms: int) -> None:
    """The call goes to another agent."""
    schema = connection.schema_name
    with transaction.atomic():
        before, call.agent = call.agent, agent
        call.save(update_fields=["agent"])
        event_append(conversation_id=call.pk, kind="conversation", row=call)
        row = Handover.objects.create(
            conversation=call, from_agent=before, to_agent=agent, at=timezone.now(), at_ms=at_ms
        )
        event_append(conversation_id=call.pk, kind="handover", row=row)
        transaction.on_commit(lambda: tell_agent(schema, agent.pk, call.pk, call.state))


def tell(call: Conversation, message: bytes) -> None:
    """Publish what is not kept to whoever follows the call."""
    group = conversation_group(connection.schema_name, call.pk)
    publish([(channel_of(group), message)])


def partial(call: Conversation, speaker: str, text: str, start_ms: int = 0) -> None:
    tell(call, partial_told(speaker, text, start_ms))


def heartbeat(call: Conversation, *, now_ms: int = 0, late_ms: int = 0, **quiet_ms: int) -> None:
    head = CallOwner.objects.values_list("head", flat=True).get(pk=call.pk)
    audio = {"agent": 0, "customer": 0} | quiet_ms
    state = {"now_ms": now_ms, "late_ms": late_ms, "audio": audio, "state": "live"}
    tell(call, heartbeat_told(head, state))
