"""Requests to addresses that companies name: never into a network of ours, whatever a name resolves to.

The host is resolved here, each of its addresses is judged, and the connection goes to an address that was judged, not
to the name again (a name may answer differently a moment later). TLS and `Host` keep the name. Redirects are not
followed, answers are read up to a limit, and one deadline holds for everything after the name was resolved.
"""

from __future__ import annotations

import http.client
import io
import ipaddress
import re
import socket
import ssl
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from urllib.parse import SplitResult, urlsplit

from django.conf import settings

from engines.addresses import Address, Reach, address_read, reach

TIMEOUT_SECONDS = 15.0
ANSWER_BYTES = 64 * 1024
URL_LENGTH = 500

Resolve = Callable[[str, int], Iterable[str]]

# The last part of a host that would be read as a number: `127.1`, `0x7f000001`, `2130706433`, `0177.0.0.1`.
_NUMERIC = re.compile(r"(^|\.)(0[xX][0-9a-fA-F]*|[0-9]+)\.?$")
_HOST = re.compile(r"[a-z0-9]([a-z0-9_-]{0,62}\.)*[a-z0-9_-]*\.?", re.IGNORECASE)


class Trouble(StrEnum):
    """Why no answer came, in one word for programs; each place that shows it has its own words."""

    ADDRESS = "address"
    SCHEME = "scheme"
    CREDENTIALS = "credentials"
    PRIVATE = "private"
    NO_HOST = "no_host"
    CONNECTION = "connection"
    TLS = "tls"
    TIMEOUT = "timeout"
    PROTOCOL = "protocol"


class EgressError(Exception):
    """The request was refused or failed. Says nothing of what was sent or answered."""

    def __init__(self, trouble: Trouble) -> None:
        super().__init__(trouble.value)
        self.trouble = trouble

    @property
    def refused(self) -> bool:
        """Whether the address is at fault: trying again later does not help unless it, or its name, changes."""
        return self.trouble in {Trouble.ADDRESS, Trouble.SCHEME, Trouble.CREDENTIALS, Trouble.PRIVATE}


