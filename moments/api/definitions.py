"""API of moments' definitions: written, checked and switched off, under the same checks as in the admin."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import django_filters as filters
from django.db import transaction
from django.db.models import Max, QuerySet
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.base import CompanyViewSet, ErrorSerializer, ItemListMixin, PersonSerializer
from accounts.permissions import Permission
from accounts.services import audit
from accounts.throttle import address_of
from conversations.events import person
from moments.asking import question_notes
from moments.checking import Looked, moment_look
from moments.models import MomentDefinition
from moments.services import EXAMPLE_LENGTH, EXAMPLES_MAX, moment_save

Serializer = serializers.Serializer[Any]
Kind, Who, Entity = MomentDefinition.Kind, MomentDefinition.Who, MomentDefinition.Entity
PLAIN = (
    "name", "kind", "speaker", "phrases", "pattern", "entity", "reject_negated", "within_seconds", "task", "intent",
    "question", "least_score", "mood", "turns", "field", "field_test", "values", "limit", "examples",
    "counter_examples", "active",
)  # fmt: skip


def _lines(**options: Any) -> serializers.ListField:
    return serializers.ListField(
        child=serializers.CharField(max_length=options.pop("length", 500)), required=False, **options
    )


class WrittenMomentSerializer(Serializer):
    """What is left out stays as it is. Which fields count depends on the kind."""

    name = serializers.CharField(max_length=80, required=False)
    kind = serializers.ChoiceField(Kind.choices, required=False)
    speaker = serializers.ChoiceField(Who.choices, required=False)
    phrases = _lines(
        max_length=1_000, help_text="phrase: cancel* any ending, (a|b) either, ... up to three words."
    )
    pattern = serializers.CharField(max_length=400, required=False, allow_blank=True)
    entity = serializers.ChoiceField(
        Entity.choices, required=False, allow_blank=True, help_text="entity: what is named."
    )
    reject_negated = serializers.BooleanField(required=False, help_text="Not where it is denied.")
    expected = serializers.SlugField(
        required=False, allow_null=True, help_text="absence: the key of the moment that is missing."
    )
    after = serializers.SlugField(
        required=False, allow_null=True, help_text="absence: after which moment; null: the start of the call."
    )
    within_seconds = serializers.IntegerField(required=False, allow_null=True, min_value=0, max_value=86_400)
    task = serializers.SlugField(
        max_length=60, required=False, allow_blank=True, help_text="intent: the classifier."
    )
    intent = serializers.CharField(max_length=80, required=False, allow_blank=True)
    question = serializers.CharField(
        max_length=300,
        required=False,
        allow_blank=True,
        help_text="question: what a model is asked; yes is heard.",
    )
    least_score = serializers.FloatField(required=False, allow_null=True, min_value=0, max_value=1)
    mood = serializers.ChoiceField(MomentDefinition.Mood.choices, required=False, allow_blank=True)
    turns = serializers.IntegerField(required=False, min_value=0, max_value=1_000)
    field = serializers.CharField(max_length=80, required=False, allow_blank=True)
    field_test = serializers.ChoiceField(MomentDefinition.FieldTest.choices, required=False, allow_blank=True)
    values = _lines(max_length=1_000)
    limit = serializers.FloatField(required=False, allow_null=True)
    examples = _lines(
        max_length=EXAMPLES_MAX, length=EXAMPLE_LENGTH, help_text="Sentences in which it must be heard."
    )
    counter_examples = _lines(
        max_length=EXAMPLES_MAX, length=EXAMPLE_LENGTH, help_text="Near misses in which it must not."
    )
    active = serializers.BooleanField(
        required=False, help_text="false: new conversations do not listen for it."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        unknown = set(self.initial_data) - set(self.fields)
        if unknown:
            raise serializers.ValidationError(
                {name[:60]: _("This cannot be changed.") for name in sorted(unknown)}
            )
        for name in ("expected", "after"):
            if attrs.get(name):
                try:
                    attrs[name] = MomentDefinition.objects.get(key=attrs[name])
                except MomentDefinition.DoesNotExist:
                    raise serializers.ValidationError({name: _("There is no moment of this key.")}) from None
        return attrs


class NewMomentSerializer(WrittenMomentSerializer):
    key = serializers.SlugField(max_length=60, help_text="Policies and scorecards name it by this; it stays.")
    name = serializers.CharField(max_length=80)
    kind = serializers.ChoiceField(Kind.choices)


class DraftMomentSerializer(NewMomentSerializer):
    text = serializers.CharField(
        max_length=2_000, required=False, help_text="A sentence to try it on; nothing of it is kept."
    )


class MomentDefinitionSerializer(Serializer):
    id = serializers.UUIDField()
    key = serializers.CharField()
    name = serializers.CharField()
    kind = serializers.ChoiceField(Kind.choices)
    speaker = serializers.ChoiceField(Who.choices)
    active = serializers.BooleanField()
    revision = serializers.IntegerField(allow_null=True, help_text="The newest one.")
    updated_at = serializers.DateTimeField()


class MomentWholeSerializer(MomentDefinitionSerializer):
    phrases = serializers.ListField(child=serializers.CharField())
    pattern = serializers.CharField()
    entity = serializers.CharField()
    reject_negated = serializers.BooleanField()
    expected = serializers.CharField(allow_null=True)
    after = serializers.CharField(allow_null=True)
    within_seconds = serializers.IntegerField(allow_null=True)
    task = serializers.CharField()
    intent = serializers.CharField()
    question = serializers.CharField()
    least_score = serializers.FloatField(allow_null=True)
    mood = serializers.CharField()
    turns = serializers.IntegerField()
    field = serializers.CharField()
    field_test = serializers.CharField()
    values = serializers.ListField(child=serializers.CharField())
    limit = serializers.FloatField(allow_null=True)
    examples = serializers.ListField(child=serializers.CharField())
    counter_examples = serializers.ListField(child=serializers.CharField())
    notes = serializers.ListField(
        child=serializers.CharField(),
        help_text="question: why no model answers it now; empty where one does.",
    )


class LookedSerializer(Serializer):
    complaints = serializers.DictField(
        child=serializers.ListField(child=serializers.CharField()),
        help_text="What is wrong, by field; `__all__` of none. Empty: it can be saved.",
    )
    heard = serializers.BooleanField(
        allow_null=True, help_text="Whether it is heard in `text`; null where one sentence cannot show it."
    )
    spans = serializers.ListField(help_text="Where: [start, end] in characters, half-open.")
    names = serializers.ListField(child=serializers.CharField(), help_text="Which names of the list.")
    notes = serializers.ListField(
        child=serializers.CharField(),
        help_text="What it cannot do in languages other than English that the company's calls are in; of a question "
        "why no model answered it.",
    )


class MomentRevisionSerializer(Serializer):
    number = serializers.IntegerField()
    spec = serializers.DictField(help_text="What the engine was given.")
    created_at = serializers.DateTimeField()
    created_by = PersonSerializer(allow_null=True)


class MomentRevisionsSerializer(Serializer):
    revisions = MomentRevisionSerializer(many=True)


class DefinitionFilter(filters.FilterSet):
    kind = filters.ChoiceFilter(choices=Kind)
    key = filters.CharFilter(max_length=60)
    active = filters.BooleanFilter()

    class Meta:
        model = MomentDefinition
        fields: list[str] = []


class DefinitionViewSet(ItemListMixin, CompanyViewSet):
    """What is listened for. A change reaches the next conversation; a key, once given, stays."""

    permission = Permission.ADMIN_CONFIGURE
    serializer_class = MomentDefinitionSerializer
    filterset_class = DefinitionFilter
    queryset = MomentDefinition.objects.none()

    def get_queryset(self) -> QuerySet[Any]:
        if self.is_schema:
            return MomentDefinition.objects.none()
        rows = MomentDefinition.objects.annotate(newest=Max("revisions__number"))
        return rows if self.action == "list" else rows.select_related("expected", "after")

    def render(self, row: Any) -> dict[str, Any]:
        fields = ("key", "name", "kind", "speaker", "active", "updated_at")
        return {"id": row.pk, "revision": row.newest} | {name: getattr(row, name) for name in fields}

    def _whole(self, pk: UUID) -> dict[str, Any]:
        row = self._one(pk)
        written = {name: getattr(row, name) for name in PLAIN}
        keys = {name: one.key if (one := getattr(row, name)) else None for name in ("expected", "after")}
        notes = {"notes": question_notes() if row.kind == Kind.QUESTION else []}
        return dict(MomentWholeSerializer(self.render(row) | written | keys | notes).data)

    def _one(self, pk: UUID) -> Any:
        return get_object_or_404(self.get_queryset(), pk=pk)

    @extend_schema(responses=MomentWholeSerializer)
    def retrieve(self, request: Request, pk: UUID) -> Response:
        return Response(self._whole(pk))

    @extend_schema(request=NewMomentSerializer, responses={201: MomentWholeSerializer, 400: ErrorSerializer})
    def create(self, request: Request) -> Response:
        """Add one. Refused with a sentence where it could not work, or is not heard in its own examples."""
        given = NewMomentSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        row = self._keep(MomentDefinition(), given.validated_data)
        return Response(self._whole(row.pk), status=status.HTTP_201_CREATED)

    @extend_schema(
        request=WrittenMomentSerializer, responses={200: MomentWholeSerializer, 400: ErrorSerializer}
    )
    def partial_update(self, request: Request, pk: UUID) -> Response:
        """Change it, or switch it off (`active`). A change of what is listened for makes a revision."""
        row = self._one(pk)
        given = WrittenMomentSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        self._keep(row, given.validated_data)
        return Response(self._whole(row.pk))

    @extend_schema(
        request=DraftMomentSerializer, responses={200: LookedSerializer, 400: ErrorSerializer}, filters=False
    )
    @action(detail=False, methods=["post"], pagination_class=None)
    def check(self, request: Request) -> Response:
        """What saving would say, and whether a sentence is heard. Of a key that is there: as a change of it."""
        given = DraftMomentSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        said = dict(given.validated_data)
        text = said.pop("text", None)
        row = MomentDefinition.objects.filter(key=said["key"]).first() or MomentDefinition()
        for name, value in said.items():
            setattr(row, name, value)
        looked: Looked = moment_look(definition=row, text=text)
        return Response(LookedSerializer(looked).data, headers={"Cache-Control": "no-store"})

    @extend_schema(responses=MomentRevisionsSerializer, filters=False)
    @action(detail=True, methods=["get"], pagination_class=None)
    def revisions(self, request: Request, pk: UUID) -> Response:
        """What the engine was given, the newest first."""
        rows = self._one(pk).revisions.select_related("created_by").order_by("-number")
        shown = [
            {"number": one.number, "spec": one.spec, "created_at": one.created_at}
            | {"created_by": person(one.created_by)}
            for one in rows
        ]
        return Response(MomentRevisionsSerializer({"revisions": shown}).data)

    def _keep(self, row: MomentDefinition, given: dict[str, Any]) -> MomentDefinition:
        new = row._state.adding
        changed = [name for name, value in given.items() if new or getattr(row, name) != value]
        for name, value in given.items():
            setattr(row, name, value)
        with transaction.atomic():
            moment_save(definition=row, actor=self.user)
            audit(
                actor=self.user,
                action=f"momentdefinition.{'create' if new else 'update'}",
                thing=row,
                changes={} if new else {"fields": changed},
                address=address_of(self.request._request) or None,
            )
        return row
