"""Plays planted secrets through every entrance, and has the jobs after a call run; returns what people were shown."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.core.management import call_command
from django.utils import timezone

from accounts.models import AuditEvent
from accounts.services import api_key_create, identity_attach
from coaching.replying import model_reply
from conversations.consent import consent_record
from conversations.live.ears import Ears
from conversations.models import (
    ConsentRecord,
    Conversation,
    Customer,
    LegalHold,
    OutboxJob,
    Summary,
    Utterance,
    WaitingMetadata,
)
from conversations.outbox import job_execute
from cresta_app.live import stages
from engines.speech.providers import create
from integrations.services import connection_create
from integrations.telephony.genesys.vendor import GenesysVendor
from integrations.telephony.jambonz.vendor import JambonzVendor
from integrations.telephony.native.vendor import NativeVendor
from integrations.telephony.twilio.client import TwilioSender
from integrations.telephony.twilio.vendor import TwilioVendor
from integrations.uploads import hearing
from integrations.uploads.intake import GivenFile
from integrations.uploads.models import UploadedCall
from integrations.uploads.services import upload_receive
from integrations.webhooks.delivery import endpoint_deliver
from integrations.webhooks.models import WebhookDelivery
from qa.models import Criterion, QualitySettings, ScorecardTemplate
from qa.services import scorecard_publish
from tests.ingest_lines import Server, hear, ingest_key, line, say, server_running
from tests.leaks import vendors
from tests.leaks.places import pretty
from tests.leaks.planted import Planted
from tests.leaks.refused import refused, twilio_said
from tests.live_calls import wait_for, worker_process
from tests.peers.chat import REPLY
from tests.sound_files import bursts, sound_file
from tests.test_live_worker import policy_publish_for_test
from tests.webhook_receiver import Receiver, endpoint_for

VENDORS = (NativeVendor(), TwilioVendor(), GenesysVendor(), JambonzVendor())
TOKEN, ACCOUNT = "12345", "AC" + "0" * 32
SECONDS, SHORT_SECONDS = 34, 9
CALLS = ("native-1", "CA1", *vendors.CALLS)
CHAT = "chat-1"


@dataclass
class Shown:
    """What came out while it was played: pairs of a place and a text."""

    pairs: list[tuple[str, str]] = field(default_factory=list)

    def answer(self, what: str, response: Any) -> Any:
        """Keep an answer as it was sent, and give it back."""
        body = b"".join(response.streaming_content) if response.streaming else response.content
        assert response.status_code < 500, (what, body[:300])
        kind = "page" if response["Content-Type"].startswith("text/html") else "answer"
        self.pairs.append((f"{kind} {what}", pretty(body)))
        return response


def everything(company: Any, planted: Planted, folder: Path, receiver: Receiver, **worker: str) -> Shown:
    """Play it all in a company's scope. `worker`: environment of the live worker's process."""
    shown = Shown()
    script = folder / "script.json"
    script.write_text(json.dumps({"*": planted.script()}))
    _understanding()
    identity_attach(user=company.people["agent"], provider="native", agent_id="7001")
    identity_attach(user=company.people["agent"], provider="twilio", agent_id="7001")
    endpoint, _secret = endpoint_for(receiver)
    with (
        server_running(vendors=VENDORS, start=60.0, idle=60.0, ahead=600.0) as server,
        worker_process(script, folder / "worker.log", **worker),
        vendors.connected(company) as ways,
    ):
        _said_beside(company, planted, shown)
        asyncio.run(_lines(company, planted, server, ways))
        for name, answer in vendors.hooks(company, planted, ways):
            shown.answer(f"{name} hook", answer)
        _written_during(company, planted, shown)
        for name, answer in refused(company, planted, str(_call(CALLS[0]).pk)):
            shown.answer(f"refused {name}", answer)
        _uploads(company, planted, folder, script)
        _chat(company, planted, shown)
        for call in (*CALLS, CHAT):
            wait_for(lambda call=call: _call(call).ended_at is not None, what=f"the end of {call}")
    _jobs()
    _written_after(company, planted, shown)
    _jobs()
    while endpoint_deliver(endpoint_id=endpoint.pk):
        pass
    shown.pairs += [("webhook", pretty(one.body)) for one in receiver.received]
    _read(company, shown)
    return shown


def _call(call_id: str) -> Conversation:
    return Conversation.objects.get(provider_call_id=call_id)


def _understanding() -> None:
    """Moments, guidance and a scorecard, so that there is something to dismiss, to alert of and to dispute."""
    from moments.models import MomentDefinition

    policy_publish_for_test()
    template = ScorecardTemplate.objects.create(name="Service call")
    moment = MomentDefinition.objects.get(key="cancel_threat")
    Criterion.objects.create(
        template=template, section="All", question="Was there a threat?", weight=10, moment=moment
    )
    scorecard_publish(template=template, actor=None)
    # However short the calls are that are played here, and so that scores go out by themselves.
    QualitySettings.objects.create(shortest_seconds=0, release="at_once")


# --- Entrances --------------------------------------------------------------------------------------------


def _said_beside(company: Any, planted: Planted, shown: Shown) -> None:
    """What telephony and CRM say of calls: before one that comes, and of one that never does."""
    client = company.client("admin")
    for call in (CALLS[0], "never-comes"):
        body = {
            "provider": "native",
            "identifiers": {"call": call, "contact": planted.phone_written, "ani": planted.card},
            "queue": f"queue of {planted.email}",
            "metadata": planted.fields,
            "customer": {
                "reference": planted.phone_written,
                "name": f"Mrs. {planted.card_written}",
                "segment": f"gold {planted.ssn_written}",
                "fields": planted.fields,
            },
        }
        shown.answer("call-metadata", _send(client.post, "/api/v1/call-metadata/", body))
        event = {
            "provider": "native",
            "identifiers": {"call": call, "caller": planted.phone_written},
            "phase": "connected",
            "reference": f"answered {planted.card_written}",
        }
        shown.answer("call-events", _send(client.post, "/api/v1/call-events/", event))


async def _lines(company: Any, planted: Planted, server: Server, ways: vendors.Connections) -> None:
    await asyncio.gather(
        _native(company, planted, server),
        _twilio(company, planted, server),
        vendors.lines(company, planted, server, ways),
    )


async def _native(company: Any, planted: Planted, server: Server) -> None:
    start = {
        "type": "start",
        "version": 1,
        "call": {
            "id": CALLS[0],
            "agent": "7001",
            "queue": f"queue {planted.card_written}",
            "customer": {"reference": planted.email, "name": f"{planted.phone_written} {planted.email}"},
            "metadata": planted.fields,
            "identifiers": {"caller": planted.phone_written},
        },
        "audio": {"codec": "mulaw", "sample_rate": 8000, "channels": 2, "roles": ["agent", "customer"]},
    }
    key = await asyncio.to_thread(ingest_key, company)
    async with line(server, company, key) as socket:
        await say(socket, start)
        await hear(socket, "ready", seconds=60)
        for _tenth in range(SECONDS * 10):
            await say(socket, b"\xff" * 1600)
        await say(socket, {"type": "stop"})
        await hear(socket, "stopped", seconds=60)


async def _twilio(company: Any, planted: Planted, server: Server) -> None:
    def connect() -> Any:
        with company.scope():
            return connection_create(
                provider="twilio", name="Twilio", secret=TOKEN, settings={"account_sid": ACCOUNT}
            )[0]

    def hooks() -> None:
        for answer in twilio_said(company, planted, connection, TOKEN, ACCOUNT):
            assert answer.status_code == 204

    connection = await asyncio.to_thread(connect)
    sender = TwilioSender(server.url, company.host, str(connection.pk), TOKEN, public_url=settings.INGEST_URL)
    call = await sender.open(CALLS[1])
    call.start(
        ACCOUNT,
        parameters={
            "agent": "7001",
            "customer": planted.phone_written,
            "customerName": f"caller {planted.phone_written}",
            "card": planted.card,
            "remarks": planted.note,
        },
    )
    for at in range(0, SHORT_SECONDS * 1000, 20):
        for track in ("inbound", "outbound"):
            call.media(track, at, b"\xff" * 160)
    await asyncio.to_thread(hooks)
    call.stop(ACCOUNT)
    assert (await call.closed(60.0)).close_code == 1000


def _written_during(company: Any, planted: Planted, shown: Shown) -> None:
    """What people type while the call goes on, and evidence of what the caller agreed to."""
    agent, admin_client = company.client("agent"), company.client("admin")
    conversation = _call(CALLS[0])
    mine = f"/desk/calls/{conversation.pk}"
    shown.answer("note", _send(agent.post, f"{mine}/note/", {"text": planted.note}))
    for path in ("/knowledge/", "/knowledge/search/", "/api/v1/knowledge/search/"):
        # What it answers goes to who asked, and shows the question.
        assert agent.get(path, {"q": planted.note[:190]}).status_code == 200
    consent_record(
        conversation=conversation,
        purpose="train",
        state="given",
        source="ivr",
        evidence=f"said by {planted.phone_written}",
        at=timezone.now(),
    )
    amended = f"/api/v1/conversations/{conversation.pk}/"
    shown.answer("amend", _send(admin_client.patch, amended, {"metadata": {"late": planted.fields}}))


def _uploads(company: Any, planted: Planted, folder: Path, script: Path) -> None:
    """A file with a form's fields and a manifest by the page, and one by the command; heard here, not by Celery."""
    data = sound_file("flac", "flac", 8000, 2, [bursts(8000, seconds=SECONDS)] * 2)
    name = f"call of {planted.phone_written} {planted.email}.flac"
    manifest = f"file,customer,customer_name,remarks\n{name},{planted.phone_written},,{planted.card}\n"
    files = [GivenFile(name, io.BytesIO(data), len(data))]
    files.append(GivenFile("manifest.csv", io.BytesIO(manifest.encode()), len(manifest)))
    fields = {"agent": "7001", "Campaign": planted.note}
    upload_receive(user=company.people["admin"], source="page", files=files, fields=fields)
    calls = folder / "calls"
    calls.mkdir()
    for spoilt in (planted.card, planted.email):
        (calls / f"{spoilt}.wav").write_bytes(b"no sound at all")
    out = io.StringIO()
    call_command("import_calls", str(calls), company=company.schema, queue=planted.note[:50], stdout=out)
    kit = hearing.Equipment(lambda: Ears(lambda _choice: create("scripted", path=str(script))), stages)
    given, hearing.equipment = hearing.equipment, lambda: kit
    try:
        for call in UploadedCall.objects.exclude(state="failed"):
            hearing.uploaded_call_hear(call_id=call.pk)
    finally:
        hearing.equipment = given
    states = set(UploadedCall.objects.values_list("state", flat=True))
    assert states == {"done", "failed"}, states


