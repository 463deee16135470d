"""The word lists in words.txt, by name."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path


@lru_cache(maxsize=1)
def _lists() -> dict[str, tuple[str, ...]]:
    lines = Path(__file__).with_name("words.txt").read_text(encoding="utf-8").splitlines()
    pairs = (line.partition(": ") for line in lines if not line.startswith("#"))
    return {name: tuple(values.split("|")) for name, _, values in pairs}


def listed(name: str) -> tuple[str, ...]:
    """Return the list of that name. Raises KeyError if there is none."""
    return _lists()[name]


def cars() -> dict[str, tuple[str, ...]]:
    """Return models by make."""
    return {name.removeprefix("car "): values for name, values in _lists().items() if name.startswith("car ")}
