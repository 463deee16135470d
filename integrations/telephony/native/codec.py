"""Our own audio protocol, version 1: reading and writing its messages. The protocol itself is in `docs/ingest.md`."""

from __future__ import annotations

import json
from enum import Enum
from typing import Any, NoReturn, cast
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
from engines.speech.audio import AudioFormat, Codec

VERSION = 1
PATH = "/ingest/audio"
SOURCE = "native"

_CALL_FIELDS = frozenset(CallStart.model_fields)


class State(Enum):
    NEW = "new"
    STARTED = "started"
    STOPPED = "stopped"


def _no_such_number(_literal: str) -> NoReturn:
    raise ValueError("JSON has no such number")


def _message(text: str) -> dict[str, Any]:
    try:
        message = json.loads(text, parse_constant=_no_such_number)
    except (ValueError, RecursionError):
        raise ProtocolError(CloseCode.BAD_MESSAGE, "a text message must be JSON") from None
    if not isinstance(message, dict):
        raise ProtocolError(CloseCode.BAD_MESSAGE, "a text message must be a JSON object")
    return message


class NativeCodec(LineCodec):
    """One connection: NEW until `start`, STARTED until `stop`, then STOPPED."""

    source = SOURCE

    def __init__(self) -> None:
        self.state = State.NEW
        self.call_id = ""
        self._frame_bytes = 1

    # --- From the client --------------------------------------------------------------------------------

    def text(self, message: str) -> Action:
        """Read `start`, `keepalive` or `stop`. Raises `ProtocolError`."""
        if self.state is State.STOPPED:
            raise ProtocolError(CloseCode.AFTER_STOP, "nothing may follow stop")
        fields = _message(message)
        kind = fields.get("type")
        if self.state is State.NEW:
            if kind != "start":
                raise ProtocolError(CloseCode.BAD_MESSAGE, "the first message must be start")
            return self._start(fields)
        if kind == "keepalive":
            return KeepAlive()
        if kind == "stop":
            self.state = State.STOPPED
            return Stop()
        if kind == "start":
            raise ProtocolError(CloseCode.SECOND_START, "the call has started already")
        raise ProtocolError(CloseCode.BAD_MESSAGE, "type must be keepalive or stop")

    def binary(self, message: bytes) -> Action:
        """Read audio. Raises `ProtocolError`."""
        if self.state is State.NEW:
            raise ProtocolError(
                CloseCode.AUDIO_BEFORE_START, "start must come before audio, as a text message"
            )
        if self.state is State.STOPPED:
            raise ProtocolError(CloseCode.AFTER_STOP, "nothing may follow stop")
        if len(message) % self._frame_bytes:
            raise ProtocolError(
                CloseCode.HALF_FRAME, f"a binary message must hold whole frames of {self._frame_bytes} bytes"
            )
        return Audio(message)

    def _start(self, fields: dict[str, Any]) -> Start:
        version = fields.get("version")
        if type(version) is not int or version != VERSION:
            raise ProtocolError(CloseCode.UNKNOWN_VERSION, f"version must be {VERSION}")
        call = self._call(fields.get("call"))
        audio = _audio(fields.get("audio"))
        resume = fields.get("resume", False)
        if not isinstance(resume, bool):
            raise ProtocolError(CloseCode.BAD_START, "resume must be true or false")
        self._frame_bytes = audio.format.frame_bytes
        self.state = State.STARTED
        return Start(call, audio, resume)

    def _call(self, fields: object) -> CallStart:
        if not isinstance(fields, dict):
            raise ProtocolError(CloseCode.BAD_START, "call is required, with call.id at least")
        known = {key: value for key, value in fields.items() if key in _CALL_FIELDS and value is not None}
        unknown = {key: value for key, value in fields.items() if key not in _CALL_FIELDS}
        if unknown:
            # A newer client may know more than we do; what it says is kept.
            given = known.get("metadata", {})
            known["metadata"] = unknown | given if isinstance(given, dict) else given
        try:
            call = CallStart.model_validate(known)
        except ValidationError as error:
            raise ProtocolError(CloseCode.BAD_START, _first_problem(error)) from None
        self.call_id = call.id
        return call

    # --- To the client ----------------------------------------------------------------------------------

    def ready(self, conversation_id: UUID, ms: int) -> str:
        return json.dumps(
            {"type": "ready", "version": VERSION, "conversation": str(conversation_id), "ms": ms}
        )

    def ack(self, ms: int) -> str:
        return json.dumps({"type": "ack", "ms": ms})

    def stopped(self, ms: int) -> str:
        return json.dumps({"type": "stopped", "ms": ms})


def _audio(fields: object) -> CallAudio:
    if not isinstance(fields, dict):
        raise ProtocolError(CloseCode.BAD_START, "audio is required: codec, sample_rate, channels, roles")
    try:
        form = AudioFormat(
            codec=cast(Codec, str(fields.get("codec"))),
            sample_rate=fields.get("sample_rate", 0),
            channels=fields.get("channels", 0),
        )
    except ValueError:
        raise ProtocolError(
            CloseCode.UNKNOWN_FORMAT,
            "audio must be pcm16 or mulaw, sample_rate 8000 or 16000, channels 1 or 2",
        ) from None
    roles = fields.get("roles")
    if not isinstance(roles, list) or not all(isinstance(role, str) for role in roles):
        raise ProtocolError(CloseCode.WRONG_ROLES, "audio.roles must name one role per channel")
    return CallAudio(form, tuple(roles))


def _first_problem(error: ValidationError) -> str:
    """Where the first problem lies and what it is, without the value. Names of fields are ours alone."""
    problem = error.errors(include_url=False, include_input=False, include_context=False)[0]
    place = ".".join(["call", *(str(part) for part in problem["loc"] if part in _SAYABLE)])
    return f"{place}: {_WORDS.get(problem['type'], problem['msg'])}"[:120]


_SAYABLE = _CALL_FIELDS | {"reference", "name", "segment", "fields"}
_WORDS = {"missing": "required", "string_pattern_mismatch": "not in the form that docs/ingest.md gives"}
