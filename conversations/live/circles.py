"""Keeps the search for circles of objects short in a process that holds many calls.

A thousand calls are millions of objects. Looking through all of them takes a second in which every call stands still;
at Python's own numbers it is done several times in ten seconds, for circles that are not there. So what has stayed for
a while is left out (`gc.freeze`), and looked through when enough calls are over, or now and then.
"""

from __future__ import annotations

import gc
import time

SETTLED_SECONDS = 10.0
WHOLE_SECONDS = 600.0
WHOLE_CALLS = 50
# The youngest are looked through often: 50,000 of them at once held a worker of five hundred calls up for 60 to 150 ms.
AFTER = (5_000, 40, 100)


class Circles:
    """Of this process, from now on. `left`: calls that are over, whose circles nobody has looked for."""

    def __init__(self) -> None:
        self.left = 0
        self._whole_at = time.monotonic() + WHOLE_SECONDS
        gc.set_threshold(*AFTER)

    def settle(self, going: int) -> None:
        """Leave out what is there now, while so many calls go on. To be called every `SETTLED_SECONDS`."""
        if self.left > max(WHOLE_CALLS, going // 2) or time.monotonic() >= self._whole_at:
            self.left, self._whole_at = 0, time.monotonic() + WHOLE_SECONDS
            gc.unfreeze()
            gc.collect()
        gc.freeze()
