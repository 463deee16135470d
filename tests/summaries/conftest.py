"""A company whose calls are summed up, with a model on loopback where a test wants one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis

from conversations.models import Conversation, Summary
from conversations.summaries import summary_write
from tests.conftest import Company, World
from tests.peers.chat import ChatServer as Peer
from tests.peers.chat import chat_server

LINES = [
    ("agent", "thank you for calling how can i help you"),
    ("customer", "i have been charged forty nine dollars twice for my internet bill"),
    ("agent", "i have refunded the second payment of forty nine dollars to your card"),
    ("agent", "we will send you a letter by friday"),
    ("customer", "that sounds great thank you"),
]


@pytest.fixture
def company(world: World, settings: Any) -> Iterator[Company]:
    settings.PROVIDER_ALLOW_PRIVATE_URLS = True
    with redis.Redis.from_url(settings.REDIS_STREAMS_URL) as client:
        client.flushdb()
    with world.northwind.scope():
        yield world.northwind


@pytest.fixture
def peer(company: Company) -> Iterator[Peer]:
    with chat_server() as running:
        yield running


@pytest.fixture
def ended(company: Company, make_conversation: Callable[..., Conversation]) -> Callable[..., Conversation]:
    def make(**fields: Any) -> Conversation:
        return make_conversation(
            **{"agent": company.people["agent"], "state": "wrap_up", "lines": LINES} | fields
        )

    return make


@pytest.fixture
def summary(ended: Callable[..., Conversation]) -> Summary:
    made = summary_write(conversation_id=ended().pk)
    assert made is not None
    return made
