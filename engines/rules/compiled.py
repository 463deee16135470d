"""Policies ready to run: made once for a set of published revisions, shared by every call that uses the set.

Equal conditions become one leaf, whoever asks for them; each leaf knows who watches it. So an utterance costs what it
touches: the words it holds find their leaves in one index, and the leaves their rules. What waits or counts through
the call (something missing, a sequence) is a leaf, too, and watches others; leaves are numbered so that what
is watched always comes before who watches it.
"""

from __future__ import annotations

import json
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

from engines.rules import spec
from engines.rules.detectors import Detector, Detectors
from engines.rules.moments import spoken_variants
from engines.rules.patterns import PatternError, parse_pattern
from engines.rules.phrases import PhraseError
from engines.rules.spec import Action, Behaviour, Complaint, Condition, Leaf, Playbook, Policy, Rule
from engines.rules.writing import condition_data

# Measures that grow by themselves as time passes.
TIMED = ("silence_ms", "hold_ms", "duration_ms")


@dataclass(frozen=True, slots=True)
class Literal:
    """A leaf, or that it is not so."""

    leaf: int
    negated: bool


@dataclass(frozen=True, slots=True)
class Group:
    """All (`every`) or any of its parts."""

    every: bool
    parts: tuple[Formula, ...]


Formula = Literal | Group


def literals_of(formula: Formula) -> list[Literal]:
    """Return the literals of a formula, from left to right."""
    if isinstance(formula, Literal):
        return [formula]
    return [literal for part in formula.parts for literal in literals_of(part)]


@dataclass(slots=True)
class Watchers:
    """Who wants to know that a leaf has changed: numbers of leaves, rules, behaviours and playbooks."""

    leaves: list[int] = field(default_factory=list)
    rules: list[int] = field(default_factory=list)
    withdrawn: list[int] = field(default_factory=list)
    behaviours: list[int] = field(default_factory=list)
    playbooks: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class CompiledRule:
    """`key` names the rule in states and counts: the policy's key and the rule's id."""

    key: str
    policy: str
    rule: Rule
    when: Formula
    withdraw: Formula | None
    checks_only: bool


@dataclass(frozen=True, slots=True)
class CompiledBehaviour:
    """A behaviour with what it shows: `actions` are the praise and the hint, either may be None."""

    key: str
    policy: str
    behaviour: Behaviour
    situation: Formula
    expected: Formula
    actions: tuple[Action | None, Action | None]


@dataclass(frozen=True, slots=True)
class CompiledStep:
    """What ends a step, and where its ways lead: (condition or None, id of the step)."""

    done: Formula | None
    ways: tuple[tuple[Formula | None, str], ...]


@dataclass(frozen=True, slots=True)
class CompiledPlaybook:
    """A playbook and its steps by their ids."""

    key: str
    policy: str
    playbook: Playbook
    start: Formula | None
    steps: Mapping[str, CompiledStep]


@dataclass(frozen=True, slots=True)
class Span:
    """A leaf that waits (`Missing`) or follows an order (`InOrder`): the formulas it watches."""

    formulas: tuple[Formula, ...]


class Gauge:
    """The limits that rules set to one measure, sorted, so that a new value finds those it crosses."""

    def __init__(self, measure: str, over_ms: int | None, speaker: str | None) -> None:
        self.measure, self.over_ms, self.speaker = measure, over_ms, speaker
        self._above: tuple[list[float], list[int]] = ([], [])
        self._below: tuple[list[float], list[int]] = ([], [])

    def add(self, leaf: int, limit: spec.Measured) -> None:
        """Enter a leaf."""
        value = limit.above if limit.above is not None else float(limit.below or 0)
        limits, leaves = self._above if limit.above is not None else self._below
        at = bisect_right(limits, value)
        limits.insert(at, value)
        leaves.insert(at, leaf)

    def crossed(self, old: float | None, new: float | None) -> tuple[list[int], list[int]]:
        """Return the leaves that become true and those that become false, from an old value to a new one.

        None is "not known yet": then no limit is passed. A measure of time is above a limit from its very
        millisecond on; the others must exceed it.
        """
        if old == new:
            return [], []
        rises: list[int] = []
        falls: list[int] = []
        limits, leaves = self._above
        if limits:
            reach = bisect_right if self.measure in TIMED else bisect_left
            first = 0 if old is None else reach(limits, old)
            last = 0 if new is None else reach(limits, new)
            if last > first:
                rises = leaves[first:last]
            else:
                falls = leaves[last:first]
        limits, leaves = self._below
        if limits:
            first = len(limits) if old is None else bisect_right(limits, old)
            last = len(limits) if new is None else bisect_right(limits, new)
            if last < first:
                rises = rises + leaves[last:first]
            else:
                falls = falls + leaves[first:last]
        return rises, falls

    def next_limit(self, value: float) -> float | None:
        """Return the lowest limit that lies above `value`."""
        later = [
            limits[at]
            for limits, _leaves in (self._above, self._below)
            if (at := bisect_right(limits, value)) < len(limits)
        ]
        return min(later, default=None)


