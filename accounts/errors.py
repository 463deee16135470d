"""What services raise, and how an error is written down without what somebody said."""

from __future__ import annotations

import traceback
from pathlib import Path


class Conflict(Exception):
    """The thing is not in a state that allows this. The message is for the person who asked."""


def error_place(error: BaseException, *, depth: int = 4) -> str:
    """The last places that an error went through, e.g. `commit.py:97 < worker.py:150`.

    For logs: an error's message may quote a row, and with it a customer; where it happened never does.
    """
    frames = traceback.extract_tb(error.__traceback__)[-depth:]
    return " < ".join(f"{Path(frame.filename).name}:{frame.lineno}" for frame in reversed(frames))


def first_cause(group: BaseException) -> BaseException:
    """One error of a group, however deep: the others are mostly its consequences."""
    while isinstance(group, BaseExceptionGroup):
        group = group.exceptions[0]
    return group
