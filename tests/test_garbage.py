"""What stands in a process is left out of the search for circles, and nothing that nobody holds is left with it."""

from __future__ import annotations

import gc
import weakref

from cresta_app.garbage import standing_leave_out


class Ring:
    def __init__(self) -> None:
        self.me = self


def test_what_stands_is_left_out_and_what_nobody_holds_is_removed() -> None:
    gone = weakref.ref(Ring())
    # Test processes leave out what they have loaded themselves.
    gc.unfreeze()
    try:
        standing_leave_out()
        assert gone() is None
        # All of the application: what is searched from now on came about since.
        assert gc.get_freeze_count() > 100_000 > 10 * len(gc.get_objects())
        later = weakref.ref(Ring())
        gc.collect()
        assert later() is None
    finally:
        gc.unfreeze()
