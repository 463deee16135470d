"""A call comes in: its conversation, its key and its ledger are made, found again, or refused.

Synchronous; async code runs these through `TenantThreads`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.ids import new_id
from accounts.models import Queue
from conversations import consent, correlation
from conversations.customers import customer_clean, customer_update
from conversations.lifecycle import agent_of
from conversations.live import metadata
from conversations.live.identifiers import known_as
from conversations.live.wire import CallAudio, CallStart, CloseCode, ProtocolError
from conversations.models import CallLedger, CallOwner, Conversation, Participant, Speaker
from conversations.publish import tell_agent
from conversations.services import conversation_lock, event_append
from tenants import keys
from tenants.scope import current_schema


class CallRefused(ProtocolError):
    """The call cannot be taken as it was asked for."""


@dataclass(frozen=True, slots=True)
class Announced:
    """A call that audio may come for. `key` seals its chunks. `over`: it has ended as it should, nothing more comes.

    `claimed`: a live worker has had it already.
    """

    conversation_id: UUID
    key: bytes
    announced_at: datetime
    claimed: bool = False
    over: bool = False


def call_announce(
    *, source: str, start: CallStart, audio: CallAudio, conversation_id: UUID | None = None
) -> Announced:
    """Make the conversation of a new call, with participants, key, ledger and first event, and tell its agent.

    `conversation_id`: the id that it shall have, of one that is gone (`call_clear`).
    Raises `CallRefused` for a call id that the provider has used before.
    """
    schema, now, key = current_schema(), timezone.now(), keys.new_key()
    start = start.model_copy(update={"id": known_as(start.id)})
    # Redaction takes a while on long metadata; it needs no transaction.
    details = customer_clean(start.customer) if start.customer else None
    extra = metadata.redacted(start.metadata)
    try:
        with transaction.atomic():
            agent = agent_of(source, start.agent) if start.agent else None
            queue = Queue.objects.filter(key=start.queue).first() if start.queue else None
            if start.queue and queue is None:
                extra["queue"] = metadata.text_redacted(start.queue)
            conversation = Conversation.objects.create(
                pk=conversation_id or new_id(),
                direction=start.direction,
                queue=queue,
                agent=agent,
                customer=customer_update(details) if details else None,
                language=start.language,
                provider=source,
                provider_call_id=start.id,
                provider_agent_id=start.agent,
                announced_at=now,
                metadata=extra,
            )
            _participants_create(conversation, audio.roles, now)
            wrapped, version = keys.wrap(schema, key, bound_to=f"call:{conversation.pk}")
            CallOwner.objects.create(
                conversation=conversation,
                audio_format=audio.as_dict(),
                wrapped_key=wrapped,
                key_version=version,
            )
            CallLedger.objects.create(
                conversation=conversation, source=source, provider_call_id=start.id, announced_at=now
            )
            event_append(conversation_id=conversation.pk, kind="conversation", row=conversation)
            correlation.identifiers_add(
                conversation_id=conversation.pk,
                provider=source,
                identifiers={**start.identifiers, "call": start.id},
            )
            if agent is not None and source != Conversation.UPLOADED:
                agent_id = agent.pk
                transaction.on_commit(
                    lambda: tell_agent(schema, agent_id, conversation.pk, conversation.state)
                )
    except IntegrityError:
        taken = Conversation.objects.filter(provider=source, provider_call_id=start.id).first()
        if taken is None:
            raise
        raise _taken(taken) from None
    # What was said of the call before we knew it. After the commit: it is written as if it came now.
    correlation.waiting_join(conversation_id=conversation.pk)
    if consent.CONSENT_KEY in extra:
        consent.consent_from_metadata(conversation_id=conversation.pk, fields=extra, source=source)
    return Announced(conversation.pk, key, now)


def call_resume(*, source: str, call_id: str, audio: CallAudio) -> Announced | None:
    """Find a call that a line comes back to. None when there is no such call.

    Raises `CallRefused` for one that ended while its line was away, or whose audio was of another kind.
    """
    call_id = known_as(call_id)
    conversation = Conversation.objects.filter(provider=source, provider_call_id=call_id).first()
    if conversation is None:
        return None
    owner = CallOwner.objects.get(pk=conversation.pk)
    if conversation.state in {Conversation.State.WRAP_UP, Conversation.State.COMPLETED}:
        return Announced(conversation.pk, b"", conversation.announced_at, claimed=True, over=True)
    if not conversation.is_live or owner.wrapped_key is None:
        raise _taken(conversation)
    if owner.audio_format != audio.as_dict():
        raise CallRefused(CloseCode.FORMAT_CHANGED, "audio must be the same as when the call began")
    key = keys.unwrap(
        current_schema(),
        bytes(owner.wrapped_key),
        owner.key_version,
        bound_to=f"call:{conversation.pk}",
    )
    CallLedger.objects.filter(conversation=conversation, state=CallLedger.State.OPEN).update(
        close_code=None, reason=""
    )
    return Announced(conversation.pk, key, conversation.announced_at, claimed=owner.epoch > 0)


def call_id_release(*, source: str, call_id: str, renamed: str) -> bool:
    """Let another try at a call that ended incomplete have its id. What there is of it is known as `renamed` from now.

    Returns whether there was such a call.
    """
    call_id, renamed = known_as(call_id), known_as(renamed)
    with transaction.atomic():
        ended = Conversation.objects.filter(provider=source, state=Conversation.State.INCOMPLETE)
        found = ended.filter(provider_call_id=call_id).values_list("pk", flat=True).first()
        if found is None:
            return False
        row = conversation_lock(found)
        if row.provider_call_id != call_id:
            return False
        row.provider_call_id = renamed
        row.save(update_fields=["provider_call_id"])
        CallLedger.objects.filter(conversation=row).update(provider_call_id=renamed)
        row.identifiers.filter(provider=source, kind="call", value=call_id).update(value=renamed)
        event_append(conversation_id=row.pk, kind="conversation", row=row)
    return True


def call_refused(*, source: str, call_id: str, code: CloseCode) -> CallLedger:
    """Note a line that was refused before it became a conversation."""
    now = timezone.now()
    return CallLedger.objects.create(
        source=source,
        provider_call_id=known_as(call_id),
        state=CallLedger.State.REFUSED,
        reason=code.slug,
        close_code=code,
        announced_at=now,
        closed_at=now,
    )


def call_line_closed(*, conversation_id: UUID, code: CloseCode) -> None:
    """Note how a call's line was closed. While the call is open this is also the reason that its ledger gives."""
    rows = CallLedger.objects.filter(conversation_id=conversation_id)
    rows.update(close_code=code)
    rows.filter(state=CallLedger.State.OPEN).update(reason=code.slug)


def _taken(conversation: Conversation) -> CallRefused:
    if conversation.is_live:
        return CallRefused(CloseCode.CALL_IN_USE, "call id in use")
    return CallRefused(CloseCode.CALL_USED_BEFORE, "call id used before")


def _participants_create(conversation: Conversation, roles: tuple[str, ...], now: datetime) -> None:
    names = {
        Speaker.AGENT: conversation.agent.name if conversation.agent else "",
        Speaker.CUSTOMER: conversation.customer.name if conversation.customer else "",
    }
    Participant.objects.bulk_create(
        Participant(
            conversation=conversation,
            role=role,
            display_name=names.get(Speaker(role), ""),
            channel_index=index,
            user=conversation.agent if role == Speaker.AGENT else None,
            joined_at=now,
        )
        for index, role in enumerate(roles)
    )
