"""Vectors of passages: made by a job from the company's server for them, kept in pgvector, asked by search.

Their table is made when the first server is set, with the length of its vectors, in the company's schema; pgvector
itself is the database's. A database without it searches by words, and the state says why. A vector is known by the
hash of what it was made of, so that a document that was saved anew is asked about where its words changed only.

Only what is published goes out, and of that what reads as personal data does not.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import numpy as np
from django.core.exceptions import EmptyResultSet
from django.db import DatabaseError, connection, transaction
from django.db.models import Count, Max, QuerySet
from django.utils import timezone
from numpy.typing import NDArray

from engines.embeddings import NotEmbedded
from knowledge.models import Document, PreparedAnswer, SearchRevision, VectorState
from knowledge.models.vectors import ONLY
from knowledge.search import wordings
from knowledge.search.indexing import all_changed
from knowledge.text.private import private_masked
from providers.models import SearchServer
from providers.searching import texts_embed
from providers.selectors import search_servers

# A job works so long, then it is others' turn; whoever holds it and says nothing for so long is gone.
SLICE_SECONDS, TAKEN_SECONDS = 45.0, 300.0
AT_ONCE = 256
# After a failure: so long, doubled with each further one.
RETRY_SECONDS, RETRY_LONGEST = 20.0, 900.0
# Iterative scans came with it: without them a filter leaves the index's answer short.
PGVECTOR = (0, 8)
# What is looked at in the index before what may not be found is left out; it goes on from there if that is too little.
LOOKED_AT = 100

# Faults of our own, beside those of servers (`engines.speech.faults`).
NO_PGVECTOR, OLD_PGVECTOR, DIMENSIONS = "no_pgvector", "old_pgvector", "dimensions"

_MAKE = """
    CREATE TABLE knowledge_vector (
        passage_id uuid PRIMARY KEY,
        document_id uuid NOT NULL,
        digest uuid NOT NULL,
        vector halfvec({dimensions:d}) NOT NULL
    );
    CREATE INDEX knowledge_vector_digest ON knowledge_vector (digest);
"""
# Once all are there: building it is a fifth of the work of growing it. Vectors have length 1, so that the inner
# product is the cosine.
_INDEX = """
    CREATE INDEX IF NOT EXISTS knowledge_vector_near ON knowledge_vector USING hnsw (vector halfvec_ip_ops);
"""
_MISSING = """
    SELECT passage.id, passage.document_id, passage.heading_path, passage.text
      FROM knowledge_chunk passage
     WHERE passage.id > %s AND NOT EXISTS (SELECT FROM knowledge_vector v WHERE v.passage_id = passage.id)
     ORDER BY passage.id
     LIMIT %s
"""
_KNOWN = """
    INSERT INTO knowledge_vector (passage_id, document_id, digest, vector)
    SELECT wanted.passage_id, wanted.document_id, wanted.digest, known.vector
      FROM unnest(%s::uuid[], %s::uuid[], %s::uuid[]) wanted (passage_id, document_id, digest),
           LATERAL (SELECT v.vector FROM knowledge_vector v WHERE v.digest = wanted.digest LIMIT 1) known
    ON CONFLICT DO NOTHING
    RETURNING passage_id
"""
_NEW = """
    INSERT INTO knowledge_vector (passage_id, document_id, digest, vector)
    SELECT passage_id, document_id, digest, vector::halfvec
      FROM unnest(%s::uuid[], %s::uuid[], %s::uuid[], %s::text[]) made (passage_id, document_id, digest, vector)
    ON CONFLICT DO NOTHING
"""
_GONE = """
    DELETE FROM knowledge_vector v WHERE NOT EXISTS (SELECT FROM knowledge_chunk c WHERE c.id = v.passage_id)
"""
_COUNTED = """
    SELECT count(*), count(v.passage_id)
      FROM knowledge_chunk passage LEFT JOIN knowledge_vector v ON v.passage_id = passage.id
