"""Reads of a company's telephony."""

from __future__ import annotations

from uuid import UUID

from django.db.models import Q
from django.utils import timezone

from integrations.mapping import Rule
from integrations.models import AttributeMapping, TelephonyConnection
from tenants import keys
from tenants.scope import current_schema


def connection_find(*, provider: str, ident: str) -> TelephonyConnection | None:
    """The active connection of this vendor that has this id; None too for what is no id."""
    try:
        key = UUID(ident)
    except ValueError:
        return None
    return TelephonyConnection.objects.filter(pk=key, provider=provider, active=True).first()


def connection_secrets(connection: TelephonyConnection) -> tuple[str, ...]:
    """The secrets that are good now: the newest, and while it is being changed at the vendor the one before."""
    sealed = [(connection.secret_sealed, connection.secret_version)]
    if connection.former_until is not None and connection.former_until > timezone.now():
        sealed.append((connection.former_sealed, connection.former_version))
    schema, bound = current_schema(), f"connection:{connection.pk}"
    return tuple(
        keys.unwrap(schema, bytes(wrapped), version, bound_to=bound).decode()
        for wrapped, version in sealed
        if wrapped is not None
    )


def mapping_rules(connection: TelephonyConnection) -> tuple[Rule, ...]:
    """The rules for a connection's calls: its own first, then those of the vendor."""
    rows = AttributeMapping.objects.filter(Q(connection=connection) | Q(provider=connection.provider))
    own_first = sorted(rows, key=lambda row: (row.connection_id is None, row.order, row.pk))
    return tuple(Rule(row.source, row.target, row.default) for row in own_first)
