"""Genesys Cloud's way in: who may send AudioHook sessions, and which call a session belongs to.

A connection's secret is the client secret of the AudioHook integration (base64). Its settings:

    api_key              the API key of the integration, required where requests are signed
    organization_id      the Genesys organisation that may send; any, if there is none
    signature_required   false: also requests without a signature, whose API key is then the connection's secret
"""

from __future__ import annotations

import hashlib
import hmac
import time
from urllib.parse import urlsplit

from django.core.cache import cache
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _

from conversations.correlation import conversations_by, identifiers_add
from conversations.live.wire import (
    Admission,
    CallStart,
    CloseCode,
    LineRequest,
    LineVendor,
    ProtocolError,
)
from integrations.connections import ConnectionAdmission, connection_of, connection_seen, secrets_of
from integrations.mapping import plain_rules
from integrations.models import Provider, TelephonyConnection
from integrations.telephony.genesys import attributes, signature
from integrations.telephony.genesys.codec import SOURCE, AudiohookCodec
from tenants.scope import current_schema

PREFIX = "/ingest/genesys/"
# Where the client may be slow to hang up: it closes the connection itself.
LINGER_SECONDS = 2.0
# As Genesys's reference server: how long it took to find out says nothing about what was wrong.
REFUSAL_SECONDS = 0.5
ORGANIZATION_HEADER = "audiohook-organization-id"


class GenesysVendor(LineVendor):
    """AudioHook sessions at `/ingest/genesys/<connection>`."""

    source = SOURCE
    prefix = PREFIX
    live = True
    linger_seconds = LINGER_SECONDS
    refusal_seconds = REFUSAL_SECONDS

    def codec(self, request: LineRequest) -> AudiohookCodec:
        headers = request.headers
        return AudiohookCodec(
            session_id=headers.get("audiohook-session-id", ""),
            organization_id=headers.get(ORGANIZATION_HEADER, ""),
            correlation_id=headers.get("audiohook-correlation-id", ""),
        )

    def admit(self, request: LineRequest) -> Admission:
        """Check connection, organisation and signature. Raises `ProtocolError`."""
        connection = connection_of(Provider.GENESYS, request)
        try:
            nonce = _signed(connection, request)
        except signature.Unsigned as error:
            _unsigned(connection, request, error)
        else:
            _first_use(connection, nonce)
        organization = connection.setting("organization_id").strip().lower()
        if organization and organization != request.headers.get(ORGANIZATION_HEADER, "").strip().lower():
            raise ProtocolError(CloseCode.UNKNOWN_ACCOUNT, "this organisation is not that of the connection")
        connection_seen(connection)
        return GenesysAdmission(connection, plain=plain_rules("custom_config"))


class GenesysAdmission(ConnectionAdmission):
    """A session that may send. One that continues another belongs to that one's call."""

    def prepare(self, call: CallStart) -> CallStart:
        number = call.customer.reference if call.customer else ""
        return _without_numbers(super().prepare(_joined(call)), number)


def setup_text(connection: TelephonyConnection, url: str, events_url: str) -> str:
    """What to enter in Genesys Cloud: the AudioHook Monitor integration, and where notifications are posted."""
    return "\n".join(
        (
            f"Connection URI: {url}",
            "Channel: both",
            f"API key: {connection.setting('api_key') or _('(setting api_key of this connection)')}",
            "Client secret: " + _("the connection's secret, in base64"),
            "",
            _("Notifications, which say who the agent is (signed, or with the secret as X-Api-Key):"),
            events_url,
        )
    )


def _signed(connection: TelephonyConnection, request: LineRequest) -> str:
    """The nonce of a request whose signature is good. Raises `signature.Unsigned` and `ProtocolError`."""
    api_key, failure = connection.setting("api_key"), ""
    for secret in secrets_of(connection):
        try:
            return signature.check(
                request.headers,
                request_target=f"{request.path}?{request.query}" if request.query else request.path,
                authorities=_authorities(request),
                api_key=api_key,
                secret=signature.secret_bytes(secret),
                now=time.time(),
            ).nonce
        except signature.Unsigned:
            raise
        except (signature.SignatureError, ValueError) as error:
            failure = str(error)
    raise ProtocolError(CloseCode.BAD_SIGNATURE, failure)


def _unsigned(connection: TelephonyConnection, request: LineRequest, error: Exception) -> None:
    """Let a request in by its API key alone, where the company allows that. Raises `ProtocolError`."""
    if connection.settings.get("signature_required", True) is not False:
        raise ProtocolError(CloseCode.BAD_SIGNATURE, str(error))
    given = request.headers.get("x-api-key", "").encode("utf-8", "surrogateescape")
    matches = [hmac.compare_digest(given, secret.encode()) for secret in secrets_of(connection)]
    if not any(matches):
        raise ProtocolError(CloseCode.NO_KEY, "this API key is not that of the connection")


def _authorities(request: LineRequest) -> list[str]:
    """The names that Genesys may have signed: the address we gave it, and the host that it asked for."""
    asked = request.headers.get("host", "").strip().lower()
    names = [urlsplit(request.url).netloc.lower(), asked, asked.removesuffix(":443")]
    return list(dict.fromkeys(name for name in names if name))


def _first_use(connection: TelephonyConnection, nonce: str) -> None:
    """Remember a nonce for as long as its signature is good. Raises `ProtocolError` for one that was used.

    It is kept in Redis under the company's name, so that every process knows it.
    """
    digest = hashlib.sha256(f"{connection.pk}:{nonce}".encode()).hexdigest()
    if not cache.add(f"audiohook-nonce:{digest}", 1, timeout=signature.NONCE_SECONDS):
        raise ProtocolError(CloseCode.BAD_SIGNATURE, "this request was made before")


def _joined(call: CallStart) -> CallStart:
    """The call that a continuing session goes on with, or this one's own if we know of none."""
    fields = dict(call.metadata)
    continued = fields.pop(attributes.CONTINUED, None)
    if not continued:
        return call
    before = (
        conversations_by(SOURCE, continued)
        .filter(provider=SOURCE, metadata__conversation_id=call.identifiers[attributes.CONVERSATION])
        .first()
    )
    if before is None or not before.is_live:
        return call
    # A third session may name only the second: it is known by its own id from now on.
    identifiers_add(conversation_id=before.pk, provider=SOURCE, identifiers=call.identifiers)
    return call.model_copy(update={"id": before.provider_call_id, "metadata": fields})


def _without_numbers(call: CallStart, number: str) -> CallStart:
    """The call without anybody's phone number, once the company's rules have read it.

    Redaction knows numbers by how they are written; these are numbers however they are written.
    """
    fields = {
        name: attributes.PHONE if name in (attributes.ANI, attributes.DNIS) else value
        for name, value in call.metadata.items()
    }
    customer = call.customer
    if customer is not None and customer.reference == number:
        digits = "".join(character for character in number if character.isdigit())
        code = salted_hmac(f"customer:{current_schema()}", digits).hexdigest()[:24]
        customer = customer.model_copy(update={"reference": f"hidden-{code}"})
    return call.model_copy(update={"metadata": fields, "customer": customer})
