"""How good and how fast search over documents is: `--docs FILE --queries FILE`, or `--chunks N` for speed alone.

Documents (`id`, `title`, `content` in Markdown) and questions (`customer_situation`, `relevant_doc_ids`) in JSON Lines.
The documents are saved by the product's own service and searched by its own search, in a database of the bench's own;
a document's place is that of its first passage. Questions are asked one after another, after what was saved has been
read into memory (`read_ms`).

With `--chunks` the texts are made up: words as often as in a language, and questions of three lengths.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from bench.house import House, house_open
from bench.report import Unmeasured, percentile, say

WHAT = "whether search finds the documents that answer, and how soon"

FOUND = 10
WORDS_OF_TEXT = 110
PASSAGES_OF_DOCUMENT = 4
QUESTIONS = 200


def add_options(parser: argparse.ArgumentParser) -> None:
    """Say where documents and questions are."""
    parser.add_argument("--docs", type=Path, help="documents, JSON Lines")
    parser.add_argument("--queries", type=Path, help="situations with the documents they need, JSON Lines")
    parser.add_argument("--chunks", type=int, default=0, help="measure the speed on so many made-up passages")


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Save, search, count. Raises `Unmeasured`."""
    if options.chunks < 0 or bool(options.docs) != bool(options.queries):
        raise Unmeasured("give --docs with --queries, or --chunks, or both")
    if not options.docs and not options.chunks:
        raise Unmeasured("give --docs with --queries, or --chunks, or both")
    documents = _rows(options.docs, ("id", "title", "content")) if options.docs else []
    asked = _rows(options.queries, ("customer_situation", "relevant_doc_ids")) if options.queries else []
    known = {row["id"] for row in documents}
    if any(not set(row["relevant_doc_ids"]) & known for row in asked):
        raise Unmeasured("a question needs documents of which none is among those given")
    with house_open() as house:
        result: dict[str, Any] = {}
        if documents:
            result |= _quality(house, documents, asked)
        if options.chunks:
            result["made_up"] = _speed(house, options.chunks, random.Random(options.seed))
    return result


def _rows(path: Path, needed: Sequence[str]) -> list[dict[str, Any]]:
    try:
        rows = [json.loads(line) for line in path.read_text().splitlines() if line.strip()]
    except (OSError, ValueError) as error:
        raise Unmeasured(str(error)) from error
    if not rows or any(not isinstance(row, dict) or not row.keys() >= set(needed) for row in rows):
        raise Unmeasured(f"{path} has not rows of {', '.join(needed)} alone")
    return rows


# --- Quality --------------------------------------------------------------------------------------------


def _quality(house: House, documents: list[dict[str, Any]], asked: list[dict[str, Any]]) -> dict[str, Any]:
    from knowledge.indexing import searchable
    from knowledge.models import Collection
    from knowledge.search import passages_search
    from knowledge.services import document_save
    from tenants.scope import schema_scope

    with schema_scope(house.schema):
        say(f"saving {len(documents)} documents")
        # Nobody is there to look at what reads as personal data.
        collection = Collection.objects.create(name="Bench", on_private=Collection.OnPrivate.PUBLISH)
        ids: dict[Any, str] = {}
        titles: set[str] = set()
        for row in documents:
            # Two documents of one title are one to the product.
            title = row["title"] if row["title"] not in titles else f"{row['title']} ({row['id']})"
            titles.add(title)
            saved = document_save(collection=collection, title=title[:200], body=row["content"])
            ids[saved.pk] = row["id"]
        passages = sum(one.chunks.count() for one in collection.documents.all())
        first, _read = _timed(lambda: searchable(wait=True))
        took, ranked = [], []
        for row in asked:
            ms, found = _timed(
                lambda text=row["customer_situation"]: passages_search(query=text, limit=FOUND)  # type: ignore[misc]
            )
            took.append(ms)
            ranked.append(list(dict.fromkeys(ids[one.document_id] for one in found)))
        collection.delete()
    needed = [set(row["relevant_doc_ids"]) for row in asked]
    return {
        **figures(ranked, needed),
        "documents": len(documents),
        "passages": passages,
        "questions": len(asked),
        "read_ms": round(first, 1),
        "p50_ms": round(percentile(took, 50), 1),
        "p95_ms": round(percentile(took, 95), 1),
    }


