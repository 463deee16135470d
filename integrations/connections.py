"""A vendor's line and the connection that it came by: who may send, and what its calls' attributes mean."""

from __future__ import annotations

import time
from collections.abc import Callable

from conversations.live.wire import Admission, CallAudio, CallStart, CloseCode, LineRequest, ProtocolError
from integrations import mapping
from integrations.models import TelephonyConnection
from integrations.selectors import connection_find, connection_secrets, mapping_rules
from integrations.services import SEEN_EVERY, connection_touch

# Checks a call's start against the connection: account, organisation. Raises `ProtocolError`.
Check = Callable[[TelephonyConnection, CallStart], None]


class ConnectionAdmission(Admission):
    """A line of a connection. Attributes lie in `CallStart.metadata` as the vendor said them."""

    def __init__(
        self,
        connection: TelephonyConnection,
        *,
        plain: tuple[mapping.Rule, ...] = (),
        check: Check | None = None,
        roles: tuple[str, ...] = (),
    ) -> None:
        """`plain`: rules that hold where the company has none. `roles`: who is on which channel, if not as said."""
        self.connection = connection
        self._plain = plain
        self._check = check
        self._roles = roles

    def prepare(self, call: CallStart) -> CallStart:
        if self._check is not None:
            self._check(self.connection, call)
        return mapping.apply((*mapping_rules(self.connection), *self._plain), call)

    def arrange(self, audio: CallAudio) -> CallAudio:
        if not self._roles or len(self._roles) != audio.format.channels:
            return audio
        return CallAudio(audio.format, self._roles)


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
