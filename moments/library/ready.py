"""What a ready-made moment is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Ready:
    """One ready-made moment. `heard`: sentences in which it is heard; `unheard`: near misses in which it is not.

    Of a mood each is what the customer says, utterance by utterance with " / " between; of a field of the call it is
    "field: value". Of what is listed `{name}` stands for a name of the company's list.
    """

    key: str
    name: str
    speaker: Literal["agent", "customer", "any"]
    heard: tuple[str, ...]
    unheard: tuple[str, ...]
    phrases: tuple[str, ...] = ()
    kind: Literal["phrase", "entity", "sentiment", "metadata"] = "phrase"
    entity: str = ""
    mood: str = ""
    turns: int = 1
    limit: float | None = None
    field: str = ""
    test: str = ""
    values: tuple[str, ...] = ()
