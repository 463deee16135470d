"""What is said about an uploaded call besides its sound: by a form, or by a manifest that lies in the zip.

A manifest is a CSV file with a row per call. `file` names it; the other columns are those of the form. What has
another name is kept as metadata. An empty cell, like an absent column, leaves what the form says.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime
from django.utils.translation import gettext as _
from pydantic import ValidationError as FieldError

from conversations.live.wire import CallStart

MANIFEST_BYTES = 2 * 1024 * 1024
FIELDS = (
    "call_id",
    "agent",
    "customer",
    "customer_name",
    "queue",
    "language",
    "direction",
    "started_at",
    "agent_channel",
    "speaker",
)
_CHANNELS = {"1": 1, "left": 1, "l": 1, "2": 2, "right": 2, "r": 2}


@dataclass(frozen=True)
class CallDetails:
    """Of one call.

    `agent`: an e-mail address or an id in the telephony. `agent_channel`: 1 or 2 (left or right).

    `speaker`: who is heard where there is one channel only; "" for both, who are told apart where the recogniser can.
    `started_at`: ISO 8601 with its zone, "" for unknown.
    """

    call_id: str = ""
    agent: str = ""
    customer: str = ""
    customer_name: str = ""
    queue: str = ""
    language: str = "en"
    direction: str = "inbound"
    started_at: str = ""
    agent_channel: int = 1
    speaker: str = ""
    metadata: dict[str, str] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    def roles(self, channels: int) -> tuple[str, ...]:
        """Who is heard on each channel."""
        if channels == 1:
            return (self.speaker or "customer",)
        return ("agent", "customer") if self.agent_channel == 1 else ("customer", "agent")

    def speakers(self, channels: int) -> list[str]:
        """Who is heard within one channel, in the order in which they speak first: whoever takes the call greets."""
        if channels > 1 or self.speaker:
            return []
        return ["agent", "customer"] if self.direction == "inbound" else ["customer", "agent"]

    def start(self, fallback_id: str) -> CallStart:
        """As the way of a call takes it. Raises pydantic's `ValidationError`."""
        customer = None
        if self.customer:
            customer = {"reference": self.customer, "name": self.customer_name}
        return CallStart.model_validate(
            {
                "id": self.call_id or fallback_id,
                "direction": self.direction,
                "language": self.language,
                "queue": self.queue,
                "agent": self.agent,
                "customer": customer,
                "metadata": self.metadata,
            }
        )


def details_read(given: Mapping[str, str], base: CallDetails, zone: ZoneInfo) -> CallDetails:
    """Lay what is given over `base`. A time without a zone is in `zone`. Raises `ValidationError` by field."""
    values: dict[str, Any] = {}
    more = dict(base.metadata)
    for raw_name, raw in given.items():
        name, value = (raw_name or "").strip().lower(), (raw or "").strip()
        if not value or not name:
            continue
        if name not in FIELDS:
            more[(raw_name or "").strip()] = value
        elif name == "agent_channel":
            values[name] = _channel(value)
        elif name == "started_at":
            values[name] = _time(value, zone).isoformat()
        elif name == "speaker" and value.lower() == "both":
            values[name] = ""
        elif name in {"speaker", "direction"}:
            values[name] = _choice(name, value)
        else:
            values[name] = value
    details = replace(base, **values, metadata=more)
    try:
        details.start("x")
    except FieldError as error:
        wrong = sorted({_name(part["loc"]) for part in error.errors()})
        raise ValidationError(
            {name: _("This does not look like a valid value, or is too long.") for name in wrong}
        ) from None
    return details


def _name(place: tuple[int | str, ...]) -> str:
    """Which of our fields one of `CallStart` is filled from."""
    path = ".".join(str(part) for part in place)
    known = {"id": "call_id", "customer.reference": "customer", "customer.name": "customer_name"}
    return known.get(path, str(place[0]) if place else "metadata")


def _channel(value: str) -> int:
    if value.lower() not in _CHANNELS:
        raise ValidationError({"agent_channel": _("Say 1 or 2, or left or right.")})
    return _CHANNELS[value.lower()]


def _choice(name: str, value: str) -> str:
    offered = {"speaker": ("agent", "customer"), "direction": ("inbound", "outbound")}[name]
    if value.lower() not in offered:
        raise ValidationError(
            {name: _("Say %(one)s or %(other)s.") % dict(zip(("one", "other"), offered, strict=True))}
        )
    return value.lower()


def _time(value: str, zone: ZoneInfo) -> datetime:
    wrong = ValidationError(
        {"started_at": _("Write the time like 2026-03-01 14:30, or with a zone after it.")}
    )
    try:
        at = parse_datetime(value)
        day = parse_date(value) if at is None else None
    except ValueError:
        raise wrong from None
    if at is None:
        if day is None:
            raise wrong
        at = datetime(day.year, day.month, day.day)
    if at.tzinfo is None:
        at = at.replace(tzinfo=zone)
    if not timezone.now() - timedelta(days=365 * 20) < at <= timezone.now() + timedelta(minutes=10):
        raise ValidationError({"started_at": _("The call cannot have begun then.")})
    return at.astimezone(UTC)


def manifest_read(data: bytes) -> dict[str, dict[str, str]]:
    """The rows of a manifest by the file's last name, in lower case. Raises `ValidationError`."""
    if len(data) > MANIFEST_BYTES:
        raise ValidationError(_("The manifest is larger than 2 MB."))
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ValidationError(_("The manifest is not UTF-8. Save it as “CSV UTF-8”.")) from None
    first = text.partition("\n")[0]
    reader = csv.DictReader(
        io.StringIO(text, newline=""), delimiter=";" if first.count(";") > first.count(",") else ","
    )
    try:
        names = [(name or "").strip().lower() for name in reader.fieldnames or []]
        if "file" not in names:
            raise ValidationError(_("The manifest has no column “file”."))
        column = (reader.fieldnames or [])[names.index("file")]
        rows: dict[str, dict[str, str]] = {}
        for row in reader:
            file = (row.pop(column) or "").replace("\\", "/").rsplit("/", 1)[-1].strip().lower()
            if not file:
                continue
            if file in rows:
                raise ValidationError(_("The manifest names a file twice, in line %d.") % reader.line_num)
            rows[file] = {
                name: value for name, value in row.items() if isinstance(name, str) and isinstance(value, str)
            }
    except csv.Error:
        raise ValidationError(_("The manifest is not CSV, near line %d.") % reader.line_num) from None
    return rows
