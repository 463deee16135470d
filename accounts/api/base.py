"""What the view sets of every room share: the signed-in person, items shown as in events."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from accounts.api.shown import rows_shaped
from accounts.models import User


class PersonSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    name = serializers.CharField()


class ErrorSerializer(serializers.Serializer[Any]):
    """The one error shape."""

    class Inner(serializers.Serializer[Any]):
        code = serializers.CharField()
        message = serializers.CharField()
        fields = serializers.DictField(required=False)  # type: ignore[assignment]

    error = Inner()


class CompanyViewSet(GenericViewSet[Any]):
    """Base of all view sets. Keys are UUIDs; what one may not see is not there."""

    lookup_value_converter = "uuid"
    request: Request

    @property
    def user(self) -> User:
        # `Allowed` lets nobody else in.
        return cast(User, self.request.user)

    @property
    def is_schema(self) -> bool:
        """Whether this is the generator of the OpenAPI schema asking, who has no user."""
        return bool(getattr(self, "swagger_fake_view", False))


class ItemListMixin:
    """A list whose rows are shown by a function, the same one that shows them in events."""

    render: Callable[[Any], dict[str, Any]]

    def list(self, request: Request) -> Response:
        view = cast(Any, self)
        rows = view.paginate_queryset(view.filter_queryset(view.get_queryset()))
        shown = rows_shaped(view.get_serializer(), [view.render(row) for row in rows])
        return cast(Response, view.get_paginated_response(shown))

    def shown(self, row: Any) -> Response:
        view = cast(Any, self)
        return Response(view.get_serializer(view.render(row)).data)