def figures(ranked: Sequence[Sequence[str]], needed: Sequence[set[str]]) -> dict[str, float]:
    """The means over all questions; `ranked`: what was found, best first, `needed`: what should have been."""

    def mean(of_one: Callable[[Sequence[str], set[str]], float]) -> float:
        return round(sum(of_one(*one) for one in zip(ranked, needed, strict=True)) / len(needed), 4)

    def gain(found: Sequence[str], want: set[str]) -> float:
        got = sum(1 / math.log2(place + 1) for place, one in enumerate(found[:FOUND], 1) if one in want)
        return got / sum(1 / math.log2(place + 1) for place in range(1, min(FOUND, len(want)) + 1))

    return {
        "recall_at_5": mean(lambda found, want: len(set(found[:5]) & want) / len(want)),
        "recall_at_10": mean(lambda found, want: len(set(found[:FOUND]) & want) / len(want)),
        "hit_at_10": mean(lambda found, want: float(bool(set(found[:FOUND]) & want))),
        "mrr": mean(
            lambda found, want: next((1 / place for place, one in enumerate(found, 1) if one in want), 0.0)
        ),
        "ndcg_at_10": mean(gain),
    }


# --- Speed ----------------------------------------------------------------------------------------------


def _speed(house: House, chunks: int, lot: random.Random) -> dict[str, Any]:
    from knowledge.indexing import searchable
    from knowledge.search import passages_search
    from tenants.scope import schema_scope

    words = _Words(lot)
    with schema_scope(house.schema):
        say(f"writing {chunks} passages")
        _written(chunks, words)
        say("reading them into memory")
        first, _read = _timed(lambda: searchable(wait=True))
        result: dict[str, Any] = {"passages": chunks, "read_ms": round(first)}
        for name, lengths in {"typed": (2, 5), "question": (8, 20), "situation": (150, 400)}.items():
            took = []
            cpu = time.process_time()
            for _number in range(QUESTIONS):
                query = words.text(lot.randint(*lengths), sentence=14)
                ms, found = _timed(lambda text=query: passages_search(query=text, limit=FOUND))  # type: ignore[misc]
                took.append(ms)
            result[name] = {
                "words": list(lengths),
                "p50_ms": round(percentile(took, 50), 1),
                "p95_ms": round(percentile(took, 95), 1),
                # This process alone, without the database: tells a slow search from a busy machine.
                "cpu_ms": round((time.process_time() - cpu) * 1000 / QUESTIONS, 1),
                "last_found": len(found),
            }
        return result


class _Words:
    """Made-up words, the n-th as often as 1/n: as in a language (Zipf)."""

    def __init__(self, lot: random.Random, many: int = 30_000) -> None:
        self._lot = lot
        syllables = [first + second for first in "bdfgklmnprstvz" for second in "aeiou"]
        made = {"".join(lot.choices(syllables, k=lot.choice((2, 3, 3, 4)))) for _number in range(many)}
        self._words = sorted(made)
        lot.shuffle(self._words)
        total = 0.0
        self._sums = [total := total + 1 / place for place in range(10, len(self._words) + 10)]

    def text(self, length: int, sentence: int = 12) -> str:
        drawn = self._lot.choices(self._words, cum_weights=self._sums, k=length)
        parts = [" ".join(drawn[at : at + sentence]) for at in range(0, length, sentence)]
        return ". ".join(parts) + "."


def _written(chunks: int, words: _Words) -> None:
    """Write documents of four passages each, past the service: what is measured is search."""
    from django.db import connection

    from knowledge.indexing import changed
    from knowledge.models import Chunk, Collection, Document

    def documents(collection: Collection) -> Iterator[Document]:
        for number in range(-(-chunks // PASSAGES_OF_DOCUMENT)):
            title = f"{words.text(5, sentence=5)} {number}"
            yield Document(collection=collection, title=title, body="", sha256="", version=1)

    collection = Collection.objects.create(name="Made up")
    rows = Document.objects.bulk_create(documents(collection), batch_size=1_000)
    Chunk.objects.bulk_create(
        (
            Chunk(
                document=rows[number // PASSAGES_OF_DOCUMENT],
                document_version=1,
                position=number % PASSAGES_OF_DOCUMENT,
                heading_path=f"{rows[number // PASSAGES_OF_DOCUMENT].title} › {words.text(3)}",
                text=words.text(WORDS_OF_TEXT),
                start=0,
                end=0,
            )
            for number in range(chunks)
        ),
        batch_size=1_000,
    )
    changed(collection.pk)
    with connection.cursor() as cursor:
        # As the database does by itself within a minute.
        cursor.execute("ANALYZE knowledge_chunk, knowledge_document")


def _timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """How many milliseconds it took, and what it gave."""
    began = time.perf_counter()
    found = work()
    return (time.perf_counter() - began) * 1000, found
