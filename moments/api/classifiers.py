"""API of intent classifiers: train from a file, look, try a text, promote, roll back, retire."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import Http404
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError as Refused
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.base import CompanyViewSet, ErrorSerializer, ItemListMixin
from accounts.api.parsers import PlainJSONParser
from accounts.permissions import Permission
from accounts.throttle import address_of
from engines.intents import MAX_BYTES, UnusableModel
from moments.classifying import model_of
from moments.models import Classifier
from moments.training import (
    classifier_promote,
    classifier_retire,
    classifier_roll_back,
    classifier_train,
)
from moments.vectors import typed_vector

TEXT_MAX = 2_000
RANKED = 5


class ClassifierSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    task = serializers.CharField()
    version = serializers.IntegerField()
    state = serializers.ChoiceField(choices=Classifier.State.choices)
    progress = serializers.IntegerField(help_text="Of training, 0 to 100.")
    problem = serializers.CharField(help_text="Why training failed; empty else.")
    note = serializers.CharField()
    with_vectors = serializers.BooleanField(help_text="Learned from vectors of texts, too.")
    examples = serializers.IntegerField()
    created_at = serializers.DateTimeField()
    trained_at = serializers.DateTimeField(allow_null=True)
    live_from = serializers.DateTimeField(allow_null=True)
    accuracy = serializers.FloatField(allow_null=True, help_text="Cross-validated, before any is refused.")
    in_scope_accuracy = serializers.FloatField(allow_null=True, help_text="Right and not refused.")
    oos_recall = serializers.FloatField(allow_null=True, help_text="Out of scope and refused.")
    drift = serializers.ChoiceField(choices=Classifier.Drift.choices)


class ClassifierDetailSerializer(ClassifierSerializer):
    figures = serializers.DictField(help_text="Everything that cross-validation gave, confusions among it.")
    drift_figures = serializers.DictField()
    complaints = serializers.ListField(
        help_text="Lines of the file that could not be used: [line, sentence]."
    )


class TrainSerializer(serializers.Serializer[Any]):
    file = serializers.FileField(help_text="CSV with text and intent, or a JSON object a line.")
    task = serializers.CharField(max_length=60)
    note = serializers.CharField(required=False, max_length=200, default="")
    refuse_cost = serializers.FloatField(required=False, default=0.007, min_value=0.0, max_value=0.2)
    with_vectors = serializers.BooleanField(
        required=False, default=False, help_text="Learn from the vectors of the company's server, too."
    )
    strict = serializers.BooleanField(
        required=False, default=False, help_text="Refuse a file with any bad line."
    )


class TrySerializer(serializers.Serializer[Any]):
    text = serializers.CharField(max_length=TEXT_MAX)


class GuessSerializer(serializers.Serializer[Any]):
    intent = serializers.CharField(help_text="The best guess, also where it is refused.")
    score = serializers.FloatField(help_text="How sure, 0 to 1.")
    refused = serializers.BooleanField()
    ranked = serializers.ListField(help_text="The best guesses with their shares.")
    by_vector = serializers.BooleanField(help_text="Told by words and their vector; false: by words alone.")


class ClassifierViewSet(ItemListMixin, CompanyViewSet):
    """Versions of classifiers, by task, the newest first."""

    permission = Permission.ADMIN_CONFIGURE
    serializer_class = ClassifierSerializer
    parser_classes = [MultiPartParser, PlainJSONParser]
    filterset_fields = ["task", "state"]
    queryset = Classifier.objects.none()

    def get_queryset(self) -> QuerySet[Any]:
        if self.is_schema:
            return Classifier.objects.none()
        return Classifier.objects.select_related("training_set").order_by("task", "-version")

    def render(self, row: Classifier) -> dict[str, Any]:
        figures = row.figures
        return {
            "id": row.pk,
            "task": row.task,
            "version": row.version,
            "state": row.state,
            "progress": row.progress,
            "problem": row.problem,
            "note": row.note,
            "with_vectors": row.with_vectors,
            "examples": row.training_set.examples,
            "created_at": row.created_at,
            "trained_at": row.trained_at,
            "live_from": row.live_from,
            "accuracy": figures.get("accuracy"),
            "in_scope_accuracy": figures.get("in_scope_accuracy"),
            "oos_recall": figures.get("oos_recall"),
            "drift": row.drift,
        }

    def _detail(self, row: Classifier) -> dict[str, Any]:
        shown = self.render(row) | {
            "figures": row.figures,
            "drift_figures": row.drift_figures,
            "complaints": row.training_set.complaints,
        }
        return ClassifierDetailSerializer(shown).data

    def _one(self, pk: UUID) -> Classifier:
        return get_object_or_404(self.get_queryset(), pk=pk)

    @extend_schema(responses=ClassifierDetailSerializer)
    def retrieve(self, request: Request, pk: UUID) -> Response:
        """One version with all its figures."""
        return Response(self._detail(self._one(pk)))

    @extend_schema(
        request={"multipart/form-data": TrainSerializer},
        responses={201: ClassifierDetailSerializer, 400: ErrorSerializer, 409: ErrorSerializer},
    )
    def create(self, request: Request) -> Response:
        """Train a new version from labelled examples. It becomes a candidate; promote it to use it."""
        form = TrainSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        given = form.validated_data["file"]
        if given.size > MAX_BYTES:
            raise Refused({"file": [_("The file is larger than 32 MB.")]})
        try:
            made = classifier_train(
                task=form.validated_data["task"],
                data=given.read(),
                source=given.name or "",
                note=form.validated_data["note"],
                refuse_cost=form.validated_data["refuse_cost"],
                with_vectors=form.validated_data["with_vectors"],
                strict=form.validated_data["strict"],
                actor=self.user,
                address=address_of(request._request) or None,
            )
        except ValidationError as error:
            raise Refused(error.message_dict) from None
        return Response(self._detail(self._one(made.pk)), status=201)

    @extend_schema(request=None, responses={200: ClassifierDetailSerializer, 409: ErrorSerializer})
    @action(detail=True, methods=["post"])
    def promote(self, request: Request, pk: UUID) -> Response:
        """Make this version the live one of its task; what was live is retired."""
        row = self._one(pk)
        classifier_promote(
            classifier_id=row.pk, actor=self.user, address=address_of(request._request) or None
        )
        return Response(self._detail(self._one(pk)))

    @extend_schema(request=None, responses={200: ClassifierDetailSerializer, 409: ErrorSerializer})
    @action(detail=True, methods=["post"], url_path="roll-back")
    def roll_back(self, request: Request, pk: UUID) -> Response:
        """Of this version's task, put back the one that was live before the one that is. Answers with that one."""
        row = self._one(pk)
        before = classifier_roll_back(
            task=row.task, actor=self.user, address=address_of(request._request) or None
        )
        return Response(self._detail(self._one(before.pk)))

    @extend_schema(request=None, responses=ClassifierDetailSerializer)
    @action(detail=True, methods=["post"])
    def retire(self, request: Request, pk: UUID) -> Response:
        """Take it out of use."""
        row = self._one(pk)
        classifier_retire(classifier_id=row.pk, actor=self.user, address=address_of(request._request) or None)
        return Response(self._detail(self._one(pk)))

    @extend_schema(request=TrySerializer, responses={200: GuessSerializer, 400: ErrorSerializer})
    @action(detail=True, methods=["post"], url_path="try")
    def try_it(self, request: Request, pk: UUID) -> Response:
        """What this version takes a text for. The text is neither kept nor logged."""
        row = self._one(pk)
        form = TrySerializer(data=request.data)
        form.is_valid(raise_exception=True)
        try:
            model, text = model_of(row.pk), form.validated_data["text"]
            vector = typed_vector(model, text)
            guess = model.guess(text, ranked=RANKED, vector=vector)
        except UnusableModel:
            raise Http404 from None
        return Response(
            {
                "intent": guess.intent,
                "score": round(guess.score, 4),
                "refused": guess.refused,
                "ranked": [list(one) for one in guess.ranked],
                "by_vector": vector is not None,
            },
            headers={"Cache-Control": "no-store"},
        )
