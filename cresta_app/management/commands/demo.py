"""`manage.py demo`: an installation of its own for as long as a call takes, and the proof that the main job works."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
import tempfile
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from cresta_app.stack.errors import ServiceError
from cresta_app.stack.programs import BASE_DIR, manage
from cresta_app.stack.services import services_remove
from cresta_app.stack.supervisor import Options, Stack


class Command(BaseCommand):
    help = (
        "Start everything on ports and in a folder of its own, play a sample call through the audio WebSocket in real "
        "time, print what came of it, and leave nothing behind. Fails unless every stage did its part."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="print the same for programs")
        parser.add_argument("--call", default="cancellation", help="which sample call (default: %(default)s)")
        parser.add_argument(
            "--speed",
            type=float,
            default=1.0,
            help="times real time; above 1 the latencies say little (default: %(default)s)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        arguments = ["--call", options["call"], "--speed", str(options["speed"])]
        if options["json"]:
            arguments.append("--json")
        folder = Path(tempfile.mkdtemp(prefix="cresta-demo-"))
        try:
            code = asyncio.run(_run(folder, arguments))
        except ServiceError as error:
            raise CommandError(str(error)) from None
        finally:
            services_remove(folder)
        if code:
            sys.exit(code)


async def _run(folder: Path, arguments: list[str]) -> int:
    """Run the proof within a stack. Returns its exit code."""
    kept: list[str] = []

    def say(name: str, line: str) -> None:
        kept.append(f"{name} | {line}")
        if name == "stack":
            print(line, file=sys.stderr, flush=True)

    main = asyncio.current_task()
    assert main is not None
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, main.cancel)
    stack = Stack(
        Options(folder=folder, web_port=0, ingest_port=0, demo_arguments=("--conversations", "0")), say
    )
    code = 130
    with contextlib.suppress(asyncio.CancelledError):
        try:
            await stack.start()
            print("playing the sample call in real time", file=sys.stderr, flush=True)
            code = await _proof(stack, arguments)
        finally:
            await stack.stop()
            if code:
                print(*kept[-60:], sep="\n", file=sys.stderr)
    return code


async def _proof(stack: Stack, arguments: list[str]) -> int:
    process = await asyncio.create_subprocess_exec(
        *manage("demo_proof", "--port", str(stack.web_port), *arguments),
        cwd=BASE_DIR,
        env=stack.environment(),
        start_new_session=True,
    )
    try:
        return await process.wait()
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
