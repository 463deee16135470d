"""A policy as JSON again: the shortest document that reads as the same policy."""

from __future__ import annotations

from typing import Any

from engines.rules import spec
from engines.rules.spec import Action, Behaviour, Condition, Playbook, Policy, Rule, Step


def to_data(policy: Policy) -> dict[str, Any]:
    """Return the document of a policy. What has its default is left out."""
    return {
        "format": spec.FORMAT,
        "rules": [rule_data(rule) for rule in policy.rules],
        "behaviours": [_behaviour(behaviour) for behaviour in policy.behaviours],
        "playbooks": [_playbook(playbook) for playbook in policy.playbooks],
    }


def _without_none(data: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in data.items() if value is not None}


def condition_data(condition: Condition) -> dict[str, Any]:
    """Return one condition as JSON."""
    if isinstance(condition, spec.AllOf):
        return {"all": [condition_data(part) for part in condition.parts]}
    if isinstance(condition, spec.AnyOf):
        return {"any": [condition_data(part) for part in condition.parts]}
    if isinstance(condition, spec.Not):
        return {"not": condition_data(condition.part)}
    return _without_none(_leaf(condition))


def _leaf(condition: spec.Leaf) -> dict[str, Any]:
    if isinstance(condition, spec.MomentHeard | spec.WordsSaid):
        data: dict[str, Any]
        if isinstance(condition, spec.MomentHeard):
            data = {"heard": condition.key}
        elif condition.pattern is not None:
            data = {"pattern": condition.pattern}
        else:
            data = {"phrases": list(condition.phrases)}
        if isinstance(condition, spec.WordsSaid) and condition.even_denied:
            data["even_denied"] = True
        speaker = None if condition.speaker == "any" else condition.speaker
        return data | {"speaker": speaker, "nth": condition.nth, "for_ms": condition.for_ms}
    if isinstance(condition, spec.Missing):
        return {
            "missing": condition_data(condition.expected),
            "after": "start" if condition.after is None else condition_data(condition.after),
            "within_ms": condition.within_ms,
            "within_turns": condition.within_turns,
        }
    if isinstance(condition, spec.InOrder):
        parts = [condition_data(part) for part in condition.parts]
        return {"sequence": parts, "within_ms": condition.within_ms}
    if isinstance(condition, spec.Measured):
        return {
            "measure": condition.measure,
            "above": condition.above,
            "below": condition.below,
            "over_ms": condition.over_ms,
            "speaker": condition.speaker,
        }
    if isinstance(condition, spec.FieldIs):
        return {
            "field": condition.field,
            "is": None if condition.one_of is None else list(condition.one_of),
            "is_not": None if condition.none_of is None else list(condition.none_of),
            "above": condition.above,
            "below": condition.below,
            "present": condition.present,
        }
    days = list(condition.days) or None
    return {"time": _without_none({"days": days, "from": condition.begins, "until": condition.ends})}


def action_data(action: Action) -> dict[str, Any]:
    """Return one action as JSON."""
    needed, allowed = spec.ACTION_FIELDS[action.do]
    default = Action(action.do)
    data: dict[str, Any] = {"do": action.do} | {name: getattr(action, name) for name in needed}
    for name in allowed:
        if getattr(action, name) != getattr(default, name):
            data[name] = getattr(action, name)
    return data


def rule_data(rule: Rule) -> dict[str, Any]:
    """Return one rule as JSON."""
    then = [action_data(action) for action in rule.then]
    data = {"id": rule.id, "name": rule.name, "when": condition_data(rule.when), "then": then}
    plain = Rule("", "", rule.when, ())
    for name in ("priority", "cooldown_ms", "once", "most", "expires_ms"):
        if getattr(rule, name) != getattr(plain, name):
            data[name] = getattr(rule, name)
    if rule.withdraw_when is not None:
        data["withdraw_when"] = condition_data(rule.withdraw_when)
    for name in ("quiet", "on_partials", "position", "optional"):
        if getattr(rule, name) != getattr(plain, name):
            data[name] = getattr(rule, name)
    return data


def _behaviour(behaviour: Behaviour) -> dict[str, Any]:
    data = {
        "id": behaviour.id,
        "name": behaviour.name,
        "situation": condition_data(behaviour.situation),
        "expected": condition_data(behaviour.expected),
        "within_ms": behaviour.within_ms,
        "within_turns": behaviour.within_turns,
        "praise": behaviour.praise,
        "missed": None if behaviour.missed is None else action_data(behaviour.missed),
        "weight": None if behaviour.weight == 1 else behaviour.weight,
    }
    return _without_none(data)


def _playbook(playbook: Playbook) -> dict[str, Any]:
    start = None if playbook.start is None else condition_data(playbook.start)
    steps = [_step(step) for step in playbook.steps]
    return _without_none({"id": playbook.id, "name": playbook.name, "start": start, "steps": steps})


def _step(step: Step) -> dict[str, Any]:
    ways = [
        _without_none({"when": None if way.when is None else condition_data(way.when), "to": way.to})
        for way in step.next
    ]
    done = None if step.done is None else condition_data(step.done)
    return _without_none(
        {"id": step.id, "title": step.title, "say": step.say or None, "done": done, "next": ways or None}
    )
