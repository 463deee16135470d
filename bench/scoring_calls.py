"""The company, the scorecard, the calls and the evaluations that the bench of scoring measures with."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

MINUTES, UTTERANCES, HEARD, CRITERIA = 10, 150, 12, 20
ANSWERS = (
    4  # of each evaluation that only fills the lists; what they begin with are the calls, with all of theirs
)
WRITTEN = 300  # calls that are written one by one; more are copies of them
SAID = (
    "i can see that the payment did not arrive so let me check what the bank says about it before we do anything else "
    "with your account and then we will find a way that works for you"
)
# Keys in the order of time, as the product makes them, of the milliseconds before now.
UUID = (
    "(lpad(to_hex((extract(epoch from clock_timestamp()) * 1000)::bigint), 12, '0') || '7' || "
    "substr(md5(random()::text), 1, 3) || '8' || substr(md5(random()::text), 1, 15))::uuid"
)


def people_make() -> dict[str, Any]:
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


def card_make() -> tuple[Any, list[Any]]:
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


def calls_make(count: int, agents: list[Any], moments: list[Any], lot: random.Random) -> list[Any]:
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


_COPIES = """
CREATE TEMP TABLE copies AS
SELECT o.conversation_id AS old, {uuid} AS new, interval '21 days' + n * interval '1 minute' AS before
FROM conversations_callowner o, generate_series(1, %s) n LIMIT %s
"""
_LINES = """
CREATE TEMP TABLE lines AS
SELECT u.id AS old, {uuid} AS new, c.new AS call
FROM conversations_utterance u JOIN copies c ON c.old = u.conversation_id
"""


def calls_copy(count: int) -> None:
    """Copy all calls there are, with what was said and heard in them, until there are `count`; weeks before them."""
    from django.db import connection

    from conversations.models import CallOwner, CallPhase, Conversation, Utterance
    from moments.models import MomentOccurrence

    def copied(model: Any, source: str, **instead: str) -> str:
        """Rows of a table again; `instead`: what stands in place of a column."""
        columns = [one.column for one in model._meta.concrete_fields if not one.generated]
        shown = ", ".join(instead.get(one, f'old."{one}"') for one in columns)
        names = ", ".join(f'"{one}"' for one in columns)
        return f"INSERT INTO {model._meta.db_table} ({names}) SELECT {shown} FROM {model._meta.db_table} old {source}"  # noqa: S608

    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM conversations_callowner")
        present = cursor.fetchone()[0]
        if count <= present:
            return
        cursor.execute(
            _COPIES.format(uuid=UUID),
            [-(-count // present) - 1, count - present],
        )
        at = {name: f'old."{name}" - c.before' for name in ("announced_at", "started_at", "ended_at")}
        joined = "JOIN copies c ON c.old = old.conversation_id"
        cursor.execute(
            copied(
                Conversation,
                "JOIN copies c ON c.old = old.id",
                id="c.new",
                provider_call_id="c.new::text",
                **at,
            )
        )
        cursor.execute(copied(CallOwner, joined, conversation_id="c.new"))
        cursor.execute(copied(CallPhase, joined, id=UUID, conversation_id="c.new"))
        cursor.execute(_LINES.format(uuid=UUID))
        line = "JOIN lines l ON l.old = "
        cursor.execute(copied(Utterance, f"{line} old.id", id="l.new", conversation_id="l.call"))
        cursor.execute(
            copied(
                MomentOccurrence,
                f"{line} old.utterance_id",
                id=UUID,
                conversation_id="l.call",
                utterance_id="l.new",
            )
        )
        cursor.execute("DROP TABLE lines; DROP TABLE copies; ANALYZE")


_FILL = """
WITH agents AS (SELECT id, team_id, row_number() OVER (ORDER BY id) - 1 AS n FROM accounts_user WHERE role = 'agent'),
made AS (
  INSERT INTO conversations_conversation (
    id, channel, direction, state, end_reason, agent_id, language, provider, provider_call_id, provider_agent_id,
    announced_at, started_at, ended_at, metadata)
  SELECT {uuid}, 'voice', 'inbound', 'completed', '', agents.id, 'en', 'bench', 'filled-' || g, '',
    now() - {before}, now() - {before}, now() - {before} + interval '5 minutes', '{{}}'
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


def evaluations_fill(count: int, revision: Any, agents: list[Any]) -> None:
    from django.db import connection

    keys = [one["key"] for one in revision.spec["criteria"][:ANSWERS]]
    with connection.cursor() as cursor:
        # The checks of foreign keys were planned when the tables were small enough to be read whole.
        cursor.execute("SET enable_seqscan = off; DISCARD PLANS")
        cursor.execute(
            _FILL.format(uuid=UUID, before="(interval '62 days' + g * interval '1 minute')"),
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
