"""One child process: started in a group of its own, its lines passed on, started again when it crashes."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Callable

import psutil

from cresta_app.stack.programs import BASE_DIR, Program

FIRST_PAUSE = 0.5
LONGEST_PAUSE = 20.0
# Who has run for this long is well again: the next crash starts with the short pause.
WELL_AFTER = 60.0
# How often an exit is looked for that asyncio does not tell of.
EXIT_SECONDS = 0.2
LINE_BYTES = 1024 * 1024

Say = Callable[[str, str], None]


class Child:
    """Keeps one program running until it is told to stop. `say(name, line)` takes its output and our remarks."""

    def __init__(self, program: Program, env: dict[str, str], say: Say, changed: Callable[[], None]) -> None:
        self.program = program
        self.pid: int | None = None
        self.created: float | None = None
        self.starts = 0
        self._env = {**env, **program.env}
        self._say = say
        self._changed = changed
        self._process: asyncio.subprocess.Process | None = None
        self._stopping = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._keep(), name=self.program.name)

    async def _keep(self) -> None:
        pause = FIRST_PAUSE
        while not self._stopping.is_set():
            began = time.monotonic()
            code = await self._run()
            if self._stopping.is_set():
                return
            if time.monotonic() - began > WELL_AFTER:
                pause = FIRST_PAUSE
            self._say(self.program.name, f"ended with {_ending(code)}; starting it again in {pause:g} s")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    async def _run(self) -> int:
        """Run the program once to its end, then end whatever it left in its group."""
        process = await asyncio.create_subprocess_exec(
            *self.program.argv,
            cwd=BASE_DIR,
            env=self._env,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            limit=LINE_BYTES,
            start_new_session=True,
        )
        self._process = process
        self.pid = process.pid
        self.starts += 1
        with contextlib.suppress(psutil.Error):
            self.created = psutil.Process(process.pid).create_time()
        self._changed()
        reader = asyncio.create_task(self._pass_on(process))
        code = await _exit_code(process)
        group_end(process.pid)
        # Its last lines are still in the pipe; a stranger that inherited the pipe must not hold us up.
        await asyncio.wait([reader], timeout=1)
        reader.cancel()
        self._process = None
        return code

    async def _pass_on(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        while True:
            try:
                line = await process.stdout.readline()
            except ValueError:  # longer than LINE_BYTES: what was read so far is dropped by asyncio
                continue
            if not line:
                return
            self._say(self.program.name, line.decode(errors="replace").rstrip("\n"))

    async def stop(self) -> None:
        """Ask it to end, and after its time end it with everything it started. Never raises."""
        self._stopping.set()
        process = self._process
        if process is not None and process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)
            try:
                await asyncio.wait_for(_exit_code(process), self.program.stop_seconds)
            except TimeoutError:
                self._say(self.program.name, f"did not end within {self.program.stop_seconds:g} s; killed")
                group_end(process.pid)
        if self._task is not None:
            await self._task


async def _exit_code(process: asyncio.subprocess.Process) -> int:
    """Wait for the process itself. asyncio's own `wait()` also waits for whoever else holds its output open.

    A server whose workers outlive it is the case: they must be ended, and they hold its output.
    """
    while process.returncode is None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), EXIT_SECONDS)
    return process.returncode


def group_end(pid: int) -> None:
    """Kill every process of the group that `pid` leads or led."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def _ending(code: int) -> str:
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"code {code}"
