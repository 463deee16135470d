"""HTTP to addresses that were judged, whatever the host's name resolves to a moment later.

TLS and the `Host` header keep the name; the name itself is not looked up again.
"""

from __future__ import annotations

from collections.abc import Sequence
from ssl import SSLContext

import httpx2


class PinnedTransport(httpx2.AsyncHTTPTransport):
    """Connects to the first of `addresses` that takes the connection. For a client of one host, without redirects."""

    def __init__(self, addresses: Sequence[str], *, verify: SSLContext) -> None:
        """Raises `ValueError` without an address: then nobody judged where this leads."""
        super().__init__(verify=verify, trust_env=False)
        if not addresses:
            raise ValueError("no address was judged")
        self._addresses = tuple(addresses)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        extensions = {**request.extensions, "sni_hostname": request.url.host}
        for last, address in enumerate(self._addresses, 1 - len(self._addresses)):
            pinned = httpx2.Request(
                request.method,
                request.url.copy_with(host=address),
                headers=request.headers,  # with the name, as it was in the address before
                stream=request.stream,
                extensions=extensions,
            )
            try:
                return await super().handle_async_request(pinned)
            except (httpx2.ConnectError, httpx2.ConnectTimeout):
                # Nothing was sent yet.
                if last == 0:
                    raise
        raise AssertionError("unreachable")
