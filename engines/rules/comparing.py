"""Rules beside each other: the same twice, one hidden by another, two that contradict each other. All are warnings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from engines.rules import spec
from engines.rules.logic import Alternative, alternatives, implies
from engines.rules.spec import Action, Complaint, Policy, Rule

# Of rules that ask for the same thing so many are compared with one.
_MOST = 200


class _Taken(NamedTuple):
    """A rule taken apart. `whose`: the policy that it is of, where that is another one; `at`: its place."""

    at: int
    rule: Rule
    options: list[Alternative]
    whose: str = ""

    @property
    def named(self) -> str:
        name = f"the rule “{self.rule.name}”"
        return f"{name} of the policy “{self.whose}”" if self.whose else name


def compare(policy: Policy) -> list[Complaint]:
    """Compare the rules of a policy with each other."""
    own = _taken(policy)
    return [one for first, second in _near(own) for one in _pair(first, second)]


def compare_with(policy: Policy, others: Mapping[str, Policy]) -> list[Complaint]:
    """Compare the rules of a policy with those of others, by their names, that are in effect at the same time."""
    every = [one for name, other in others.items() for one in _taken(other, name)] + _taken(policy)
    return [
        one
        for first, second in _near(every)
        if first.whose and not second.whose
        for one in _pair(first, second)
    ]


def _taken(policy: Policy, whose: str = "") -> list[_Taken]:
    return [
        _Taken(at, rule, options, whose)
        for at, rule in enumerate(policy.rules)
        if (options := alternatives(rule.when))
    ]


def _near(rules: list[_Taken]) -> list[tuple[_Taken, _Taken]]:
    """The pairs that ask for something in common, each once and in their order."""
    filed: dict[spec.Leaf, list[int]] = {}
    for place, one in enumerate(rules):
        for leaf in {leaf for option in one.options for leaf, _negated in option}:
            filed.setdefault(leaf, []).append(place)
    seen: dict[tuple[int, int], None] = {}
    for place, one in enumerate(rules):
        rare = {
            min((leaf for leaf, _ in option), key=lambda leaf: len(filed[leaf]))
            for option in one.options
            if option
        }
        for other in sorted({other for leaf in rare for other in filed[leaf][:_MOST] if other != place}):
            seen.setdefault((min(place, other), max(place, other)))
    return [(rules[first], rules[second]) for first, second in seen]


def _pair(first: _Taken, second: _Taken) -> list[Complaint]:
    forth, back = implies(first.options, second.options), implies(second.options, first.options)
    if not forth and not back:
        return []
    where = f"rules[{second.at}]"
    if forth and back and set(first.rule.then) == set(second.rule.then):
        return [Complaint(where, f"It is the same as {first.named}: remove one of them.", "warning")]
    if any(_contradict(one, other) for one in first.rule.then for other in second.rule.then):
        return [Complaint(where, f"It contradicts {first.named}: both act on the same.", "warning")]
    narrow, wide = (first, second) if forth else (second, first)
    if not set(narrow.rule.then) <= set(wide.rule.then) or narrow.rule.priority > wide.rule.priority:
        return []
    if narrow.whose:
        sentence = f"It hides {narrow.named}, which does the same in fewer cases."
    else:
        where = f"rules[{narrow.at}]"
        sentence = f"It is shadowed by {wide.named}, which does the same whenever this one would."
    return [Complaint(where, sentence, "warning")]


def _contradict(one: Action, other: Action) -> bool:
    if one.do != other.do:
        return False
    if one.do == "disposition":
        return one.value != other.value
    if one.do == "prefill":
        return one.field == other.field and one.value != other.value
    if one.do == "check":
        return one.title == other.title and one.missed is not other.missed
    return one.do == "step" and one.playbook == other.playbook and one.step != other.step