def _chat(company: Any, planted: Planted, shown: Shown) -> None:
    """A chat by a chat system's key, with what the company's chat model would answer in it."""
    _key, secret = api_key_create(owner=company.people["admin"], name="chat system", scopes=["ingest"])
    client = company.client(HTTP_AUTHORIZATION=f"Bearer {secret}")
    opening = {
        "external_id": CHAT,
        "agent": company.people["agent"].email,
        "customer": {"reference": planted.phone_written, "name": f"Mrs. {planted.card_written}"},
        "metadata": planted.fields,
    }
    ident = shown.answer("chat", _send(client.post, "/api/v1/chats/", opening)).json()["id"]
    written = (
        ("agent", "can i have the card number please"),
        ("customer", planted.card_written[:9]),
        ("customer", f"{planted.card_written[10:]} and mail {planted.email}"),
        ("customer", planted.note),
    )
    for number, (role, text) in enumerate(written, 1):
        message = {"role": role, "text": text, "message_id": str(number)}
        where = f"/api/v1/chats/{ident}/messages/"
        shown.answer("chat message", _send(client.post, where, message))
    card = model_reply(f"{ident}:{len(written)}")
    assert card is not None and card["replies"] == [(REPLY, "")]
    shown.answer("chat replies", client.get(f"/api/v1/chats/{ident}/replies/"))
    shown.answer("chat end", _send(client.post, f"/api/v1/chats/{ident}/end/", {}))


