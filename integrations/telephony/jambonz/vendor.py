"""jambonz's way in: a path per connection, HTTP basic authentication, and what to paste into an application there."""

from __future__ import annotations

import base64
import hmac
import json
from binascii import Error as Base64Error
from collections.abc import Iterable

from django.utils.translation import gettext as _

from conversations.live.wire import CloseCode, LineRequest, LineVendor, ProtocolError
from integrations.connections import ConnectionAdmission, connection_of, connection_seen, secrets_of
from integrations.mapping import Rule, plain_rules
from integrations.models import TelephonyConnection
from integrations.telephony.jambonz.codec import SOURCE, SUBPROTOCOL, JambonzCodec

PREFIX = "/ingest/jambonz/"
USER = "cresta"
PLAIN = (
    *plain_rules("metadata"),
    *plain_rules("customerData"),
    Rule("from", "customer.reference"),
)


class JambonzVendor(LineVendor):
    """`listen` sessions, mono or stereo."""

    source = SOURCE
    prefix = PREFIX
    subprotocols = (SUBPROTOCOL,)

    def codec(self, request: LineRequest) -> JambonzCodec:
        return JambonzCodec()

    def admit(self, request: LineRequest) -> ConnectionAdmission:
        """Check user and password. Raises `ProtocolError`."""
        authorization = request.headers.get("authorization", "")
        if not authorization.lower().startswith("basic "):
            raise ProtocolError(CloseCode.NO_KEY, "HTTP basic authentication is required")
        connection = connection_of(SOURCE, request)
        if not is_known(connection, secrets_of(connection), authorization):
            raise ProtocolError(CloseCode.NO_KEY, "user or password is wrong")
        connection_seen(connection)
        # Whose voice comes first in a stereo recording.
        return ConnectionAdmission(connection, plain=PLAIN, turned=connection.setting("first") == "agent")


def is_known(connection: TelephonyConnection, secrets: Iterable[str], authorization: str) -> bool:
    """Whether the value of an `Authorization` header has the connection's user and one of its secrets."""
    scheme, _space, encoded = authorization.partition(" ")
    try:
        given = base64.b64decode(encoded.strip(), validate=True)
    except (Base64Error, ValueError):
        given = b""
    user = connection.setting("username") or USER
    good = False
    for secret in secrets:
        good |= hmac.compare_digest(f"{user}:{secret}".encode(), given)
    return good and scheme.lower() == "basic"


def setup_text(connection: TelephonyConnection, url: str, status_url: str) -> str:
    """The verb to put before the dial of an application."""
    verb = {
        "verb": "listen",
        "url": url,
        "mixType": "stereo",
        "sampleRate": 8000,
        "passDtmf": False,
        "wsAuth": {"username": connection.setting("username") or USER, "password": "THE-SECRET"},
        "metadata": {"agent": "AGENT-ID", "queue": "QUEUE-KEY"},
    }
    verb_head = _("The verb for the application that answers the recording session:")
    status_head = _("Its call status hook (POST, with the same user and password):")
    return f"{verb_head}\n\n{json.dumps(verb, indent=2)}\n\n{status_head}\n\n{status_url}\n"
