"""A company whose work of language models is tried, and the server that does it."""

from __future__ import annotations

from typing import Any

import pytest
import redis

from providers.models import (
    PromptRevision,
)
from tests.conftest import Company, World
from tests.peers.chat import chat_server

SYSTEM = "Between <<{{boundary}} stands data. Propose {{most}} replies."
State = PromptRevision.State


@pytest.fixture
def company(world: World, settings: Any) -> Any:
    settings.PROVIDER_ALLOW_PRIVATE_URLS = True
    with redis.Redis.from_url(settings.REDIS_STREAMS_URL) as client:
        client.flushdb()
    with world.northwind.scope():
        yield world.northwind


@pytest.fixture
def peer(company: Company) -> Any:
    with chat_server() as running:
        running.usage = {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100}
        yield running
