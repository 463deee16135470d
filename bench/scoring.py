"""How fast calls are scored, scored anew and listed: `--calls N --evaluations N`.

Starts a PostgreSQL of its own, writes calls of ten minutes (150 utterances, 12 moments heard) and a scorecard of 20
criteria (12 by moments, 8 by figures), and measures on processor time, ours and PostgreSQL's, as wall time says little
on a machine that does other things, too:

- `score`: one call scored as on its end, written and told of;
- `rescore`: history anew, a preview and a run; `for_10000_s` is what 10,000 calls take on two cores at that rate;
- `lists`: pages and API with so many evaluations of so many conversations, by an admin, a supervisor and an agent; wall
  time of a request within this process, and the statement that took longest.
"""

from __future__ import annotations

import argparse
import random
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from bench.house import House, house_open
from bench.report import Unmeasured, percentile, say

WHAT = "how fast calls are scored, scored anew and listed"
MINUTES, UTTERANCES, HEARD, CRITERIA = 10, 150, 12, 20
TARGET_CALLS, CORES = 10_000, 2
ANSWERS = 4  # of each evaluation in the lists: no list shows more than fifty evaluations' answers
SAID = (
    "i can see that the payment did not arrive so let me check what the bank says about it before we do anything else "
    "with your account and then we will find a way that works for you"
)
LISTS = (
    ("admin", "/quality/?list=scores"),
    ("admin", "/quality/?list=unsure"),
    ("admin", "/api/v1/scores/"),
    ("admin", "/api/v1/scores/?needs_person=true&page_size=50"),
    ("supervisor", "/quality/?list=scores"),
    ("supervisor", "/quality/?list=unsure"),
    ("supervisor", "/api/v1/scores/"),
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
        "--explain", action="store_true", help="tell the plan of each list's slowest statement"
    )


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Make all that and measure. Raises `Unmeasured`."""
    if options.calls < 20:
        raise Unmeasured("it takes twenty calls or more")
    with house_open() as house:
        from tenants.scope import schema_scope

        with schema_scope(house.schema):
            people = _people()
            revision, moments = _card()
            say(f"writing {options.calls} calls")
            calls = _calls(options.calls, people["agents"], moments, random.Random(options.seed))
            result: dict[str, Any] = {"calls": options.calls, "criteria": CRITERIA}
            result["score"] = _scored(house, calls)
            say(f"score: {result['score']}")
            result["rescore"] = {
                "preview": _rescored(house, revision, preview=True),
                "run": _rescored(house, revision, preview=False),
            }
            say(f"rescore: {result['rescore']}")
        if options.evaluations:
            with schema_scope(house.schema):
                say(f"writing {options.evaluations} evaluations")
                _fill(options.evaluations, revision, people["agents"])
            result["lists"] = _lists(house, people, options)
            result["evaluations"] = options.evaluations
    return result


# --- What is there -----------------------------------------------------------------------------------------


def _people() -> dict[str, Any]:
    from accounts.models import Team
    from accounts.services import user_create

    teams = [Team.objects.create(name=f"Team {n}") for n in range(5)]
    agents = [
        user_create(email=f"agent{n}@bench.example", name=f"Agent {n}", role="agent", team=teams[n % 5])
        for n in range(50)
    ]
    supervisor = user_create(email="supervisor@bench.example", name="Supervisor", role="supervisor")
    teams[0].supervisors.add(supervisor)
    admin = user_create(email="admin@bench.example", name="Admin", role="admin")
    return {"agents": agents, "agent": agents[0], "supervisor": supervisor, "admin": admin}


def _card() -> tuple[Any, list[Any]]:
    """A scorecard of twenty criteria, published, and the moments that they go by."""
    from moments.models import MomentDefinition
    from moments.services import moment_save
    from qa.models import Criterion, ScorecardTemplate
    from qa.services import scorecard_publish

    moments = []
    for number in range(HEARD):
        row = MomentDefinition(
            key=f"moment_{number}", name=f"Moment {number}", speaker="agent", phrases=[f"words {number}"]
        )
        moment_save(definition=row, actor=None)
        moments.append(row)
    template = ScorecardTemplate.objects.create(name="Bench")
    figures = list(Criterion.Figure.values)
    for number in range(CRITERIA):
        fields: dict[str, Any] = (
            {"method": "moment", "moment": moments[number], "expect": ("present", "absent")[number % 2]}
            if number < HEARD
            else {"method": "figure", "figure": figures[number - HEARD], "limit": 30}
        )
        Criterion.objects.create(
            template=template, position=number, question=f"Criterion {number}?", weight=5, **fields
        )
    return scorecard_publish(template=template, actor=None), moments


def _calls(count: int, agents: list[Any], moments: list[Any], lot: random.Random) -> list[Any]:
    from django.utils import timezone

    from accounts.ids import new_id
    from conversations.models import CallOwner, CallPhase, Conversation, Utterance
    from moments.models import MomentOccurrence

    now = timezone.now()
    revisions = {one.pk: one.revisions.order_by("-number").first() for one in moments}
    state = {"stages": {"moments": {"revisions": [str(one.pk) for one in revisions.values()]}}}
    step = MINUTES * 60_000 // UTTERANCES
    words, calls = SAID.split(), []
    for number in range(count):
        at = now - timedelta(hours=number % 500 + 1)
        call = Conversation.objects.create(
            agent=agents[number % len(agents)],
            state="completed",
            announced_at=at,
            started_at=at,
            ended_at=at + timedelta(minutes=MINUTES),
            provider_call_id=str(new_id()),
        )
        CallOwner.objects.create(conversation=call, engine_state=state)
        for from_ms, phase in ((100_000, "hold"), (130_000, "connected")):
            CallPhase.objects.create(
                conversation=call,
                phase=phase,
                at=at + timedelta(milliseconds=from_ms),
                from_ms=from_ms,
                key=str(from_ms),
            )
        said = Utterance.objects.bulk_create(
            Utterance(
                conversation=call,
                sequence=place + 1,
                speaker=("agent", "customer")[place % 2],
                channel_index=place % 2,
                start_ms=place * step,
                end_ms=place * step + 3_500,
                text=" ".join(lot.choices(words, k=14)),
                confidence=0.9,
                provider="bench",
            )
            for place in range(UTTERANCES)
        )
        MomentOccurrence.objects.bulk_create(
            MomentOccurrence(
                conversation=call,
                definition=moment,
                revision=revisions[moment.pk],
                utterance=one,
                start=0,
                end=5,
                at_ms=one.start_ms,
            )
            for moment, one in zip(lot.choices(moments, k=HEARD), lot.sample(said, HEARD), strict=True)
        )
        calls.append(call)
    return calls


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
    from qa.rescoring import rescore_start, rescore_step

    run = rescore_start(revision=revision, days=60, preview=preview, actor=None, dispatch=False)
    with _processor(house) as took:
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
        "for_10000_s": round(each * TARGET_CALLS / 1000 / CORES),
    }


# --- Lists -------------------------------------------------------------------------------------------------

_FILL = """
WITH agents AS (SELECT id, team_id, row_number() OVER (ORDER BY id) - 1 AS n FROM accounts_user WHERE role = 'agent'),
made AS (
  INSERT INTO conversations_conversation (
    id, channel, direction, state, end_reason, agent_id, language, provider, provider_call_id, provider_agent_id,
    announced_at, started_at, ended_at, metadata)
  SELECT {uuid}, 'voice', 'inbound', 'completed', '', agents.id, 'en', 'bench', 'filled-' || g, '',
    now() - g * interval '1 minute', now() - g * interval '1 minute', now() - (g - 5) * interval '1 minute', '{{}}'
  FROM generate_series(1, %(count)s) g JOIN agents ON agents.n = g %% %(agents)s
  RETURNING id, agent_id, started_at),
