"""How the tasks of a live call notice that they are to end."""

from __future__ import annotations

import asyncio


def raise_stopped(stopping: asyncio.Event) -> None:
    """End what runs when the worker stops or another part of the call has failed.

    Both are told by cancellation, but one that arrives as a Redis command completes can be lost: the client waits
    with `asyncio.wait_for`, which in Python 3.11 may swallow it. The task still knows that it was asked to end.
    """
    task = asyncio.current_task()
    if stopping.is_set() or (task is not None and task.cancelling()):
        raise asyncio.CancelledError
