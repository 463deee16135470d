"""The company's own servers for search: vectors of texts, order of passages, and trying one out on made-up words."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from numpy.typing import NDArray

from engines.embeddings import NotEmbedded
from engines.speech.faults import Fault
from providers.addresses import address_check, encryption_check
from providers.models import SearchServer
from providers.selectors import account_secret
from providers.speech import Trial, fault_words
from tenants.keys import SealError
from tenants.scope import current_schema

if TYPE_CHECKING:
    import openai

    from engines.embeddings.asking import Asking
    from engines.embeddings.client import Embedder, Server

# Where a name led so short a time ago it leads still: a search has no time to ask each time.
JUDGED_SECONDS = 30.0
# What is late may still come, and is there for who asks the same again.
LATE_WITHIN_S = 10.0
JOB_WITHIN_S, TRIED_WITHIN_S = 120.0, 30.0
# Nobody's words.
_TRIED = ("How long does a refund take?", "A refund takes five days.", "Frost comes early in the hills.")

_reached: dict[tuple[str, str, str, int], tuple[float, Server]] = {}
_asking: list[Asking] = []
_lock = Lock()


def texts_embed(server: SearchServer, texts: Sequence[str], *, asked: bool = False) -> NDArray[np.float32]:
    """Vectors of passages, or with `asked` of questions, for a job: with retries, for up to two minutes.

    Raises `NotEmbedded`.
    """
    from engines.embeddings.asking import asked_once

    embedder = _embedder(server, reached := _server(server, request_s=JOB_WITHIN_S, retries=3))
    return asked_once(reached, lambda client: embedder.embed(client, texts, asked=asked))


def question_embed(server: SearchServer, text: str) -> Callable[[], NDArray[np.float32]]:
    """Ask for the vector of a question; what is returned waits for it within the server's deadline, which runs.

    Both raise `NotEmbedded`.
    """
    reached = _reached_lately(server)
    embedder = _embedder(server, reached)

    async def work(client: openai.AsyncOpenAI) -> NDArray[np.float32]:
        vector: NDArray[np.float32] = (await embedder.embed(client, [text], asked=True))[0]
        return vector

    key = ("question", server.dimensions, server.shorten, server.query_prefix, text)
    return _asked().begin(reached, key, work, within_s=server.deadline_ms / 1000)


def passages_judge(server: SearchServer, question: str, passages: Sequence[str]) -> list[float | None]:
    """How well passages answer, within the server's deadline or from memory. Raises `NotEmbedded`."""
    from engines.embeddings.client import Reranker

    reached = _reached_lately(server)
    reranker = Reranker(reached)
    return _asked().begin(
        reached,
        ("order", question, tuple(passages)),
        lambda client: reranker.scores(client, question, passages),
        within_s=server.deadline_ms / 1000,
    )()


def search_server_try(server: SearchServer) -> Trial:
    """Ask a server about made-up words. Takes up to 30 s; must not be called within a transaction.

    Raises `SealError`.
    """
    from engines.embeddings.asking import asked_once
    from engines.embeddings.client import Reranker

    began = time.monotonic()
    try:
        address_check(server.base_url)
        encryption_check(server.base_url)
        account_secret(server)
        reached = _server(server, request_s=TRIED_WITHIN_S, retries=0)
        if server.kind == SearchServer.Kind.RERANK:
            scores = asked_once(
                reached, lambda client: Reranker(reached).scores(client, _TRIED[0], _TRIED[1:])
            )
            good = scores[0] is not None and (scores[1] is None or scores[0] > scores[1])
        else:
            embedder = _embedder(server, reached)
            vectors = asked_once(reached, lambda client: embedder.embed(client, _TRIED))
            good = float(vectors[0] @ vectors[1]) > float(vectors[0] @ vectors[2])
    except ValidationError as error:
        return Trial(False, " ".join(error.messages))
    except NotEmbedded as error:
        if error.dimensions:
            words = _("Its vectors have %(has)d numbers, and %(wanted)d are set. Set %(has)d.")
            return Trial(False, words % {"has": error.dimensions, "wanted": server.dimensions})
        return Trial(False, fault_words(error.fault))
    took = time.monotonic() - began
    if not good:
        return Trial(
            False, _("It answered within %.1f s, and held what is about frost for the answer.") % took
        )
    return Trial(True, _("It answered within %.1f s and knew which of two sentences answers.") % took)


def _embedder(server: SearchServer, reached: Server) -> Embedder:
    from engines.embeddings.client import Embedder

    return Embedder(
        reached,
        server.dimensions or 0,
        shorten=server.shorten,
        query=server.query_prefix,
        passage=server.passage_prefix,
    )


def _asked() -> Asking:
    from engines.embeddings.asking import Asking

    with _lock:
        if not _asking:
            _asking.append(Asking())
        return _asking[0]


def _reached_lately(server: SearchServer) -> Server:
    key = (current_schema(), str(server.pk), f"{server.base_url} {server.model}", server.secret_version)
    with _lock:
        at, reached = _reached.get(key, (0.0, None))
    if reached is None or time.monotonic() - at > JUDGED_SECONDS:
        reached = _server(server, request_s=LATE_WITHIN_S, retries=0)
        with _lock:
            _reached[key] = (time.monotonic(), reached)
            while len(_reached) > 1_000:
                del _reached[next(iter(_reached))]
    return reached


def _server(server: SearchServer, *, request_s: float, retries: int) -> Server:
    """Where a server is, judged now, with its key opened. Raises `NotEmbedded`."""
    # Not with this module: the SDK takes a second to load, and few companies have a server.
    from engines.embeddings.client import Server

    try:
        addresses = address_check(server.base_url)
        encryption_check(server.base_url, resolve=lambda _host: addresses)
        secret = account_secret(server)
    except (ValidationError, SealError):
        raise NotEmbedded(Fault.REFUSED) from None
    if not addresses:
        raise NotEmbedded(Fault.AWAY)  # a name that nobody knows
    return Server(
        base_url=server.base_url,
        model=server.model,
        addresses=addresses,
        api_key=secret,
        request_s=request_s,
        retries=retries,
    )
