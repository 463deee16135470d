"""`manage.py provision_demo`: the two sample companies."""

from __future__ import annotations

import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from cresta_app.live import stages
from demo.provision import CONVERSATIONS, demo_provision


class Command(BaseCommand):
    help = "Make the two sample companies with people, policies, documents and past conversations. Safe to run again."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--conversations",
            type=int,
            default=CONVERSATIONS,
            help="past ones for each company (default: %(default)s)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        started = time.perf_counter()
        demo_provision(stages=stages(), conversations=options["conversations"], say=self.stdout.write)
        self.stdout.write(f"demo companies ready ({time.perf_counter() - started:.1f} s)")
