"""What is wrong with a policy, in sentences that say what to change. Errors keep it from being saved.

`reading.py` has the form; here is the sense: what can never happen or always does, what contradicts or repeats
something else, what names something that does not exist, what could take too long.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from difflib import get_close_matches
from typing import Any

from engines.rules import spec
from engines.rules.circumstances import plain
from engines.rules.comparing import compare
from engines.rules.filling_checks import check_outcome_slots, check_slots
from engines.rules.logic import (
    Alternative,
    alternatives,
    always,
    can_cause,
    implies,
    impossible,
)
from engines.rules.moments import spoken_variants
from engines.rules.ordinary import share_heard
from engines.rules.patterns import PatternError, parse_pattern
from engines.rules.phrases import PhraseError
from engines.rules.playbook_checks import check_playbook
from engines.rules.reading import read_policy
from engines.rules.spec import Complaint, Condition, Policy, Rule

MAX_CONDITIONS = 200
# Nobody answers sooner; few calls last longer.
_SOONEST_MS, _LONGEST_MS = 500, 4 * 3_600_000
_SHORTEST_MS = 1_000


def check_policy(
    document: Policy | Mapping[str, Any],
    moments: Collection[str],
    *,
    speakers: Mapping[str, str] | None = None,
    tells: Mapping[str, str] | None = None,
    fields: Collection[str] = spec.FIELDS,
    channels: Collection[str] = (),
    queues: Callable[[], Collection[str]] | None = None,
) -> list[Complaint]:
    """Return all complaints about a policy or its document, errors first.

    `moments` are the keys of the library's moments, `speakers` who says them ("any", "agent", "customer"), `tells` what
    those name that tell it ("competitor"), `fields` the known fields; `metadata.NAME` is always one. `channels`: the
    only ones that the policy is for (none: all). `queues` gives the keys of the company's queues, and is asked only
    where a condition names one.
    """
    if isinstance(document, Policy):
        policy = document
    else:
        policy, complaints = read_policy(document)
        if complaints:
            return complaints
    found = _ids(policy)
    check = _Conditions(
        moments,
        speakers or {},
        fields,
        queues,
        written=bool(channels) and spec.WRITTEN.issuperset(channels),
    )
    for where, condition in spec.conditions_of(policy):
        found += check.condition(where, condition)
    for at, rule in enumerate(policy.rules):
        found += _rule(f"rules[{at}]", rule, policy)
        found += check_slots(f"rules[{at}]", rule, tells or {})
    for at, behaviour in enumerate(policy.behaviours):
        found += _fires(f"behaviours[{at}].situation", behaviour.situation, "The behaviour")
        if behaviour.situation == behaviour.expected:
            found.append(
                Complaint(f"behaviours[{at}].expected", "The situation is itself what is expected in it.")
            )
        found += check_outcome_slots(f"behaviours[{at}]", behaviour, tells or {})
    aimed = {
        (action.playbook, action.step) for rule in policy.rules for action in rule.then if action.do == "step"
    }
    for at, playbook in enumerate(policy.playbooks):
        if playbook.start is not None:
            found += _fires(f"playbooks[{at}].start", playbook.start, "The playbook")
        steps = {step for named, step in aimed if named == playbook.id}
        found += check_playbook(f"playbooks[{at}]", playbook, steps)
    found += compare(policy)
    return sorted(found, key=lambda one: one.kind)


def _ids(policy: Policy) -> list[Complaint]:
    found: list[Complaint] = []
    kinds = {
        "rules": [rule.id for rule in policy.rules],
        "behaviours": [behaviour.id for behaviour in policy.behaviours],
        "playbooks": [playbook.id for playbook in policy.playbooks],
    }
    for name, ids in kinds.items():
        seen: set[str] = set()
        for at, one in enumerate(ids):
            if one in seen:
                found.append(
                    Complaint(f"{name}[{at}].id", f"The id “{one}” is used twice: give each its own.")
                )
            seen.add(one)
    return found


class _Conditions:
    """Checks conditions by themselves: names, words, limits."""

    def __init__(
        self,
        moments: Collection[str],
        speakers: Mapping[str, str],
        fields: Collection[str],
        queues: Callable[[], Collection[str]] | None,
        *,
        written: bool = False,
    ) -> None:
        self._written = written
        self._moments, self._speakers, self._fields, self._queues = moments, speakers, fields, queues
        self._words: dict[spec.WordsSaid, list[Complaint]] = {}

    def condition(self, where: str, condition: Condition) -> list[Complaint]:
        found: list[Complaint] = []
        todo: list[tuple[str, Condition]] = [(where, condition)]
        count = 0
        while todo:
            path, one = todo.pop()
            count += 1
            todo += _within(path, one)
            found += self._one(path, one)
        if count > MAX_CONDITIONS:
            found.append(
                Complaint(
                    where, f"The condition has more than {MAX_CONDITIONS} parts: split it into several rules."
                )
            )
        return found

    def _one(self, path: str, one: Condition) -> list[Complaint]:
        if isinstance(one, spec.MomentHeard):
            return self._moment(path, one)
        if isinstance(one, spec.WordsSaid):
            if one not in self._words:
                self._words[one] = _words(one)
            return [replace(complaint, where=path) for complaint in self._words[one]]
        if isinstance(one, spec.FieldIs):
            return self._field(path, one)
        if isinstance(one, spec.Missing) and one.after == one.expected:
            return [Complaint(path, "Something cannot be missing after itself: choose another “after”.")]
        if isinstance(one, spec.Measured) and self._written and one.measure in spec.OF_SOUND:
            return [
                Complaint(
                    path,
                    f"“{one.measure}” is measured of sound, and the policy is for what is written only: there this part"
                    " is never so, nor is its opposite. Take it out, or choose other channels.",
                    "warning",
                )
            ]
        if isinstance(one, spec.Missing) and one.within_ms is not None:
            return _hurried(path, one.within_ms)
        if isinstance(one, spec.LocalTime) and one.begins is not None and one.begins == one.ends:
            return [Complaint(path, "From and until are the same time: that is never.")]
        return []

    def _moment(self, path: str, one: spec.MomentHeard) -> list[Complaint]:
        if one.key not in self._moments:
            near = get_close_matches(one.key, list(self._moments), 1)
            hint = f" Did you mean “{near[0]}”?" if near else ""
            return [Complaint(path, f"There is no moment “{one.key}”.{hint}")]
        said_by = self._speakers.get(one.key, "any")
        if said_by != "any" and one.speaker not in ("any", said_by):
            return [
                Complaint(
                    path, f"“{one.key}” is heard from the {said_by} alone, never from the {one.speaker}."
                )
            ]
        return []

    def _field(self, path: str, one: spec.FieldIs) -> list[Complaint]:
        if one.field == "channel":
            return [
                Complaint(path, f"There is no channel “{value}”: choose {' or '.join(spec.CHANNELS)}.")
                for value in one.one_of or ()
                if plain(value) not in spec.CHANNELS
            ]
        if one.field == "language":
            return [
                Complaint(path, f"“{value}” is no code of a language: write en, or en-GB.")
                for value in one.one_of or one.none_of or ()
                if not spec.LANGUAGE.fullmatch(plain(value).replace("_", "-"))
            ]
        if one.field == "queue" and self._queues is not None and one.one_of:
            known = set(map(plain, self._queues()))
            return [
                Complaint(path, f"There is no queue “{value}” now: no call would be in it.", "warning")
                for value in one.one_of
                if plain(value) not in known
            ]
        if one.field in self._fields or one.field.removeprefix(spec.METADATA) not in (one.field, ""):
            return []
        near = get_close_matches(one.field, list(self._fields), 1)
        hint = f"Did you mean “{near[0]}”?" if near else "What a call brings along is metadata.NAME."
        return [Complaint(path, f"There is no field “{one.field}”. {hint}")]


def _hurried(path: str, within_ms: int) -> list[Complaint]:
    if within_ms < _SOONEST_MS:
        return [
            Complaint(path, f"Nobody says anything within {within_ms} ms, so it would always be missing.")
        ]
    if within_ms > _LONGEST_MS:
        return [
            Complaint(path, "Calls end before that: leave the time out for “until the call ends”.", "warning")
        ]
    return []


def _within(path: str, condition: Condition) -> list[tuple[str, Condition]]:
    if isinstance(condition, spec.Not):
        return [(f"{path}.not", condition.part)]
    if isinstance(condition, spec.Missing):
        inner = [(f"{path}.missing", condition.expected)]
        return inner if condition.after is None else [*inner, (f"{path}.after", condition.after)]
    name = {spec.AllOf: "all", spec.AnyOf: "any", spec.InOrder: "sequence"}.get(type(condition), "")
    return [(f"{path}.{name}[{at}]", part) for at, part in enumerate(spec.parts_of(condition))]


def _words(one: spec.WordsSaid) -> list[Complaint]:
    try:
        pattern = None if one.pattern is None else parse_pattern(one.pattern)
        variants = spoken_variants(one.phrases) if pattern is None else ()
    except (PhraseError, PatternError) as error:
        return [Complaint("", str(error))]
    share = share_heard(variants, pattern, reject_negated=not one.even_denied)
    if share == 1:
        return [
            Complaint("", "These words are heard in everything that is said: ask for something particular.")
        ]
    if share >= 0.5:
        often = "These words are heard in most of what is said: ask for something more particular."
        return [Complaint("", often, "warning")]
    return []


def _fires(where: str, condition: Condition, what: str) -> list[Complaint]:
    """Say whether something can never come about, or always does."""
    options = alternatives(condition)
    if options is None:
        return [Complaint(where, "The condition is too tangled to be checked: make it simpler.", "warning")]
    dead = [(option, why) for option in options if (why := impossible(option)) is not None]
    if len(dead) == len(options):
        why = dead[0][1] if dead else "nothing is asked"
        return [Complaint(where, f"{what} can never act: {why}.")]
    alive = [option for option in options if all(option is not gone for gone, _why in dead)]
    silent = [option for option in alive if not any(map(can_cause, option))]
    if len(silent) == len(alive):
        return [
            Complaint(
                where,
                f"{what} can never act: nothing sets it off. Something not said needs a time: use “missing”.",
            )
        ]
    if _always(alive):
        return [Complaint(where, f"{what} acts always: its condition is true whatever happens.")]
    found = [
        Complaint(where, f"One alternative can never be true: {why}.", "warning") for _option, why in dead[:3]
    ]
    if silent:
        found.append(Complaint(where, "One alternative is never set off by anything.", "warning"))
    return found


def _always(options: list[Alternative]) -> bool:
    single = {next(iter(option)) for option in options if len(option) == 1}
    if any((leaf, not negated) in single for leaf, negated in single):
        return True
    return any(all(always(term) for term in option) for option in options)


def _rule(where: str, rule: Rule, policy: Policy) -> list[Complaint]:
    found = _fires(f"{where}.when", rule.when, "The rule")
    steps = {playbook.id: {step.id for step in playbook.steps} for playbook in policy.playbooks}
    for at, action in enumerate(rule.then):
        path = f"{where}.then[{at}]"
        if action.do == "step" and action.playbook not in steps:
            found.append(Complaint(path, f"There is no playbook “{action.playbook}” in this policy."))
        elif action.do == "step" and action.step not in steps[action.playbook]:
            found.append(Complaint(path, f"The playbook “{action.playbook}” has no step “{action.step}”."))
    if len(set(rule.then)) < len(rule.then):
        found.append(Complaint(f"{where}.then", "It does the same thing twice: remove one.", "warning"))
    shows = any(action.do in spec.SHOWN for action in rule.then)
    if shows and 0 < rule.expires_ms < _SHORTEST_MS:
        found.append(
            Complaint(
                f"{where}.expires_ms",
                f"What it shows would be gone after {rule.expires_ms} ms, before anybody could read it.",
            )
        )
    if rule.withdraw_when is not None:
        when, taken = alternatives(rule.when), alternatives(rule.withdraw_when)
        if when is not None and taken is not None and implies(when, taken):
            found.append(
                Complaint(
                    f"{where}.withdraw_when",
                    "What sets the rule off also takes it back: it would go as it comes.",
                )
            )
        elif not shows:
            found.append(
                Complaint(f"{where}.withdraw_when", "The rule shows nothing to take back.", "warning")
            )
    elif shows and not rule.expires_ms:
        found.append(
            Complaint(
                where, "What it shows stays until the call ends: give expires_ms or withdraw_when.", "warning"
            )
        )
    if rule.on_partials and (rule.quiet or not shows):
        why = "it waits for the customer to finish" if rule.quiet else "it shows nothing"
        found.append(Complaint(where, f"on_partials has no effect: {why}.", "warning"))
    if rule.once and rule.most is not None:
        found.append(Complaint(where, "once and most are both given: once is the stricter.", "warning"))
    return found
