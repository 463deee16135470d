"""What a line of audio says, once its wire format is read, and how a line is closed. No I/O, no database.

Each vendor's way in (`LineVendor`) decides who may send, and has a codec (`LineCodec`) that turns its messages into
these actions. Close codes in the 44xx range are ours and are documented in `docs/ingest.md`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Annotated, Any, Literal, Protocol
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from conversations.live import metadata
from engines.speech.audio import AudioFormat


class CloseCode(IntEnum):
    """Why a line was closed. In lower case the name is also the reason in the call's ledger."""

    DONE = 1000
    LINE_BROKEN = 1006  # never sent: what a server sees of a line that just ends
    MESSAGE_TOO_BIG = 1009
    SERVER_ERROR = 1011
    SERVER_RESTART = 1012
    BAD_MESSAGE = 4400
    NO_KEY = 4401
    NOT_ALLOWED = 4403
    UNKNOWN_HOST = 4404
    UNKNOWN_VERSION = 4406
    IDLE = 4408
    CALL_IN_USE = 4409
    CALL_USED_BEFORE = 4410
    SUPERSEDED = 4411
    AUDIO_BEFORE_START = 4412
    SECOND_START = 4413
    AFTER_STOP = 4414
    UNKNOWN_FORMAT = 4415
    WRONG_ROLES = 4416
    HALF_FRAME = 4417
    FORMAT_CHANGED = 4418
    NO_START = 4419
    TOO_LONG = 4420
    BAD_START = 4422
    BAD_SIGNATURE = 4423
    UNKNOWN_ACCOUNT = 4424
    OUT_OF_ORDER = 4425
    CLOCK_JUMP = 4426
    TOO_FAST = 4429
    TRY_AGAIN = 4503

    @property
    def slug(self) -> str:
        return self.name.lower()


# What a client did wrong in the middle of a call ends the call. After all else it may come back and go on.
ENDS_CALL = frozenset(
    {
        CloseCode.MESSAGE_TOO_BIG,
        CloseCode.BAD_MESSAGE,
        CloseCode.SECOND_START,
        CloseCode.AFTER_STOP,
        CloseCode.HALF_FRAME,
        CloseCode.TOO_LONG,
        CloseCode.OUT_OF_ORDER,
        CloseCode.CLOCK_JUMP,
        CloseCode.TOO_FAST,
    }
)


class ProtocolError(Exception):
    """The other side did what the protocol does not allow, or cannot go on here. `reason` quotes nothing it said."""

    def __init__(self, code: CloseCode, reason: str) -> None:
        super().__init__(f"{code} {reason}")
        self.code = code
        self.reason = reason


def _plain(value: str) -> str:
    if any(not character.isprintable() for character in value):
        raise ValueError("holds characters that cannot be shown")
    return value


def _fields(value: dict[str, Any]) -> dict[str, Any]:
    metadata.check(value)
    return value


Short = Annotated[str, Field(max_length=120), AfterValidator(_plain)]
Fields = Annotated[dict[str, Any], AfterValidator(_fields)]
Identifiers = Annotated[
    dict[Annotated[Short, Field(min_length=1, max_length=40)], Annotated[Short, Field(min_length=1)]],
    Field(max_length=20),
]


