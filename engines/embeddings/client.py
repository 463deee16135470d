"""The wire: OpenAI's `/embeddings`, and `/rerank` as Cohere, Jina and several servers of open models have it.

Requests go to the addresses that were judged and nowhere else (`engines.pinned`): no proxy of the environment, no
redirect. Nothing of what is sent or answered is logged or put into an error. Both requests may be made twice without
harm, so the SDK makes them again on 408, 409, 429, 5xx and lost connections, waiting as `retry-after` says, as often
as the caller allows.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import openai
from numpy.typing import NDArray

from engines.embeddings.faults import NotEmbedded
from engines.language.wire import addresses_of, client_of, fault_of
from engines.speech.faults import Fault

Floats = NDArray[np.float32]

# One request: so many texts, and so many characters of them together.
BATCH_TEXTS, BATCH_CHARACTERS = 64, 60_000
# What is longer is cut: models read some hundred to some thousand tokens, and many refuse what is more.
TEXT_CHARACTERS = 6_000
RERANKED_CHARACTERS = 2_000


@dataclass(frozen=True, slots=True)
class Server:
    """Where to ask and how. `addresses`: where the name of `base_url` leads, as somebody judged it.

    `request_s` is for one request with its `retries`.
    """

    base_url: str
    model: str
    addresses: tuple[str, ...] = ()
    api_key: str = field(default="", repr=False)
    request_s: float = 60.0
    retries: int = 2

    def client(self) -> openai.AsyncOpenAI:
        """A client for this server; to be closed. Raises `ValueError` where nobody judged the address."""
        judged = addresses_of(self.base_url, self.addresses)
        return client_of(self.base_url, judged, self.api_key, self.request_s, self.retries)


class Embedder:
    """Makes vectors of length 1 with `dimensions` numbers.

    `shorten`: the server is told how many numbers are wanted, which not every server takes. `query` and `passage` stand
    before each text: some models want to know which it is ("query: ").
    """

    def __init__(
        self, server: Server, dimensions: int, *, shorten: bool = False, query: str = "", passage: str = ""
    ) -> None:
        self._server = server
        self._dimensions = dimensions
        self._more: dict[str, Any] = {"dimensions": dimensions} if shorten else {}
        self._before = {True: query, False: passage}

    async def embed(self, client: openai.AsyncOpenAI, texts: Sequence[str], *, asked: bool = False) -> Floats:
        """The vectors of texts, one row each. `asked`: they are questions. Raises `NotEmbedded`."""
        rows = [await self._batch(client, part, asked) for part in batches(texts)]
        return np.concatenate(rows) if rows else np.zeros((0, self._dimensions), np.float32)

    async def _batch(self, client: openai.AsyncOpenAI, texts: Sequence[str], asked: bool) -> Floats:
        given = [self._before[asked] + text[:TEXT_CHARACTERS] for text in texts]
        try:
            made = await client.embeddings.create(
                model=self._server.model, input=given, encoding_format="float", **self._more
            )
        except (openai.OpenAIError, json.JSONDecodeError) as error:
            # Without its cause, whose request holds the texts and the key.
            raise NotEmbedded(fault_of(error)) from None
        except Exception:
            # What the SDK makes of an answer that is no answer of this kind.
            raise NotEmbedded(Fault.BROKEN) from None
        return self._checked(made, len(given))

    def _checked(self, made: Any, wanted: int) -> Floats:
        """The SDK checks nothing: a server may answer anything."""
        data = getattr(made, "data", None)
        if not isinstance(data, list) or len(data) != wanted:
            raise NotEmbedded(Fault.BROKEN)
        found: dict[int, Any] = {}
        for one in data:
            index, vector = getattr(one, "index", None), getattr(one, "embedding", None)
            if not isinstance(index, int) or not isinstance(vector, list):
                raise NotEmbedded(Fault.BROKEN)
            found[index] = vector
        if set(found) != set(range(wanted)):
            raise NotEmbedded(Fault.BROKEN)
        lengths = {len(vector) for vector in found.values()}
        if lengths != {self._dimensions}:
            raise NotEmbedded(Fault.UNSUPPORTED, dimensions=max(lengths))
        try:
            rows = np.array([found[index] for index in range(wanted)], np.float32)
        except (TypeError, ValueError, OverflowError):
            raise NotEmbedded(Fault.BROKEN) from None
        sizes = np.linalg.norm(rows, axis=1, keepdims=True)
        if not np.isfinite(sizes).all() or (sizes <= 0).any():
            raise NotEmbedded(Fault.BROKEN)
        made_one: Floats = rows / sizes
        return made_one


class Reranker:
    """Judges passages against a question: `POST /rerank` with `query` and `documents`, answered by `results` of
    `index` and `relevance_score`."""

    def __init__(self, server: Server) -> None:
        self._server = server

    async def scores(
        self, client: openai.AsyncOpenAI, question: str, passages: Sequence[str]
    ) -> list[float | None]:
        """How well each passage answers, in the server's own unit; None for those that it left out.

        Raises `NotEmbedded`.
        """
        if not passages:
            return []
        body = {
            "model": self._server.model,
            "query": question[:TEXT_CHARACTERS],
            "documents": [text[:RERANKED_CHARACTERS] for text in passages],
            "top_n": len(passages),
        }
        try:
            answer = await client.post("/rerank", body=body, cast_to=object)
        except (openai.OpenAIError, json.JSONDecodeError) as error:
            raise NotEmbedded(fault_of(error)) from None
        except Exception:
            raise NotEmbedded(Fault.BROKEN) from None
        results = answer.get("results") if isinstance(answer, dict) else None
        if not isinstance(results, list) or not results:
            raise NotEmbedded(Fault.BROKEN)
        found: list[float | None] = [None] * len(passages)
        for one in results:
            index, score = (
                (one.get("index"), one.get("relevance_score")) if isinstance(one, dict) else (None, None)
            )
            fits = isinstance(index, int) and 0 <= index < len(passages) and _is_number(score)
            if not fits:
                raise NotEmbedded(Fault.BROKEN)
            found[index] = float(score)  # type: ignore[index, arg-type]
        return found


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and bool(np.isfinite(value))


def batches(texts: Sequence[str]) -> Iterator[Sequence[str]]:
    """Texts in runs of at most 64 and of some 60,000 characters."""
    start = size = 0
    for at, text in enumerate(texts):
        length = min(len(text), TEXT_CHARACTERS)
        if at > start and (at - start == BATCH_TEXTS or size + length > BATCH_CHARACTERS):
            yield texts[start:at]
            start, size = at, 0
        size += length
    if start < len(texts):
        yield texts[start:]
