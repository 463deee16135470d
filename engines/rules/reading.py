"""From JSON to a policy and back.

Everything that is wrong with the form of a document is collected, each with its path and a sentence that says what to
change; whether a policy makes sense is another question, for `check.py`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from engines.rules import spec
from engines.rules.spec import (
    Action,
    Behaviour,
    Complaint,
    Condition,
    Next,
    Playbook,
    Policy,
    Rule,
    Step,
    Value,
)

MAX_MS = 24 * 3_600_000
MAX_NUMBER = 10**15
MAX_WINDOW_MS = 600_000
MAX_DEPTH = 8
MAX_PARTS = 50
MAX_RULE_BYTES = 64_000
MAX_RULES = 2_000
MAX_ACTIONS = 10
MAX_STEPS = 100
MAX_TEXT = 500
MAX_SAY = 600
MAX_TITLE = 90
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,79}")
_CLOCK = re.compile(r"(?:[01]\d|2[0-3]):[0-5]\d|24:00")
KINDS = (
    "heard",
    "phrases",
    "pattern",
    "missing",
    "sequence",
    "measure",
    "field",
    "time",
    "all",
    "any",
    "not",
)


def _given(data: Mapping[str, Any], name: str) -> Any:
    """Return a list that may be left out."""
    return [] if data.get(name) is None else data[name]


def _writable(text: str) -> str:
    return text.replace("\x00", "").encode("utf-8", "replace").decode()


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and value == _writable(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= MAX_NUMBER


class _Reader:
    """Reads values out of parsed JSON and notes what is wrong with them. A wrong value reads as its default."""

    def __init__(self) -> None:
        self.complaints: list[Complaint] = []

    def wrong(self, where: str, sentence: str) -> None:
        # What was sent may hold what cannot be written.
        self.complaints.append(Complaint(_writable(where), _writable(sentence)))

    def table(self, value: Any, where: str, known: Sequence[str]) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            self.wrong(where, "Here belongs an object with named values.")
            return {}
        for name in value:
            if name not in known:
                self.wrong(where, f"“{str(name)[:40]}” is not known here: choose from {', '.join(known)}.")
        return {str(name): one for name, one in value.items()}

    def items(self, value: Any, where: str, most: int, least: int = 0) -> list[Any]:
        if not isinstance(value, list | tuple):
            self.wrong(where, "Here belongs a list.")
            return []
        if len(value) < least:
            self.wrong(
                where, "The list is empty." if least == 1 else f"The list needs at least {least} entries."
            )
        if len(value) > most:
            self.wrong(where, f"The list has more than {most} entries: split it.")
            return []
        return list(value)

    def text(
        self, data: Mapping[str, Any], name: str, where: str, *, most: int = MAX_TEXT, needed: bool = False
    ) -> str:
        value = data.get(name)
        if value is None or (isinstance(value, str) and not value.strip()):
            if needed:
                self.wrong(f"{where}.{name}", f"“{name}” is missing.")
            return ""
        if not isinstance(value, str):
            self.wrong(f"{where}.{name}", f"“{name}” must be text.")
            return ""
        if len(value) > most:
            self.wrong(f"{where}.{name}", f"“{name}” is longer than {most} characters.")
            return ""
        if value != _writable(value):
            self.wrong(f"{where}.{name}", f"“{name}” has characters that cannot be kept: write it anew.")
            return ""
        return value

    def ident(self, data: Mapping[str, Any], name: str, where: str) -> str:
        value = self.text(data, name, where, most=80, needed=True)
        if value and not _ID.fullmatch(value):
            self.wrong(f"{where}.{name}", f"“{name}” takes letters, digits and . _ : - only.")
        return value

    def choice(
        self, data: Mapping[str, Any], name: str, where: str, known: Sequence[str], default: Any
    ) -> Any:
        value = data.get(name)
        if value is None:
            return default
        if value not in known:
            self.wrong(
                f"{where}.{name}", f"“{str(value)[:40]}” is no {name}: choose from {', '.join(known)}."
            )
            return default
        return value

    def flag(self, data: Mapping[str, Any], name: str, where: str, default: bool) -> bool:
        value = data.get(name, default)
        if not isinstance(value, bool):
            self.wrong(f"{where}.{name}", f"“{name}” is either true or false.")
            return default
        return value

    def whole(
        self,
        data: Mapping[str, Any],
        name: str,
        where: str,
        default: Any = None,
        least: int = 1,
        most: int = MAX_MS,
    ) -> Any:
        value = data.get(name)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            unit = " (milliseconds)" if name.endswith("_ms") else ""
            self.wrong(f"{where}.{name}", f"“{name}” must be a whole number from {least} to {most}{unit}.")
            return default
        return value

    def number(self, data: Mapping[str, Any], name: str, where: str, default: float | None = None) -> Any:
        value = data.get(name)
        if value is None:
            return default
        if not _is_number(value):
            self.wrong(f"{where}.{name}", f"“{name}” must be a number.")
            return default
        return value

    def values(self, data: Mapping[str, Any], name: str, where: str) -> tuple[Value, ...] | None:
        value = data.get(name)
        if value is None:
            return None
        listed = self.items(value if isinstance(value, list | tuple) else [value], f"{where}.{name}", 200, 1)
        if not all(isinstance(one, bool) or _is_text(one) or _is_number(one) for one in listed):
            self.wrong(f"{where}.{name}", f"“{name}” takes texts, numbers, true and false.")
            return None
        return tuple(listed)

    # Conditions

    def condition(self, value: Any, where: str, depth: int = 1) -> Condition:
        nothing = spec.AnyOf(())
        if depth > MAX_DEPTH:
            self.wrong(where, f"The condition is nested deeper than {MAX_DEPTH} levels: make it flatter.")
            return nothing
        if not isinstance(value, Mapping):
            self.wrong(where, 'Here belongs a condition: an object such as {"heard": "cancel_threat"}.')
            return nothing
        kinds = [kind for kind in KINDS if kind in value]
        if len(kinds) != 1:
            self.wrong(
                where,
                f"A condition has exactly one of {', '.join(KINDS)}; this one has "
                f"{' and '.join(kinds) if kinds else 'none'}.",
            )
            return nothing
        reads: dict[str, Callable[[Mapping[str, Any], str, int], Condition]] = {
            "heard": self._said,
            "phrases": self._said,
            "pattern": self._said,
            "missing": self._missing,
            "sequence": self._in_order,
            "measure": self._measured,
            "field": self._field,
            "time": self._time,
            "all": self._group,
            "any": self._group,
            "not": self._group,
        }
        return reads[kinds[0]](value, where, depth)

    def _optional(self, data: Mapping[str, Any], name: str, where: str, depth: int = 0) -> Condition | None:
        value = data.get(name)
        return None if value is None else self.condition(value, f"{where}.{name}", depth + 1)

    def _said(self, value: Mapping[str, Any], where: str, _depth: int) -> Condition:
        kind = next(kind for kind in ("heard", "phrases", "pattern") if kind in value)
        options = ("speaker", "nth", "for_ms") + (() if kind == "heard" else ("even_denied",))
        data = self.table(value, where, (kind, *options))
        speaker = self.choice(data, "speaker", where, spec.SPEAKERS, "any")
        nth = self.whole(data, "nth", where, most=1_000)
        for_ms = self.whole(data, "for_ms", where)
        if kind == "heard":
            return spec.MomentHeard(self.ident(data, "heard", where), speaker, nth, for_ms)
        denied = self.flag(data, "even_denied", where, False)
        if kind == "pattern":
            pattern = self.text(data, "pattern", where, needed=True) or None
            return spec.WordsSaid((), pattern, speaker, denied, nth, for_ms)
        phrases = self.items(data["phrases"], f"{where}.phrases", 200, 1)
        if not all(map(_is_text, phrases)):
            self.wrong(f"{where}.phrases", "Each phrase must be text, of characters that can be kept.")
            phrases = []
        return spec.WordsSaid(tuple(phrases), None, speaker, denied, nth, for_ms)

    def _missing(self, value: Mapping[str, Any], where: str, depth: int) -> Condition:
        data = self.table(value, where, ("missing", "after", "within_ms", "within_turns"))
        expected = self.condition(data["missing"], f"{where}.missing", depth + 1)
        if not said_alone(expected):
            self.wrong(
                f"{where}.missing", "What is missing must be words or a moment, or any of several such."
            )
        after = None
        if data.get("after") not in (None, "start"):
            after = self.condition(data["after"], f"{where}.after", depth + 1)
        within_ms, turns = self._within(data, where)
        return spec.Missing(expected, after, within_ms, turns)

    def _within(self, data: Mapping[str, Any], where: str) -> tuple[int | None, int | None]:
        within_ms = self.whole(data, "within_ms", where)
        turns = self.whole(data, "within_turns", where, most=200)
        if within_ms is not None and turns is not None:
            self.wrong(where, "Give either within_ms or within_turns, not both.")
        return within_ms, turns

    def _in_order(self, value: Mapping[str, Any], where: str, depth: int) -> Condition:
        data = self.table(value, where, ("sequence", "within_ms"))
        path = f"{where}.sequence"
        parts = [
            self.condition(one, f"{path}[{at}]", depth + 1)
            for at, one in enumerate(self.items(data["sequence"], path, 10, 2))
        ]
        for at, part in enumerate(parts):
            if not said_alone(part):
                self.wrong(
                    f"{path}[{at}]", "A part of a sequence must be words or a moment, or any of several such."
                )
        return spec.InOrder(tuple(parts), self.whole(data, "within_ms", where))

    def _measured(self, value: Mapping[str, Any], where: str, _depth: int) -> Condition:
        data = self.table(value, where, ("measure", "above", "below", "over_ms", "speaker"))
        measure = self.choice(data, "measure", where, spec.MEASURES, "duration_ms")
        above, below = self.number(data, "above", where), self.number(data, "below", where)
        if (above is None) == (below is None):
            self.wrong(where, "A measure needs either “above” or “below”.")
        over_ms = self.whole(data, "over_ms", where, least=1_000, most=MAX_WINDOW_MS)
        if over_ms is not None and measure not in spec.OVER_A_WINDOW:
            self.wrong(
                f"{where}.over_ms", f"{measure} is not taken over a stretch of time: leave over_ms out."
            )
        if over_ms is None and measure == "sentiment_change":
            self.wrong(where, "sentiment_change compares the last over_ms with what was before: say over_ms.")
        speaker = self.choice(data, "speaker", where, ("customer", "agent"), None)
        if measure in spec.OF_A_SPEAKER:
            speaker = speaker or "agent"
        elif speaker is not None:
            self.wrong(f"{where}.speaker", f"{measure} belongs to no one speaker: leave speaker out.")
        return spec.Measured(measure, above, below, over_ms, speaker)

    def _field(self, value: Mapping[str, Any], where: str, _depth: int) -> Condition:
        tests = ("is", "is_not", "above", "below", "present")
        data = self.table(value, where, ("field", *tests))
        field = self.text(data, "field", where, most=120, needed=True)
        if sum(data.get(test) is not None for test in tests) != 1:
            self.wrong(where, f"A field needs exactly one of {', '.join(tests)}.")
        present = None if data.get("present") is None else self.flag(data, "present", where, True)
        return spec.FieldIs(
            field,
            self.values(data, "is", where),
            self.values(data, "is_not", where),
            self.number(data, "above", where),
            self.number(data, "below", where),
            present,
        )

    def _time(self, value: Mapping[str, Any], where: str, _depth: int) -> Condition:
        self.table(value, where, ("time",))
        path = f"{where}.time"
        data = self.table(value["time"], path, ("days", "from", "until"))
        days = self.items(_given(data, "days"), f"{path}.days", 7)
        if wrong := [day for day in days if day not in spec.DAYS]:
            self.wrong(
                f"{path}.days", f"“{str(wrong[0])[:20]}” is no day: choose from {', '.join(spec.DAYS)}."
            )
            days = []
        begins, ends = (self.text(data, name, path, most=5) or None for name in ("from", "until"))
        for name, clock in (("from", begins), ("until", ends)):
            if clock is not None and not _CLOCK.fullmatch(clock):
                self.wrong(f"{path}.{name}", f"“{clock}” is no time of day: write 08:00.")
        if not days and begins is None and ends is None:
            self.wrong(path, "Say days, from or until.")
        return spec.LocalTime(tuple(day for day in spec.DAYS if day in days), begins, ends)

    def _group(self, value: Mapping[str, Any], where: str, depth: int) -> Condition:
        kind = next(kind for kind in ("all", "any", "not") if kind in value)
        data = self.table(value, where, (kind,))
        path = f"{where}.{kind}"
        if kind == "not":
            return spec.Not(self.condition(data["not"], path, depth + 1))
        parts = tuple(
            self.condition(one, f"{path}[{at}]", depth + 1)
            for at, one in enumerate(self.items(data[kind], path, MAX_PARTS, 1))
        )
        return spec.AllOf(parts) if kind == "all" else spec.AnyOf(parts)

    # What follows from conditions

    def action(self, value: Any, where: str) -> Action:
        do = value.get("do") if isinstance(value, Mapping) else None
        if not isinstance(do, str) or do not in spec.DOES:
            self.wrong(where, f"An action needs “do”, one of {', '.join(spec.DOES)}.")
            return Action("tag")
        needed, allowed = spec.ACTION_FIELDS[do]
        data = self.table(value, where, ("do", *needed, *allowed))
        read: dict[str, Any] = {}
        for name in (*needed, *allowed):
            must = name in needed
            if name == "missed":
                read[name] = self.flag(data, name, where, False)
            elif name == "label":
                read[name] = self.choice(data, name, where, spec.LABELS, "Say")
            elif name == "severity":
                read[name] = self.choice(data, name, where, spec.SEVERITIES, "warn")
            elif name == "value" and (isinstance(data.get(name), bool) or _is_number(data.get(name))):
                read[name] = data[name]
            else:
                most = {"title": MAX_TITLE, "say": MAX_SAY}.get(name, MAX_TEXT)
                read[name] = self.text(data, name, where, most=most, needed=must)
        return Action(do, **read)

    def rule(self, value: Any, where: str) -> Rule:
        data = self.table(value, where, RULE_FIELDS)
        if data and self._size(data) > MAX_RULE_BYTES:
            self.wrong(
                where, f"The rule is larger than {MAX_RULE_BYTES // 1000} kB: split it into several rules."
            )
            data = {
                name: one for name, one in data.items() if name in {"id", "name"} and len(str(one)) <= 200
            }
            data |= {"when": {"time": {"days": ["mon"]}}, "then": [{"do": "tag", "tag": "-"}]}
        then = self.items(data.get("then", []), f"{where}.then", MAX_ACTIONS, 1)
        return Rule(
            id=self.ident(data, "id", where),
            name=self.text(data, "name", where, most=200, needed=True),
            when=self.condition(data.get("when"), f"{where}.when"),
            then=tuple(self.action(one, f"{where}.then[{at}]") for at, one in enumerate(then)),
            priority=self.whole(data, "priority", where, 50, 0, 100),
            cooldown_ms=self.whole(data, "cooldown_ms", where, 60_000, 0),
            once=self.flag(data, "once", where, False),
            most=self.whole(data, "most", where, None, 1, 1_000),
            expires_ms=self.whole(data, "expires_ms", where, 120_000, 0),
            withdraw_when=self._optional(data, "withdraw_when", where),
            quiet=self.flag(data, "quiet", where, False),
            on_partials=self.flag(data, "on_partials", where, False),
            position=self.whole(data, "position", where, 0, 0, 10_000),
            optional=self.flag(data, "optional", where, True),
        )

    @staticmethod
    def _size(data: Mapping[str, Any]) -> int:
        try:
            return len(json.dumps(data, default=str))
        except RecursionError:
            return MAX_RULE_BYTES + 1

    def behaviour(self, value: Any, where: str) -> Behaviour:
        data = self.table(value, where, BEHAVIOUR_FIELDS)
        missed = None if data.get("missed") is None else self.action(data["missed"], f"{where}.missed")
        if missed is not None and missed.do != "hint":
            self.wrong(f"{where}.missed", "What is shown for a missed behaviour is a hint.")
        within_ms, turns = self._within(data, where)
        weight = self.number(data, "weight", where, 1.0)
        if not 0 <= weight <= 100:
            self.wrong(f"{where}.weight", "“weight” must be from 0 to 100.")
        expected = self.condition(data.get("expected"), f"{where}.expected")
        if not said_alone(expected):
            self.wrong(
                f"{where}.expected", "What is expected must be words or a moment, or any of several such."
            )
        return Behaviour(
            id=self.ident(data, "id", where),
            name=self.text(data, "name", where, most=200, needed=True),
            situation=self.condition(data.get("situation"), f"{where}.situation"),
            expected=expected,
            within_ms=within_ms,
            within_turns=turns,
            praise=self.text(data, "praise", where, most=MAX_TITLE) or None,
            missed=missed,
            weight=float(weight),
        )

    def playbook(self, value: Any, where: str) -> Playbook:
        data = self.table(value, where, ("id", "name", "start", "steps"))
        steps = self.items(data.get("steps", []), f"{where}.steps", MAX_STEPS, 1)
        return Playbook(
            id=self.ident(data, "id", where),
            name=self.text(data, "name", where, most=200, needed=True),
            steps=tuple(self.step(one, f"{where}.steps[{at}]") for at, one in enumerate(steps)),
            start=self._optional(data, "start", where),
        )

    def step(self, value: Any, where: str) -> Step:
        data = self.table(value, where, ("id", "title", "say", "done", "next"))
        ways = []
        for at, one in enumerate(self.items(_given(data, "next"), f"{where}.next", 20)):
            path = f"{where}.next[{at}]"
            way = self.table(one, path, ("when", "to"))
            ways.append(Next(self.ident(way, "to", path), self._optional(way, "when", path)))
        return Step(
            id=self.ident(data, "id", where),
            title=self.text(data, "title", where, most=MAX_TITLE, needed=True),
            say=self.text(data, "say", where, most=MAX_SAY),
            done=self._optional(data, "done", where),
            next=tuple(ways),
        )


RULE_FIELDS = (
    "id", "name", "when", "then", "priority", "cooldown_ms", "once", "most", "expires_ms", "withdraw_when",
    "quiet", "on_partials", "position", "optional",
)  # fmt: skip
BEHAVIOUR_FIELDS = (
    "id", "name", "situation", "expected", "within_ms", "within_turns", "praise", "missed", "weight",
)  # fmt: skip


def said_alone(condition: Condition) -> bool:
    """Say whether a condition is only about what is said: words, a moment, or any of several such."""
    if isinstance(condition, spec.AnyOf):
        return all(map(said_alone, condition.parts))
    return isinstance(condition, spec.MomentHeard | spec.WordsSaid)


def parse_policy(data: Any) -> Policy:
    """Read a document. Raises `PolicyError` with everything that is wrong with its form."""
    policy, complaints = read_policy(data)
    if complaints:
        raise spec.PolicyError(complaints)
    return policy


def read_policy(data: Any) -> tuple[Policy, list[Complaint]]:
    """Read a document as far as it can be understood, with what is wrong with its form."""
    reader = _Reader()
    table = reader.table(data, "", ("format", "rules", "behaviours", "playbooks"))
    if table.get("format") != spec.FORMAT:
        reader.wrong("format", f"“format” must be {spec.FORMAT}: the version of the policy language.")
    rules = reader.items(_given(table, "rules"), "rules", MAX_RULES)
    behaviours = reader.items(_given(table, "behaviours"), "behaviours", 500)
    playbooks = reader.items(_given(table, "playbooks"), "playbooks", 100)
    policy = Policy(
        tuple(reader.rule(one, f"rules[{at}]") for at, one in enumerate(rules)),
        tuple(reader.behaviour(one, f"behaviours[{at}]") for at, one in enumerate(behaviours)),
        tuple(reader.playbook(one, f"playbooks[{at}]") for at, one in enumerate(playbooks)),
    )
    return policy, reader.complaints
