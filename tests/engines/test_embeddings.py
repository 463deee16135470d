"""Vectors from a server by the real SDK: what it sends, what it refuses to believe, and how long it is waited for."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np
import pytest

from engines.embeddings import NotEmbedded, fused
from engines.embeddings.asking import THRESHOLD, Asking, asked_once
from engines.embeddings.client import BATCH_TEXTS, Embedder, Reranker, Server, batches
from engines.speech.breaker import CircuitBreaker
from tests.peers.vectors import LOUD, VectorServer, vector_server

TEXTS = ["a refund takes five days", "the refund of a card", "frost comes early"]


def server_of(peer: VectorServer, **more: Any) -> Server:
    return Server(peer.url, "words", **{"api_key": "sk-inside", "request_s": 20.0, "retries": 0} | more)


def embed(peer: VectorServer, texts: list[str], server: Server | None = None, **more: Any) -> Any:
    server = server or server_of(peer)
    embedder = Embedder(server, peer.dimensions, **more)
    return asked_once(server, lambda client: embedder.embed(client, texts))


def test_texts_become_vectors_of_length_one_in_their_order() -> None:
    with vector_server() as peer:
        many = TEXTS * BATCH_TEXTS
        vectors = embed(peer, many, shorten=True, passage="passage: ")
        assert vectors.shape == (len(many), peer.dimensions)
        assert np.allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-4)
        assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2]
        assert np.allclose(vectors[:3], vectors[3:6])
        assert [len(one["input"]) for one in peer.requests] == [BATCH_TEXTS] * 3
        first = peer.requests[0]
        assert first["path"] == "/v1/embeddings" and first["headers"]["authorization"] == "Bearer sk-inside"
        assert (first["encoding_format"], first["dimensions"]) == ("float", peer.dimensions)
        assert first["input"][0] == "passage: " + TEXTS[0]
        assert embed(peer, []).shape == (0, peer.dimensions)
    assert [len(part) for part in batches(["x" * 5_000] * 25)] == [12, 12, 1]


@pytest.mark.parametrize(
    ("order", "fault"),
    [
        ("429", "busy"),
        ("500", "broken"),
        ("401", "refused"),
        ("400", "unsupported"),
        ("garbage", "broken"),
        ("page", "broken"),
        ("few", "broken"),
        ("odd", "broken"),
        ("zero", "broken"),
        ("nan", "broken"),
        ("short", "unsupported"),
    ],
)
def test_what_cannot_be_used_is_said_in_one_word(order: str, fault: str) -> None:
    with vector_server() as peer:
        peer.script = [order]
        with pytest.raises(NotEmbedded) as raised:
            embed(peer, TEXTS)
        assert (raised.value.fault, raised.value.dimensions) == (fault, 3 if order == "short" else 0)
        assert LOUD not in str(raised.value) and raised.value.__cause__ is None
        # What may be asked again is asked again where the caller allows it.
        if order in {"429", "500"}:
            peer.script = [order]
            assert len(embed(peer, TEXTS, server_of(peer, retries=1))) == 3


def test_nobody_there() -> None:
    with vector_server() as peer:
        server = server_of(peer)
    with pytest.raises(NotEmbedded) as raised:
        embed(peer, TEXTS, server)
    assert raised.value.fault == "away"


def test_order_is_read_by_index() -> None:
    with vector_server() as peer:
        reranker = Reranker(server := server_of(peer))

        def scores() -> list[float | None]:
            return asked_once(server, lambda client: reranker.scores(client, "refund of a card", TEXTS))

        first, second, third = scores()
        assert None not in (first, second, third) and second == max(first, second, third)  # type: ignore[type-var]
        assert peer.requests[0]["path"] == "/v1/rerank" and peer.requests[0]["top_n"] == 3
        for order in ("odd", "few", "500", "garbage"):
            peer.script = [order]
            with pytest.raises(NotEmbedded) as raised:
                scores()
            assert raised.value.fault == "broken"


def test_who_is_late_is_not_waited_for_and_is_there_the_next_time() -> None:
    with vector_server() as peer:
        asking, server = Asking(), server_of(peer)
        embedder = Embedder(server, peer.dimensions)

        def ask(text: str, within_s: float) -> Any:
            return asking.begin(
                server, text, lambda client: embedder.embed(client, [text]), within_s=within_s
            )

        peer.script = ["late"]
        waited = ask("refund", 0.01)
        with pytest.raises(NotEmbedded) as raised:
            waited()
        assert raised.value.fault == "slow"
        # Whoever asks the same meanwhile waits for the same request.
        again = ask("refund", 30.0)
        peer.free.set()
        vector = again()
        assert np.allclose(ask("refund", 0.0)(), vector) and len(peer.requests) == 1


def test_one_that_keeps_failing_is_left_alone_for_a_while() -> None:
    clock = [0.0]
    with vector_server() as peer:
        asking = Asking(breaker=lambda: CircuitBreaker(threshold=THRESHOLD, clock=lambda: clock[0]))
        server = server_of(peer)
        embedder = Embedder(server, peer.dimensions)

        def ask(number: int) -> str:
            try:
                asking.begin(
                    server, number, lambda client: embedder.embed(client, [f"text {number}"]), within_s=30.0
                )()
            except NotEmbedded as error:
                return str(error.fault)
            return ""

        peer.script = ["500"] * THRESHOLD
        assert [ask(number) for number in range(THRESHOLD + 1)] == ["broken"] * THRESHOLD + ["away"]
        assert len(peer.requests) == THRESHOLD
        clock[0] += 60.0
        assert ask(100) == "" and ask(101) == ""


def test_a_server_whose_name_nobody_judged_is_not_asked() -> None:
    server = Server("https://vectors.example/v1", "words")
    with pytest.raises(ValueError, match="nobody judged"):
        asyncio.run(asyncio.sleep(0, server.client()))
    assert "sk-inside" not in repr(Server("http://127.0.0.1/v1", "words", api_key="sk-inside"))


def test_what_stands_high_in_both_rankings_comes_first() -> None:
    assert [key for key, _score in fused([["a", "b", "c"], ["c", "b", "d"]])] == ["c", "b", "a", "d"]
    assert [key for key, _score in fused([["a"], ["b"]], [1.0, 2.0])] == ["b", "a"]
    assert fused([["a", "a", "b"]])[1][1] == pytest.approx(1 / 62)
    assert fused([]) == fused([[], []]) == []
