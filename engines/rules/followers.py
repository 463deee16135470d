"""Behaviours and playbooks of one call: what was expected and came or did not, and where in its steps the talk is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from engines.rules.because import Because, because, words_of
from engines.rules.clauses import happened, missed_clause, name_of
from engines.rules.compiled import CompiledBehaviour, CompiledPlaybook, CompiledPolicies
from engines.rules.decisions import Decision, What
from engines.rules.explain import clock
from engines.rules.facts import NO_CAUSE, Facts
from engines.rules.fires import Change, Fire, Wait, waiting

TextOf = Callable[[int], str] | None


class Behaviours:
    """Which situations are open, and whether what is expected in them came. One of each at a time."""

    def __init__(self, compiled: CompiledPolicies, facts: Facts) -> None:
        self._compiled, self._facts = compiled, facts
        self._waits: dict[int, Wait] = {}
        self._last: dict[int, Fire] = {}

    def follow(self, number: int, change: Change, text_of: TextOf) -> list[Decision]:
        """Return the outcome that a change brings to one behaviour, if any.

        "withdraw" says that what was expected came, with nothing waiting for it.
        """
        one = self._compiled.behaviours[number]
        came = self._fire(self._facts.caused(one.expected, change), change)
        decisions: list[Decision] = []
        if came is not None:
            known = self._last.get(number)
            if known is None or came.until_ms >= known.until_ms:
                self._last[number] = came
            wait = self._waits.get(number)
            if wait is not None and wait.answered_by(came):
                del self._waits[number]
                decisions.append(self._done(one, wait, came, text_of))
            elif wait is None:
                # Late, but it came: the hint that asks for it has nothing more to say.
                form = f"Because {happened(one.behaviour.expected, came, self._compiled.names)}"
                reason = Because(form, came.evidence, words_of(came, text_of))
                decisions.append(_decision(one, "withdraw", came.until_ms, came.sequence, reason))
        leaf = self._facts.caused(one.situation, change)
        began = self._fire(leaf, change)
        if began is not None and leaf is not None and number not in self._waits:
            reason = because(self._facts, one.situation, leaf, change, text_of)
            cause = replace(
                began,
                clause=reason.form.removeprefix("Because "),
                evidence=reason.evidence,
                words=reason.words,
            )
            turn = self._facts.measures.turn
            wait = waiting(cause, one.behaviour.within_ms, one.behaviour.within_turns, turn)
            last = self._last.get(number)
            if last is not None and wait.answered_by(last):
                decisions.append(self._done(one, wait, last, text_of))
            else:
                self._waits[number] = wait
        return decisions

    @staticmethod
    def _fire(leaf: int | None, change: Change) -> Fire | None:
        if leaf is None or leaf == NO_CAUSE:
            return None
        return change.risen.get(leaf) or Fire(change.at_ms, change.at_ms)

    def next_due(self) -> int | None:
        """Return when the next time allowed is over."""
        return min((wait.due_ms for wait in self._waits.values() if wait.due_ms is not None), default=None)

    def turned(self, at_ms: int, text_of: TextOf) -> list[Decision]:
        """Return what was not done within its turns, the word having been taken anew."""
        turn = self._facts.measures.turn
        over = [at for at, wait in self._waits.items() if wait.due_turn is not None and turn > wait.due_turn]
        return [self._missed(number, at_ms, text_of) for number in sorted(over)]

    def run(self, now_ms: int, text_of: TextOf) -> list[Decision]:
        """Return what was not done within its time."""
        over = [at for at, wait in self._waits.items() if wait.due_ms is not None and wait.due_ms <= now_ms]
        return [self._missed(number, now_ms, text_of) for number in sorted(over)]

    def finish(self, now_ms: int, text_of: TextOf) -> list[Decision]:
        """Return what was not done before the call ended; what still had time is dropped."""
        waits = sorted(self._waits.items())
        over = [at for at, wait in waits if wait.due_ms is None and wait.due_turn is None]
        decisions = [self._missed(number, now_ms, text_of) for number in over]
        self._waits.clear()
        return decisions

    def _done(self, one: CompiledBehaviour, wait: Wait, came: Fire, text_of: TextOf) -> Decision:
        expected = name_of(one.behaviour.expected, self._compiled.names)
        form = f"Because {wait.cause.clause}, and {expected} followed at {clock(came.at_ms)}"
        reason = Because(form, wait.cause.evidence + came.evidence, words_of(wait.cause, text_of))
        return _decision(one, "done", came.until_ms, came.sequence, reason)

    def _missed(self, number: int, at_ms: int, text_of: TextOf) -> Decision:
        one, wait = self._compiled.behaviours[number], self._waits.pop(number)
        names, cause = self._compiled.names, wait.cause
        asked = one.behaviour
        clause = missed_clause(asked.expected, cause.clause, asked.within_ms, asked.within_turns, names)
        reason = Because(f"Because {clause}", cause.evidence, words_of(cause, text_of))
        return _decision(one, "missed", at_ms, cause.sequence, reason)

    def state(self) -> dict[str, Any]:
        """Return what a successor needs, for JSON, without words."""
        keys = [one.key for one in self._compiled.behaviours]
        return {
            "waits": {keys[at]: wait.data() for at, wait in self._waits.items()},
            "last": {keys[at]: fire.data() for at, fire in self._last.items()},
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on where `state` was taken."""
        number = self._compiled.behaviour_numbers
        self._waits = {
            number[key]: Wait.read(value) for key, value in state["waits"].items() if key in number
        }
        self._last = {number[key]: Fire.read(value) for key, value in state["last"].items() if key in number}


