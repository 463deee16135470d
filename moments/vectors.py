"""Vectors of what is said, for classifiers that learned from vectors: asked for beside the call, and never waited for.

The company's server for vectors is asked, with words that are redacted. Within its deadline there is a vector, or words
alone decide.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from threading import BoundedSemaphore

import numpy as np
from numpy.typing import NDArray

from conversations.redaction.policy import redaction_config
from engines.embeddings import NotEmbedded
from engines.intents import IntentModel
from engines.redaction.redactor import redact
from engines.redaction.text import RawText
from providers.models import SearchServer
from providers.searching import question_embed, texts_embed
from providers.selectors import search_servers
from tenants.scope import call_in_schema, current_schema

Vector = NDArray[np.float32]

THREADS = 4
# More than these under way in one process, and words alone decide.
UNDER_WAY = 64
AT_ONCE = 512

_pool = ThreadPoolExecutor(THREADS, thread_name_prefix="said-vectors")
_room = BoundedSemaphore(UNDER_WAY)


def server_of_vectors() -> SearchServer | None:
    """The company's server for vectors of texts, if it has one. One query."""
    return search_servers().get(SearchServer.Kind.EMBEDDINGS)


def space_of(server: SearchServer) -> str:
    """What vectors of questions depend on: a classifier is only given those of the space it learned in."""
    return "\n".join((server.base_url, server.model, str(server.dimensions), server.query_prefix))


def texts_vectors(server: SearchServer, texts: Sequence[str], told: Callable[[float], None]) -> Vector:
    """The vectors of redacted texts, a row each, for a job; `told` hears how far it is. Raises `NotEmbedded`."""
    rows = []
    for first in range(0, len(texts), AT_ONCE):
        rows.append(texts_embed(server, texts[first : first + AT_ONCE], asked=True))
        told(min(1.0, (first + AT_ONCE) / len(texts)))
    return np.concatenate(rows)


class SaidVectors:
    """Asks for the vectors of what is said in one call. Made in the company's schema."""

    def __init__(self, server: SearchServer) -> None:
        self._server = server
        self._schema = current_schema()
        self.space = space_of(server)

    def ask(self, text: str) -> Future[Vector]:
        """The vector of a redacted text, in a while. The future fails with `NotEmbedded` and others."""
        if not _room.acquire(blocking=False):
            full: Future[Vector] = Future()
            full.set_exception(TimeoutError())
            return full
        asked = _pool.submit(call_in_schema, self._schema, self.now, text)
        asked.add_done_callback(lambda _done: _room.release())
        return asked

    def now(self, text: str) -> Vector:
        """The vector of a redacted text, waited for within the server's deadline. Raises `NotEmbedded`."""
        return question_embed(self._server, text)()


def vectors_for(models: Iterable[IntentModel]) -> SaidVectors | None:
    """What asks for vectors in a call with these models; None where none of them takes those of today's server.

    One query where a model learned from vectors, none otherwise.
    """
    spaces = {model.beside.space for model in models if model.beside is not None}
    server = server_of_vectors() if spaces else None
    return SaidVectors(server) if server is not None and space_of(server) in spaces else None


def typed_vector(model: IntentModel, text: str) -> Vector | None:
    """The vector of words that somebody typed, within the server's deadline; they are redacted before they go out.

    None where the model did not learn from vectors of today's server, or none came.
    """
    asked = vectors_for([model])
    if asked is None:
        return None
    hidden = redact(RawText(text), redaction_config()).text
    try:
        return asked.now(hidden)
    except NotEmbedded:
        return None


__all__ = [
    "NotEmbedded",
    "SaidVectors",
    "Vector",
    "server_of_vectors",
    "space_of",
    "texts_vectors",
    "typed_vector",
    "vectors_for",
]
