"""For tests of AudioHook: a connection's account, and clients that do what Genesys's does."""

from __future__ import annotations

import base64
import random
from typing import Any

from conversations.models import Conversation
from integrations.models import TelephonyConnection
from integrations.telephony.genesys.client import Account, AudiohookClient
from integrations.telephony.genesys.vendor import PREFIX
from tests.ingest_lines import Server

ORGANIZATION = "d7934305-0972-4844-938e-9060eef73d05"
API_KEY = "SGVsbG8sIEkgYW0gdGhlIEFQSSBrZXkh"
SECRET = base64.b64encode(b"a client secret of some length").decode()
# What a test does not measure may take its time on a machine that is busy.
SECONDS = 60.0


def noise(count: int, seed: int = 3) -> bytes:
    return random.Random(seed).randbytes(count)


def client(
    server: Server, company: Any, connection: TelephonyConnection | str, **changes: Any
) -> AudiohookClient:
    """A client of this connection; `changes` replace fields of its account, or are passed to it."""
    ident = getattr(connection, "pk", connection)
    account = Account(
        url=changes.pop("url", f"ws://{company.host}:{server.port}{PREFIX}{ident}"),
        api_key=changes.pop("api_key", API_KEY),
        secret=changes.pop("secret", SECRET),
        organization_id=changes.pop("organization_id", ORGANIZATION),
    )
    return AudiohookClient(account, address=("127.0.0.1", server.port), **changes)


def call_of(company: Any, session_id: str) -> Conversation:
    with company.scope():
        return Conversation.objects.select_related("customer").get(
            provider="genesys", provider_call_id=session_id
        )
