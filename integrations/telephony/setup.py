"""What a company pastes at a vendor: addresses of its own, and the text that each vendor's folder makes of them."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

from conversations.live.ingest import public_url
from integrations.models import TelephonyConnection
from integrations.telephony.connect import recipe as connect
from integrations.telephony.five9 import recipe as five9
from integrations.telephony.genesys import vendor as genesys
from integrations.telephony.jambonz import vendor as jambonz
from integrations.telephony.twilio import vendor as twilio

# Makes the text from the connection, its line's address, the base of its hooks' addresses, and the company's host.
SetupText = Callable[[TelephonyConnection, str, str, str], str]

_TEXTS: dict[str, SetupText] = {
    "genesys": lambda connection, line, hooks, _host: genesys.setup_text(
        connection, line, f"{hooks}/events/"
    ),
    "twilio": lambda connection, line, hooks, _host: twilio.setup_text(connection, line, f"{hooks}/status/"),
    "jambonz": lambda connection, line, hooks, _host: jambonz.setup_text(
        connection, line, f"{hooks}/status/"
    ),
    "connect": lambda connection, _line, hooks, _host: connect.setup_text(connection, hooks),
    "five9": lambda connection, _line, _hooks, host: five9.setup_text(connection, host),
}
_PATHS = {
    "native": "/ingest/audio",
    "twilio": "/ingest/twilio/{}",
    "genesys": "/ingest/genesys/{}",
    "jambonz": "/ingest/jambonz/{}",
}


def line_url(connection: TelephonyConnection, host: str) -> str:
    """Where the vendor's lines go, on the company's host: `wss`, which is what vendors see in front of a proxy.

    "" for vendors whose audio does not come by a line.
    """
    path = _PATHS.get(connection.provider)
    if path is None:
        return ""
    return urlsplit(public_url(host, path.format(connection.pk)))._replace(scheme="wss").geturl()


def hooks_url(connection: TelephonyConnection, host: str) -> str:
    """Where the vendor's HTTP requests go, on the company's host, without the last part that says which."""
    return f"https://{host}/hooks/{connection.provider}/{connection.pk}"


def setup_text(connection: TelephonyConnection, host: str) -> str:
    """What to paste at the vendor; for those without a text of their own, the address."""
    url = line_url(connection, host)
    text = _TEXTS.get(connection.provider)
    return text(connection, url, hooks_url(connection, host), host) if text else url
