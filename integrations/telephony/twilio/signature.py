"""Twilio's signature: base64 of HMAC-SHA1, with the account's auth token, over the address as Twilio was given it.

For a stream that is the whole `wss://` address; for HTTP callbacks the `https://` address and the form's fields,
sorted by name and value, joined to it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterable
from urllib.parse import urlsplit, urlunsplit

Fields = Iterable[tuple[str, str]]


def sign(token: str, url: str, fields: Fields = ()) -> str:
    """The signature of a request."""
    text = url + "".join(name + value for name, value in sorted(set(fields)))
    return base64.b64encode(hmac.new(token.encode(), text.encode(), hashlib.sha1).digest()).decode()


def spellings(url: str) -> tuple[str, ...]:
    """An address with and without its port: proxies and Twilio do not agree on whether to name it."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    ports = {parts.port, 443 if parts.scheme in {"wss", "https"} else 80} - {None}
    hosts = [host, *(f"{host}:{port}" for port in sorted(port for port in ports if port))]
    return tuple(urlunsplit(parts._replace(netloc=spelled)) for spelled in hosts)


def is_signed(signature: str, tokens: Iterable[str], url: str, fields: Fields = ()) -> bool:
    """Whether one of the tokens made this signature. Takes the same time whichever it was."""
    pairs = list(fields)
    given, found = signature.encode("utf-8", "replace"), False
    for token in tokens:
        for spelled in spellings(url):
            found |= hmac.compare_digest(sign(token, spelled, pairs).encode(), given)
    return found
