"""Who runs in a data folder: a lock that goes with its holder, and a note that a later start can clean up by.

`run.lock` is held (flock) by the supervisor, so a `kill -9` frees it. `run.json` says which processes it started, by
number and time of creation; what of them is still there when the lock is free was orphaned, and is ended.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO

import psutil

from cresta_app.stack.errors import ServiceError
from cresta_app.stack.process import group_end
from cresta_app.stack.programs import MARK

ENDING_SECONDS = 5.0


@dataclass
class Record:
    """What `run.json` holds. `processes`: name, number and creation time (seconds since 1970) of each."""

    pid: int
    since: float
    urls: list[str] = field(default_factory=list)
    processes: list[tuple[str, int, float]] = field(default_factory=list)


class Folder:
    """The claim on a data folder."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock: IO[str] | None = None

    def claim(self) -> None:
        """Take the folder for ourselves. Raises `ServiceError` that says who has it."""
        self.path.mkdir(parents=True, exist_ok=True)
        lock = (self.path / "run.lock").open("a")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            raise ServiceError(self._who()) from None
        self._lock = lock

    def release(self) -> None:
        (self.path / "run.json").unlink(missing_ok=True)
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def write(self, record: Record) -> None:
        draft = self.path / "run.json.new"
        draft.write_text(json.dumps(asdict(record)))
        draft.replace(self.path / "run.json")

    def read(self) -> Record | None:
        try:
            found = Record(**json.loads((self.path / "run.json").read_text()))
        except (OSError, ValueError, TypeError):
            return None
        found.processes = [(name, pid, created) for name, pid, created in found.processes]
        return found

    def _who(self) -> str:
        record = self.read()
        if record is None:
            return f"another process is starting in {self.path}"
        since = time.strftime("%H:%M", time.localtime(record.since))
        where = f" at {record.urls[0]}" if record.urls else ""
        return f"already running{where} (process {record.pid}, since {since}); stop it there with Ctrl-C"

    def orphans_end(self) -> list[str]:
        """End what an earlier supervisor left running. Returns the names of what was there."""
        record = self.read()
        if record is None:
            return []
        ended = {}
        for name, pid, created in record.processes:
            if _is_same(pid, created) or _group_is_ours(pid, str(self.path)):
                group_end(pid)
                ended[pid] = name
        # Their ports are free once they are gone, which takes the kernel a moment.
        deadline = time.monotonic() + ENDING_SECONDS
        while any(_group_lives(pid) for pid in ended) and time.monotonic() < deadline:
            time.sleep(0.05)
        return list(ended.values())


def _is_same(pid: int, created: float) -> bool:
    with contextlib.suppress(psutil.Error):
        process = psutil.Process(pid)
        same = abs(float(process.create_time()) - created) < 0.05
        return same and process.status() != psutil.STATUS_ZOMBIE
    return False


def _group_lives(pid: int) -> bool:
    """Whether any process of the group still runs (one that only waits to be collected holds nothing)."""
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, ProcessLookupError):
            if os.getpgid(process.pid) == pid and process.status() != psutil.STATUS_ZOMBIE:
                return True
    return False


def _group_is_ours(pid: int, folder: str) -> bool:
    """Whether the leader is gone but processes that it started in its group go on."""
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, ProcessLookupError, PermissionError):
            if os.getpgid(process.pid) == pid and process.environ().get(MARK) == folder:
                return True
    return False
