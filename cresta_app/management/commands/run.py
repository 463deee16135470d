"""`manage.py run`: the whole installation under one supervisor, until Ctrl-C."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from cresta_app.stack.errors import ServiceError
from cresta_app.stack.supervisor import INGEST_PORT, LISTEN, WEB_PORT, Options, Stack, logs_open

COLOURS = {"stack": 1, "web": 34, "ingest": 36, "live": 32, "worker": 35, "beat": 90}


class Command(BaseCommand):
    help = "Start everything: PostgreSQL, Redis, pages, audio, live worker, Celery. Ctrl-C stops it."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--listen", default=LISTEN, help="address to listen on (default: %(default)s)")
        parser.add_argument("--port", type=int, default=WEB_PORT, help="pages (default: %(default)s)")
        parser.add_argument(
            "--ingest-port", type=int, default=INGEST_PORT, help="audio (default: %(default)s)"
        )
        parser.add_argument("--no-demo", action="store_true", help="do not make the demo companies")
        parser.add_argument("--conversations", type=int, help="past ones to make for each demo company")

    def handle(self, *args: Any, **options: Any) -> None:
        wanted = Options(
            folder=Path(settings.DATA_DIR),
            listen=options["listen"],
            web_port=options["port"],
            ingest_port=options["ingest_port"],
            demo=not options["no_demo"],
            demo_arguments=()
            if options["conversations"] is None
            else ("--conversations", str(options["conversations"])),
        )
        try:
            asyncio.run(_run(wanted))
        except ServiceError as error:
            raise CommandError(str(error)) from None


async def _run(options: Options) -> None:
    to_file = logs_open(options.folder / "logs")
    width = max(map(len, COLOURS))
    coloured = sys.stdout.isatty()

    def say(name: str, line: str) -> None:
        to_file(name, line)
        label = f"{name:>{width}} |"
        if coloured:
            label = f"\x1b[{COLOURS.get(name, 33)}m{label}\x1b[0m"
        print(label, line, flush=True)

    began = time.monotonic()
    stack = Stack(options, say)
    asked = asyncio.Event()
    loop = asyncio.get_running_loop()
    main = asyncio.current_task()
    assert main is not None
    started = False

    def stop() -> None:
        if asked.is_set():
            return
        asked.set()
        say("stack", "stopping")
        if not started:
            main.cancel()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop)
    with contextlib.suppress(asyncio.CancelledError):
        await stack.start()
        started = True
        print(_welcome(stack, time.monotonic() - began), flush=True)
        await asked.wait()
    await stack.stop()
    say("stack", "stopped")


def _welcome(stack: Stack, seconds: float) -> str:
    lines = [
        "",
        f"Ready after {seconds:.1f} s. Ctrl-C stops everything; the data stays in {stack.folder}.",
        "",
    ]
    if stack.options.demo:
        from demo.people import sign_ins

        lines += [*sign_ins(port=stack.web_port, domain=settings.PLATFORM_DOMAIN), ""]
    else:
        lines += [f"Platform admin: http://localhost:{stack.web_port}/admin/", ""]
    return "\n".join(lines)
