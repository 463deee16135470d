"""The event that a contact flow's Lambda block gives its function: what it says of the call and of its stream. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from pydantic import ValidationError

from conversations.live.wire import CallStart, CustomerDetails

ID_CHARACTERS = 120
ARN_CHARACTERS = 400


class BadEvent(ValueError):
    """This is no contact flow event. Quotes nothing of it."""


@dataclass(frozen=True, slots=True)
class ContactEvent:
    """One contact, as its flow sees it. Strings are "" where the event does not say.

    `stream_arn` is "" where media streaming has not been started. `stop_fragment`: set once it was stopped.
    """

    contact_id: str
    instance_arn: str = ""
    initial_contact_id: str = ""
    previous_contact_id: str = ""
    channel: str = "VOICE"
    initiation: str = ""
    language: str = ""
    customer: str = ""
    system: str = ""
    queue: str = ""
    queue_arn: str = ""
    stream_arn: str = ""
    start_fragment: str = ""
    started_at: datetime | None = None
    stop_fragment: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, str] = field(default_factory=dict)

    @property
    def identifiers(self) -> dict[str, str]:
        """Every id that this call is known by: kind to value."""
        pairs = {
            "contact": self.contact_id,
            "initial_contact": self.initial_contact_id,
            "previous_contact": self.previous_contact_id,
        }
        return {kind: value for kind, value in pairs.items() if value}

    def call_start(self, *, language: str = "") -> CallStart:
        """The call as it begins. Attributes are in its metadata, as the company named them, for the mapping to find.

        `language`: of calls that do not say theirs.
        """
        metadata: dict[str, Any] = {"attributes": dict(self.attributes), "parameters": dict(self.parameters)}
        known = {
            "contact": self.contact_id,
            "initiationMethod": self.initiation,
            "systemEndpoint": self.system,
            "queueArn": self.queue_arn,
        }
        metadata |= {name: value for name, value in known.items() if value}
        start = CallStart(
            id=self.contact_id,
            direction="outbound" if self.initiation in {"OUTBOUND", "CALLBACK", "API"} else "inbound",
            identifiers=self.identifiers,
        )
        optional: dict[str, Any] = {
            "language": self.language or language,
            "queue": self.queue[:60],
            "customer": CustomerDetails(reference=self.customer) if self.customer else None,
        }
        for name, value in optional.items():
            if value:
                try:
                    start = CallStart.model_validate(start.model_dump() | {name: value})
                except ValidationError:
                    metadata[name] = value if isinstance(value, str) else self.customer
        # How much of it may be kept is decided with the mapping, behind which it is smaller.
        return start.model_copy(update={"metadata": metadata})


def contact_event(event: Any) -> ContactEvent:
    """Read the event. Raises `BadEvent` where it is none, or where what identifies a call is missing or odd."""
    data = _mapping(_mapping(_mapping(event).get("Details")).get("ContactData"))
    contact_id = _word(data.get("ContactId"), ID_CHARACTERS)
    if not contact_id:
        raise BadEvent("no ContactId")
    customer = _mapping(_mapping(_mapping(data.get("MediaStreams")).get("Customer")).get("Audio"))
    queue = _mapping(data.get("Queue"))
    return ContactEvent(
        contact_id=contact_id,
        instance_arn=_word(data.get("InstanceARN"), ARN_CHARACTERS),
        initial_contact_id=_word(data.get("InitialContactId"), ID_CHARACTERS),
        previous_contact_id=_word(data.get("PreviousContactId"), ID_CHARACTERS),
        channel=_word(data.get("Channel"), 20) or "VOICE",
        initiation=_word(data.get("InitiationMethod"), 40),
        language=_word(data.get("LanguageCode"), 12),
        customer=_endpoint(data.get("CustomerEndpoint")),
        system=_endpoint(data.get("SystemEndpoint")),
        queue=_text(queue.get("Name"), 60),
        queue_arn=_word(queue.get("ARN"), ARN_CHARACTERS),
        stream_arn=_word(customer.get("StreamARN"), ARN_CHARACTERS),
        start_fragment=_digits(customer.get("StartFragmentNumber")),
        started_at=_moment(customer.get("StartTimestamp")),
        stop_fragment=_digits(customer.get("StopFragmentNumber")),
        attributes=_texts(data.get("Attributes")),
        parameters=_texts(_mapping(_mapping(event).get("Details")).get("Parameters")),
    )


def _mapping(value: Any) -> Mapping[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise BadEvent("not a contact flow event")
    return value


def _text(value: Any, limit: int) -> str:
    text = value.strip() if isinstance(value, str) else ""
    return "".join(each for each in text if each.isprintable())[:limit]


def _word(value: Any, limit: int) -> str:
    """A text without spaces, whole or not at all: half an id is another one."""
    text = value.strip() if isinstance(value, str) else ""
    return text if text.isascii() and text.isprintable() and " " not in text and len(text) <= limit else ""


def _digits(value: Any) -> str:
    text = _word(value, 128)
    return text if text.isdigit() else ""


def _moment(value: Any) -> datetime | None:
    """Milliseconds since 1970, as text or number."""
    text = str(value) if isinstance(value, int | str) and not isinstance(value, bool) else ""
    if not text.isascii() or not text.isdigit() or len(text) > 14:
        return None
    return datetime.fromtimestamp(int(text) / 1000, UTC)


def _endpoint(value: Any) -> str:
    return _text(_mapping(value).get("Address"), 120)


def _texts(value: Any) -> dict[str, str]:
    return {
        name: item
        for name, item in _mapping(value).items()
        if isinstance(name, str) and isinstance(item, str)
    }
