"""Rows that are shown by a function, brought into the form that a serializer declares.

A serializer looks for each field of each row anew: attribute or key, what kind, whether it may be left out. A list of
fifty scores has some forty thousand fields. What a field does with a plain value is decided once for the list here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from rest_framework import serializers

Shape = Callable[[Any], Any]
# What these do with text is to leave it as it is.
TEXT = (
    serializers.CharField,
    serializers.UUIDField,
    serializers.DateTimeField,
    serializers.DateField,
)


def rows_shaped(serializer: serializers.BaseSerializer[Any], rows: Iterable[dict[str, Any]]) -> list[Any]:
    """What `serializer` (one row's) makes of these rows: the same as its `data`, for rows that are dicts."""
    shape = _shape(serializer)
    return [shape(row) for row in rows]


def _shape(field: Any) -> Shape:
    kind = type(field)
    if isinstance(field, serializers.ListSerializer):
        each = _shape(field.child)
        return lambda values: [each(one) for one in values]
    if (
        isinstance(field, serializers.Serializer)
        and kind.to_representation is serializers.Serializer.to_representation
    ):
        return _object(field)
    whole = field.to_representation
    if kind in TEXT or (kind is serializers.ChoiceField and all(type(one) is str for one in field.choices)):
        return lambda value: value if value and type(value) is str else whole(value)
    if kind is serializers.BooleanField:
        return lambda value: value if type(value) is bool else whole(value)
    if kind is serializers.IntegerField:
        return lambda value: value if type(value) is int else whole(value)
    if kind is serializers.FloatField:
        return lambda value: value if type(value) is float else whole(value)
    if kind is serializers.ListField:
        each = _shape(field.child)
        return lambda values: [None if one is None else each(one) for one in values]
    return whole


def _object(serializer: serializers.Serializer[Any]) -> Shape:
    fields = [
        (name, _key(field), _shape(field), field)
        for name, field in serializer.fields.items()
        if not field.write_only
    ]

    def shape(row: Any) -> Any:
        found: dict[str, Any] = {}
        for name, key, each, field in fields:
            if type(row) is dict and key in row:
                value = row[key]
            else:
                # Left out, or not where it is usually: the field knows whether it may be.
                try:
                    value = field.get_attribute(row)
                except serializers.SkipField:
                    continue
            found[name] = None if value is None else each(value)
        return found

    return shape


def _key(field: serializers.Field[Any, Any, Any, Any]) -> str | None:
    """Under which key of a row a field's value is; None where it is more than that."""
    plain = type(field).get_attribute is serializers.Field.get_attribute
    return field.source_attrs[0] if plain and len(field.source_attrs) == 1 else None