"""
# Whether a document may be found is looked up for each that the index names, in its order: OFFSET keeps the planner
# from going through all documents first.
_NEAR = """
    SELECT v.passage_id::text, v.document_id::text, -(v.vector <#> %s::halfvec)
      FROM knowledge_vector v
     WHERE EXISTS (SELECT FROM knowledge_chunk c WHERE c.id = v.passage_id OFFSET 0)
       AND EXISTS (SELECT FROM ({allowed}) allowed WHERE allowed.id = v.document_id OFFSET 0)
     ORDER BY v.vector <#> %s::halfvec
     LIMIT %s
"""


@dataclass(frozen=True, slots=True)
class Near:
    """A passage near a question. `similarity`: the cosine, -1 to 1."""

    passage: str
    document: str
    similarity: float


# --- What search asks -----------------------------------------------------------------------------------


def vectors_near(
    vector: NDArray[np.float32], allowed: QuerySet[Document], most: int, *, within_ms: int = 1_000
) -> list[Near]:
    """The passages nearest to a question among the documents that are allowed, nearest first. Two queries.

    Who may find what and what holds is decided within the query, while the index is being walked: a company of whose
    documents few are for this audience gets as many as one that hides none. Raises `DatabaseError`.
    """
    try:
        inside, parameters = allowed.order_by().values("id").query.sql_with_params()
    except EmptyResultSet:
        return []
    text = wordings.as_text(vector)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT set_config('hnsw.iterative_scan', 'strict_order', true),"
            " set_config('hnsw.ef_search', %s, true), set_config('statement_timeout', %s, true)",
            [str(max(LOOKED_AT, most)), str(within_ms)],
        )
        cursor.execute(_NEAR.format(allowed=inside), [text, *parameters, text, most])
        rows = cursor.fetchall()
        if connection.savepoint_ids:
            # Within somebody's transaction it would hold to the end of that.
            cursor.execute("SET LOCAL statement_timeout TO DEFAULT")
    return [Near(passage, document, float(near)) for passage, document, near in rows]


# --- The job --------------------------------------------------------------------------------------------


def vectors_due() -> bool:
    """Whether a job should make vectors in the current company by now. One query where there is no server."""
    server = search_servers().get(SearchServer.Kind.EMBEDDINGS)
    if server is None:
        return False
    state = VectorState.objects.filter(pk=ONLY).first()
    if state is None:
        return True
    now = timezone.now()
    if state.taken_until is not None and state.taken_until > now:
        return False
    if state.mark != server.mark:
        return True
    if state.retry_at is not None and state.retry_at > now:
        return False
    return state.retry_at is not None or state.complete_at is None or state.revisions != _revisions()


def vectors_dispatch() -> None:
    """Have Celery make what is due in the current company. A broker that is away is no error: the sweep comes again."""
    from knowledge.search.tasks import vectors_fill

    try:
        vectors_fill.delay()
    except (OSError, vectors_fill.OperationalError):
        return


def vectors_make(*, within_s: float = SLICE_SECONDS) -> bool:
    """Make vectors of passages that have none for a while; whether there is more to do at once.

    May run twice and be cut off at any time: what is made is kept, who comes next goes on there.
    """
    server = search_servers().get(SearchServer.Kind.EMBEDDINGS)
    state = _take() if server is not None else None
    if server is None or state is None:
        return False
    fields: dict[str, Any] = {}
    try:
        if fault := _table_prepare(server, state):
            fields = _failed(state, fault)
            return False
        fields, more = _filled(server, state, time.monotonic() + within_s)
        return more
    except NotEmbedded as error:
        fault = DIMENSIONS if error.dimensions else str(error.fault)
        fields = _failed(state, fault, number=error.dimensions)
        return False
    except DatabaseError:
        fields = _failed(state, "failed")
        raise
    finally:
        VectorState.objects.filter(pk=ONLY).update(**fields, taken_until=None, changed_at=timezone.now())


def _take() -> VectorState | None:
    """The company's row, for us alone; None where another job is at it."""
    now = timezone.now()
    VectorState.objects.get_or_create(pk=ONLY)
    with transaction.atomic():
        state = VectorState.objects.select_for_update().get(pk=ONLY)
        if state.taken_until is not None and state.taken_until > now:
            return None
        _hold()
    return state


def _hold() -> None:
    until = timezone.now() + timedelta(seconds=TAKEN_SECONDS)
    VectorState.objects.filter(pk=ONLY).update(taken_until=until)


def _failed(state: VectorState, fault: str, *, number: int = 0) -> dict[str, Any]:
    wait = min(RETRY_LONGEST, RETRY_SECONDS * 2.0 ** min(state.failures, 10))
    return {
        "fault": fault,
        "fault_number": number,
        "failures": state.failures + 1,
        "retry_at": timezone.now() + timedelta(seconds=wait),
    }


def _table_prepare(server: SearchServer, state: VectorState) -> str:
    """See that there is a table for this server's vectors; a fault if the database cannot have one."""
    if fault := _pgvector_fault():
        return fault
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass('knowledge_vector') IS NOT NULL")
        there = bool(cursor.fetchone()[0])
        of_wordings = wordings.MAKE.format(dimensions=server.dimensions or 0)
        if there and state.mark == server.mark:
            cursor.execute(of_wordings)
            return ""
        if there:
            cursor.execute("DROP TABLE knowledge_vector")
            cursor.execute(f"DROP TABLE IF EXISTS {wordings.TABLE}")
        cursor.execute(_MAKE.format(dimensions=server.dimensions or 0))
        cursor.execute(of_wordings)
        was_usable = state.complete_at is not None
        state.mark, state.complete_at, state.failures = server.mark, None, 0
        VectorState.objects.filter(pk=ONLY).update(
            mark=server.mark, dimensions=server.dimensions, complete_at=None, done=0, failures=0
        )
        if was_usable:
            all_changed()
    return ""


def _pgvector_fault() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT extversion FROM pg_extension WHERE extname = 'vector'")
        row = cursor.fetchone()
        if row is None:
            try:
                with transaction.atomic():
                    cursor.execute("CREATE EXTENSION IF NOT EXISTS vector SCHEMA public")
            except DatabaseError:
                return NO_PGVECTOR  # not installed, or not for our role to add
            cursor.execute("SELECT extversion FROM pg_extension WHERE extname = 'vector'")
            row = cursor.fetchone()
        cursor.execute("SELECT to_regtype('halfvec') IS NOT NULL")
        if not cursor.fetchone()[0]:
            return OLD_PGVECTOR  # older than 0.7, or in a schema that we do not see
    version = tuple(int(part) for part in row[0].split(".")[:2])
    return "" if version >= PGVECTOR else OLD_PGVECTOR


def _filled(server: SearchServer, state: VectorState, until: float) -> tuple[dict[str, Any], bool]:
    """Make vectors until there are all or the time is over: what to note, and whether there is more to do."""
    revisions = _revisions()
    total, done = _counted()
    last = "00000000-0000-0000-0000-000000000000"
    while True:
        with connection.cursor() as cursor:
            cursor.execute(_MISSING, [last, AT_ONCE])
            rows = cursor.fetchall()
        if not rows:
            break
        last = rows[-1][0]
        _made(server, rows)
        done += len(rows)
        _hold()
        VectorState.objects.filter(pk=ONLY).update(
            done=min(done, total), total=total, fault="", failures=0, retry_at=None, changed_at=timezone.now()
        )
        if time.monotonic() > until:
            return {}, True
    wordings.wordings_fill(server)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_GONE)
        cursor.execute(_INDEX)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE knowledge_vector")
    total, done = _counted()
    noted: dict[str, Any] = {"total": total, "done": done, "revisions": revisions}
    noted |= {"fault": "", "fault_number": 0, "failures": 0, "retry_at": None}
    if state.complete_at is None:
        noted["complete_at"] = timezone.now()
        with transaction.atomic():
            VectorState.objects.filter(pk=ONLY).update(complete_at=noted["complete_at"])
            all_changed()
    return noted, done < total


