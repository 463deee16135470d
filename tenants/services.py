"""Writes to the public schema: companies come and change here."""

from __future__ import annotations

import re

from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.db import connection, transaction
from django.utils.translation import gettext as _
from django_tenants.utils import schema_exists
from psycopg import sql

from tenants.keys import tenant_key_create
from tenants.migrating import shared_migrate
from tenants.models import Domain, Tenant
from tenants.scope import PUBLIC, schema_scope

TEMPLATE = "template"
RESERVED = {PUBLIC, TEMPLATE, "www", "admin", "api", "static", "information_schema"}
_SCHEMA = re.compile(r"[a-z][a-z0-9_]{1,40}")


def platform_prepare(*, domain: str, verbosity: int = 0) -> None:
    """Migrate the shared tables, the template and every company; safe to run again at any time."""
    shared_migrate()
    with schema_scope(PUBLIC):
        platform, _created = Tenant.objects.get_or_create(schema_name=PUBLIC, defaults={"name": "Platform"})
        Domain.objects.get_or_create(domain=domain, defaults={"tenant": platform})
        if not Tenant.objects.filter(schema_name=TEMPLATE).exists():
            # The first save of a tenant makes its schema by running all migrations once; all others are clones.
            Tenant.objects.create(schema_name=TEMPLATE, name="Template", state=Tenant.State.TEMPLATE)
        else:
            call_command("migrate_schemas", tenant=True, interactive=False, verbosity=verbosity)


_RENAMED = """
    SELECT copy.conrelid::regclass::text, copy.conname, original.conname
      FROM pg_constraint original
      JOIN pg_class original_table ON original_table.oid = original.conrelid
      JOIN pg_class copy_table ON copy_table.relname = original_table.relname
      JOIN pg_constraint copy ON copy.conrelid = copy_table.oid AND copy.contype = 'u'
       AND pg_get_constraintdef(copy.oid) = pg_get_constraintdef(original.oid)
     WHERE original.connamespace = %s::regnamespace AND original.contype = 'u'
       AND copy.connamespace = %s::regnamespace AND copy.conname <> original.conname
"""


def _constraint_names_restore(schema: str) -> None:
    """Give a clone's unique constraints the template's names: cloning invents new ones, migrations go by the old."""
    with connection.cursor() as cursor:
        cursor.execute(_RENAMED, [TEMPLATE, schema])
        for table, new_name, name in cursor.fetchall():
            cursor.execute(
                sql.SQL("ALTER TABLE {}.{} RENAME CONSTRAINT {} TO {}").format(
                    sql.Identifier(schema),
                    sql.Identifier(table.rsplit(".", 1)[-1].strip('"')),
                    sql.Identifier(new_name),
                    sql.Identifier(name),
                )
            )


_STORED = """
    SELECT relname, unnest(reloptions)
      FROM pg_class
     WHERE relnamespace = %s::regnamespace AND relkind = 'r' AND reloptions IS NOT NULL
"""


def _storage_restore(schema: str) -> None:
    """Have a clone's tables kept as the template's are (room in their pages, say): cloning leaves that out."""
    with connection.cursor() as cursor:
        cursor.execute(_STORED, [TEMPLATE])
        for table, option in cursor.fetchall():
            name, value = option.split("=", 1)
            cursor.execute(
                sql.SQL("ALTER TABLE {}.{} SET ({} = {})").format(
                    sql.Identifier(schema), sql.Identifier(table), sql.Identifier(name), sql.Literal(value)
                )
            )


def tenant_check(*, schema: str, domain: str) -> None:
    """Whether a company of this schema and host can be made. Raises `ValidationError` by field when it cannot."""
    if not _SCHEMA.fullmatch(schema) or schema in RESERVED:
        raise ValidationError(
            {
                "schema_name": _(
                    "Use 2 to 41 lower-case letters, digits and underscores, beginning with a letter."
                )
            }
        )
    with schema_scope(PUBLIC):
        if Tenant.objects.filter(schema_name=schema).exists() or schema_exists(schema):
            raise ValidationError({"schema_name": _("A company with this schema exists already.")})
        if Domain.objects.filter(domain=domain).exists():
            raise ValidationError({"domain": _("This host name belongs to a company already.")})


def domain_ensure(*, schema: str, domain: str) -> None:
    """Have a further host name lead to a company. Raises `ValidationError` if it leads to another."""
    with schema_scope(PUBLIC):
        tenant = Tenant.objects.get(schema_name=schema)
        row, _created = Domain.objects.get_or_create(
            domain=domain, defaults={"tenant": tenant, "is_primary": False}
        )
        if row.tenant_id != tenant.pk:
            raise ValidationError({"domain": _("This host name belongs to a company already.")})


def tenant_create(*, schema: str, name: str, domain: str, **fields: object) -> Tenant:
    """Create a company: its schema cloned from the template, its host, its first data key.

    Raises `ValidationError` for a name that cannot be a schema, or one that is taken.
    """
    tenant_check(schema=schema, domain=domain)
    with schema_scope(PUBLIC), transaction.atomic():
        tenant = Tenant(schema_name=schema, name=name, **fields)
        tenant.full_clean()
        tenant.save(verbosity=0)
        _constraint_names_restore(schema)
        _storage_restore(schema)
        Domain.objects.create(domain=domain, tenant=tenant)
        tenant_key_create(tenant=tenant)
    return tenant


def tenant_suspend(*, tenant: Tenant) -> bool:
    """Close an active company's host to everybody; nothing is deleted. Returns whether that changed anything."""
    return _tenant_move(tenant, Tenant.State.ACTIVE, Tenant.State.SUSPENDED)


def tenant_activate(*, tenant: Tenant) -> bool:
    """Open a suspended company's host again. Returns whether that changed anything."""
    return _tenant_move(tenant, Tenant.State.SUSPENDED, Tenant.State.ACTIVE)


def _tenant_move(tenant: Tenant, before: str, after: str) -> bool:
    with schema_scope(PUBLIC):
        moved: int = Tenant.objects.filter(pk=tenant.pk, state=before).update(state=after)
    return moved == 1
