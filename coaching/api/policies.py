"""API of policies: drafts, review, revisions, files."""

from __future__ import annotations

from typing import Any, NoReturn
from uuid import UUID

import django_filters as filters
from django.core.exceptions import ValidationError
from django.db.models import Max, QuerySet
from django.http import Http404, HttpResponse
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.base import CompanyViewSet, ErrorSerializer, ItemListMixin, PersonSerializer
from accounts.api.parsers import PlainJSONParser
from accounts.permissions import Permission
from accounts.throttle import address_of
from coaching import exchange
from coaching.comparing import revision_changes
from coaching.models import SCOPED, Combine, Policy, PolicyRevision
from coaching.services import (
    policy_complaints,
    policy_create,
    policy_draft_save,
    policy_publish,
    policy_retire,
    policy_roll_back,
    policy_send_back,
    policy_submit,
)
from conversations.events import person

Serializer = serializers.Serializer[Any]


class ScopedSerializer(Serializer):
    scope = serializers.DictField(
        help_text="agents, teams (ids), queues (keys), channels, languages, time {days, from, until}; {}: everyone."
    )
    combine = serializers.ChoiceField(
        Combine.choices, help_text="instead: of policies for more people than this one."
    )
    starts_at = serializers.DateTimeField(allow_null=True)
    ends_at = serializers.DateTimeField(allow_null=True)
    rollout_percent = serializers.IntegerField(
        min_value=1, max_value=100, help_text="Share of agents; the others stay with the revision before."
    )


class GuidancePolicySerializer(ScopedSerializer):
    id = serializers.UUIDField()
    name = serializers.CharField()
    state = serializers.ChoiceField(Policy.State.choices)
    in_effect = serializers.BooleanField(help_text="Whether a revision of it is in use.")
    revision = serializers.IntegerField(allow_null=True, help_text="The newest one.")
    submitted_at = serializers.DateTimeField(allow_null=True)
    submitted_by = PersonSerializer(allow_null=True)
    updated_at = serializers.DateTimeField()


class PolicyWholeSerializer(GuidancePolicySerializer):
    draft = serializers.DictField(help_text="The policy language; see docs/guidance.md.")


