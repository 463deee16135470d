"""Spares the processor what all processes of a run (pytest-xdist, `-n`) would do alike, or again and again.

Each process collects all tests. Python compiles a test's file, with pytest's rewritten assertions, when it is first
imported: of each file one process does it, and the others find it done, because each begins elsewhere.

What is loaded by then stays to the end, so that it is not looked through for garbage again and again: a million
objects. What tests leave is looked through as ever, but not after each 700 objects.

Loaded by `-p tests.sparing`, first of all.
"""

from __future__ import annotations

import gc
import importlib
import os
from contextlib import suppress
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

gc.disable()


def share_first(names: list[str], worker: str, workers: int) -> list[str]:
    """All names, in their order, but beginning with this worker's share: "gw1" of 4 begins with the second quarter."""
    begin = len(names) * int(worker.removeprefix("gw")) // workers
    return names[begin:] + names[:begin]


@pytest.hookimpl(tryfirst=True)
def pytest_collection() -> None:
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    if not worker:
        return
    names = [
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for path in sorted((ROOT / "tests").rglob("test_*.py"))
    ]
    for name in share_first(names, worker, int(os.environ["PYTEST_XDIST_WORKER_COUNT"])):
        # One that cannot be imported is imported once more when it is collected, which then says why.
        with suppress(Exception):
            importlib.import_module(name)


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    gc.freeze()
    gc.set_threshold(10_000, 10, 10)
    gc.enable()
