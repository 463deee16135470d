"""API of second readings: how far one has come, and one conversation read again."""

from __future__ import annotations

from typing import Any, cast
from uuid import UUID

from django.http import Http404
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.base import CompanyViewSet, ErrorSerializer
from accounts.errors import Conflict
from accounts.permissions import Permission
from accounts.throttle import address_of
from conversations.models import RedactionCheck
from conversations.redaction.policy import redaction_config
from conversations.redaction.read_again import checks_read_again
from conversations.redaction.second_pass import policy_mark

Serializer = serializers.Serializer[Any]


class RedactionCheckSerializer(Serializer):
    id = serializers.UUIDField(read_only=True)
    conversation = serializers.UUIDField(source="conversation_id", read_only=True)
    state = serializers.ChoiceField(RedactionCheck.State.choices, read_only=True)
    attempts = serializers.IntegerField(read_only=True)
    utterances = serializers.IntegerField(read_only=True, help_text="That were read.")
    found = serializers.IntegerField(read_only=True, help_text="That only this reading found.")
    last_error = serializers.CharField(read_only=True, help_text="Its kind and place, no words.")
    begun_at = serializers.DateTimeField(read_only=True)
    done_at = serializers.DateTimeField(read_only=True, allow_null=True)
    by_policy_of_now = serializers.SerializerMethodField()

    def get_by_policy_of_now(self, row: RedactionCheck) -> bool:
        """Whether it was read by what the company hides now."""
        return row.policy == self.context["mark"]


class CheckViewSet(CompanyViewSet):
    """Second readings of conversations that are over."""

    permission = Permission.ADMIN_CONFIGURE
    serializer_class = RedactionCheckSerializer
    filterset_fields = {"state": ["exact"], "conversation": ["exact"]}
    queryset = RedactionCheck.objects.order_by("-begun_at", "-pk")

    def list(self, request: Request) -> Response:
        """All of them, newest first."""
        rows = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response(self._shown(rows, many=True))

    def retrieve(self, request: Request, pk: UUID) -> Response:
        """How far one has come."""
        return Response(self._shown(self._one(pk)))

    @extend_schema(
        request=None, responses={202: RedactionCheckSerializer, 404: ErrorSerializer, 409: ErrorSerializer}
    )
    @action(detail=True, methods=["post"], url_path="read-again", pagination_class=None)
    def read_again(self, request: Request, pk: UUID) -> Response:
        """Read its conversation again, by the policy of now and with a fresh set of attempts.

        It is done when `state` says so. 409 where the words were erased.
        """
        row = self._one(pk)
        address = address_of(request._request) or None
        if not checks_read_again(check_ids=[row.pk], actor=self.user, address=address):
            raise Conflict(_("The words of this conversation were erased: there is nothing to read."))
        return Response(self._shown(self._one(pk)), status=status.HTTP_202_ACCEPTED)

    def _shown(self, what: Any, *, many: bool = False) -> Any:
        mark = policy_mark(redaction_config())
        return RedactionCheckSerializer(what, many=many, context={"mark": mark}).data

    def _one(self, pk: UUID) -> RedactionCheck:
        row = self.get_queryset().filter(pk=pk).first()
        if row is None:
            raise Http404("no such reading")
        return cast(RedactionCheck, row)
