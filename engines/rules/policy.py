"""From moments to guidance: which hint, tick or alert follows, when it is taken back, and why.

A `PolicyEngine` follows one conversation. It is told of every occurrence in the order in which the moment
engine gives them, and of the same call times (`advance`), and answers with decisions. It reads no clock and
knows nothing of screens; what an agent did with a hint is the business of who shows it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from engines.rules.explain import QUOTE, and_not, clock, fill, form_of, quote
from engines.rules.moments import Occurrence

MAX_TITLE = 90
KINDS = ("hint", "checklist", "alert")
LABELS = ("Say", "Do", "Know")
SEVERITIES = ("warn", "bad")

Evidence = tuple[tuple[int, int, int], ...]


@dataclass(frozen=True, slots=True)
class RuleSpec:
    """One rule.

    `when` (a moment key) sets it off. With `unless` it waits `wait_ms` from the end of those words and does
    nothing if `unless` comes in that time. A hint stays open for `expires_ms` (0: until withdrawn) or until
    `withdraw_on` comes; while it is open it is not shown again, nor within `cooldown_ms` of its last time,
    nor, with `once`, ever again in the call. Higher `priority` comes first where one occurrence sets off
    several; `position` orders the checklist, whose items tick once.
    """

    id: str
    kind: Literal["hint", "checklist", "alert"]
    when: str
    title: str
    say: str = ""
    label: Literal["Say", "Do", "Know"] = "Say"
    unless: str | None = None
    wait_ms: int = 0
    severity: Literal["warn", "bad"] = "warn"
    priority: int = 0
    cooldown_ms: int = 0
    once: bool = False
    expires_ms: int = 60_000
    withdraw_on: str | None = None
    position: int = 0


@dataclass(frozen=True, slots=True)
class Decision:
    """What is to happen, and why.

    `at_ms` is the call time at which it was decided: the end of the words, or when a wait ran out.
    `sequence` is the utterance that caused it (None: time, or the start of the call). `reason` is a sentence;
    `form` is the same with `{quote}` in place of the words, which stand at `evidence[0]` (sequence, start,
    end): store form and evidence, so that a later redaction reaches the quotation too.
    """

    rule_id: str
    action: Literal["show", "tick", "withdraw", "alert"]
    at_ms: int
    sequence: int | None
    reason: str
    evidence: Evidence = ()
    form: str = ""


def check_rules(rules: Sequence[RuleSpec], keys: Collection[str]) -> dict[str, list[str]]:
    """Return what is wrong with rules, by id, in words for who wrote them. `keys`: the moments there are."""
    wrong: dict[str, list[str]] = {}
    seen: set[str] = set()
    for rule in rules:
        found = _check_rule(rule, keys)
        if rule.id in seen:
            found.append(f"Two rules have the id “{rule.id}”.")
        seen.add(rule.id)
        if found:
            wrong.setdefault(rule.id, []).extend(found)
    return wrong


def _check_rule(rule: RuleSpec, keys: Collection[str]) -> list[str]:
    wrong: list[str] = []
    if rule.kind not in KINDS:
        wrong.append(f"“{rule.kind}” is no kind of rule: choose hint, checklist or alert.")
    if not rule.title.strip():
        wrong.append("The rule needs a title: the one line that people read.")
    if len(rule.title) > MAX_TITLE:
        wrong.append(f"The title is longer than {MAX_TITLE} characters.")
    if rule.label not in LABELS:
        wrong.append(f"“{rule.label}” is no label: choose Say, Do or Know.")
    if rule.severity not in SEVERITIES:
        wrong.append(f"“{rule.severity}” is no severity: choose warn or bad.")
    for field, key in (("when", rule.when), ("unless", rule.unless), ("withdraw_on", rule.withdraw_on)):
        if key is not None and key not in keys:
            wrong.append(f"“{field}” names the moment “{key}”, which does not exist.")
    if min(rule.wait_ms, rule.cooldown_ms, rule.expires_ms) < 0:
        wrong.append("Times cannot be negative.")
    if rule.unless is not None and rule.wait_ms == 0:
        wrong.append("“unless” needs a time to wait for it.")
    if rule.unless is None and rule.wait_ms > 0:
        wrong.append("A time to wait needs “unless”: what would make the rule unnecessary.")
    if rule.unless is not None and rule.unless == rule.when:
        wrong.append("“when” and “unless” are the same moment: the rule could never act.")
    if rule.withdraw_on is not None and rule.withdraw_on == rule.when:
        wrong.append("“when” and “withdraw_on” are the same moment: the hint would go as it comes.")
    if rule.kind == "checklist" and (rule.unless or rule.withdraw_on):
        wrong.append(
            "A checklist item is ticked at once and stays ticked: it has no “unless” or “withdraw_on”."
        )
    if rule.kind == "alert" and rule.withdraw_on:
        wrong.append("An alert is closed by a person: it has no “withdraw_on”.")
    return wrong


@dataclass(slots=True)
class _Waiting:
    """A rule set off whose `unless` may still come. `words` are kept in memory only, never in the state."""

    from_ms: int
    due_ms: int
    sequence: int | None
    evidence: Evidence
    form: str
    words: str


class PolicyEngine:
    """Follows one conversation. Not safe for use from two tasks at once.

    `names` gives the moments' display names, for the reasons. A rule with an unknown moment never acts.
    """

    def __init__(self, rules: Sequence[RuleSpec], names: Mapping[str, str]) -> None:
        self._names = names
        ordered = sorted(rules, key=lambda rule: (-rule.priority, rule.position, rule.id))
        self._rules = {rule.id: rule for rule in ordered}
        self._order = {rule_id: place for place, rule_id in enumerate(self._rules)}
        self._by_when: dict[str, list[RuleSpec]] = {}
        self._by_unless: dict[str, list[RuleSpec]] = {}
        self._by_withdraw: dict[str, list[RuleSpec]] = {}
        for rule in self._rules.values():
            self._by_when.setdefault(rule.when, []).append(rule)
            if rule.unless is not None:
                self._by_unless.setdefault(rule.unless, []).append(rule)
            if rule.withdraw_on is not None:
                self._by_withdraw.setdefault(rule.withdraw_on, []).append(rule)
        self._fired: dict[str, int] = {}
        self._open: dict[str, int] = {}
        self._waiting: dict[str, _Waiting] = {}
        # When each moment that some rule's `unless` names last ended: its final may come before that of the
        # words which it answers.
        self._answered: dict[str, int] = {}

    def start(self) -> list[Decision]:
        """Return the checklist as it opens with the call, in its order."""
        items = [rule for rule in self._rules.values() if rule.kind == "checklist"]
        items.sort(key=lambda rule: (rule.position, self._order[rule.id]))
        reason = "On the checklist from the start of the call"
        return [Decision(rule.id, "show", 0, None, reason, form=reason) for rule in items]

    def observe(self, occurrence: Occurrence, utterance_text: str = "") -> list[Decision]:
        """Take one occurrence, with the redacted text of its utterance, and return what follows at once."""
        now_ms = occurrence.until_ms or occurrence.at_ms
        form = form_of(occurrence, self._names)
        words = quote(utterance_text, occurrence.spans)
        evidence = self._evidence(occurrence)
        decisions = self._expire(now_ms)
        for rule in self._by_withdraw.get(occurrence.key, ()):
            self._waiting.pop(rule.id, None)
            if self._open.pop(rule.id, None) is not None:
                decisions.append(
                    Decision(
                        rule.id, "withdraw", now_ms, occurrence.sequence, fill(form, words), evidence, form
                    )
                )
        for rule in self._by_unless.get(occurrence.key, ()):
            self._answer(rule, occurrence.at_ms, now_ms)
        for rule in self._by_when.get(occurrence.key, ()):
            if not self._may_act(rule, now_ms):
                continue
            if rule.unless is None:
                decisions.append(self._act(rule, now_ms, occurrence.sequence, evidence, form, words))
            elif rule.id not in self._waiting and self._answered.get(rule.unless, -1) <= now_ms:
                due_ms = now_ms + rule.wait_ms
                self._waiting[rule.id] = _Waiting(now_ms, due_ms, occurrence.sequence, evidence, form, words)
        return decisions

    def advance(self, now_ms: int) -> list[Decision]:
        """Return what the passing of time brings, everything before `now_ms` having been observed."""
        decisions: list[Decision] = []
        due = [(wait.due_ms, self._order[rule_id], rule_id) for rule_id, wait in self._waiting.items()]
        for due_ms, _, rule_id in sorted(due):
            if due_ms > now_ms:
                break
            decisions += self._expire(due_ms)
            wait = self._waiting.pop(rule_id)
            rule = self._rules[rule_id]
            if self._may_act(rule, due_ms):
                form = wait.form + and_not(str(rule.unless), rule.wait_ms, self._names)
                decisions.append(self._act(rule, due_ms, wait.sequence, wait.evidence, form, wait.words))
        return decisions + self._expire(now_ms)

    @staticmethod
    def _evidence(occurrence: Occurrence) -> Evidence:
        if occurrence.sequence is None:
            return ()
        return tuple((occurrence.sequence, start, end) for start, end in occurrence.spans)

    def _answer(self, rule: RuleSpec, at_ms: int, until_ms: int) -> None:
        key = str(rule.unless)
        self._answered[key] = max(until_ms, self._answered.get(key, 0))
        wait = self._waiting.get(rule.id)
        if wait is not None and until_ms > wait.from_ms and at_ms <= wait.due_ms:
            del self._waiting[rule.id]

    def _may_act(self, rule: RuleSpec, now_ms: int) -> bool:
        last = self._fired.get(rule.id)
        if rule.id in self._open:
            return False
        if last is None:
            return True
        if rule.once or rule.kind == "checklist":
            return False
        # Finals of two speakers may come in either order, so that `now_ms` may lie a little behind `last`.
        return max(0, now_ms - last) >= rule.cooldown_ms

    def _act(
        self, rule: RuleSpec, at_ms: int, sequence: int | None, evidence: Evidence, form: str, words: str
    ) -> Decision:
        self._fired[rule.id] = at_ms
        action: Literal["show", "tick", "alert"] = "alert" if rule.kind == "alert" else "tick"
        if rule.kind == "hint":
            self._open[rule.id] = at_ms
            action = "show"
        return Decision(rule.id, action, at_ms, sequence, fill(form, words), evidence, form)

    def _expire(self, now_ms: int) -> list[Decision]:
        over = []
        for rule_id, shown_ms in self._open.items():
            lasts_ms = self._rules[rule_id].expires_ms
            if lasts_ms and shown_ms + lasts_ms <= now_ms:
                over.append((shown_ms + lasts_ms, self._order[rule_id], rule_id))
        decisions = []
        for at_ms, _, rule_id in sorted(over):
            del self._open[rule_id]
            reason = f"Because it had been shown for {clock(self._rules[rule_id].expires_ms)}"
            decisions.append(Decision(rule_id, "withdraw", at_ms, None, reason, form=reason))
        return decisions

    def state(self) -> dict[str, Any]:
        """Return what a successor needs, for JSON: bounded by the number of rules, without any words."""
        return {
            "v": 1,
            "fired": dict(self._fired),
            "open": dict(self._open),
            "answered": dict(self._answered),
            "waiting": {
                rule_id: [
                    wait.from_ms,
                    wait.due_ms,
                    wait.sequence,
                    [list(one) for one in wait.evidence],
                    wait.form,
                ]
                for rule_id, wait in self._waiting.items()
            },
        }

    def restore(self, state: Mapping[str, Any], text_of: Callable[[int], str] | None = None) -> None:
        """Go on where `state` was taken. What it says of rules that no longer exist is dropped.

        `text_of(sequence)` gives the redacted text of an utterance, which the state does not hold; it is
        asked only for rules that wait. Without it their reasons say "this" in place of the quotation.
        Raises ValueError on a state of an unknown version.
        """
        if state.get("v") != 1:
            raise ValueError(f"unknown version of policy state: {state.get('v')!r}")
        self._fired = {key: at for key, at in state["fired"].items() if key in self._rules}
        self._open = {key: at for key, at in state["open"].items() if key in self._rules}
        self._answered = {key: at for key, at in state["answered"].items() if key in self._by_unless}
        self._waiting = {}
        for rule_id, (from_ms, due_ms, sequence, places, form) in state["waiting"].items():
            rule = self._rules.get(rule_id)
            if rule is None or rule.unless is None:
                continue
            evidence = tuple((at, start, end) for at, start, end in places)
            words = ""
            if evidence and text_of is not None and QUOTE in form:
                at, start, end = evidence[0]
                words = quote(text_of(at), ((start, end),))
            self._waiting[rule_id] = _Waiting(from_ms, due_ms, sequence, evidence, form, words)
