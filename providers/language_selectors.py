"""Reads of models' work: who does a task, by which words, and whether there is money left for it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import structlog
from django.core.exceptions import ValidationError
from django.db.models import F
from django.utils import timezone

from engines.language.registry import TASKS
from engines.language.tasks import Prompt, Route, Task
from engines.speech.faults import Fault
from providers.addresses import address_check, encryption_check
from providers.models import ChatServer, LanguageRoute, ModelBudget, ModelSpend, PromptRevision
from providers.selectors import account_secret
from tenants.keys import SealError

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class TaskReach:
    """What a task's models take and cost: characters of a conversation in one request, prices of a million tokens.

    Characters are the least of all its routes; prices and `model` are those of the one that is asked first.
    """

    model: str
    characters: int
    price_in: Decimal
    price_out: Decimal

    def cost(self, tokens_in: int, tokens_out: int) -> Decimal:
        """In the company's own currency."""
        return (tokens_in * self.price_in + tokens_out * self.price_out) / 1_000_000


def default_server() -> ChatServer | None:
    """The server that does every task: active, and vouched for at its address. One query."""
    return ChatServer.objects.filter(active=True, inside_at__isnull=False, inside_url=F("base_url")).first()


def language_rows(task: Task[Any]) -> list[tuple[ChatServer, LanguageRoute | None]]:
    """Who may do a task, the most preferred first; servers outside the trust boundary only where it allows that.

    One query, and another where no route names the task.
    """
    rows = LanguageRoute.objects.select_related("server").filter(task=task.name, active=True)
    found = list(rows.order_by("position"))
    if found:
        return [(row.server, row) for row in found if row.server.inside or not task.inside]
    server = default_server()
    return [] if server is None else [(server, None)]


def task_reach(task: Task[Any]) -> TaskReach | None:
    """What a task's models take and cost; None where there is none. One query, and another where no route names it."""
    rows = language_rows(task)
    if not rows:
        return None
    server, route = rows[0]
    given = route if route is not None else LanguageRoute()
    return TaskReach(
        given.model or server.model,
        min(one.characters for one, _route in rows),
        server.price_in if given.price_in is None else given.price_in,
        server.price_out if given.price_out is None else given.price_out,
    )


def language_rows_all() -> dict[str, list[tuple[ChatServer, LanguageRoute | None]]]:
    """The same for all tasks, by their names. Two queries."""
    named: dict[str, list[LanguageRoute]] = {}
    for row in LanguageRoute.objects.select_related("server").filter(active=True).order_by("position"):
        named.setdefault(row.task, []).append(row)
    server = default_server()
    return {
        name: [(row.server, row) for row in named[name] if row.server.inside or not task.inside]
        if name in named
        else [(server, None)]
        if server is not None
        else []
        for name, task in TASKS.items()
    }


def language_routes(rows: Sequence[tuple[ChatServer, LanguageRoute | None]]) -> tuple[Route, ...]:
    """The same as the router takes them. Where each server's name leads is looked up and judged now.

    One that nobody may ask, or whose key does not open, is among them with its fault.
    """
    return tuple(route_made(server, row) for server, row in rows)


def route_made(
    server: ChatServer,
    row: LanguageRoute | None = None,
    *,
    reached: tuple[tuple[str, ...], str] | None = None,
) -> Route:
    """A server as the router takes it, with what a route says; `reached` is what `server_reach` said of it."""
    addresses, secret, fault = _reached(server) if reached is None else (*reached, "")
    given = row if row is not None else LanguageRoute()
    return Route(
        key=str(server.pk),
        name=server.name,
        base_url=server.base_url,
        model=given.model or server.model,
        addresses=addresses,
        api_key=secret,
        parameters=tuple(sorted(given.parameters.items())),
        within_s=(given.deadline_ms or 0) / 1000,
        price_in=server.price_in if given.price_in is None else given.price_in,
        price_out=server.price_out if given.price_out is None else given.price_out,
        most_at_once=server.most_at_once,
        per_minute=server.per_minute,
        fault=fault,
    )


def server_reach(server: ChatServer) -> tuple[tuple[str, ...], str]:
    """Where a server's name leads now, as judged, and its key. Raises `ValidationError`, `SealError`."""
    addresses = address_check(server.base_url)
    encryption_check(server.base_url, resolve=lambda _host: addresses)
    return addresses, account_secret(server)


def _reached(server: ChatServer) -> tuple[tuple[str, ...], str, str]:
    """Where a server is, its key, and why it cannot be asked."""
    try:
        # Names may lead elsewhere by now.
        addresses, secret = server_reach(server)
    except (ValidationError, SealError) as error:
        log.warning("providers.language_refused", server=str(server.pk), error=type(error).__name__)
        return (), "", Fault.REFUSED
    # A name that nobody knows leads nowhere.
    return addresses, secret, "" if addresses else Fault.AWAY


def prompt_for(task: Task[Any], *, sticky: str) -> Prompt:
    """The words that a call goes by. Calls with the same `sticky` (a conversation's id) go by the same. One query."""
    published = PromptRevision.objects.filter(task=task.name, state=PromptRevision.State.PUBLISHED)
    whole: PromptRevision | None = None
    tried: list[PromptRevision] = []
    for row in published.order_by("number"):
        if strange := revision_prompt(row).names - task.prompt.names:
            # A newer version of the code gives other variables than the one that it was written for.
            log.error(
                "providers.prompt_does_not_fit", task=task.name, revision=row.number, wants=sorted(strange)
            )
        elif row.share == 100:
            whole = row
        else:
            tried.append(row)
    if tried:
        drawn = int.from_bytes(hashlib.sha256(f"{task.name}:{sticky}".encode()).digest()[:4]) % 100
        for row in tried:
            if drawn < row.share:
                return revision_prompt(row)
            drawn -= row.share
    return task.prompt if whole is None else revision_prompt(whole)


def revision_prompt(row: PromptRevision) -> Prompt:
    """A revision as the router takes it."""
    return Prompt(system=row.system, user=row.user, revision=row.number)


# --- Budgets --------------------------------------------------------------------------------------------


def month_now() -> date:
    """The first day of this month, in the company's time."""
    return timezone.localdate().replace(day=1)


def budget_share(budget: ModelBudget, spent: Sequence[ModelSpend]) -> float:
    """How much of a budget is spent, 1.0 being all of it. `spent`: all tasks in the month."""
    rows = [one for one in spent if not budget.task or one.task == budget.task]
    shares = [0.0]
    if budget.monthly_cost is not None:
        cost = sum(one.cost for one in rows)
        shares.append(float(cost / budget.monthly_cost) if budget.monthly_cost else 1.0)
    if budget.monthly_tokens is not None:
        tokens = sum(one.tokens for one in rows)
        shares.append(tokens / budget.monthly_tokens if budget.monthly_tokens else 1.0)
    return max(shares)


def is_over_budget(task: Task[Any]) -> bool:
    """Whether what may be spent on a task in this month is spent. One query, two where there is a budget."""
    budgets = list(ModelBudget.objects.filter(task__in=("", task.name), active=True))
    if not budgets:
        return False
    return is_spent(task, budgets, list(ModelSpend.objects.filter(month=month_now())))


def is_spent(task: Task[Any], budgets: Sequence[ModelBudget], spent: Sequence[ModelSpend]) -> bool:
    """Whether one of the budgets that a task comes under is spent."""
    return any(budget_share(one, spent) >= 1.0 for one in budgets if one.task in ("", task.name))
