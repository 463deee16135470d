"""Every write to a conversation outside the live way, each announced in the same transaction."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.errors import Conflict
from accounts.models import User
from accounts.services import identity_attach
from conversations import events as shown
from conversations.models import CallOwner, Conversation, ConversationEvent, Participant, Speaker
from conversations.publish import floor_message, messages_for, publish, tell_agent
from tenants.scope import current_schema


def call_lock(conversation_id: UUID) -> None:
    """Take the call's own row, within a transaction, before anything else of the conversation is locked or written.

    The live way takes it first; whoever did it in another order would wait for the other for ever.
    """
    CallOwner.objects.select_for_update().filter(pk=conversation_id).values_list("pk").first()


def call_lock_free(conversation_id: UUID) -> bool:
    """Take it, unless somebody else has it: then False, at once. A conversation that has none has it free."""
    return conversation_id in calls_lock_free([conversation_id])


def calls_lock_free(conversation_ids: Collection[UUID]) -> set[UUID]:
    """Take those that nobody else has, at once; returns them. Two queries at most."""
    rows = CallOwner.objects.filter(pk__in=conversation_ids)
    taken = set(rows.select_for_update(skip_locked=True).values_list("pk", flat=True))
    others = set(conversation_ids) - taken
    if others:
        others -= set(rows.filter(pk__in=others).values_list("pk", flat=True))
    return taken | others


def conversation_lock(conversation_id: UUID) -> Conversation:
    """Take a conversation within a transaction, as it is now, with what its event shows. Its children stay free."""
    call_lock(conversation_id)
    return (
        Conversation.objects.select_for_update(of=("self",), no_key=True)
        .select_related("agent", "customer", "queue", "disposition")
        .get(pk=conversation_id)
    )


def event_append(*, conversation_id: UUID, kind: str, row: Any, data: dict[str, Any] | None = None) -> int:
    """Append an event within the caller's transaction, and publish it once that is committed. Returns its sequence.

    `row` must have been saved before, with what its kind renders reachable.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("an event is announced in the transaction of what it announces")
    schema = current_schema()
    now = timezone.now()
    with connection.cursor() as cursor:
        # Also takes the row's lock, so that numbers are given in the order of commits.
        cursor.execute(
            "INSERT INTO conversations_callowner (conversation_id, epoch, worker, head, utterances, coverage,"
            " engine_state, recorded_ms, audio_format, key_version, updated_at)"
            " VALUES (%s, 0, '', 1, 0, '[]', '{}', 0, '{}', 0, now())"
            " ON CONFLICT (conversation_id) DO UPDATE SET head = conversations_callowner.head + 1 RETURNING head",
            [conversation_id],
        )
        sequence = int(cursor.fetchone()[0])
    ConversationEvent.objects.create(
        conversation_id=conversation_id,
        sequence=sequence,
        kind=kind,
        ref=row.pk,
        data=data or {},
        occurred_at=now,
    )

    def tell() -> None:
        event = shown.envelope(sequence, kind, now, shown.render(kind, row))
        told = messages_for(schema, conversation_id, [event])
        publish([*told, floor_message(schema, [conversation_id])])

    transaction.on_commit(tell)
    return sequence


def conversation_attach(*, conversation: Conversation, user: User) -> None:
    """Say whose call an unmatched one is, and remember it for the next.

    Raises `ValidationError`, and `Conflict` where somebody else has said so meanwhile.
    """
    schema = current_schema()
    with transaction.atomic():
        # As it is now: the call may have ended since it was read, and the event shows all of it.
        conversation = conversation_lock(conversation.pk)
        if conversation.agent_id is not None:
            raise Conflict(_("This call is somebody's already."))
        if conversation.provider_agent_id:
            identity_attach(
                user=user, provider=conversation.provider, agent_id=conversation.provider_agent_id
            )
        conversation.agent = user
        conversation.save(update_fields=["agent"])
        Participant.objects.filter(conversation=conversation, role=Speaker.AGENT).update(
            user=user, display_name=user.name
        )
        event_append(conversation_id=conversation.pk, kind="conversation", row=conversation)
        transaction.on_commit(lambda: tell_agent(schema, user.pk, conversation.pk, conversation.state))


def head_ensure(*, conversation_id: UUID) -> None:
    """Give a conversation that never was live (an import) its event counter."""
    CallOwner.objects.get_or_create(conversation_id=conversation_id)
