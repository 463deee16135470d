"""API of the redaction policy: what it says, and what it does to a sentence."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.exceptions import Throttled
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.base import CompanyViewSet, ErrorSerializer
from accounts.permissions import Permission
from accounts.throttle import note, seconds_left
from conversations.models import RedactionPolicy
from conversations.redaction.again import still_to_read
from conversations.redaction.policy import redaction_policy
from conversations.redaction.trying import TEXT_MAX, TRIES, sentence_try
from engines.redaction.actions import Action
from engines.redaction.vocabulary import TYPES
from tenants.scope import current_schema

Serializer = serializers.Serializer[Any]


class TextSerializer(Serializer):
    text = serializers.CharField(max_length=TEXT_MAX, help_text="Neither stored nor logged.")


class PartSerializer(Serializer):
    words = serializers.CharField(required=False)
    chip = serializers.CharField(required=False)


class SpanSerializer(Serializer):
    start = serializers.IntegerField(help_text="In the text as given.")
    end = serializers.IntegerField()
    type = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]
    score = serializers.FloatField(help_text="0 to 1.")
    detector = serializers.CharField()
    reason = serializers.CharField()


class TriedSerializer(Serializer):
    text = serializers.CharField()
    parts = PartSerializer(many=True)
    spans = SpanSerializer(many=True)
    revision = serializers.IntegerField(help_text="Of the policy; 0 where the defaults hold.")


class TypeSerializer(Serializer):
    name = serializers.CharField(help_text="As in placeholders.")
    label = serializers.CharField()  # type: ignore[assignment]
    on = serializers.BooleanField(help_text="Whether it is looked for.")
    action = serializers.ChoiceField([each.value for each in Action])
    own = serializers.BooleanField(help_text="Whether it is the company's own.")


class PolicySerializer(Serializer):
    revision = serializers.IntegerField(help_text="0 where the defaults hold.")
    profile = serializers.ChoiceField(RedactionPolicy.Profile.choices)
    regions = serializers.ListField(child=serializers.CharField(), help_text="Countries of phone numbers.")
    types = TypeSerializer(many=True)
    unread = serializers.IntegerField(help_text="Conversations that are over and were not read by it.")


class RedactionViewSet(CompanyViewSet):
    """What the company hides."""

    permission = Permission.ADMIN_CONFIGURE
    serializer_class = TriedSerializer
    pagination_class = None
    filter_backends: list[Any] = []
    queryset = RedactionPolicy.objects.none()

    @extend_schema(responses=PolicySerializer)
    def list(self, request: Request) -> Response:
        """The policy that holds now. Patterns, words and examples of own types are in the admin alone."""
        policy = redaction_policy()
        shown = {
            "revision": policy.revision,
            "profile": policy.profile,
            "regions": policy.regions,
            "types": [
                {
                    "name": name,
                    "label": label,
                    "on": policy.is_on(name),
                    "action": policy.actions.get(name, Action.MASK),
                    "own": name not in TYPES,
                }
                for name, label in policy.types.items()
            ],
            "unread": still_to_read(since=None),
        }
        return Response(PolicySerializer(shown).data)

    @extend_schema(
        request=TextSerializer,
        responses={200: TriedSerializer, 400: ErrorSerializer, 429: ErrorSerializer},
    )
    @action(detail=False, methods=["post"], url_path="try", url_name="try")
    def attempt(self, request: Request) -> Response:
        """Read a sentence under the company's policy and say what is found in it, and why."""
        who, where = str(self.user.pk), current_schema()
        left = seconds_left(TRIES, address=who, place=where)
        if left:
            raise Throttled(wait=left, detail=_("Too many tries."))
        note(TRIES, address=who, place=where)
        given = TextSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        policy = redaction_policy()
        answer = sentence_try(given.validated_data["text"], policy) | {"revision": policy.revision}
        return Response(TriedSerializer(answer).data, headers={"Cache-Control": "no-store"})
