"""What a company can search, in this process's memory, kept in step with its passages.

Each search asks for the revisions of the company's collections: one short query. Where one differs, the documents that
changed are read again. A revision is a number drawn by lot, kept in a row that the change itself locks: it is never
the same after another change, nor after one that was rolled back. What changes passages without saving a document is
found within half a minute.

In memory, because what decides is how the words of one question weigh against all the others: that takes the words of
all passages, a few milliseconds where they lie in arrays, and seconds in tables. The rows that are shown come from the
database, which decides again whether they hold and for whom they are.
"""

from __future__ import annotations

import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from threading import Lock, Thread
from typing import Any
from uuid import UUID

import structlog
from django.db import connection
from django.db.models.signals import post_delete, post_save

from accounts.errors import error_place
from engines.retrieval import Index, Snapshot, Text, TextPassage
from engines.retrieval.words import title_says
from knowledge.models import Chunk, Collection, ConfigField, Document, SearchRevision, Synonyms, VectorState
from knowledge.models.vectors import ONLY
from knowledge.text.lexing import config_of
from providers.models import SearchServer
from providers.selectors import search_servers
from tenants.scope import call_in_schema, current_schema

log = structlog.get_logger(__name__)

# How long the passages may differ from what the revisions say.
TRUSTED_SECONDS = 30.0
# More passages than that take longer to read than a search may take: some 0.2 ms each.
AT_ONCE = 3_000
# What this process keeps of all companies together, the latest asked first.
KEPT_PASSAGES = 400_000
# Beyond these a company's list is no list any more, and each search would take the time of reading it.
SYNONYM_GROUPS = 2_000
_BATCH = 500

_STATE = """
    SELECT document.id::text, collection.language,
           concat_ws(' ', document.version, count(passage.id), min(passage.id::text))
      FROM knowledge_document document
      JOIN knowledge_collection collection ON collection.id = document.collection_id
      JOIN knowledge_chunk passage ON passage.document_id = document.id
     GROUP BY document.id, collection.language
"""
_TITLES = """
    SELECT document.id::text, document.title,
           (SELECT array_agg(place::text || ' ' || word.lexeme)
              FROM unnest(to_tsvector(%(config)s::regconfig, document.title)) word, unnest(word.positions) place)
      FROM knowledge_document document
     WHERE document.id = ANY(%(documents)s::uuid[])
"""
# One character a word for how often it stands there: arrays of numbers take four times as long to read.
_PASSAGES = """
    SELECT passage.document_id::text, passage.id::text, words.lexemes, words.counts, headings.lexemes, headings.counts
      FROM knowledge_chunk passage
      JOIN knowledge_document document ON document.id = passage.document_id,
           LATERAL (SELECT string_agg(lexeme, chr(31)) lexemes,
                           string_agg(chr(48 + least(cardinality(positions), 70)), '') counts
                      FROM unnest(to_tsvector(%(config)s::regconfig, passage.text))) words,
           LATERAL (SELECT string_agg(lexeme, chr(31)) lexemes,
                           string_agg(chr(48 + least(cardinality(positions), 70)), '') counts
                      FROM unnest(to_tsvector(%(config)s::regconfig,
                                  substr(passage.heading_path, length(document.title) + 1)))) headings
     WHERE passage.document_id = ANY(%(documents)s::uuid[])
     ORDER BY passage.document_id, passage.position
"""


@dataclass(slots=True)
class _Company:
    """What is kept of a company. `lock` is held by who brings it up to date."""

    lock: Lock = field(default_factory=Lock)
    revisions: dict[str, int] | None = None
    checked: float = 0.0
    states: dict[str, tuple[str, str]] = field(default_factory=dict)
    indexes: dict[str, Index] = field(default_factory=dict)
    snapshots: dict[str, Snapshot] = field(default_factory=dict)
    synonyms: list[list[str]] = field(default_factory=list)
    servers: dict[str, SearchServer] = field(default_factory=dict)
    passages: int = 0

    @property
    def is_read(self) -> bool:
        return self.revisions is not None


