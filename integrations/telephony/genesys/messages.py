"""AudioHook's text messages, version 2: what a well-formed one is, and how each of ours is built. No I/O.

The rules are those that Genesys's reference server and client check. Where they are stricter than Genesys Cloud needs
to be obeyed (a language of a form they do not know, a format they do not have), we pass over what we cannot use.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NoReturn

from conversations.live.wire import CloseCode, ProtocolError

VERSION = "2"
MAX_TEXT = 65535
NULL_ID = "00000000-0000-0000-0000-000000000000"
RATE = 8000
EXTERNAL, INTERNAL = "external", "internal"

_UUID = re.compile(
    rf"[0-9a-fA-F]{{8}}-[0-9a-fA-F]{{4}}-[1-8][0-9a-fA-F]{{3}}-[89abAB][0-9a-fA-F]{{3}}-[0-9a-fA-F]{{12}}|{NULL_ID}"
)
_DURATION = re.compile(r"PT((?:\d{0,12}\.)?\d{1,12})S", re.ASCII)
_CLOSE_REASONS = ("end", "error", "disconnect", "reconnect")


@dataclass(frozen=True, slots=True)
class Message:
    """A client's message whose envelope is right. `position` in seconds of its audio."""

    kind: str
    id: str
    seq: int
    serverseq: int
    position: Decimal
    parameters: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Media:
    """One way of sending audio that the client offers, and the words in which it was offered."""

    format: str
    channels: tuple[str, ...]
    offered: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Open:
    """What `open` says. `continued`: ids of the sessions that this one takes over from."""

    organization_id: str
    conversation_id: str
    participant_id: str
    ani: str
    ani_name: str
    dnis: str
    media: tuple[Media, ...]
    language: str
    wants_languages: bool
    continued: tuple[str, ...]
    custom_config: Mapping[str, Any]

    @property
    def is_probe(self) -> bool:
        """Whether this is no call but a test of the connection (it then names neither call nor participant)."""
        return self.conversation_id == NULL_ID and self.participant_id == NULL_ID


def read(text: str) -> Message:
    """Read a client's message up to its parameters. Raises `ProtocolError`."""
    if len(text) > MAX_TEXT:
        raise ProtocolError(CloseCode.MESSAGE_TOO_BIG, "text message larger than 65535 characters")
    try:
        fields = json.loads(text, parse_constant=_no_such_number)
    except (ValueError, RecursionError):
        raise ProtocolError(CloseCode.BAD_MESSAGE, "text message is not JSON") from None
    if not isinstance(fields, dict):
        raise ProtocolError(CloseCode.BAD_MESSAGE, "message is not a JSON object")
    if fields.get("version") != VERSION:
        raise ProtocolError(CloseCode.UNKNOWN_VERSION, "version must be 2")
    kind, parameters = fields.get("type"), fields.get("parameters")
    position = seconds(fields.get("position"))
    if (
        not is_uuid(fields.get("id"))
        or not isinstance(kind, str)
        or not _is_number(fields.get("seq"))
        or not _is_number(fields.get("serverseq"))
        or position is None
        or not isinstance(parameters, dict)
    ):
        raise ProtocolError(CloseCode.BAD_MESSAGE, "message is not a well-formed client message")
    return Message(kind, fields["id"].lower(), fields["seq"], fields["serverseq"], position, parameters)


