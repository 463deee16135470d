"""Joins what is said of a call with the call: by the ids of vendors, in whatever order the two come.

Audio and metadata come by different ways, at different times and under different ids: a contact, a leg, a session.
A call brings the ids that it knows; metadata brings those it comes under. What meets no call waits, joins the call
that turns up later, and is shown as unmet for as long as it is kept.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import structlog
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from accounts.models import Queue
from conversations.consent import CONSENT_KEY, REGION_KEY, consent_from_metadata
from conversations.customers import customer_clean, customer_update
from conversations.field_changes import fields_written
from conversations.lifecycle import event_fields, lifecycle_apply, lifecycle_event
from conversations.live import metadata
from conversations.live.identifiers import all_known_as, known_as
from conversations.live.wire import CustomerDetails, Fields, Identifiers, Short
from conversations.models import Conversation, ConversationIdentifier, WaitingMetadata
from conversations.phases import LifecycleEvent
from conversations.services import conversation_lock, event_append

log = structlog.get_logger(__name__)

# Vendors use ids again after a while; an older call under the same one is another call.
SAME_CALL = timedelta(hours=24)
MAX_WAITING = 10_000


class WaitingFull(Exception):
    """Too much is waiting for calls that never came: nothing more is kept."""


class CallFields(BaseModel):
    """What can be said of a call besides its audio; all of it optional. Named as in `CallStart`."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    direction: str = Field(default="", pattern="^(inbound|outbound)?$")
    language: str = Field(default="", max_length=12, pattern=r"^([A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*)?$")
    queue: Short = Field(default="", max_length=60)
    agent: Short = ""
    customer: CustomerDetails | None = None
    metadata: Fields = Field(default_factory=dict)
    identifiers: Identifiers = Field(default_factory=dict)


def identifiers_add(*, conversation_id: UUID, provider: str, identifiers: Mapping[str, str]) -> None:
    """Note ids by which the provider knows the conversation, kind to value. Known ones stay as they are."""
    ConversationIdentifier.objects.bulk_create(
        (
            ConversationIdentifier(
                conversation_id=conversation_id, provider=provider, kind=kind[:40], value=value[:120]
            )
            for kind, value in all_known_as(identifiers).items()
            if value
        ),
        ignore_conflicts=True,
    )


def conversation_by(provider: str, identifiers: Mapping[str, str]) -> Conversation | None:
    """The newest conversation that the provider knows by one of these ids; one that goes on comes first."""
    return conversations_by(provider, all_known_as(identifiers).values()).first()


def conversations_by(provider: str, values: Iterable[str]) -> QuerySet[Conversation]:
    """Conversations known by any of these ids, the live ones first, then the newest. "" is any provider."""
    known = ConversationIdentifier.objects.filter(value__in=[known_as(value) for value in values])
    if provider:
        known = known.filter(provider=provider)
    live = Q(state__in=[Conversation.State.ANNOUNCED, Conversation.State.LIVE])
    return (
        Conversation.objects.filter(pk__in=known.values("conversation_id"))
        .alias(goes_on=live)
        .order_by("-goes_on", "-announced_at")
    )


def metadata_arrived(
    *, provider: str, identifiers: Mapping[str, str], fields: CallFields
) -> Conversation | None:
    """Join what came to its call, or keep it waiting (None). Raises `WaitingFull`."""
    return _take(provider, identifiers, fields, [])


def events_take(*, provider: str, events: Sequence[LifecycleEvent]) -> int:
    """Apply what a vendor says of its calls; what meets none waits. Returns how many met their call.

    Raises `WaitingFull` and `ValueError` for fields that are none.
    """
    joined = 0
    for event in events:
        fields = fields_read({**event.fields, "agent": ""})
        joined += _take(provider, event.identifiers, fields, [event]) is not None
    return joined


def fields_read(fields: Mapping[str, object]) -> CallFields:
    """Read fields. Raises `ValueError`, without what they said, and without names that are not ours."""
    try:
        return CallFields.model_validate(dict(fields))
    except ValidationError as error:
        ours = {*CallFields.model_fields, *CustomerDetails.model_fields}
        places = sorted(
            {".".join(str(part) if part in ours else "?" for part in one["loc"]) for one in error.errors()}
        )
        raise ValueError(f"not fields of a call: {', '.join(places)}") from None


def _take(
    provider: str, identifiers: Mapping[str, str], fields: CallFields, events: list[LifecycleEvent]
) -> Conversation | None:
    everything = all_known_as({**identifiers, **fields.identifiers})
    events = [
        replace(one, identifiers=all_known_as(one.identifiers), reference=known_as(one.reference))
        for one in events
    ]
    meant = _meant(provider, everything)
    if not meant:
        _wait(provider, everything, fields, events)
        # It may have been announced between the look and the note.
        meant = _meant(provider, everything)
        for conversation in meant:
            waiting_join(conversation_id=conversation.pk)
        return meant[0] if meant else None
    for conversation in meant:
        # Of several that share an id, none is known by what only one of them can be.
        if len(meant) == 1:
            identifiers_add(conversation_id=conversation.pk, provider=provider, identifiers=everything)
        _apply(conversation.pk, _clean(fields), events)
        # The new ids may be those under which something else waits.
        waiting_join(conversation_id=conversation.pk)
    return meant[0]


