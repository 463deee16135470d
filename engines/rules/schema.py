"""The published JSON schema (draft 2020-12) of a policy document, for editors and for who writes policies by program.

It says the form; what only `reading.py` and `check.py` can know (that an id exists, that a pattern is safe) is theirs.
"""

from __future__ import annotations

from typing import Any

from engines.rules import reading, spec

_ANY = {"$ref": "#/$defs/condition"}
_ID = {"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9_.:-]{0,79}$"}
_VALUE = {"type": ["string", "number", "boolean"]}


def _ms(least: int = 1, most: int = reading.MAX_MS) -> dict[str, Any]:
    return {"type": "integer", "minimum": least, "maximum": most}


def _text(most: int = reading.MAX_TEXT, least: int = 1) -> dict[str, Any]:
    return {"type": "string", "minLength": least, "maxLength": most}


def _object(needed: dict[str, Any], allowed: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": needed | (allowed or {}),
        "required": list(needed),
        "additionalProperties": False,
    } | more


def _list(items: dict[str, Any], most: int, least: int = 0) -> dict[str, Any]:
    return {"type": "array", "items": items, "minItems": least, "maxItems": most}


def _one_of(*names: str) -> list[dict[str, Any]]:
    return [{"required": [name]} for name in names]


def _conditions() -> list[dict[str, Any]]:
    turns = {"type": "integer", "minimum": 1, "maximum": 1_000}
    options = {"speaker": {"enum": list(spec.SPEAKERS)}, "nth": turns, "for_ms": _ms()}
    worded = options | {"even_denied": {"type": "boolean"}}
    limits = {"above": {"type": "number"}, "below": {"type": "number"}}
    values = {"anyOf": [_VALUE, _list(_VALUE, 200, 1)]}
    tests = {"is": values, "is_not": values, **limits, "present": {"type": "boolean"}}
    clock = {"type": "string", "pattern": "^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$"}
    group = _list(_ANY, reading.MAX_PARTS, 1)
    missing = {
        "after": {"anyOf": [{"const": "start"}, _ANY]},
        "within_ms": _ms(),
        "within_turns": {"type": "integer", "minimum": 1, "maximum": 200},
    }
    measured = {
        **limits,
        "over_ms": _ms(1_000, reading.MAX_WINDOW_MS),
        "speaker": {"enum": ["customer", "agent"]},
    }
    time = {"days": _list({"enum": list(spec.DAYS)}, 7), "from": clock, "until": clock}
    return [
        _object({"heard": _ID}, options),
        _object({"phrases": _list(_text(), 200, 1)}, worded),
        _object({"pattern": _text()}, worded),
        _object({"missing": _ANY}, missing),
        _object({"sequence": _list(_ANY, 10, 2)}, {"within_ms": _ms()}),
        _object({"measure": {"enum": list(spec.MEASURES)}}, measured, oneOf=_one_of("above", "below")),
        _object({"field": _text(120)}, tests, oneOf=_one_of(*tests)),
        _object({"time": _object({}, time, minProperties=1)}),
        _object({"all": group}),
        _object({"any": group}),
        _object({"not": _ANY}),
    ]


def _actions() -> list[dict[str, Any]]:
    kinds = {
        "title": _text(reading.MAX_TITLE),
        "label": {"enum": list(spec.LABELS)},
        "severity": {"enum": list(spec.SEVERITIES)},
        "missed": {"type": "boolean"},
        "value": _VALUE,
    }
    return [
        _object(
            {"do": {"const": do}} | {name: kinds.get(name, _text()) for name in needed},
            {name: kinds.get(name, _text(least=0)) for name in allowed},
        )
        for do, (needed, allowed) in spec.ACTION_FIELDS.items()
    ]


def policy_schema() -> dict[str, Any]:
    """Return the schema of a whole document."""
    action = {"$ref": "#/$defs/action"}
    flag = {"type": "boolean"}
    within = {"within_ms": _ms(), "within_turns": {"type": "integer", "minimum": 1, "maximum": 200}}
    rule = _object(
        {"id": _ID, "name": _text(200), "when": _ANY, "then": _list(action, reading.MAX_ACTIONS, 1)},
        {
            "priority": {"type": "integer", "minimum": 0, "maximum": 100, "default": 50},
            "cooldown_ms": _ms(0) | {"default": 60_000},
            "once": flag | {"default": False},
            "most": {"type": ["integer", "null"], "minimum": 1, "maximum": 1_000},
            "expires_ms": _ms(0) | {"default": 120_000},
            "withdraw_when": {"anyOf": [_ANY, {"type": "null"}]},
            "quiet": flag | {"default": False},
            "on_partials": flag | {"default": False},
            "position": {"type": "integer", "minimum": 0, "maximum": 10_000, "default": 0},
            "optional": flag | {"default": True},
        },
    )
    behaviour = _object(
        {"id": _ID, "name": _text(200), "situation": _ANY, "expected": _ANY},
        within
        | {
            "praise": _text(reading.MAX_TITLE),
            "missed": action,
            "weight": {"type": "number", "minimum": 0, "maximum": 100, "default": 1},
        },
    )
    step = _object(
        {"id": _ID, "title": _text(reading.MAX_TITLE)},
        {
            "say": _text(reading.MAX_SAY),
            "done": _ANY,
            "next": _list(_object({"to": _ID}, {"when": _ANY}), 20),
        },
    )
    playbook = _object(
        {"id": _ID, "name": _text(200), "steps": _list(step, reading.MAX_STEPS, 1)}, {"start": _ANY}
    )
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"Guidance policy, format {spec.FORMAT}",
        **_object(
            {"format": {"const": spec.FORMAT}},
            {
                "rules": _list(rule, reading.MAX_RULES),
                "behaviours": _list(behaviour, 500),
                "playbooks": _list(playbook, 100),
            },
        ),
        "$defs": {"condition": {"oneOf": _conditions()}, "action": {"oneOf": _actions()}},
    }
