"""How fast calls are scored, scored anew and listed: `--calls N --evaluations N`.

Starts a PostgreSQL of its own, writes calls of ten minutes (150 utterances, 12 moments heard) and a scorecard of 20
criteria (12 by moments, 8 by figures), and measures:

- `score`: one call scored as on its end, written and told of; processor time, ours and PostgreSQL's;
- `rescore`: history anew in this process, a preview and a run, the same way; `workers`: all calls by the stack's own
  processes for such work, by the clock;
- `lists`: pages and API with so many evaluations of so many conversations, by an admin, a supervisor and an agent,
  asked of the stack's own web server over HTTP: while nothing else happens (`p95_ms`) and while history is scored anew
  (`busy_p95_ms`); within this process their queries and the one that took longest.
"""

from __future__ import annotations

import argparse
import http.client
import random
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from bench.house import House, house_open
from bench.report import Unmeasured, percentile, say
from bench.scoring_calls import (
    CRITERIA,
    WRITTEN,
    calls_copy,
    calls_make,
    card_make,
    evaluations_fill,
    people_make,
)

WHAT = "how fast calls are scored, scored anew and listed"
TARGET_CALLS, CORES = 10_000, 2
# Of the calls that are written one by one, and of all.
DAYS_WRITTEN, DAYS = 20, 60
LONGEST_RUN = 3_600.0
LISTS = (
    ("admin", "/quality/?list=scores"),
    ("admin", "/quality/?list=unsure"),
    ("admin", "/api/v1/scores/"),
    ("admin", "/api/v1/scores/?needs_person=true&page_size=50"),
    ("admin", "/conversations/"),
    ("admin", "/api/v1/conversations/"),
    ("supervisor", "/quality/?list=scores"),
    ("supervisor", "/quality/?list=unsure"),
    ("supervisor", "/api/v1/scores/"),
    ("supervisor", "/api/v1/conversations/"),
    ("agent", "/quality/?list=scores"),
)


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of this bench."""
    parser.add_argument("--calls", type=int, default=300, help="calls to score and to score anew")
    parser.add_argument(
        "--evaluations", type=int, default=100_000, help="rows of the lists (0: leave them out)"
    )
    parser.add_argument("--requests", type=int, default=30, help="of each list")
    parser.add_argument(
        "--workers", type=int, default=2, help="of history scored anew (0: leave that and busy lists out)"
    )
    parser.add_argument(
        "--explain", action="store_true", help="tell the plan of each list's slowest statement"
    )


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Make all that and measure. Raises `Unmeasured`."""
    if options.calls < 20:
        raise Unmeasured("it takes twenty calls or more")
    # Of this process, too, which starts as many lanes as there are workers.
    with house_open(BACKGROUND_WORKERS=str(max(1, options.workers))) as house:
        from tenants.scope import schema_scope

        with schema_scope(house.schema):
            people = people_make()
            revision, moments = card_make()
            if options.evaluations:
                say(f"writing {options.evaluations} evaluations")
                evaluations_fill(options.evaluations, revision, people["agents"])
            say(f"writing {options.calls} calls")
            few = min(options.calls, WRITTEN)
            calls = calls_make(few, people["agents"], moments, random.Random(options.seed))
            result: dict[str, Any] = {"calls": options.calls, "criteria": CRITERIA}
            result["score"] = _scored(house, calls)
            say(f"score: {result['score']}")
            result["rescore"] = {
                "preview": _rescored(house, revision, preview=True),
                "run": _rescored(house, revision, preview=False),
            }
            say(f"rescore: {result['rescore']}")
            calls_copy(options.calls)
        if options.evaluations:
            result["evaluations"] = options.evaluations
            result["lists"] = _lists(house, people, options)
        if options.workers:
            house.start(house.program("background"))
            with schema_scope(house.schema):
                run = _run_start(revision)
                say("scored anew by workers, the first time")
                result["rescore"]["workers_first"] = _run_wait(house, run)
                say("scored anew by workers")
                result["rescore"]["workers"] = _run_wait(house, _run_start(revision))
                say(f"workers: {result['rescore']['workers']}")
            if options.evaluations:
                _lists_busy(house, people, revision, options, result["lists"])
    return result


