"""API of uploads: bring files as a form, see how far each call is, try again."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, status
from rest_framework.decorators import action
from rest_framework.exceptions import APIException, UnsupportedMediaType
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.base import CompanyViewSet, ErrorSerializer
from accounts.api.parsers import PlainJSONParser
from accounts.errors import Conflict
from accounts.permissions import Permission
from accounts.throttle import address_of
from integrations.uploads.intake import UploadRefused
from integrations.uploads.models import Upload, UploadedCall
from integrations.uploads.selectors import (
    readable,
    upload_for,
    uploaded_call_for,
    uploads_counted,
    uploads_visible,
)
from integrations.uploads.services import call_retry, upload_receive
from integrations.uploads.views import given_files


class Refused(APIException):
    """What the service refused, in the API's error shape."""

    def __init__(self, refused: UploadRefused) -> None:
        super().__init__(detail=str(refused), code=refused.code)
        self.status_code = refused.status
        self.default_code = refused.code
        self.wait = refused.wait


class UploadedCallSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    name = serializers.CharField(
        help_text="The file's name, without what reads as a phone number and the like."
    )
    size_bytes = serializers.IntegerField()
    duration_ms = serializers.IntegerField(allow_null=True)
    state = serializers.ChoiceField(choices=UploadedCall.State.choices)
    progress = serializers.FloatField(help_text="0 to 1.")
    error = serializers.CharField(help_text="Why it failed, in words; empty else.")
    may_retry = serializers.BooleanField()
    conversation = serializers.UUIDField(allow_null=True, help_text="Null also where you may not read it.")


class UploadSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    name = serializers.CharField()
    by = serializers.CharField(allow_null=True)
    source = serializers.ChoiceField(choices=Upload.Source.choices)  # type: ignore[assignment]
    created_at = serializers.DateTimeField()
    files = serializers.IntegerField()
    done = serializers.IntegerField()
    failed = serializers.IntegerField()
    going_on = serializers.IntegerField()


class UploadDetailSerializer(UploadSerializer):
    calls = UploadedCallSerializer(many=True)


class UploadCreateSerializer(serializers.Serializer[Any]):
    """A form. Further fields are kept as metadata of each call."""

    file = serializers.FileField(help_text="A sound file, a zip of them, or a CSV manifest; may be repeated.")
    call_id = serializers.CharField(required=False, help_text="Your own id of the call; taken once only.")
    agent = serializers.CharField(required=False, help_text="E-mail address, or the id in the telephony.")
    customer = serializers.CharField(required=False, help_text="Your own key for the customer.")
    customer_name = serializers.CharField(required=False)
    queue = serializers.CharField(required=False)
    language = serializers.CharField(required=False, default="en")
    direction = serializers.ChoiceField(required=False, choices=("inbound", "outbound"))
    started_at = serializers.DateTimeField(required=False)
    agent_channel = serializers.ChoiceField(required=False, choices=("1", "2"))
    speaker = serializers.ChoiceField(required=False, choices=("both", "agent", "customer"))


class RetrySerializer(serializers.Serializer[Any]):
    call = serializers.UUIDField(required=False, help_text="Which call; without it, all that failed.")


class UploadViewSet(mixins.ListModelMixin, CompanyViewSet):
    """Uploads that you may see, newest first."""

    permission = Permission.UPLOAD_MANAGE
    serializer_class = UploadSerializer
    parser_classes = [MultiPartParser, PlainJSONParser]
    queryset = Upload.objects.none()

    def get_queryset(self) -> QuerySet[Any]:
        if self.is_schema:
            return Upload.objects.none()
        return uploads_counted(uploads_visible(self.user).select_related("user"))

    def list(self, request: Request) -> Response:
        """How far each is; the calls are in the detail."""
        rows = self.paginate_queryset(self.get_queryset())
        return self.get_paginated_response([_shown(row) for row in rows or []])

    @extend_schema(responses=UploadDetailSerializer)
    def retrieve(self, request: Request, pk: UUID) -> Response:
        """One upload with its calls."""
        return Response(self._detail(pk))

    @extend_schema(
        request={"multipart/form-data": UploadCreateSerializer},
        responses={
            201: UploadDetailSerializer,
            400: ErrorSerializer,
            413: ErrorSerializer,
            415: ErrorSerializer,
            429: ErrorSerializer,
        },
    )
    def create(self, request: Request) -> Response:
        """Upload calls. A file that is none fails by itself where it came with others; alone, it is refused."""
        kind = request.content_type or ""
        if not kind.startswith("multipart/form-data"):
            raise UnsupportedMediaType(kind)
        fields = {
            name: str(value) for name, value in request._request.POST.items() if name not in request.FILES
        }
        try:
            upload = upload_receive(
                user=self.user,
                source=Upload.Source.API,
                files=given_files(request),  # type: ignore[arg-type]
                fields=fields,
                address=address_of(request._request) or None,
            )
        except UploadRefused as refused:
            raise Refused(refused) from None
        return Response(self._detail(upload.pk), status=status.HTTP_201_CREATED)

    @extend_schema(request=RetrySerializer, responses={200: UploadDetailSerializer, 409: ErrorSerializer})
    @action(detail=True, methods=["post"], pagination_class=None)
    def retry(self, request: Request, pk: UUID) -> Response:
        """Try what failed again."""
        upload = upload_for(self.user, pk)
        given = RetrySerializer(data=request.data)
        given.is_valid(raise_exception=True)
        if call_id := given.validated_data.get("call"):
            calls = [uploaded_call_for(self.user, call_id)]
            if calls[0].upload_id != upload.pk:
                raise serializers.ValidationError({"call": ["This call is not of this upload."]})
        else:
            calls = [call for call in upload.calls.all() if call.may_retry]
        if not calls:
            raise Conflict("Nothing of this upload can be tried again.")
        for call in calls:
            call_retry(call=call, user=self.user, address=address_of(request._request) or None)
        return Response(self._detail(pk))

    def _detail(self, pk: UUID) -> dict[str, Any]:
        upload = upload_for(self.user, pk)
        calls = list(upload.calls.defer("wrapped_key", "sealed_details").order_by("id"))
        may_open = readable(self.user, calls)
        shown = [
            {
                "id": call.pk,
                "name": call.name,
                "size_bytes": call.size_bytes,
                "duration_ms": call.duration_ms,
                "state": call.state,
                "progress": round(call.progress, 3),
                "error": call.error,
                "may_retry": call.may_retry,
                "conversation": call.conversation_id if call.conversation_id in may_open else None,
            }
            for call in calls
        ]
        return dict(UploadDetailSerializer({**_shown(upload), "calls": shown}).data)


def _shown(row: Any) -> dict[str, Any]:
    return dict(
        UploadSerializer(
            {
                "id": row.pk,
                "name": row.name,
                "by": row.user.name if row.user else None,
                "source": row.source,
                "created_at": row.created_at,
                "files": row.files,
                "done": row.done,
                "failed": row.failed,
                "going_on": row.going_on,
            }
        ).data
    )
