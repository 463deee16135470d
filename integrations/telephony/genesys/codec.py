"""AudioHook version 2 as a line of audio: one session is one call. No I/O.

A session keeps Genesys's clock. The client counts the audio it sent or said it left out (`position`); we count what
came. What it leaves out becomes a `Gap`, so that a word's time stays true to the millisecond.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

from conversations.live.wire import (
    Action,
    Audio,
    CallAudio,
    CloseCode,
    Done,
    Gap,
    KeepAlive,
    LineCodec,
    ProtocolError,
    Reply,
    Saying,
    Several,
    Start,
    Stop,
)
from engines.speech.audio import AudioFormat
from integrations.telephony.genesys import messages
from integrations.telephony.genesys.attributes import call_start
from integrations.telephony.genesys.messages import Message

SOURCE = "genesys"
# The client's position may be so far ahead of what came before we call it a hole, and then so far at most.
TOLERANCE_SECONDS = Decimal(1)
MAX_JUMP_SECONDS = Decimal(60)
# One message may leave out so much: longer than any call is paused.
MAX_LEFT_OUT_SECONDS = Decimal(3600)
PIECE_MS = 300_000
# Why audio is missing, as the ledger says it.
DISCARDED, PAUSED, NOT_SENT = "discarded", "paused", "not_sent"
# Why a call is not whole whose session Genesys gave up: the call itself goes on without us.
CLIENT_ERROR = "client_error"
_ROLES = {messages.EXTERNAL: "customer", messages.INTERNAL: "agent"}
_UNAUTHORIZED = frozenset(
    {
        CloseCode.NO_KEY,
        CloseCode.NOT_ALLOWED,
        CloseCode.UNKNOWN_HOST,
        CloseCode.UNKNOWN_ACCOUNT,
        CloseCode.BAD_SIGNATURE,
    }
)


class State(Enum):
    NEW = "new"
    OPEN = "open"
    PAUSED = "paused"
    PROBE = "probe"
    CLOSING = "closing"
    REFUSED = "refused"


class AudiohookCodec(LineCodec):
    """One session: NEW until `open`, OPEN (or PAUSED, or PROBE) until `close`, then CLOSING.

    `session_id` and `organization_id`: as the request's headers have them ("" where they have not).
    """

    source = SOURCE

    def __init__(self, *, session_id: str, organization_id: str, correlation_id: str = "") -> None:
        self.state = State.NEW
        self.call_id = ""
        self.session_id = session_id.strip().lower()
        self.organization_id = organization_id.strip().lower()
        self.correlation_id = correlation_id.strip().lower()
        self.language = ""
        self._moved = False
        self._seq = 0
        self._client_seq = 0
        self._frame_bytes = 1
        self._bytes = 0
        self._left_out = Decimal(0)
        self._gaps_ms = 0
        self._base = Decimal(0)
        self._position = Decimal(0)

    # --- From the client --------------------------------------------------------------------------------

    def text(self, message: str) -> Action:
        """Read a message. Raises `ProtocolError`."""
        heard = messages.read(message)
        if self.state is State.REFUSED:
            # What it sent before it has read why it was refused does not matter any more; its close is answered.
            self._client_seq = heard.seq
            return Done(self._saying("closed")) if heard.kind == "close" else KeepAlive()
        self._check_order(heard)
        if heard.kind == "open":
            return self._open(heard)
        if heard.kind == "ping":
            messages.check_parameters(heard)
            early = self.state in (State.NEW, State.PROBE)
            return self._timed(heard, Reply(self._saying("pong"), admitted=early))
        if self.state is State.NEW and heard.kind != "close":
            raise ProtocolError(CloseCode.NO_START, "open must come first")
        if heard.kind == "close":
            return self._close(heard)
        if heard.kind == "discarded":
            return self._gap(heard, DISCARDED)
        if heard.kind == "paused":
            return self._pause(heard)
        if heard.kind == "resumed":
            return self._resume(heard)
        messages.check_parameters(heard)
        if heard.kind == "update":
            self.language = heard.parameters["language"]
            return self._timed(heard, Reply(self._saying("updated")))
        # `error`, whose close follows; and kinds that are newer than we are.
        return self._timed(heard, KeepAlive())

    def binary(self, message: bytes) -> Action:
        """Read audio. Raises `ProtocolError`."""
        if self.state is State.NEW:
            raise ProtocolError(CloseCode.AUDIO_BEFORE_START, "audio before opened")
        if self.state in (State.REFUSED, State.PROBE):
            return KeepAlive()
        if self.state is State.CLOSING:
            raise ProtocolError(CloseCode.AFTER_STOP, "audio after close")
        if self.state is State.PAUSED:
            raise ProtocolError(CloseCode.OUT_OF_ORDER, "audio while paused")
        if len(message) % self._frame_bytes:
            raise ProtocolError(
                CloseCode.HALF_FRAME, f"a binary message must hold whole frames of {self._frame_bytes} bytes"
            )
        self._bytes += len(message)
        return Audio(message)

    # --- To the client ----------------------------------------------------------------------------------

    def ready(self, conversation_id: UUID, ms: int) -> None:
        """Nothing: `opened` was said early."""

    def ack(self, ms: int) -> None:
        """Nothing: AudioHook knows no acknowledgement."""

    def stopped(self, ms: int) -> Saying:
        """`closed`: all that came is stored."""
        return self._saying("closed")

    def refused(self, code: CloseCode, reason: str) -> Saying | None:
        """`disconnect`, or `reconnect` where this server goes away; nothing twice, and nothing after a close."""
        if self._moved and code is CloseCode.SUPERSEDED:
            self._moved = False
            return self._saying("closed")
        if self.state in (State.CLOSING, State.REFUSED) or not messages.is_uuid(self.session_id):
            return None
        going = self.state in (State.OPEN, State.PAUSED)
        self.state = State.REFUSED
        if code is CloseCode.SERVER_RESTART and going:
            return self._saying("reconnect", {"info": reason})
        if code in _UNAUTHORIZED:
            why = "unauthorized"
        else:
            why = "completed" if code is CloseCode.SUPERSEDED else "error"
        return self._saying("disconnect", {"reason": why, "info": f"{reason} ({int(code)})"})

    # --- Order ------------------------------------------------------------------------------------------

    def _check_order(self, heard: Message) -> None:
        if heard.seq != self._client_seq + 1:
            raise ProtocolError(CloseCode.OUT_OF_ORDER, "invalid seq: each message is one more than the last")
        self._client_seq = heard.seq
        if heard.serverseq > self._seq:
            raise ProtocolError(CloseCode.OUT_OF_ORDER, "invalid serverseq: we have not said so much")
        if not self.session_id or self.session_id == messages.NULL_ID:
            self.session_id = heard.id
        elif heard.id != self.session_id:
            raise ProtocolError(CloseCode.BAD_MESSAGE, "session identifier mismatch")
        if self.state is State.CLOSING:
            raise ProtocolError(CloseCode.AFTER_STOP, "message after close")

    # --- Open and close ---------------------------------------------------------------------------------

    def _open(self, heard: Message) -> Action:
        if self.state is not State.NEW:
            # As the reference server does: the session is open, and stays as it was opened.
            return KeepAlive()
        said = messages.read_open(heard.parameters)
        self.call_id = self.session_id
        if said.organization_id != self.organization_id:
            raise ProtocolError(
                CloseCode.UNKNOWN_ACCOUNT, "organizationId is not that of Audiohook-Organization-Id"
            )
        media = messages.choose(said.media)
        opened: dict[str, Any] = {"media": [dict(media.offered)] if media else [], "startPaused": False}
        if said.wants_languages:
            # We send no transcripts back, in no language.
            opened["supportedLanguages"] = []
        if said.is_probe:
            self.state = State.PROBE
            return Reply(self._saying("opened", opened), admitted=True)
        if media is None:
            raise ProtocolError(
                CloseCode.UNKNOWN_FORMAT, "none of the offered media is PCMU or L16 at 8000 Hz"
            )
        self._base = self._position = heard.position
        self.language = said.language
        audio = CallAudio(
            AudioFormat("mulaw" if media.format == "PCMU" else "pcm16", messages.RATE, len(media.channels)),
            tuple(_ROLES[channel] for channel in media.channels),
        )
        self._frame_bytes = audio.format.frame_bytes
        self.state = State.OPEN
        return Start(
            call_start(said, session_id=self.session_id, correlation_id=self.correlation_id),
            audio,
            resume=bool(said.continued),
            early=self._saying("opened", opened),
        )

    def _close(self, heard: Message) -> Action:
        messages.check_parameters(heard)
        was, self.state = self.state, State.CLOSING
        if was in (State.NEW, State.PROBE):
            return Done(self._saying("closed"))
        why = heard.parameters["reason"]
        if why == "reconnect":
            # Another session goes on with the call, which must not end here.
            self._moved = True
            raise ProtocolError(CloseCode.SUPERSEDED, "the call goes on in another session")
        stop = Stop(CLIENT_ERROR if why == "error" else "")
        return self._timed(heard, stop, paused=was is State.PAUSED)

    # --- The clock --------------------------------------------------------------------------------------

    @property
    def _heard(self) -> Decimal:
        """Where the stream is by our count, in seconds."""
        return self._base + Decimal(self._bytes) / (self._frame_bytes * messages.RATE) + self._left_out

    def _gap(self, heard: Message, cause: str) -> Action:
        messages.span(heard.parameters, "start")
        left_out = messages.span(heard.parameters, "discarded")
        if left_out > MAX_LEFT_OUT_SECONDS:
            raise ProtocolError(CloseCode.CLOCK_JUMP, "no audio is left out for so long")
        if self.state not in (State.OPEN, State.PAUSED):
            return KeepAlive()
        return self._timed(heard, self._leave_out(left_out, cause))

    def _leave_out(self, left_out: Decimal, cause: str) -> Action:
        self._left_out += left_out
        # Rounded in sum, not one by one, so that many small gaps do not move the clock.
        ms = round(self._left_out * 1000) - self._gaps_ms
        self._gaps_ms += ms
        # A pause may be long, and is no hole: it is put in piece by piece.
        pieces = [PIECE_MS] * (ms // PIECE_MS) + [ms % PIECE_MS] if cause == PAUSED else [ms]
        gaps = tuple(Gap(piece, cause) for piece in pieces if piece > 0)
        return gaps[0] if len(gaps) == 1 else Several(gaps)

    def _pause(self, heard: Message) -> Action:
        action = self._timed(heard, KeepAlive())
        if self.state is State.OPEN:
            self.state = State.PAUSED
        return action

    def _resume(self, heard: Message) -> Action:
        if self.state is State.PAUSED:
            self.state = State.OPEN
            return self._gap(heard, PAUSED)
        messages.span(heard.parameters, "start")
        messages.span(heard.parameters, "discarded")
        return self._timed(heard, KeepAlive())

    def _timed(self, heard: Message, action: Action, *, paused: bool = False) -> Action:
        """`action`, after a gap if the client is further than we have heard. Raises `ProtocolError`."""
        if self.state in (State.NEW, State.PROBE):
            return action
        if heard.position < self._position - TOLERANCE_SECONDS:
            raise ProtocolError(CloseCode.CLOCK_JUMP, "position went back")
        self._position = max(self._position, heard.position)
        # While it is paused the client's position may go on; what that meant is said by `resumed`.
        ahead = Decimal(0) if paused or self.state is State.PAUSED else heard.position - self._heard
        if ahead <= TOLERANCE_SECONDS:
            return action
        if ahead > MAX_JUMP_SECONDS:
            raise ProtocolError(CloseCode.CLOCK_JUMP, "position is too far ahead of the audio")
        return Several((self._leave_out(ahead, NOT_SENT), action))

    # --- Words ------------------------------------------------------------------------------------------

    def _saying(self, kind: str, parameters: Mapping[str, Any] | None = None) -> Saying:
        """A message that is numbered when it is sent, as an answer to what was heard last.

        What still waits when the session is refused is not said any more: it comes out empty.
        """
        answers, refused = self._client_seq, self.state is State.REFUSED

        def say() -> str:
            if self.state is State.REFUSED and not refused:
                return ""
            self._seq += 1
            return messages.build(
                kind,
                ident=self.session_id,
                seq=self._seq,
                clientseq=answers,
                parameters=parameters or {},
            )

        return say
