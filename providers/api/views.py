"""API of recognisers: how each of the company's does."""

from __future__ import annotations

from typing import Any

import redis
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.base import CompanyViewSet
from accounts.permissions import Permission
from engines.speech.breaker import State
from engines.speech.faults import Fault
from providers.health import providers_health


class HealthSerializer(serializers.Serializer[Any]):
    """Counts and quantiles are of the live workers that run, since they began."""

    key = serializers.CharField(help_text="The account's id, `default` or the name of what is embedded.")
    name = serializers.CharField()
    vendor = serializers.CharField()
    routed = serializers.ListField(child=serializers.CharField())
    state = serializers.ChoiceField(choices=[str(one) for one in State], allow_null=True)
    since = serializers.DateTimeField(allow_null=True)
    workers = serializers.IntegerField()
    calls = serializers.IntegerField()
    share = serializers.FloatField(allow_null=True, help_text="Its part of all calls, 0 to 1.")
    successes = serializers.IntegerField()
    failures = serializers.IntegerField()
    fault = serializers.ChoiceField(choices=["", *(str(one) for one in Fault)])
    fault_at = serializers.DateTimeField(allow_null=True)
    latency_p50_ms = serializers.IntegerField(allow_null=True)
    latency_p95_ms = serializers.IntegerField(allow_null=True)


class Away(APIException):
    status_code = 503
    default_detail = "The workers' reports cannot be read just now."
    default_code = "away"


class ProviderViewSet(CompanyViewSet):
    """The company's recognisers."""

    permission = Permission.ADMIN_CONFIGURE
    serializer_class = HealthSerializer
    pagination_class = None
    filter_backends: list[Any] = []

    @extend_schema(responses=HealthSerializer(many=True))
    @action(detail=False, methods=["get"])
    def health(self, request: Request) -> Response:
        """How each recogniser does: its breaker, its last fault, its calls and how fast it is."""
        try:
            found = providers_health()
        except redis.RedisError:
            raise Away from None
        return Response(HealthSerializer(found, many=True).data)
