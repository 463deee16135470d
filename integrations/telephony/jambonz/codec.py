"""jambonz `listen`: reading its messages. First a text with the call's attributes, then L16 audio, little-endian."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from pydantic import ValidationError

from conversations.live.wire import (
    Action,
    Audio,
    CallAudio,
    CallStart,
    CloseCode,
    KeepAlive,
    LineCodec,
    ProtocolError,
    Start,
    Stop,
)
from engines.speech.audio import SAMPLE_RATES, AudioFormat
from integrations.mapping import bounded

SOURCE = "jambonz"
SUBPROTOCOL = "audio.jambonz.org"
MAX_TEXT = 64 * 1024
# In stereo the caller comes first.
ROLES = {"mono": ("customer",), "stereo": ("customer", "agent")}
_IDS = {"callSid": "call_sid", "callId": "sip_call_id", "sbcCallid": "sbc_call_id", "parentCallSid": "parent"}


class JambonzCodec(LineCodec):
    """One `listen` session. It ends when jambonz closes it: there is no stop message (`ended`)."""

    source = SOURCE

    def __init__(self) -> None:
        self.call_id = ""
        self._frame_bytes = 0
        self._half = b""

    def text(self, message: str) -> Action:
        """Read the attributes, and later what jambonz says of the call. Raises `ProtocolError`."""
        if len(message) > MAX_TEXT:
            raise ProtocolError(CloseCode.MESSAGE_TOO_BIG, "message too big")
        try:
            fields = json.loads(message)
        except (ValueError, RecursionError):
            fields = None
        if not isinstance(fields, dict):
            raise ProtocolError(CloseCode.BAD_MESSAGE, "a text message must be a JSON object")
        if not self._frame_bytes:
            return self._start(fields)
        if "callSid" in fields and "event" not in fields:
            raise ProtocolError(CloseCode.SECOND_START, "the call has started already")
        # Digits may be a card's number: nothing is kept of them. Other events answer what we never send.
        return KeepAlive()

    def binary(self, message: bytes) -> Action:
        """Read audio; a frame may be cut between two messages. Raises `ProtocolError`."""
        if not self._frame_bytes:
            raise ProtocolError(
                CloseCode.AUDIO_BEFORE_START, "the call's attributes must come before audio, as text"
            )
        sound = self._half + message
        whole = len(sound) // self._frame_bytes * self._frame_bytes
        self._half = sound[whole:]
        return Audio(sound[:whole])

    def ended(self) -> Action:
        """The other side has closed the line as it should: that is how a call ends here."""
        return Stop()

    def ready(self, conversation_id: UUID, ms: int) -> None:
        return None

    def ack(self, ms: int) -> None:
        return None

    def stopped(self, ms: int) -> None:
        return None

    def _start(self, fields: dict[str, Any]) -> Start:
        call_id = fields.get("callSid")
        if not isinstance(call_id, str):
            raise ProtocolError(CloseCode.BAD_START, "callSid is required")
        mix = fields.get("mixType", "mono")
        roles = ROLES.get(mix) if isinstance(mix, str) else None
        if roles is None:
            raise ProtocolError(CloseCode.WRONG_ROLES, "mixType must be mono or stereo")
        rate = fields.get("sampleRate", 8000)
        if type(rate) is not int or rate not in SAMPLE_RATES:
            raise ProtocolError(CloseCode.UNKNOWN_FORMAT, "sampleRate must be 8000 or 16000")
        identifiers = {
            kind: value[:120]
            for name, kind in _IDS.items()
            if isinstance(value := fields.get(name), str) and value and value.isprintable()
        }
        known = {
            name: value
            for name, value in fields.items()
            if name not in {*_IDS, "mixType", "sampleRate", "direction"}
        }
        outbound = fields.get("direction") == "outbound"
        try:
            call = CallStart(
                id=call_id,
                direction="outbound" if outbound else "inbound",
                metadata=bounded(known),
                identifiers=identifiers,
            )
        except ValidationError:
            raise ProtocolError(CloseCode.BAD_START, "callSid is not as jambonz sends it") from None
        self.call_id = call.id
        form = AudioFormat(codec="pcm16", sample_rate=rate, channels=len(roles))
        self._frame_bytes = form.frame_bytes
        return Start(call, CallAudio(form, roles), resume=True)