class DraftSerializer(Serializer):
    """What is left out stays as it is."""

    name = serializers.CharField(max_length=80, required=False)
    draft = serializers.DictField(required=False)
    scope = serializers.DictField(required=False)
    combine = serializers.ChoiceField(Combine.choices, required=False)
    starts_at = serializers.DateTimeField(allow_null=True, required=False)
    ends_at = serializers.DateTimeField(allow_null=True, required=False)
    rollout_percent = serializers.IntegerField(min_value=1, max_value=100, required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        unknown = set(self.initial_data) - set(self.fields)
        if unknown:
            raise serializers.ValidationError(
                {name[:60]: _("This cannot be changed.") for name in sorted(unknown)}
            )
        return attrs


class NewPolicySerializer(DraftSerializer):
    name = serializers.CharField(max_length=80)


class CheckSerializer(Serializer):
    draft = serializers.DictField(required=False, help_text="Judged instead of the draft that is kept.")


class ComplaintSerializer(Serializer):
    where = serializers.CharField(help_text="A path into the document: rules[2].when.")
    sentence = serializers.CharField()
    kind = serializers.ChoiceField(["error", "warning"])


class ComplaintsSerializer(Serializer):
    complaints = ComplaintSerializer(many=True)


class PublishedRevisionSerializer(ScopedSerializer):
    id = serializers.UUIDField()
    number = serializers.IntegerField()
    restores = serializers.IntegerField(allow_null=True, help_text="The revision that it brought back.")
    published_at = serializers.DateTimeField()
    published_by = PersonSerializer(allow_null=True)


class RevisionsSerializer(Serializer):
    revisions = PublishedRevisionSerializer(many=True)


class RollBackSerializer(Serializer):
    number = serializers.IntegerField(min_value=1, help_text="The revision to bring back.")


class LineSerializer(Serializer):
    left = serializers.CharField(allow_null=True)
    right = serializers.CharField(allow_null=True)
    kind = serializers.ChoiceField(["same", "changed", "added", "removed"])


class PolicyChangeSerializer(Serializer):
    part = serializers.CharField(help_text="rules, behaviours, playbooks or settings.")
    id = serializers.CharField()
    name = serializers.CharField()
    kind = serializers.ChoiceField(["changed", "added", "removed", "moved"])
    lines = LineSerializer(many=True)


class PolicyChangesSerializer(Serializer):
    changes = PolicyChangeSerializer(many=True)


class PolicyFilter(filters.FilterSet):
    state = filters.ChoiceFilter(choices=Policy.State)
    in_effect = filters.BooleanFilter(field_name="in_use_from", lookup_expr="isnull", exclude=True)
    name = filters.CharFilter(lookup_expr="icontains", max_length=80)

    class Meta:
        model = Policy
        fields: list[str] = []


class FileParser(BaseParser):
    """A policy's file as YAML."""

    media_type = "application/yaml"

    def parse(self, stream: Any, media_type: Any = None, parser_context: Any = None) -> dict[str, Any]:
        try:
            return exchange.read(stream.read(exchange.MAX_BYTES + 1))
        except ValidationError as error:
            raise serializers.ValidationError({"file": error.messages}) from None


class FileNegotiation(BaseContentNegotiation):
    """Whatever the reader accepts, the file is what the address says."""

    def select_parser(self, request: Any, parsers: Any) -> Any:
        return parsers[0]

    def select_renderer(self, request: Any, renderers: Any, format_suffix: Any = None) -> Any:
        return renderers[0], renderers[0].media_type


class PolicyViewSet(ItemListMixin, CompanyViewSet):
    """Policies: what agents are shown, and when."""

    permission = Permission.ADMIN_CONFIGURE
    serializer_class = GuidancePolicySerializer
    filterset_class = PolicyFilter
    queryset = Policy.objects.none()

    def get_queryset(self) -> QuerySet[Any]:
        if self.is_schema:
            return Policy.objects.none()
        rows = Policy.objects.select_related("submitted_by").annotate(newest=Max("revisions__number"))
        return rows.defer("draft") if self.action == "list" else rows

    def render(self, row: Any) -> dict[str, Any]:
        return {
            "id": row.pk,
            "name": row.name,
            "state": row.state,
            "in_effect": row.in_use_from is not None,
            "revision": row.newest,
            "submitted_at": row.submitted_at,
            "submitted_by": person(row.submitted_by),
            "updated_at": row.updated_at,
            **{name: getattr(row, name) for name in SCOPED},
        }

    @extend_schema(responses=PolicyWholeSerializer)
    def retrieve(self, request: Request, pk: UUID) -> Response:
        """One policy with its draft."""
        return self._whole(pk)

    @extend_schema(request=NewPolicySerializer, responses={201: PolicyWholeSerializer, 400: ErrorSerializer})
    def create(self, request: Request) -> Response:
        """Begin a policy as a draft."""
        given = NewPolicySerializer(data=request.data)
        given.is_valid(raise_exception=True)
        wanted = dict(given.validated_data)
        policy = policy_create(
            document=wanted.pop("draft", None), actor=self.user, address=self._address, **wanted
        )
        return self._whole(policy.pk, status.HTTP_201_CREATED)

    @extend_schema(request=DraftSerializer, responses={200: PolicyWholeSerializer, 400: ErrorSerializer})
    def partial_update(self, request: Request, pk: UUID) -> Response:
        """Change the draft. What is in effect stays so until it is published."""
        given = DraftSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        wanted = dict(given.validated_data)
        policy_draft_save(
            policy=self._one(pk),
            document=wanted.pop("draft", None),
            actor=self.user,
            address=self._address,
            **wanted,
        )
        return self._whole(pk)

    @extend_schema(request=CheckSerializer, responses=ComplaintsSerializer, filters=False)
    @action(detail=True, methods=["post"], pagination_class=None)
    def check(self, request: Request, pk: UUID) -> Response:
        """Say what is wrong (error) or odd (warning) about the draft, or about the one that is sent."""
        given = CheckSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        found = policy_complaints(self._one(pk), given.validated_data.get("draft"))
        shown = [{"where": one.where, "sentence": one.sentence, "kind": one.kind} for one in found]
        return Response(ComplaintsSerializer({"complaints": shown}).data)

    @extend_schema(request=None, responses=PolicyWholeSerializer, filters=False)
    @action(detail=True, methods=["post"], pagination_class=None)
    def submit(self, request: Request, pk: UUID) -> Response:
        """Hand the draft in for review."""
        policy_submit(policy=self._one(pk), actor=self.user, address=self._address)
        return self._whole(pk)

    @extend_schema(request=None, responses=PolicyWholeSerializer, filters=False)
    @action(detail=True, methods=["post"], url_path="send-back", pagination_class=None)
    def send_back(self, request: Request, pk: UUID) -> Response:
        """Give a draft under review back to who wrote it."""
        policy_send_back(policy=self._one(pk), actor=self.user, address=self._address)
        return self._whole(pk)

    @extend_schema(request=None, responses=PublishedRevisionSerializer, filters=False)
    @action(detail=True, methods=["post"], pagination_class=None)
    def publish(self, request: Request, pk: UUID) -> Response:
        """Make the draft effective for conversations that begin from now on."""
        row = policy_publish(policy=self._one(pk), actor=self.user, address=self._address)
        return Response(PublishedRevisionSerializer(_revision(row)).data)

    @extend_schema(request=None, responses=PolicyWholeSerializer, filters=False)
    @action(detail=True, methods=["post"], pagination_class=None)
    def retire(self, request: Request, pk: UUID) -> Response:
        """Take it out of use for conversations that begin from now on."""
        policy_retire(policy=self._one(pk), actor=self.user, address=self._address)
        return self._whole(pk)

    @extend_schema(request=RollBackSerializer, responses=PublishedRevisionSerializer, filters=False)
    @action(detail=True, methods=["post"], url_path="roll-back", pagination_class=None)
    def roll_back(self, request: Request, pk: UUID) -> Response:
        """Publish what an earlier revision said as a new one, at once and for all agents."""
        given = RollBackSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        row = policy_roll_back(
            policy=self._one(pk),
            number=given.validated_data["number"],
            actor=self.user,
            address=self._address,
        )
        return Response(PublishedRevisionSerializer(_revision(row)).data)

    @extend_schema(responses=RevisionsSerializer, filters=False)
    @action(detail=True, pagination_class=None)
    def revisions(self, request: Request, pk: UUID) -> Response:
        """What was published of it, newest first, at most the last 200."""
        rows = self._one(pk).revisions.select_related("published_by").defer("document", "names")
        shown = [_revision(row) for row in rows.order_by("-number")[:200]]
        return Response(RevisionsSerializer({"revisions": shown}).data)

    @extend_schema(
        parameters=[
            OpenApiParameter("from", OpenApiTypes.INT, description="A revision; the newest when left out."),
            OpenApiParameter("to", OpenApiTypes.INT, description="A revision; the draft when left out."),
        ],
        responses=PolicyChangesSerializer,
        filters=False,
    )
    @action(detail=True, pagination_class=None)
    def diff(self, request: Request, pk: UUID) -> Response:
        """What differs between two revisions, or a revision and the draft, side by side."""
        policy = self._one(pk)
        before = self._numbered(policy, request.query_params.get("from"))
        if before is None:
            before = policy.revisions.order_by("-number").first()
        after = self._numbered(policy, request.query_params.get("to"))
        return Response(PolicyChangesSerializer({"changes": revision_changes(policy, before, after)}).data)

    @extend_schema(
        parameters=[
            OpenApiParameter("file", OpenApiTypes.STR, enum=["json", "yaml"]),
            OpenApiParameter("revision", OpenApiTypes.INT, description="The draft when left out."),
        ],
        responses={(200, "application/yaml"): OpenApiTypes.STR},
        filters=False,
    )
    @action(detail=True, pagination_class=None, content_negotiation_class=FileNegotiation)
    def export(self, request: Request, pk: UUID) -> HttpResponse:
        """The policy as a file, which `import` reads here or in another company."""
        policy = self._one(pk)
        form = "json" if request.query_params.get("file") == "json" else "yaml"
        revision = self._numbered(policy, request.query_params.get("revision"))
        text = exchange.write(exchange.policy_file(policy, revision), form)
        return HttpResponse(
            text,
            content_type=f"application/{form}; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="policy-{policy.pk}.{form}"'},
        )

    @extend_schema(
        request={"application/yaml": OpenApiTypes.OBJECT, "application/json": OpenApiTypes.OBJECT},
        responses={201: PolicyWholeSerializer, 400: ErrorSerializer},
        filters=False,
    )
    @action(
        detail=False,
        methods=["post"],
        url_path="import",
        url_name="import",
        pagination_class=None,
        parser_classes=[PlainJSONParser, FileParser],
    )
    def take_in(self, request: Request) -> Response:
        """Make a draft of a policy's file."""
        if not isinstance(request.data, dict):
            _refuse(_("A policy's file is an object with a name and rules."))
        fields = exchange.fields_of(request.data)
        policy = policy_create(actor=self.user, address=self._address, **fields)
        return self._whole(policy.pk, status.HTTP_201_CREATED)

    @property
    def _address(self) -> str | None:
        return address_of(self.request._request) or None

    def _one(self, pk: UUID) -> Policy:
        row = self.get_queryset().filter(pk=pk).first()
        if row is None:
            raise Http404("no such policy")
        return row  # type: ignore[no-any-return]

    def _whole(self, pk: UUID, code: int = status.HTTP_200_OK) -> Response:
        row = self._one(pk)
        return Response(PolicyWholeSerializer({**self.render(row), "draft": row.draft}).data, status=code)

    def _numbered(self, policy: Policy, number: str | None) -> PolicyRevision | None:
        if not number:
            return None
        row = (
            policy.revisions.filter(number=int(number)).first()
            if number.isascii() and number.isdigit() and len(number) < 9
            else None
        )
        if row is None:
            raise Http404("no such revision")
        return row


def _refuse(words: str) -> NoReturn:
    raise serializers.ValidationError({"file": [words]})


def _revision(row: PolicyRevision) -> dict[str, Any]:
    return {
        "id": row.pk,
        "number": row.number,
        "restores": row.restores,
        "published_at": row.published_at,
        "published_by": person(row.published_by),
        **{name: getattr(row, name) for name in SCOPED},
    }
