"""What services raise, and how an error is written down without what somebody said."""

from __future__ import annotations

import traceback
from pathlib import Path

_PROJECT = Path(__file__).resolve().parent.parent
_INSTALLED = ("site-packages", "dist-packages")


class Conflict(Exception):
    """The thing is not in a state that allows this. The message is for the person who asked."""


def error_place(error: BaseException, *, depth: int = 4) -> str:
    """The last places of ours that an error went through, e.g. `commit.py:97 < worker.py:150 (40P01)`.

    For logs: an error's message may quote a row, and with it a customer; where it happened never does, nor does the
    database's code for what it was (SQLSTATE, PostgreSQL's appendix A). An error that went through nothing of ours is
    placed where it came from.
    """
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if _is_ours(frame.filename)] or list(frames)
    places = " < ".join(f"{Path(frame.filename).name}:{frame.lineno}" for frame in reversed(ours[-depth:]))
    code = sqlstate(error)
    return f"{places} ({code})" if code else places


def _is_ours(filename: str) -> bool:
    path = Path(filename)
    return path.is_relative_to(_PROJECT) and not any(part in _INSTALLED for part in path.parts)


def sqlstate(error: BaseException) -> str:
    """The database's code for an error that it, or what wraps it, came with; "" for any other."""
    for one in (error, error.__cause__):
        code = getattr(one, "sqlstate", None)
        if isinstance(code, str):
            return code
    return ""


def first_cause(group: BaseException) -> BaseException:
    """One error of a group, however deep: the others are mostly its consequences."""
    while isinstance(group, BaseExceptionGroup):
        group = group.exceptions[0]
    return group
