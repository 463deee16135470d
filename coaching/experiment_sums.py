"""What came of the conversations of an experiment, summed by the database: one row an arm, agent and revision."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import connection

from coaching.drawing import OPTIONAL
from coaching.models import Experiment
from engines.trials import Sums

Outcome = Experiment.Outcome

_TOUCHED = """
    LEFT JOIN (SELECT DISTINCT g.conversation_id, g.revision_id FROM coaching_guidance g
               WHERE g.revision_id IN (SELECT id FROM coaching_policyrevision WHERE policy_id = %(policy)s)
                 AND (g.kind = 'step' OR (g.optional AND g.kind = ANY(%(optional)s::text[])))) t
           ON t.conversation_id = a.conversation_id AND t.revision_id = a.revision_id
"""
# A person's work after the call counts as in the reports: until the summary was confirmed, if that was in time.
_SECONDS = """
    CASE WHEN c.started_at IS NOT NULL AND c.ended_at IS NOT NULL THEN
      GREATEST(1, EXTRACT(EPOCH FROM GREATEST(
        c.ended_at, CASE WHEN s.state = 'confirmed' AND s.confirmed_at <= c.closed_at THEN s.confirmed_at END
      ) - c.started_at))::float8 END
"""


def outcome_values(row: Experiment) -> dict[str, str]:
    """What each outcome of a conversation is in SQL: NULL where it is not known."""
    values = {Outcome.HANDLE_TIME.value: f"LN({_SECONDS})"}
    if row.csat_field:
        values[Outcome.CSAT.value] = (
            # What is no number that somebody could have meant is not known.
            "CASE WHEN jsonb_typeof(c.metadata -> %(csat)s::text) = 'number' "
            "THEN CASE WHEN ABS((c.metadata ->> %(csat)s::text)::numeric) < 1000000 "
            "THEN (c.metadata ->> %(csat)s::text)::numeric::float8 END "
            "WHEN c.metadata ->> %(csat)s::text ~ '^ *-?[0-9]{1,6}([.][0-9]{1,6})? *$' "
            "THEN (c.metadata ->> %(csat)s::text)::float8 END"
        )
    if row.dispositions:
        values[Outcome.DISPOSITION.value] = (
            "CASE WHEN d.key IS NOT NULL THEN (d.key = ANY(%(dispositions)s::text[]))::int::float8 END"
        )
    if row.conversion_field or row.conversion_dispositions:
        values[Outcome.CONVERSION.value] = (
            "CASE WHEN %(conversion)s::text <> '' AND LOWER(c.metadata ->> %(conversion)s::text) IN "
            "('true', 'yes', '1') THEN 1.0::float8 "
            "WHEN %(conversion)s <> '' AND LOWER(c.metadata ->> %(conversion)s::text) IN "
            "('false', 'no', '0') THEN 0.0::float8 "
            "WHEN d.key IS NOT NULL AND cardinality(%(converted)s::text[]) > 0 "
            "THEN (d.key = ANY(%(converted)s::text[]))::int::float8 END"
        )
    return values


def past_read(row: Experiment, since: datetime) -> list[Sums]:
    """The outcome that decides in conversations that have ended since then, one row an agent. One query.

    Those in which the policy had something to show, where only such count.
    """
    value = outcome_values(row)[row.primary]
    touched = (
        "JOIN (SELECT DISTINCT g.conversation_id FROM coaching_guidance g JOIN coaching_policyrevision r "
        "ON r.id = g.revision_id WHERE r.policy_id = %(policy)s AND (g.kind = 'step' "
        "OR (g.optional AND g.kind = ANY(%(optional)s::text[])))) t ON t.conversation_id = c.id"
    )
    sql = f"""
        SELECT COUNT(y), SUM(y), SUM(y * y) FROM (
            SELECT c.agent_id, {value} AS y FROM conversations_conversation c
            {touched if row.only_touched else ""}
            LEFT JOIN conversations_disposition d ON d.id = c.disposition_id
            LEFT JOIN conversations_summary s ON s.conversation_id = c.id
            WHERE c.announced_at >= %(since)s AND c.state IN ('completed', 'incomplete') AND c.agent_id IS NOT NULL
        ) each GROUP BY agent_id
    """  # noqa: S608 (as below)
    with connection.cursor() as cursor:
        cursor.execute(sql, {**_given(row), "since": since})
        return [Sums(n, total, squares) for n, total, squares in cursor.fetchall() if n]


def _given(row: Experiment) -> dict[str, Any]:
    """What people chose, as parameters."""
    return {
        "experiment": row.pk,
        "policy": row.policy_id,
        "optional": sorted(OPTIONAL),
        "csat": row.csat_field,
        "dispositions": row.dispositions,
        "conversion": row.conversion_field,
        "converted": row.conversion_dispositions,
    }


def sums_read(row: Experiment) -> list[dict[str, Any]]:
    """Sums by arm, agent (where agents were drawn) and revision. One query over the experiment's conversations."""
    values = outcome_values(row)
    inner = ", ".join(f"{sql} AS {name}" for name, sql in values.items())
    outer = ", ".join(
        f"COUNT({name}) FILTER (WHERE done), SUM({name}) FILTER (WHERE done), "
        f"SUM({name} * {name}) FILTER (WHERE done)"
        for name in values
    )
    unit = "a.agent_id" if row.unit == Experiment.Unit.AGENT else "NULL::uuid"
    join, touched = (_TOUCHED, "t.conversation_id IS NOT NULL") if row.only_touched else ("", "TRUE")
    sql = f"""
        SELECT arm, unit, revision, COUNT(*), COUNT(*) FILTER (WHERE counted),
               COUNT(*) FILTER (WHERE counted AND done), {outer}
        FROM (SELECT *, counted AND ended AS done FROM (
            SELECT a.arm, {unit} AS unit, r.number AS revision, {touched} AS counted,
                   c.state IN ('completed', 'incomplete') AS ended, {inner}
            FROM coaching_experimentarm a
            JOIN coaching_policyrevision r ON r.id = a.revision_id
            JOIN conversations_conversation c ON c.id = a.conversation_id
            LEFT JOIN conversations_disposition d ON d.id = c.disposition_id
            LEFT JOIN conversations_summary s ON s.conversation_id = c.id
            {join}
            WHERE a.experiment_id = %(experiment)s
        ) each) counted_ones
        GROUP BY arm, unit, revision
    """  # noqa: S608 (what is put together is written here; all that people choose is a parameter)
    found = []
    with connection.cursor() as cursor:
        cursor.execute(sql, _given(row))
        for arm, unit_id, revision, drawn, counted, done, *sums in cursor.fetchall():
            each = {name: sums[3 * place : 3 * place + 3] for place, name in enumerate(values)}
            found.append(
                {
                    "arm": arm,
                    "unit": unit_id,
                    "revision": revision,
                    "drawn": drawn,
                    "counted": counted,
                    "done": done,
                    "sums": {
                        name: Sums(n, total or 0.0, squares or 0.0)
                        for name, (n, total, squares) in each.items()
                    },
                }
            )
    return found