def rule_key(policy: str, rule_id: str) -> str:
    """Return by which a rule is known in states and counts."""
    return f"{policy}/{rule_id}"


def behaviour_key(policy: str, behaviour_id: str) -> str:
    """Return by which a behaviour is known: a rule of the policy may have the same id."""
    return f"{policy}/behaviour/{behaviour_id}"


def playbook_key(policy: str, playbook_id: str) -> str:
    """Return by which a playbook is known."""
    return f"{policy}/playbook/{playbook_id}"


class CompiledPolicies:
    """A set of policies, ready to run. Immutable once made.

    `documents` are policies by a key of the caller's, first those whose guidance takes precedence; `names` the
    moments' display names. A rule, behaviour or playbook that cannot be compiled is left out and reported in
    `refused` (its key to a complaint): one bad row must not silence the rest of a call. `early_moments` says whether
    some rule wants the library's moments found in words that are not final, too. `asks`: the keys of the moments that
    each policy asks for, so that those which are slow and dear are looked for where one is asked for alone.
    """

    def __init__(self, documents: Mapping[str, Policy], names: Mapping[str, str]) -> None:
        self.names = dict(names)
        self.asks = {key: spec.moment_keys(document) for key, document in documents.items()}
        self.refused: dict[str, Complaint] = {}
        self.leaves: list[Leaf] = []
        self.keys: list[str] = []
        self.watchers: list[Watchers] = []
        self.spans: dict[int, Span] = {}
        self.by_moment: dict[str, list[int]] = {}
        self.by_detector: list[list[int]] = []
        self.fields: list[int] = []
        self.times: list[int] = []
        self.gauges: list[Gauge] = []
        self.timed: dict[str, Gauge] = {}
        self.rules: list[CompiledRule] = []
        self.behaviours: list[CompiledBehaviour] = []
        self.playbooks: list[CompiledPlaybook] = []
        self._numbers: dict[str, int] = {}
        self._detectors: list[Detector] = []
        self._detector_numbers: dict[tuple[Any, ...], int] = {}
        self._gauges: dict[tuple[Any, ...], Gauge] = {}
        self._build(documents)
        self.number_of = {key: number for number, key in enumerate(self.keys)}
        self.rule_numbers = {one.key: number for number, one in enumerate(self.rules)}
        self.behaviour_numbers = {one.key: number for number, one in enumerate(self.behaviours)}
        self.playbook_numbers = {one.key: number for number, one in enumerate(self.playbooks)}
        self.detectors = Detectors(self._detectors)
        early = {
            literal.leaf for one in self.rules if one.rule.on_partials for literal in literals_of(one.when)
        }
        self.early_moments = any(isinstance(self.leaves[leaf], spec.MomentHeard) for leaf in early)
        self.early = Detectors([one for one in self._detectors if early & set(self.by_detector[one.owner])])
        self.on_partials = frozenset(at for at, one in enumerate(self.rules) if one.rule.on_partials)
        self.of_sound = frozenset(
            number
            for number, leaf in enumerate(self.leaves)
            if isinstance(leaf, spec.Measured) and leaf.measure in spec.OF_SOUND
        )
        self.windows = tuple(sorted({gauge.over_ms for gauge in self.gauges if gauge.over_ms is not None}))

    def _build(self, documents: Mapping[str, Policy]) -> None:
        listed = [
            (-rule.priority, rule.position, order, rule.id, policy, rule)
            for order, (policy, document) in enumerate(documents.items())
            for rule in document.rules
        ]
        for *_order, policy, rule in sorted(listed, key=lambda one: one[:4]):
            self._guarded(rule_key(policy, rule.id), self._rule, policy, rule)
        for policy, document in documents.items():
            for behaviour in document.behaviours:
                self._guarded(behaviour_key(policy, behaviour.id), self._behaviour, policy, behaviour)
            for playbook in document.playbooks:
                self._guarded(playbook_key(policy, playbook.id), self._playbook, policy, playbook)

    def _guarded(self, key: str, build: Any, policy: str, what: Any) -> None:
        try:
            build(key, policy, what)
        except (PhraseError, PatternError) as error:
            self.refused[key] = Complaint(key, str(error))

    def _rule(self, key: str, policy: str, rule: Rule) -> None:
        when = self.formula(rule.when)
        withdraw = None if rule.withdraw_when is None else self.formula(rule.withdraw_when)
        number = len(self.rules)
        checks = all(action.do == "check" for action in rule.then)
        self.rules.append(CompiledRule(key, policy, rule, when, withdraw, checks))
        self._watch("rules", number, [when])
        self._watch("withdrawn", number, [] if withdraw is None else [withdraw])

    def _behaviour(self, key: str, policy: str, behaviour: Behaviour) -> None:
        situation, expected = self.formula(behaviour.situation), self.formula(behaviour.expected)
        praise = None if behaviour.praise is None else Action("praise", title=behaviour.praise)
        number = len(self.behaviours)
        self.behaviours.append(
            CompiledBehaviour(key, policy, behaviour, situation, expected, (praise, behaviour.missed))
        )
        self._watch("behaviours", number, [situation, expected])

    def _playbook(self, key: str, policy: str, playbook: Playbook) -> None:
        start = None if playbook.start is None else self.formula(playbook.start)
        steps = {
            step.id: CompiledStep(
                None if step.done is None else self.formula(step.done),
                tuple((None if way.when is None else self.formula(way.when), way.to) for way in step.next),
            )
            for step in playbook.steps
        }
        number = len(self.playbooks)
        self.playbooks.append(CompiledPlaybook(key, policy, playbook, start, steps))
        asked = [start, *(step.done for step in steps.values())]
        asked += [when for step in steps.values() for when, _to in step.ways]
        self._watch("playbooks", number, [formula for formula in asked if formula is not None])

    def _watch(self, who: str, number: int, formulas: Iterable[Formula]) -> None:
        for leaf in sorted({literal.leaf for formula in formulas for literal in literals_of(formula)}):
            getattr(self.watchers[leaf], who).append(number)

    def formula(self, condition: Condition, negated: bool = False) -> Formula:
        """Return a condition with every "not" moved down to its leaves. Raises PhraseError and PatternError."""
        if isinstance(condition, spec.Not):
            return self.formula(condition.part, not negated)
        if isinstance(condition, spec.AllOf | spec.AnyOf):
            every = isinstance(condition, spec.AllOf) is not negated
            return Group(every, tuple(self.formula(part, negated) for part in condition.parts))
        return Literal(self._leaf(condition), negated)

    def _leaf(self, leaf: Leaf) -> int:
        written = json.dumps(condition_data(leaf), sort_keys=True)
        known = self._numbers.get(written)
        if known is not None:
            return known
        prepared = self._prepare(leaf)
        number = len(self.leaves)
        self._numbers[written] = number
        self.leaves.append(leaf)
        self.keys.append(blake2b(written.encode(), digest_size=9).hexdigest())
        self.watchers.append(Watchers())
        if isinstance(leaf, spec.MomentHeard):
            self.by_moment.setdefault(leaf.key, []).append(number)
        elif isinstance(leaf, spec.WordsSaid):
            self.by_detector[prepared].append(number)
        elif isinstance(leaf, spec.Missing | spec.InOrder):
            self.spans[number] = Span(prepared)
            self._watch("leaves", number, prepared)
        elif isinstance(leaf, spec.Measured):
            self._gauge(leaf).add(number, leaf)
        elif isinstance(leaf, spec.FieldIs):
            self.fields.append(number)
        else:
            self.times.append(number)
        return number

    def _prepare(self, leaf: Leaf) -> Any:
        """Do what can fail, or what enters other leaves, before the leaf itself gets its number."""
        if isinstance(leaf, spec.WordsSaid):
            return self._detector(leaf)
        if isinstance(leaf, spec.Missing):
            asked = [leaf.expected] if leaf.after is None else [leaf.expected, leaf.after]
            return tuple(map(self.formula, asked))
        if isinstance(leaf, spec.InOrder):
            return tuple(map(self.formula, leaf.parts))
        return None

    def _detector(self, leaf: spec.WordsSaid) -> int:
        same = (leaf.phrases, leaf.pattern, leaf.speaker, leaf.even_denied)
        known = self._detector_numbers.get(same)
        if known is not None:
            return known
        pattern = None if leaf.pattern is None else parse_pattern(leaf.pattern)
        variants = spoken_variants(leaf.phrases) if pattern is None else ()
        number = len(self._detectors)
        self._detectors.append(Detector(number, leaf.speaker, variants, pattern, not leaf.even_denied))
        self._detector_numbers[same] = number
        self.by_detector.append([])
        return number

    def _gauge(self, leaf: spec.Measured) -> Gauge:
        same = (leaf.measure, leaf.over_ms, leaf.speaker)
        gauge = self._gauges.get(same)
        if gauge is None:
            gauge = self._gauges[same] = Gauge(*same)
            if leaf.measure in TIMED:
                self.timed[leaf.measure] = gauge
            else:
                self.gauges.append(gauge)
        return gauge