def _decision(
    one: CompiledBehaviour, what: What, at_ms: int, sequence: int | None, reason: Because
) -> Decision:
    return Decision(
        one.policy,
        one.behaviour.id,
        what,
        at_ms,
        sequence,
        reason.sentence,
        reason.evidence,
        reason.form,
        "behaviour",
    )


class Playbooks:
    """At which step each playbook of a call is. None as a step: it has come to its end."""

    def __init__(self, compiled: CompiledPolicies, facts: Facts) -> None:
        self._compiled, self._facts = compiled, facts
        self._at: dict[int, tuple[str | None, bool]] = {}

    def follow(self, number: int, change: Change, now_ms: int, text_of: TextOf) -> list[Decision]:
        """Return how a change moves one playbook: a step at most."""
        one = self._compiled.playbooks[number]
        step, done = self._at.get(number, (None, False))
        if step is None:
            leaf = None if one.start is None else self._facts.caused(one.start, change)
            if leaf is None or leaf == NO_CAUSE or one.start is None:
                return []
            reason = because(self._facts, one.start, leaf, change, text_of)
            return self._go(number, one.playbook.steps[0].id, now_ms, reason)
        decisions: list[Decision] = []
        compiled = one.steps[step]
        finished = None
        if compiled.done is not None and not done:
            leaf = self._facts.caused(compiled.done, change)
            if leaf is not None and leaf != NO_CAUSE:
                finished = because(self._facts, compiled.done, leaf, change, text_of)
                self._at[number] = (step, True)
                decisions.append(_moved(one, "step_done", step, now_ms, finished))
        for when, to in compiled.ways:
            if when is None:
                if finished is not None:
                    return decisions + self._go(number, to, now_ms, finished)
                continue
            leaf = self._facts.caused(when, change)
            if leaf is not None and (leaf != NO_CAUSE or finished is not None):
                return decisions + self._go(
                    number, to, now_ms, because(self._facts, when, leaf, change, text_of)
                )
        if finished is not None and not compiled.ways:
            self._at[number] = (None, True)
            decisions.append(_moved(one, "end", None, now_ms, finished))
        return decisions

    def move(self, number: int, step: str, now_ms: int, reason: Because) -> list[Decision]:
        """Go to a step whatever was before. Raises ValueError where the playbook has no such step."""
        if step not in self._compiled.playbooks[number].steps:
            raise ValueError(f"the playbook has no step {step!r}")
        if self._at.get(number, (None, False))[0] == step:
            return []
        return self._go(number, step, now_ms, reason)

    def begin(self, number: int, now_ms: int, reason: Because) -> list[Decision]:
        """Go to the first step, unless the playbook is at one."""
        if self._at.get(number, (None, False))[0] is not None:
            return []
        return self._go(number, self._compiled.playbooks[number].playbook.steps[0].id, now_ms, reason)

    def _go(self, number: int, step: str, now_ms: int, reason: Because) -> list[Decision]:
        self._at[number] = (step, False)
        return [_moved(self._compiled.playbooks[number], "step", step, now_ms, reason)]

    def state(self) -> dict[str, Any]:
        """Return what a successor needs, for JSON."""
        return {self._compiled.playbooks[number].key: list(at) for number, at in self._at.items()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on where `state` was taken. A playbook that has lost its step begins anew."""
        self._at = {}
        for key, (step, done) in state.items():
            number = self._compiled.playbook_numbers.get(key)
            if number is not None and (step is None or step in self._compiled.playbooks[number].steps):
                self._at[number] = (step, done)


def _moved(one: CompiledPlaybook, what: What, step: str | None, now_ms: int, reason: Because) -> Decision:
    return Decision(
        one.policy,
        one.playbook.id,
        what,
        now_ms,
        reason.sequence,
        reason.sentence,
        reason.evidence,
        reason.form,
        "playbook",
        step=step,
    )
