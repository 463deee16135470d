"""What is wrong with `{competitor}` and `{product}` in a policy, in sentences that say what to change."""

from __future__ import annotations

from collections.abc import Mapping

from engines.rules.filling import FILLED, slots_in, slots_of
from engines.rules.spec import Behaviour, Complaint, Condition, MomentHeard, Rule, parts_of


def check_slots(where: str, rule: Rule, tells: Mapping[str, str]) -> list[Complaint]:
    """Return the complaints about one rule. `tells`: what each moment names that tells it."""
    found: list[Complaint] = []
    heard = {tells[key] for key in _keys(rule.when) if key in tells}
    for at, action in enumerate(rule.then):
        slots = slots_of(action)
        path = f"{where}.then[{at}]"
        if slots and action.do not in FILLED:
            slot = min(slots)
            found.append(
                Complaint(path, f"“{{{slot}}}” is not filled in here: this must be the same in every call.")
            )
        elif slots_in(action.field):
            found.append(Complaint(path, "The field’s name cannot be filled in: only its value."))
        else:
            found += _unknown(path, slots, tells)
            found += [
                Complaint(
                    path,
                    f"“{{{slot}}}” is what was named last in the call; this rule does not itself ask that one is.",
                    "warning",
                )
                for slot in sorted((slots - heard) & set(tells.values()))
            ]
    return found


def check_outcome_slots(where: str, behaviour: Behaviour, tells: Mapping[str, str]) -> list[Complaint]:
    """Return the complaints about what a behaviour shows."""
    praise = slots_in(behaviour.praise or "")
    missed = frozenset[str]() if behaviour.missed is None else slots_of(behaviour.missed)
    return _unknown(f"{where}.praise", praise, tells) + _unknown(f"{where}.missed", missed, tells)


def _unknown(where: str, slots: frozenset[str], tells: Mapping[str, str]) -> list[Complaint]:
    return [
        Complaint(
            where,
            f"“{{{slot}}}” would never be filled in: no moment listens for names of the list. "
            f"Add a moment of the kind “something named” that finds a {slot}.",
        )
        for slot in sorted(slots - set(tells.values()))
    ]


def _keys(condition: Condition) -> set[str]:
    keys: set[str] = set()
    todo = [condition]
    while todo:
        one = todo.pop()
        todo += parts_of(one)
        if isinstance(one, MomentHeard):
            keys.add(one.key)
    return keys
