"""Writes of a company's telephony."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from accounts.models import User
from accounts.services import audit
from integrations.models import AttributeMapping, Provider, TelephonyConnection
from tenants import keys
from tenants.scope import current_schema

# How long the former secret stays good after a new one was set, so that no call is refused meanwhile.
FORMER_GOOD_FOR = timedelta(days=7)
SEEN_EVERY = timedelta(minutes=1)


def connection_create(
    *,
    provider: str,
    name: str,
    secret: str = "",
    settings: dict[str, Any] | None = None,
    active: bool = True,
    actor: User | None = None,
) -> tuple[TelephonyConnection, str]:
    """Make a connection. Returns it with its secret, which is made where none is given; nothing shows it again."""
    secret = secret or _new_secret(provider)
    with transaction.atomic():
        connection = TelephonyConnection(provider=provider, name=name, settings=settings or {}, active=active)
        connection.full_clean()
        _seal(connection, secret)
        connection.save()
        audit(actor=actor, action="telephonyconnection.create", thing=connection)
    return connection, secret


def connection_update(
    *, connection: TelephonyConnection, actor: User | None = None, **changes: Any
) -> TelephonyConnection:
    """Change name, settings or active. Raises `ValidationError`."""
    with transaction.atomic():
        for name in ("name", "settings", "active"):
            if name in changes:
                setattr(connection, name, changes[name])
        connection.full_clean()
        connection.save(update_fields=["name", "settings", "active"])
        audit(
            actor=actor,
            action="telephonyconnection.update",
            thing=connection,
            changes={"fields": sorted(changes)},
        )
    return connection


def connection_secret_set(
    *, connection: TelephonyConnection, secret: str = "", actor: User | None = None
) -> str:
    """Give a connection a new secret; the one before stays good for a week. Returns the new one."""
    secret = secret or _new_secret(connection.provider)
    with transaction.atomic():
        row = TelephonyConnection.objects.select_for_update().get(pk=connection.pk)
        row.former_sealed, row.former_version = row.secret_sealed, row.secret_version
        row.former_until = timezone.now() + FORMER_GOOD_FOR if row.former_sealed is not None else None
        _seal(row, secret)
        row.save()
        audit(actor=actor, action="telephonyconnection.secret", thing=row)
    connection.refresh_from_db()
    return secret


def connection_former_drop(*, connection: TelephonyConnection, actor: User | None = None) -> None:
    """The former secret is not good any more, from now on."""
    with transaction.atomic():
        TelephonyConnection.objects.filter(pk=connection.pk).update(
            former_sealed=None, former_version=0, former_until=None
        )
        audit(actor=actor, action="telephonyconnection.former_drop", thing=connection)


def mappings_replace(
    *, connection: TelephonyConnection, rules: Sequence[Mapping[str, str]], actor: User | None = None
) -> None:
    """Give a connection these rules (source, target, default), in this order, in the place of those it had."""
    with transaction.atomic():
        connection.mappings.all().delete()
        for order, rule in enumerate(rules):
            AttributeMapping.objects.create(connection=connection, order=order, **rule)
        audit(actor=actor, action="telephonyconnection.mappings", thing=connection)


def connection_touch(*, connection: TelephonyConnection) -> None:
    """Note that the connection was used; once a minute is enough to see that it lives."""
    now = timezone.now()
    TelephonyConnection.objects.filter(
        Q(last_seen_at__isnull=True) | Q(last_seen_at__lt=now - SEEN_EVERY), pk=connection.pk
    ).update(last_seen_at=now)


def _new_secret(provider: str) -> str:
    # Genesys Cloud takes client secrets in base64 only.
    if provider == Provider.GENESYS:
        return base64.b64encode(secrets.token_bytes(32)).decode()
    return secrets.token_urlsafe(32)


def _seal(connection: TelephonyConnection, secret: str) -> None:
    connection.secret_sealed, connection.secret_version = keys.wrap(
        current_schema(), secret.encode(), bound_to=f"connection:{connection.pk}"
    )
