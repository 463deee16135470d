"""API of conversations, utterances and summaries."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import Http404, HttpResponse
from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.base import CompanyViewSet, ItemListMixin
from accounts.api.pagination import TimeCursor
from accounts.errors import Conflict
from accounts.models import User
from accounts.permissions import Permission, Role
from accounts.services import audit
from accounts.throttle import address_of
from conversations import events, summaries
from conversations.access import conversation_for, conversations_visible
from conversations.api import serializers as shape
from conversations.api.amending import AmendingViewSet, ConversationFinder, ConversationWholeSerializer, whole
from conversations.api.kept import KeptViewSet
from conversations.api.summaries import (
    LiveSummaryAskedSerializer,
    LiveSummarySerializer,
    SummaryCaseSerializer,
)
from conversations.filters import UtteranceFilter
from conversations.hiding import words_hide
from conversations.live_summary import live_summary
from conversations.models import Conversation, Disposition, Summary, SummaryLine, Utterance
from conversations.playback import download_response, recording_for
from conversations.recording_links import DOWNLOAD, FORMS, PLAY, link_make
from conversations.review import delivery_of, transcript_text
from conversations.selectors import item_visible, items_visible, scores_unseen
from conversations.services import conversation_attach
from conversations.summary_cases import summary_case_make

EVENTS_AT_ONCE = 500


class SequenceCursor(TimeCursor):
    """In the order in which it was said."""

    # Not by number: what piled up during an outage is written after what was said since.
    ordering = ("start_ms", "sequence")  # type: ignore[assignment]
    page_size = 200
    max_page_size = 500


class AfterSerializer(serializers.Serializer[Any]):
    after = serializers.IntegerField(min_value=0, default=0)
    limit = serializers.IntegerField(min_value=1, max_value=EVENTS_AT_ONCE, default=EVENTS_AT_ONCE)


class ConversationViewSet(AmendingViewSet, KeptViewSet, ItemListMixin, CompanyViewSet):
    """Conversations that you may read, newest first."""

    permission = Permission.CONVERSATION_READ_OWN
    permissions_by_action = {
        "attach": Permission.IDENTITY_ATTACH,
        "recording": Permission.RECORDING_PLAY,
        "recording_download": Permission.RECORDING_DOWNLOAD,
        "redactions": Permission.CONVERSATION_REDACT,
        "partial_update": Permission.DISPOSITION_SET,
        "consent_add": Permission.CONSENT_RECORD,
        "pci_pause": Permission.CALL_PAUSE,
        "pci_resume": Permission.CALL_PAUSE,
    }
    serializer_class = shape.ConversationSerializer
    filterset_class = ConversationFinder
    queryset = Conversation.objects.none()

    def get_queryset(self) -> QuerySet[Any]:
        if self.is_schema:
            return Conversation.objects.none()
        return events.rows("conversation").filter(pk__in=conversations_visible(self.user).values("pk"))

    def render(self, row: Any) -> dict[str, Any]:
        return events.render("conversation", row)

    @extend_schema(responses=ConversationWholeSerializer)
    def retrieve(self, request: Request, pk: UUID) -> Response:
        """One conversation, with its metadata and the ids it goes by."""
        return Response(ConversationWholeSerializer(whole(conversation_for(self.user, pk))).data)

    @extend_schema(parameters=[LiveSummaryAskedSerializer], responses=LiveSummarySerializer, filters=False)
    @action(detail=True, url_path="live-summary", pagination_class=None)
    def live_summary(self, request: Request, pk: UUID) -> Response:
        """What a conversation comes to so far, from what is stored; while it goes on, or after."""
        asked = LiveSummaryAskedSerializer(data=request.query_params)
        asked.is_valid(raise_exception=True)
        by_model = asked.validated_data["by"] == "model"
        found = live_summary(conversation_for(self.user, pk), by_model=by_model)
        return Response(LiveSummarySerializer(found).data)

    @extend_schema(responses=shape.SnapshotSerializer, filters=False)
    @action(detail=True, pagination_class=None)
    def snapshot(self, request: Request, pk: UUID) -> Response:
        """Everything there is to show of a conversation now, by kind."""
        found = events.snapshot(conversation_for(self.user, pk))
        items = items_visible(self.user, found["items"])
        return Response({"head": found["head"], "items": items})

    @extend_schema(parameters=[AfterSerializer], responses=shape.EventsSerializer, filters=False)
    @action(detail=True, pagination_class=None)
    def events(self, request: Request, pk: UUID) -> Response:
        """What happened after an event, in order. A snapshot and the events after it make a later snapshot."""
        asked = AfterSerializer(data=request.query_params)
        asked.is_valid(raise_exception=True)
        conversation = conversation_for(self.user, pk)
        after, limit = asked.validated_data["after"], asked.validated_data["limit"]
        head = events.head_of(conversation.pk)
        found = events.events_after(conversation.pk, after, limit=limit)
        told = any(event["kind"] == "score" for event in found)
        unseen = {"score"} if told and scores_unseen(self.user, {conversation.pk}) else set()
        return Response(
            {
                "head": head,
                # Events that are not for this person are left out, but passed by.
                "next": found[-1]["seq"] if found else max(after, head),
                "events": [
                    event
                    for event in found
                    if event["kind"] not in unseen and item_visible(self.user, event["kind"], event["data"])
                ],
            }
        )

    @extend_schema(responses=shape.UtteranceReadSerializer(many=True), filters=False)
    @action(detail=True, pagination_class=SequenceCursor, filter_backends=[])
    def utterances(self, request: Request, pk: UUID) -> Response:
        """The transcript, in the order in which it was said."""
        conversation = conversation_for(self.user, pk)
        rows = Utterance.objects.filter(conversation=conversation).select_related("chat_message")
        page = self.paginate_queryset(rows.defer("words", "search"))
        shown = [
            {**events.render("utterance", row), "delivery": delivery_of(row, is_live=conversation.is_live)}
            for row in page or []
        ]
        return self.get_paginated_response(shape.UtteranceReadSerializer(shown, many=True).data)

    @extend_schema(responses={(200, "text/plain"): OpenApiTypes.STR}, filters=False)
    @action(detail=True, pagination_class=None)
    def transcript(self, request: Request, pk: UUID) -> HttpResponse:
        """The transcript as plain text. Noted in the audit log."""
        conversation = conversation_for(self.user, pk)
        text = transcript_text(conversation=conversation)
        address = address_of(request._request) or None
        audit(actor=self.user, action="conversation.export", thing=conversation, address=address)
        return HttpResponse(text, content_type="text/plain; charset=utf-8")

    @extend_schema(request=shape.AttachSerializer, responses=shape.ConversationSerializer, filters=False)
    @action(detail=True, methods=["post"], pagination_class=None)
    def attach(self, request: Request, pk: UUID) -> Response:
        """Say whose call an unmatched one is; remembered for the agent's next calls."""
        conversation = conversation_for(self.user, pk)
        given = shape.AttachSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        if not conversation.is_unmatched:
            raise Conflict("This call is somebody's already.")
        agents = User.objects.filter(role=Role.AGENT, is_active=True)
        if not self.user.may(Permission.CONVERSATION_READ_ALL):
            agents = agents.filter(team__supervisors=self.user)
        agent = agents.filter(pk=given.validated_data["user"]).first()
        if agent is None:
            raise serializers.ValidationError({"user": ["There is no such agent in your teams."]})
        conversation_attach(conversation=conversation, user=agent)
        return self.shown(conversation_for(self.user, pk))

    @extend_schema(responses=shape.RecordingSerializer, filters=False)
    @action(detail=True, pagination_class=None)
    def recording(self, request: Request, pk: UUID) -> Response:
        """What is known of the recording, and links to play it or take it away, to be begun within five minutes.

        A link given to an API key needs no key itself.
        """
        found: Any = recording_for(self.user, conversation_for(self.user, pk))

        def link(purpose: str) -> str:
            path, found.url_expires_at = link_make(
                user=self.user, recording=found, purpose=purpose, request=request._request
            )
            return request.build_absolute_uri(path)

        found.url = link(PLAY)
        found.download_url = link(DOWNLOAD) if self.user.may(Permission.RECORDING_DOWNLOAD) else None
        return Response(shape.RecordingSerializer(found).data, headers={"Cache-Control": "private, no-store"})

    @extend_schema(
        responses={(200, "audio/flac"): OpenApiTypes.BINARY, (206, "audio/flac"): OpenApiTypes.BINARY},
        parameters=[
            OpenApiParameter("Range", str, OpenApiParameter.HEADER, description="bytes=0-1023"),
            OpenApiParameter("as", str, enum=["", "wav"], description="wav: decoded, whole"),
        ],
        filters=False,
    )
    @action(detail=True, url_path="recording/download", pagination_class=None)
    def recording_download(self, request: Request, pk: UUID) -> HttpResponseBase:
        """The sound as it is kept (FLAC or Opus), whole or by Range, or as WAV. Noted in the audit log."""
        found = recording_for(self.user, conversation_for(self.user, pk))
        form = request.query_params.get("as", "")
        if form not in FORMS:
            raise serializers.ValidationError({"as": ["Leave it empty, or say wav."]})
        return download_response(request._request, self.user, found, form=form)

    @extend_schema(
        request=shape.RedactionAskedSerializer, responses={201: shape.UtteranceSerializer}, filters=False
    )
    @action(detail=True, methods=["post"], pagination_class=None)
    def redactions(self, request: Request, pk: UUID) -> Response:
        """Hide words of an utterance, in the transcript, what was made of it, and the sound. Cannot be undone."""
        conversation = conversation_for(self.user, pk)
        given = shape.RedactionAskedSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        asked = given.validated_data
        if not Utterance.objects.filter(conversation=conversation, pk=asked["utterance"]).exists():
            raise serializers.ValidationError({"utterance": ["There is no such utterance here."]})
        row = words_hide(
            utterance_id=asked["utterance"],
            start=asked["start"],
            end=asked["end"],
            type_name=asked["type"],
            revision=asked.get("revision"),
            actor=self.user,
            address=address_of(request._request) or None,
        )
        shown = shape.UtteranceSerializer(events.render("utterance", row))
        return Response(shown.data, status=status.HTTP_201_CREATED)


