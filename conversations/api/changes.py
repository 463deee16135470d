"""API of changes: one feed of all conversations, for systems that keep a copy."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.base import CompanyViewSet, ErrorSerializer
from accounts.errors import Conflict
from accounts.permissions import Permission
from conversations import changes
from conversations.models import ConversationEvent
from conversations.selectors import item_visible


class ChangesAskedSerializer(serializers.Serializer[Any]):
    after = serializers.CharField(
        required=False,
        default="",
        allow_blank=True,
        max_length=40,
        help_text="`next` of the last answer. Left out: from the beginning; latest: from now on.",
    )
    kind = serializers.CharField(
        required=False,
        default="",
        max_length=200,
        help_text="Only these, by commas: conversation, summary, score, utterance, …",
    )
    limit = serializers.IntegerField(required=False, default=100, min_value=1, max_value=changes.AT_ONCE)


class ChangeSerializer(serializers.Serializer[Any]):
    conversation = serializers.UUIDField()
    seq = serializers.IntegerField(help_text="The event's number in its conversation.")
    kind = serializers.CharField()
    id = serializers.UUIDField(allow_null=True, help_text="The item that is new or changed.")
    at = serializers.DateTimeField()
    data = serializers.DictField(  # type: ignore[assignment]
        allow_null=True, help_text="The item as it is now, as in a conversation's events; null: it is gone."
    )


class ChangesSerializer(serializers.Serializer[Any]):
    next = serializers.CharField(
        help_text="Ask with this for what comes after; good for as long as you like."
    )
    more = serializers.BooleanField(help_text="There is more already.")
    changes = ChangeSerializer(many=True)


class ChangeViewSet(CompanyViewSet):
    """What changed in any conversation of the company."""

    permission = Permission.CONVERSATION_READ_ALL
    serializer_class = ChangesSerializer
    pagination_class = None
    filter_backends = ()
    queryset = ConversationEvent.objects.none()

    @extend_schema(
        parameters=[ChangesAskedSerializer],
        responses={200: ChangesSerializer, 400: ErrorSerializer, 409: ErrorSerializer},
    )
    def list(self, request: Request) -> Response:
        """Everything after a cursor, each change once and none missed.

        In the order of transactions: where two are about one conversation, `seq` says which came later.
        """
        asked = ChangesAskedSerializer(data=request.query_params)
        asked.is_valid(raise_exception=True)
        said = asked.validated_data
        kinds = {kind.strip() for kind in said["kind"].split(",") if kind.strip()}
        try:
            found = changes.changes_after(said["after"], kinds=kinds, limit=said["limit"])
        except changes.CursorError:
            raise serializers.ValidationError({"after": [_("This is no cursor of changes.")]}) from None
        except changes.CursorForeign:
            raise Conflict(_("The database was restored since. Begin anew, without a cursor.")) from None
        rows = [row for row in found.events if item_visible(self.user, row.kind)]
        return Response({"next": found.next, "more": found.more, "changes": changes.changes_shown(rows)})
