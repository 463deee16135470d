"""Which prepared answer a question is: by its words, then by what it means, then verified; none otherwise."""

from __future__ import annotations

from collections.abc import Sequence

import structlog
from django.db import DatabaseError
from django.db.models import Q, QuerySet

from accounts.errors import error_place
from engines.embeddings import NotEmbedded
from engines.retrieval.matching import ALIKE, LEAD, alike, asked_words, plain, same_figures
from knowledge.answers.prepared import prepared_check
from knowledge.models import Collection, Document, PreparedAnswer
from knowledge.search.hybrid import USED, question_vector
from knowledge.search.searching import Found
from knowledge.search.wordings import wording_digest, wordings_apart, wordings_near

log = structlog.get_logger(__name__)

CANDIDATES = 200
LONGEST = 1_000
# By meaning: at least so near. Models differ in what a cosine means, so the company's own answers are the yardstick
# beside it: a question must be nearer to a wording than any other answer's wordings are to that answer's.
NEAR, BESIDE = 0.75, 20
# Among so many passages of the best there is one that the answer cites.
LED = 3


def _served(collections: QuerySet[Collection]) -> QuerySet[PreparedAnswer]:
    """Approved answers that hold, for who may find these collections. No query."""
    rows = PreparedAnswer.objects.filter(state=PreparedAnswer.State.APPROVED, review="")
    return rows.filter(Q(collection__isnull=True) | Q(collection__in=collections))


def prepared_match(
    *, query: str, documents: QuerySet[Document], collections: QuerySet[Collection]
) -> PreparedAnswer | None:
    """The approved answer to a question, if one was prepared that its documents still say; None otherwise.

    `documents` and `collections`: what the reader may find. Two queries where nothing fits.
    """
    words = asked_words(query)
    if not words or len(query) > LONGEST:
        return None
    rows = (
        _served(collections)
        .filter(words__overlap=words)
        .prefetch_related("citations")
        .order_by("-changed_at")[:CANDIDATES]
    )
    asked = plain(query)
    ranked = sorted(
        (
            (
                max(1.0 if plain(one) == asked else alike(query, one, row.language) for one in row.questions),
                at,
                row,
            )
            for at, row in enumerate(rows)
        ),
        key=lambda one: (-one[0], one[1]),
    )
    for place, (score, _at, row) in enumerate(ranked[:3]):
        behind = ranked[place + 1][0] if place + 1 < len(ranked) else 0.0
        if score >= ALIKE and (score == 1.0 or score - behind >= LEAD) and prepared_check(row, documents):
            return row
    return None


def prepared_meant(
    *, query: str, found: Sequence[Found], documents: QuerySet[Document], collections: QuerySet[Collection]
) -> PreparedAnswer | None:
    """The approved answer to a question in other words, by the company's server of vectors; None without one.

    Verified: the same figures and negation, search leads (`found`) to a place that the answer cites, no other answer is
    as near, and its documents still say it. No query where search had no vectors; three where nothing fits.
    """
    if len(query) > LONGEST or not found or found[0].meaning != USED:
        return None
    try:
        vector = question_vector(query)
        near = [] if vector is None else wordings_near(vector, _served(collections), BESIDE)
    except NotEmbedded:
        return None
    except DatabaseError as error:
        # The table comes with the job's next round.
        log.warning("knowledge.wordings_unread", place=error_place(error))
        return None
    if not near or near[0].similarity < NEAR:
        return None
    best = near[0]
    row = PreparedAnswer.objects.filter(pk=best.prepared_id).prefetch_related("citations").first()
    if row is None or not _led_to(row, found):
        return None
    wording = next((one for one in row.questions if wording_digest(one) == best.digest), "")
    if not wording or not same_figures(query, wording, row.language):
        return None
    if best.similarity <= wordings_apart(row.pk):
        return None
    return row if prepared_check(row, documents) else None


def _led_to(row: PreparedAnswer, found: Sequence[Found]) -> bool:
    """Whether search found a place that the answer cites; in another version, the document."""
    return any(
        one.document_id == cited.document_id
        and (one.version != cited.version or (one.start < cited.end and cited.start < one.end))
        for one in found[:LED]
        for cited in row.citations.all()
    )