class UtteranceViewSet(ItemListMixin, CompanyViewSet):
    """Utterances of all conversations that you may read, newest first."""

    permission = Permission.CONVERSATION_READ_OWN
    serializer_class = shape.UtteranceFoundSerializer
    filterset_class = UtteranceFilter
    queryset = Utterance.objects.none()

    def get_queryset(self) -> QuerySet[Any]:
        if self.is_schema:
            return Utterance.objects.none()
        visible = conversations_visible(self.user).values("pk")
        return Utterance.objects.filter(conversation__in=visible).defer("words", "search")

    def render(self, row: Any) -> dict[str, Any]:
        return {**events.render("utterance", row), "conversation": row.conversation_id}


class SummaryViewSet(ItemListMixin, CompanyViewSet):
    """Summaries of the conversations that you may read; yours to edit and confirm where you were the agent."""

    permission = Permission.CONVERSATION_READ_OWN
    permissions_by_action = dict.fromkeys(
        ("lines", "line_change", "confirm"), Permission.SUMMARY_EDIT_OWN
    ) | {"evaluation_case": Permission.EVALUATION_OVERRIDE}
    serializer_class = shape.SummarySerializer
    filterset_fields = {"conversation": ["exact"], "state": ["exact"]}
    queryset = Summary.objects.none()

    def get_queryset(self) -> QuerySet[Any]:
        if self.is_schema:
            return Summary.objects.none()
        return events.rows("summary").filter(conversation__in=conversations_visible(self.user).values("pk"))

    def render(self, row: Any) -> dict[str, Any]:
        return {**events.render("summary", row), "conversation": row.conversation_id}

    def _one(self, pk: UUID, *, own: bool = False) -> Summary:
        rows = self.get_queryset().filter(pk=pk)
        row = rows.filter(conversation__agent=self.user).first() if own else rows.first()
        if row is None:
            raise Http404("no such summary")
        return row  # type: ignore[no-any-return]

    def retrieve(self, request: Request, pk: UUID) -> Response:
        """One summary with its lines."""
        return self.shown(self._one(pk))

    @extend_schema(request=shape.LineAddSerializer, responses={201: shape.SummarySerializer}, filters=False)
    @action(detail=True, methods=["post"], pagination_class=None)
    def lines(self, request: Request, pk: UUID) -> Response:
        """Add a line of your own."""
        summary = self._one(pk, own=True)
        given = shape.LineAddSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        summaries.summary_line_add(summary=summary, user=self.user, **given.validated_data)
        answer = self.shown(self._one(pk))
        answer.status_code = status.HTTP_201_CREATED
        return answer

    @extend_schema(
        request=shape.LineChangeSerializer,
        responses=shape.SummarySerializer,
        parameters=[OpenApiParameter("line_id", OpenApiTypes.UUID, OpenApiParameter.PATH)],
        filters=False,
    )
    @action(detail=True, methods=["patch"], url_path="lines/<uuid:line_id>", pagination_class=None)
    def line_change(self, request: Request, pk: UUID, line_id: UUID) -> Response:
        """Edit a line, leave it out, or bring it back. The original stays beside the edit."""
        line = SummaryLine.objects.filter(summary=self._one(pk, own=True), pk=line_id).first()
        if line is None:
            raise Http404("no such line")
        given = shape.LineChangeSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        if "text" in given.validated_data:
            summaries.summary_edit(line=line, user=self.user, text=given.validated_data["text"])
        if "removed" in given.validated_data:
            change = (
                summaries.summary_line_remove
                if given.validated_data["removed"]
                else summaries.summary_line_restore
            )
            change(line=line, user=self.user)
        return self.shown(self._one(pk))

    @extend_schema(request=shape.ConfirmSerializer, responses=shape.SummarySerializer, filters=False)
    @action(detail=True, methods=["post"], pagination_class=None)
    def confirm(self, request: Request, pk: UUID) -> Response:
        """Confirm a summary, with a disposition or without; ends the wrap-up."""
        summary = self._one(pk, own=True)
        given = shape.ConfirmSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        disposition = None
        if key := given.validated_data.get("disposition"):
            disposition = Disposition.objects.filter(key=key).first()
            if disposition is None:
                raise serializers.ValidationError({"disposition": ["There is no such disposition."]})
        summaries.summary_confirm(summary=summary, user=self.user, disposition=disposition)
        return self.shown(self._one(pk))

    @extend_schema(request=None, responses={201: SummaryCaseSerializer}, filters=False)
    @action(detail=True, methods=["post"], url_path="evaluation-case", pagination_class=None)
    def evaluation_case(self, request: Request, pk: UUID) -> Response:
        """Take a confirmed summary into the evaluation set of the task `summary`, as a draft."""
        case = summary_case_make(summary=self._one(pk), actor=self.user)
        shown = SummaryCaseSerializer({"case": case.pk, "active": case.active}).data
        return Response(shown, status=status.HTTP_201_CREATED)
