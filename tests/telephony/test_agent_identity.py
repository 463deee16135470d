"""Who the agent is, by jambonz, our own protocol and an upload: from what is said to the person and the next agent."""

from __future__ import annotations

import base64
import io
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from conversations.live.wire import LineRequest
from conversations.models import Conversation
from integrations.services import connection_create
from integrations.telephony.jambonz import lifecycle as jambonz_lifecycle
from integrations.telephony.jambonz.vendor import JambonzVendor
from integrations.telephony.native.codec import PATH
from integrations.telephony.native.vendor import NativeVendor
from integrations.uploads import services
from integrations.uploads.intake import GivenFile, agent_find
from integrations.uploads.sealing import details_of
from tests.ingest_lines import ingest_key, start_message
from tests.sound_files import sound_file
from tests.telephony.identities import Told, announce, handovers, known, now_at, story


def test_jambonz(company: Any, told: Told) -> None:
    known(company, "jambonz", "7001", "7002")
    with company.scope():
        connection, secret = connection_create(provider="jambonz", name="SBC")
    basic = "Basic " + base64.b64encode(f"cresta:{secret}".encode()).decode()
    browser = company.client()

    def status(state: str, call: str = "c-1", asked: str = "", **more: Any) -> None:
        answer = browser.post(
            f"/hooks/jambonz/{connection.pk}/status/{asked}",
            json.dumps({"call_sid": call, "call_status": state, **more}),
            content_type="application/json",
            headers={"Authorization": basic},
        )
        assert answer.status_code == 204

    request = LineRequest("", str(connection.pk), "", {"authorization": basic}, "")
    said = {"callSid": "c-1", "mixType": "stereo", "sampleRate": 8000, "metadata": {"agent": "7001"}}
    status("trying")
    call = announce(company, JambonzVendor(), request, said)
    assert now_at(company, call) == "Agent" and told.of(call, "agent")
    leg = {"call": "c-2", "parent_call_sid": "c-1", "asked": "?transfer=blind"}
    for state in ("ringing", "in-progress", "in-progress", "completed"):
        status(state, customer_data={"agent": "7002"}, **leg)
    status("completed")
    assert now_at(company, call) == "Teammate" and told.of(call, "teammate")
    assert story(company, call) == ["ringing", "ringing", "connected", "ended"]
    assert handovers(company, call) == [("Agent", "Teammate", "blind")]
    answer = browser.post(f"/hooks/jambonz/{connection.pk}/status/", "{}", content_type="application/json")
    assert answer.status_code == 403
    for table, more in (
        (jambonz_lifecycle.STATES, {}),
        (jambonz_lifecycle.LEG_STATES, {"parent_call_sid": "p"}),
    ):
        for state in [*table, "flying"]:
            body = {"call_sid": "c", "call_status": state, **more}
            events = jambonz_lifecycle.translate(body, {}, received_at=datetime.now(UTC))
            assert [event.phase for event in events] == ([table[state]] if table.get(state) else [])


def test_our_own_protocol(company: Any, told: Told) -> None:
    """The start says the agent; what happens later comes by the API, also before and twice, also what cannot be."""
    known(company, "native", "7001", "7002")
    headers = {"authorization": f"Bearer {ingest_key(company)}"}
    browser, began = company.client(), datetime.now(UTC) - timedelta(seconds=50)

    def event(phase: str, seconds: int, expected: int = 200, **more: Any) -> None:
        of = {"provider": "native", "identifiers": {"call": "call-1"}, "phase": phase, **more}
        of["at"] = (began + timedelta(seconds=seconds)).isoformat()
        answer = browser.post("/api/v1/call-events/", of, content_type="application/json", headers=headers)
        assert answer.status_code == expected, answer.content

    for _twice in range(2):
        event("ivr", 1, 202, reference="i")
    event("queue", 2, 202)
    start = start_message(
        call={"id": "call-1", "agent": "7001"},
        audio={"codec": "mulaw", "sample_rate": 8000, "channels": 2, "roles": ["customer", "agent"]},
    )
    call = announce(company, NativeVendor(), LineRequest(PATH, "", "", headers, ""), start)
    assert now_at(company, call) == "Agent" and told.of(call, "agent")
    event("conference", 3)
    event("connected", 4, agent="7001")
    event("hold", 5)
    event("consult", 6, agent="7002")
    assert now_at(company, call) == "Agent"
    event("connected", 7, agent="7002", transfer="consult")
    event("connected", 8, agent="nobody", transfer="blind")
    assert now_at(company, call) == "unmatched nobody"
    event("ended", 9)
    event("connected", 10, agent="7001")
    expected = ["ivr", "queue", "connected", "hold", "consult", "connected", "connected", "ended"]
    assert story(company, call) == expected and told.of(call, "teammate")
    with company.scope():
        refused = call.phases.filter(refused=True).order_by("at").values_list("phase", flat=True)
        assert list(refused) == ["conference", "connected"]
        found = list(call.handovers.order_by("at", "pk").values_list("to_agent__name", "kind"))
        assert found == [("Teammate", "consult"), (None, "blind")]
        assert list(Conversation.objects.filter(agent=None)) == [call]


def test_an_uploaded_call_names_its_agent(
    company: Any, tmp_path: Any, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": tmp_path},
        },
    }
    monkeypatch.setattr(services, "calls_dispatch", lambda *, ids: None)
    known(company, "genesys", "g-1", "g-2")
    wav = sound_file("wav", "pcm_s16le", 8000, 2)
    with company.scope():
        sent = GivenFile("call.wav", io.BytesIO(wav), len(wav))
        admin = company.people["admin"]
        upload = services.upload_receive(user=admin, source="page", files=[sent], fields={"agent": "g-2"})
        assert agent_find(details_of(upload.calls.get()).agent) == company.people["teammate"]
        assert agent_find("g-3") is None
