"""Twilio Media Streams: reading their messages. One codec per stream; nothing is ever said back.

Any message on a stream of one direction is an error there (31924), so what we would say is nothing. Numbers come as
text. A stream of both tracks brings them as mono messages of their own (`tracks.Tracks` puts them together).
"""

from __future__ import annotations

from enum import Enum
from typing import Annotated, Any
from uuid import UUID

import msgspec
import orjson
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
    Several,
    Start,
    Stop,
)
from engines.speech.audio import AudioFormat
from integrations.mapping import bounded
from integrations.telephony.twilio.tracks import Tracks

SOURCE = "twilio"
MAX_TEXT = 64 * 1024
# Inbound: from the party on the call's leg. Outbound: what Twilio plays to them.
ROLES = {"inbound": "customer", "outbound": "agent"}

_KEEP_ALIVE = KeepAlive()
_Number = Annotated[int, msgspec.Meta(ge=0, lt=10**12)]


class _Sound(msgspec.Struct, gc=False):
    payload: bytes
    timestamp: _Number
    track: str = "inbound"


class _Media(msgspec.Struct, gc=False, tag_field="event", tag="media"):
    """What nearly all messages are: read whole, numbers, base64 and all, by one step of C."""

    media: _Sound
    sequenceNumber: _Number
    streamSid: str


# Not strict: numbers come as text.
_media_of = msgspec.json.Decoder(_Media, strict=False).decode


class State(Enum):
    NEW = "new"
    CONNECTED = "connected"
    STARTED = "started"
    STOPPED = "stopped"