def _counted() -> tuple[int, int]:
    with connection.cursor() as cursor:
        cursor.execute(_COUNTED)
        total, done = cursor.fetchone()
    return int(total), int(done)


def _made(server: SearchServer, rows: Sequence[Any]) -> None:
    """Vectors for passages (id, document, path, text): those of the same words that are there, the others asked for."""
    digests = [_digest(path, text) for _id, _document, path, text in rows]
    with connection.cursor() as cursor:
        cursor.execute(_KNOWN, [[row[0] for row in rows], [row[1] for row in rows], digests])
        known = {row[0] for row in cursor.fetchall()}
    wanted = [(row, digest) for row, digest in zip(rows, digests, strict=True) if row[0] not in known]
    texts = {digest: private_masked(f"{row[2]}\n{row[3]}") for row, digest in wanted}
    if not wanted:
        return
    vectors = dict(zip(texts, texts_embed(server, list(texts.values())), strict=True))
    with connection.cursor() as cursor:
        cursor.execute(
            _NEW,
            [
                [row[0] for row, _digest in wanted],
                [row[1] for row, _digest in wanted],
                [digest for _row, digest in wanted],
                [wordings.as_text(vectors[digest]) for _row, digest in wanted],
            ],
        )


def _digest(path: str, text: str) -> str:
    # A name for a text, not a proof of it.
    return hashlib.md5(f"{path}\n{text}".encode(), usedforsecurity=False).hexdigest()


def _revisions() -> str:
    """All collections' revisions in one; another one after any change of documents or prepared answers."""
    rows = SearchRevision.objects.exclude(pk=UUID(int=0)).order_by("collection_id")
    told = " ".join(f"{row} {value}" for row, value in rows.values_list("collection_id", "value"))
    prepared = PreparedAnswer.objects.aggregate(n=Count("pk"), last=Max("changed_at"))
    return hashlib.sha256(f"{told} {prepared['n']} {prepared['last']}".encode()).hexdigest()
