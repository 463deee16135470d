"""What people who look after documents see: versions, what was held back and why, collections with their figures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Subquery
from django.utils.translation import gettext as _

from engines.redaction.vocabulary import TYPES
from knowledge.models import Collection, Document, DocumentVersion, SearchTestRun

AROUND = 60
SHOWN = 50


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that reads as personal data, with the words around it. `kind`: what it is, for people."""

    kind: str
    before: str
    words: str
    after: str
    start: int
    end: int


def types_named() -> dict[str, str]:
    """The types of personal data with their words for people; a company's own types stand for themselves."""
    return {name: _(kind.label) for name, kind in TYPES.items()}


def private_shown(version: DocumentVersion, types: Mapping[str, str]) -> list[Finding]:
    """What was found in a version, the first 50 of it, for those who decide."""
    body = version.body
    return [
        Finding(
            types.get(name, name),
            body[max(0, start - AROUND) : start].rpartition("\n")[2],
            body[start:end],
            body[end : end + AROUND].partition("\n")[0],
            start,
            end,
        )
        for name, start, end in version.private[:SHOWN]
    ]


def versions_listed(document: Document) -> QuerySet[DocumentVersion]:
    """A document's versions, newest first, without their text. One query."""
    return document.versions.select_related("made_by", "decided_by").defer("body")[:100]


def collections_listed() -> QuerySet[Collection]:
    """All collections with `documents_held`, `waiting` (versions held back) and `worse` (questions, in the last run of
    its tests; None without one). Three queries.
    """
    held = Q(documents__versions__state=DocumentVersion.State.HELD)
    last_run = SearchTestRun.objects.filter(collection=OuterRef("pk"), state=SearchTestRun.State.DONE)
    return (
        Collection.objects.select_related("owner")
        .prefetch_related("teams", "queues")
        .annotate(
            documents_held=Count("documents", filter=Q(documents__withdrawn_at__isnull=True), distinct=True),
            waiting=Count("documents__versions", filter=held, distinct=True),
            worse=Subquery(last_run.values("worse")[:1]),
        )
        .order_by("name")
    )


def documents_cared(collection: Collection) -> QuerySet[Document]:
    """A collection's documents with `passages` and `waits`, without their text; what waits for somebody first."""
    held = DocumentVersion.objects.filter(document=OuterRef("pk"), state=DocumentVersion.State.HELD)
    return (
        Document.objects.filter(collection=collection)
        .defer("body")
        .annotate(passages=Count("chunks"), waits=Exists(held))
        .order_by("-waits", "title", "pk")
    )