@dataclass(frozen=True, slots=True)
class Answer:
    """`headers`: names in lower case. `body`: at most the limit; `cut`: there was more of it."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    cut: bool


def url_check(url: str) -> SplitResult:
    """Split a URL that may be asked. Looks at its text only, not at what its host resolves to. Raises `EgressError`."""
    if (
        len(url) > URL_LENGTH
        or not url.isascii()
        or any(ord(letter) <= 32 or letter == "\\" for letter in url)
    ):
        raise EgressError(Trouble.ADDRESS)
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise EgressError(Trouble.ADDRESS) from None
    if parts.scheme not in ({"https", "http"} if settings.EGRESS_ALLOW_HTTP else {"https"}):
        raise EgressError(Trouble.SCHEME)
    if parts.username is not None or parts.password is not None:
        raise EgressError(Trouble.CREDENTIALS)
    if not host or parts.fragment or port == 0:
        raise EgressError(Trouble.ADDRESS)
    literal = _literal(host)
    if literal is None and (_NUMERIC.search(host) or not _HOST.fullmatch(host) or len(host) > 253):
        # Numbers in any spelling but the usual one are there to mislead.
        raise EgressError(Trouble.ADDRESS)
    if literal is not None:
        _judge(host, [literal])
    return parts


def request(
    method: str,
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    body: bytes = b"",
    timeout: float = TIMEOUT_SECONDS,
    limit: int = ANSWER_BYTES,
    resolve: Resolve | None = None,
) -> Answer:
    """Send one request and return its answer, whatever its status. Raises `EgressError`.

    `limit` bounds how much of the answer's body is read. Blocks for up to `timeout` seconds beside the name lookup.
    """
    parts = url_check(url)
    host = parts.hostname or ""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    address = _address(host, port, resolve or _resolved)
    deadline = time.monotonic() + timeout
    try:
        with _connected(address, port, host, secure=parts.scheme == "https", deadline=deadline) as connection:
            connection.settimeout(_left(deadline))
            connection.sendall(_head(method, parts, host, headers or {}, body) + body)
            return _answer(connection, method, deadline, limit)
    except TimeoutError:
        raise EgressError(Trouble.TIMEOUT) from None
    except ssl.SSLError:
        raise EgressError(Trouble.TLS) from None
    except OSError:
        raise EgressError(Trouble.CONNECTION) from None
    except (http.client.HTTPException, ValueError):
        raise EgressError(Trouble.PROTOCOL) from None


# --- Addresses --------------------------------------------------------------------------------------------


def _resolved(host: str, port: int) -> list[str]:
    return [str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


def _literal(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _address(host: str, port: int, resolve: Resolve) -> str:
    """An address of the host to connect to. All must be allowed: a name may hide one of ours among others."""
    literal = _literal(host)
    if literal is not None:
        found = [literal]
    else:
        try:
            found = [address_read(text) for text in resolve(host, port)]
        except (OSError, ValueError):
            raise EgressError(Trouble.NO_HOST) from None
    if not found:
        raise EgressError(Trouble.NO_HOST)
    _judge(host, found)
    # IPv4 first: many machines have IPv6 addresses that lead nowhere.
    return str(sorted(found, key=lambda one: one.version)[0])


def _judge(host: str, found: list[Address]) -> None:
    allowed = {entry.lower().rstrip(".") for entry in settings.EGRESS_ALLOW}
    networks = [network for network in map(_network, allowed) if network is not None]
    for address in found:
        how = reach(address)
        bare = getattr(address, "ipv4_mapped", None) or address
        if how is Reach.PUBLIC or any(bare in network for network in networks):
            continue
        if how is Reach.PRIVATE and host.lower().rstrip(".") in allowed:
            continue
        raise EgressError(Trouble.PRIVATE)


def _network(entry: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(entry, strict=False)
    except ValueError:
        return None


# --- The exchange -----------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def tls_context() -> ssl.SSLContext:
    """What servers must prove: a certificate of the machine's authorities, for their name."""
    return ssl.create_default_context()


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _connected(address: str, port: int, host: str, *, secure: bool, deadline: float) -> socket.socket:
    connection = socket.create_connection((address, port), timeout=_left(deadline))
    if not secure:
        return connection
    try:
        connection.settimeout(_left(deadline))
        return tls_context().wrap_socket(connection, server_hostname=host)
    except BaseException:
        connection.close()
        raise


def _head(method: str, parts: SplitResult, host: str, headers: Mapping[str, str], body: bytes) -> bytes:
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    named = f"[{host}]" if ":" in host else host
    lines = {
        "Host": named if parts.port is None else f"{named}:{parts.port}",
        "User-Agent": "cresta-app",
        "Accept": "*/*",
        "Connection": "close",
        "Content-Length": str(len(body)),
        **headers,
    }
    if any("\r" in text or "\n" in text for line in lines.items() for text in line):
        raise ValueError("a header holds a line break")
    said = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in lines.items()), "", ""]
    return "\r\n".join(said).encode("latin-1")


class _Wire(io.RawIOBase):
    """The connection as `http.client` reads it; each read waits no longer than to the deadline."""

    def __init__(self, connection: socket.socket, deadline: float) -> None:
        self._connection = connection
        self._deadline = deadline

    def readable(self) -> bool:
        return True

    def readinto(self, into: memoryview) -> int:  # type: ignore[override]
        self._connection.settimeout(_left(self._deadline))
        return self._connection.recv_into(into)

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(self)


def _answer(connection: socket.socket, method: str, deadline: float, limit: int) -> Answer:
    response = http.client.HTTPResponse(_Wire(connection, deadline), method=method)  # type: ignore[arg-type]
    try:
        response.begin()
        body = response.read(limit + 1)
        headers = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, headers, body[:limit], len(body) > limit)
    finally:
        response.close()
