"""How good and how fast search over documents is: `--docs FILE --queries FILE`, or `--chunks N` for speed alone.
With `--answers N` also how soon the first cited sentence of an answer is there (`bench.answers`).

Documents (`id`, `title`, `content` in Markdown) and questions (`customer_situation`, `relevant_doc_ids`) in JSON Lines.
The documents are saved by the product's own service and searched by its own search, in a database of the bench's own;
a document's place is that of its first passage. Questions are asked one after another, after what was saved has been
read into memory (`read_ms`).

With `--chunks` the texts are made up: words as often as in a language, and questions of three lengths.

With `--provider` (the address of a server that speaks OpenAI's `/embeddings`, its key in `BENCH_PROVIDER_KEY`, or
`loopback` for one without a model) everything is measured by words alone and again with vectors. The loopback's vectors
are made of the words themselves: its figures say how fast the way is, and nothing about what a model would find.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.answers import answers_measure
from bench.house import House, house_open
from bench.report import Unmeasured, percentile, say
from bench.vectors import vectors_server

WHAT = "whether search finds the documents that answer, and how soon"

FOUND = 10
WORDS_OF_TEXT = 110
PASSAGES_OF_DOCUMENT = 4
QUESTIONS = 200
WARM = 5


def add_options(parser: argparse.ArgumentParser) -> None:
    """Say where documents and questions are."""
    parser.add_argument("--docs", type=Path, help="documents, JSON Lines")
    parser.add_argument("--queries", type=Path, help="situations with the documents they need, JSON Lines")
    parser.add_argument("--provider", default="", help="a server of vectors: its address, or loopback")
    parser.add_argument("--provider-model", default="words", help="the model that it is asked for")
    parser.add_argument("--dimensions", type=int, default=384, help="how many numbers its vectors have")
    parser.add_argument("--answers", type=int, default=0, help="ask for so many composed answers, too")
    parser.add_argument("--first-ms", type=float, default=200.0, help="until the chat model's first word")
    parser.add_argument("--word-ms", type=float, default=10.0, help="from word to word of it")
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
    with ExitStack() as open_now:
        house = open_now.enter_context(house_open())
        provider = None
        if options.provider:
            address = options.provider
            if address == "loopback":
                address = open_now.enter_context(vectors_server(options.dimensions))
            provider = Provider(address, options.provider_model, options.dimensions)
        result: dict[str, Any] = {}
        if documents:
            result |= _quality(house, documents, asked, provider, options)
        if options.chunks:
            result["made_up"] = _speed(house, options.chunks, random.Random(options.seed), provider, options)
        if provider is not None:
            result["provider"] = {"model": provider.model, "dimensions": provider.dimensions}
    return result


@dataclass(frozen=True)
class Provider:
    """A server of vectors."""

    address: str
    model: str
    dimensions: int

    def set_up(self) -> Any:
        """Have the company use it. Returns its row."""
        from django.test.utils import override_settings

        from providers.services import search_server_create

        # The address is the bench's own choice.
        override_settings(PROVIDER_ALLOW_PRIVATE_URLS=True).enable()
        return search_server_create(
            kind="embeddings",
            name="Bench",
            base_url=self.address,
            model=self.model,
            dimensions=self.dimensions,
            secret=os.environ.get("BENCH_PROVIDER_KEY", ""),
        )


def _rows(path: Path, needed: Sequence[str]) -> list[dict[str, Any]]:
    try:
        rows = [json.loads(line) for line in path.read_text().splitlines() if line.strip()]
    except (OSError, ValueError) as error:
        raise Unmeasured(str(error)) from error
    if not rows or any(not isinstance(row, dict) or not row.keys() >= set(needed) for row in rows):
        raise Unmeasured(f"{path} has not rows of {', '.join(needed)} alone")
    return rows


# --- Quality --------------------------------------------------------------------------------------------


def _quality(
    house: House,
    documents: list[dict[str, Any]],
    asked: list[dict[str, Any]],
    provider: Provider | None,
    options: argparse.Namespace,
) -> dict[str, Any]:
    from knowledge.documents.services import document_save
    from knowledge.models import Collection
    from knowledge.search.indexing import searchable
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
        needed = [set(row["relevant_doc_ids"]) for row in asked]
        texts = [row["customer_situation"] for row in asked]
        result = _asked(texts, needed, ids)
        if provider is not None:
            say("making vectors")
            server = provider.set_up()
            filled_ms, _done = _timed(_vectors_fill)
            result = {"words_alone": result, "filled_ms": round(filled_ms), **_asked(texts, needed, ids)}
            server.delete()
        result |= _answers(options)
        collection.delete()
    return {
        **result,
        "documents": len(documents),
        "passages": passages,
        "questions": len(asked),
        "read_ms": round(first, 1),
    }


def _asked(texts: Sequence[str], needed: Sequence[set[str]], ids: dict[Any, str]) -> dict[str, Any]:
    """How good and how fast the answers to all questions are."""
    from knowledge.search.searching import passages_search

    took, ranked, meanings = [], [], Counter[str]()
    for text in texts:
        ms, found = _timed(lambda text=text: passages_search(query=text, limit=FOUND))  # type: ignore[misc]
        took.append(ms)
        ranked.append(list(dict.fromkeys(ids[one.document_id] for one in found)))
        meanings.update(one.meaning for one in found[:1])
    result: dict[str, Any] = {
        **figures(ranked, needed),
        "p50_ms": round(percentile(took, 50), 1),
        "p95_ms": round(percentile(took, 95), 1),
    }
    # How many were answered with vectors, and why the others were not.
    return result | ({"meaning": dict(meanings)} if set(meanings) - {""} else {})


def _vectors_fill() -> None:
    from knowledge.search.progress import vectors_progress
    from knowledge.search.vectors import vectors_make

    while vectors_make():
        pass
    progress = vectors_progress()
    if progress.state != "ready":
        raise Unmeasured(progress.words)


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


def _speed(
    house: House, chunks: int, lot: random.Random, provider: Provider | None, options: argparse.Namespace
) -> dict[str, Any]:
    from knowledge.search.indexing import searchable
    from tenants.scope import schema_scope

    words = _Words(lot)
    with schema_scope(house.schema):
        say(f"writing {chunks} passages")
        _written(chunks, words)
        say("reading them into memory")
        first, now = _timed(lambda: searchable(wait=True))
        result: dict[str, Any] = {
            "passages": chunks,
            "read_ms": round(first),
            "arrays_mb": round(sum(one.bytes_kept for one in now.snapshots.values()) / 1e6, 1),
            **_questions(words, lot),
        }
        if provider is not None:
            say("writing vectors")
            server = provider.set_up()
            written, _done = _timed(lambda: _vectors_written(server, provider.dimensions))
            searchable(wait=True)
            result["vectors"] = {"written_ms": round(written), **_questions(words, lot)}
        return result | _answers(options)


def _answers(options: argparse.Namespace) -> dict[str, Any]:
    if not options.answers:
        return {}
    say(f"asking for {options.answers} answers")
    lot = random.Random(options.seed)
    return {"answers": answers_measure(options.answers, lot, options.first_ms, options.word_ms)}


class _Waited:
    """How long the database was waited for."""

    ms = 0.0

    def __call__(self, execute: Callable[..., Any], *given: Any) -> Any:
        took, answer = _timed(lambda: execute(*given))
        self.ms += took
        return answer


def _questions(words: _Words, lot: random.Random) -> dict[str, Any]:
    from django.db import connection

    from knowledge.search.searching import passages_search

    result: dict[str, Any] = {}
    for name, lengths in {"typed": (2, 5), "question": (8, 20), "situation": (150, 400)}.items():
        took, cpu = [], []
        meanings = Counter[str]()
        texts = [words.text(lot.randint(*lengths), sentence=14) for _number in range(QUESTIONS + WARM)]
        for text in texts[:WARM]:
            passages_search(query=text, limit=FOUND)
        waited = _Waited()
        with connection.execute_wrapper(waited):
            for text in texts[WARM:]:
                began = time.process_time()
                ms, found = _timed(lambda text=text: passages_search(query=text, limit=FOUND))  # type: ignore[misc]
                cpu.append(1000 * (time.process_time() - began))
                took.append(ms)
                meanings.update(one.meaning for one in found[:1])
        result[name] = {
            "words": list(lengths),
            "p50_ms": round(percentile(took, 50), 1),
            "p95_ms": round(percentile(took, 95), 1),
            # This process alone, without the database: tells a slow search from a busy machine.
            "cpu_ms": round(sum(cpu) / len(cpu), 1),
            "cpu_p95_ms": round(percentile(cpu, 95), 1),
            "database_ms": round(waited.ms / QUESTIONS, 1),
            "last_found": len(found),
        }
        if set(meanings) - {""}:
            result[name]["meaning"] = dict(meanings)
    return result


def _vectors_written(server: Any, dimensions: int) -> None:
    """Vectors for all passages, past the server: some thousand requests would measure the loopback."""
    import numpy as np
    from django.db import connection

    from knowledge.models import Chunk, VectorState
    from knowledge.search.vectors import vectors_make

    lot = np.random.default_rng(1)
    # The table is made by the job, which has no time for more than one round.
    vectors_make(within_s=0.0)
    ids = list(Chunk.objects.values_list("pk", "document_id"))
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE knowledge_vector")
        with cursor.copy(
            "COPY knowledge_vector (passage_id, document_id, digest, vector) FROM STDIN"
        ) as copy:
            for passage, document in ids:
                # Near one of a thousand middles, as texts are about something.
                middle = np.random.default_rng(passage.int % 1_000).standard_normal(dimensions)
                vector = middle + 0.7 * lot.standard_normal(dimensions)
                vector /= np.linalg.norm(vector)
                told = ",".join(f"{number:.4f}" for number in vector)
                copy.write_row((passage, document, passage, f"[{told}]"))
    VectorState.objects.update(done=len(ids), total=len(ids))
    say("indexing them")
    _vectors_fill()


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

    from knowledge.models import Chunk, Collection, Document
    from knowledge.search.indexing import changed

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
