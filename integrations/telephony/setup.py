"""What a company pastes at a vendor: addresses of its own, and the text that each vendor's folder makes of them."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

from conversations.live.ingest import public_url
from integrations.models import TelephonyConnection
from integrations.telephony.genesys import vendor as genesys
from integrations.telephony.jambonz import vendor as jambonz
from integrations.telephony.twilio import vendor as twilio

# Makes the text from the connection, its line's address and its status callback's.
SetupText = Callable[[TelephonyConnection, str, str], str]

_TEXTS: dict[str, SetupText] = {
    "genesys": lambda connection, url, _status: genesys.setup_text(connection, url),
    "twilio": twilio.setup_text,
    "jambonz": jambonz.setup_text,
}


def line_url(connection: TelephonyConnection, host: str) -> str:
    """Where the vendor's lines go, on the company's host: `wss`, which is what vendors see in front of a proxy."""
    path = (
        "/ingest/audio"
        if connection.provider == "native"
        else f"/ingest/{connection.provider}/{connection.pk}"
    )
    return urlsplit(public_url(host, path))._replace(scheme="wss").geturl()


def status_url(connection: TelephonyConnection, host: str) -> str:
    """Where the vendor says by HTTP what became of a stream, on the company's host."""
    return f"https://{host}/hooks/{connection.provider}/{connection.pk}/status/"


def setup_text(connection: TelephonyConnection, host: str) -> str:
    """What to paste at the vendor; for those without a text of their own, the address."""
    url = line_url(connection, host)
    text = _TEXTS.get(connection.provider)
    return text(connection, url, status_url(connection, host)) if text else url
