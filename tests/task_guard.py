"""Looks at every message for Celery that a test sends: its arguments are ids and our own names, never what was said."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from celery.signals import before_task_publish

from cresta_app.log_redaction import text_scrubbed

# Our own reasons and names are a word; the longest id is a UUID.
CHARACTERS = 80


class Refused(AssertionError):
    """A task was given a text that people may have said. Says which task, not which text."""


def check_arguments(task: str, args: Any, kwargs: Any) -> None:
    """Raise `Refused` for texts with spaces, long ones, and what the net under the logs would take out."""
    for text in _texts([args, kwargs]):
        if " " in text or len(text) > CHARACTERS or text_scrubbed(text) != text:
            raise Refused(f"{task} is given a text of {len(text)} characters that is no id")


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        yield from _texts([*value.keys(), *value.values()])
    elif isinstance(value, list | tuple | set):
        for item in value:
            yield from _texts(item)


# What was refused, by the guards that stand; the innermost hears of it. Celery swallows what a receiver raises.
_standing: list[list[Refused]] = []


def _look(sender: str = "", body: Any = None, **_: Any) -> None:
    args, kwargs, _embedded = body
    try:
        check_arguments(sender, args, kwargs)
    except Refused as refused:
        _standing[-1].append(refused)


@contextmanager
def guard() -> Iterator[None]:
    """Raise `Refused` at the end of the block if a message of it held what it must not."""
    refused: list[Refused] = []
    _standing.append(refused)
    before_task_publish.connect(_look, weak=False)
    try:
        yield
    finally:
        _standing.pop()
        if not _standing:
            before_task_publish.disconnect(_look)
    if refused:
        raise refused[0]
