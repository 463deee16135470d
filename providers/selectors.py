"""Reads of routes: who does a task for the current company, in order of preference, and which words it should know."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import structlog

from providers.models import ChatServer, Keyterm, ProviderAccount, Route, SearchServer
from providers.vendors import ABILITIES
from tenants import keys
from tenants.scope import current_schema

log = structlog.get_logger(__name__)

DEFAULT = "default"
KEYTERMS_MOST = 200


@dataclass(frozen=True)
class SpeechChoice:
    """One recogniser that a company would have hear its calls. Hashable, and fit to cross a process.

    `key` is the account's id, "default" or the name of what is embedded; `vendor` the engine's name, "" for the
    installation's default. `options` are pairs of names and values, lists as tuples and objects as tuples of pairs.
    """

    schema: str
    key: str
    vendor: str = ""
    base_url: str = ""
    secret: str = field(default="", repr=False)
    options: tuple[tuple[str, Any], ...] = ()


def default_choice() -> SpeechChoice:
    """The installation's default, for the current company."""
    return SpeechChoice(current_schema(), DEFAULT)


def speech_plan(language: str, *, live: bool) -> tuple[SpeechChoice, ...]:
    """Who hears calls of this language (BCP 47; "" is unknown), the most preferred first. Never empty.

    Rows for exactly this language come first, then those for its main language, then those for all. One query.
    """
    task = Route.Task.SPEECH_LIVE if live else Route.Task.SPEECH_UPLOAD
    rows = Route.objects.select_related("account").filter(
        task=task, active=True, language__in=_tags(language)
    )
    order = {tag: number for number, tag in enumerate(_tags(language))}
    chosen: dict[SpeechChoice, None] = {}
    for row in sorted(rows, key=lambda row: (order[row.language], row.position)):
        if row.account is None:
            chosen[_embedded(row.provider)] = None
        elif row.account.active:
            try:
                chosen[account_choice(row.account, live=live)] = None
            except keys.SealError:
                # The call is for the next one; without its key this account can hear nothing.
                log.error("providers.secret_does_not_open", account=str(row.account.pk))
    return tuple(chosen) or (default_choice(),)


def account_choice(account: ProviderAccount, *, live: bool) -> SpeechChoice:
    """An account as a choice for a task; its secret is opened. Raises `SealError`."""
    ability = ABILITIES[account.vendor]
    return SpeechChoice(
        schema=current_schema(),
        key=str(account.pk),
        vendor=ability.engine(live=live),
        base_url=account.base_url if ability.address else "",
        secret=account_secret(account) if ability.key else "",
        options=_frozen(ability.options_for(account.options, live=live)),
    )


def trial_choice(account: ProviderAccount) -> SpeechChoice:
    """An account as a choice to be tried out: live where it can, else with a recording. Raises `SealError`."""
    return account_choice(account, live=bool(ABILITIES[account.vendor].live))


def account_secret(account: ProviderAccount | ChatServer | SearchServer) -> str:
    """The key of an account or server in the clear; "" where it has none. Raises `SealError`."""
    if account.secret_sealed is None:
        return ""
    return keys.unwrap(
        current_schema(),
        bytes(account.secret_sealed),
        account.secret_version,
        bound_to=secret_binding(account),
    ).decode()


_BOUND_AS: dict[type, str] = {ChatServer: "chat", SearchServer: "search"}


def secret_binding(account: ProviderAccount | ChatServer | SearchServer) -> str:
    """What the sealed key of an account or server is bound to."""
    return f"{_BOUND_AS.get(type(account), 'provider')}:{account.pk}"


def search_servers() -> dict[str, SearchServer]:
    """The servers that search asks, by what they do: those that are active. One query."""
    return {server.kind: server for server in SearchServer.objects.filter(active=True)}


def keyterms(language: str) -> tuple[str, ...]:
    """The company's own words for this language and for all, those of the language first. One query."""
    tags = _tags(language)
    rows = Keyterm.objects.filter(active=True, language__in=tags).values_list("language", "term")
    ordered = sorted(rows, key=lambda row: (tags.index(row[0]), row[1]))
    return tuple(dict.fromkeys(term for _language, term in ordered))[:KEYTERMS_MOST]


def _tags(language: str) -> list[str]:
    """The languages whose rows hold for this one, the nearest first: en-GB, en, and all."""
    parts = language.split("-")
    nearer = ["-".join(parts[:count]) for count in range(len(parts), 0, -1)]
    return list(dict.fromkeys([*(tag for tag in nearer if tag), ""]))


def _embedded(provider: str) -> SpeechChoice:
    if provider == Route.Provider.DEFAULT:
        return default_choice()
    return SpeechChoice(current_schema(), provider, provider)


def _frozen(options: dict[str, Any]) -> tuple[tuple[str, Any], ...]:
    return tuple(sorted((name, _fixed(value)) for name, value in options.items()))


def _fixed(value: Any) -> Any:
    if isinstance(value, dict):
        return tuple(sorted((name, _fixed(one)) for name, one in value.items()))
    return (
        tuple(_fixed(one) for one in value)
        if isinstance(value, Iterable) and not isinstance(value, str)
        else value
    )
