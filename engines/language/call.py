"""One call of a task, what its routes take while it is done, and what an answer depends on."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from engines.language.structured import schema_of
from engines.language.tasks import Prompt, Record, Route, Task, Value, messages_of
from engines.redaction.text import RedactedText

# Of a text, where the server tells no tokens.
CHARACTERS_A_TOKEN = 4
MILLION = Decimal(1_000_000)

Handler = Callable[[Any], RedactedText]


@dataclass(frozen=True)
class Call:
    """A task to be done for a company. `tools`: what answers a model's calls, by name; each in a thread of its own.

    `form` is what the answer must be where that is narrower than the task says. `fresh`: nothing from memory.
    """

    company: str
    task: Task[Any]
    prompt: Prompt
    routes: tuple[Route, ...]
    variables: Mapping[str, Value] = field(repr=False)
    within_s: float = 0.0
    form: Any = None
    tools: Mapping[str, Handler] = field(default_factory=dict)
    fresh: bool = False

    @property
    def seconds(self) -> float:
        return self.within_s or self.task.within_s

    @property
    def wanted(self) -> Any:
        return self.form or self.task.form


@dataclass(slots=True)
class Meter:
    """What one route has taken so far."""

    began: float
    attempts: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    estimated: bool = False
    repaired: bool = False
    cut: bool = False
    first: float | None = None

    def count(self, tokens: tuple[int, int] | None, request: dict[str, Any], answered: int) -> None:
        if tokens is None:
            self.estimated = True
            sent = sum(len(str(one.get("content") or "")) for one in request["messages"])
            tokens = sent // CHARACTERS_A_TOKEN, -(-answered // CHARACTERS_A_TOKEN)
        self.tokens_in += tokens[0]
        self.tokens_out += tokens[1]


def record_of(call: Call, route: Route, meter: Meter, outcome: str, *, cut: bool = False) -> Record:
    """What a route took, as it is told."""
    cost = (meter.tokens_in * route.price_in + meter.tokens_out * route.price_out) / MILLION
    return Record(
        task=call.task.name,
        route=route.key,
        model=route.model,
        revision=call.prompt.revision,
        outcome=str(outcome),
        tokens_in=meter.tokens_in,
        tokens_out=meter.tokens_out,
        estimated=meter.estimated,
        cost=cost,
        took_ms=round(1000 * (time.monotonic() - meter.began)),
        first_ms=None if meter.first is None else round(1000 * (meter.first - meter.began)),
        attempts=meter.attempts,
        cut=cut or meter.cut,
    )


def content_key(call: Call, route: Route) -> str:
    """All that an answer depends on, the company first: what one was told is never told to another."""
    messages = messages_of(call.task, call.prompt, call.variables, boundary="0" * 24)
    form = schema_of(call.wanted) if call.wanted is not None else None
    parts = [
        call.company,
        call.task.name,
        route.key,
        route.base_url,
        route.model,
        repr(route.parameters),
        messages,
        form,
    ]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
