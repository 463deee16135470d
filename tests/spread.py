"""How `make test` spreads the tests over processes (pytest-xdist, `-n … --dist loadfile`): file by file.

Files with tests marked `stack`, which start whole installations or hold real calls to a time, are one unit: one after
the other in one process, so that none of them runs against another. That unit begins first. Files with tests marked
`unhurried`, which wait for what happens and not for how fast, come next, each by itself; so does the chaos suite. Only
half of the processes have any of these at a time: they wait more than they work, and the others use the processor
meanwhile.
The other browser tests are one unit, too, and come before the rest: each process that has any needs a web server, and
a Chromium as often as it comes back to them.
What is long is over before what is short, so no process ends with a long one alone.

Loaded by `-p tests.spread`. xdist's own groups (`--dist loadgroup`) would say the same, but its release 3.8 writes them
where pytest 9 does not look any more.
"""

from __future__ import annotations

import functools
import os
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
STACK, CHAOS, BROWSER = "stack", "tests/chaos/", "tests/browser/"
FIRST, EARLY, LONG, ANY = range(4)


@functools.cache
def unit_of(path: str) -> str:
    """The unit that a file's tests belong to: its own, or the one of all that start stacks, or show pages."""
    if path.startswith(CHAOS):
        return CHAOS
    if "pytest.mark.stack" in _text(path):
        return STACK
    return BROWSER if path.startswith(BROWSER) else path


def order_of(path: str) -> int:
    """When the unit of a file begins: long ones first."""
    if unit_of(path) == STACK:
        return FIRST
    if unit_of(path) == CHAOS or "pytest.mark.unhurried" in _text(path):
        return EARLY
    return LONG if unit_of(path) == BROWSER else ANY


@functools.cache
def _text(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Distribute by `unit_of`, in the order of the collection."""
    from xdist.scheduler.loadfile import LoadFileScheduling

    if config.getvalue("dist") != "loadfile":
        return None

    class Units(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return unit_of(nodeid.partition("::")[0])

        def _assign_work_unit(self, node: Any) -> None:
            waiting = sum(any(self._waits(unit) for unit in self._left(one)) for one in self.nodes)
            here = any(self._waits(unit) for unit in self._left(node))
            wanted = here or waiting < len(self.nodes) // 2
            for unit in self.workqueue:
                if self._waits(unit) == wanted:
                    self.workqueue.move_to_end(unit, last=False)
                    break
            super()._assign_work_unit(node)

        def _left(self, node: Any) -> list[str]:
            work = self.assigned_work.get(node, {})
            return [unit for unit, tests in work.items() if not all(tests.values())]

        @staticmethod
        def _waits(unit: str) -> bool:
            return unit in {STACK, CHAOS} or (unit != BROWSER and order_of(unit) == EARLY)

    config.option.loadscopereorder = False
    return Units(config, log)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if os.environ.get("PYTEST_XDIST_WORKER"):
        items.sort(key=lambda item: order_of(item.nodeid.partition("::")[0]))
