"""What rules do once their conditions are true: within their limits, never twice the same, and taken back in time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from engines.rules.because import Because
from engines.rules.compiled import CompiledPolicies, CompiledRule, behaviour_key, playbook_key
from engines.rules.decisions import Decision, What
from engines.rules.explain import clock, quote
from engines.rules.facts import Facts
from engines.rules.filling import Names, filled, lacks
from engines.rules.followers import Playbooks
from engines.rules.occurrences import Occurrence
from engines.rules.screen import Screen, Shown
from engines.rules.spec import SHOWN, Action

# What was held back for longer is no longer worth saying.
HELD_MS = 15_000
# How long the praise or the hint of a behaviour stands.
BEHAVIOUR_SHOWN_MS = 120_000


@dataclass(frozen=True, slots=True)
class _Held:
    """A rule that waits for the customer to finish."""

    at_ms: int
    reason: Because

    def data(self) -> list[Any]:
        """Return it for JSON, without words."""
        reason = self.reason
        return [self.at_ms, reason.form, [list(one) for one in reason.evidence], reason.sequence]

    @classmethod
    def read(cls, data: list[Any], text_of: Callable[[int], str] | None) -> _Held:
        """Return what `data` was taken of."""
        at_ms, form, places, sequence = data
        evidence = tuple((one, start, end) for one, start, end in places)
        words = quote(text_of(evidence[0][0]), (evidence[0][1:],)) if evidence and text_of else ""
        return cls(at_ms, Because(form, evidence, words, sequence))


class Acts:
    """What the rules of one call have done, show and hold back."""

    def __init__(
        self, compiled: CompiledPolicies, facts: Facts, playbooks: Playbooks, counts: Counter[str]
    ) -> None:
        self._compiled, self._facts, self._playbooks, self.counts = compiled, facts, playbooks, counts
        self.screen = Screen(compiled)
        # What was named last of each listed kind, as the lists have it. Never changed in place.
        self.named: Names = {}
        self._fired: dict[int, tuple[int, int]] = {}
        self._held: dict[int, _Held] = {}
        # What the agent has closed, in case they open it again.
        self._closed: dict[str, Shown] = {}
        self._set: set[tuple[str, str]] = set()
        self._items = {
            action.title: "open" for one in compiled.rules for action in one.rule.then if action.do == "check"
        }

    def name(self, occurrences: Iterable[Occurrence]) -> None:
        """Note what was named of the company's lists."""
        for one in occurrences:
            if one.names:
                self.named = {**self.named, one.entity: one.names}

    def keep(self, number: int, now_ms: int, reason: Because) -> None:
        """Hold a rule back until the customer has finished."""
        if number not in self._held:
            self.counts["held"] += 1
            self._held[number] = _Held(now_ms, reason)

    def drop(self, number: int) -> None:
        """Forget a rule that was held back."""
        self._held.pop(number, None)

    def dismiss(self, key: str, index: int | None, at_ms: int) -> None:
        """Take away what the agent has closed. Closed before the words were final, it does not come with them."""
        shown = self.screen.close(key)
        if shown is None or (index is not None and index not in shown.indexes):
            if shown is not None:
                self.screen.put(key, shown)
            return
        gone = shown.indexes if index is None else (index,)
        rest = tuple(one for one in shown.indexes if one not in gone)
        if rest:
            self.screen.put(key, replace(shown, indexes=rest))
        known = self._closed.get(key)
        if not shown.supposed:
            earlier = known.indexes if known is not None and known.at_ms == shown.at_ms else ()
            self._closed[key] = replace(shown, indexes=tuple(sorted({*earlier, *gone})))
        number = self._compiled.rule_numbers.get(key)
        if number is not None:
            last_ms, count = self._fired.get(number, (0, 0))
            self._fired[number] = (max(last_ms, shown.at_ms, at_ms), count + bool(shown.supposed))

    def undismiss(self, key: str, index: int, at_ms: int) -> bool:
        """Show again what the agent had closed. False where nothing was, or its time is over."""
        closed, shown = self._closed.get(key), self.screen.shown(key)
        if closed is None or index not in closed.indexes:
            return False
        if shown is not None and shown.at_ms != closed.at_ms:
            return False  # the rule has acted anew meanwhile
        rest = tuple(one for one in closed.indexes if one != index)
        if rest:
            self._closed[key] = replace(closed, indexes=rest)
        else:
            del self._closed[key]
        if closed.lasts_ms and closed.at_ms + closed.lasts_ms <= at_ms:
            return False
        self.screen.close(key)
        stands = () if shown is None else shown.indexes
        self.screen.put(key, replace(closed, indexes=tuple(sorted({*stands, index}))))
        return True

    def may_act(self, number: int, now_ms: int) -> bool:
        """Say whether the limits of a rule let it act now."""
        one = self._compiled.rules[number]
        if self.screen.is_open(one.key):
            return False
        if number not in self._fired:
            return True
        last_ms, count = self._fired[number]
        if one.checks_only or one.rule.once or (one.rule.most is not None and count >= one.rule.most):
            return False
        # Finals of two speakers may come in either order, so that `now_ms` may lie a little behind the last time.
        return max(0, now_ms - last_ms) >= one.rule.cooldown_ms

    def act(self, number: int, reason: Because, now_ms: int) -> list[Decision]:
        """Do what a rule says, and return it; nothing where all of it was done or shown already."""
        one = self._compiled.rules[number]
        supposed = self.screen.close(one.key)
        earlier = () if supposed is None else supposed.indexes
        decisions: list[Decision] = []
        shown: list[int] = []
        named = self.named
        for index, action in enumerate(one.rule.then):
            if lacks(action, named):
                continue
            if action.do in SHOWN:
                if self.screen.shows(action):
                    self.counts["duplicate"] += 1
                    continue
                shown.append(index)
                what: What = "confirm" if index in earlier else "show"
                decisions.append(decision(one, what, index, now_ms, reason, named))
            elif action.do == "step":
                at = self._compiled.playbook_numbers.get(playbook_key(one.policy, action.playbook))
                if at is not None:
                    decisions += self._playbooks.move(at, action.step, now_ms, reason)
            elif (done := self._effect(action)) is not None:
                decisions.append(decision(one, done, index, now_ms, reason, named))
        if supposed is not None:
            self.counts["confirmed"] += 1
        if shown:
            self.screen.open(one.key, now_ms, tuple(shown), one.rule.expires_ms)
        if decisions:
            self._fired[number] = (now_ms, self._fired.get(number, (0, 0))[1] + 1)
        return decisions

    def _effect(self, action: Action) -> What | None:
        """Return what an action that shows nothing does, or None where it was done already."""
        if action.do == "alert":
            return "alert"
        if action.do == "check":
            now = "missed" if action.missed else "ticked"
            if self._items[action.title] in (now, "ticked"):
                return None
            self._items[action.title] = now
            return "miss" if action.missed else "tick"
        if action.do in {"tag", "disposition"}:
            mark = (action.do, str(action.tag or action.value))
            if mark in self._set:
                return None
            self._set = {one for one in self._set if one[0] != "disposition" or action.do == "tag"} | {mark}
        return "do"

    def unconfirmed(self, now_ms: int, speaker: str | None = None) -> list[Decision]:
        """Take back what partials showed: of a speaker whose final has come, or of anyone after its time."""
        decisions: list[Decision] = []
        reason = Because("Because the final words did not bear it out")
        for key, shown in self.screen.unconfirmed(now_ms, speaker):
            self.counts["unconfirmed"] += 1
            one = self._compiled.rules[self._compiled.rule_numbers[key]]
            decisions += [
                replace(decision(one, "withdraw", index, now_ms, reason), provisional=True)
                for index in shown.indexes
            ]
        return decisions

    def release(self, now_ms: int) -> list[Decision]:
        """Let act what has waited for the customer, where it is still so and not too late."""
        decisions: list[Decision] = []
        for number, held in sorted(self._held.items()):
            one = self._compiled.rules[number]
            if now_ms - held.at_ms > HELD_MS or not self._facts.holds(one.when):
                self.counts["stale"] += 1
            elif self.may_act(number, now_ms):
                decisions += self.act(number, held.reason, now_ms)
        self._held.clear()
        return decisions

    def outcomes(self, outcomes: list[Decision]) -> list[Decision]:
        """Return outcomes of behaviours, each with what it shows; the next takes the last one's place."""
        decisions: list[Decision] = []
        for outcome in outcomes:
            number = self._compiled.behaviour_numbers[behaviour_key(outcome.policy, outcome.rule_id)]
            one = self._compiled.behaviours[number]
            shown = self.screen.close(one.key)
            decisions += [
                replace(outcome, what="withdraw", index=index, action=one.actions[index])
                for index in (() if shown is None else shown.indexes)
            ]
            if outcome.what == "withdraw":
                continue
            decisions.append(outcome)
            index = 0 if outcome.what == "done" else 1
            action = one.actions[index]
            if action is None:
                continue
            if self.screen.shows(action):
                self.counts["duplicate"] += 1
                continue
            self.screen.open(one.key, outcome.at_ms, (index,), BEHAVIOUR_SHOWN_MS)
            action = filled(action, self.named)
            decisions.append(replace(outcome, what="show", index=index, action=action))
        return decisions

    def expire(self, now_ms: int) -> list[Decision]:
        """Return what has stood on the screen for its time."""
        decisions: list[Decision] = []
        for key, due_ms, shown in self.screen.expired(now_ms):
            reason = Because(f"Because it had been shown for {clock(due_ms - shown.at_ms)}")
            number = self._compiled.rule_numbers.get(key)
            if number is not None:
                one = self._compiled.rules[number]
                decisions += [decision(one, "expire", index, due_ms, reason) for index in shown.indexes]
                continue
            behaviour = self._compiled.behaviours[self._compiled.behaviour_numbers[key]]
            decisions += [
                Decision(
                    behaviour.policy, behaviour.behaviour.id, "expire", due_ms, None, reason.form,
                    form=reason.form, source="behaviour", index=index, action=behaviour.actions[index],
                )
                for index in shown.indexes
            ]  # fmt: skip
        return decisions

    def state(self) -> dict[str, Any]:
        """Return what a successor needs, for JSON, without words."""
        rules = self._compiled.rules
        return {
            "screen": self.screen.state(),
            "fired": {rules[number].key: list(fired) for number, fired in self._fired.items()},
            "held": {rules[number].key: held.data() for number, held in self._held.items()},
            "closed": {key: shown.data() for key, shown in self._closed.items()},
            "set": sorted(map(list, self._set)),
            **(
                {"named": {entity: list(names) for entity, names in self.named.items()}} if self.named else {}
            ),
            "items": {title: now for title, now in self._items.items() if now != "open"},
        }

    def restore(self, state: Mapping[str, Any], text_of: Callable[[int], str] | None) -> None:
        """Go on where `state` was taken."""
        number = self._compiled.rule_numbers
        self.screen.restore(state["screen"])
        self._fired = {
            number[key]: (at, count) for key, (at, count) in state["fired"].items() if key in number
        }
        self._held = {
            number[key]: _Held.read(value, text_of) for key, value in state["held"].items() if key in number
        }
        self._closed = {
            key: Shown.read(value)
            for key, value in state.get("closed", {}).items()
            if key in number or key in self._compiled.behaviour_numbers
        }
        self._set = {(do, value) for do, value in state["set"]}
        self.named = {entity: tuple(names) for entity, names in state.get("named", {}).items()}
        self._items |= {title: now for title, now in state["items"].items() if title in self._items}


def decision(
    one: CompiledRule, what: What, index: int, at_ms: int, reason: Because, named: Names | None = None
) -> Decision:
    """Return the decision on one action of a rule, with what was `named` filled in."""
    action = one.rule.then[index]
    return Decision(
        one.policy, one.rule.id, what, at_ms, reason.sequence, reason.sentence, reason.evidence, reason.form,
        index=index, action=action if named is None else filled(action, named),
    )  # fmt: skip