class TwilioCodec(LineCodec):
    """One stream: `connected`, `start`, `media` …, `stop`."""

    source = SOURCE

    def __init__(self) -> None:
        self.state = State.NEW
        self.call_id = ""
        self.stream_sid = ""
        self._sequence = 0
        self._places: dict[str, int] = {}
        self._tracks = Tracks(1)

    def text(self, message: str) -> Action:
        """Read a message. Raises `ProtocolError`."""
        if len(message) > MAX_TEXT:
            raise ProtocolError(CloseCode.MESSAGE_TOO_BIG, "message too big")
        if self.state is State.STARTED:
            try:
                media = _media_of(message)
            except ValueError:
                pass  # something else, or wrong: looked at below
            else:
                return self._media(media)
        try:
            fields = orjson.loads(message)
            event = fields["event"]
        except (ValueError, KeyError, TypeError):
            event = None
        if type(event) is not str:
            raise ProtocolError(CloseCode.BAD_MESSAGE, "a message must be a JSON object with an event")
        if self.state is State.STARTED:
            if fields.get("streamSid") != self.stream_sid:
                raise ProtocolError(CloseCode.OUT_OF_ORDER, "a message of another stream")
            if not self._in_turn(fields.get("sequenceNumber")):
                return _KEEP_ALIVE
            if event == "media":
                raise _wrong(fields.get("media"))
        return self._rare(event, fields)

    def binary(self, message: bytes) -> Action:
        raise ProtocolError(CloseCode.BAD_MESSAGE, "messages must be text")

    def rest(self) -> bytes:
        return self._tracks.rest()

    def ready(self, conversation_id: UUID, ms: int) -> None:
        return None

    def ack(self, ms: int) -> None:
        return None

    def stopped(self, ms: int) -> None:
        return None

    # --- Messages ---------------------------------------------------------------------------------------

    def _rare(self, event: str, fields: dict[str, Any]) -> Action:
        state = self.state
        if state is State.STOPPED:
            raise ProtocolError(CloseCode.AFTER_STOP, "nothing may follow stop")
        if event == "connected":
            if state is not State.NEW:
                raise ProtocolError(CloseCode.OUT_OF_ORDER, "connected must come first, and once")
            self.state = State.CONNECTED
            return _KEEP_ALIVE
        if event not in {"start", "media", "stop", "dtmf", "mark"}:
            raise ProtocolError(
                CloseCode.BAD_MESSAGE, "event must be connected, start, media, dtmf, mark or stop"
            )
        if state is State.NEW:
            raise ProtocolError(CloseCode.OUT_OF_ORDER, "connected must come first")
        if event == "start":
            if state is State.STARTED:
                raise ProtocolError(CloseCode.SECOND_START, "the stream has started already")
            return self._start(fields)
        if state is State.CONNECTED:
            if event == "media":
                raise ProtocolError(CloseCode.AUDIO_BEFORE_START, "start must come before media")
            raise ProtocolError(CloseCode.OUT_OF_ORDER, "start must come before anything else")
        if event == "stop":
            self.state = State.STOPPED
            rest = self._tracks.rest()
            return Several((Audio(rest), Stop())) if rest else Stop()
        # Digits may be a card's number: nothing is kept of them.
        return _KEEP_ALIVE

    def _in_turn(self, number: object) -> bool:
        """Whether a message is the next one, and not one that was read before. Raises `ProtocolError`."""
        sequence = _number(number)
        if sequence > self._sequence:
            self._sequence = sequence
            return True
        if sequence == self._sequence:
            return False
        raise ProtocolError(CloseCode.OUT_OF_ORDER, "sequenceNumber went backwards")

    def _media(self, message: _Media) -> Action:
        if message.streamSid != self.stream_sid:
            raise ProtocolError(CloseCode.OUT_OF_ORDER, "a message of another stream")
        if message.sequenceNumber <= self._sequence:
            self._in_turn(message.sequenceNumber)
            return _KEEP_ALIVE
        self._sequence = message.sequenceNumber
        media = message.media
        place = self._places.get(media.track)
        if place is None:
            raise ProtocolError(CloseCode.BAD_MESSAGE, "media of a track that start did not name")
        said = self._tracks.put(place, media.timestamp, media.payload)
        if len(said) == 1:
            return said[0]
        return Several(tuple(said)) if said else _KEEP_ALIVE

    def _start(self, fields: dict[str, Any]) -> Start:
        start = fields.get("start")
        if not isinstance(start, dict):
            raise ProtocolError(CloseCode.BAD_START, "start must be an object")
        self._sequence = _number(fields.get("sequenceNumber"))
        form = start.get("mediaFormat")
        form = form if isinstance(form, dict) else {}
        given = (form.get("encoding"), str(form.get("sampleRate")), str(form.get("channels")))
        if given != ("audio/x-mulaw", "8000", "1"):
            raise ProtocolError(
                CloseCode.UNKNOWN_FORMAT, "mediaFormat must be audio/x-mulaw, 8000 Hz, 1 channel"
            )
        named = start.get("tracks")
        tracks = [name for name in ROLES if isinstance(named, list) and name in named]
        if not tracks or not isinstance(named, list) or len(named) != len(tracks):
            raise ProtocolError(CloseCode.WRONG_ROLES, "tracks must be inbound, outbound or both")
        self.stream_sid = _sid(fields.get("streamSid"), "streamSid")
        parameters = start.get("customParameters")
        known = {"customParameters": parameters} if isinstance(parameters, dict) and parameters else {}
        try:
            call = CallStart(
                id=_sid(start.get("callSid"), "callSid"),
                metadata=bounded(known),
                identifiers={
                    "call_sid": _sid(start.get("callSid"), "callSid"),
                    "stream_sid": self.stream_sid,
                    "account_sid": _sid(start.get("accountSid"), "accountSid"),
                },
            )
        except ValidationError:
            raise ProtocolError(CloseCode.BAD_START, "start is not as Twilio sends it") from None
        self.call_id = call.id
        self._places = {name: place for place, name in enumerate(tracks)}
        self._tracks = Tracks(len(tracks))
        self.state = State.STARTED
        audio = CallAudio(
            AudioFormat(codec="mulaw", sample_rate=8000, channels=len(tracks)),
            tuple(ROLES[name] for name in tracks),
        )
        return Start(call, audio, resume=True)


def _number(value: object) -> int:
    """A number that comes as text. Raises `ProtocolError`."""
    if isinstance(value, str) and len(value) <= 12 and value.isascii() and value.isdigit():
        return int(value)
    if type(value) is int and 0 <= value < 10**12:
        return value
    raise ProtocolError(CloseCode.BAD_MESSAGE, "sequenceNumber and timestamp must be numbers")


def _wrong(media: object) -> ProtocolError:
    """What is wrong with a media message that could not be read."""
    if not isinstance(media, dict):
        return ProtocolError(CloseCode.BAD_MESSAGE, "media must be an object")
    if not isinstance(media.get("track", ""), str):
        return ProtocolError(CloseCode.BAD_MESSAGE, "media of a track that start did not name")
    _number(media.get("timestamp"))
    return ProtocolError(CloseCode.BAD_MESSAGE, "media.payload must be base64")


def _sid(value: object, name: str) -> str:
    if isinstance(value, str) and 0 < len(value) <= 120 and value.isascii() and value.isalnum():
        return value
    raise ProtocolError(CloseCode.BAD_START, f"start.{name} is required")