# Stands for what all collections share.
_OF_ALL = UUID(int=0)

_companies: OrderedDict[str, _Company] = OrderedDict()
_companies_lock = Lock()


@dataclass(frozen=True, slots=True)
class Searchable:
    """What a company can search, by the language of its collections, and its groups of words of one meaning.

    `is_read`: whether it was read since this process began; where it was not, the database is asked. `servers`: those
    that search asks besides, by what they do; one for vectors only when the passages have theirs.
    """

    snapshots: dict[str, Snapshot]
    synonyms: list[list[str]]
    is_read: bool
    servers: dict[str, SearchServer]


def searchable(*, wait: bool = False) -> Searchable:
    """What the company of this schema can search, as it is now. One query if nothing changed.

    A few thousand passages are read at once. More are read by a thread of their own, unless the caller will `wait`:
    until it is done there is what was there before, or nothing yet (`is_read`).
    """
    schema = current_schema()
    company = _company(schema)
    revisions = {
        str(row): value for row, value in SearchRevision.objects.values_list("collection_id", "value")
    }
    stale = time.monotonic() - company.checked > TRUSTED_SECONDS
    if (revisions != company.revisions or stale) and company.lock.acquire(blocking=wait):
        # Another thread may have read it in the meantime.
        if revisions == company.revisions and time.monotonic() - company.checked <= TRUSTED_SECONDS:
            company.lock.release()
        else:
            _catch_up(schema, company, revisions, wait=wait)
    return Searchable(dict(company.snapshots), company.synonyms, company.is_read, company.servers)