# --- Scoring -----------------------------------------------------------------------------------------------


@contextmanager
def _processor(house: House) -> Iterator[dict[str, float]]:
    """Seconds of the processor that this process and PostgreSQL took meanwhile."""
    told: dict[str, float] = {}
    ours, theirs, wall = time.process_time(), house.cpu_seconds().get("postgres", 0.0), time.monotonic()
    yield told
    told["ours"] = time.process_time() - ours
    told["postgres"] = house.cpu_seconds().get("postgres", 0.0) - theirs
    told["wall"] = time.monotonic() - wall


def _scored(house: House, calls: list[Any]) -> dict[str, Any]:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from qa.scoring import conversation_score

    conversation_score(conversation_id=calls[0].pk)  # what is loaded once is loaded
    with CaptureQueriesContext(connection) as asked:
        conversation_score(conversation_id=calls[1].pk)
    took, walls = [], []
    with _processor(house) as all_of_it:
        for call in calls[2:]:
            cpu, wall = time.process_time(), time.monotonic()
            written = conversation_score(conversation_id=call.pk)
            took.append(1000 * (time.process_time() - cpu))
            walls.append(1000 * (time.monotonic() - wall))
            if len(written) != 1 or written[0].unscored:
                raise Unmeasured("a call was not scored")
    return {
        "cpu_p50_ms": round(statistics.median(took), 1),
        "cpu_p95_ms": round(percentile(took, 95), 1),
        "wall_p50_ms": round(statistics.median(walls), 1),
        "wall_p95_ms": round(percentile(walls, 95), 1),
        "postgres_cpu_ms": round(1000 * all_of_it["postgres"] / len(took), 1),
        "queries": len(asked),
    }


def _rescored(house: House, revision: Any, *, preview: bool) -> dict[str, Any]:
    from django.db import connection

    from cresta_app.garbage import standing_leave_out
    from qa.rescoring import rescore_start, rescore_step

    asked = 0

    def count(execute: Any, *arguments: Any) -> Any:
        nonlocal asked
        asked += 1
        return execute(*arguments)

    standing_leave_out()  # as the workers do
    run = rescore_start(revision=revision, days=DAYS_WRITTEN, preview=preview, actor=None, dispatch=False)
    with connection.execute_wrapper(count), _processor(house) as took:
        while not rescore_step(run_id=run.pk, told=lambda run: None):
            pass
    run.refresh_from_db()
    if run.failed or run.done != run.total:
        raise Unmeasured(f"{run.failed} of {run.total} were not judged: {run.last_error}")
    each = 1000 * (took["ours"] + took["postgres"]) / run.done
    return {
        "cpu_ms": round(1000 * took["ours"] / run.done, 1),
        "postgres_cpu_ms": round(1000 * took["postgres"] / run.done, 1),
        "wall_ms": round(1000 * took["wall"] / run.done, 1),
        "queries": round(asked / run.done, 2),
        "for_10000_s": round(each * TARGET_CALLS / 1000 / CORES),
    }


# --- By workers --------------------------------------------------------------------------------------------


def _run_start(revision: Any) -> Any:
    from qa.rescoring import rescore_start

    return rescore_start(revision=revision, days=DAYS, preview=False, actor=None)


def _run_wait(house: House, run: Any) -> dict[str, Any]:
    """What a run took from its first piece to its end."""
    while run.seen_at is None:
        time.sleep(0.02)
        run.refresh_from_db()
        house.check()
    before, began = house.cpu_seconds(), time.monotonic()
    while run.is_open and time.monotonic() < began + LONGEST_RUN:
        time.sleep(0.2)
        run.refresh_from_db()
        house.check()
    took, after = time.monotonic() - began, house.cpu_seconds()
    if run.state != "done" or run.failed or run.done != run.total:
        raise Unmeasured(f"{run.state}: {run.done} of {run.total}, {run.failed} failed: {run.last_error}")
    return {
        "calls": run.done,
        "wall_s": round(took, 1),
        "for_10000_wall_s": round(took * TARGET_CALLS / run.done, 1),
        **{
            f"{name}_cpu_ms": round(1000 * (after.get(name, 0.0) - before.get(name, 0.0)) / run.done, 1)
            for name in ("background", "postgres", "redis")
        },
    }


