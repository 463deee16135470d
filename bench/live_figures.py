"""What the figures of the live bench are made of: what was due, what came to the sockets, what the database has."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bench.live_agents import Heard
from bench.live_talk import Topic, talk
from bench.report import Unmeasured, percentile

PARTS = (50, 95, 99)


@dataclass
class Came:
    """What one agent's socket brought, checked against its numbers."""

    seen: set[int] = field(default_factory=set)
    duplicated: int = 0
    reordered: int = 0
    # When each final came, by its end in the call; which final each utterance is.
    finals: dict[int, float] = field(default_factory=dict)
    finals_again: int = 0
    ends: dict[str, int] = field(default_factory=dict)
    # Guidance when it came first: when, the utterance that caused it, call time.
    guidance: dict[str, tuple[float, str | None, int]] = field(default_factory=dict)


def came(events: Sequence[Sequence[Any]]) -> Came:
    """Read what a socket brought, in the order in which it came."""
    found, last = Came(), 0
    for at, sequence, kind, what in events:
        if sequence in found.seen:
            found.duplicated += 1
            continue
        found.seen.add(sequence)
        if sequence < last:
            found.reordered += 1
        last = max(last, sequence)
        if kind == "utterance":
            ident, end_ms = what
            found.ends[ident] = end_ms
            if end_ms in found.finals:
                found.finals_again += 1
            else:
                found.finals[end_ms] = at
        elif kind == "guidance":
            ident, cause, at_ms = what
            found.guidance.setdefault(ident, (at, cause, at_ms))
    return found


def figures(
    heard: Heard,
    *,
    heads: Sequence[int],
    topics: list[Topic],
    seed: int,
    began: float,
    measured: float,
    until: float,
) -> dict[str, Any]:
    """`heads`: the last event's number of each agent's call, as the database has it. Raises `Unmeasured`.

    Delays are counted from when a final was due, so that a worker that is late with all of its work is seen to be.
    """
    totals: dict[str, int] = defaultdict(int)
    finals: list[float] = []
    caused: list[float] = []
    late: list[tuple[float, float]] = []
    for call, (events, head) in enumerate(zip(heard.events, heads, strict=True)):
        one = came(events)
        totals["events"] += head
        totals["events_lost"] += len(set(range(1, head + 1)) - one.seen)
        totals["duplicated"] += one.duplicated + one.finals_again
        totals["reordered"] += one.reordered
        planned = {each.end_ms for each in talk(call, topics, seed, round((until - began) * 1000))}
        totals["sent"] += len(planned)
        totals["delivered"] += len(planned & set(one.finals))
        for end_ms in planned & set(one.finals):
            due = began + end_ms / 1000
            if due >= measured:
                finals.append((one.finals[end_ms] - due) * 1000)
        for at, cause, at_ms in one.guidance.values():
            totals["guidance"] += 1
            end_ms = one.ends.get(cause or "", -1)
            # What the clock brings, and the checklist, no final has caused.
            if end_ms < 0 or at_ms > end_ms:
                totals["guidance_by_clock"] += 1
            elif began + end_ms / 1000 >= measured:
                caused.append((at - began - end_ms / 1000) * 1000)
                late.append((end_ms / 1000, caused[-1]))
    if not finals or not caused:
        raise Unmeasured("no guidance came in the time that is measured: let it run longer")
    return {
        "finals_sent": totals["sent"],
        "delivered": totals["delivered"],
        "lost": totals["sent"] - totals["delivered"] + totals["events_lost"],
        "duplicated": totals["duplicated"],
        "reordered": totals["reordered"],
        "events": totals["events"],
        "guidance": totals["guidance"],
        "guidance_by_clock": totals["guidance_by_clock"],
        "guidance_measured": len(caused),
        **_percentiles("", caused),
        **_percentiles("utterance_", finals),
        "p95_ms_by_5_seconds": by_time(late),
    }


def _percentiles(prefix: str, values: Sequence[float]) -> dict[str, float]:
    return {
        **{f"{prefix}p{part}_ms": round(percentile(values, part), 1) for part in PARTS},
        f"{prefix}max_ms": round(max(values), 1),
    }


def by_time(values: Sequence[tuple[float, float]], seconds: float = 5.0) -> list[float]:
    """The 95th percentile of each stretch of time: a backlog shows as a slope, a bad moment as a peak."""
    found: dict[int, list[float]] = defaultdict(list)
    for at, value in values:
        found[int(at // seconds)].append(value)
    return [round(percentile(found[key], 95), 1) for key in sorted(found)]


def shares(
    before: Mapping[str, float], after: Mapping[str, float], parts: Mapping[str, float], seconds: float
) -> dict[str, float]:
    """Shares of one core by stage. `before`, `after`: processor time by kind of process; `parts`: of the live worker.

    What the worker uses beyond its parts is `live_rest`: its loop, and threads' own ways.
    """
    used = {kind: after[kind] - before.get(kind, 0.0) for kind in after}
    live = used.pop("live", 0.0)
    parts = dict(parts)
    load = used.pop("agents", 0.0) + parts.pop("load", 0.0)
    stages = {
        **parts,
        "live_rest": live
        - sum(parts.values())
        - (load - (after.get("agents", 0.0) - before.get("agents", 0.0))),
        "sockets": used.pop("web", 0.0),
        "database": used.pop("postgres", 0.0),
        "redis": used.pop("redis", 0.0),
        "load": load,
        **used,
    }
    return {name: round(value / seconds, 3) for name, value in sorted(stages.items())}
