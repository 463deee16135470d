"""HTTP to addresses that were judged, whatever the host's name resolves to a moment later.

TLS and the `Host` header keep the name; the name itself is not looked up again. `httpx` and `httpx2` are two of a kind:
the SDK of one vendor has the one, that of another the other.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from ssl import SSLContext
from typing import Any

import httpx
import httpx2

from engines.addresses import address_read

Judge = Callable[[], Sequence[str]]
"""Looks up where a server is now, and judges it: the addresses to connect to. Raises `ValueError` for where nobody may
be led, and for a name that leads nowhere. May block."""


class PinnedTransport(httpx2.AsyncHTTPTransport):
    """Connects to the first of `addresses` that takes the connection. For a client of one host, without redirects."""

    def __init__(self, addresses: Sequence[str], *, verify: SSLContext) -> None:
        """Raises `ValueError` without an address: then nobody judged where this leads."""
        super().__init__(verify=verify, trust_env=False)
        if not addresses:
            raise ValueError("no address was judged")
        self._addresses = tuple(addresses)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        refused = (httpx2.ConnectError, httpx2.ConnectTimeout)
        answer: httpx2.Response = await _first(
            super().handle_async_request, request, self._addresses, refused
        )
        return answer


class JudgedTransport(httpx2.AsyncHTTPTransport):
    """The same where each request has its host judged anew: for clients that live for hours."""

    def __init__(self, judge: Judge, *, verify: SSLContext) -> None:
        super().__init__(verify=verify, trust_env=False)
        self._judge = judge

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        try:
            addresses = await judged(self._judge)
        except ValueError as error:
            raise httpx2.ConnectError(str(error), request=request) from None
        refused = (httpx2.ConnectError, httpx2.ConnectTimeout)
        answer: httpx2.Response = await _first(super().handle_async_request, request, addresses, refused)
        return answer


class JudgedTransport1(httpx.AsyncHTTPTransport):
    """The same for `httpx`."""

    def __init__(self, judge: Judge, *, verify: SSLContext) -> None:
        super().__init__(verify=verify, trust_env=False)
        self._judge = judge

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        try:
            addresses = await judged(self._judge)
        except ValueError as error:
            raise httpx.ConnectError(str(error), request=request) from None
        refused = (httpx.ConnectError, httpx.ConnectTimeout)
        answer: httpx.Response = await _first(super().handle_async_request, request, addresses, refused)
        return answer


async def judged(judge: Judge) -> tuple[str, ...]:
    """Ask where a server is. Raises `ValueError` where it may not be asked, and where nobody knows."""
    addresses = tuple(await asyncio.to_thread(judge))
    if not addresses:
        raise ValueError("nobody knows where this server is")
    return addresses


def is_among(address: str, addresses: Sequence[str]) -> bool:
    """Whether a connection's other end is one of the addresses that were judged."""
    return address_read(address) in {address_read(one) for one in addresses}


async def _first(
    send: Callable[[Any], Awaitable[Any]],
    request: Any,
    addresses: Sequence[str],
    refused: tuple[type[Exception], ...],
) -> Any:
    """Send to the first address that takes the connection."""
    extensions = {**request.extensions, "sni_hostname": request.url.host}
    for last, address in enumerate(addresses, 1 - len(addresses)):
        pinned = type(request)(
            request.method,
            request.url.copy_with(host=address),
            headers=request.headers,  # with the name, as it was in the address before
            stream=request.stream,
            extensions=extensions,
        )
        try:
            return await send(pinned)
        except refused:
            # Nothing was sent yet.
            if last == 0:
                raise
    raise AssertionError("unreachable")