def _catch_up(schema: str, company: _Company, revisions: dict[str, int], *, wait: bool) -> None:
    """Read what changed; the lock is held, and given back by who reads."""
    beside = False
    try:
        states = _states()
        changed = {key for key, state in states.items() if company.states.get(key) != state}
        many = sum(int(states[key][1].split()[1]) for key in changed)
        # One changed document of a large company costs what weighing all its words anew does.
        beside = max(many, company.passages // 4) > AT_ONCE and not wait
        if beside:
            start_beside(lambda: _read_beside(schema, company, revisions))
        else:
            _update(company, states, revisions)
    finally:
        if not beside:
            company.lock.release()
    _forget_beyond()


def _read_beside(schema: str, company: _Company, revisions: dict[str, int]) -> None:
    try:
        call_in_schema(schema, lambda: _update(company, _states(), revisions))
    except Exception as error:
        log.warning("knowledge.unread", schema=schema, place=error_place(error))
    finally:
        company.lock.release()


def start_beside(work: Callable[[], None]) -> None:
    """Do it in a thread of its own, which ends with the process."""
    Thread(target=work, name="knowledge-reading", daemon=True).start()


def _company(schema: str) -> _Company:
    with _companies_lock:
        company = _companies.setdefault(schema, _Company())
        _companies.move_to_end(schema)
        return company


def forget() -> None:
    """Give up all that is kept, as if the process began."""
    with _companies_lock:
        _companies.clear()


def _forget_beyond() -> None:
    """Give up the companies that were asked longest ago while there are too many passages."""
    with _companies_lock:
        while len(_companies) > 1 and sum(one.passages for one in _companies.values()) > KEPT_PASSAGES:
            _companies.popitem(last=False)


def _states() -> dict[str, tuple[str, str]]:
    """The language and the state of each document that has passages; the state's second word is how many."""
    with connection.cursor() as cursor:
        cursor.execute(_STATE)
        return {key: (language, state) for key, language, state in cursor.fetchall()}


def _update(company: _Company, states: dict[str, tuple[str, str]], revisions: dict[str, int]) -> None:
    changed = {key for key, state in states.items() if company.states.get(key) != state}
    gone = [key for key, state in company.states.items() if states.get(key) != state]
    touched = set()
    for key in gone:
        language = company.states[key][0]
        company.indexes[language].drop(key)
        touched.add(language)
    by_language = sorted((states[key][0], key) for key in changed)
    for language, rows in groupby(by_language, key=lambda row: row[0]):
        index = company.indexes.setdefault(language, Index())
        for text in texts_read([key for _language, key in rows], language):
            index.put(text)
        touched.add(language)
    for language in touched:
        if len(company.indexes[language]):
            company.snapshots[language] = company.indexes[language].snapshot()
        else:
            del company.indexes[language]
            company.snapshots.pop(language, None)
    company.states = states
    company.synonyms = list(Synonyms.objects.values_list("words", flat=True)[:SYNONYM_GROUPS])
    company.servers = _servers()
    company.passages = sum(int(state.split()[1]) for _language, state in states.values())
    company.revisions, company.checked = revisions, time.monotonic()


def _servers() -> dict[str, SearchServer]:
    servers = search_servers()
    vectors = servers.get(SearchServer.Kind.EMBEDDINGS)
    if vectors is not None:
        whole = VectorState.objects.filter(pk=ONLY, mark=vectors.mark, complete_at__isnull=False)
        if not whole.exists():
            del servers[SearchServer.Kind.EMBEDDINGS]
    return servers


def texts_read(keys: Sequence[str], language: str) -> Iterator[Text]:
    """Documents as they are searched. Two queries for each 500."""
    for start in range(0, len(keys), _BATCH):
        given: dict[str, Any] = {
            "config": config_of(language),
            "documents": list(keys[start : start + _BATCH]),
        }
        with connection.cursor() as cursor:
            cursor.execute(_TITLES, given)
            titles = {key: (title, words or []) for key, title, words in cursor.fetchall()}
            cursor.execute(_PASSAGES, given)
            rows = cursor.fetchall()
        for key, of_document in groupby(rows, key=lambda row: row[0]):
            if key not in titles:
                continue  # it was deleted between the two
            title, words = titles[key]
            says = title_says(title, language)
            yield Text(
                key=key,
                title={int(place): word for place, _space, word in (one.partition(" ") for one in words)},
                passages=[
                    TextPassage(passage, _counted(*texts), _counted(*headings))
                    for _key, passage, texts, headings in (
                        (row[0], row[1], row[2:4], row[4:6]) for row in of_document
                    )
                ],
                for_the_house=says.for_the_house,
                overview=says.overview,
            )


def _counted(words: str | None, counts: str | None) -> dict[str, int]:
    if not words or not counts:
        return {}
    return dict(zip(words.split("\x1f"), (ord(count) - 48 for count in counts), strict=True))


# --- Changes --------------------------------------------------------------------------------------------


def changed(collection_id: Any) -> None:
    """Have every process read again what changed in a collection. To be called within the change's transaction."""
    SearchRevision.objects.bulk_create(
        [SearchRevision(collection_id=collection_id, value=secrets.randbits(62))],
        update_conflicts=True,
        unique_fields=["collection_id"],
        update_fields=["value"],
    )


def all_changed() -> None:
    """Have every process look again at what all collections share. Within the change's transaction."""
    changed(_OF_ALL)


def _document_changed(instance: Document, **_signal: Any) -> None:
    changed(instance.collection_id)


def _collection_changed(instance: Collection, *, created: bool = False, **_signal: Any) -> None:
    if not created:
        passages = Chunk.objects.filter(document__collection_id=instance.pk)
        config = config_of(instance.language)
        passages.exclude(config=ConfigField.named(config)).update(config=config)
    changed(instance.pk)


def _shared_changed(**_signal: Any) -> None:
    all_changed()


def connect() -> None:
    """Follow what changes documents, whoever does."""
    for signal in (post_save, post_delete):
        signal.connect(_document_changed, sender=Document, dispatch_uid=f"search-document-{id(signal)}")
        signal.connect(_shared_changed, sender=Synonyms, dispatch_uid=f"search-synonyms-{id(signal)}")
        signal.connect(_shared_changed, sender=SearchServer, dispatch_uid=f"search-server-{id(signal)}")
        signal.connect(_collection_changed, sender=Collection, dispatch_uid=f"search-collection-{id(signal)}")
