"""What the policy keeps of hidden words: sealed apart from the text, and shown to people of the roles that it names.

The text, and whatever is made of it, has the placeholder for everybody. What is opened goes to one person's page, and
the audit log notes who asked and for how much of what kind.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from uuid import UUID

import structlog
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import QuerySet

from accounts.models import User
from accounts.services import audit
from conversations.models import Conversation, KeptValue, Redaction
from conversations.redaction.policy import Policy, redaction_policy
from engines.redaction.actions import digits_of
from engines.redaction.detectors.checks import is_card
from engines.redaction.text import RawText
from engines.redaction.vocabulary import kind
from tenants.keys import SealError, unwrap, wrap
from tenants.scope import current_schema

log = structlog.get_logger(__name__)

_ENCODING = ("utf-8", "surrogatepass")
_CARD_DIGITS = 19


@dataclass(frozen=True, slots=True)
class Place:
    """Where something is kept: characters [start, end) of the utterance's text, which hold its placeholder."""

    id: UUID
    utterance: UUID
    type: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Shown:
    """What one person is shown in the place of the placeholder. Neither stored nor logged."""

    id: UUID
    utterance: UUID
    type: str
    words: RawText


def kept_seal(kept: Sequence[tuple[Redaction, RawText]]) -> None:
    """Seal the words behind rows that were just written, as far as the policy of now keeps them.

    Within the transaction that wrote the rows. Where the company has no key nothing is kept, and the call goes on.
    """
    types, schema = redaction_policy().config.apart, current_schema()
    rows = []
    for redaction, words in kept:
        if redaction.type not in types:
            continue  # the policy has become stricter since the call was taken
        try:
            sealed, version = wrap(schema, words.reveal().encode(*_ENCODING), bound_to=_bound(redaction.pk))
        except SealError:
            log.error("redaction.not_kept", utterance=str(redaction.utterance_id))
            return
        rows.append(KeptValue(redaction=redaction, sealed=sealed, key_version=version))
    KeptValue.objects.bulk_create(rows)


def types_seen(user: User, policy: Policy | None = None) -> frozenset[str]:
    """The types of which this person may see what is kept, by the policy of now (read where it is not at hand)."""
    return (policy or redaction_policy()).seen_by(user.role)


def kept_places(*, conversation: Conversation, user: User) -> list[Place]:
    """Where in a conversation something is kept that this person may see. Raises `PermissionDenied` if never any."""
    types = _types(user)
    rows = KeptValue.objects.filter(
        redaction__utterance__conversation=conversation.pk, redaction__type__in=types
    ).order_by("redaction__utterance__start_ms", "redaction__utterance__sequence", "redaction__start")
    fields = ("pk", "redaction__utterance", "redaction__type", "redaction__start", "redaction__end")
    return [Place(*row) for row in rows.values_list(*fields)]


def kept_show(
    *, conversation: Conversation, user: User, redactions: Collection[UUID], address: str | None = None
) -> list[Shown]:
    """Open what is kept behind these redactions, and note it. What is not kept, or not for them, is left out.

    Raises `PermissionDenied` for who may see nothing of any conversation.
    """
    types = _types(user)
    with transaction.atomic():
        cards_drop(conversation.pk)
        rows = _rows(conversation.pk).filter(pk__in=redactions, redaction__type__in=types)
        shown = [
            Shown(row.pk, row.redaction.utterance_id, row.redaction.type, words)
            for row in rows
            if (words := _opened(row)) is not None
        ]
        if shown:
            audit(
                actor=user,
                action="conversation.kept_show",
                thing=conversation,
                changes={"shown": len(shown), "types": dict(Counter(one.type for one in shown))},
                address=address,
            )
    return shown


def kept_drop(*, conversation_id: UUID, types: frozenset[str]) -> int:
    """Delete what is kept of a conversation beyond `types`, and what together is a card. Returns how much that was."""
    rows = KeptValue.objects.filter(redaction__utterance__conversation=conversation_id)
    gone, _each = rows.exclude(redaction__type__in=types).delete()
    return gone + (cards_drop(conversation_id) if types else 0)


def cards_drop(conversation_id: UUID) -> int:
    """Delete numbers of one kind that one speaker gave one after the other and that together are a card.

    Each by itself passed for something else, such as parts of a card where an account number was asked for. Of other
    numbers in a row, one in twenty goes with them.
    """
    given: dict[tuple[str, str], list[tuple[UUID, str]]] = defaultdict(list)
    for row in _rows(conversation_id):
        if kind(row.redaction.type).numeric and (words := _opened(row)) is not None:
            digits = digits_of(words.reveal())
            if digits:
                given[row.redaction.utterance.speaker, row.redaction.type].append((row.pk, digits))
    found = {pk for numbers in given.values() for pk in _card_parts(numbers)}
    if found:
        KeptValue.objects.filter(pk__in=found).delete()
    return len(found)


def _card_parts(numbers: Sequence[tuple[UUID, str]]) -> set[UUID]:
    found: set[UUID] = set()
    for first in range(len(numbers)):
        digits = ""
        for last in range(first, len(numbers)):
            digits += numbers[last][1]
            if len(digits) > _CARD_DIGITS:
                break
            part = numbers[first : last + 1]
            # Said twice, it is itself and no card; the engine hands over no number that is one by itself.
            if is_card(digits) and len({each for _pk, each in part}) > 1:
                found.update(pk for pk, _digits in part)
    return found


def _types(user: User) -> frozenset[str]:
    types = types_seen(user)
    if not types:
        raise PermissionDenied
    return types


def _rows(conversation_id: UUID) -> QuerySet[KeptValue]:
    return (
        KeptValue.objects.filter(redaction__utterance__conversation=conversation_id)
        .select_related("redaction__utterance")
        .defer("redaction__utterance__words", "redaction__utterance__search", "redaction__utterance__text")
        .order_by("redaction__utterance__start_ms", "redaction__utterance__sequence", "redaction__start")
    )


def _opened(row: KeptValue) -> RawText | None:
    try:
        sealed = unwrap(current_schema(), bytes(row.sealed), row.key_version, bound_to=_bound(row.pk))
    except SealError:
        # Said to nobody but the operators: without its key it is as good as deleted.
        log.error("redaction.kept_does_not_open", redaction=str(row.pk))
        return None
    return RawText(sealed.decode(*_ENCODING))


def _bound(redaction_id: UUID) -> str:
    return f"kept:{redaction_id}"
