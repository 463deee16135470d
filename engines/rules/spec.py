"""The policy language as data: what a published policy says, and nothing of how it is run.

A policy is JSON (`FORMAT` names the version; `schema.py` publishes its schema); `reading.py` turns it into these
frozen classes and back. Times are milliseconds of call time. Conditions compare by value, so that two rules which
ask for the same thing share the work.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

FORMAT = 1

SPEAKERS = ("customer", "agent", "any")
MEASURES = (
    "talk_share",
    "silence_ms",
    "overtalk_ms",
    "words_per_minute",
    "hold_ms",
    "sentiment",
    "sentiment_change",
    "duration_ms",
    "turns",
)
# Which measures belong to one speaker, and which can be taken over a stretch of the call.
OF_A_SPEAKER = frozenset({"talk_share", "words_per_minute"})
OVER_A_WINDOW = frozenset({"talk_share", "overtalk_ms", "words_per_minute", "sentiment", "sentiment_change"})
# What is measured of voices and lines, and the channels in which there are none: there it is neither so nor not so.
OF_SOUND = frozenset({"talk_share", "silence_ms", "overtalk_ms", "words_per_minute", "hold_ms"})
WRITTEN = frozenset({"chat", "email"})
# The code of a language, with or without its region, in whatever case.
LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}")
FIELDS = ("queue", "channel", "language", "product", "customer.segment")
CHANNELS = ("voice", "chat", "email")
METADATA = "metadata."
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
LABELS = ("Say", "Do", "Know")
SEVERITIES = ("warn", "bad")
DOES = (
    "hint",
    "line",
    "check",
    "step",
    "knowledge",
    "prefill",
    "tag",
    "disposition",
    "alert",
    "webhook",
    "praise",
)

Speaker = Literal["customer", "agent", "any"]
Value = str | int | float | bool


@dataclass(frozen=True, slots=True)
class Complaint:
    """What is wrong with a policy, for who wrote it. `where` is a path into the document: `rules[2].when`."""

    where: str
    sentence: str
    kind: Literal["error", "warning"] = "error"


class PolicyError(ValueError):
    """A document cannot be understood as a policy. `complaints` say where and why."""

    def __init__(self, complaints: list[Complaint]) -> None:
        self.complaints = complaints
        super().__init__("; ".join(f"{one.where or 'policy'}: {one.sentence}" for one in complaints))


@dataclass(frozen=True, slots=True)
class MomentHeard:
    """A moment of the library came up. True for `for_ms` after it (None: for the rest of the call).

    With `nth` only the N-th time counts.
    """

    key: str
    speaker: Speaker = "any"
    nth: int | None = None
    for_ms: int | None = None


@dataclass(frozen=True, slots=True)
class WordsSaid:
    """One of `phrases`, or the regular expression `pattern`, was said. `even_denied` takes "not cancel", too."""

    phrases: tuple[str, ...] = ()
    pattern: str | None = None
    speaker: Speaker = "any"
    even_denied: bool = False
    nth: int | None = None
    for_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Missing:
    """`expected` was not said after `after` (None: the start of the call) within the time or the turns given.

    Without either: until the call ended. True from then on until it is said after all.
    """

    expected: Condition
    after: Condition | None = None
    within_ms: int | None = None
    within_turns: int | None = None


@dataclass(frozen=True, slots=True)
class InOrder:
    """The parts came about one after the other, from the first to the last in at most `within_ms`."""

    parts: tuple[Condition, ...]
    within_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Measured:
    """A measure is above or below a limit (one of the two is set), over the last `over_ms` or the whole call.

    What they mean and their units: `measures.py`.
    """

    measure: str
    above: float | None = None
    below: float | None = None
    over_ms: int | None = None
    speaker: Literal["customer", "agent"] | None = None


@dataclass(frozen=True, slots=True)
class FieldIs:
    """What is known of the call besides its words. Exactly one of the tests is set. Text ignores case."""

    field: str
    one_of: tuple[Value, ...] | None = None
    none_of: tuple[Value, ...] | None = None
    above: float | None = None
    below: float | None = None
    present: bool | None = None


@dataclass(frozen=True, slots=True)
class LocalTime:
    """The company's local time. `begins` and `ends` are "HH:MM"; from 22:00 until 06:00 goes over midnight."""

    days: tuple[str, ...] = ()
    begins: str | None = None
    ends: str | None = None


@dataclass(frozen=True, slots=True)
class AllOf:
    """Every part is true."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one part is true."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The part is not true."""

    part: Condition


Leaf = MomentHeard | WordsSaid | Missing | InOrder | Measured | FieldIs | LocalTime
Condition = Leaf | AllOf | AnyOf | Not


