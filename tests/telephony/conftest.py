"""Fixtures of the telephony tests."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from integrations.models import TelephonyConnection
from integrations.services import connection_create
from integrations.telephony.genesys.vendor import GenesysVendor
from tests.ingest_lines import Server, server_running
from tests.telephony.audiohook import API_KEY, ORGANIZATION, SECONDS, SECRET
from tests.telephony.identities import Told


@pytest.fixture
def company(committed: Any) -> Any:
    return committed.northwind


@pytest.fixture
def told(company: Any) -> Iterator[Told]:
    listening = Told(company)
    yield listening
    listening.close()


@pytest.fixture
def audiohook_server(committed: Any) -> Iterator[Server]:
    with server_running(vendors=(GenesysVendor(),), start=SECONDS, idle=SECONDS) as running:
        yield running


@pytest.fixture
def short_goodbyes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Clients that do not hang up by themselves are waited for a moment only."""
    monkeypatch.setattr(GenesysVendor, "linger_seconds", 0.3)


@pytest.fixture
def genesys(committed: Any) -> TelephonyConnection:
    """A connection of northwind that one organisation may use."""
    with committed.northwind.scope():
        made, _secret = connection_create(
            provider="genesys",
            name="Genesys Cloud",
            secret=SECRET,
            settings={"api_key": API_KEY, "organization_id": ORGANIZATION},
        )
    return made
