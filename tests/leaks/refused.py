"""Requests that are refused, with planted secrets where they do not belong: what is wrong with them is said, not them.

Each gives what it was and its answer. An answer goes to whoever asked, whose log it may end in.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from integrations.telephony.twilio.signature import sign
from tests.leaks.planted import Planted


def refused(company: Any, planted: Planted, call_id: str) -> Iterator[tuple[str, Any]]:
    """Wrong requests to the APIs, wrong addresses, and somebody who signs in with what is a customer's."""
    office, nobody = company.client("admin"), company.client()
    identifiers = {"call": "refused-1"}
    known = {"provider": "native", "identifiers": identifiers}
    bodies: list[tuple[str, Any]] = [
        ("call-metadata", {**known, "provider": planted.note}),
        ("call-metadata", {**known, "metadata": planted.note}),
        ("call-metadata", {**known, "metadata": {"a": {"b": {"c": {"d": {"e": {"f": planted.note}}}}}}}),
        ("call-metadata", {**known, "direction": planted.card_written}),
        ("call-metadata", {**known, "language": planted.email}),
        ("call-metadata", {**known, planted.email: planted.note, "customer": {planted.note: planted.card}}),
        ("call-metadata", {**known, "customer": {"reference": "", "name": planted.note * 9}}),
        ("call-events", {**known, "phase": planted.note}),
        ("call-events", {**known, "phase": "connected", "at": planted.card_written}),
        ("call-events", {**known, "pci": "pause", "reference": planted.note[:100]}),
        ("redaction/try", {"text": [planted.note]}),
        ("redaction/preview", {"profile": planted.note, "regions": [planted.card]}),
        (
            "redaction-types",
            {"name": planted.email, "patterns": [f"{planted.note}(?=x)"], "words": planted.card},
        ),
        ("redaction-runs", {"since": planted.ssn_written}),
        (f"conversations/{call_id}/consents", {"purpose": planted.note, "state": planted.email}),
        ("webhook-endpoints", {"url": f"https://{planted.mailbox}.invalid/{planted.card}", "events": ["x"]}),
    ]
    for path, body in bodies:
        yield path, _post(office, f"/api/v1/{path}/", json.dumps(body))
    yield "not JSON", _post(office, "/api/v1/call-metadata/", f'{{"metadata": "{planted.note}')
    yield (
        "amend",
        office.patch(
            f"/api/v1/conversations/{call_id}/",
            json.dumps({"metadata": planted.note, "language": planted.card}),
            content_type="application/json",
        ),
    )
    # The address itself is wrong: answers do not repeat it, and no log names it whole.
    for path in (f"/conversations/{planted.card}/", f"/nothing/{planted.email}/{planted.phone_written}"):
        yield "nowhere", office.get(path)
    for name in ("state", "agent", "started_at__gte", "cursor"):
        yield "wrong filter", office.get("/api/v1/conversations/", {name: planted.card_written})
    for person in (planted.email, planted.card):
        # The page shows what was typed to who typed it.
        response = nobody.post("/sign-in/", {"username": person, "password": planted.password})
        assert response.status_code == 200
        nobody.post("/password/reset/", {"email": person})
    path = "/hooks/twilio/nobody/status/"
    fields = {"CallSid": planted.card, "From": planted.phone_written, "CallStatus": planted.note}
    yield "twilio hook", nobody.post(path, fields, headers={"X-Twilio-Signature": planted.note})


def twilio_said(company: Any, planted: Planted, connection: Any, token: str, account: str) -> Iterator[Any]:
    """Twilio's status callbacks of a call that is on and of one that never comes."""
    client = company.client()
    for call in ("CA1", planted.phone_written):
        path = f"/hooks/twilio/{connection.pk}/status/?agent=7001"
        fields = {
            "AccountSid": account,
            "CallSid": call,
            "ParentCallSid": planted.card,
            "CallStatus": "in-progress",
            "From": planted.phone_written,
            "To": planted.phone,
            "CallerName": planted.note,
            "ParticipantLabel": planted.email,
        }
        signature = sign(token, f"https://{company.host}{path}", fields.items())
        yield client.post(path, fields, headers={"X-Twilio-Signature": signature})


def _post(client: Any, path: str, body: str) -> Any:
    return client.post(path, body, content_type="application/json")
