"""Twilio's way in: a path per connection, a signature over it, and the TwiML that brings a call here."""

from __future__ import annotations

from urllib.parse import urlsplit

from django.utils.html import escape
from django.utils.translation import gettext as _

from conversations.live.wire import (
    CallStart,
    CloseCode,
    LineRequest,
    LineVendor,
    ProtocolError,
)
from integrations.connections import ConnectionAdmission, connection_of, connection_seen, secrets_of
from integrations.mapping import plain_rules
from integrations.models import TelephonyConnection
from integrations.telephony.twilio.codec import SOURCE, TwilioCodec
from integrations.telephony.twilio.signature import is_signed

PREFIX = "/ingest/twilio/"
PLAIN = plain_rules("customParameters")


class TwilioAdmission(ConnectionAdmission):
    """Knows the account."""

    def prepare(self, call: CallStart) -> CallStart:
        check_account(self.connection, call.identifiers.get("account_sid", ""))
        # All of the company's calls share it: as a call's own id it would join what is said of any of them to this one.
        own = {kind: value for kind, value in call.identifiers.items() if kind != "account_sid"}
        return super().prepare(call.model_copy(update={"identifiers": own}))


class TwilioVendor(LineVendor):
    """Streams of one and of both tracks, signed."""

    source = SOURCE
    prefix = PREFIX

    def codec(self, request: LineRequest) -> TwilioCodec:
        return TwilioCodec()

    def admit(self, request: LineRequest) -> TwilioAdmission:
        """Check the signature. Raises `ProtocolError`."""
        signature = request.headers.get("x-twilio-signature", "")
        if not signature:
            raise ProtocolError(CloseCode.NO_KEY, "X-Twilio-Signature is required")
        connection = connection_of(SOURCE, request)
        # Twilio knows streams as wss alone, whatever our own proxies speak.
        url = urlsplit(request.url)._replace(scheme="wss").geturl()
        if not is_signed(signature, secrets_of(connection), url):
            raise ProtocolError(CloseCode.BAD_SIGNATURE, "the signature does not fit this address and token")
        connection_seen(connection)
        # On a leg that was dialled to the agent, what comes in is the agent's voice.
        return TwilioAdmission(connection, plain=PLAIN, turned=connection.setting("inbound") == "agent")


def check_account(connection: TelephonyConnection, account_sid: str) -> None:
    """Raise `ProtocolError` for another account than the connection's, when it names one."""
    ours = connection.setting("account_sid")
    if ours and ours != account_sid:
        raise ProtocolError(CloseCode.UNKNOWN_ACCOUNT, "this account is not the connection's")


def setup_text(connection: TelephonyConnection, url: str, status_url: str) -> str:
    """The TwiML to paste: both sides of a call, and below it the customer's side alone."""
    line, status = escape(url), escape(status_url)

    def stream(track: str) -> str:
        return (
            "<Response>\n"
            "  <Start>\n"
            f'    <Stream url="{line}"\n'
            f'            track="{track}"\n'
            f'            statusCallback="{status}">\n'
            '      <Parameter name="agent" value="AGENT-ID"/>\n'
            '      <Parameter name="customer" value="CUSTOMER-REFERENCE"/>\n'
            '      <Parameter name="queue" value="QUEUE-KEY"/>\n'
            "    </Stream>\n"
            "  </Start>\n"
            "  <!-- the call goes on here, whether we answer or not: Dial, Enqueue, … -->\n"
            "</Response>"
        )

    both, one = _("Both sides of the call:"), _("The caller's side only:")
    return f"{both}\n\n{stream('both_tracks')}\n\n{one}\n\n{stream('inbound_track')}\n"
