"""How good an answer is against what is expected of it: the share of the things expected that hold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

CONTAINS, LACKS, EQUALS = "contains", "lacks", "equals"


def expectation_check(expectation: object) -> None:
    """Raises `ValueError` for an expectation that `grade` cannot hold an answer against."""
    if not isinstance(expectation, dict) or not expectation:
        raise ValueError("an expectation names what is expected")
    for name, wanted in expectation.items():
        if name in (CONTAINS, LACKS):
            if not isinstance(wanted, list) or not all(isinstance(one, str) and one for one in wanted):
                raise ValueError(f"{name} is a list of words")
        elif name != EQUALS or not isinstance(wanted, dict):
            raise ValueError("an expectation is made of contains, lacks and equals")
    if not any(expectation.values()):
        raise ValueError("an expectation names what is expected")


def grade(answer: Any, expectation: Mapping[str, Any]) -> float:
    """The share of what is expected that holds, 0..1.

    `contains` and `lacks`: words that stand, or do not stand, anywhere in the answer, whatever their case. `equals`:
    fields of a form by their paths ("findings.0.type") and their values.
    """
    text = _text(answer).casefold()
    held = [one.casefold() in text for one in expectation.get(CONTAINS, ())]
    held += [one.casefold() not in text for one in expectation.get(LACKS, ())]
    told = answer.model_dump(mode="json") if isinstance(answer, BaseModel) else answer
    held += [_at(told, path) == value for path, value in expectation.get(EQUALS, {}).items()]
    return sum(held) / len(held) if held else 0.0


def _text(answer: Any) -> str:
    if isinstance(answer, BaseModel):
        return "\n".join(_leaves(answer.model_dump(mode="json")))
    if isinstance(answer, list):
        return "\n".join(str(getattr(one, "text", one)) for one in answer)
    return str(answer)


def _leaves(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [leaf for one in value.values() for leaf in _leaves(one)]
    if isinstance(value, list):
        return [leaf for one in value for leaf in _leaves(one)]
    return [str(value)]


_NOTHING = object()


def _at(value: Any, path: str) -> Any:
    for step in path.split("."):
        if isinstance(value, list) and step.isdigit() and int(step) < len(value):
            value = value[int(step)]
        elif isinstance(value, dict) and step in value:
            value = value[step]
        else:
            return _NOTHING
    return value