def read_open(parameters: Mapping[str, Any]) -> Open:
    """Read the parameters of `open`. Raises `ProtocolError`."""
    participant = parameters.get("participant")
    media = parameters.get("media")
    continued = parameters.get("continuedSessions", [])
    custom = parameters.get("customConfig", {})
    language = parameters.get("language", "")
    wants_languages = parameters.get("supportedLanguages", False)
    if not (
        is_uuid(parameters.get("organizationId"))
        and is_uuid(parameters.get("conversationId"))
        and isinstance(participant, dict)
        and is_uuid(participant.get("id"))
        and all(isinstance(participant.get(name), str) for name in ("ani", "aniName", "dnis"))
        and isinstance(media, list)
        and isinstance(language, str)
        and isinstance(wants_languages, bool)
        and isinstance(custom, dict)
        and isinstance(continued, list)
        and all(_is_continued(session) for session in continued)
    ):
        raise ProtocolError(CloseCode.BAD_START, "open has invalid or missing parameters")
    return Open(
        organization_id=parameters["organizationId"].lower(),
        conversation_id=parameters["conversationId"].lower(),
        participant_id=participant["id"].lower(),
        ani=participant["ani"],
        ani_name=participant["aniName"],
        dnis=participant["dnis"],
        media=tuple(offer for offer in map(_media, media) if offer is not None),
        language=language,
        wants_languages=wants_languages,
        continued=tuple(session["id"].lower() for session in continued),
        custom_config=custom,
    )


def choose(offers: tuple[Media, ...]) -> Media | None:
    """The offer that tells most: both sides before one, mu-law before linear, the customer before the agent.

    None when nothing was offered that we take.
    """
    return min(
        offers,
        key=lambda offer: (
            -len(offer.channels),
            offer.format != "PCMU",
            offer.channels[0] != EXTERNAL,
        ),
        default=None,
    )


def span(parameters: Mapping[str, Any], name: str) -> Decimal:
    """A duration among the parameters, in seconds. Raises `ProtocolError`."""
    found = seconds(parameters.get(name))
    if found is None:
        raise ProtocolError(CloseCode.BAD_MESSAGE, "message has invalid or missing parameters")
    return found


def check_parameters(message: Message) -> None:
    """Check the small messages' parameters that nothing else reads. Raises `ProtocolError`."""
    parameters, right = message.parameters, True
    if message.kind == "close":
        right = parameters.get("reason") in _CLOSE_REASONS
    elif message.kind == "ping":
        right = "rtt" not in parameters or seconds(parameters["rtt"]) is not None
    elif message.kind == "error":
        right = _is_number(parameters.get("code")) and isinstance(parameters.get("message"), str)
    elif message.kind == "update":
        right = isinstance(parameters.get("language"), str)
    if not right:
        raise ProtocolError(CloseCode.BAD_MESSAGE, "message has invalid or missing parameters")


def build(kind: str, *, ident: str, seq: int, clientseq: int, parameters: Mapping[str, Any]) -> str:
    """One of our messages, as text."""
    return json.dumps(
        {
            "version": VERSION,
            "type": kind,
            "id": ident,
            "seq": seq,
            "clientseq": clientseq,
            "parameters": dict(parameters),
        }
    )


def is_uuid(value: object) -> bool:
    return isinstance(value, str) and _UUID.fullmatch(value) is not None


def seconds(value: object) -> Decimal | None:
    """Read a duration such as `PT1.2S`; None when it is none."""
    found = _DURATION.fullmatch(value) if isinstance(value, str) else None
    return Decimal(found[1]) if found else None


def _is_number(value: object) -> bool:
    return type(value) is int and value >= 0


def _is_continued(session: object) -> bool:
    return (
        isinstance(session, dict)
        and is_uuid(session.get("id"))
        and _is_number(session.get("serverseq"))
        and _is_number(session.get("clientseq"))
    )


def _media(offer: object) -> Media | None:
    if not isinstance(offer, dict) or offer.get("type") != "audio" or offer.get("rate") != RATE:
        return None
    form, channels = offer.get("format"), offer.get("channels")
    if form not in ("PCMU", "L16") or not isinstance(channels, list) or not 1 <= len(channels) <= 2:
        return None
    if any(channel not in (EXTERNAL, INTERNAL) for channel in channels) or len(set(channels)) < len(channels):
        return None
    return Media(form, tuple(channels), offer)


def _no_such_number(_literal: str) -> NoReturn:
    raise ValueError("JSON has no such number")
