"""What pages and programs tell of a search: that it was meant, and what somebody thinks of what was found.

Nothing here slows a search down: what somebody types is noted when they have stopped or followed something, by a
ticket that the page got with what was found and gives back. A ticket is signed, so that a page can only note what it
was shown; a question has the same key each time, so that it is noted once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.core import signing
from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.http import Http404
from django.utils.translation import gettext as _

from accounts.ids import new_id
from accounts.models import User
from knowledge.documents.access import document_for, version_for
from knowledge.models import Document, KnowledgeQuestion, PassageUse
from knowledge.search.searching import Found
from knowledge.usage.calls import asked_within
from knowledge.usage.noting import (
    NOTED,
    READ,
    Passage,
    answers,
    question_note,
    use_note,
    use_take_back,
    uses_note,
)

Kind = PassageUse.Kind
Source = KnowledgeQuestion.Source

TICKET_LASTS = timedelta(hours=12)


def ticket_make(*, user: User, text: str, found: Sequence[Found], conversation_id: UUID | None = None) -> str:
    """What a page gets with what was found, to give it back when its reader has stopped typing."""
    content = {
        "q": str(new_id()),
        "t": text[:READ],
        "c": round(max((one.confidence for one in found), default=0.0), 4),
        "a": answers(found),
        "p": [[str(one.document_id), one.version, one.start, one.end] for one in found[:NOTED]],
        "of": str(conversation_id or ""),
    }
    return signing.dumps(content, salt=_salt(user), compress=True)


@dataclass(frozen=True, slots=True)
class Ticket:
    """What a page was shown for a question. `question_id`: its key, noted yet or not."""

    question_id: UUID
    text: str
    confidence: float
    answered: bool
    passages: tuple[Passage, ...]
    conversation_id: UUID | None


def ticket_read(*, user: User, ticket: str) -> Ticket:
    """What a ticket of this person's says. Raises `ValidationError` for one that is not theirs, or too old."""
    try:
        content: dict[str, Any] = signing.loads(ticket, salt=_salt(user), max_age=TICKET_LASTS)
    except signing.BadSignature:
        raise ValidationError(_("This search is over. Please search again.")) from None
    return Ticket(
        question_id=UUID(content["q"]),
        text=content["t"],
        confidence=content["c"],
        answered=content["a"],
        passages=tuple(Passage(UUID(one[0]), *one[1:]) for one in content["p"]),
        conversation_id=UUID(content["of"]) if content["of"] else None,
    )


def ticket_note(*, user: User, ticket: Ticket) -> UUID | None:
    """Its question was meant: note it with what was shown. Once, however often it is said. Returns its call, if any."""
    noted = KnowledgeQuestion.objects.filter(pk=ticket.question_id).first()
    if noted is not None:
        return noted.conversation_id
    conversation_id, audience = asked_within(user, ticket.conversation_id)
    with transaction.atomic():
        question_note(
            text=ticket.text,
            source=Source.SEARCH,
            audience=audience,
            confidence=ticket.confidence,
            answered=ticket.answered,
            person=user,
            conversation_id=conversation_id,
            question_id=ticket.question_id,
        )
        uses_note(
            passages=_that_are_there(ticket.passages),
            kind=Kind.SHOWN,
            person=user,
            question_id=ticket.question_id,
            conversation_id=conversation_id,
        )
    return conversation_id


def _that_are_there(passages: Sequence[Passage]) -> list[Passage]:
    """A document may have been deleted since it was found."""
    there = set(
        Document.objects.filter(pk__in={one.document_id for one in passages}).values_list("pk", flat=True)
    )
    return [one for one in passages if one.document_id in there]


def feedback_note(
    *,
    user: User,
    kind: str,
    passage: Passage | None = None,
    ticket: str = "",
    question_id: UUID | None = None,
    comment: str = "",
) -> UUID | None:
    """What a page or a program says of a passage. Returns the question that it was found for, if it is known.

    With a `ticket` the question is noted first; without a passage that is all. `kind` "" takes back what the person
    thought of it. `question_id` counts without a ticket, and must be the person's own; it knows its call.
    Raises `ValidationError`, or `Http404` where there is no such passage or question for them.
    """
    if kind not in {"", *Kind.values}:
        raise ValidationError(_("There is no such use."))
    conversation_id = None
    if ticket:
        shown = ticket_read(user=user, ticket=ticket)
        question_id, conversation_id = shown.question_id, ticket_note(user=user, ticket=shown)
    elif question_id is not None:
        asked = KnowledgeQuestion.objects.filter(pk=question_id, person=user).first()
        if asked is None:
            raise Http404("no such question of this person's")
        conversation_id = asked.conversation_id
    if passage is None:
        if not ticket:
            raise ValidationError(_("Say which passage."))
        return question_id
    _passage_check(user, passage)
    if kind:
        use_note(
            passage=passage,
            kind=kind,
            person=user,
            question_id=question_id,
            conversation_id=conversation_id,
            comment=comment,
        )
    else:
        use_take_back(passage=passage, person=user, question_id=question_id, conversation_id=conversation_id)
    return question_id


def _passage_check(user: User, passage: Passage) -> None:
    """A passage is of a version that this person may open, and lies within its text."""
    document = document_for(user, passage.document_id)
    length = len(version_for(user, document, passage.version).body)
    if not 0 <= passage.start < passage.end <= length:
        raise ValidationError(_("There is no such passage."))


def _salt(user: User) -> str:
    return f"knowledge.asked {connection.schema_name} {user.pk}"  # type: ignore[attr-defined]
