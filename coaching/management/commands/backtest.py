"""Play a policy's draft over the company's last conversations, and say what it would have done."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from accounts.errors import Conflict
from coaching.backtest import backtest_resume, backtest_start, backtest_step
from coaching.backtest_report import Report, backtest_report, report_data
from coaching.builder import document_sent
from coaching.models import Backtest, Policy
from tenants.models import Tenant
from tenants.scope import PUBLIC, schema_scope


class Command(BaseCommand):
    """`manage.py backtest --company northwind --policy "Save customers" --last 1000 --json`."""

    help = (
        "Play a policy's draft over past conversations. Goes on with the company's unfinished backtest of it."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the company, the policy, how many conversations, and a document other than the draft."""
        parser.add_argument("--company", required=True, help="The company's schema.")
        parser.add_argument("--policy", required=True, help="The policy's name.")
        parser.add_argument(
            "--last", type=int, default=1000, help="How many conversations, the newest first."
        )
        parser.add_argument("--document", help="A JSON file to play instead of the draft.")
        parser.add_argument("--json", action="store_true", help="Print one JSON object.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Start a backtest, or go on with the one there is, and stay until it has ended."""
        with schema_scope(PUBLIC):
            if not Tenant.objects.filter(schema_name=options["company"]).exclude(schema_name=PUBLIC).exists():
                raise CommandError("There is no such company.")
        with schema_scope(options["company"]):
            policy = Policy.objects.filter(name=options["policy"]).first()
            if policy is None:
                raise CommandError("There is no such policy.")
            begun = monotonic()
            run = self._run(policy, options)
            while not backtest_step(run_id=run.pk, told=lambda one: self._tell(one, options)):
                before = run.done
                run.refresh_from_db()
                if run.done == before:
                    sleep(1)  # another worker is at it
            run = Backtest.objects.select_related("against", "policy").get(pk=run.pk)
            if run.state == Backtest.State.FAILED:
                raise CommandError(f"The backtest failed: {run.last_error}")
            self._report(run, backtest_report(run), monotonic() - begun, options)

    def _run(self, policy: Policy, options: dict[str, Any]) -> Backtest:
        try:
            run = Backtest.objects.filter(is_open=True, policy=policy).first()
            if run is not None:
                self.stderr.write(f"Going on with the backtest of {run.created_at:%Y-%m-%d %H:%M}.")
                return backtest_resume(run_id=run.pk, actor=None, dispatch=False)
            document = document_sent(Path(options["document"]).read_bytes()) if options["document"] else None
            return backtest_start(
                policy=policy, last=options["last"], actor=None, document=document, dispatch=False
            )
        except OSError as error:
            raise CommandError(f"The document cannot be read: {error.strerror}") from error
        except ValidationError as error:
            raise CommandError("\n".join(error.messages)) from error
        except Conflict as error:
            raise CommandError(str(error)) from error

    def _tell(self, run: Backtest, options: dict[str, Any]) -> None:
        if not options["json"]:
            self.stderr.write(f"{run.done} of {run.total} played")

    def _report(self, run: Backtest, report: Report, seconds: float, options: dict[str, Any]) -> None:
        if options["json"]:
            whole = {
                "name": "backtest",
                "policy": run.policy.name,
                "against": run.against.number if run.against else None,
                "state": run.state,
                "conversations": run.done,
                "calls": run.calls,
                "failed": run.failed,
                "seconds": round(seconds, 3),
                **report_data(report),
            }
            self.stdout.write(json.dumps(whole))
            return
        self.stdout.write(
            f"{run.get_state_display()}: {run.done} of {run.total} conversations in {seconds:.1f} s, "
            f"{run.calls} within the scope, {run.failed} not played"
        )
        noise = report.noise
        self.stdout.write(f"Shown per call: p50 {noise.p50}, p95 {noise.p95}, at most {noise.most}")
        for one in report.rules:
            right = "" if one.precision is None else f", right {one.precision:.0%} of {one.labelled}"
            before = f", published {one.before}, new {one.new}, gone {one.gone}" if run.against_id else ""
            untold = f", not tried: {', '.join(one.not_tried)}" if one.not_tried else ""
            self.stdout.write(f"{one.fires:6} in {one.calls:5} calls  {one.name}{before}{right}{untold}")
