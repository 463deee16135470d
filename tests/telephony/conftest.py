"""Fixtures of the telephony tests."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.telephony.identities import Told


@pytest.fixture
def company(committed: Any) -> Any:
    return committed.northwind


@pytest.fixture
def told(company: Any) -> Iterator[Told]:
    listening = Told(company)
    yield listening
    listening.close()
