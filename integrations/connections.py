"""A vendor's line and the connection that it came by: who may send, and what its calls' attributes mean."""

from __future__ import annotations

import time

from conversations.live.wire import Admission, CallAudio, CallStart, CloseCode, LineRequest, ProtocolError
from integrations import mapping
from integrations.models import TelephonyConnection
from integrations.selectors import connection_find, connection_secrets, mapping_rules
from integrations.services import SEEN_EVERY, connection_touch

_OTHER_SIDE = {"customer": "agent", "agent": "customer"}


class ConnectionAdmission(Admission):
    """A line of a connection. Attributes lie in `CallStart.metadata` as the vendor said them."""

    def __init__(
        self, connection: TelephonyConnection, *, plain: tuple[mapping.Rule, ...] = (), turned: bool = False
    ) -> None:
        """`plain`: rules that hold where the company has none. `turned`: each side is the other's channel."""
        self.connection = connection
        self._plain = plain
        self._turned = turned

    def prepare(self, call: CallStart) -> CallStart:
        return mapping.apply((*mapping_rules(self.connection), *self._plain), call)

    def arrange(self, audio: CallAudio) -> CallAudio:
        if not self._turned:
            return audio
        return CallAudio(audio.format, tuple(_OTHER_SIDE[role] for role in audio.roles))


def connection_of(provider: str, request: LineRequest) -> TelephonyConnection:
    """The connection that a line's path names. Raises `ProtocolError`."""
    connection = connection_find(provider=provider, ident=request.tail)
    if connection is None:
        raise ProtocolError(CloseCode.UNKNOWN_ACCOUNT, "no such connection")
    return connection


_seen: dict[object, float] = {}


def connection_seen(connection: TelephonyConnection) -> None:
    """Note that a line of this connection was let in. Most calls ask nothing of the database."""
    now = time.monotonic()
    if now - _seen.get(connection.pk, -SEEN_EVERY.total_seconds()) >= SEEN_EVERY.total_seconds():
        _seen[connection.pk] = now
        connection_touch(connection=connection)


def secrets_of(connection: TelephonyConnection) -> tuple[str, ...]:
    """The connection's good secrets. Raises `ProtocolError` when it has none: it cannot let anybody in."""
    found = connection_secrets(connection)
    if not found:
        raise ProtocolError(CloseCode.NO_KEY, "this connection has no secret yet")
    return found