def _meant(provider: str, identifiers: Mapping[str, str]) -> list[Conversation]:
    """The conversations that something said under these ids is about: those known by most of them.

    Several may share the id of a contact, each with an id of its own. What names none of them is about all that go
    on, or if none does about the newest.
    """
    found = [
        conversation
        for conversation in conversations_by(provider, identifiers.values())
        if conversation.announced_at >= timezone.now() - SAME_CALL
    ]
    live = [conversation for conversation in found if conversation.is_live]
    if len(live) < 2:
        return (live or found)[:1]
    pairs = ConversationIdentifier.objects.filter(
        conversation__in=live, value__in=list(identifiers.values())
    ).values_list("conversation_id", "value")
    known = Counter(conversation_id for conversation_id, _value in pairs.distinct())
    most = max(known.values())
    return [conversation for conversation in live if known[conversation.pk] == most]


def _wait(
    provider: str, identifiers: Mapping[str, str], fields: CallFields, events: list[LifecycleEvent]
) -> None:
    # What is older joins nothing any more: it is only shown, and must not keep out what comes now.
    may_join = WaitingMetadata.objects.filter(
        joined_at__isnull=True, received_at__gt=timezone.now() - SAME_CALL
    )
    if may_join.count() >= MAX_WAITING:
        raise WaitingFull
    WaitingMetadata.objects.create(
        provider=provider,
        keys=sorted({f"{provider}:{value}"[:170] for value in identifiers.values() if value}),
        identifiers=dict(identifiers),
        fields=_clean(fields),
        events=[event_fields(event) for event in events],
    )


def waiting_join(*, conversation_id: UUID) -> int:
    """Give a call what waits under one of its ids, in the order in which it came. Returns how much that was."""
    joined = 0
    while True:
        keys = [
            f"{provider}:{value}"[:170]
            for provider, value in ConversationIdentifier.objects.filter(
                conversation_id=conversation_id
            ).values_list("provider", "value")
        ]
        with transaction.atomic():
            waiting = (
                WaitingMetadata.objects.select_for_update(skip_locked=True)
                .filter(joined_at__isnull=True, keys__overlap=keys)
                .filter(received_at__gt=timezone.now() - SAME_CALL)
                .order_by("received_at", "pk")
                .first()
            )
            if waiting is None:
                return joined
            waiting.conversation_id, waiting.joined_at = conversation_id, timezone.now()
            waiting.save(update_fields=["conversation", "joined_at"])
            identifiers_add(
                conversation_id=conversation_id, provider=waiting.provider, identifiers=waiting.identifiers
            )
            # Within the same transaction: what is cut off here waits on, instead of being joined and never applied.
            _waiting_apply(waiting)
        joined += 1


def _waiting_apply(waiting: WaitingMetadata) -> None:
    assert waiting.conversation_id is not None
    try:
        with transaction.atomic():
            events = [lifecycle_event(each) for each in waiting.events]
            _apply(waiting.conversation_id, waiting.fields, events)
    except (ValueError, KeyError, TypeError) as error:
        # What cannot be read must not keep the call, or what else waits for it.
        log.error("correlation.not_applied", waiting=str(waiting.pk), error=type(error).__name__)


# --- Fields -----------------------------------------------------------------------------------------------


def _clean(fields: CallFields) -> dict[str, Any]:
    """As they may be kept: redacted, and only what was said."""
    clean: dict[str, Any] = {
        "direction": fields.direction,
        "language": fields.language,
        "queue": _queue_clean(fields.queue),
        "agent": fields.agent,
        "metadata": metadata.redacted(fields.metadata),
        "customer": customer_clean(fields.customer) if fields.customer else None,
    }
    return {name: value for name, value in clean.items() if value}


def _queue_clean(key: str) -> str:
    """A queue of ours as it is; anything else is a text like any other."""
    return key if not key or Queue.objects.filter(key=key).exists() else metadata.text_redacted(key)


def _apply(conversation_id: UUID, fields: Mapping[str, Any], events: Sequence[LifecycleEvent]) -> None:
    if set(fields) - {"agent"}:
        fields_apply(conversation_id=conversation_id, fields=fields)
    for event in events:
        lifecycle_apply(conversation_id=conversation_id, event=event)
    if fields.get("agent"):
        said = LifecycleEvent(identifiers={}, at=timezone.now(), agent=fields["agent"])
        lifecycle_apply(conversation_id=conversation_id, event=said)


def fields_apply(*, conversation_id: UUID, fields: Mapping[str, Any]) -> None:
    """Write redacted fields into a conversation. What is given replaces what was known; metadata is merged."""
    with transaction.atomic():
        conversation = conversation_lock(conversation_id)
        extra = conversation.metadata | fields.get("metadata", {})
        if fields.get("queue"):
            queue = Queue.objects.filter(key=fields["queue"]).first()
            if queue is not None:
                conversation.queue = queue
            else:
                extra["queue"] = metadata.text_redacted(fields["queue"])
        for name in ("direction", "language"):
            if fields.get(name):
                setattr(conversation, name, fields[name])
        if fields.get("customer"):
            conversation.customer = customer_update(fields["customer"])
        try:
            metadata.check(extra)
        except ValueError:
            # Too much of it together: what came last is what counts.
            extra = dict(fields.get("metadata", {}))
        conversation.metadata = extra
        conversation.save(update_fields=["queue", "direction", "language", "customer", "metadata"])
        event_append(conversation_id=conversation.pk, kind="conversation", row=conversation)
        fields_written(conversation)
    # Consent often comes from the menu, as a field of the call; and the region decides what is needed.
    said = fields.get("metadata", {})
    if said.keys() & {CONSENT_KEY, REGION_KEY}:
        consent_from_metadata(conversation_id=conversation_id, fields=said, source=conversation.provider)
