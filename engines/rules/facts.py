"""What is so in one call, leaf by leaf: the state that conditions are read from.

Every change is a small event: some leaves rise (they become true, or come about once more), some fall. Base leaves
rise by what is heard; from them it spreads to the leaves that wait for something missing or follow an order. Only
what is true, waits or counts takes memory.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from heapq import heapify, heappop, heappush
from itertools import groupby
from math import ceil
from typing import Any

from engines.rules import spec
from engines.rules.circumstances import field_holds, next_change, time_holds
from engines.rules.clauses import happened, missed_clause
from engines.rules.compiled import TIMED, CompiledPolicies, Formula, Gauge, Literal
from engines.rules.explain import form_of
from engines.rules.fires import Change, Fire, Wait, by_fire, fires_read, waiting
from engines.rules.measures import Measures
from engines.rules.occurrences import Heard, Occurrence

NO_CAUSE = -1


class Facts:
    """The leaves of one call. `fields` are what is known of the call; `started` is its start in local time."""

    def __init__(
        self, compiled: CompiledPolicies, fields: Mapping[str, spec.Value | None], started: datetime | None
    ) -> None:
        self.compiled = compiled
        self.true: dict[int, Fire] = {}
        self.measures = Measures(compiled.windows)
        self.on_hold_since: int | None = None
        self.failed: Callable[[str, Exception], None] | None = None
        self._fields = {name: value for name, value in fields.items() if value is not None}
        # In writing there is no sound: what is measured of it is then neither so nor not so.
        written = fields.get("channel") in spec.WRITTEN
        self._unheard = (spec.OF_SOUND, compiled.of_sound) if written else (frozenset(), frozenset())
        self._timed = {name: one for name, one in compiled.timed.items() if name not in self._unheard[0]}
        self._started = started
        self._counts: dict[int, int] = {}
        self._waits: dict[int, Wait] = {}
        self._by_turns: set[int] = set()
        self._last: dict[int, Fire] = {}
        self._chains: dict[int, list[Fire | None]] = {}
        self._lapses: list[tuple[int, int]] = []
        self._dues: list[tuple[int, int]] = []
        self._levels: list[float | None] = [None] * len(compiled.gauges)
        self._silent_since = 0
        self._times: dict[str, int] = dict.fromkeys(TIMED, 0)
        self._clock_due = self._next_clock(0)

    # Reading

    def caused(self, formula: Formula, change: Change) -> int | None:
        """Return None where a formula is not true, else the leaf by which `change` made it so, or `NO_CAUSE`."""
        if isinstance(formula, Literal):
            leaf = formula.leaf
            if formula.negated:
                so = leaf in self.true or leaf in self._unheard[1]
                return None if so else leaf if leaf in change.fallen else NO_CAUSE
            if leaf not in self.true:
                return None
            return leaf if leaf in change.risen else NO_CAUSE
        if formula.every:
            cause = NO_CAUSE
            for part in formula.parts:
                found = self.caused(part, change)
                if found is None:
                    return None
                if cause == NO_CAUSE:
                    cause = found
            return cause
        best: int | None = None
        for part in formula.parts:
            found = self.caused(part, change)
            if found is not None and found != NO_CAUSE:
                return found
            best = found if best is None else best
        return best

    def holds(self, formula: Formula) -> bool:
        """Say whether a formula is true."""
        return self.caused(formula, Change()) is not None

    # Events

    def begin(self) -> Change:
        """Return what is so from the first moment on."""
        change = Change()
        for leaf in self.compiled.fields:
            self._turn(leaf, self._field_holds(leaf), 0, change)
        self._look_at_clock(0, change)
        for gauge in self._timed.values():
            if gauge.measure != "hold_ms":
                # What is below its limit at the start is so, but nobody was waiting for it to come about.
                for leaf in gauge.crossed(None, 0)[0]:
                    self.true[leaf] = Fire(0, 0)
        for leaf, span in self.compiled.spans.items():
            asked = self.compiled.leaves[leaf]
            if isinstance(asked, spec.Missing) and len(span.formulas) == 1:
                self._wait(leaf, asked, Fire(0, 0))
        return self._spread_all(change)

    def hear(self, heard: Heard, found: Sequence[tuple[Sequence[int], Fire]]) -> Change:
        """Take an utterance and, in the order of its words, the leaves found in it with how."""
        change = Change(heard.end_ms)
        self.measures.hear(heard)
        for at, gauge in enumerate(self.compiled.gauges):
            value = self._value(gauge)
            # The utterance tipped it, but no words of it are the reason.
            self._move(gauge.crossed(self._levels[at], value), Fire(heard.end_ms, heard.end_ms), change)
            self._levels[at] = value
        if self.measures.last_end_ms > self._silent_since:
            self._reset("silence_ms", change)
            self._silent_since = self.measures.last_end_ms
        for leaf in sorted(self._by_turns):
            wait = self._waits.get(leaf)
            if wait is None or wait.due_turn is None:
                self._by_turns.discard(leaf)
            elif self.measures.turn > wait.due_turn:
                self._run_out(leaf, heard.start_ms, change)
        change = self._spread_all(change)
        for _place, together in groupby(found, key=lambda one: one[1].place):
            change.add(self.trigger(list(together), heard.end_ms))
        return change

    def trigger(self, found: Sequence[tuple[Sequence[int], Fire]], at_ms: int) -> Change:
        """Let leaves come about that stand at the same place, and what follows from them."""
        change = Change(at_ms)
        for leaves, fire in found:
            for leaf in leaves:
                asked = self.compiled.leaves[leaf]
                if not isinstance(asked, spec.MomentHeard | spec.WordsSaid):
                    continue
                if asked.speaker not in ("any", fire.speaker) or not self._counted(leaf, asked.nth):
                    continue
                self._rise(leaf, fire, change)
                if asked.for_ms is not None:
                    heappush(self._lapses, (fire.until_ms + asked.for_ms, leaf))
        return self._spread_all(change)

    def assume(self, leaves: Sequence[int], fire: Fire) -> dict[int, Fire]:
        """Return which of the leaves would rise, and change nothing: for words that are not final."""
        risen: dict[int, Fire] = {}
        for leaf in leaves:
            asked = self.compiled.leaves[leaf]
            if not isinstance(asked, spec.MomentHeard | spec.WordsSaid):
                continue
            if asked.speaker in ("any", fire.speaker) and asked.nth in (None, self._counts.get(leaf, 0) + 1):
                risen[leaf] = fire
        return risen

    def hold(self, on: bool, at_ms: int) -> Change:
        """Put the call on hold, or take it back."""
        change = Change(at_ms)
        if on and self.on_hold_since is None:
            self.on_hold_since = at_ms
            self._reset("silence_ms", change)
            self._move(self._gauge_crossed("hold_ms", None, 0), Fire(at_ms, at_ms), change)
            self._times["hold_ms"] = 0
        elif not on and self.on_hold_since is not None:
            self.on_hold_since = None
            self._silent_since = max(self._silent_since, at_ms)
            self._move(
                self._gauge_crossed("hold_ms", self._times["hold_ms"], None), Fire(at_ms, at_ms), change
            )
        return self._spread_all(change)

    def set_fields(self, fields: Mapping[str, spec.Value | None], at_ms: int) -> Change:
        """Take what is now known of the call."""
        self._fields = {name: value for name, value in fields.items() if value is not None}
        change = Change(at_ms)
        for leaf in self.compiled.fields:
            self._turn(leaf, self._field_holds(leaf), at_ms, change)
        return self._spread_all(change)

    def absence(self, occurrence: Occurrence) -> str:
        """Return how to say that a moment of the library did not come about in its time."""
        return form_of(occurrence, self.compiled.names).removeprefix("Because ")

    # Time

    def next_lapse(self) -> int | None:
        """Return when the next thing said stops being of account."""
        return self._lapses[0][0] if self._lapses else None

    def next_due(self) -> int | None:
        """Return the next moment at which time alone changes something."""
        dues = [heap[0][0] for heap in (self._lapses, self._dues) if heap]
        if self._clock_due is not None:
            dues.append(self._clock_due)
        for measure, gauge in self._timed.items():
            since = self._since(measure)
            limit = None if since is None else gauge.next_limit(self._times[measure])
            if since is not None and limit is not None:
                dues.append(since + ceil(limit))
        return min(dues, default=None)

    def lapse(self, now_ms: int) -> Change:
        """Drop what was of account until `now_ms` at the latest."""
        change = Change(now_ms)
        while self._lapses and self._lapses[0][0] <= now_ms:
            due_ms, leaf = heappop(self._lapses)
            fire, asked = self.true.get(leaf), self.compiled.leaves[leaf]
            lasts_ms = asked.for_ms if isinstance(asked, spec.MomentHeard | spec.WordsSaid) else None
            if fire is not None and lasts_ms is not None and fire.until_ms + lasts_ms <= due_ms:
                self._fall(leaf, change)
        return self._spread_all(change)

    def run(self, now_ms: int) -> Change:
        """Do what is due at `now_ms`, everything before it having been done."""
        change = self.lapse(now_ms)
        since_then = Change(now_ms)
        while self._dues and self._dues[0][0] <= now_ms:
            due_ms, leaf = heappop(self._dues)
            wait = self._waits.get(leaf)
            if wait is not None and wait.due_ms == due_ms:
                self._run_out(leaf, due_ms, since_then)
        if self._clock_due is not None and self._clock_due <= now_ms:
            self._look_at_clock(now_ms, since_then)
            self._clock_due = self._next_clock(now_ms)
        for measure in self._timed:
            since = self._since(measure)
            if since is not None and now_ms - since > self._times[measure]:
                crossed = self._gauge_crossed(measure, self._times[measure], now_ms - since)
                self._times[measure] = now_ms - since
                self._move(crossed, Fire(now_ms, now_ms), since_then)
        change.add(self._spread_all(since_then))
        return change

    def finish(self, now_ms: int) -> Change:
        """End the call: what was awaited until its end is missing; what still had time is dropped."""
        change = Change(now_ms)
        for leaf, wait in sorted(self._waits.items()):
            if wait.due_ms is None and wait.due_turn is None:
                self._run_out(leaf, max(now_ms, wait.cause.until_ms), change)
        self._waits.clear()
        return self._spread_all(change)

    # Leaves

    def _counted(self, leaf: int, nth: int | None) -> bool:
        if nth is None:
            return True
        count = self._counts[leaf] = self._counts.get(leaf, 0) + 1
        return count == nth

    def _rise(self, leaf: int, fire: Fire, change: Change) -> None:
        known = self.true.get(leaf)
        # Finals of two speakers may come in either order: what was said last decides how long it is so.
        self.true[leaf] = fire if known is None or fire.until_ms >= known.until_ms else known
        change.risen[leaf] = fire
        change.fallen.discard(leaf)

    def _fall(self, leaf: int, change: Change) -> None:
        if self.true.pop(leaf, None) is not None:
            change.fallen.add(leaf)
            change.risen.pop(leaf, None)

    def _turn(self, leaf: int, now_true: bool, at_ms: int, change: Change) -> None:
        if now_true and leaf not in self.true:
            self._rise(leaf, Fire(at_ms, at_ms), change)
        elif not now_true:
            self._fall(leaf, change)

    def _move(self, crossed: tuple[list[int], list[int]], fire: Fire, change: Change) -> None:
        for leaf in crossed[0]:
            self._rise(leaf, fire, change)
        for leaf in crossed[1]:
            self._fall(leaf, change)

    def _gauge_crossed(
        self, measure: str, old: float | None, new: float | None
    ) -> tuple[list[int], list[int]]:
        gauge = self._timed.get(measure)
        return ([], []) if gauge is None else gauge.crossed(old, new)

    def _reset(self, measure: str, change: Change) -> None:
        crossed = self._gauge_crossed(measure, self._times[measure], 0)
        for leaf in crossed[0]:
            # Below a limit again, because it began anew: nothing came about.
            self.true[leaf] = Fire(self._silent_since, self._silent_since)
        self._move(([], crossed[1]), Fire(0, 0), change)
        self._times[measure] = 0

    def _value(self, one: Gauge) -> float | None:
        if one.measure in self._unheard[0]:
            return None
        return self.measures.value(one.measure, one.over_ms, one.speaker)

    def _since(self, measure: str) -> int | None:
        if measure == "duration_ms":
            return 0
        if measure == "hold_ms":
            return self.on_hold_since
        return None if self.on_hold_since is not None else self._silent_since

    def _spread_all(self, change: Change) -> Change:
        """Carry a change on to the leaves that watch those it touched, from the lowest number to the highest."""
        todo = sorted({at for leaf in (*change.risen, *change.fallen) for at in self._watching(leaf)})
        while todo:
            leaf = heappop(todo)
            while todo and todo[0] == leaf:
                heappop(todo)
            try:
                touched = self._follow(leaf, change)
            except Exception as error:
                # One condition that fails must not take the others with it.
                if self.failed is None:
                    raise
                self.failed(f"leaf/{self.compiled.keys[leaf]}", error)
                continue
            if touched:
                for at in self._watching(leaf):
                    heappush(todo, at)
        return change

    def _watching(self, leaf: int) -> list[int]:
        return self.compiled.watchers[leaf].leaves

    def _follow(self, leaf: int, change: Change) -> bool:
        asked = self.compiled.leaves[leaf]
        formulas = self.compiled.spans[leaf].formulas
        if isinstance(asked, spec.InOrder):
            return self._in_order(leaf, asked, formulas, change)
        assert isinstance(asked, spec.Missing)
        before = leaf in self.true
        came = self._cause(formulas[0], change)
        if came is not None:
            known = self._last.get(leaf)
            if known is None or came.until_ms >= known.until_ms:
                self._last[leaf] = came
            wait = self._waits.get(leaf)
            if wait is not None and wait.answered_by(came):
                del self._waits[leaf]
            self._fall(leaf, change)
        began = self._cause(formulas[1], change) if len(formulas) > 1 else None
        if began is not None and leaf not in self._waits:
            self._wait(leaf, asked, began)
        return before and leaf not in self.true

    def _cause(self, formula: Formula, change: Change) -> Fire | None:
        leaf = self.caused(formula, change)
        if leaf is None or leaf == NO_CAUSE:
            return None
        return change.risen.get(leaf) or Fire(change.at_ms, change.at_ms)

    def _wait(self, leaf: int, asked: spec.Missing, cause: Fire) -> None:
        wait = waiting(cause, asked.within_ms, asked.within_turns, self.measures.turn)
        last = self._last.get(leaf)
        if last is not None and wait.answered_by(last):
            return
        if asked.after is not None:
            began = cause.clause or happened(asked.after, cause, self.compiled.names)
            wait.cause = Fire(
                cause.at_ms, cause.until_ms, cause.sequence, cause.speaker, cause.evidence, cause.place,
                cause.words, began,
            )  # fmt: skip
        self._waits[leaf] = wait
        if wait.due_ms is not None:
            heappush(self._dues, (wait.due_ms, leaf))
        if wait.due_turn is not None:
            self._by_turns.add(leaf)

    def _run_out(self, leaf: int, at_ms: int, change: Change) -> None:
        wait = self._waits.pop(leaf)
        asked = self.compiled.leaves[leaf]
        assert isinstance(asked, spec.Missing)
        cause = wait.cause
        clause = missed_clause(
            asked.expected, cause.clause, asked.within_ms, asked.within_turns, self.compiled.names
        )
        fire = Fire(
            at_ms, at_ms, cause.sequence, cause.speaker, cause.evidence, cause.place, cause.words, clause
        )
        self._rise(leaf, fire, change)

    def _in_order(
        self, leaf: int, asked: spec.InOrder, formulas: tuple[Formula, ...], change: Change
    ) -> bool:
        chain = self._chains.get(leaf) or [None] * (len(formulas) - 1)
        for at in range(len(formulas) - 1, -1, -1):
            came = self._cause(formulas[at], change)
            if came is None:
                continue
            if at == 0:
                chain[0] = came
                continue
            first = chain[at - 1]
            if first is None or (asked.within_ms and came.until_ms - first.at_ms > asked.within_ms):
                continue
            if at < len(chain):
                # Where it began stays with it; its place says how far it has come.
                chain[at] = first
                continue
            said = happened(asked.parts[-1], came, self.compiled.names)
            began = happened(asked.parts[0], first, self.compiled.names, quoted=False)
            evidence = (*came.evidence, *first.evidence)
            clause = f"{said}, after {began}"
            fire = Fire(
                came.at_ms,
                came.until_ms,
                came.sequence,
                came.speaker,
                evidence,
                came.place,
                came.words,
                clause,
            )
            self._chains.pop(leaf, None)
            self._rise(leaf, fire, change)
            return True
        if any(chain):
            self._chains[leaf] = chain
        return False

    def _field_holds(self, leaf: int) -> bool:
        asked = self.compiled.leaves[leaf]
        assert isinstance(asked, spec.FieldIs)
        return field_holds(asked, self._fields.get(asked.field))

    def _look_at_clock(self, at_ms: int, change: Change) -> None:
        for leaf in self.compiled.times:
            asked = self.compiled.leaves[leaf]
            assert isinstance(asked, spec.LocalTime)
            so = self._started is not None and time_holds(
                asked, self._started + timedelta(milliseconds=at_ms)
            )
            self._turn(leaf, so, at_ms, change)

    def _next_clock(self, at_ms: int) -> int | None:
        if not self.compiled.times or self._started is None:
            return None
        now = self._started + timedelta(milliseconds=at_ms)
        asked = [self.compiled.leaves[leaf] for leaf in self.compiled.times]
        then = next_change([one for one in asked if isinstance(one, spec.LocalTime)], now)
        return at_ms + -(-(then - now) // timedelta(milliseconds=1))

    # State

    def state(self) -> dict[str, Any]:
        """Return what a successor needs, for JSON, without words: bounded by the number of leaves."""
        keys = self.compiled.keys
        still = {*self.compiled.fields, *self.compiled.times}
        return {
            "true": {keys[leaf]: fire.data() for leaf, fire in self.true.items() if leaf not in still},
            "counts": {keys[leaf]: count for leaf, count in self._counts.items()},
            "waits": {keys[leaf]: wait.data() for leaf, wait in self._waits.items()},
            "last": by_fire((keys[leaf], fire) for leaf, fire in self._last.items()),
            "chains": {
                keys[leaf]: [None if one is None else one.data() for one in chain]
                for leaf, chain in self._chains.items()
            },
            "measures": self.measures.state(),
            "silent": self._silent_since,
            "hold": self.on_hold_since,
            "times": dict(self._times),
        }

    def restore(self, state: Mapping[str, Any], now_ms: int) -> None:
        """Go on where `state` was taken. What it says of leaves that no longer exist is dropped."""
        number = self.compiled.number_of

        def known(name: str) -> list[tuple[int, Any]]:
            return [(number[key], value) for key, value in state[name].items() if key in number]

        self.begin()
        still = {*self.compiled.fields, *self.compiled.times}
        self.true = {leaf: fire for leaf, fire in self.true.items() if leaf in still}
        self.true |= {leaf: Fire.read(value) for leaf, value in known("true") if leaf not in still}
        self._counts = dict(known("counts"))
        # A leaf that the predecessor did not have begins to wait with its first cause, not in retrospect.
        self._waits = {leaf: Wait.read(value) for leaf, value in known("waits")}
        self._by_turns = set(self._waits)
        self._last = {number[key]: fire for key, fire in fires_read(state["last"]) if key in number}
        self._chains = {
            leaf: [None if one is None else Fire.read(one) for one in chain]
            for leaf, chain in known("chains")
            if len(chain) == len(self.compiled.spans[leaf].formulas) - 1
        }
        self.measures.restore(state["measures"])
        self._silent_since, self.on_hold_since = state["silent"], state["hold"]
        self._times |= state["times"]
        self._levels = [self._value(gauge) for gauge in self.compiled.gauges]
        self._lapses = []
        for leaf, fire in self.true.items():
            asked = self.compiled.leaves[leaf]
            if isinstance(asked, spec.MomentHeard | spec.WordsSaid) and asked.for_ms is not None:
                self._lapses.append((fire.until_ms + asked.for_ms, leaf))
        self._dues = [(wait.due_ms, leaf) for leaf, wait in self._waits.items() if wait.due_ms is not None]
        heapify(self._lapses)
        heapify(self._dues)
        self._look_at_clock(now_ms, Change())
        self._clock_due = self._next_clock(now_ms)
