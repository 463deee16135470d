"""jambonz's messages without a network."""

from __future__ import annotations

import json
from typing import Any

import pytest

from conversations.live.wire import Audio, CloseCode, KeepAlive, ProtocolError, Start, Stop
from integrations.telephony.jambonz.codec import JambonzCodec

ATTRIBUTES = {
    "callSid": "c-1",
    "callId": "sip-1@sbc",
    "direction": "inbound",
    "from": "16172375080",
    "to": "12",
    "sampleRate": 8000,
    "mixType": "stereo",
    "metadata": {"agent": "7001"},
}


def started(**changes: Any) -> tuple[JambonzCodec, Start]:
    codec = JambonzCodec()
    begun = codec.text(json.dumps(ATTRIBUTES | changes))
    assert isinstance(begun, Start)
    return codec, begun


def test_a_session() -> None:
    codec, begun = started()
    assert (begun.call.id, begun.call.direction, begun.audio.roles) == (
        "c-1",
        "inbound",
        ("customer", "agent"),
    )
    assert begun.call.identifiers == {"call_sid": "c-1", "sip_call_id": "sip-1@sbc"}
    assert begun.call.metadata == {"from": "16172375080", "to": "12", "metadata": {"agent": "7001"}}
    # Frames of four bytes, cut anywhere.
    assert codec.binary(b"\x01" * 6) == Audio(b"\x01" * 4)
    assert codec.binary(b"\x02" * 6) == Audio(b"\x01" * 2 + b"\x02" * 6)
    assert codec.text('{"event":"dtmf","dtmf":"2","duration":"1600"}') == KeepAlive()
    assert codec.text('{"type":"playDone"}') == KeepAlive()
    assert codec.ended() == Stop()


def test_mono_at_sixteen_kilohertz() -> None:
    _codec, begun = started(mixType="mono", sampleRate=16000)
    assert begun.audio.format.sample_rate == 16000 and begun.audio.roles == ("customer",)


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("{", CloseCode.BAD_MESSAGE),
        ("[]", CloseCode.BAD_MESSAGE),
        ("x" * 70_000, CloseCode.MESSAGE_TOO_BIG),
        (b"\x00\x00", CloseCode.AUDIO_BEFORE_START),
        (ATTRIBUTES | {"callSid": None}, CloseCode.BAD_START),
        (ATTRIBUTES | {"callSid": "a b"}, CloseCode.BAD_START),
        (ATTRIBUTES | {"sampleRate": 24000}, CloseCode.UNKNOWN_FORMAT),
        (ATTRIBUTES | {"sampleRate": "8000"}, CloseCode.UNKNOWN_FORMAT),
        (ATTRIBUTES | {"mixType": "mixed"}, CloseCode.WRONG_ROLES),
        (ATTRIBUTES | {"mixType": []}, CloseCode.WRONG_ROLES),
    ],
)
def test_wrong_beginnings(message: Any, code: CloseCode) -> None:
    codec = JambonzCodec()
    with pytest.raises(ProtocolError) as caught:
        if isinstance(message, bytes):
            codec.binary(message)
        else:
            codec.text(message if isinstance(message, str) else json.dumps(message))
    assert caught.value.code is code


def test_a_second_beginning() -> None:
    codec, _begun = started()
    with pytest.raises(ProtocolError) as caught:
        codec.text(json.dumps(ATTRIBUTES))
    assert caught.value.code is CloseCode.SECOND_START
