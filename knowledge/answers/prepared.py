"""Prepared answers: kept, decided, matched with what is asked, and held against what their documents say today."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Prefetch, QuerySet
from django.http import Http404
from django.utils.translation import gettext as _

from accounts.errors import Conflict
from accounts.models import User
from accounts.permissions import Permission
from accounts.services import audit
from engines.retrieval.matching import asked_words
from engines.retrieval.support import Evidence
from engines.retrieval.support_reading import sentences_of
from knowledge.models import Chunk, Collection, Document, PreparedAnswer, PreparedCitation, Synonyms
from knowledge.search.searching import Found
from knowledge.usage.noting import Passage

State = PreparedAnswer.State
CITATIONS = 6
_CHUNKS = 200


# --- Keeping --------------------------------------------------------------------------------------------


def prepared_save(
    *,
    questions: Sequence[str],
    answer: str,
    citations: Sequence[Passage],
    language: str = "en",
    collection: Collection | None = None,
    prepared: PreparedAnswer | None = None,
    actor: User | None = None,
    address: str | None = None,
) -> PreparedAnswer:
    """Keep an answer with the wordings of its question and where it stands.

    With an `actor` it is a person's, and locked. Without one it was generated: a draft, and never in the place of a
    locked one (`Conflict`). Raises `ValidationError`.
    """
    with transaction.atomic():
        row = (
            PreparedAnswer()
            if prepared is None
            else PreparedAnswer.objects.select_for_update().get(pk=prepared.pk)
        )
        if row.locked and actor is None:
            raise Conflict(_("A person wrote this answer. It is not overwritten."))
        before = (row.answer, row.language)
        row.questions, row.answer = list(questions), " ".join(answer.split())
        row.language, row.collection = language, collection
        row.locked, row.edited_by = row.locked or actor is not None, actor or row.edited_by
        row.clean()
        row.words = sorted({word for one in row.questions for word in asked_words(one, language)})[:400]
        if before != (row.answer, row.language):
            row.vouched = False
        row.review = ""
        row.full_clean(exclude=["words"])
        row.save()
        _cite(row, citations)
        if row.state == State.APPROVED:
            _approve(row, actor)
        audit(
            actor=actor,
            action="preparedanswer.create" if prepared is None else "preparedanswer.update",
            thing=row,
            changes={"questions": len(row.questions), "state": row.state},
            address=address,
        )
    return row


def _cite(row: PreparedAnswer, citations: Sequence[Passage]) -> None:
    kept: list[PreparedCitation] = []
    for one in citations[:CITATIONS]:
        document = Document.objects.filter(pk=one.document_id).first()
        version = document.versions.filter(number=one.version).first() if document else None
        if document is None or version is None or not 0 <= one.start < one.end <= len(version.body):
            raise ValidationError(_("There is no such passage."))
        quote = version.body[one.start : one.end]
        kept.append(
            PreparedCitation(
                prepared=row,
                document=document,
                version=one.version,
                start=one.start,
                end=one.end,
                quote=quote,
            )
        )
    row.citations.all().delete()
    PreparedCitation.objects.bulk_create(kept)


def prepared_decide(
    *, prepared: PreparedAnswer, state: str, actor: User, address: str | None = None
) -> PreparedAnswer:
    """Approve, retire, or make a draft again. What is approved has an answer and says where it stands.

    Raises `ValidationError`.
    """
    if state not in State.values:
        raise ValidationError(_("There is no such state."))
    with transaction.atomic():
        row = PreparedAnswer.objects.select_for_update().get(pk=prepared.pk)
        row.state, row.decided_by, row.review = state, actor, ""
        if state == State.APPROVED:
            _approve(row, actor)
        row.save()
        audit(
            actor=actor,
            action="preparedanswer.decide",
            thing=row,
            changes={"state": state, "vouched": row.vouched},
            address=address,
        )
    return row


def _approve(row: PreparedAnswer, actor: User | None) -> None:
    if not row.answer:
        raise ValidationError({"answer": _("Write the answer first.")})
    if not row.citations.exists():
        raise ValidationError(_("Say where the answer stands: choose at least one passage."))
    row.vouched = not all(_supports(row, _documents(row)))
    row.decided_by = actor or row.decided_by
    row.save(update_fields=["vouched", "decided_by"])


# --- Does it still hold? --------------------------------------------------------------------------------


def prepared_check(row: PreparedAnswer, allowed: QuerySet[Document] | None = None) -> bool:
    """Whether its documents, as they are published now, still say it. What they do not say is put up for review.

    `allowed`: what the reader may find; an answer from other documents is not for them, and stays as it is.
    """
    documents = _documents(row)
    named = {one.document_id for one in row.citations.all()}
    if allowed is not None and named - set(allowed.filter(pk__in=named).values_list("pk", flat=True)):
        return False
    if not named or len(documents) < len(named):
        why = _("A document that it cites was withdrawn or is over.")
    elif row.vouched and not _stands(row, documents):
        why = _("The words that it cites do not stand there any more.")
    elif not row.vouched and not all(_supports(row, documents)):
        why = _("What it cites has changed and does not say this any more.")
    else:
        return True
    PreparedAnswer.objects.filter(pk=row.pk).update(review=why[:200])
    row.review = why
    return False


def _documents(row: PreparedAnswer) -> dict[UUID, Document]:
    named = [one.document_id for one in row.citations.all()]
    found = Document.objects.filter(pk__in=named, withdrawn_at__isnull=True, version__gt=0)
    return {one.pk: one for one in found}


def _stands(row: PreparedAnswer, documents: dict[UUID, Document]) -> bool:
    return all(
        " ".join(one.quote.split()) in " ".join(documents[one.document_id].body.split())
        for one in row.citations.all()
    )


def _supports(row: PreparedAnswer, documents: dict[UUID, Document]) -> list[bool]:
    """For each sentence of the answer, whether a cited passage bears it out: the cited words where the document is as
    it was, else any passage of it."""
    synonyms = list(Synonyms.objects.values_list("words", flat=True)[:2_000])
    evidence: list[Evidence] = []
    for one in row.citations.all():
        document = documents.get(one.document_id)
        if document is None:
            continue
        if document.version == one.version:
            evidence.append(Evidence(one.quote, context=_path(one), synonyms=synonyms))
            continue
        for chunk in Chunk.objects.filter(document=document).defer("search")[:_CHUNKS]:
            evidence.append(Evidence(chunk.text, context=chunk.heading_path, synonyms=synonyms))
    return [
        any(one.supports(sentence).holds for one in evidence) for sentence in sentences_of(row.answer)
    ] or [False]


def _path(one: PreparedCitation) -> str:
    chunk = Chunk.objects.filter(document_id=one.document_id, start__lte=one.start, end__gt=one.start).first()
    return chunk.heading_path if chunk else one.document.title


# --- Serving -----------------------------------------------------------------------------------------


def prepared_found(row: PreparedAnswer) -> list[Found]:
    """What an answer cites, as search would have found it: in today's version where its words stand there."""
    found = []
    for one in row.citations.select_related("document__collection"):
        document = one.document
        at = document.body.find(one.quote)
        same = document.version == one.version or at < 0
        start = one.start if same else at
        found.append(
            Found(
                id=one.pk,
                document_id=document.pk,
                title=document.title,
                collection=document.collection.name,
                path=document.title,
                html="",
                text=one.quote,
                start=start,
                end=start + len(one.quote),
                version=one.version if same else document.version,
                rank=0.0,
                confidence=1.0,
            )
        )
    return found


# --- Reading --------------------------------------------------------------------------------------------


def prepared_listed(state: str = "") -> QuerySet[PreparedAnswer]:
    """Prepared answers with their citations, those that changed last first. Two queries."""
    cited = PreparedCitation.objects.select_related("document").defer("document__body")
    rows = PreparedAnswer.objects.select_related("collection", "edited_by", "decided_by").prefetch_related(
        Prefetch("citations", cited)
    )
    if state == "review":
        rows = rows.exclude(review="")
    elif state:
        rows = rows.filter(state=state)
    return rows.order_by("-changed_at", "-pk")


def prepared_for(user: User, prepared_id: UUID) -> PreparedAnswer:
    """Load one to look after it. `Http404` where they may not."""
    row: Any = None
    if user.may(Permission.KNOWLEDGE_MANAGE):
        row = prepared_listed().filter(pk=prepared_id).first()
    if row is None:
        raise Http404("no such answer")
    return row  # type: ignore[no-any-return]
