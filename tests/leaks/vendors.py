"""Plays planted secrets through vendors' own ways in: their lines, and what their hooks say beside the sound.

Each is said where the vendor has room for it: numbers of callers, attributes, custom configuration, names and
addresses of participants, keys pressed, ids. Genesys AudioHook, jambonz (SIPREC), Five9 and Amazon Connect.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from accounts.services import identity_attach
from conversations.models import CallPhase, Conversation
from integrations.hooks import KEY_HEADER
from integrations.models import AttributeMapping, TelephonyConnection
from integrations.services import connection_create
from integrations.telephony.five9 import voice_pb2
from tests.ingest_lines import Server
from tests.leaks.planted import Planted
from tests.peers.kvs import Kvs, kvs_running
from tests.peers.kvs_stream import CONTACT, pieces_of
from tests.telephony import audiohook
from tests.telephony.test_audiohook_lifecycle import agent, leg, notification
from tests.telephony.test_connect_hooks import AGENT as CONNECT_AGENT
from tests.telephony.test_connect_hooks import agent_info, agent_said, contact_said, flow, signed
from tests.telephony.test_five9 import (
    AGENT,
    CUSTOMER,
    TOKEN,
    Leg,
    config,
    gateway_running,
    said,
    status,
    until,
)
from tests.telephony.test_ingest_vendors import jambonz_line
from tests.telephony.test_kvs_reader import SECRET as CONNECT_SECRET
from tests.telephony.test_kvs_reader import reader_running

SECONDS = 9
HOOK_SECRET = json.loads(CONNECT_SECRET)["hook"]
GENESYS_SESSION, GENESYS_CALL = str(uuid4()), str(uuid4())
JAMBONZ_CALL, FIVE9_CALL = "jambonz-1", "five9-1"
CALLS = (GENESYS_SESSION, JAMBONZ_CALL, FIVE9_CALL, CONTACT)
AGENT_ID = "7001"
VENDORS = ("genesys", "jambonz", "five9", "connect")


@dataclass(frozen=True)
class Connections:
    """The connection of each vendor, and what only its making shows."""

    genesys: TelephonyConnection
    genesys_key: str
    jambonz: TelephonyConnection
    jambonz_password: str
    connect: TelephonyConnection
    kvs: Kvs


@contextmanager
def connected(company: Any) -> Iterator[Connections]:
    """All four, in the company's scope, with Connect's streams served and read."""
    with kvs_running() as kvs:
        settings = {"api_key": audiohook.API_KEY, "organization_id": audiohook.ORGANIZATION}
        genesys, key = connection_create(
            provider="genesys", name="Genesys", secret=audiohook.SECRET, settings=settings
        )
        # Questions come from the agent's side, which the script has first.
        jambonz, password = connection_create(provider="jambonz", name="SBC", settings={"first": "agent"})
        connection_create(provider="five9", name="Five9", secret=TOKEN, settings={"domain_id": "131096"})
        connect, _secret = connection_create(
            provider="connect",
            name="Connect",
            secret=CONNECT_SECRET,
            settings={"region": "us-east-1", "endpoint_url": kvs.url},
        )
        for connection, source, target in (
            (genesys, "custom_config.tier", "customer.segment"),
            (connect, "attributes.remarks", "metadata.note"),
            (jambonz, "metadata.line", "queue"),
        ):
            AttributeMapping.objects.create(connection=connection, source=source, target=target)
        for provider in VENDORS:
            ident = CONNECT_AGENT if provider == "connect" else AGENT_ID
            identity_attach(user=company.people["agent"], provider=provider, agent_id=ident)
        with reader_running():
            yield Connections(genesys, key, jambonz, password, connect, kvs)


async def lines(company: Any, planted: Planted, server: Server, ways: Connections) -> None:
    """The sound of all four, with what their lines say of the call."""
    await asyncio.gather(
        _genesys(company, planted, server, ways),
        _jambonz(company, planted, server, ways),
        _five9(company, planted),
        asyncio.to_thread(_connect, company, planted, ways),
    )


# --- Lines ------------------------------------------------------------------------------------------------


async def _genesys(company: Any, planted: Planted, server: Server, ways: Connections) -> None:
    async with audiohook.client(server, company, ways.genesys, session_id=GENESYS_SESSION) as one:
        await one.open(
            conversationId=GENESYS_CALL,
            participant={
                "id": str(uuid4()),
                "ani": f"tel:+1{planted.phone}",
                "aniName": f"{planted.phone_written} {planted.email}",
                "dnis": planted.phone_written,
            },
            customConfig={
                **planted.fields,
                "tier": f"gold {planted.ssn_written}",
                "queue": f"of {planted.email}",
                "agent": AGENT_ID,
            },
            pings=None,
        )
        for digit in planted.card:
            await one.say("dtmf", {"digit": digit})
        await one.say("error", {"code": 500, "message": planted.note})
        await one.say("update", {"language": planted.email})
        for _frame in range(SECONDS * 5):
            await one.send(b"\xff" * 3200)
        await one.close()
        assert one.heard.faults == []


async def _jambonz(company: Any, planted: Planted, server: Server, ways: Connections) -> None:
    async with jambonz_line(server, company, ways.jambonz, ways.jambonz_password) as socket:
        attributes = {
            "callSid": JAMBONZ_CALL,
            "callId": f"{planted.phone_written}@sbc",
            "sbcCallid": planted.card,
            "parentCallSid": planted.email,
            "direction": "inbound",
            # As a trunk gives numbers: without a plus.
            "from": f"1{planted.phone}",
            "to": planted.phone,
            "callerName": f"{planted.phone} {planted.email}",
            "sampleRate": 8000,
            "mixType": "stereo",
            "metadata": {
                **planted.fields,
                "agent": AGENT_ID,
                "line": planted.card_written,
                "customerName": planted.phone_written,
            },
            "customerData": planted.fields,
        }
        await socket.send(json.dumps(attributes))
        for digit in planted.card:
            await socket.send(json.dumps({"event": "dtmf", "dtmf": digit, "duration": "100"}))
        for _tenth in range(SECONDS * 10):
            await socket.send(b"\0" * 3200)


async def _five9(company: Any, planted: Planted) -> None:
    """Names and remarks have no place there; ids have."""
    wire: Any = voice_pb2
    named = {
        "vcc_call_id": FIVE9_CALL,
        "campaign_id": planted.card,
        "skill_id": planted.email,
        "agent_id": AGENT_ID,
    }
    silence = b"\0" * 1600
    async with gateway_running() as channel:
        customer = await Leg(channel).begin(leg=CUSTOMER, **named)
        its_agent = await Leg(channel).begin(leg=AGENT, **named)
        for tenth in range(SECONDS * 10):
            for each in (its_agent, customer):
                await each.say(said(silence, 100 * tenth + 100))
        for code in ("CLT_CALL_HOLD", "CLT_CALL_RESUME", "CLT_CALL_ENDED"):
            await its_agent.say(status(getattr(wire.StreamingStatus, code)))
        await customer.say(status(wire.StreamingStatus.CLT_CALL_ENDED))
        assert await its_agent.hear() == await customer.hear() == -1
        ended = CallPhase.objects.filter(conversation__provider="five9", phase="ended")
        await until(company.schema, ended.first)
        refused = Leg(channel)
        await refused.say(
            config(CUSTOMER, vcc_call_id=planted.card, domain_id=planted.phone, trust_token="x")
        )
        assert await refused.hear() == wire.StreamingStatus.SRV_ERROR_GENERIC


def _connect(company: Any, planted: Planted, ways: Connections) -> None:
    """A contact flow's event, the stream it names, and the events of the contact and its agent."""
    silence = b"\0" * (SECONDS * 16_000)
    ways.kvs.stream.pieces = pieces_of(silence, silence)
    streams = {
        "Customer": {
            "Audio": {
                "StreamARN": "arn:aws:kinesisvideo:us-east-1:111122223333:stream/connect-test/1",
                "StartFragmentNumber": ways.kvs.stream.pieces[0].number,
                "StartTimestamp": "1700000000000",
            }
        }
    }
    texts = {name: value for name, value in planted.fields.items() if isinstance(value, str)}
    texts |= {
        "remarks": planted.note,
        "customerName": f"{planted.phone_written} {planted.email}",
        "callback": planted.phone,
        "IVR_digits_card": planted.card,
    }
    event = flow(
        CONTACT,
        Attributes=texts,
        InitialContactId=CONTACT,
        CustomerEndpoint={"Address": f"+1{planted.phone}", "Type": "TELEPHONE_NUMBER"},
        CustomerId=planted.ssn_written,
        Description=planted.note,
        Name=planted.note,
        References={"ref": {"Type": "EMAIL", "Value": planted.email}},
        SystemEndpoint={"Address": f"+1{planted.phone}", "Type": "TELEPHONE_NUMBER"},
        Queue={"ARN": f"queue/{planted.email}", "Name": f"of {planted.card_written}"},
        MediaStreams=streams,
    )
    event["Details"]["Parameters"] = {"step": planted.note, **texts}
    hook = f"/hooks/connect/{ways.connect.pk}"
    client = company.client()
    answer = signed(client, f"{hook}/lambda/", event, secret=HOOK_SECRET)
    assert answer.json()["status"] == "announced", answer.content
    other = contact_said(
        "QUEUED", str(uuid4()), queueInfo={"queueArn": planted.email}, initialContactId=f"+1{planted.phone}"
    )
    coming = contact_said(
        "CONNECTED_TO_AGENT",
        CONTACT,
        initialContactId=CONTACT,
        agentInfo=agent_info(),
        customerEndpoint={"address": planted.phone_written},
        tags={"note": planted.note},
    )
    held = agent_said("CONNECTED_ONHOLD", "CONNECTED")
    for snapshot in ("CurrentAgentSnapshot", "PreviousAgentSnapshot"):
        held[snapshot]["Configuration"] |= {"Username": planted.email, "FirstName": planted.note}
        held[snapshot]["Contacts"][0] |= {"ContactId": CONTACT, "Queue": {"Name": planted.note}}
    left = contact_said(
        "DISCONNECTED",
        CONTACT,
        at="10:05:00",
        initialContactId=CONTACT,
        disconnectReason=f"by {planted.phone_written}",
        disconnectTimestamp="2026-11-20T10:05:00Z",
    )
    for one in (other, [coming, held], left):
        answer = signed(client, f"{hook}/events/", one, secret=HOOK_SECRET)
        assert answer.status_code == 202, answer.content


