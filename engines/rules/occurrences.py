"""What a moment is, what is heard, and a moment that came about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from engines.rules.names import Named
from engines.rules.spec import Value

START = "start"


@dataclass(frozen=True, slots=True)
class MomentSpec:
    """One definition.

    `kind` decides which fields count: "phrase" uses `phrases` (the written form is in `phrases.py`),
    "pattern" uses `pattern` (a regular expression, case ignored, on the redacted text as written), "entity"
    uses `entity` (a name in `entities.ENTITIES`, or one in `entities.LISTED` with the `names` of its list), "absence"
    uses `expected` and `after` (keys of spoken moments, or `after="start"` for the start of the call) and `within_ms`
    (None: until the call ends), "intent" uses `task` and `intent`: it is told by a classifier outside, whose
    occurrences come with `MomentEngine.hear`; so is "examples". "question" uses `question`, which a model answers
    out of line: what it tells comes with `MomentEngine.told`, once a conversation. "sentiment" uses `mood` (below or
    above a level; falling or rising by so much), `limit` and `turns` (over how many of the customer's utterances),
    "metadata" a test of a `field` of the call with `values` or `limit`: see `standing.py`.
    `speaker` is who must say it; an absence and a field ignore it. `reject_negated` drops what is denied ("i'm not
    going to cancel"). `least_score`: how sure a classifier or a model must be.
    """

    key: str
    name: str
    revision_id: str
    kind: Literal[
        "phrase", "pattern", "entity", "absence", "intent", "examples", "question", "sentiment", "metadata"
    ]
    speaker: Literal["agent", "customer", "any"] = "any"
    phrases: tuple[str, ...] = ()
    pattern: str | None = None
    reject_negated: bool = True
    expected: str | None = None
    after: str = START
    within_ms: int | None = None
    entity: str = ""
    names: tuple[Named, ...] = ()
    task: str = ""
    intent: str = ""
    least_score: float | None = None
    question: str = ""
    mood: str = ""
    turns: int = 1
    limit: float | None = None
    field: str = ""
    test: str = ""
    values: tuple[Value, ...] = ()


@dataclass(frozen=True, slots=True)
class Heard:
    """One final utterance, redacted. Times are call time; `sequence` grows along the conversation."""

    sequence: int
    speaker: str
    start_ms: int
    end_ms: int
    text: str


@dataclass(frozen=True, slots=True)
class Occurrence:
    """A moment that came about.

    Said: `at_ms` and `until_ms` are the utterance's start and end, `spans` half-open character offsets in
    its text. Absent: `sequence` is None, `spans` is empty, `at_ms` is when time ran out, `searched` the
    stretch of call time in which `expected` was not said. A field of the call: `sequence` and `searched` are None.
    `score`: of an intent and a question how sure the classifier or the model was, 0..1; of examples how near the
    nearest was; of a mood its level or change. `entity`: what kind of thing was named, and of a listed kind `names`:
    which, as the list has them.
    """

    key: str
    revision_id: str
    at_ms: int
    sequence: int | None
    speaker: str
    spans: tuple[tuple[int, int], ...]
    searched: tuple[int, int] | None = None
    expected: str | None = None
    until_ms: int = 0
    score: float | None = None
    entity: str = ""
    names: tuple[str, ...] = ()