@dataclass(frozen=True, slots=True)
class Action:
    """What a rule does. `do` says which of the other fields count (`ACTION_FIELDS`); the rest stay empty."""

    do: str
    title: str = ""
    say: str = ""
    label: str = "Say"
    missed: bool = False
    playbook: str = ""
    step: str = ""
    query: str = ""
    field: str = ""
    value: Value = ""
    tag: str = ""
    severity: str = "warn"
    note: str = ""


# The fields of each action: those that must be there, then those that may.
ACTION_FIELDS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "hint": (("title",), ("label", "say")),
    "line": (("title", "say"), ()),
    "check": (("title",), ("missed",)),
    "step": (("playbook", "step"), ()),
    "knowledge": (("query",), ("title",)),
    "prefill": (("field", "value"), ()),
    "tag": (("tag",), ()),
    "disposition": (("value",), ()),
    "alert": (("title",), ("severity",)),
    "webhook": ((), ("note",)),
    "praise": (("title",), ()),
}
# What stands on the agent's screen until it expires or is withdrawn.
SHOWN = frozenset({"hint", "line", "knowledge", "prefill", "praise"})


@dataclass(frozen=True, slots=True)
class Rule:
    """When something is so, do something, within limits.

    `priority` (0 to 100) orders what one event sets off. After acting the rule rests for `cooldown_ms`; `once` and
    `most` count per call. What it shows stays for `expires_ms` (0: until withdrawn) or until `withdraw_when`. With
    `quiet` it waits until the customer has finished speaking; with `on_partials` it may show something on words not
    yet final, which the final then confirms or takes back. `position` orders the checklist. An agent may mute what
    is `optional`.
    """

    id: str
    name: str
    when: Condition
    then: tuple[Action, ...]
    priority: int = 50
    cooldown_ms: int = 60_000
    once: bool = False
    most: int | None = None
    expires_ms: int = 120_000
    withdraw_when: Condition | None = None
    quiet: bool = False
    on_partials: bool = False
    position: int = 0
    optional: bool = True


@dataclass(frozen=True, slots=True)
class Behaviour:
    """In a situation, something is expected within a time: done (praise) or missed (a hint). `weight` scores it."""

    id: str
    name: str
    situation: Condition
    expected: Condition
    within_ms: int | None = None
    within_turns: int | None = None
    praise: str | None = None
    missed: Action | None = None
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Next:
    """A way from one step to another. Without `when` it is taken as soon as the step is done."""

    to: str
    when: Condition | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a playbook; without `next` the playbook ends with it."""

    id: str
    title: str
    say: str = ""
    done: Condition | None = None
    next: tuple[Next, ...] = ()


@dataclass(frozen=True, slots=True)
class Playbook:
    """Steps that follow the talk. It begins at its first step when `start` comes about, or by hand."""

    id: str
    name: str
    steps: tuple[Step, ...]
    start: Condition | None = None


@dataclass(frozen=True, slots=True)
class Policy:
    """A whole document."""

    rules: tuple[Rule, ...] = ()
    behaviours: tuple[Behaviour, ...] = ()
    playbooks: tuple[Playbook, ...] = ()


def parts_of(condition: Condition) -> tuple[Condition, ...]:
    """Return the conditions directly inside a condition."""
    if isinstance(condition, AllOf | AnyOf | InOrder):
        return condition.parts
    if isinstance(condition, Not):
        return (condition.part,)
    if isinstance(condition, Missing):
        return (condition.expected,) if condition.after is None else (condition.expected, condition.after)
    return ()


def conditions_of(policy: Policy) -> list[tuple[str, Condition]]:
    """Return every outermost condition with its path in the document."""
    found: list[tuple[str, Condition | None]] = []
    for at, rule in enumerate(policy.rules):
        found += [(f"rules[{at}].when", rule.when), (f"rules[{at}].withdraw_when", rule.withdraw_when)]
    for at, behaviour in enumerate(policy.behaviours):
        found.append((f"behaviours[{at}].situation", behaviour.situation))
        found.append((f"behaviours[{at}].expected", behaviour.expected))
    for at, playbook in enumerate(policy.playbooks):
        found.append((f"playbooks[{at}].start", playbook.start))
        for number, step in enumerate(playbook.steps):
            path = f"playbooks[{at}].steps[{number}]"
            found.append((f"{path}.done", step.done))
            found += [(f"{path}.next[{way}].when", one.when) for way, one in enumerate(step.next)]
    return [(path, condition) for path, condition in found if condition is not None]


def moment_keys(policy: Policy) -> frozenset[str]:
    """Return the keys of the library's moments that a policy asks for."""
    keys: set[str] = set()
    todo = [condition for _path, condition in conditions_of(policy)]
    while todo:
        condition = todo.pop()
        todo += parts_of(condition)
        if isinstance(condition, MomentHeard):
            keys.add(condition.key)
    return frozenset(keys)
