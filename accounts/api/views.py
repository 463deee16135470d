"""API of people: the import that the admin page does, for programs."""

from __future__ import annotations

from typing import Any, cast

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import throttle
from accounts.imports import Row, people_import, people_plan
from accounts.models import User
from accounts.permissions import Permission


class PeopleFile(serializers.Serializer[Any]):
    csv = serializers.CharField(
        trim_whitespace=False, help_text="The CSV file, UTF-8, at most 2 MB and 10,000 rows."
    )


class PeopleRow(serializers.Serializer[Row]):
    line = serializers.IntegerField()
    email = serializers.CharField()
    outcome = serializers.ChoiceField(["create", "update", "unchanged", "error"])
    changes = serializers.ListField(child=serializers.CharField())
    problem = serializers.CharField()


class PeopleResult(serializers.Serializer[Any]):
    applied = serializers.BooleanField()
    totals = serializers.DictField(child=serializers.IntegerField(), help_text="Number of rows by outcome.")
    rows = PeopleRow(many=True)


class PeopleImport(APIView):
    """Import people, teams and telephony identities: all rows or none."""

    permission = Permission.PEOPLE_IMPORT

    @extend_schema(
        request=PeopleFile,
        responses=PeopleResult,
        parameters=[
            OpenApiParameter("dry_run", bool, description="1: say what would change, change nothing.")
        ],
    )
    def post(self, request: Request) -> Response:
        file = PeopleFile(data=request.data)
        file.is_valid(raise_exception=True)
        actor = cast(User, request.user)  # nobody else has the permission
        text, dry_run = file.validated_data["csv"], request.query_params.get("dry_run") in {"1", "true"}
        if dry_run:
            plan = people_plan(text=text, actor=actor)
        else:
            plan = people_import(
                text=text, actor=actor, address=throttle.address_of(request._request) or None
            )
        result = {"applied": not dry_run, "totals": plan.totals, "rows": plan.rows}
        return Response(PeopleResult(result).data)
