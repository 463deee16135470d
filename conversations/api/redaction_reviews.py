"""API of redaction: findings to look at, the report, examples for training, history read again."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, cast
from uuid import UUID

from django.db.models import QuerySet
from django.http import Http404
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.base import CompanyViewSet, ErrorSerializer, ItemListMixin, PersonSerializer
from accounts.api.pagination import TimeCursor
from accounts.permissions import Permission
from accounts.throttle import address_of
from conversations.api.serializers import UtteranceSerializer
from conversations.events import person, render
from conversations.models import LabelledSpan, Redaction, RedactionCheck, RedactionReview, RedactionRun
from conversations.redaction import again, review
from conversations.redaction.labelled import example_shown, trainable
from conversations.redaction.report import PERIODS, Counts, report

Serializer = serializers.Serializer[Any]


class OldestFirst(TimeCursor):
    """In the order in which they were decided."""

    ordering = "id"


class ReviewSerializer(Serializer):
    id = serializers.UUIDField()
    conversation = serializers.UUIDField()
    utterance = serializers.UUIDField()
    type = serializers.CharField()
    placeholder = serializers.CharField()
    score = serializers.FloatField()
    detector = serializers.CharField()
    reason = serializers.CharField()
    found_in = serializers.ChoiceField(Redaction.Pass.choices)
    because = serializers.ChoiceField(RedactionReview.Because.choices)
    state = serializers.ChoiceField(RedactionReview.State.choices)
    text = serializers.CharField(help_text="The utterance it is in, redacted.")
    start = serializers.IntegerField(allow_null=True, help_text="Where its placeholder begins in the text.")
    end = serializers.IntegerField(allow_null=True)
    revision = serializers.IntegerField()
    created_at = serializers.DateTimeField()
    decided_at = serializers.DateTimeField(allow_null=True)
    decided_by = PersonSerializer(allow_null=True)


class DecisionSerializer(Serializer):
    decision = serializers.ChoiceField(
        ["confirm", "false_alarm", "more", "silence"],
        help_text="more: hide words of `utterance` as well; silence: a stretch of the sound.",
    )
    utterance = serializers.UUIDField(required=False, help_text="For more; the finding's own when left out.")
    start = serializers.IntegerField(required=False, min_value=0)
    end = serializers.IntegerField(required=False, min_value=1)
    type = serializers.CharField(required=False, max_length=40)
    revision = serializers.IntegerField(required=False, min_value=1)
    channel = serializers.IntegerField(required=False, min_value=0, max_value=15)
    start_ms = serializers.IntegerField(required=False, min_value=0)
    end_ms = serializers.IntegerField(required=False, min_value=1)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        needed = {"more": ("start", "end", "type"), "silence": ("channel", "start_ms", "end_ms")}
        missing = [name for name in needed.get(attrs["decision"], ()) if name not in attrs]
        if missing:
            raise serializers.ValidationError({name: [_("This is needed.")] for name in missing})
        return attrs


class ReviewViewSet(ItemListMixin, CompanyViewSet):
    """Findings that somebody should look at, in conversations that you may read, newest first."""

    permission = Permission.CONVERSATION_REDACT
    serializer_class = ReviewSerializer
    filterset_fields = {
        "state": ["exact"],
        "type": ["exact"],
        "because": ["exact"],
        "conversation": ["exact"],
    }
    queryset = RedactionReview.objects.none()

    def get_queryset(self) -> QuerySet[Any]:
        return RedactionReview.objects.none() if self.is_schema else review.reviews_visible(self.user)

    def render(self, row: Any) -> dict[str, Any]:
        return review.review_shown(row)

    def retrieve(self, request: Request, pk: UUID) -> Response:
        """One finding."""
        return self.shown(review.review_for(self.user, pk))

    @extend_schema(
        request=DecisionSerializer,
        responses={
            200: ReviewSerializer,
            201: UtteranceSerializer,
            400: ErrorSerializer,
            409: ErrorSerializer,
        },
        filters=False,
    )
    @action(detail=True, methods=["post"], pagination_class=None)
    def decide(self, request: Request, pk: UUID) -> Response:
        """Confirm it, note it as a false alarm (it stays hidden), hide more words, or silence a stretch of sound.

        After hiding more the utterance is answered as it now is.
        """
        row = review.review_for(self.user, pk)
        given = DecisionSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        asked, address = given.validated_data, address_of(request._request) or None
        if asked["decision"] == "more":
            spoken = review.review_hide_more(
                review=row,
                actor=self.user,
                utterance_id=asked.get("utterance", row.utterance_id),
                start=asked["start"],
                end=asked["end"],
                type_name=asked["type"],
                revision=asked.get("revision"),
                address=address,
            )
            shown = UtteranceSerializer(render("utterance", spoken))
            return Response(shown.data, status=status.HTTP_201_CREATED)
        if asked["decision"] == "silence":
            stretch = {name: asked[name] for name in ("channel", "start_ms", "end_ms")}
            review.stretch_check(review=row, **stretch)
            review.review_silence(review=row, actor=self.user, address=address, **stretch)
        else:
            review.review_decide(review=row, actor=self.user, decision=asked["decision"], address=address)
        return self.shown(review.review_for(self.user, pk))


# --- The report -----------------------------------------------------------------------------------------


class ReportAskedSerializer(Serializer):
    days = serializers.IntegerField(min_value=1, max_value=max(PERIODS), default=7)


class CountsSerializer(Serializer):
    live = serializers.IntegerField(help_text="While it was said.")
    second = serializers.IntegerField(help_text="Only when the conversation was read whole, after its end.")
    again = serializers.IntegerField(help_text="When history was read again by a stricter policy.")
    manual = serializers.IntegerField()
    confirmed = serializers.IntegerField()
    false_alarms = serializers.IntegerField()
    all = serializers.IntegerField()
    second_share = serializers.FloatField(allow_null=True, help_text="Of live and second.")
    false_share = serializers.FloatField(allow_null=True, help_text="Of those that people looked at.")


class ReportRowSerializer(CountsSerializer):
    type = serializers.CharField()
    detector = serializers.CharField(help_text="Empty in the sums by type.")


class ChecksSerializer(Serializer):
    done = serializers.IntegerField()
    open = serializers.IntegerField()
    failed = serializers.IntegerField()
    with_finds = serializers.IntegerField()
    mean_ms = serializers.IntegerField()
    longest_ms = serializers.IntegerField()


class UncheckedSerializer(Serializer):
    conversation = serializers.UUIDField()
    state = serializers.ChoiceField(RedactionCheck.State.choices)
    attempts = serializers.IntegerField()
    last_error = serializers.CharField(help_text="Its kind and place.")
    begun_at = serializers.DateTimeField()


class RedactionReportSerializer(Serializer):
    since = serializers.DateTimeField()
    until = serializers.DateTimeField()
    total = CountsSerializer()
    types = ReportRowSerializer(many=True)
    detectors = ReportRowSerializer(many=True)
    checks = ChecksSerializer()
    troubles = UncheckedSerializer(many=True, help_text="Second readings that were tried and are not done.")
    open_reviews = serializers.IntegerField()


def _counts(counts: Counts) -> dict[str, Any]:
    return asdict(counts) | {
        "all": counts.all,
        "second_share": counts.second_share,
        "false_share": counts.false_share,
    }


class RedactionReportViewSet(CompanyViewSet):
    """What redaction found."""

    permission = Permission.REPORT_READ
    serializer_class = RedactionReportSerializer
    pagination_class = None
    filter_backends: list[Any] = []
    queryset = RedactionCheck.objects.none()

    @extend_schema(parameters=[ReportAskedSerializer], responses=RedactionReportSerializer)
    def list(self, request: Request) -> Response:
        """Findings in conversations of the last days, by type and detector and by when they were made."""
        asked = ReportAskedSerializer(data=request.query_params)
        asked.is_valid(raise_exception=True)
        found = report(days=asked.validated_data["days"])
        shown = {
            "since": found.since,
            "until": found.until,
            "total": _counts(found.total),
            "types": [{"type": row.type, "detector": "", **_counts(row.counts)} for row in found.types],
            "detectors": [
                {"type": row.type, "detector": row.detector, **_counts(row.counts)} for row in found.detectors
            ],
            "checks": asdict(found.checks),
            "troubles": [
                {
                    "conversation": row.conversation_id,
                    "state": row.state,
                    "attempts": row.attempts,
                    "last_error": row.last_error,
                    "begun_at": row.begun_at,
                }
                for row in found.troubles
            ],
            "open_reviews": found.open_reviews,
        }
        return Response(RedactionReportSerializer(shown).data)


# --- Examples -------------------------------------------------------------------------------------------


class MarkSerializer(Serializer):
    start = serializers.IntegerField()
    end = serializers.IntegerField()
    type = serializers.CharField()


class ExampleSerializer(Serializer):
    id = serializers.UUIDField()
    speaker = serializers.CharField()
    verdict = serializers.ChoiceField(LabelledSpan.Verdict.choices)
    detector = serializers.CharField()
    score = serializers.FloatField(allow_null=True)
    shape = serializers.CharField()
    text = serializers.CharField(help_text="Redacted; a made-up value stands for what is to be found.")
    spans = MarkSerializer(many=True, help_text="What is to be found.")

    def get_fields(self) -> Any:
        # A word of Python's own, which no attribute can be called.
        return {**super().get_fields(), "not": MarkSerializer(many=True, help_text="What is no finding.")}


class ExampleViewSet(CompanyViewSet):
    """Decisions of people as examples to learn from."""

    permission = Permission.ADMIN_CONFIGURE
    serializer_class = ExampleSerializer
    pagination_class = OldestFirst
    filterset_fields = {"type": ["exact"], "verdict": ["exact"]}
    queryset = LabelledSpan.objects.all()

    def list(self, request: Request) -> Response:
        """Examples of callers who let their words be used for training, oldest first. Pages may be short."""
        rows = cast(
            "list[LabelledSpan]", self.paginate_queryset(self.filter_queryset(self.get_queryset())) or []
        )
        may = trainable({row.conversation_id for row in rows})
        shown = [example_shown(row) for row in rows if row.conversation_id in may]
        return self.get_paginated_response(ExampleSerializer(shown, many=True).data)


# --- History --------------------------------------------------------------------------------------------


class RunSerializer(Serializer):
    id = serializers.UUIDField(read_only=True)
    state = serializers.ChoiceField(RedactionRun.State.choices, read_only=True)
    reason = serializers.CharField(read_only=True)
    since = serializers.DateTimeField(
        required=False, allow_null=True, default=None, help_text="Only conversations announced from then on."
    )
    until = serializers.DateTimeField(read_only=True)
    total = serializers.IntegerField(read_only=True)
    done = serializers.IntegerField(read_only=True)
    found = serializers.IntegerField(read_only=True)
    failed = serializers.IntegerField(read_only=True)
    last_error = serializers.CharField(read_only=True)
    created_at = serializers.DateTimeField(read_only=True)
    ended_at = serializers.DateTimeField(read_only=True, allow_null=True)
    started_by = serializers.SerializerMethodField()

    @extend_schema(responses=PersonSerializer(allow_null=True))
    def get_started_by(self, row: RedactionRun) -> dict[str, Any] | None:
        return person(row.started_by)


class RunViewSet(CompanyViewSet):
    """History read again by the redaction policy of now."""

    permission = Permission.ADMIN_CONFIGURE
    serializer_class = RunSerializer
    filter_backends: list[Any] = []
    queryset = RedactionRun.objects.select_related("started_by")

    def list(self, request: Request) -> Response:
        """All runs, newest first."""
        rows = self.paginate_queryset(self.get_queryset())
        return self.get_paginated_response(RunSerializer(rows, many=True).data)

    def retrieve(self, request: Request, pk: UUID) -> Response:
        """How far one has come."""
        return Response(RunSerializer(self._one(pk)).data)

    @extend_schema(responses={201: RunSerializer, 400: ErrorSerializer, 409: ErrorSerializer})
    def create(self, request: Request) -> Response:
        """Start one. 409 while another is under way."""
        given = RunSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        run = again.run_start(
            actor=self.user,
            since=given.validated_data["since"],
            reason="api",
            address=address_of(request._request) or None,
        )
        return Response(RunSerializer(self._one(run.pk)).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=None, responses=RunSerializer)
    @action(detail=True, methods=["post"], pagination_class=None)
    def cancel(self, request: Request, pk: UUID) -> Response:
        """Stop it. What is hidden stays hidden."""
        self._one(pk)
        again.run_cancel(run_id=pk, actor=self.user, address=address_of(request._request) or None)
        return Response(RunSerializer(self._one(pk)).data)

    @extend_schema(request=None, responses={200: RunSerializer, 409: ErrorSerializer})
    @action(detail=True, methods=["post"], pagination_class=None)
    def resume(self, request: Request, pk: UUID) -> Response:
        """Go on with one that was cancelled, where it was. 409 for one that is done, or while another is under way."""
        self._one(pk)
        again.run_resume(run_id=pk, actor=self.user, address=address_of(request._request) or None)
        return Response(RunSerializer(self._one(pk)).data)

    def _one(self, pk: UUID) -> RedactionRun:
        row = self.get_queryset().filter(pk=pk).first()
        if row is None:
            raise Http404("no such run")
        return cast(RedactionRun, row)
