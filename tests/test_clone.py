"""A cloned company must be what migrations expect: the same names and definitions as the template's."""

from __future__ import annotations

import pytest
from django.db import connection

QUERIES = {
    "columns": """
        SELECT table_name, column_name, data_type, is_nullable, is_generated
          FROM information_schema.columns WHERE table_schema = %s""",
    "indexes": "SELECT tablename, indexname FROM pg_indexes WHERE schemaname = %s",
    "constraints": """
        SELECT conrelid::regclass::text, conname, contype, pg_get_constraintdef(oid)
          FROM pg_constraint WHERE connamespace = %s::regnamespace""",
    "storage": """
        SELECT relname, reloptions, attname, attstorage
          FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid AND attnum > 0 AND NOT attisdropped
         WHERE relnamespace = %s::regnamespace AND relkind = 'r'""",
}


@pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES.keys())
def test_a_clone_has_the_names_of_the_template(world, query):
    def shape(schema):
        with connection.cursor() as cursor:
            cursor.execute(query, [schema])
            return {tuple(str(value).replace(f"{schema}.", "") for value in row) for row in cursor.fetchall()}

    assert shape(world.acme.schema) == shape("template")


def test_a_live_call_s_row_is_written_in_its_place(world):
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT reloptions FROM pg_class
                WHERE relname = 'conversations_callowner' AND relnamespace = %s::regnamespace""",
            [world.acme.schema],
        )
        assert set(cursor.fetchone()[0]) == {"fillfactor=50", "toast_tuple_target=4080"}
