"""The short way for what a socket of the web server sends: a frame made by hand and written at once.

A thousand agents are sent two thousand short messages a second. By the usual way each of them passes ASGI, Daphne and
Autobahn, is put into a buffer, and is sent once the loop, which must be asked to look, says that the socket takes it.
Here a message that is ready goes from who has it to the socket. Where something stands in its way (TLS, a buffer that
is not empty) it takes the usual one.
"""

from __future__ import annotations

from typing import Any

from daphne.server import Server
from daphne.ws_protocol import WebSocketProtocol
from twisted.internet.tcp import Connection

# Under this name in a scope's `extensions`: whole text messages, as UTF-8. Says whether it has taken it.
NAME = "websocket.text"
TEXT = b"\x81"


class TextFrames:
    """Of one socket."""

    def __init__(self, protocol: WebSocketProtocol) -> None:
        self._protocol = protocol

    def __call__(self, payload: bytes) -> bool:
        """Send a text message, behind all that was sent before. False where there is nobody to send it to."""
        protocol = self._protocol
        if protocol.state != protocol.STATE_OPEN:
            return False
        transport = protocol.transport
        if not is_plain(transport) or protocol._perMessageCompress is not None:
            protocol.sendMessage(payload)
            return True
        frame = text_frame(payload)
        if transport.dataBuffer or transport._tempDataLen or transport.disconnecting:
            transport.write(frame)
            return True
        sent = transport.writeSomeData(frame)
        # A line that is lost is found out again, and told to all concerned, on the usual way.
        sent = sent if isinstance(sent, int) else 0
        if sent < len(frame):
            transport.write(frame[sent:])
        return True


def is_plain(transport: Any) -> bool:
    """Whether bytes can be put into its socket as they are, and what else waits for it is known."""
    return isinstance(transport, Connection) and not transport.TLS and hasattr(transport, "_tempDataLen")


def text_frame(payload: bytes) -> bytes:
    """A whole text message of a server, which does not mask (RFC 6455, 5.2)."""
    size = len(payload)
    if size < 126:
        return TEXT + bytes((size,)) + payload
    if size < 1 << 16:
        return TEXT + b"\x7e" + size.to_bytes(2, "big") + payload
    return TEXT + b"\x7f" + size.to_bytes(8, "big") + payload


class FramesServer(Server):  # type: ignore[misc] # Daphne has no types
    """Daphne's, whose WebSockets have the short way in their scope."""

    def create_application(self, protocol: Any, scope: dict[str, Any]) -> Any:
        if isinstance(protocol, WebSocketProtocol):
            scope.setdefault("extensions", {})[NAME] = TextFrames(protocol)
        return super().create_application(protocol, scope)
