"""Writes of accounts: what is set about them, and their keys, which nothing shows again."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from accounts.models import AuditEvent, User
from accounts.services import audit
from providers.models import ProviderAccount
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


def account_secret_set(*, account: ProviderAccount, secret: str, actor: User | None = None) -> None:
    """Seal a new key for the account in the place of the former one; "" takes it away."""
    with transaction.atomic():
        if secret:
            account.secret_sealed, account.secret_version = keys.wrap(
                current_schema(), secret.encode(), bound_to=secret_binding(account)
            )
        else:
            account.secret_sealed, account.secret_version = None, 0
        account.save(update_fields=["secret_sealed", "secret_version"])
        audit(actor=actor, action="provideraccount.secret", thing=account)


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