# --- Hooks ------------------------------------------------------------------------------------------------


def hooks(company: Any, planted: Planted, ways: Connections) -> Iterator[tuple[str, Any]]:
    """What Genesys's notifications and jambonz's statuses say, and requests that are wrong: kinds and answers."""
    client = company.client()
    customer = leg("customer", "connected", since=0, attributes=planted.fields)
    customer |= {
        "name": planted.note,
        "address": f"tel:+1{planted.phone}",
        "ani": planted.phone,
        "externalContactId": planted.phone_written,
        "externalOrganizationId": planted.email,
    }
    for ident in (GENESYS_CALL, str(uuid4())):
        told = notification(customer, agent(AGENT_ID, "connected", since=0, name=planted.note), id=ident)
        told["eventBody"]["participants"][1]["queueId"] = planted.email
        path = f"/hooks/genesys/{ways.genesys.pk}/events/"
        yield "genesys", _posted(client, path, told, {KEY_HEADER: ways.genesys_key})
        yield "genesys", _posted(client, path, [planted.note, {"eventBody": planted.note}], {KEY_HEADER: "x"})
    basic = base64.b64encode(f"cresta:{ways.jambonz_password}".encode()).decode()
    for call in (JAMBONZ_CALL, planted.card, planted.phone_written):
        state = {
            "call_sid": call,
            "call_status": "in-progress" if call == JAMBONZ_CALL else "ringing",
            "call_id": planted.phone_written,
            "from": planted.phone,
            "caller_name": planted.note,
            "customer_data": planted.fields,
        }
        path = f"/hooks/jambonz/{ways.jambonz.pk}/status/?transfer={planted.card}"
        yield "jambonz", _posted(client, path, state, {"Authorization": f"Basic {basic}"})
    for wrong in (planted.note, {"Details": {"ContactData": {"ContactId": planted.note}}}, [planted.note]):
        for part in ("lambda", "events"):
            yield (
                "connect",
                signed(client, f"/hooks/connect/{ways.connect.pk}/{part}/", wrong, secret=HOOK_SECRET),
            )


def _posted(client: Any, path: str, body: object, headers: dict[str, str]) -> Any:
    return client.post(path, json.dumps(body), content_type="application/json", headers=headers)


def left_by(planted: Planted) -> dict[str, tuple[set[str], set[str]]]:
    """Per vendor the traces in what is kept of its call, and in what was said. In the company's scope."""
    found = {}
    for row in Conversation.objects.filter(provider__in=(*VENDORS, "native", "twilio")):
        beside = json.dumps(row.metadata, ensure_ascii=False)
        spoken = "\n".join(row.utterances.values_list("text", flat=True))
        found[row.provider] = (set(planted.traces(beside)), set(planted.traces(spoken)))
    return found
