"""What a ready-made moment is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Ready:
    """One ready-made moment. `heard`: sentences in which it is heard; `unheard`: near misses in which it is not."""

    key: str
    name: str
    speaker: Literal["agent", "customer", "any"]
    heard: tuple[str, ...]
    unheard: tuple[str, ...]
    phrases: tuple[str, ...] = ()
    kind: Literal["phrase", "entity"] = "phrase"
    entity: str = ""
