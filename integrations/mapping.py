"""Which of a vendor's attributes become which fields of a call. Pure: no database, no vendor.

What telephony says of a call is often incomplete or odd. None of it may cost the call: a value that does not fit its
field is left where it was, and the field as it was.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from conversations.live import metadata
from conversations.live.wire import CallStart

TARGET_PATTERN = (
    r"^(agent|queue|language|direction|customer\.(reference|name|segment)"
    r"|metadata\.[A-Za-z0-9_][A-Za-z0-9_ .-]{0,59})$"
)
_TARGET = re.compile(TARGET_PATTERN)
_DIRECTIONS = {"inbound": "inbound", "in": "inbound", "outbound": "outbound", "out": "outbound"}
_LENGTHS = {
    "agent": 120,
    "queue": 60,
    "customer.reference": 120,
    "customer.name": 120,
    "customer.segment": 40,
}


@dataclass(frozen=True, slots=True)
class Rule:
    """`source`: a path of names into the attributes, by dots. `default`: what the field is when there is no value."""

    source: str
    target: str
    default: str = ""


# What a connection understands without being told: the names that the recipes in docs/telephony.md use.
PLAIN_NAMES = (
    ("agent", "agent"),
    ("queue", "queue"),
    ("language", "language"),
    ("direction", "direction"),
    ("customer", "customer.reference"),
    ("customerName", "customer.name"),
    ("segment", "customer.segment"),
)


def plain_rules(folder: str) -> tuple[Rule, ...]:
    """The rules for attributes that are called as we call them, in a folder of a vendor's attributes."""
    return tuple(Rule(f"{folder}.{name}", target) for name, target in PLAIN_NAMES)


def apply(rules: Iterable[Rule], call: CallStart) -> CallStart:
    """Put the attributes in `call.metadata` where the rules say.

    For each field the first rule that finds a value decides, after all of them the first default. Attributes that
    found a field are no longer in the metadata. Fields that the vendor's own protocol said stay, unless a rule finds
    a value for them.
    """
    found: dict[str, str] = {}
    defaults: dict[str, str] = {}
    used: list[str] = []
    for rule in rules:
        if not _TARGET.match(rule.target):
            continue
        value = _text(_at(call.metadata, rule.source))
        if value and _fits(rule.target, value):
            used.append(rule.source)
            found.setdefault(rule.target, value)
        elif rule.default:
            defaults.setdefault(rule.target, rule.default)
    left = dict(call.metadata)
    for source in used:
        left = _without(left, source)
    fields: dict[str, Any] = {}
    customer: dict[str, Any] = {}
    for target, value in (defaults | found).items():
        if not _fits(target, value) or (target not in found and _has(call, target)):
            continue
        head, _dot, name = target.partition(".")
        if head == "metadata":
            left[name] = value
        elif head == "customer":
            customer[name] = metadata.cut(value, _LENGTHS[target])
        elif head == "direction":
            fields[head] = _direction(value)
        else:
            fields[head] = metadata.cut(value, _LENGTHS.get(head, len(value)))
    if customer:
        known = call.customer.model_dump() if call.customer else {}
        merged = known | customer
        # Somebody without a reference cannot be told from others of the same name.
        if merged.get("reference"):
            fields["customer"] = merged
        else:
            left |= {f"customer.{name}": value for name, value in customer.items()}
    return _changed(call, fields | {"metadata": bounded(left)})


def bounded(fields: Mapping[str, Any]) -> dict[str, Any]:
    """As much of a vendor's attributes as may be kept of a call: long texts cut, what is too much left out."""
    kept: dict[str, Any] = {}
    for name, value in list(fields.items())[: metadata.MAX_KEYS]:
        trial = {**kept, str(name)[:120]: _cut(value)}
        try:
            metadata.check(trial)
        except (ValueError, TypeError):
            continue
        kept = trial
    return kept


def _cut(value: Any) -> Any:
    if isinstance(value, str):
        return metadata.cut(value, metadata.MAX_TEXT)
    if isinstance(value, Mapping):
        return {str(name)[:120]: _cut(item) for name, item in list(value.items())[: metadata.MAX_KEYS]}
    return value


def _changed(call: CallStart, changes: dict[str, Any]) -> CallStart:
    """The call with these fields, each for itself: one that is refused leaves the others."""
    known = call.model_dump()
    for name, value in changes.items():
        try:
            known = CallStart.model_validate(known | {name: value}).model_dump()
        except ValidationError:
            continue
    return CallStart.model_validate(known)


def _at(fields: Mapping[str, Any], path: str) -> Any:
    """The value at a path. Names may hold dots themselves, so the longest name that is there is taken first."""
    if path in fields:
        return fields[path]
    head, _dot, rest = path.partition(".")
    while rest:
        inner = fields.get(head)
        if isinstance(inner, Mapping) and (value := _at(inner, rest)) is not None:
            return value
        more, _dot, rest = rest.partition(".")
        head = f"{head}.{more}"
    return None


def _without(fields: Mapping[str, Any], path: str) -> dict[str, Any]:
    """The fields without the value that `_at` finds at a path, and without what held nothing else."""
    if path in fields:
        return {name: item for name, item in fields.items() if name != path}
    head, _dot, rest = path.partition(".")
    while rest:
        inner = fields.get(head)
        if isinstance(inner, Mapping) and _at(inner, rest) is not None:
            left = {head: _without(inner, rest)}
            return {name: left.get(name, item) for name, item in fields.items() if left.get(name, True)}
        more, _dot, rest = rest.partition(".")
        head = f"{head}.{more}"
    return dict(fields)


def _text(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return ""
    if isinstance(value, int | float):
        return str(value)
    return value.strip() if isinstance(value, str) else ""


def _direction(value: str) -> str:
    return _DIRECTIONS.get(value.lower().partition("-")[0], "")


def _fits(target: str, value: str) -> bool:
    if any(not character.isprintable() for character in value):
        return False
    if target == "direction":
        return bool(_direction(value))
    if target == "language":
        return re.fullmatch(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*", value) is not None and len(value) <= 12
    return True


def _has(call: CallStart, target: str) -> bool:
    """Whether the vendor's protocol itself gave the field a value."""
    head, _dot, name = target.partition(".")
    if head == "metadata":
        return name in call.metadata
    if head == "customer":
        return bool(call.customer and getattr(call.customer, name))
    return head in call.model_fields_set and bool(getattr(call, head))
