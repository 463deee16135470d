"""What vectors and a model's judgement add to the ranking by words; without them, or when they are late, words alone.

`meaning` of a search says what came of it: "" where the company has no server, "used", or why words alone answered:
"slow" (not within the deadline), "away" (it failed a moment ago and is left alone, or cannot be reached), or another
fault of a server (`engines.speech.faults`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

import numpy as np
import structlog
from django.db import DatabaseError
from django.db.models import QuerySet
from numpy.typing import NDArray

from accounts.errors import error_place
from engines.embeddings import NotEmbedded, fused
from engines.retrieval import Hit, Question, Snapshot, hits_of
from engines.speech.faults import Fault
from knowledge.models import Document
from knowledge.search.vectors import Near, vectors_near
from knowledge.text.private import private_masked, redacted
from providers.models import SearchServer
from providers.searching import passages_judge, question_embed
from providers.selectors import search_servers

log = structlog.get_logger(__name__)

USED = "used"
# So many passages near the question are fused with those that words found.
NEAR = 50
# So many of the best are put in order by a model.
JUDGED = 20
# Of what was said before, that much says what the question is about.
_CONTEXT = 2


@dataclass(slots=True)
class Meaning:
    """One search's dealings with the company's servers. Made by `meaning_begin`."""

    state: str = ""
    servers: Mapping[str, SearchServer] = field(default_factory=dict)
    text: str = ""
    waited: Callable[[], NDArray[np.float32]] | None = None
    near: list[Near] | None = None

    def similarity(self, passage: str) -> float | None:
        """The cosine of a passage's vector with the question's, where it was compared."""
        return next((one.similarity for one in self.near or () if one.passage == passage), None)


def meaning_begin(servers: Mapping[str, SearchServer], text: str, context: Sequence[str]) -> Meaning:
    """Ask for the question's vector, and go on: the deadline runs while words are ranked."""
    if not servers:
        return Meaning()
    meaning = Meaning(
        servers=servers, text=private_masked(redacted("\n".join([*context[-_CONTEXT:], text]).strip()))
    )
    server = servers.get(SearchServer.Kind.EMBEDDINGS)
    if server is not None:
        try:
            meaning.waited = question_embed(server, meaning.text)
        except NotEmbedded as error:
            meaning.state = str(error.fault)
    return meaning


def question_vector(text: str) -> NDArray[np.float32] | None:
    """The vector of a question by itself, as search asked for it; None without a server. Raises `NotEmbedded`."""
    server = search_servers().get(SearchServer.Kind.EMBEDDINGS)
    return None if server is None else question_embed(server, private_masked(redacted(text.strip())))()


def meaning_near(meaning: Meaning, allowed: QuerySet[Document]) -> list[Near]:
    """The passages near the question; none where there are no vectors, or they are late. At most two queries, once."""
    if meaning.near is None and meaning.waited is not None:
        try:
            meaning.near = vectors_near(meaning.waited(), allowed, NEAR)
            meaning.state = USED
        except NotEmbedded as error:
            meaning.near, meaning.state = [], str(error.fault)
        except DatabaseError as error:
            # The table may be made anew just now, for another model.
            log.warning("knowledge.vectors_unread", place=error_place(error))
            meaning.near, meaning.state = [], str(Fault.FAILED)
    return meaning.near or []


def hits_fused(
    hits: Sequence[tuple[Hit, str]],
    near: Sequence[Near],
    questions: Mapping[str, Question],
    snapshots: Mapping[str, Snapshot],
    *,
    by_text: bool,
) -> list[tuple[Hit, str]]:
    """Both rankings as one. `by_text`: documents are what is ranked, and each is shown by what words found in it.

    A passage that only vectors found has the language of its document and no score; its words are counted as those of
    others are.
    """
    of_words: dict[str, tuple[Hit, str]] = {}
    for hit, language in hits:
        of_words.setdefault(hit.text if by_text else hit.passage, (hit, language))
    of_vectors: dict[str, Near] = {}
    for one in near:
        of_vectors.setdefault(one.document if by_text else one.passage, one)
    alone = _hits([one for key, one in of_vectors.items() if key not in of_words], questions, snapshots)
    both: list[tuple[Hit, str]] = []
    for key, _score in fused([list(of_words), list(of_vectors)]):
        if key in of_words:
            both.append(of_words[key])
        elif of_vectors[key].passage in alone:
            both.append(alone[of_vectors[key].passage])
    return both


def _hits(
    near: Sequence[Near], questions: Mapping[str, Question], snapshots: Mapping[str, Snapshot]
) -> dict[str, tuple[Hit, str]]:
    """What words say of passages, by their ids, with the language; not of those that this process has not read yet."""
    found: dict[str, tuple[Hit, str]] = {}
    for language, question in questions.items():
        passages = {one.passage: one.document for one in near if one.document in snapshots[language].numbers}
        if passages:
            hits = hits_of(snapshots[language], question, passages)
            found |= {passage: (hit, language) for passage, hit in hits.items()}
    return found


class _Shown(Protocol):
    @property
    def path(self) -> str: ...
    @property
    def text(self) -> str: ...


Shown = TypeVar("Shown", bound=_Shown)


def judged(meaning: Meaning, found: list[Shown]) -> list[Shown]:
    """The same in the order that the company's model for it gives; as they are where it has none, or it is late."""
    server = meaning.servers.get(SearchServer.Kind.RERANK)
    if server is None or len(found) < 2:
        return found
    try:
        texts = [private_masked(f"{one.path}\n{one.text}") for one in found]
        scores = passages_judge(server, meaning.text, texts)
    except NotEmbedded as error:
        meaning.state = meaning.state if meaning.state not in {"", USED} else str(error.fault)
        return found
    meaning.state = meaning.state or USED
    # What it left out stays behind, in the order that it had.
    order = sorted(range(len(found)), key=lambda at: (scores[at] is None, -(scores[at] or 0.0)))
    return [found[at] for at in order]
