"""The web server's short way for texts: whole frames, in order with the usual way, and nothing to who is not there."""

from __future__ import annotations

import socket
from types import SimpleNamespace
from typing import Any

import pytest
from autobahn.websocket.protocol import WebSocketProtocol as States

from cresta_app import socket_frames
from cresta_app.socket_frames import TextFrames, text_frame


class Transport:
    """As Twisted's, with a socket that takes `room` bytes."""

    TLS = False

    def __init__(self, room: int | Exception = 1 << 20) -> None:
        self.room = room
        self.disconnecting = False
        self.dataBuffer = b""
        self._tempDataLen = 0
        self.sent = self.later = b""

    def writeSomeData(self, data: bytes) -> int | Exception:
        if isinstance(self.room, Exception):
            return self.room
        self.sent += data[: self.room]
        return min(self.room, len(data))

    def write(self, data: bytes) -> None:
        self.later += data
        self._tempDataLen += len(data)


def frames(transport: Any, state: int = States.STATE_OPEN) -> TextFrames:
    protocol = SimpleNamespace(
        transport=transport,
        state=state,
        STATE_OPEN=States.STATE_OPEN,
        _perMessageCompress=None,
        sendMessage=lambda payload: transport.usual.append(payload),
    )
    return TextFrames(protocol)  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def _plain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket_frames, "Connection", Transport)


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65_535, 65_536])
def test_a_frame_is_one_that_a_client_reads(size):
    from websockets.frames import Frame, Opcode

    frame = Frame(Opcode.TEXT, b"x" * size)
    assert text_frame(b"x" * size) == frame.serialize(mask=False)


def test_a_text_is_written_at_once():
    transport = Transport()
    assert frames(transport)(b"hello")
    assert (transport.sent, transport.later) == (text_frame(b"hello"), b"")


def test_what_the_socket_does_not_take_follows_and_so_does_all_after_it():
    transport = Transport(room=3)
    send = frames(transport)
    assert send(b"first") and send(b"second")
    assert transport.sent + transport.later == text_frame(b"first") + text_frame(b"second")
    assert transport.sent == text_frame(b"first")[:3]


def test_a_lost_line_is_left_to_the_usual_way():
    transport = Transport(room=ConnectionError())
    assert frames(transport)(b"hello")
    assert transport.later == text_frame(b"hello")


@pytest.mark.parametrize("state", [States.STATE_CONNECTING, States.STATE_CLOSING, States.STATE_CLOSED])
def test_nothing_goes_to_a_socket_that_is_not_open(state):
    transport = Transport()
    assert not frames(transport, state)(b"hello")
    assert transport.sent == transport.later == b""


def test_what_is_no_plain_socket_is_written_to_by_its_own_means():
    transport = SimpleNamespace(usual=[])
    assert frames(transport)(b"hello")
    assert transport.usual == [b"hello"]


def test_twisted_still_has_what_the_short_way_looks_at():
    from twisted.internet import reactor
    from twisted.internet.tcp import Connection

    with socket.socket() as ours:
        connection = Connection(ours, SimpleNamespace(), reactor)
        assert connection.dataBuffer == b"" and connection._tempDataLen == 0
        assert connection.TLS is False and connection.disconnecting == 0
        assert callable(connection.writeSomeData)
