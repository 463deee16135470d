"""API of the lists of products and competitors."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.base import CompanyViewSet, ErrorSerializer, ItemListMixin
from accounts.permissions import Permission
from accounts.services import audit
from accounts.throttle import address_of
from moments.models import ListedName
from moments.naming import name_delete, name_save, names_try

Serializer = serializers.Serializer[Any]
WRITTEN = ("kind", "name", "spellings", "exact")


class ListedNameSerializer(Serializer):
    id = serializers.UUIDField()
    kind = serializers.ChoiceField(ListedName.Kind.choices)
    name = serializers.CharField()
    spellings = serializers.ListField(child=serializers.CharField())
    exact = serializers.BooleanField(help_text="Whether words are neither joined nor split.")
    updated_at = serializers.DateTimeField()


class WrittenNameSerializer(Serializer):
    """What is left out stays as it is."""

    kind = serializers.ChoiceField(ListedName.Kind.choices, required=False)
    name = serializers.CharField(max_length=60, required=False)
    spellings = serializers.ListField(
        child=serializers.CharField(max_length=60), max_length=30, required=False
    )
    exact = serializers.BooleanField(required=False)


class NewNameSerializer(WrittenNameSerializer):
    kind = serializers.ChoiceField(ListedName.Kind.choices)
    name = serializers.CharField(max_length=60)


class DraftNameSerializer(NewNameSerializer):
    id = serializers.UUIDField(required=False, help_text="Of the name in whose place it shall be tried.")


class TryNamesSerializer(Serializer):
    text = serializers.CharField(max_length=2_000)
    name = DraftNameSerializer(required=False, help_text="Tried as if it were on the list.")


class FoundNameSerializer(Serializer):
    kind = serializers.ChoiceField(ListedName.Kind.choices)
    name = serializers.CharField(help_text="As the list has it.")
    start = serializers.IntegerField(help_text="Characters of the text, half-open.")
    end = serializers.IntegerField()
    words = serializers.CharField()


class TriedNamesSerializer(Serializer):
    found = FoundNameSerializer(many=True)


class NameViewSet(ItemListMixin, CompanyViewSet):
    """Products and competitors that moments listen for, with other spellings. A change counts for new conversations."""

    permission = Permission.ADMIN_CONFIGURE
    serializer_class = ListedNameSerializer
    filterset_fields = ["kind"]
    queryset = ListedName.objects.none()

    def get_queryset(self) -> QuerySet[Any]:
        return ListedName.objects.none() if self.is_schema else ListedName.objects.all()

    def render(self, row: ListedName) -> dict[str, Any]:
        return {"id": row.pk, "updated_at": row.updated_at} | {name: getattr(row, name) for name in WRITTEN}

    @extend_schema(responses=ListedNameSerializer)
    def retrieve(self, request: Request, pk: UUID) -> Response:
        return self.shown(get_object_or_404(self.get_queryset(), pk=pk))

    @extend_schema(request=NewNameSerializer, responses={201: ListedNameSerializer, 400: ErrorSerializer})
    def create(self, request: Request) -> Response:
        given = NewNameSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        row = self._keep(ListedName(), given.validated_data)
        return Response(ListedNameSerializer(self.render(row)).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=WrittenNameSerializer, responses={200: ListedNameSerializer, 400: ErrorSerializer})
    def partial_update(self, request: Request, pk: UUID) -> Response:
        row = get_object_or_404(self.get_queryset(), pk=pk)
        given = WrittenNameSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        return self.shown(self._keep(row, given.validated_data))

    @extend_schema(responses={204: None, 400: ErrorSerializer})
    def destroy(self, request: Request, pk: UUID) -> Response:
        """Take it off. The last name of a list that a moment listens for stays."""
        row = get_object_or_404(self.get_queryset(), pk=pk)
        with transaction.atomic():
            self._audit("delete", row)
            name_delete(row=row, actor=self.user)
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(
        request=TryNamesSerializer,
        responses={200: TriedNamesSerializer, 400: ErrorSerializer},
        filters=False,
    )
    @action(detail=False, methods=["post"], url_path="try", pagination_class=None)
    def try_it(self, request: Request) -> Response:
        """Which names are heard in a text. Nothing of it is kept."""
        given = TryNamesSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        text, name = given.validated_data["text"], given.validated_data.get("name")
        found = names_try(text=text, also=None if name is None else _draft(name))
        shown = [
            {"kind": one.kind, "name": one.name, "start": one.start, "end": one.end}
            | {"words": text[one.start : one.end]}
            for one in found
        ]
        return Response({"found": shown}, headers={"Cache-Control": "no-store"})

    def _keep(self, row: ListedName, given: dict[str, Any]) -> ListedName:
        new = row._state.adding
        changed = [name for name, value in given.items() if new or getattr(row, name) != value]
        for name, value in given.items():
            setattr(row, name, value)
        with transaction.atomic():
            name_save(row=row, actor=self.user)
            self._audit("create" if new else "update", row, {} if new else {"fields": changed})
        return row

    def _audit(self, done: str, row: ListedName, changes: dict[str, Any] | None = None) -> None:
        address = address_of(self.request._request) or None
        audit(actor=self.user, action=f"listedname.{done}", thing=row, changes=changes, address=address)


def _draft(given: dict[str, Any]) -> ListedName:
    row = ListedName(**{name: value for name, value in given.items() if name in WRITTEN})
    if given.get("id") is not None:
        row.pk = given["id"]
    return row
