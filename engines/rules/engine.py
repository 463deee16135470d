"""From what is heard to what is done: follows one conversation with a set of compiled policies.

A `RuleEngine` is told of every final utterance with the moments found in it (`hear`), of what is found later
(`observe`), of words not yet final (`partial`) and of call time (`advance`: everything spoken before has been
heard). It answers with decisions. It reads no clock and knows nothing of screens. A rule that fails is counted and
left out of that event; the others go on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from engines.rules.acting import Acts, decision
from engines.rules.because import Because, because
from engines.rules.compiled import CompiledPolicies, behaviour_key, playbook_key, rule_key
from engines.rules.decisions import Decision
from engines.rules.explain import quote, said_by_name
from engines.rules.facts import NO_CAUSE, Facts
from engines.rules.filling import lacks
from engines.rules.fires import MAX_PLACES, Change, Fire, fire_of
from engines.rules.followers import Behaviours, Playbooks
from engines.rules.occurrences import Heard, Occurrence
from engines.rules.screen import UNCONFIRMED_MS
from engines.rules.spec import SHOWN, Value

# A rule that failed so often in a call is not asked again in it.
MAX_FAILURES = 3
# The customer is taken to be silent when no partial of his came for this long.
PAUSE_MS = 2_000
VERSION = 3
# Those whose states can be read.
_READ = frozenset({2, 3})


class RuleEngine:
    """Follows one conversation. Not safe for use from two tasks at once.

    `fields` are what is known of the call besides its words ("queue", "metadata.x"); `started_at_local` is its start
    in the company's local time (None: conditions on the time of day are never true).

    `counts` says how often something was out of the ordinary: "failed", "unconfirmed" (a partial's hint that its
    final did not bear out), "confirmed", "duplicate" (stood on the screen already), "held" (waited for the customer),
    "stale" (waited too long). `failures` has the failed by key, `kinds` the last error's type of each.
    """

    def __init__(
        self,
        compiled: CompiledPolicies,
        fields: Mapping[str, Value | None] | None = None,
        started_at_local: datetime | None = None,
    ) -> None:
        self._compiled = compiled
        self._facts = Facts(compiled, fields or {}, started_at_local)
        self._facts.failed = self._failed
        self._behaviours = Behaviours(compiled, self._facts)
        self._playbooks = Playbooks(compiled, self._facts)
        self.counts: Counter[str] = Counter()
        self._acts = Acts(compiled, self._facts, self._playbooks, self.counts)
        self._sequence: int | None = None
        self._customer_ms: int | None = None
        self._text_of: Callable[[int], str] | None = None
        self.failures: Counter[str] = Counter()
        self.kinds: dict[str, str] = {}

    @property
    def waits_for_customer(self) -> bool:
        """Whether any rule waits until the customer has finished."""
        return any(one.rule.quiet for one in self._compiled.rules)

    @property
    def facts(self) -> Facts:
        """What is so in the call by now, for who wants to look at it; not to be changed."""
        return self._facts

    # What happens

    def start(self) -> list[Decision]:
        """Begin the call: the checklist opens in its order, and what is so from the start takes effect."""
        items = [
            (action.missed, one.rule.position, order, index, one, action)
            for order, one in enumerate(self._compiled.rules)
            for index, action in enumerate(one.rule.then)
            if action.do == "check"
        ]
        reason = Because("On the checklist from the start of the call")
        # An item that one rule ticks and another marks as missed stands where the first puts it.
        first: dict[str, tuple[int, int, Decision]] = {}
        for _missed, position, order, index, one, action in sorted(items, key=lambda item: item[:4]):
            first.setdefault(action.title, (position, order, decision(one, "show", index, 0, reason)))
        shown = [item for _position, _order, item in sorted(first.values(), key=lambda item: item[:2])]
        return [*shown, *self._decide(self._facts.begin(), 0, None)]

    def hear(self, heard: Heard, occurrences: Sequence[Occurrence] = ()) -> list[Decision]:
        """Take the next final utterance with the moments found in it, and return what follows at once.

        An utterance whose sequence is not above the last one's was heard before, and gives nothing.
        """
        if self._sequence is not None and heard.sequence <= self._sequence:
            return []
        self._sequence = heard.sequence
        now_ms = max(heard.start_ms, heard.end_ms)
        decisions: list[Decision] = []
        while (due_ms := self._facts.next_lapse()) is not None and due_ms < heard.start_ms:
            decisions += self._decide(self._facts.lapse(due_ms), due_ms, None)
        decisions += self._acts.expire(now_ms)
        if heard.speaker == "customer":
            self._customer_ms = None
            decisions += self._acts.release(now_ms)
        self._acts.name(occurrences)
        found = self._found(heard, occurrences, self._compiled.detectors)
        change = self._facts.hear(heard, found)
        decisions += self._acts.outcomes(self._behaviours.turned(heard.start_ms, self._text_of))
        decisions += self._decide(change, now_ms, heard.sequence)
        return decisions + self._acts.unconfirmed(now_ms, heard.speaker)

    def observe(self, occurrence: Occurrence, text: str = "") -> list[Decision]:
        """Take a moment found apart from `hear`: by time, or by what is slower. `text`: that of its utterance."""
        self._acts.name((occurrence,))
        leaves = self._compiled.by_moment.get(occurrence.key, ())
        if not leaves:
            return []
        fire = self._fire(occurrence, text)
        decisions = self._acts.expire(fire.until_ms)
        return decisions + self._decide(
            self._facts.trigger([(leaves, fire)], fire.until_ms), fire.until_ms, occurrence.sequence
        )

    def partial(self, heard: Heard, occurrences: Sequence[Occurrence] = ()) -> list[Decision]:
        """Take words that are not final yet: rules with `on_partials` may show something, provisionally."""
        if heard.speaker == "customer":
            self.speaks(max(heard.start_ms, heard.end_ms))
        if not self._compiled.on_partials:
            return []
        assumed: dict[int, Fire] = {}
        for leaves, fire in self._found(heard, occurrences, self._compiled.early):
            assumed |= self._facts.assume(leaves, fire)
        if not assumed:
            return []
        now_ms = max(heard.start_ms, heard.end_ms)
        change = Change(now_ms, assumed)
        before = {leaf: self._facts.true.get(leaf) for leaf in assumed}
        self._facts.true |= assumed
        named = self._acts.named
        self._acts.name(occurrences)
        try:
            return self._suppose(change, now_ms, heard.speaker)
        finally:
            self._acts.named = named
            for leaf, fire_before in before.items():
                if fire_before is None:
                    self._facts.true.pop(leaf, None)
                else:
                    self._facts.true[leaf] = fire_before

    def speaks(self, at_ms: int) -> None:
        """Note that the customer was in the middle of speaking at `at_ms`; their words come with their final."""
        self._customer_ms = at_ms

    def advance(self, now_ms: int) -> list[Decision]:
        """Return what the passing of time brings, everything spoken before `now_ms` having been heard."""
        decisions: list[Decision] = []
        while True:
            dues = [
                due
                for due in (
                    self._facts.next_due(),
                    self._behaviours.next_due(),
                    self._acts.screen.next_due(),
                    None if self._customer_ms is None else self._customer_ms + PAUSE_MS,
                )
                if due is not None
            ]
            due_ms = min(dues, default=now_ms + 1)
            if due_ms > now_ms:
                return decisions
            decisions += self._acts.expire(due_ms)
            decisions += self._decide(self._facts.run(due_ms), due_ms, None)
            decisions += self._acts.outcomes(self._behaviours.run(due_ms, self._text_of))
            decisions += self._acts.unconfirmed(due_ms)
            if self._customer_ms is not None and self._customer_ms + PAUSE_MS <= due_ms:
                self._customer_ms = None
                decisions += self._acts.release(due_ms)

    def hold(self, on: bool, at_ms: int) -> list[Decision]:
        """Say that the customer was put on hold, or taken back; everything spoken before has been heard."""
        return self.advance(at_ms) + self._decide(self._facts.hold(on, at_ms), at_ms, None)

    def set_fields(self, fields: Mapping[str, Value | None], at_ms: int) -> list[Decision]:
        """Replace what is known of the call besides its words."""
        return self._decide(self._facts.set_fields(fields, at_ms), at_ms, None)

    def move(self, policy: str, playbook: str, step: str, at_ms: int) -> list[Decision]:
        """Go to a step of a playbook by hand. Raises ValueError where there is none such."""
        number = self._compiled.playbook_numbers.get(playbook_key(policy, playbook))
        if number is None:
            raise ValueError(f"no playbook {playbook!r}")
        return self._playbooks.move(number, step, at_ms, Because("Because it was chosen by hand"))

    def begin(self, policy: str, playbook: str, at_ms: int) -> list[Decision]:
        """Begin a playbook by hand; one under way stays where it is. Raises ValueError where there is none such."""
        number = self._compiled.playbook_numbers.get(playbook_key(policy, playbook))
        if number is None:
            raise ValueError(f"no playbook {playbook!r}")
        return self._playbooks.begin(number, at_ms, Because("Because it was begun by hand"))

    def dismiss(
        self, policy: str, rule_id: str, source: str = "rule", *, index: int | None = None, at_ms: int = 0
    ) -> None:
        """Note that the agent has closed what a rule, or with `source` "behaviour" one of those, showed.

        `index`: which of its actions (None: all). The rule rests from then on, `at_ms`, for its cooldown.
        """
        key = rule_key if source == "rule" else behaviour_key
        self._acts.dismiss(key(policy, rule_id), index, at_ms)

    def undismiss(
        self, policy: str, rule_id: str, source: str = "rule", *, index: int = 0, at_ms: int = 0
    ) -> bool:
        """Note that the agent has opened again what they had closed. False where nothing was, or its time is over."""
        key = rule_key if source == "rule" else behaviour_key
        return self._acts.undismiss(key(policy, rule_id), index, at_ms)

    def finish(self, now_ms: int) -> list[Decision]:
        """End the call: what was awaited until its end is missing. What is shown stays the caller's to close."""
        decisions = self.advance(now_ms)
        decisions += self._decide(self._facts.finish(now_ms), now_ms, None)
        decisions += self._acts.outcomes(self._behaviours.finish(now_ms, self._text_of))
        return decisions + self._acts.unconfirmed(now_ms + UNCONFIRMED_MS)

    # What follows

    def _found(
        self, heard: Heard, occurrences: Sequence[Occurrence], detectors: Any
    ) -> list[tuple[Sequence[int], Fire]]:
        found: list[tuple[Sequence[int], Fire]] = []
        try:
            for owner, spans in detectors.find(heard.speaker, heard.text):
                found.append((self._compiled.by_detector[owner], fire_of(heard, spans)))
        except Exception as error:
            self._failed("detectors", error)
        for occurrence in occurrences:
            leaves = self._compiled.by_moment.get(occurrence.key)
            if leaves:
                found.append((leaves, self._fire(occurrence, heard.text)))
        found.sort(key=lambda one: (one[1].place, one[0][0] if one[0] else 0))
        return found

    def _fire(self, occurrence: Occurrence, text: str) -> Fire:
        until_ms = occurrence.until_ms or occurrence.at_ms
        if occurrence.sequence is None:
            clause = self._facts.absence(occurrence)
            return Fire(occurrence.at_ms, until_ms, None, occurrence.speaker, clause=clause)
        spans = occurrence.spans[:MAX_PLACES]
        evidence = tuple((occurrence.sequence, start, end) for start, end in spans)
        place = occurrence.spans[0][0] if occurrence.spans else 0
        words: str | None = quote(text, occurrence.spans) if text else None
        return Fire(
            occurrence.at_ms,
            until_ms,
            occurrence.sequence,
            occurrence.speaker,
            evidence,
            place,
            words,
            said_by_name(occurrence, words or ""),
        )

    def _decide(self, change: Change, now_ms: int, sequence: int | None) -> list[Decision]:
        touched = [*change.risen, *change.fallen]
        if not touched:
            return []
        decisions: list[Decision] = []
        watchers = [self._compiled.watchers[leaf] for leaf in touched]
        for number in sorted({at for one in watchers for at in one.withdrawn}):
            decisions += self._guarded(number, self._withdraw, change, now_ms, sequence)
        for number in sorted({at for one in watchers for at in one.rules}):
            decisions += self._guarded(number, self._consider, change, now_ms, sequence)
        for number in sorted({at for one in watchers for at in one.behaviours}):
            key = self._compiled.behaviours[number].key
            try:
                decisions += self._acts.outcomes(self._behaviours.follow(number, change, self._text_of))
            except Exception as error:
                self._failed(key, error)
        for number in sorted({at for one in watchers for at in one.playbooks}):
            key = self._compiled.playbooks[number].key
            try:
                decisions += self._playbooks.follow(number, change, now_ms, self._text_of)
            except Exception as error:
                self._failed(key, error)
        return decisions

    def _guarded(
        self,
        number: int,
        do: Callable[[int, Change, int, int | None], list[Decision]],
        change: Change,
        now_ms: int,
        sequence: int | None,
    ) -> list[Decision]:
        key = self._compiled.rules[number].key
        if self.failures and self.failures[key] >= MAX_FAILURES:
            return []
        try:
            return do(number, change, now_ms, sequence)
        except Exception as error:
            self._failed(key, error)
            return []

    def _failed(self, key: str, error: Exception) -> None:
        self.counts["failed"] += 1
        self.failures[key] += 1
        self.kinds[key] = type(error).__name__

    def _withdraw(self, number: int, change: Change, now_ms: int, sequence: int | None) -> list[Decision]:
        one = self._compiled.rules[number]
        cause = None if one.withdraw is None else self._facts.caused(one.withdraw, change)
        if one.withdraw is None or cause is None or cause == NO_CAUSE:
            return []
        self._acts.drop(number)
        shown = self._acts.screen.close(one.key)
        if shown is None:
            return []
        reason = because(self._facts, one.withdraw, cause, change, self._text_of)
        if sequence is not None:
            reason = replace(reason, sequence=sequence)
        return [decision(one, "withdraw", index, now_ms, reason) for index in shown.indexes]

    def _consider(self, number: int, change: Change, now_ms: int, sequence: int | None) -> list[Decision]:
        one = self._compiled.rules[number]
        cause = self._facts.caused(one.when, change)
        if cause is None or cause == NO_CAUSE or not self._acts.may_act(number, now_ms):
            return []
        reason = because(self._facts, one.when, cause, change, self._text_of)
        if sequence is not None:
            reason = replace(reason, sequence=sequence)
        if one.rule.quiet and self._customer_ms is not None and now_ms - self._customer_ms <= PAUSE_MS:
            self._acts.keep(number, now_ms, reason)
            return []
        return self._acts.act(number, reason, now_ms)

    def _suppose(self, change: Change, now_ms: int, speaker: str) -> list[Decision]:
        decisions: list[Decision] = []
        touched = {at for leaf in change.risen for at in self._compiled.watchers[leaf].rules}
        for number in sorted(touched & self._compiled.on_partials):
            one = self._compiled.rules[number]
            if (
                one.rule.quiet
                or self._acts.screen.is_supposed(one.key)
                or not self._acts.may_act(number, now_ms)
            ):
                continue
            try:
                cause = self._facts.caused(one.when, change)
                if cause is None or cause == NO_CAUSE:
                    continue
                reason = because(self._facts, one.when, cause, change, self._text_of)
            except Exception as error:
                self._failed(one.key, error)
                continue
            shown = [
                index
                for index, action in enumerate(one.rule.then)
                if action.do in SHOWN
                and not self._acts.screen.shows(action)
                and not lacks(action, self._acts.named)
            ]
            if shown:
                self._acts.screen.suppose(one.key, now_ms, tuple(shown), speaker)
                # The words have no home before they are final: no evidence points at them.
                reason = replace(reason, sequence=None, evidence=())
                decisions += [
                    replace(decision(one, "show", index, now_ms, reason, self._acts.named), provisional=True)
                    for index in shown
                ]
        return decisions

    # State

    def state(self) -> dict[str, Any]:
        """Return what a successor needs, for JSON: bounded by the number of rules, without any words."""
        return {
            "v": VERSION,
            "sequence": self._sequence,
            "customer": self._customer_ms,
            "facts": self._facts.state(),
            "behaviours": self._behaviours.state(),
            "playbooks": self._playbooks.state(),
            "acts": self._acts.state(),
            "counts": dict(self.counts),
            "failures": dict(self.failures),
        }

    def restore(
        self, state: Mapping[str, Any], text_of: Callable[[int], str] | None = None, *, now_ms: int = 0
    ) -> None:
        """Go on where `state` was taken, at call time `now_ms` (for the time of day).

        What it says of rules that no longer exist is dropped. `text_of(sequence)` gives the redacted text of an
        utterance, which the state does not hold; without it a reason says "this" in place of the quotation. Raises
        ValueError on a state of an unknown version.
        """
        if state.get("v") not in _READ:
            raise ValueError(f"unknown version of policy state: {state.get('v')!r}")
        self._text_of = text_of
        self._sequence, self._customer_ms = state["sequence"], state["customer"]
        self._facts.restore(state["facts"], now_ms)
        self._behaviours.restore(state["behaviours"])
        self._playbooks.restore(state["playbooks"])
        self._acts.restore(state["acts"], text_of)
        self.counts.clear()
        self.counts.update(state["counts"])
        self.failures = Counter(state["failures"])
