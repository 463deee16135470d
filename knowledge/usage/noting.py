"""What was asked and what became of it, written down: questions, and uses of the passages that were found."""

from __future__ import annotations

from collections.abc import Collection as Keys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from accounts.ids import new_id
from accounts.models import User
from engines.retrieval.confidence import LEAST, THRESHOLD
from knowledge.documents.audience import Audience
from knowledge.models import Chunk, KnowledgeQuestion, PassageUse
from knowledge.models.usage import COMMENT_LENGTH, QUESTION_LENGTH
from knowledge.search.searching import Found
from knowledge.text.private import redacted

Kind = PassageUse.Kind
Source = KnowledgeQuestion.Source

# Reading for what is to be hidden takes time; nobody reads a longer question.
READ = 2 * QUESTION_LENGTH
# So many passages of one question are noted at most.
NOTED = 20
HAS_ALL = 0.99
_VERDICTS = {Kind.HELPFUL: Kind.WRONG, Kind.WRONG: Kind.HELPFUL}


@dataclass(frozen=True, slots=True)
class Passage:
    """A passage as a citation names it: `[start, end)` of a version of a document."""

    document_id: UUID
    version: int
    start: int
    end: int


def passage_of(found: Found | Chunk) -> Passage:
    """How a passage that was found is cited."""
    version = found.document_version if isinstance(found, Chunk) else found.version
    return Passage(found.document_id, version, found.start, found.end)


def answers(found: Sequence[Found]) -> bool:
    """Whether one of these may be taken for an answer. What the database ranked is not known; it has all the words."""
    return any(one.confidence >= THRESHOLD or one.evidence is None for one in found)


def nothing_answers(found: Sequence[Found]) -> bool:
    """Whether it is likely that none of these answers. One that has all that was asked may be what was looked for."""
    return all(one.evidence is not None and one.confidence < LEAST and one.covers < HAS_ALL for one in found)


# --- Questions ------------------------------------------------------------------------------------------


def question_note(
    *,
    text: str,
    source: str,
    audience: Audience,
    found: Sequence[Found] = (),
    confidence: float | None = None,
    answered: bool | None = None,
    person: User | UUID | None = None,
    conversation_id: UUID | None = None,
    question_id: UUID | None = None,
    shown: bool = True,
) -> UUID:
    """Keep a question, redacted, with the passages that were shown for it. Two INSERTs. The same id twice is one.

    `confidence` is the best passage's unless given; `answered` whether one was above the threshold unless given.
    `shown`: whether what was found was on a screen, too.
    """
    sure = max((one.confidence for one in found), default=0.0) if confidence is None else confidence
    question_id = question_id or new_id()
    row = KnowledgeQuestion(
        id=question_id,
        source=source,
        text=_hidden(text, QUESTION_LENGTH),
        person_id=_key(person),
        conversation_id=conversation_id,
        team=audience.team,
        queue=audience.queue,
        channel=audience.channel,
        language=audience.language[:12],
        confidence=sure,
        answered=answers(found) if answered is None else answered,
    )
    with transaction.atomic():
        KnowledgeQuestion.objects.bulk_create([row], ignore_conflicts=True)
        if shown and found:
            uses_note(
                passages=[passage_of(one) for one in found],
                kind=Kind.SHOWN,
                person=person,
                question_id=question_id,
                conversation_id=conversation_id,
            )
    return question_id


def questions_unsay(conversation_id: UUID) -> None:
    """The words of a conversation went or were hidden: what was asked in it is not kept in words either."""
    KnowledgeQuestion.objects.filter(conversation_id=conversation_id).exclude(text="").update(text="")
    PassageUse.objects.filter(conversation_id=conversation_id).exclude(comment="").update(comment="")


def questions_forget(before: datetime, kept: Keys[UUID]) -> int:
    """Remove what was asked and used before a time, but for those conversations. Returns how many rows went."""
    uses = PassageUse.objects.filter(at__lt=before).exclude(conversation_id__in=kept)
    asked = KnowledgeQuestion.objects.filter(asked_at__lt=before).exclude(conversation_id__in=kept)
    return uses.delete()[0] + asked.delete()[0]


# --- Uses -----------------------------------------------------------------------------------------------


def use_note(
    *,
    passage: Passage,
    kind: str,
    person: User | UUID | None = None,
    question_id: UUID | None = None,
    conversation_id: UUID | None = None,
    comment: str = "",
) -> None:
    """Keep that a passage was shown, opened, used, or what somebody thinks of it. The same again changes nothing.

    Of helpful and wrong the later one counts; `comment` goes with either and takes the place of the one before.
    """
    if kind not in Kind.values:
        raise ValidationError(_("There is no such use."))
    with transaction.atomic():
        uses_note(
            passages=[passage],
            kind=kind,
            person=person,
            question_id=question_id,
            conversation_id=conversation_id,
        )
        if kind not in _VERDICTS:
            return
        mine = PassageUse.objects.filter(
            document_id=passage.document_id,
            version=passage.version,
            start=passage.start,
            end=passage.end,
            person_id=_key(person),
            question_id=question_id,
            conversation_id=conversation_id,
        )
        mine.filter(kind=_VERDICTS[Kind(kind)]).delete()
        if comment.strip():
            mine.filter(kind=kind).update(comment=_hidden(comment, COMMENT_LENGTH))


def use_take_back(
    *, passage: Passage, person: User, question_id: UUID | None = None, conversation_id: UUID | None = None
) -> None:
    """Somebody thinks nothing of it any more: neither helpful nor wrong."""
    PassageUse.objects.filter(
        document_id=passage.document_id,
        version=passage.version,
        start=passage.start,
        end=passage.end,
        person=person,
        question_id=question_id,
        conversation_id=conversation_id,
        kind__in=_VERDICTS,
    ).delete()


def uses_note(
    *,
    passages: Sequence[Passage],
    kind: str,
    person: User | UUID | None = None,
    question_id: UUID | None = None,
    conversation_id: UUID | None = None,
) -> None:
    """Keep one use of several passages. One INSERT; what is there already stays."""
    PassageUse.objects.bulk_create(
        [
            PassageUse(
                question_id=question_id,
                document_id=one.document_id,
                version=one.version,
                start=one.start,
                end=one.end,
                kind=kind,
                person_id=_key(person),
                conversation_id=conversation_id,
            )
            for one in passages[:NOTED]
        ],
        ignore_conflicts=True,
    )


def documents_opened(person: UUID, since: datetime) -> set[UUID]:
    """The documents that somebody has opened since then. One query."""
    rows = PassageUse.objects.filter(person=person, kind=Kind.OPENED, at__gte=since)
    return set(rows.values_list("document_id", flat=True))


def _hidden(text: str, length: int) -> str:
    return redacted(" ".join(text[:READ].split()))[:length].replace("\x00", "")


def _key(person: User | UUID | None) -> UUID | None:
    return person.pk if isinstance(person, User) else person
