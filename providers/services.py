"""Writes of accounts and chat servers: what is set about them, and their keys, which nothing shows again."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts.models import AuditEvent, User
from accounts.services import audit
from providers.models import ChatServer, ProviderAccount, SearchServer
from providers.selectors import secret_binding
from tenants import keys
from tenants.scope import current_schema


def account_create(
    *,
    vendor: str,
    name: str,
    base_url: str = "",
    secret: str = "",
    options: dict[str, Any] | None = None,
    active: bool = True,
    actor: User | None = None,
) -> ProviderAccount:
    """Make an account. Raises `ValidationError`."""
    account = ProviderAccount(
        vendor=vendor, name=name, base_url=base_url, options=options or {}, active=active
    )
    account.secret_comes = bool(secret)  # type: ignore[attr-defined]
    account.full_clean()
    with transaction.atomic():
        account.save()
        audit(actor=actor, action="provideraccount.create", thing=account)
        if secret:
            account_secret_set(account=account, secret=secret, actor=actor)
    return account


def account_secret_set(
    *, account: ProviderAccount | ChatServer | SearchServer, secret: str, actor: User | None = None
) -> None:
    """Seal a new key for an account or server in the place of the former one; "" takes it away."""
    with transaction.atomic():
        if secret:
            account.secret_sealed, account.secret_version = keys.wrap(
                current_schema(), secret.encode(), bound_to=secret_binding(account)
            )
        else:
            account.secret_sealed, account.secret_version = None, 0
        account.save(update_fields=["secret_sealed", "secret_version"])
        audit(actor=actor, action=f"{account._meta.model_name}.secret", thing=account)


def chat_server_create(
    *,
    name: str,
    base_url: str,
    model: str,
    secret: str = "",
    inside: bool = False,
    actor: User | None = None,
    **fields: Any,
) -> ChatServer:
    """Make a chat server, vouched for if it is `inside`. Raises `ValidationError`."""
    server = ChatServer(name=name, base_url=base_url, model=model, **fields)
    server.full_clean()
    with transaction.atomic():
        server.save()
        audit(actor=actor, action="chatserver.create", thing=server)
        if secret:
            account_secret_set(account=server, secret=secret, actor=actor)
        if inside:
            chat_server_vouch(server=server, inside=True, actor=actor)
    return server


def chat_server_vouch(
    *, server: ChatServer, inside: bool, actor: User | None, address: str | None = None
) -> None:
    """Note that somebody says the server at its address is inside the company's trust boundary, or is no more."""
    server.inside_at = timezone.now() if inside else None
    server.inside_by = actor if inside else None
    server.inside_url = server.base_url if inside else ""
    with transaction.atomic():
        server.save(update_fields=["inside_at", "inside_by", "inside_url"])
        audit(
            actor=actor,
            action="chatserver.inside" if inside else "chatserver.outside",
            thing=server,
            changes={"address": server.base_url},
            address=address,
        )


def search_server_create(
    *,
    kind: str,
    name: str,
    base_url: str,
    model: str,
    secret: str = "",
    actor: User | None = None,
    **fields: Any,
) -> SearchServer:
    """Make a server that search asks. Raises `ValidationError`."""
    server = SearchServer(kind=kind, name=name, base_url=base_url, model=model, **fields)
    server.full_clean()
    with transaction.atomic():
        server.save()
        audit(actor=actor, action="searchserver.create", thing=server)
        if secret:
            account_secret_set(account=server, secret=secret, actor=actor)
    return server


def recogniser_audit(*, actor: User, action: str, key: str, address: str | None) -> AuditEvent:
    """Note what somebody did with a recogniser; one that needs no account has no row to point at."""
    return AuditEvent.objects.create(
        actor=actor,
        action=action,
        object_type=ProviderAccount._meta.label_lower,
        object_id=key,
        changes={},
        address=address,
    )
