"""Vectors of prepared answers' wordings: made by the job that makes those of passages, asked by the same question.

There are few of them, so they are compared one by one, without an index. The words themselves stay where they are.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import numpy as np
from django.core.exceptions import EmptyResultSet
from django.db import connection, transaction
from django.db.models import QuerySet
from numpy.typing import NDArray

from knowledge.models import PreparedAnswer
from knowledge.text.private import private_masked
from providers.models import SearchServer
from providers.searching import texts_embed

TABLE = "knowledge_wording_vector"
MAKE = """
    CREATE TABLE IF NOT EXISTS knowledge_wording_vector (
        prepared_id uuid NOT NULL,
        digest uuid NOT NULL,
        vector halfvec({dimensions:d}) NOT NULL,
        PRIMARY KEY (prepared_id, digest)
    )
"""
_NEW = """
    INSERT INTO knowledge_wording_vector (prepared_id, digest, vector)
    SELECT prepared_id, digest, vector::halfvec
      FROM unnest(%s::uuid[], %s::uuid[], %s::text[]) made (prepared_id, digest, vector)
    ON CONFLICT DO NOTHING
"""
_NEAR = """
    SELECT w.prepared_id, w.digest, -(w.vector <#> %s::halfvec) AS near
      FROM knowledge_wording_vector w
     WHERE w.prepared_id IN ({allowed})
     ORDER BY near DESC
     LIMIT %s
"""
_APART = """
    SELECT max(-(mine.vector <#> other.vector))
      FROM knowledge_wording_vector mine, knowledge_wording_vector other
     WHERE mine.prepared_id = %s AND other.prepared_id <> mine.prepared_id
"""
_AT_ONCE = 256


@dataclass(frozen=True, slots=True)
class NearWording:
    """A wording of an answer near a question, by its `wording_digest`. `similarity`: the cosine, -1 to 1."""

    prepared_id: UUID
    digest: str
    similarity: float


def wordings_near(
    vector: NDArray[np.float32], allowed: QuerySet[PreparedAnswer], most: int, *, within_ms: int = 1_000
) -> list[NearWording]:
    """The wordings nearest to a question among answers that are allowed, nearest first. Two queries.

    Raises `DatabaseError`, also where the job has not made the table yet.
    """
    try:
        inside, parameters = allowed.order_by().values("id").query.sql_with_params()
    except EmptyResultSet:
        return []
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT set_config('statement_timeout', %s, true)", [str(within_ms)])
        cursor.execute(_NEAR.format(allowed=inside), [as_text(vector), *parameters, most])
        rows = cursor.fetchall()
        if connection.savepoint_ids:
            # Within somebody's transaction it would hold to the end of that.
            cursor.execute("SET LOCAL statement_timeout TO DEFAULT")
    return [NearWording(prepared, digest.hex, float(near)) for prepared, digest, near in rows]


def wordings_apart(prepared_id: UUID) -> float:
    """How near another answer's wording comes to any of this one's; -1 where there is no other. One query."""
    with connection.cursor() as cursor:
        cursor.execute(_APART, [prepared_id])
        near = cursor.fetchone()[0]
    return -1.0 if near is None else float(near)


def wordings_fill(server: SearchServer) -> None:
    """Make vectors of the wordings of approved answers that have none, and forget the others.

    May run twice. Raises `NotEmbedded`.
    """
    wanted: dict[tuple[UUID, str], str] = {}
    rows = PreparedAnswer.objects.filter(state=PreparedAnswer.State.APPROVED)
    for prepared_id, questions in rows.values_list("pk", "questions"):
        for wording in questions:
            wanted[prepared_id, wording_digest(wording)] = wording
    with connection.cursor() as cursor:
        cursor.execute("SELECT prepared_id, digest FROM knowledge_wording_vector")
        known = {(prepared_id, digest.hex) for prepared_id, digest in cursor.fetchall()}
        gone = sorted(known - set(wanted))
        cursor.executemany(
            "DELETE FROM knowledge_wording_vector WHERE prepared_id = %s AND digest = %s", gone
        )
    missing = [(key, wording) for key, wording in wanted.items() if key not in known]
    for start in range(0, len(missing), _AT_ONCE):
        _made(server, missing[start : start + _AT_ONCE])


def _made(server: SearchServer, rows: Sequence[tuple[tuple[UUID, str], str]]) -> None:
    # They are questions, and are held against questions: asked about as such.
    vectors = texts_embed(server, [private_masked(wording) for _key, wording in rows], asked=True)
    with connection.cursor() as cursor:
        cursor.execute(
            _NEW,
            [
                [prepared_id for (prepared_id, _digest), _wording in rows],
                [digest for (_prepared_id, digest), _wording in rows],
                [as_text(vector) for vector in vectors],
            ],
        )


def as_text(vector: NDArray[np.float32]) -> str:
    """A vector as the database reads it."""
    return "[" + ",".join(f"{number:.6g}" for number in vector.tolist()) + "]"


def wording_digest(wording: str) -> str:
    """A name for a wording, not a proof of it."""
    return hashlib.md5(wording.encode(), usedforsecurity=False).hexdigest()
