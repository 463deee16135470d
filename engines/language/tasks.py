"""What a task of a language model is: its prompt, what comes out, how long it may take, and what is done without one.

Code names tasks, never models. A task is declared once (`registry` lists them); who does it, in which order, with which
revision of its prompt and at what price is a company's own setting. Into a prompt goes nothing but redacted text,
numbers, and words of ours: a plain `str` is refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Generic, Protocol, TypeVar

from pydantic import BaseModel

from engines.language.fencing import Fence
from engines.redaction.actions import render
from engines.redaction.text import RedactedText

T = TypeVar("T")

MODEL = "model"
"""The way of an outcome that a model gave; any other is the name of a task's own way without one."""

NO_MODEL, OVER_BUDGET = "no_model", "over_budget"
"""Why nobody was asked: none is set, or what may be spent in this month is spent. Other faults are `Fault`'s."""

PLACE = re.compile(r"\{\{(\w+)\}\}")
# The number of the fence, which each request draws anew.
BOUNDARY = "boundary"


class Ours(str):
    """Words of ours, or of a company's settings: of no conversation, so that there is nothing in them to redact."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Part:
    """One of several texts of a variable, under a name of ours: "passage 2"."""

    name: str
    text: RedactedText


Value = RedactedText | Ours | int | float | tuple[Part, ...]


class Splitter(Protocol):
    """Cuts what a model writes into the parts that are shown as they come."""

    def take(self, piece: str) -> list[Any]:
        """The parts that are whole by now."""

    def rest(self) -> list[Any]:
        """What is left at the end, if that is whole."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """What a model is told (`system`) and given (`user`). `{{name}}` is the place of a variable.

    `revision` is 0 for the one in code. `{{boundary}}` is the number of this request's fences.
    """

    system: str
    user: str
    revision: int = 0

    @property
    def names(self) -> frozenset[str]:
        """The variables that it has a place for."""
        return frozenset(PLACE.findall(self.system + self.user)) - {BOUNDARY}


@dataclass(frozen=True, slots=True)
class Tool:
    """What a model may ask for while it answers. What it gets back is redacted text, like all that it is given."""

    name: str
    description: str
    arguments: type[BaseModel]


@dataclass(frozen=True)
class Task(Generic[T]):
    """A task. `name` is in rows and settings for ever; `label` and `without` are shown to people.

    - `without`: the name of its own deterministic way, which goes on where no model answers.
    - `form`: what its answer must be (a pydantic model), else free text, cut by `splits` where that is set.
    - `within_s`: its deadline over everything, unless the caller has less time. `tokens`: of one answer at most.
    - `again`: asking twice does no harm, so that it is asked again after a failure. Not where a tool changes something.
    - `inside`: given to servers inside the company's trust boundary alone, as its text may hold what was missed so far.
    - `remembered`: an answer is given again for some minutes to who asks just the same. In memory alone.
    - `fenced`: variables go in fences (`fencing`), as data. Without, they must be data by their form.
    - `grade`: how good an answer is against an expectation of the evaluation set, 0..1 (`grading.grade` if none).
    """

    name: str
    label: str
    without: str
    prompt: Prompt
    form: type[BaseModel] | None = None
    splits: Callable[[], Splitter] | None = None
    within_s: float = 30.0
    tokens: int = 800
    temperature: float = 0.0
    again: bool = True
    inside: bool = False
    remembered: bool = True
    fenced: bool = True
    tools: tuple[Tool, ...] = ()
    grade: Callable[[Any, Mapping[str, Any]], float] | None = None

    def __post_init__(self) -> None:
        if self.form is not None and self.splits is not None:
            raise ValueError("an answer is of a form or is cut into parts, not both")


@dataclass(frozen=True, slots=True)
class Route:
    """A model on a server that may do a task. `key` names the server to breakers and limits, and the row it came from.

    `addresses` are those that the server's name was judged to lead to. `fault` is why it cannot be asked, where that is
    known before. Prices are for a million tokens; 0 for `most_at_once` and `per_minute` is no limit.
    """

    key: str
    name: str
    base_url: str
    model: str
    addresses: tuple[str, ...] = ()
    api_key: str = field(default="", repr=False)
    parameters: tuple[tuple[str, Any], ...] = ()
    within_s: float = 0.0
    price_in: Decimal = Decimal(0)
    price_out: Decimal = Decimal(0)
    most_at_once: int = 0
    per_minute: int = 0
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Record:
    """One route that was asked, or that could not be: no words, only what it took.

    `outcome` is "answered", "repaired" (after one answer that was not of the form), "remembered", "left" (nobody waited
    for the rest) or a fault. `estimated`: the server told no tokens. `cut`: the answer was longer than it may be.
    Times in milliseconds; `first_ms` until the first token of a stream.
    """

    task: str
    route: str
    model: str
    revision: int
    outcome: str
    tokens_in: int = 0
    tokens_out: int = 0
    estimated: bool = False
    cost: Decimal = Decimal(0)
    took_ms: int = 0
    first_ms: int | None = None
    attempts: int = 0
    cut: bool = False


@dataclass(frozen=True, slots=True)
class Outcome(Generic[T]):
    """What came of a task. `value` is None where no model answered: then the caller goes its own way.

    `way` is `MODEL`, or the name of that other way; `fault` says why no model answered. One record a route.
    """

    value: T | None
    way: str
    fault: str = ""
    model: str = ""
    revision: int = 0
    records: tuple[Record, ...] = ()

    @property
    def answered(self) -> bool:
        """Whether a model did it."""
        return self.value is not None

    @property
    def cut(self) -> bool:
        """Whether an answer was longer than it may be."""
        return bool(self.records) and self.records[-1].cut


class NotAnswered(Exception):
    """No model answered. `fault` says why in one word, never what was asked. `cut`: an answer was too long."""

    def __init__(self, fault: str, *, cut: bool = False) -> None:
        super().__init__(f"not answered: {fault}")
        self.fault = str(fault)
        self.cut = cut


def transcript(turns: Iterable[tuple[str, RedactedText]]) -> RedactedText:
    """Turns as one text to give to a model: a line each, after its label ("12 customer"), which is of ours."""
    return RedactedText("\n".join(f"{label}: {' '.join(shown(text).split())}" for label, text in turns))


def shown(text: RedactedText) -> str:
    """The text for a reader who may see nothing that the company keeps apart."""
    return render(text.text, text.kept, frozenset()) if text.kept else text.text


def messages_of(
    task: Task[Any], prompt: Prompt, variables: Mapping[str, Value], *, boundary: str = ""
) -> list[dict[str, Any]]:
    """The messages of a request. Raises `TypeError` for what may not be sent, `ValueError` for what is missing.

    A value cannot become a place of the prompt, and within a fence cannot end it.
    """
    fence = Fence(boundary) if boundary else Fence.drawn()
    given = {name: _given(task, fence, name, value) for name, value in variables.items()}
    given[BOUNDARY] = fence.boundary
    missing = prompt.names - given.keys()
    if missing:
        raise ValueError(f"the prompt wants {', '.join(sorted(missing))}")

    def filled(text: str) -> str:
        return PLACE.sub(lambda place: given[place.group(1)], text)

    return [
        {"role": "system", "content": filled(prompt.system)},
        {"role": "user", "content": filled(prompt.user)},
    ]


def _given(task: Task[Any], fence: Fence, name: str, value: object) -> str:
    if isinstance(value, RedactedText):
        return fence.around(name, shown(value)) if task.fenced else shown(value)
    if isinstance(value, tuple) and all(isinstance(one, Part) for one in value):
        return "\n\n".join(_given(task, fence, one.name, one.text) for one in value)
    if isinstance(value, Ours | int | float):
        return str(value)
    raise TypeError(f"{name}: only redacted text, numbers and words of ours go to a model")
