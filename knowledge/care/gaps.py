"""Gaps: questions that nothing answered, sorted into groups of one matter, and what becomes of each group."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection as Keys
from datetime import datetime, timedelta
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.services import audit
from engines.retrieval.words import talk
from engines.upkeep.questions import groups, middle
from knowledge.care.tests_services import search_test_save
from knowledge.documents.services import TITLE_LENGTH, document_save
from knowledge.models import Collection, Document, Gap, GapQuestion, KnowledgeQuestion
from tenants.locks import held_alone

Asked = KnowledgeQuestion.State

# So many of the latest questions are looked at, and those of known gaps by their latest.
LATEST = 3_000
OF_GAP = 20
GAPS_MOST = 1_000
SINCE = timedelta(days=90)
LABEL_LENGTH = 300
# A gap that was answered and is asked about again so often is none the less one.
AGAIN = 3


def gaps_sort() -> int:
    """Sort the questions without an answer into gaps. Returns how many gaps are open.

    Each language by itself. A question that joined a gap stays in it; one that stands alone is looked at again.
    """
    with held_alone("knowledge.gaps") as mine:
        if mine:
            open_ones = KnowledgeQuestion.objects.filter(
                answered=False, state=Asked.OPEN, asked_at__gte=timezone.now() - SINCE
            ).exclude(text="")
            languages = open_ones.order_by().values_list("language", flat=True).distinct()
            for short in sorted({_short(one) for one in languages}):
                rows = [
                    row
                    for row in open_ones.order_by("-asked_at", "-id")[: 2 * LATEST]
                    if _short(row.language) == short
                ]
                _sort(short, rows[:LATEST])
    return Gap.objects.filter(state=Gap.State.OPEN).count()


def _short(language: str) -> str:
    return language.lower().split("-")[0]


def _sort(language: str, rows: list[KnowledgeQuestion]) -> None:
    gaps = list(Gap.objects.filter(language=language).order_by("-last_at")[:GAPS_MOST])
    number = {gap.pk: place for place, gap in enumerate(gaps)}
    of_gap: defaultdict[int, list[str]] = defaultdict(list)
    members = (
        GapQuestion.objects.filter(gap__in=gaps).select_related("question").order_by("-question__asked_at")
    )
    for member in members:
        if len(of_gap[number[member.gap_id]]) < OF_GAP and member.question.text:
            of_gap[number[member.gap_id]].append(member.question.text)
    # A gap whose questions were forgotten is still known by its label.
    for gap in gaps:
        of_gap[number[gap.pk]] = of_gap[number[gap.pk]] or [gap.label]
    known = [(text, group) for group, texts in of_gap.items() for text in texts]
    says_nothing = talk(language or "en")
    asked = list(reversed(rows))
    found = groups(
        [text for text, _group in known] + [row.text for row in asked],
        [group for _text, group in known] + [None] * len(asked),
        says_nothing,
    )[len(known) :]
    joined: defaultdict[int, list[KnowledgeQuestion]] = defaultdict(list)
    for row, group in zip(asked, found, strict=True):
        if group is not None:
            joined[group].append(row)
    for group, its in joined.items():
        _join(gaps[group] if group < len(gaps) else None, language, its, says_nothing)


def _join(gap: Gap | None, language: str, rows: list[KnowledgeQuestion], says_nothing: list[str]) -> None:
    times = [row.asked_at for row in rows]
    with transaction.atomic():
        if gap is None:
            texts = [row.text for row in rows]
            label = texts[middle(texts, says_nothing)][:LABEL_LENGTH]
            gap = Gap(label=label, language=language, first_at=min(times), last_at=max(times))
        else:
            gap = Gap.objects.select_for_update().get(pk=gap.pk)
            gap.first_at, gap.last_at = min([gap.first_at, *times]), max([gap.last_at, *times])
        gap.count += len(rows)
        if gap.state == Gap.State.SETTLED and gap.decided_at is not None:
            since = gap.members.filter(question__asked_at__gt=gap.decided_at).count()
            since += sum(time > gap.decided_at for time in times)
            if since >= AGAIN:
                gap.state = Gap.State.OPEN
        gap.save()
        GapQuestion.objects.bulk_create(
            [GapQuestion(question=row, gap=gap) for row in rows], ignore_conflicts=True
        )
        state = Asked.IN_GAP if gap.state == Gap.State.OPEN else Asked.SETTLED
        KnowledgeQuestion.objects.filter(pk__in=[row.pk for row in rows]).update(state=state)


def gap_decide(
    *, gap: Gap, state: str, actor: User, document: Document | None = None, address: str | None = None
) -> Gap:
    """Answer a gap by a document (`settled`), leave it as it is (`ignored`), or open it again.

    The gap's question becomes a test of the document's collection: it shows whether search finds it. Raises
    `ValidationError`.
    """
    if state not in Gap.State.values:
        raise ValidationError({"state": "there is no such state"})
    with transaction.atomic():
        row = Gap.objects.select_for_update().get(pk=gap.pk)
        row.state = Gap.State(state)
        row.document = document if state == Gap.State.SETTLED else None
        row.decided_by, row.decided_at = (None, None) if state == Gap.State.OPEN else (actor, timezone.now())
        row.save()
        KnowledgeQuestion.objects.filter(in_gap__gap=row).update(
            state=Asked.IN_GAP if state == Gap.State.OPEN else Asked.SETTLED
        )
        if row.document is not None:
            search_test_save(
                collection=row.document.collection,
                question=row.label,
                documents=[row.document],
                actor=actor,
                address=address,
            )
        audit(
            actor=actor,
            action="gap.decide",
            thing=row,
            changes={"state": state, "document": str(document.pk) if document else None},
            address=address,
        )
    return row


def gap_answer(
    *, gap: Gap, collection: Collection, text: str, actor: User, address: str | None = None
) -> Document:
    """Write the answer to a gap: a document of the collection, called by the gap's question, which settles the gap.

    Where its text reads as personal data it waits as any other does, and the gap is settled all the same. Raises
    `ValidationError`: no words, or the collection has a document of this title.
    """
    title = gap.label[:TITLE_LENGTH].strip()
    if not text.strip():
        raise ValidationError({"answer": _("Write the answer.")})
    with transaction.atomic():
        if collection.documents.filter(title=title).exists():
            raise ValidationError(
                {"answer": _("This collection has a document of this title. Change that one.")}
            )
        document = document_save(collection=collection, title=title, body=text, actor=actor)
        gap_decide(gap=gap, state=Gap.State.SETTLED, document=document, actor=actor, address=address)
    return document


def gaps_unsay(conversation_id: UUID) -> None:
    """The words of a conversation went or were hidden (after `usage.questions_unsay`): no gap is called by them."""
    _call_anew(Gap.objects.filter(members__question__conversation_id=conversation_id).distinct())


def gaps_forget(before: datetime, kept: Keys[UUID]) -> int:
    """What was asked before a time is forgotten (after `usage.questions_forget`). Returns how many gaps went."""
    return _call_anew(Gap.objects.filter(first_at__lt=before))


def _call_anew(gaps: QuerySet[Gap]) -> int:
    """Call gaps by a question that is still there; one of which none is left goes. Returns how many went."""
    gone = 0
    for gap in gaps:
        rows = KnowledgeQuestion.objects.filter(in_gap__gap=gap).exclude(text="").order_by("-asked_at")
        texts = list(rows.values_list("text", flat=True)[:OF_GAP])
        if not texts:
            gap.delete()
            gone += 1
        elif gap.label not in {text[:LABEL_LENGTH] for text in texts}:
            gap.label = texts[middle(texts, talk(gap.language or "en"))][:LABEL_LENGTH]
            gap.save(update_fields=["label"])
    return gone