# --- Lists -------------------------------------------------------------------------------------------------


def _lists(house: House, people: dict[str, Any], options: argparse.Namespace) -> dict[str, Any]:
    from django.conf import settings
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    from tenants.scope import schema_scope

    settings.ALLOWED_HOSTS = [*settings.ALLOWED_HOSTS, house.host]
    house.start(house.program("web"))
    house.web_ready()
    found: dict[str, Any] = {}
    for who, path in LISTS:
        with schema_scope(house.schema):
            client = Client(HTTP_HOST=house.host)
            client.force_login(people[who])
        client.get(path)
        with CaptureQueriesContext(connection) as asked:
            answer = client.get(path)
        if answer.status_code != 200:
            raise Unmeasured(f"{path} answered {answer.status_code}")
        slowest = max(asked.captured_queries, key=lambda one: float(one["time"]))
        found[f"{who} {path}"] = {
            "queries": len(asked),
            "slowest_ms": round(1000 * float(slowest["time"]), 1),
        }
        if options.explain:
            with schema_scope(house.schema), connection.cursor() as cursor:
                cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS) {slowest['sql']}".replace("%", "%%"))
                say("\n".join(row[0] for row in cursor.fetchall()))
    for one, told in _asked(house, people, options.requests).items():
        found[one] |= told
        say(f"{one}: {found[one]}")
    return found


def _lists_busy(
    house: House, people: dict[str, Any], revision: Any, options: argparse.Namespace, found: dict[str, Any]
) -> None:
    """The same while history is scored anew; one run after the other, as long as it takes."""
    from qa.models import Rescore
    from tenants.scope import schema_scope

    def busy() -> None:
        with schema_scope(house.schema):
            if not Rescore.objects.filter(is_open=True).exists():
                _run_start(revision)

    for one, told in _asked(house, people, options.requests, meanwhile=busy).items():
        found[one] |= {f"busy_{name}": value for name, value in told.items()}
        say(f"busy {one}: {told}")


def _asked(
    house: House,
    people: dict[str, Any],
    requests: int,
    *,
    meanwhile: Callable[[], None] = lambda: None,
) -> dict[str, dict[str, float]]:
    """Each list so many times over HTTP, in turns, so that a slow second falls on all of them."""
    cookies = {who: _signed_in(house, people[who]) for who, _path in LISTS}
    walls: dict[str, list[float]] = {f"{who} {path}": [] for who, path in LISTS}
    cpus: dict[str, list[float]] = {one: [] for one in walls}
    for turn in range(requests + 2):
        meanwhile()
        for who, path in LISTS:
            cpu, began = house.cpu_seconds()["web"], time.monotonic()
            line = http.client.HTTPConnection("127.0.0.1", house.web_port, timeout=60)
            line.request("GET", path, headers={"Host": house.host, "Cookie": cookies[who]})
            answer = line.getresponse()
            answer.read()
            line.close()
            if answer.status != 200:
                raise Unmeasured(f"{path} answered {answer.status}")
            if turn >= 2:  # what is loaded once is loaded
                walls[f"{who} {path}"].append(1000 * (time.monotonic() - began))
                cpus[f"{who} {path}"].append(1000 * (house.cpu_seconds()["web"] - cpu))
    return {
        one: {
            "p50_ms": round(statistics.median(took), 1),
            "p95_ms": round(percentile(took, 95), 1),
            "max_ms": round(max(took), 1),
            "web_cpu_ms": round(statistics.mean(cpus[one]), 1),
        }
        for one, took in walls.items()
    }


def _signed_in(house: House, user: Any) -> str:
    """The cookie of somebody who is signed in."""
    from django.conf import settings
    from django.test import Client

    from tenants.scope import schema_scope

    with schema_scope(house.schema):
        client = Client(HTTP_HOST=house.host)
        client.force_login(user)
        return f"{settings.SESSION_COOKIE_NAME}={client.cookies[settings.SESSION_COOKIE_NAME].value}"