def _written_after(company: Any, planted: Planted, shown: Shown) -> None:
    """What people type when the call is over."""
    agent, analyst = company.client("agent"), company.client("analyst")
    office = company.client("admin")
    conversation = _call(CALLS[0])
    assert Utterance.objects.filter(conversation=conversation).count() == len(planted.script())
    hint = conversation.guidance.filter(kind="hint").first()
    # As it was a moment ago: the whole call goes by faster than anybody could answer.
    type(hint).objects.filter(pk=hint.pk).update(state="open", settled_at=None, settled_ms=None)
    answer = f"/api/v1/guidance/{hint.pk}/answer/"
    shown.answer("dismiss", _send(agent.post, answer, {"action": "dismiss", "reason": planted.note[:76]}))
    summary = Summary.objects.get(conversation=conversation)
    written = f"Card {planted.card_written}, {planted.email}."
    edited = f"/desk/lines/{summary.lines.first().pk}/"
    shown.answer("summary edit", _send(agent.post, edited, {"text": written}))
    added = f"/desk/calls/{conversation.pk}/lines/"
    shown.answer("summary line", _send(agent.post, added, {"section": "next_steps", "text": planted.note}))
    score = conversation.evaluations.get()
    override = {"answer": str(score.answers.get().pk), "value": "no", "reason": planted.note}
    shown.answer("override", _send(analyst.post, f"/api/v1/scores/{score.pk}/override/", override))
    clip = {"conversation": str(conversation.pk), "start_ms": 0, "end_ms": 600_000}
    clip |= {"title": planted.card_written, "note": planted.note, "comment": planted.note}
    made = shown.answer("clip", _send(analyst.post, "/api/v1/coaching/clips/", clip))
    again = f"/api/v1/coaching/clips/{made.json()['id']}/comments/"
    shown.answer("comment", _send(analyst.post, again, {"text": planted.note}))
    confirm = f"/desk/calls/{conversation.pk}/confirm/"
    shown.answer("confirm", _send(agent.post, confirm, {"disposition": None}))
    customer = conversation.customer
    changed = {
        "reference": customer.reference,
        "name": f"caller {planted.ssn_written}",
        "segment": f"gold {planted.ssn_written}",
        "fields": json.dumps(planted.fields),
    }
    response = office.post(f"/admin/conversations/customer/{customer.pk}/change/", changed)
    assert response.status_code == 302, response.content.decode()[:2000]
    held = {"conversation": str(conversation.pk), "reason": planted.note[:190]}
    response = office.post("/admin/conversations/legalhold/add/", held)
    assert response.status_code == 302 and LegalHold.objects.exists()
    people = f"email,name,role\nnew@{company.schema}.test,{planted.card_written},agent\n"
    file = io.BytesIO(people.encode())
    file.name = "people.csv"
    # A wrong file: it waits in the cache until somebody says whether it is to be taken in.
    assert office.post("/people/import/", {"file": file}).status_code == 200


