"""What telephony and CRM say about a call besides its audio: bounded in size, and without card numbers and the like.

People put anything into such fields. Values (and names) pass redaction before they are stored. Identifiers stay:
only what reads as a card, a social security number, a phone number and so on is replaced.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any

from conversations.live.field_names import holds, type_of
from conversations.redaction.policy import config_for_metadata
from engines.redaction.actions import stand_in
from engines.redaction.redactor import RedactionConfig, redact
from engines.redaction.text import RawText, storable

MAX_BYTES = 8192
MAX_KEYS = 64
MAX_DEPTH = 4
MAX_TEXT = 500

_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def check(fields: dict[str, Any]) -> None:
    """Raise `ValueError` when there is too much of it, or something that is not JSON."""
    _walk(fields, 1)
    if len(json.dumps(fields)) > MAX_BYTES:
        raise ValueError(f"holds more than {MAX_BYTES} bytes")


def _walk(value: Any, depth: int) -> None:
    if depth > MAX_DEPTH + 1:
        raise ValueError(f"is nested more than {MAX_DEPTH} deep")
    if isinstance(value, dict | list):
        if len(value) > MAX_KEYS:
            raise ValueError(f"holds more than {MAX_KEYS} values in one place")
        for item in value.values() if isinstance(value, dict) else value:
            _walk(item, depth + 1)
        if isinstance(value, dict):
            for key in value:
                _walk(key, depth + 1)
    elif isinstance(value, str):
        if len(value) > MAX_TEXT:
            raise ValueError(f"holds a text of more than {MAX_TEXT} characters")
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError("holds a number that JSON does not have")
    elif value is not None and not isinstance(value, bool | int):
        raise ValueError("holds something that is not JSON")


def text_redacted(text: str) -> str:
    """`text` without what the company hides in fields: what reads as a card number, a phone number and so on."""
    return _text(text, config_for_metadata()) if text else text


def redacted(value: Any) -> Any:
    """The same structure with every text redacted, names of fields included. A number that had to go is a text."""
    return _value(value, config_for_metadata()) if value else value


def cut(text: str, length: int) -> str:
    """The first `length` characters of a text, less a number that the end would cut in two.

    Half of a card's number has no checksum any more, so that redaction would let it through.
    """
    if len(text) <= length:
        return text
    goes_on = _GOES_ON.match(text, length) is not None
    return _CUT_NUMBER.sub("", text[:length]) if goes_on else text[:length]


_GOES_ON = re.compile(r"[ .()/-]{0,2}\d")
# Digits with signs between them, at the end.
_CUT_NUMBER = re.compile(r"[+(]?\d(?:[\d .()/-]{0,40})$")


def _text(text: str, config: RedactionConfig) -> str:
    known = storable(text)
    if _UUID.fullmatch(known):
        return known
    return redact(RawText(known), config).text


def _value(value: Any, config: RedactionConfig) -> Any:
    if isinstance(value, dict):
        return {_text(str(name), config): _field(str(name), item, config) for name, item in value.items()}
    if isinstance(value, list):
        return [_value(item, config) for item in value]
    if isinstance(value, str):
        return _text(value, config)
    if isinstance(value, int | float) and not isinstance(value, bool):
        written = str(value)
        clean = _text(written, config)
        return value if clean == written else clean
    return value


def _field(name: str, value: Any, config: RedactionConfig) -> Any:
    """A value under its name, which may say what it is."""
    kind = type_of(name)
    if kind and (kind in config.enabled_types or kind in _NEVER_WHOLE):
        if isinstance(value, list):
            return [_field(name, item, config) for item in value]
        if isinstance(value, str | int | float) and not isinstance(value, bool) and holds(kind, str(value)):
            return stand_in(config.action(kind), kind, str(value), key=config.hash_key) or f"[{kind}]"
    return _value(value, config)


# Not looked for in values by themselves, where digits alone mean nothing; under such a name they do.
_NEVER_WHOLE = frozenset({"ACCOUNT_NUMBER"})
