"""Rows of many calls, of whatever models, for the one statement that puts them in.

Django's `bulk_create` is a statement a model, and looks at every value of every row. A live worker writes some hundred
small groups a second: there, that was most of a commit. Here the values of all rows go as JSON, and the database turns
them into rows by the types of its own columns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Any, TypeVar
from uuid import UUID

import orjson
from django.db import connection, models
from django.db.models.base import ModelState

M = TypeVar("M", bound=models.Model)


@dataclass(frozen=True)
class _Plan:
    """How rows of one model are put in. `made`: fields that the model fills in as they are saved."""

    names: tuple[tuple[str, str], ...]
    made: tuple[models.Field[Any, Any], ...]
    sql: str


@cache
def _plan(model: type[models.Model], owners: str, counted: tuple[tuple[str, str], ...]) -> _Plan:
    fields = [
        field
        for field in model._meta.local_concrete_fields
        # What the database gives: numbers of rows, what is worked out of other columns, its own defaults.
        if not (field.generated or isinstance(field, models.AutoField) or field.has_db_default())
    ]
    quote = connection.ops.quote_name
    columns = ", ".join(quote(str(field.column)) for field in fields)
    reckoned = dict(counted)
    values = ", ".join(reckoned.get(field.attname, f"made.{quote(str(field.column))}") for field in fields)
    table = quote(model._meta.db_table)
    return _Plan(
        tuple((field.attname, str(field.column)) for field in fields),
        tuple(
            field
            for field in fields
            if getattr(field, "auto_now", False) or getattr(field, "auto_now_add", False)
        ),
        # Names of tables and columns, which are the code's own.
        f"INSERT INTO {table} ({columns}) SELECT {values}"  # noqa: S608
        " FROM json_to_recordset(%s::json) AS put(conversation_id uuid, epoch int, made json)"
        f" JOIN {owners} USING (conversation_id, epoch), json_populate_record(NULL::{table}, put.made) AS made",
    )


def row_new(model: type[M], **values: Any) -> M:
    """A row of these values, by the names of their columns' attributes (`conversation_id`); the rest as by default.

    The same as `model(**values)`, without its look at each field and its signals: a twentieth of the time, for what is
    made many hundred times a second. The names are not checked.
    """
    row = model.__new__(model)
    kept = row.__dict__
    blank, made = _blank(model)
    kept["_state"] = ModelState()
    kept.update(blank)
    kept.update(values)
    for name, default in made:
        if name not in values:
            kept[name] = default()
    return row


@cache
def _blank(model: type[models.Model]) -> tuple[dict[str, Any], tuple[tuple[str, Callable[[], Any]], ...]]:
    """What a model's fields have by default, and by which function where it is another one for each row."""
    fields = [field for field in model._meta.concrete_fields if not field.generated]
    made = tuple((one.attname, one.default) for one in fields if one.has_default() and callable(one.default))
    # `None` keeps the place of what is made, so that rows have their values in the order of the fields.
    names = {name for name, _default in made}
    return {one.attname: None if one.attname in names else one.get_default() for one in fields}, made


# A row, and the call's owner for whom it is put in: conversation and epoch.
Owned = tuple[UUID, int, models.Model]


def inserts(rows: Iterable[Owned], owners: str, counted: dict[type[models.Model], dict[str, str]]) -> Inserts:
    """The statements that put rows in for those owners alone whom the relation `owners` has, for one `WITH`.

    `owners` has the columns `conversation_id` and `epoch`. `counted`: what a model's attributes are in SQL, of the
    columns of `owners` and those of the row, `made`. Ids are given already, but for numbers that the database gives.
    Raises `TypeError` for values that are none (expressions).
    """
    by_model: dict[type[models.Model], list[Owned]] = {}
    for owned in rows:
        by_model.setdefault(type(owned[2]), []).append(owned)
    found = Inserts([], [])
    for model, some in by_model.items():
        plan = _plan(model, owners, tuple(counted.get(model, {}).items()))
        found.statements.append(plan.sql)
        found.values.append(_values(plan, some))
    return found


@dataclass(frozen=True)
class Inserts:
    """SQL, and the one parameter of each."""

    statements: list[str]
    values: list[str]


def _values(plan: _Plan, rows: Sequence[Owned]) -> str:
    for field in plan.made:
        for _conversation, _epoch, row in rows:
            field.pre_save(row, True)
    return as_json(
        [
            {
                "conversation_id": conversation,
                "epoch": epoch,
                "made": {column: row.__dict__[name] for name, column in plan.names},
            }
            for conversation, epoch, row in rows
        ]
    )


def are_saved(rows: Iterable[models.Model]) -> None:
    """They are in the database from here on."""
    for row in rows:
        row._state.adding, row._state.db = False, connection.alias


def as_json(value: Any) -> str:
    """JSON as the database reads it."""
    return orjson.dumps(value, _other, orjson.OPT_NON_STR_KEYS).decode()


def _other(value: Any) -> str:
    if isinstance(value, bytes | memoryview):
        return f"\\x{bytes(value).hex()}"
    if isinstance(value, Decimal):
        return str(value)
    raise TypeError(f"a {type(value).__name__} is no value of a column")