class CustomerDetails(BaseModel):
    """Who calls, as the telephony or CRM knows them. `reference` is the company's own key for them."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    reference: Annotated[Short, Field(min_length=1)]
    name: Short = ""
    segment: Annotated[Short, Field(max_length=40)] = ""
    fields: Fields = Field(default_factory=dict)


class CallStart(BaseModel):
    """What is known of a call when it begins. Only `id`, the provider's own id of the call, is required.

    `identifiers`: other ids that the vendor knows the call by, kind to value, for what comes later under one of them.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    id: Annotated[str, Field(pattern=r"^[!-~]{1,120}$")]
    direction: Literal["inbound", "outbound"] = "inbound"
    language: Annotated[str, Field(max_length=12, pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$")] = "en"
    queue: Annotated[Short, Field(max_length=60)] = ""
    agent: Short = ""
    customer: CustomerDetails | None = None
    metadata: Fields = Field(default_factory=dict)
    identifiers: Identifiers = Field(default_factory=dict)


ROLES = ("agent", "customer", "supervisor", "bot")


@dataclass(frozen=True, slots=True)
class CallAudio:
    """How a call's audio comes, and in `roles` who is heard on each channel, in order."""

    format: AudioFormat
    roles: tuple[str, ...]

    def __post_init__(self) -> None:
        if len(self.roles) != self.format.channels:
            raise ProtocolError(CloseCode.WRONG_ROLES, "audio.roles must name one role per channel")
        if len(set(self.roles)) != len(self.roles) or not set(self.roles) <= set(ROLES):
            raise ProtocolError(
                CloseCode.WRONG_ROLES,
                "audio.roles must be different ones of agent, customer, supervisor, bot",
            )

    def as_dict(self) -> dict[str, Any]:
        """As it is kept with the call."""
        return {
            "codec": self.format.codec,
            "sample_rate": self.format.sample_rate,
            "channels": self.format.channels,
            "roles": list(self.roles),
        }


# A text to be said, or what makes it when it is said: some formats number what they say. An empty one is not said.
Saying = str | Callable[[], str]


@dataclass(frozen=True, slots=True)
class Start:
    """A call begins, or goes on (`resume`) where it was if it is known.

    `early` is said once the line is admitted, and after `EARLY_SECONDS` at the latest, however slow the database is.
    """

    call: CallStart
    audio: CallAudio
    resume: bool
    early: Saying = ""


@dataclass(frozen=True, slots=True)
class Audio:
    """Whole frames of interleaved samples, of any length."""

    payload: bytes


@dataclass(frozen=True, slots=True)
class Gap:
    """`ms` of audio that never came, on all channels. Silence takes its place; the ledger says `cause`."""

    ms: int
    cause: str


@dataclass(frozen=True, slots=True)
class Missing:
    """A stretch of one channel whose place silence has taken already, in ms of this line's audio, for the ledger."""

    channel: int
    from_ms: int
    to_ms: int
    cause: str


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer to be sent at once. `admitted`: only once the line is admitted, as `Start.early` is."""

    text: Saying
    admitted: bool = False


@dataclass(frozen=True, slots=True)
class KeepAlive:
    """The other side is there, and has nothing to say."""


@dataclass(frozen=True, slots=True)
class Stop:
    """The call is over; no audio follows. `reason`: why it is not whole, for the ledger; "" if it is."""

    reason: str = ""


@dataclass(frozen=True, slots=True)
class Done:
    """The line is over and was no call (a probe of the connection). `text` is said, once it is admitted."""

    text: Saying = ""


@dataclass(frozen=True, slots=True)
class Several:
    """What one message says, in order."""

    actions: tuple[Action, ...]


Action = Start | Audio | Gap | Missing | Reply | KeepAlive | Stop | Done | Several

EARLY_SECONDS = 0.8
# The reason of an end behind which nothing of the call is missing.
STOP = "stop"


class LineCodec(Protocol):
    """One connection's reading and writing of a wire format. Knows nothing of sockets.

    `source` names the provider in the ledger; `call_id` is the provider's id of the call once it was said. Codecs
    may inherit from this class for what they have no use for.
    """

    source: str
    call_id: str

    def text(self, message: str) -> Action:
        """Read a text message. Raises `ProtocolError`."""

    def binary(self, message: bytes) -> Action:
        """Read a binary message. Raises `ProtocolError`."""

    def rest(self) -> bytes:
        """What was heard and has not become `Audio` yet, asked for when the line ends without a stop."""
        return b""

    def ended(self) -> Action | None:
        """What it says that the other side closed the line as one should (1000). None: nothing; the line broke."""
        return None

    def ready(self, conversation_id: UUID, ms: int) -> str | None:
        """What to answer a start: send audio from `ms` on. None where the vendor expects nothing."""

    def ack(self, ms: int) -> str | None:
        """What to send when all audio before `ms` is safe."""

    def stopped(self, ms: int) -> Saying | None:
        """What to send when the call is over and all its audio, up to `ms`, is safe."""

    def refused(self, code: CloseCode, reason: str) -> Saying | None:
        """What to send before the line is closed for any other reason than its own stop."""
        return None


@dataclass(frozen=True, slots=True)
class LineRequest:
    """What a line asks for when it connects.

    `path` as it was sent; `tail` what follows the vendor's prefix; `query` without the question mark; `headers` by
    lower-case name, the first of each; `url` the line's address as the other side was given it (`wss://host/path`,
    with the port only where it is not the usual one), whatever proxies lie between.
    """

    path: str
    tail: str
    query: str
    headers: Mapping[str, str]
    url: str


class Admission:
    """A line that may send, and what its connection knows of calls. The plain one changes nothing."""

    def prepare(self, call: CallStart) -> CallStart:
        """Check what `start` said against the connection, and put attributes where they belong.

        Runs in the company's schema, in a thread. Raises `ProtocolError`.
        """
        return call

    def arrange(self, audio: CallAudio) -> CallAudio:
        """Say who is on which channel where the connection knows better. Raises `ProtocolError`."""
        return audio


class LineVendor(Protocol):
    """One vendor's way in: stateless, one per process. May be inherited from.

    `prefix`: a path that ends in `/` takes what follows as `tail`, any other is the whole path. `live`: audio comes as
    it is spoken and never again, so a line may not run ahead of the clock, and after a break silence takes the place
    of what was lost. Where not, the other side keeps what was not acknowledged. `linger_seconds`: how long the other
    side may take to close a line that is done, or was refused in words, before we do. `refusal_seconds`: how long a
    refusal takes at least, so that its time tells nothing.
    """

    source: str
    prefix: str
    subprotocols: tuple[str, ...] = ()
    live: bool = True
    linger_seconds: float = 0.0
    refusal_seconds: float = 0.0

    def codec(self, request: LineRequest) -> LineCodec:
        """Make the codec of one line. Pure."""

    def admit(self, request: LineRequest) -> Admission:
        """Decide whether this line may send. Runs in the company's schema, in a thread. Raises `ProtocolError`."""
