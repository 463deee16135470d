"""Why a rule did not act where one might have expected it to: it was resting, or part of its condition was not so.

What it would have done without its limits is found by playing the call through the same rules without them, beside.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.utils.translation import gettext as _

from coaching.replay import Step
from engines.rules import spec
from engines.rules.compiled import CompiledPolicies, CompiledRule, Formula, Literal
from engines.rules.decisions import Decision
from engines.rules.describing import ask
from engines.rules.explain import clock
from engines.rules.facts import Facts
from engines.rules.reading import parse_policy

PARTS_TOLD = 3
_NOT_ACTS = frozenset({"withdraw", "expire", "confirm"})


@dataclass(slots=True)
class _History:
    """What a rule has done so far. `shown_until`: while it stands on the screen (None: it does not)."""

    times: list[int]
    shown_until: int | None = None
    shown: bool = False


class Watcher:
    """Follows one call beside its engine, and says what held its rules back."""

    def __init__(self, document: Any, names: Mapping[str, str]) -> None:
        policy = parse_policy(document)
        self._rules = {rule.id: rule for rule in policy.rules}
        self._names = names
        # One millisecond on the screen: what stands there would keep it from being counted again.
        free = [
            replace(
                rule,
                cooldown_ms=0,
                once=False,
                most=None,
                quiet=False,
                expires_ms=1,
                withdraw_when=None,
                on_partials=False,
            )
            for rule in policy.rules
        ]
        self.compiled = (CompiledPolicies({"free": replace(policy, rules=tuple(free))}, names),)
        self._history: dict[str, _History] = {}

    def held(
        self, step: Step, decisions: Sequence[Decision], loosened: Sequence[Sequence[Decision]]
    ) -> Iterator[tuple[str, str, str]]:
        """Give (rule id, title, why) for each rule that something in this step set off in vain."""
        acted = {one.rule_id for one in decisions if one.source == "rule" and one.what not in _NOT_ACTS}
        would = {
            one.rule_id: one
            for many in loosened
            for one in many
            if one.source == "rule" and one.what not in _NOT_ACTS and one.at_ms + (one.sequence or 0) > 0
        }
        for rule_id, one in would.items():
            if rule_id not in acted:
                yield rule_id, _title(self._rules[rule_id]), self._why(rule_id, one.at_ms)
        if step.turn is not None:
            yield from self._unmet(step, acted | would.keys())
        for one in decisions:
            if one.source == "rule":
                self._note(one)

    def _note(self, one: Decision) -> None:
        history = self._history.setdefault(one.rule_id, _History([]))
        if one.what in {"withdraw", "expire"}:
            history.shown = False
        elif one.at_ms or one.sequence is not None:
            if not history.times or history.times[-1] != one.at_ms:
                history.times.append(one.at_ms)
            if one.what == "show":
                history.shown = True

    def _why(self, rule_id: str, at_ms: int) -> str:
        rule, history = self._rules[rule_id], self._history.get(rule_id)
        if history is None or not history.times:
            if rule.quiet:
                return _("It waits until the customer has finished speaking.")
            return _("Something that says the same stands on the agent's screen already.")
        last = history.times[-1]
        if rule.once:
            return _("It acts once per call, and did at %(at)s.") % {"at": clock(last)}
        if rule.most is not None and len(history.times) >= rule.most:
            return _("It has acted as often as it may in a call: %(most)d times.") % {"most": rule.most}
        if history.shown:
            return _("What it shows still stands on the agent's screen, since %(at)s.") % {"at": clock(last)}
        if at_ms - last < rule.cooldown_ms:
            return _("It acted at %(at)s and rests until %(until)s.") % {
                "at": clock(last),
                "until": clock(last + rule.cooldown_ms),
            }
        if rule.quiet:
            return _("It waits until the customer has finished speaking.")
        return _("Something that says the same stands on the agent's screen already.")

    # --- Conditions of which a part was said --------------------------------------------------------------

    def _unmet(self, step: Step, done: set[str] | frozenset[str]) -> Iterator[tuple[str, str, str]]:
        """Rules of which this turn brought a part, while another part was not so."""
        assert step.turn is not None
        facts = step.facts[-1]
        for one in self.compiled[0].rules:
            if one.rule.id in done or not _touched(one, facts, step.turn.sequence):
                continue
            lacking = [self._words(literal) for literal in _lacking(one.when, facts)]
            if lacking:
                more = "" if len(lacking) <= PARTS_TOLD else " …"
                words = "; ".join(dict.fromkeys(lacking[:PARTS_TOLD])) + more
                yield (
                    one.rule.id,
                    _title(one.rule),
                    _("A part was heard, but not yet: %(parts)s.") % {"parts": words},
                )

    def _words(self, literal: Literal) -> str:
        leaf = self.compiled[0].leaves[literal.leaf]
        return ask(spec.Not(leaf) if literal.negated else leaf, self._names)


def _title(rule: spec.Rule) -> str:
    return next((action.title for action in rule.then if action.title), rule.name)


def _touched(one: CompiledRule, facts: Facts, sequence: int) -> bool:
    """Whether something of the rule was said in this utterance."""
    return any(
        (fire := facts.true.get(literal.leaf)) is not None and fire.sequence == sequence
        for literal in _literals(one.when)
        if not literal.negated
    )


def _literals(formula: Formula) -> Iterator[Literal]:
    if isinstance(formula, Literal):
        yield formula
    else:
        for part in formula.parts:
            yield from _literals(part)


def _lacking(formula: Formula, facts: Facts) -> Iterator[Literal]:
    """The literals that keep a formula from being true, from left to right."""
    if isinstance(formula, Literal):
        if (formula.leaf in facts.true) is formula.negated:
            yield formula
        return
    if formula.every:
        for part in formula.parts:
            yield from _lacking(part, facts)
        return
    lacking = [list(_lacking(part, facts)) for part in formula.parts]
    if all(lacking):
        yield from (literal for many in lacking for literal in many)
