"""API of telephony connections: what the admin page does, for programs."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError as ModelError
from django.db import transaction
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.base import CompanyViewSet
from accounts.permissions import Permission
from accounts.services import audit
from integrations.mapping import TARGET_PATTERN
from integrations.models import AttributeMapping, TelephonyConnection
from integrations.services import (
    connection_create,
    connection_secret_set,
    connection_update,
    mappings_replace,
)
from integrations.telephony.setup import line_url, setup_text


class MappingSerializer(serializers.ModelSerializer[AttributeMapping]):
    """What an attribute of the vendor is to us; the first rule that finds a value decides."""

    source = serializers.CharField(max_length=200, allow_blank=True, default="")  # type: ignore[assignment]
    target = serializers.RegexField(TARGET_PATTERN, max_length=80)
    default = serializers.CharField(max_length=200, allow_blank=True, default="")  # type: ignore[assignment]

    class Meta:
        model = AttributeMapping
        fields = ("source", "target", "default")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not attrs.get("source") and not attrs.get("default"):
            raise serializers.ValidationError("A rule needs an attribute or a default.")
        return attrs


class ConnectionSerializer(serializers.ModelSerializer[TelephonyConnection]):
    mappings = MappingSerializer(many=True, required=False)
    settings = serializers.DictField(required=False)
    secret = serializers.CharField(
        write_only=True, required=False, max_length=500, help_text="Empty on creation: one is made."
    )
    address = serializers.SerializerMethodField(help_text="Where the vendor's lines go.")
    setup = serializers.SerializerMethodField(help_text="What to paste at the vendor.")

    class Meta:
        model = TelephonyConnection
        fields = (
            "id",
            "provider",
            "name",
            "settings",
            "active",
            "secret",
            "mappings",
            "address",
            "setup",
            "last_seen_at",
        )
        read_only_fields = ("last_seen_at",)

    def _host(self) -> str:
        return str(self.context["request"].get_host()).rsplit(":", 1)[0]

    def get_address(self, row: TelephonyConnection) -> str:
        return line_url(row, self._host())

    def get_setup(self, row: TelephonyConnection) -> str:
        return setup_text(row, self._host())

    def validate_provider(self, value: str) -> str:
        if self.instance is not None and value != self.instance.provider:
            raise serializers.ValidationError("The vendor of a connection does not change.")
        return value


class SecretSerializer(serializers.Serializer[Any]):
    secret = serializers.CharField(required=False, allow_blank=True, max_length=500, default="")


class MadeSerializer(ConnectionSerializer):
    """A new connection, with its secret, which nothing shows again."""

    secret = serializers.CharField(read_only=True)  # type: ignore[assignment]


class ConnectionViewSet(
    mixins.ListModelMixin, mixins.RetrieveModelMixin, mixins.DestroyModelMixin, CompanyViewSet
):
    """Connections of telephony vendors."""

    permission = Permission.ADMIN_CONFIGURE
    serializer_class = ConnectionSerializer
    filterset_fields = ("provider", "active")
    queryset = TelephonyConnection.objects.none()

    def get_queryset(self) -> QuerySet[Any]:
        if self.is_schema:
            return TelephonyConnection.objects.none()
        return TelephonyConnection.objects.prefetch_related("mappings")

    @extend_schema(responses={201: MadeSerializer})
    def create(self, request: Request) -> Response:
        said = self._said(request)
        with transaction.atomic(), _fields_told():
            row, secret = connection_create(
                provider=said["provider"],
                name=said["name"],
                secret=said.get("secret", ""),
                settings=said.get("settings"),
                active=said.get("active", True),
                actor=self.user,
            )
            mappings_replace(connection=row, rules=said.get("mappings", []))
        shown = self.get_serializer(self.get_queryset().get(pk=row.pk)).data
        return Response({**shown, "secret": secret}, status=status.HTTP_201_CREATED)

    @extend_schema(request=ConnectionSerializer, responses=ConnectionSerializer)
    def partial_update(self, request: Request, pk: Any = None) -> Response:
        row = self.get_object()
        said = self._said(request, row)
        changes = {name: said[name] for name in ("name", "settings", "active") if name in said}
        with transaction.atomic(), _fields_told():
            if changes:
                connection_update(connection=row, actor=self.user, **changes)
            if "mappings" in said:
                mappings_replace(connection=row, rules=said["mappings"], actor=self.user)
            if said.get("secret"):
                connection_secret_set(connection=row, secret=said["secret"], actor=self.user)
        return Response(self.get_serializer(self.get_queryset().get(pk=row.pk)).data)

    def perform_destroy(self, instance: TelephonyConnection) -> None:
        with transaction.atomic():
            audit(actor=self.user, action="telephonyconnection.delete", thing=instance)
            instance.delete()

    @extend_schema(request=SecretSerializer, responses=SecretSerializer)
    @action(detail=True, methods=["post"])
    def secret(self, request: Request, pk: Any = None) -> Response:
        """Give the connection a new secret, made here if none is given; the former is good for a week."""
        given = SecretSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        secret = connection_secret_set(
            connection=self.get_object(), secret=given.validated_data["secret"], actor=self.user
        )
        return Response({"secret": secret})

    def _said(self, request: Request, row: TelephonyConnection | None = None) -> dict[str, Any]:
        serializer = self.get_serializer(row, data=request.data, partial=row is not None)
        serializer.is_valid(raise_exception=True)
        return dict(serializer.validated_data)


class _fields_told:
    """Turns what the model finds wrong into the API's own error."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        if isinstance(error, ModelError):
            raise serializers.ValidationError(serializers.as_serializer_error(error)) from None
