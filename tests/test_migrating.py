"""What the migrations made is what the models say: each table with its columns, constraints and indexes."""

from __future__ import annotations

from typing import Any

import pytest
from django.apps import apps
from django.conf import settings
from django.db import connection

from tenants.scope import PUBLIC
from tenants.services import TEMPLATE

SHARED = {entry.rsplit(".apps.", 1)[0] for entry in settings.SHARED_APPS}
OWN = {entry.rsplit(".apps.", 1)[0] for entry in settings.TENANT_APPS}


def rows(query: str, *values: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        return cursor.fetchall()


@pytest.mark.parametrize(("schema", "entries"), [(PUBLIC, SHARED), (TEMPLATE, OWN)])
def test_tables_are_as_the_models_say(northwind, schema, entries):
    columns: dict[str, dict[str, bool]] = {}
    for table, column, may_be_none in rows(
        "SELECT table_name, column_name, is_nullable = 'YES' FROM information_schema.columns WHERE table_schema = %s",
        schema,
    ):
        columns.setdefault(table, {})[column] = may_be_none
    named = {
        name
        for (name,) in rows(
            """
            SELECT conname FROM pg_constraint WHERE connamespace = %s::regnamespace
             UNION SELECT relname FROM pg_class WHERE relnamespace = %s::regnamespace AND relkind = 'i'
            """,
            schema,
            schema,
        )
    }
    models = [
        model
        for model in apps.get_models(include_auto_created=True)
        if model._meta.app_config.name in entries
    ]
    assert len(models) > 5
    for model in models:
        meta = model._meta
        if not meta.managed or meta.proxy:
            continue
        # PostgreSQL calls what it makes itself nullable.
        wanted = {field.column: field.null or field.generated for field in meta.local_concrete_fields}
        assert columns.get(meta.db_table) == wanted, meta.label
        missing = {one.name for one in [*meta.constraints, *meta.indexes]} - named
        assert not missing, meta.label
