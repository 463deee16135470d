"""Who may send AudioHook sessions, and who may not: through a real server."""

from __future__ import annotations

import asyncio
import base64
import time
from typing import Any
from uuid import uuid4

import pytest

from conversations.models import CallLedger
from integrations.models import TelephonyConnection
from integrations.services import connection_create, connection_secret_set
from integrations.telephony.genesys import vendor
from integrations.telephony.genesys.client import AudiohookClient
from tests.ingest_lines import Server
from tests.telephony.audiohook import SECONDS, SECRET, client

pytestmark = pytest.mark.usefixtures("short_goodbyes")


@pytest.mark.parametrize(
    ("changes", "headers", "code"),
    [
        ({"secret": base64.b64encode(b"another").decode()}, {}, 4423),
        ({"secret": ""}, {}, 4423),  # not signed at all
        ({"api_key": "another"}, {}, 4423),
        ({}, {"audiohook-session-id": str(uuid4())}, 4423),
        ({}, {"x-api-key": "another"}, 4423),
        ({"organization_id": str(uuid4())}, {}, 4424),
    ],
)
def test_who_may_not_send(
    committed: Any,
    audiohook_server: Server,
    genesys: TelephonyConnection,
    changes: dict[str, str],
    headers: dict[str, str],
    code: int,
) -> None:
    company = committed.northwind

    async def talk() -> tuple[AudiohookClient, float]:
        one = client(audiohook_server, company, genesys, **changes)
        signed = one.headers() | headers
        one.session_id = signed["audiohook-session-id"]
        one._given = signed
        began = time.monotonic()
        async with one:
            with pytest.raises(ConnectionError):
                await one.open(pings=None)
            await one.ended()
            return one, time.monotonic() - began

    one, seconds = asyncio.run(talk())
    assert seconds >= vendor.REFUSAL_SECONDS and one.heard.close_code == code
    assert [message["type"] for message in one.heard.messages] == ["disconnect"]
    assert one.heard.faults == []
    said = one.heard.messages[0]["parameters"]
    assert said["reason"] == "unauthorized" and SECRET not in said["info"]
    with company.scope():
        (row,) = CallLedger.objects.filter(source="genesys")
        assert (row.state, row.close_code) == (CallLedger.State.REFUSED, code)


def test_connections_that_are_none(
    committed: Any, audiohook_server: Server, genesys: TelephonyConnection
) -> None:
    async def knock(company: Any, ident: Any) -> int | None:
        async with client(audiohook_server, company, ident) as one:
            return await one.ended()

    for company, ident in (
        (committed.northwind, str(uuid4())),
        (committed.northwind, "nonsense"),
        (committed.acme, genesys),
    ):
        assert asyncio.run(knock(company, ident)) == 4424


def test_a_request_counts_once(
    committed: Any, audiohook_server: Server, genesys: TelephonyConnection
) -> None:
    first = client(audiohook_server, committed.northwind, genesys)
    headers = first.headers()

    async def talk() -> tuple[str, str, int | None]:
        first._given = headers
        async with first:
            await first.open(pings=None)
            again = client(
                audiohook_server, committed.northwind, genesys, headers=headers, session_id=first.session_id
            )
            async with again:
                refusal = await again.wait("disconnect", seconds=SECONDS)
                code = await again.ended()
            closed = await first.close()
            return refusal["parameters"]["reason"], closed["type"], code

    assert asyncio.run(talk()) == ("unauthorized", "closed", 4423)


def test_a_new_secret_and_the_one_before(
    committed: Any, audiohook_server: Server, genesys: TelephonyConnection
) -> None:
    with committed.northwind.scope():
        newer = connection_secret_set(connection=genesys)

    async def talk(secret: str) -> str:
        async with client(audiohook_server, committed.northwind, genesys, secret=secret) as one:
            await one.open(pings=None)
            return str((await one.close())["type"])

    assert [asyncio.run(talk(secret)) for secret in (SECRET, newer)] == ["closed", "closed"]


def test_where_a_company_asks_for_no_signature(committed: Any, audiohook_server: Server) -> None:
    with committed.northwind.scope():
        made, key = connection_create(
            provider="genesys", name="unsigned", settings={"signature_required": False}
        )

    async def talk(api_key: str) -> int | None:
        async with client(audiohook_server, committed.northwind, made, secret="", api_key=api_key) as one:
            await one.say("open", {})
            return await one.ended()

    assert [asyncio.run(talk(api_key)) for api_key in ("another", key)] == [4401, 4422]