took_part AS (
  INSERT INTO conversations_participant (id, conversation_id, role, display_name, channel_index, user_id, joined_at)
  SELECT {uuid}, made.id, side.role, '', side.n, CASE side.n WHEN 0 THEN made.agent_id END, made.started_at
  FROM made, (VALUES ('agent', 0), ('customer', 1)) side(role, n)),
judged AS (
  INSERT INTO qa_evaluation (
    id, conversation_id, revision_id, agent_id, team_id, kind, state, segments, total, auto_failed, unscored,
    needs_person, counts, judges, comment, spent_seconds, created_at, updated_at, submitted_at, released_at, tries)
  SELECT {uuid}, made.id, %(revision)s, made.agent_id, agents.team_id, 'automatic', 'submitted', '[]',
    (random() * 100)::numeric(5, 2), false, '', random() < 0.05, true, '{{}}', '', 0, made.started_at,
    made.started_at, made.started_at, CASE WHEN random() < 0.5 THEN made.started_at END, 0
  FROM made JOIN agents ON agents.id = made.agent_id
  RETURNING id)
INSERT INTO qa_answer (
  id, evaluation_id, criterion_key, position, value, automatic, score, confidence, evidence, reason, judge, open_why,
  comment, override_reason)
SELECT {uuid}, judged.id, c.key, c.n, 'yes', 'yes', 100, 0.9, '[]', '', 'moments 1', '', '', ''
FROM judged, unnest(%(keys)s::text[]) WITH ORDINALITY AS c(key, n)
"""


def _fill(count: int, revision: Any, agents: list[Any]) -> None:
    from django.db import connection

    keys = [one["key"] for one in revision.spec["criteria"][:ANSWERS]]
    # Keys in the order of time, as the product makes them, of the milliseconds before now.
    uuid = (
        "(lpad(to_hex((extract(epoch from clock_timestamp()) * 1000)::bigint), 12, '0') || '7' || "
        "substr(md5(random()::text), 1, 3) || '8' || substr(md5(random()::text), 1, 15))::uuid"
    )
    with connection.cursor() as cursor:
        # The checks of foreign keys were planned when the tables were small enough to be read whole.
        cursor.execute("SET enable_seqscan = off; DISCARD PLANS")
        cursor.execute(
            _FILL.format(uuid=uuid),
            {"count": count, "agents": len(agents), "revision": revision.pk, "keys": keys},
        )
        for table in (
            "qa_evaluation",
            "qa_answer",
            "conversations_conversation",
            "conversations_participant",
        ):
            cursor.execute(f"ANALYZE {table}")
        cursor.execute("RESET enable_seqscan; DISCARD PLANS")


def _lists(house: House, people: dict[str, Any], options: argparse.Namespace) -> dict[str, Any]:
    from django.conf import settings
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    from tenants.scope import schema_scope

    settings.ALLOWED_HOSTS = [*settings.ALLOWED_HOSTS, house.host]
    found: dict[str, Any] = {}
    for who, path in LISTS:
        with schema_scope(house.schema):
            client = Client(HTTP_HOST=house.host)
            client.force_login(people[who])

        def ask(client: Client = client, path: str = path) -> None:
            answer = client.get(path)
            if answer.status_code != 200:
                raise Unmeasured(f"{path} answered {answer.status_code}")
            _ = answer.content

        ask()
        walls, cpus = _timed(ask, options.requests)
        with CaptureQueriesContext(connection) as asked:
            ask()
        slowest = max(asked.captured_queries, key=lambda one: float(one["time"]))
        found[f"{who} {path}"] = {
            "p50_ms": round(statistics.median(walls), 1),
            "p95_ms": round(percentile(walls, 95), 1),
            "cpu_p50_ms": round(statistics.median(cpus), 1),
            "cpu_p95_ms": round(percentile(cpus, 95), 1),
            "queries": len(asked),
            "slowest_ms": round(1000 * float(slowest["time"]), 1),
        }
        say(f"{who} {path}: {found[f'{who} {path}']}")
        if options.explain:
            with schema_scope(house.schema), connection.cursor() as cursor:
                cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS) {slowest['sql']}".replace("%", "%%"))
                say("\n".join(row[0] for row in cursor.fetchall()))
    return found


def _timed(work: Callable[[], None], times: int) -> tuple[list[float], list[float]]:
    walls, cpus = [], []
    for _time in range(times):
        cpu, wall = time.process_time(), time.monotonic()
        work()
        cpus.append(1000 * (time.process_time() - cpu))
        walls.append(1000 * (time.monotonic() - wall))
    return walls, cpus
