"""Search over passages: what was asked is read, the passages are ranked, and the rows that hold are loaded.

`engines.retrieval` ranks; what is in quotes or has a minus is left to the database's text search, which knows what
stands side by side.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from django.contrib.postgres.search import SearchHeadline, SearchQuery, SearchRank
from django.db.models import F, Func, QuerySet, TextField, Value

from engines.language.marking import BEGIN, END, clean, headline_html
from engines.retrieval import Hit, Question, Snapshot, rank
from engines.retrieval.confidence import Evidence, confidence, evidence_of
from engines.retrieval.sentences import Asked, read
from engines.retrieval.spelling import corrected
from engines.retrieval.synonyms import widened
from engines.retrieval.words import talk
from knowledge.documents.selectors import documents_valid
from knowledge.models import Chunk, Collection, ConfigField, Document
from knowledge.search.hybrid import JUDGED, USED, hits_fused, judged, meaning_begin, meaning_near
from knowledge.search.indexing import searchable
from knowledge.text.lexing import config_of, lexemes, talk_lexemes
from knowledge.text.markdown import unlinked
from providers.models import SearchServer

HEADLINE_WORDS = 60
# Weights of D, C, B and A: a heading counts three times as much as the text under it.
WEIGHTS = [0.1, 0.2, 0.33, 1.0]
# Of one document, where a few words were typed. What was said at length is about several things: one of each.
OF_ONE = 3
# So many documents (or parts of long ones) are looked into at first, and at most.
RANKED, RANKED_MOST = 32, 10_000
# What stands around a question says what it is about, and is not asked itself.
CONTEXT_WEIGHT = 0.4
_CONTEXT_SENTENCES = 12
_APART = 10
_TALK = frozenset(talk("en"))
_MARKED_WORDS = 32
# What was typed last may be the beginning of a word; so many that begin so are tried.
_BEGINNINGS, _BEGINNING_WEIGHT, _BEGINNING_LETTERS = 5, 0.6, 2
_CORRECTED_WEIGHT = 0.8
_MEANT_WORDS = 3


@dataclass(frozen=True, slots=True)
class Found:
    """A passage that was found. `html`: the part that matches, safe, with marks; `start`/`end`: in the body.

    `rank` compares within one search only; `covers`: what share of the question's words it has, 0 to 1; `confidence`:
    how likely it answers the question, 0 to 1, by what speaks for it (`evidence`; None and 0 where the database
    ranked). `meaning`: what the search had of the company's servers: "" (it has none), "used", or why words alone
    answered (`hybrid`); `similarity`: the cosine of the passage's vector with the question's, None where it was not
    compared.
    """

    id: UUID
    document_id: UUID
    title: str
    collection: str
    path: str
    html: str
    text: str
    start: int
    end: int
    version: int
    rank: float
    covers: float = 1.0
    confidence: float = 0.0
    evidence: Evidence | None = None
    meaning: str = ""
    similarity: float | None = None


def passages_search(
    *,
    query: str,
    limit: int = 5,
    context: Sequence[str] = (),
    documents: QuerySet[Document] | None = None,
    typing: bool = False,
) -> list[Found]:
    """Find the passages that answer best, best first. Three queries once the company's passages are in memory.

    `query` is what was typed or said, up to 10,000 characters: a few words, a question, a whole situation. In what was
    typed, "a phrase" stands together and -this is left out. `context`: what was said before, the latest last; it says
    what the question is about. `documents`: which may be found; those that hold today if none are named. `typing`: the
    last word may be the beginning of one.
    """
    asked = read(clean(query))
    if asked.is_empty or limit < 1:
        return []
    allowed = documents_valid() if documents is None else documents
    if asked.phrases or asked.without:
        return _by_database(clean(query).replace("\x00", "").strip(), limit, allowed)
    now = searchable()
    if not now.is_read:
        return _while_reading(asked, limit, allowed)
    questions = {
        language: _question(asked, context, language, snapshot, now.synonyms, typing=typing)
        for language, snapshot in now.snapshots.items()
    }
    marked = {
        language: _marked(question, now.snapshots[language]) for language, question in questions.items()
    }
    few = asked.typed and all(question.is_short for question in questions.values())
    # Half a word means nothing yet.
    servers = {} if typing and len(query.split()) < _MEANT_WORDS else now.servers
    meaning = meaning_begin(servers, clean(query), [clean(said) for said in context])
    wanted = max(limit, JUDGED) if SearchServer.Kind.RERANK in servers else limit
    units = max((snapshot.units for snapshot in now.snapshots.values()), default=0)
    most = max(RANKED, limit * 4)
    while True:
        hits = [
            (hit, language)
            for language, question in questions.items()
            for hit in rank(now.snapshots[language], question, most)
        ]
        hits.sort(key=lambda one: -one[0].score)
        near = meaning_near(meaning, allowed)
        both = hits_fused(hits, near, questions, now.snapshots, by_text=not few) if near else hits
        found = _loaded(_spread(both, OF_ONE if few else 1), wanted, allowed, marked)
        # Most of what was found may be for others, or hold no more.
        if len(found) == wanted or len(hits) < most or most >= min(units, RANKED_MOST):
            break
        most *= 16
    found = judged(meaning, found)[:limit]
    if not meaning.state:
        return found
    return [
        replace(
            one,
            # Scores of words and of vectors do not compare; the places that came of them do.
            rank=1 / place if meaning.state == USED else one.rank,
            meaning=meaning.state,
            similarity=meaning.similarity(str(one.id)),
        )
        for place, one in enumerate(found, 1)
    ]


# --- What is asked --------------------------------------------------------------------------------------


def _question(
    asked: Asked,
    context: Sequence[str],
    language: str,
    snapshot: Snapshot,
    synonyms: list[list[str]],
    *,
    typing: bool,
) -> Question:
    before = [sentence for said in context for sentence in read(clean(said)).sentences][-_CONTEXT_SENTENCES:]
    sentences = _as_lexemes(widened([*asked.sentences, *before], synonyms), config_of(language))
    weights = [1.0] * len(asked.sentences) + [CONTEXT_WEIGHT] * len(before)
    instead: dict[str, float] = {}
    if asked.typed:
        for word in set(sentences[0].values()):
            if (right := corrected(word, snapshot.known)) is not None:
                instead[right] = _CORRECTED_WEIGHT
        last = re.search(r"[^\W_]+\Z", asked.sentences[0])
        if typing and last is not None and len(last[0]) >= _BEGINNING_LETTERS:
            for word in snapshot.beginning(last[0].casefold(), _BEGINNINGS):
                instead.setdefault(word, _BEGINNING_WEIGHT)
    return Question(sentences, weights=weights, talk=talk_lexemes(language), instead=instead)


def _as_lexemes(texts: list[list[str]], config: str) -> list[dict[int, str]]:
    """One sentence of lexemes for each list of texts, none of which stand side by side. One query."""
    read_all = iter(lexemes([text for of_one in texts for text in of_one], config))
    sentences = []
    for of_one in texts:
        words: dict[int, str] = {}
        for _text in of_one:
            start = max(words, default=-_APART) + _APART
            words |= {start + place: word for place, word in next(read_all).items()}
        sentences.append(words)
    return sentences


def _marked(question: Question, snapshot: Snapshot) -> list[str]:
    """The words to mark in what is found, the rarest first."""
    words = {word for sentence in question.sentences for word in sentence.values()} | set(question.instead)
    known = [word for word in words if word in snapshot.known]
    plain = known if question.is_short else [word for word in known if word not in question.talk]
    return sorted(plain, key=lambda word: (snapshot.known[word], word))[:_MARKED_WORDS]


# --- What is shown --------------------------------------------------------------------------------------


def _spread(found: Iterable[tuple[Hit, str]], of_one: int) -> list[tuple[Hit, str]]:
    """At most so many passages of one document."""
    of_text: Counter[str] = Counter()
    kept = []
    for hit, language in found:
        of_text[hit.text] += 1
        if of_text[hit.text] <= of_one:
            kept.append((hit, language))
    return kept


def _loaded(
    hits: Sequence[tuple[Hit, str]], limit: int, allowed: QuerySet[Document], marked: dict[str, list[str]]
) -> list[Found]:
    """The first hits whose documents are allowed, with their rows. One query for each language, as a rule."""
    found: list[Found] = []
    # By words: what only vectors found has no score there, and no distance to the next.
    ranked = sorted((hit for hit, _language in hits), key=lambda hit: -hit.score)
    for batch in _batches(hits, limit):
        shown: dict[str, Found] = {}
        hit_of = {hit.passage: hit for hit, _language in batch}
        for language in {language for _hit, language in batch}:
            words = " | ".join(_quoted(word) for word in marked[language])
            # What only vectors found may have none of the words; as a query of its own form, nothing is wrong.
            query = SearchQuery(words, config="simple", search_type="raw" if words else "plain")
            hits_here = [hit for hit, one in batch if one == language]
            # Named twice, so that no plan goes through all documents.
            named = allowed.filter(pk__in={hit.text for hit in hits_here})
            rows = Chunk.objects.filter(pk__in=[hit.passage for hit in hits_here], document__in=named)
            for row in _with_headline(rows, query, config_of(language)):
                hit = hit_of[str(row.pk)]
                why = evidence_of(hit, ranked) if hit.score > 0 else Evidence(hit.covers, hit.has)
                one = _found(row, hit.score, hit.covers)
                shown[hit.passage] = replace(one, evidence=why, confidence=confidence(why))
        found += [shown[hit.passage] for hit, _language in batch if hit.passage in shown]
        if len(found) >= limit:
            break
    return found[:limit]


def _batches(hits: Sequence[tuple[Hit, str]], first: int) -> Iterator[Sequence[tuple[Hit, str]]]:
    """Some at a time, ever more: as a rule all of the first hold."""
    start, size = 0, first
    while start < len(hits):
        yield hits[start : start + size]
        start, size = start + size, size * 4


def _quoted(word: str) -> str:
    """A lexeme as the database reads it in a query."""
    escaped = word.replace("\\", "\\\\").replace("'", "''")
    return f"'{escaped}'"


def _while_reading(asked: Asked, limit: int, allowed: QuerySet[Document]) -> list[Found]:
    """What the database finds by itself while this process reads the passages: those with all words, then with any."""
    words = [word for one in asked.sentences for word in re.findall(r"[^\W_]+", one.casefold())]
    plain = [word for word in dict.fromkeys(words) if word not in _TALK] or words
    found: list[Found] = []
    for between in (" ", " or "):
        already = {one.id for one in found}
        more = _by_database(between.join(plain[:_MARKED_WORDS]), limit, allowed)
        found += [one for one in more if one.id not in already]
    return found[:limit]


def _by_database(text: str, limit: int, allowed: QuerySet[Document]) -> list[Found]:
    """What the database's text search finds by what was typed: a phrase, or, -not; read in each collection's language.

    One query, and one for each language.
    """
    languages = Collection.objects.order_by().values_list("language", flat=True).distinct()
    best: list[Any] = []
    for config in sorted({config_of(language) for language in languages}):
        query = SearchQuery(text, config=config, search_type="websearch")
        rows = (
            Chunk.objects.filter(config=ConfigField.named(config), search=query, document__in=allowed)
            # Cover density, and longer passages are not better for being long (normalisation 1).
            .annotate(
                rank=SearchRank(F("search"), query, weights=WEIGHTS, cover_density=True, normalization=1)
            )
            .order_by("-rank", "document_id", "position")[:limit]
        )
        best += _with_headline(rows, query, config)
    best.sort(key=lambda row: (-row.rank, row.document_id, row.position))
    return [_found(row, row.rank) for row in best[:limit]]


def _with_headline(rows: QuerySet[Chunk], query: SearchQuery, config: str) -> QuerySet[Chunk]:
    unmarked = Func(F("text"), Value(BEGIN + END), Value(""), function="translate", output_field=TextField())
    return (
        rows.select_related("document__collection")
        .defer("document__body", "search")
        .annotate(
            headline=SearchHeadline(
                unmarked,
                query,
                config=config,
                start_sel=BEGIN,
                stop_sel=END,
                max_words=HEADLINE_WORDS,
                min_words=HEADLINE_WORDS // 2,
            )
        )
    )


def _found(row: Any, score: float, covers: float = 1.0) -> Found:
    headline: str = row.headline
    return Found(
        id=row.pk,
        document_id=row.document_id,
        title=row.document.title,
        collection=row.document.collection.name,
        path=row.heading_path,
        html=headline_html(unlinked(_dotted(headline, row.text)), own_types=False),
        text=row.text,
        start=row.start,
        end=row.end,
        version=row.document_version,
        rank=float(score),
        covers=round(covers, 3),
    )


def _dotted(headline: str, text: str) -> str:
    """The headline, with dots where it leaves out the passage's beginning or end."""
    shown, whole = clean(headline).strip(), clean(text).strip()
    begins, ends = whole.startswith(shown), whole.endswith(shown)
    return f"{'' if begins else '… '}{headline}{'' if ends else ' …'}"
