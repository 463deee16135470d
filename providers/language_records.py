"""What models' work took: from the list in Redis into the database, what of it is kept, and budgets that it eats up."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, cast
from uuid import UUID

import redis
from django.conf import settings
from django.core.mail import send_mail
from django.db import connection, transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from engines.language.registry import TASKS
from providers.language_running import calls_key
from providers.language_selectors import budget_share, month_now
from providers.models import ModelBudget, ModelCall, ModelSpend
from tenants.companies import web_base
from tenants.scope import current_schema

AT_ONCE = 1_000
_TOLD = (
    *("task", "server", "model", "revision", "outcome", "tokens_in", "tokens_out", "estimated", "took_ms"),
    *("first_ms", "attempts", "cut"),
)
_REMOVED_AT_ONCE = 5_000


def model_calls_keep() -> int:
    """Write down what the current company's models took since the last time; returns how many calls that were.

    May run twice at once: one does it. A death halfway loses none and counts none twice.
    """
    with redis.Redis.from_url(settings.REDIS_STREAMS_URL) as client:
        key = calls_key(current_schema())
        if not client.exists(key):
            return 0
        kept = 0
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", [key])
            if not cursor.fetchone()[0]:
                return 0
            try:
                while told := cast("list[bytes]", client.lrange(key, 0, AT_ONCE - 1)):
                    kept += _keep([json.loads(one) for one in told])
                    client.ltrim(key, len(told), -1)
            finally:
                cursor.execute("SELECT pg_advisory_unlock(hashtextextended(%s, 0))", [key])
    if kept:
        budgets_watch()
    return kept


def _keep(told: list[dict[str, Any]]) -> int:
    known = set(ModelCall.objects.filter(pk__in=[one["id"] for one in told]).values_list("pk", flat=True))
    calls = [_call(one) for one in told if UUID(one["id"]) not in known]
    with transaction.atomic():
        ModelCall.objects.bulk_create(calls)
        for (month, task), rows in _by_month(calls).items():
            spend, _made = ModelSpend.objects.get_or_create(month=month, task=task)
            ModelSpend.objects.filter(pk=spend.pk).update(
                calls=F("calls") + len(rows),
                tokens=F("tokens") + sum(one.tokens_in + one.tokens_out for one in rows),
                cost=F("cost") + sum((one.cost for one in rows), Decimal(0)),
            )
    return len(calls)


def _call(told: Mapping[str, Any]) -> ModelCall:
    # Of whichever version wrote it: during an update there are two.
    fields = {name: told[name] for name in _TOLD if name in told}
    return ModelCall(
        id=UUID(told["id"]),
        at=datetime.fromtimestamp(told["at"], UTC),
        cost=Decimal(told["cost"]).quantize(Decimal("1e-8")),
        **fields,
    )


def _by_month(calls: Iterable[ModelCall]) -> dict[tuple[date, str], list[ModelCall]]:
    found: dict[tuple[date, str], list[ModelCall]] = {}
    for one in calls:
        month = timezone.localtime(one.at).date().replace(day=1)
        found.setdefault((month, one.task), []).append(one)
    return found


def model_calls_remove(*, now: datetime | None = None) -> int:
    """Remove the current company's calls that are older than they are kept; what a month took stays. In batches."""
    before = (now or timezone.now()) - timedelta(days=settings.MODEL_CALL_DAYS)
    removed = 0
    while True:
        old = ModelCall.objects.filter(at__lt=before).order_by("at").values_list("pk", flat=True)
        count, _rows = ModelCall.objects.filter(pk__in=list(old[:_REMOVED_AT_ONCE])).delete()
        removed += count
        if count < _REMOVED_AT_ONCE:
            return removed


# --- Budgets --------------------------------------------------------------------------------------------


def budgets_watch() -> None:
    """Mail whoever asked for it where a budget's share, or all of it, is spent: once each in a month."""
    month = month_now()
    budgets = list(ModelBudget.objects.filter(active=True))
    spent = list(ModelSpend.objects.filter(month=month)) if budgets else []
    for budget in budgets:
        share = budget_share(budget, spent)
        reached = 100 if share >= 1.0 else budget.alert_percent if 100 * share >= budget.alert_percent else 0
        before = budget.alerted_at if budget.alerted_month == month else 0
        if reached <= before:
            continue
        # Whoever changes the row tells; a second one at the same time changes nothing.
        told = ModelBudget.objects.filter(
            pk=budget.pk, alerted_at=budget.alerted_at, alerted_month=budget.alerted_month
        ).update(alerted_at=reached, alerted_month=month)
        if told and budget.addresses:
            _tell(budget, share, stopped=reached == 100)


def _tell(budget: ModelBudget, share: float, *, stopped: bool) -> None:
    if stopped:
        subject = _("Budget of language models is spent: %s")
        words = _("Until the month is over, these go on without a model:")
    else:
        subject = _("Budget of language models is nearly spent: %s")
        words = _("At 100 % these go on without a model until the month is over:")
    tasks = [one for one in TASKS.values() if not budget.task or one.name == budget.task]
    send_mail(
        subject=subject % budget,
        message="\n".join(
            (
                _("%(share)d %% of the month's budget is spent.")
                % {"share": min(100 * share, 999) if stopped else int(100 * share)},
                "",
                words,
                *(f"- {one.label}: {one.without}" for one in tasks),
                "",
                f"{web_base()}/settings/models/",
            )
        ),
        from_email=None,
        recipient_list=budget.addresses,
        fail_silently=True,
    )
