"""How the company's recognisers do: what each live worker writes to Redis about them, and what a page makes of it.

One hash per company, a field per worker and recogniser. A report that is older than a minute is a worker's that is
gone, and says nothing about now.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

import redis
from django.conf import settings
from django.utils.translation import gettext as _

from engines.speech.breaker import Health, State
from providers.models import ProviderAccount, Route
from providers.selectors import DEFAULT
from providers.speech import fault_words
from tenants import names
from tenants.scope import current_schema

REPORT_EVERY_S = 3.0
GOOD_FOR_S = 60.0
KEPT_S = 3_600

# The worst state of any worker is shown: calls suffer where it is open.
_WORSE = (State.CLOSED, State.HALF_OPEN, State.OPEN)


def reports_key(schema: str) -> str:
    return names.redis_key(schema, "speech-health")


def resets_key(schema: str) -> str:
    """Hash of when each recogniser's breaker was last closed by hand, in Unix time."""
    return names.redis_key(schema, "speech-resets")


def report_field(key: str, worker: str) -> str:
    return f"{key} {worker}"


def report(health: Health, *, at: float) -> str:
    """A worker's report on one recogniser."""
    return json.dumps(
        {
            "at": at,
            "state": health.state,
            "since": health.since,
            "calls": health.calls,
            "successes": health.successes,
            "failures": health.failures,
            "fault": health.fault,
            "fault_at": health.fault_at,
            "p50": health.latency_p50_ms,
            "p95": health.latency_p95_ms,
        }
    )


@dataclass(frozen=True)
class ProviderHealth:
    """One recogniser of the company, over all workers that live. Counts are since those workers began.

    `state` is None where no worker has used it. `share` is its part of all calls, 0..1.
    """

    key: str
    name: str
    vendor: str
    routed: tuple[str, ...]
    state: State | None = None
    since: datetime | None = None
    workers: int = 0
    calls: int = 0
    share: float | None = None
    successes: int = 0
    failures: int = 0
    fault: str = ""
    fault_at: datetime | None = None
    latency_p50_ms: int | None = None
    latency_p95_ms: int | None = None

    @property
    def state_words(self) -> str:
        return {
            None: _("not used yet"),
            State.CLOSED: _("in use"),
            State.HALF_OPEN: _("being tried again"),
            State.OPEN: _("left alone for now"),
        }[self.state]

    @property
    def tone(self) -> str:
        """The colour that says it: good, warn, bad or none."""
        return {None: "", State.CLOSED: "good", State.HALF_OPEN: "warn", State.OPEN: "bad"}[self.state]

    @property
    def fault_text(self) -> str:
        return fault_words(self.fault) if self.fault else ""


def providers_health(*, now: float | None = None) -> list[ProviderHealth]:
    """The company's recognisers and how they do: what is routed first, then the rest. Two queries and one of Redis.

    Raises `redis.RedisError` when Redis is away.
    """
    now = time.time() if now is None else now
    with redis.Redis.from_url(settings.REDIS_STREAMS_URL) as client:
        raw = cast("dict[bytes, bytes]", client.hgetall(reports_key(current_schema())))
        read = {field: json.loads(value) for field, value in raw.items()}
        gone = [field for field, one in read.items() if now - one["at"] > KEPT_S]
        if gone:
            client.hdel(reports_key(current_schema()), *gone)
    reports: dict[str, list[dict[str, Any]]] = {}
    for field, one in read.items():
        if now - one["at"] <= GOOD_FOR_S:
            reports.setdefault(field.decode().partition(" ")[0], []).append(one)
    total = sum(one["calls"] for many in reports.values() for one in many)
    return [
        _summed(key, name, vendor, routed, reports.get(key, []), total)
        for key, name, vendor, routed in _known(set(reports))
    ]


def _known(reported: set[str]) -> list[tuple[str, str, str, tuple[str, ...]]]:
    """Key, name, vendor and routes of what the company has or uses."""
    routes: dict[str, list[str]] = {}
    for row in Route.objects.filter(active=True):
        key = str(row.account_id) if row.account_id else row.provider
        where = row.get_task_display() + (f" ({row.language})" if row.language else "")
        routes.setdefault(key, []).append(f"{where}: {row.position}")
    found = {
        str(one.pk): (one.name, one.get_vendor_display())
        for one in ProviderAccount.objects.filter(active=True)
    }
    if DEFAULT in reported or DEFAULT in routes or not routes:
        found[DEFAULT] = (_("The installation's default"), settings.SPEECH_PROVIDER.partition(":")[0])
    if Route.Provider.POCKETSPHINX in routes or Route.Provider.POCKETSPHINX in reported:
        found[Route.Provider.POCKETSPHINX] = (str(Route.Provider.POCKETSPHINX.label), "pocketsphinx")
    listed = [(key, name, vendor, tuple(routes.get(key, ()))) for key, (name, vendor) in found.items()]
    return sorted(listed, key=lambda one: (not one[3], one[1].lower()))


def _summed(
    key: str,
    name: str,
    vendor: str,
    routed: tuple[str, ...],
    reports: Iterable[Mapping[str, Any]],
    total: int,
) -> ProviderHealth:
    reports = list(reports)
    if not reports:
        return ProviderHealth(key, name, str(vendor), routed)
    worst = max(reports, key=lambda one: (_WORSE.index(State(one["state"])), -one["since"]))
    failed = [one for one in reports if one["fault_at"] is not None]
    last = max(failed, key=lambda one: one["fault_at"], default=None)
    calls = sum(one["calls"] for one in reports)
    return ProviderHealth(
        key=key,
        name=name,
        vendor=str(vendor),
        routed=routed,
        state=State(worst["state"]),
        since=_when(worst["since"]),
        workers=len(reports),
        calls=calls,
        share=calls / total if total else None,
        successes=sum(one["successes"] for one in reports),
        failures=sum(one["failures"] for one in reports),
        fault=str(last["fault"]) if last else "",
        fault_at=_when(last["fault_at"]) if last else None,
        # Each worker has its own quantiles: the slowest worker's are shown.
        latency_p50_ms=max((one["p50"] for one in reports if one["p50"] is not None), default=None),
        latency_p95_ms=max((one["p95"] for one in reports if one["p95"] is not None), default=None),
    )


def _when(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def known_keys() -> dict[str, ProviderAccount | None]:
    """What may be tried and reset: the company's accounts by key, and what needs none."""
    found: dict[str, ProviderAccount | None] = {str(one.pk): one for one in ProviderAccount.objects.all()}
    return found | {DEFAULT: None, str(Route.Provider.POCKETSPHINX): None}


def breaker_reset(*, key: str, now: float | None = None) -> None:
    """Ask every worker to close the recogniser's breaker; they do within seconds. Raises `redis.RedisError`."""
    at = time.time() if now is None else now
    name = resets_key(current_schema())
    with redis.Redis.from_url(settings.REDIS_STREAMS_URL) as client:
        client.hset(name, key, str(at))
        client.expire(name, KEPT_S)
