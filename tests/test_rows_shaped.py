"""Rows of a list come out of the quick way as they do of the serializer itself."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from rest_framework import serializers

from accounts.api.shown import rows_shaped


class Person(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    name = serializers.CharField()


class Row(serializers.Serializer[Any]):
    text = serializers.CharField()
    number = serializers.IntegerField()
    share = serializers.FloatField(allow_null=True)
    cost = serializers.DecimalField(max_digits=8, decimal_places=2)
    on = serializers.BooleanField()
    kind = serializers.ChoiceField([("a", "A"), ("b", "B")])
    step = serializers.ChoiceField([(1, "one"), (2, "two")])
    at = serializers.DateTimeField(allow_null=True)
    person = Person(allow_null=True)
    people = Person(many=True)
    spans = serializers.ListField(child=serializers.ListField(child=serializers.IntegerField()))
    maybe = serializers.CharField(required=False)
    otherwise = serializers.CharField(default="none")
    inner = serializers.CharField(source="person.name", allow_null=True)
    secret = serializers.CharField(write_only=True)
    length = serializers.SerializerMethodField()

    def get_length(self, row: dict[str, Any]) -> int:
        return len(row["text"])


ANN = {"id": str(UUID(int=1)), "name": "Ann", "phone": "not shown"}
ROW = {
    "text": "words",
    "number": 3,
    "share": 0.5,
    "cost": Decimal("1.50"),
    "on": True,
    "kind": "a",
    "step": 2,
    "at": "2026-03-01T12:00:00Z",
    "person": ANN,
    "people": [ANN, ANN],
    "spans": [[0, 5], []],
    "maybe": "here",
    "otherwise": "there",
    "secret": "never",
}
OTHER = ROW | {
    "text": 7,
    "number": "3",
    "share": 1,
    "cost": "2",
    "on": "yes",
    "kind": "",
    "step": "2",
    "at": datetime(2026, 3, 1, tzinfo=UTC),
    "person": {**ANN, "id": UUID(int=1)},
    "people": [],
}
LESS = {name: value for name, value in ROW.items() if name not in {"maybe", "otherwise"}} | {
    "share": None,
    "at": "",
}


@pytest.mark.parametrize("row", [ROW, OTHER | {"text": "7"}, LESS])
def test_the_same_as_the_serializer_s_own(row: dict[str, Any]) -> None:
    assert rows_shaped(Row(), [row, ROW]) == [dict(one) for one in Row([row, ROW], many=True).data]


def test_what_may_not_be_left_out_is_missed() -> None:
    with pytest.raises(KeyError):
        rows_shaped(Person(), [{"id": str(UUID(int=1))}])
