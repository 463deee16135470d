"""Keeps the search for circles of objects short in processes that run for long.

Python looks through all objects now and then for circles that nobody holds any more. What the application and its
libraries consist of stays for good, a million objects; looking through it held a request, and everybody else's, up for
a third of a second, one request in ten or twenty. So once a process has come up, what is there is left out.

A process that holds many calls has more to do: `conversations.live.circles`.
"""

from __future__ import annotations

import gc
import threading
import time

# Much is loaded by the first requests that need it: seconds from the start.
LATER = (15.0, 60.0, 600.0)


def standing_leave_out() -> None:
    """Remove what nobody holds, and leave all other objects there are out of every later search."""
    gc.collect()
    gc.freeze()


def standing_leave_out_later() -> None:
    """The same again when the first requests have been answered, in a thread. What is left by then is quickly read."""

    def wait() -> None:
        began = time.monotonic()
        for after in LATER:
            time.sleep(max(0.0, began + after - time.monotonic()))
            standing_leave_out()

    threading.Thread(target=wait, name="garbage", daemon=True).start()
