"""`manage.py demo_proof`: the proof against an installation that runs. `manage.py demo` starts one and calls this."""

from __future__ import annotations

import asyncio
import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from demo.follower import ProofFailed
from demo.proof import prove
from demo.report import report
from demo.scripts import sample_calls


class Command(BaseCommand):
    help = "Play a sample call to a running installation and print what came of it."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--port", type=int, required=True, help="where its pages are")
        parser.add_argument("--call", choices=list(sample_calls()), default=next(iter(sample_calls())))
        parser.add_argument("--speed", type=float, default=1.0)
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            facts = asyncio.run(prove(port=options["port"], key=options["call"], speed=options["speed"]))
        except ProofFailed as error:
            raise CommandError(str(error)) from None
        self.stdout.write(json.dumps(facts, indent=1) if options["json"] else report(facts))
        failed = [check["what"] for check in facts["checks"] if not check["good"]]
        if failed:
            raise CommandError(f"not so: {'; '.join(failed)}")