def _send(method: Any, path: str, body: dict[str, Any]) -> Any:
    response = method(path, json.dumps(body), content_type="application/json")
    assert response.status_code < 400, (path, response.content[:500])
    return response


def _jobs() -> None:
    """Run what waits in the outbox, as the sweep and Celery do, until nothing is left."""
    for _round in range(5):
        waiting = list(OutboxJob.objects.filter(done_at__isnull=True).values_list("pk", flat=True))
        for ident in waiting:
            job_execute(job_id=ident)
        if not waiting:
            return
    failed = OutboxJob.objects.filter(done_at__isnull=True).values_list("task", "last_error")
    raise AssertionError(f"jobs that do not get done: {list(failed)}")


# --- What is shown ------------------------------------------------------------------------------------------


def _read(company: Any, shown: Shown) -> None:
    """Every page and every answer that shows something of these calls, as those who may see most see it."""
    for persona, paths in (("agent", _for_agents()), ("admin", _for_admins())):
        client = company.client(persona)
        for path in paths:
            shown.answer(path, client.get(path))


def _each_call(*parts: str) -> Iterator[str]:
    for ident in Conversation.objects.values_list("pk", flat=True):
        yield from (part.format(ident) for part in parts)


def _for_agents() -> Iterator[str]:
    yield from ("/desk/", "/desk/state/", "/conversations/")
    yield from _each_call("/conversations/{}/", "/conversations/{}/transcript.txt")
    yield f"/desk/calls/{_call(CALLS[0]).pk}/"
    yield f"/desk/calls/{_call(CALLS[0]).pk}/summary.txt"


_API = (
    *("conversations", "utterances", "summaries", "moments", "guidance", "alerts", "scores", "changes"),
    *("uploads", "completeness", "webhook-endpoints", "webhook-deliveries", "users", "telephony-connections"),
    *("redaction-reviews", "redaction-report", "redaction-examples", "redaction-runs", "providers"),
)


def _for_admins() -> Iterator[str]:
    yield from (f"/api/v1/{name}/" for name in _API)
    yield from _each_call(
        "/api/v1/conversations/{}/",
        "/api/v1/conversations/{}/snapshot/",
        "/api/v1/conversations/{}/events/",
        "/api/v1/conversations/{}/consents/",
        "/conversations/{}/",
    )
    yield from ("/floor/", "/uploads/", "/completeness/", "/conversations/", "/people/import/")
    yield from ("/privacy/review/", "/privacy/report/", "/privacy/report.csv", "/privacy/again/")
    yield from (f"/admin/{_label(model)}/" for model in admin.site._registry if model.objects.exists())
    for model in (Customer, WaitingMetadata, AuditEvent, ConsentRecord, LegalHold, WebhookDelivery):
        for ident in model.objects.values_list("pk", flat=True)[:2]:
            yield from (f"/admin/{_label(model)}/{ident}/{page}/" for page in ("change", "history"))


def _label(model: Any) -> str:
    return str(model._meta.label_lower).replace(".", "/")
