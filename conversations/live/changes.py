"""Changes to rows of calls that are there already, for the one statement that writes a group.

A change that is made by itself costs a transaction its round trips: begin, change, read, commit. Live calls change some
hundred rows a second (a hint leaves, a final confirms it), and each of them would hold up the group that it comes with.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from uuid import UUID

from django.db import connection, models

from conversations.live.rows import Inserts, as_json

# What a statement tells: of each row that it changed what is read of it.
Told = Mapping[UUID, Sequence[Any]]


@dataclass(frozen=True, slots=True)
class Change:
    """Give a row these values, where it still has those of `only`; then read `read`, whether it had them or not.

    All by the names of columns' attributes (`cause_id`). `take` is called with what was read. Called as a function it
    is made by itself, within the caller's transaction.
    """

    row: models.Model
    values: Mapping[str, Any]
    only: Mapping[str, Any] = field(default_factory=dict)
    read: tuple[str, ...] = ()
    take: Callable[[dict[str, Any]], None] | None = None

    def __call__(self) -> None:
        type(self.row)._default_manager.filter(pk=self.row.pk, **self.only).update(**self.values)
        changes_read([self])


# A change, and the call's owner for whom it is made: conversation and epoch.
Owned = tuple[UUID, int, Change]


@dataclass(frozen=True)
class Changes(Inserts):
    """SQL that returns `id` and `told`, its one parameter each, and what is changed by each."""

    of: list[list[Owned]]

    def take(self, told: Mapping[int, Told]) -> list[Owned]:
        """Hand on what the statements told, by their number. Returns those that found another row than they wanted."""
        unmet = []
        for number, some in enumerate(self.of):
            for conversation, epoch, change in some:
                values = told.get(number, {}).get(change.row.pk)
                if values is None:
                    unmet.append((conversation, epoch, change))
                elif change.take is not None:
                    fields = _fields(type(change.row), change.read)
                    change.take(
                        {
                            name: one.to_python(value)
                            for name, one, value in zip(change.read, fields, values, strict=True)
                        }
                    )
        return unmet


def changes(owned: Iterable[Owned], owners: str) -> Changes:
    """The statements that make changes for those owners alone whom the relation `owners` has, for one `WITH`.

    No row may be changed twice, nor put in by the same statement: it would not be found.
    """
    alike: dict[tuple[Any, ...], list[Owned]] = {}
    for one in owned:
        change = one[2]
        kind = (type(change.row), tuple(change.values), tuple(change.only), change.read)
        alike.setdefault(kind, []).append(one)
    found = Changes([], [], [])
    for (model, values, only, read), some in alike.items():
        found.statements.append(_sql(model, owners, values, only, read))
        found.values.append(_json(model, values, only, some))
        found.of.append(some)
    return found


def changes_read(unmet: Sequence[Change]) -> None:
    """Read what changes want to have read, as the rows are now."""
    by_kind: dict[tuple[Any, ...], list[Change]] = {}
    for change in unmet:
        if change.take is not None:
            by_kind.setdefault((type(change.row), change.read), []).append(change)
    for (model, read), some in by_kind.items():
        rows = model._default_manager.filter(pk__in=[change.row.pk for change in some])
        by_id = {row.pop("pk"): row for row in rows.values("pk", *read)}
        for change in some:
            # Gone with its conversation: nobody will be shown it.
            if change.row.pk in by_id and change.take is not None:
                change.take(by_id[change.row.pk])


@cache
def _fields(model: type[models.Model], names: tuple[str, ...]) -> tuple[models.Field[Any, Any], ...]:
    by_name = {one.attname: one for one in model._meta.concrete_fields}
    return tuple(by_name[name] for name in names)


@cache
def _columns(model: type[models.Model], names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(str(one.column) for one in _fields(model, names))


@cache
def _sql(
    model: type[models.Model],
    owners: str,
    values: tuple[str, ...],
    only: tuple[str, ...],
    read: tuple[str, ...],
) -> str:
    quote = connection.ops.quote_name
    table = quote(model._meta.db_table)
    news = ", ".join(f"{quote(one)} = new.{quote(one)}" for one in _columns(model, values))
    holds = "".join(
        f" AND row.{quote(one)} IS NOT DISTINCT FROM held.{quote(one)}" for one in _columns(model, only)
    )
    told = ", ".join(f"row.{quote(one)}" for one in _columns(model, read))
    # Names of tables and columns, which are the code's own.
    return (
        f"UPDATE {table} AS row SET {news}"  # noqa: S608
        " FROM json_to_recordset(%s::json) AS put(conversation_id uuid, epoch int, id uuid, made json, held json)"
        f" JOIN {owners} USING (conversation_id, epoch),"
        f" json_populate_record(NULL::{table}, put.made) AS new,"
        f" json_populate_record(NULL::{table}, put.held) AS held"
        f" WHERE row.id = put.id{holds} RETURNING row.id, json_build_array({told}) AS told"
    )


def _json(
    model: type[models.Model], values: tuple[str, ...], only: tuple[str, ...], some: Sequence[Owned]
) -> str:
    news = tuple(zip(values, _columns(model, values), strict=True))
    holds = tuple(zip(only, _columns(model, only), strict=True))
    return as_json(
        [
            {
                "conversation_id": conversation,
                "epoch": epoch,
                "id": change.row.pk,
                "made": {column: change.values[name] for name, column in news},
                "held": {column: change.only[name] for name, column in holds},
            }
            for conversation, epoch, change in some
        ]
    )
