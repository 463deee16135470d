"""API of ready-made moments: what there is, and taking some into the company's own."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.base import CompanyViewSet, ErrorSerializer
from accounts.permissions import Permission
from moments.installing import Offered, library_install, library_offered
from moments.library import LIBRARY
from moments.models import MomentDefinition


class OfferedSerializer(serializers.Serializer[Any]):
    key = serializers.CharField()
    name = serializers.CharField()
    kind = serializers.CharField()
    speaker = serializers.CharField()
    phrases = serializers.ListField(child=serializers.CharField())
    entity = serializers.CharField(
        help_text="What is named: amount, date, product or competitor; else empty."
    )
    examples = serializers.ListField(child=serializers.CharField(), help_text="It is heard in each of these.")
    counter_examples = serializers.ListField(
        child=serializers.CharField(), help_text="It is heard in none of these."
    )
    mood = serializers.CharField(
        help_text="Of the customer's sentiment: below, above, falling or rising; else empty."
    )
    turns = serializers.IntegerField(help_text="Over how many of the customer's utterances.")
    limit = serializers.FloatField(allow_null=True)
    field = serializers.CharField(help_text="Of the kind metadata: which field of the call; else empty.")
    test = serializers.CharField()
    values = serializers.ListField(child=serializers.CharField())
    installed = serializers.BooleanField(help_text="Whether the company has a moment of this key.")
    lacks = serializers.CharField(
        help_text="product or competitor: one has to be on the company's list first; else empty."
    )


class ChosenSerializer(serializers.Serializer[Any]):
    keys = serializers.ListField(
        child=serializers.CharField(max_length=60), min_length=1, max_length=len(LIBRARY)
    )


class InstalledSerializer(serializers.Serializer[Any]):
    installed = serializers.ListField(
        child=serializers.CharField(), help_text="Keys that are new; what was there stays as it was."
    )


class MomentLibraryViewSet(CompanyViewSet):
    """Ready-made moments, with sentences in which each is heard and in which it is not."""

    permission = Permission.ADMIN_CONFIGURE
    serializer_class = OfferedSerializer
    pagination_class = None
    queryset = MomentDefinition.objects.none()

    @extend_schema(responses=OfferedSerializer(many=True))
    def list(self, request: Request) -> Response:
        return Response([_shown(one) for one in library_offered()])

    @extend_schema(request=ChosenSerializer, responses={201: InstalledSerializer, 400: ErrorSerializer})
    def create(self, request: Request) -> Response:
        chosen = ChosenSerializer(data=request.data)
        chosen.is_valid(raise_exception=True)
        made = library_install(keys=chosen.validated_data["keys"], actor=self.user)
        return Response({"installed": [one.key for one in made]}, status=status.HTTP_201_CREATED)


def _shown(one: Offered) -> dict[str, Any]:
    ready = one.ready
    return {
        "key": ready.key,
        "name": ready.name,
        "kind": ready.kind,
        "speaker": ready.speaker,
        "phrases": ready.phrases,
        "entity": ready.entity,
        "examples": one.heard,
        "counter_examples": one.unheard,
        **{name: getattr(ready, name) for name in ("mood", "turns", "limit", "field", "test", "values")},
        "installed": one.installed,
        "lacks": one.lacks,
    }
