"""A call that came to nothing is heard anew: what there was of it makes room for the same conversation, whole."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Q

from conversations.erasure import followers_tell
from conversations.live.identifiers import known_as
from conversations.models import CallOwner, Conversation, LegalHold, Note, Summary
from conversations.recordings import recording_remove
from conversations.services import conversation_lock

# Whether a room above keeps something of a conversation that no other try can bring back.
Kept = Callable[[UUID], bool]
_KEPT: list[Kept] = []


def stays_where(kept: Kept) -> None:
    """Have a conversation stay where `kept` says so. Called from an app's `ready()`."""
    if kept not in _KEPT:
        _KEPT.append(kept)


@dataclass(frozen=True, slots=True)
class Cleared:
    """A conversation whose sound is gone and whose rows may go. `epoch`: no file of its workers has a later one."""

    conversation_id: UUID
    epoch: int


def call_clear(*, source: str, call_id: str) -> Cleared | None:
    """Take away the sound of a call that ended incomplete, so that another try may have its place.

    None: there is no such call, or it has to stay as it is: a legal hold keeps it, or somebody has written about it or
    judged it.
    Raises `RecordingBusy` and `StorageError`. Not within a transaction; may run again.
    """
    ended = Conversation.objects.filter(provider=source, state=Conversation.State.INCOMPLETE)
    found = ended.filter(provider_call_id=known_as(call_id)).first()
    if found is None or _stays(found):
        return None
    followers_tell(found.pk)
    recording_remove(found.pk)
    epoch = CallOwner.objects.filter(pk=found.pk).values_list("epoch", flat=True).first()
    return Cleared(found.pk, epoch or 0)


def call_remove(cleared: Cleared) -> None:
    """Remove what is left of it. In the transaction that announces the call under its id again."""
    conversation_lock(cleared.conversation_id)
    Conversation.objects.filter(pk=cleared.conversation_id, state=Conversation.State.INCOMPLETE).delete()


def _stays(conversation: Conversation) -> bool:
    held = LegalHold.objects.filter(Q(conversation=conversation) | Q(customer=conversation.customer_id))
    confirmed = Summary.objects.filter(conversation=conversation, confirmed_at__isnull=False)
    noted = Note.objects.filter(conversation=conversation)
    return (
        held.exists() or noted.exists() or confirmed.exists() or any(kept(conversation.pk) for kept in _KEPT)
    )
