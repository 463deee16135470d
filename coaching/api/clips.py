"""API of clips: stretches of conversations, whom they are shared with, their sound and their threads."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django_filters import rest_framework as filters
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.base import CompanyViewSet, ErrorSerializer, PersonSerializer
from accounts.permissions import Permission
from accounts.throttle import address_of
from coaching.clips.access import clip_for, is_guest, whom_of
from coaching.clips.selectors import LISTS, clips_listed, comments_of, shares_shown, skill_names
from coaching.clips.services import (
    LENGTH_MAX_MS,
    clip_create,
    clip_delete,
    clip_opened,
    clip_share,
    clip_unshare,
    clip_update,
    comment_add,
    comment_delete,
    comment_edit,
)
from coaching.clips.sound import clip_sound, recording_of
from coaching.clips.stretch import clip_read, names_for
from coaching.models import Clip, ClipComment, ClipShare
from coaching.models.clips import COMMENT_LENGTH, NOTE_LENGTH, TITLE_LENGTH
from coaching.skills.skills import REF_MAX
from conversations.access import conversation_for
from conversations.events import person, stamp
from conversations.models import Speaker

Serializer = serializers.Serializer[Any]


class NamedTeamSerializer(Serializer):
    id = serializers.UUIDField()
    name = serializers.CharField()


class ClipShareSerializer(Serializer):
    id = serializers.UUIDField()
    kind = serializers.ChoiceField(ClipShare.Kind.choices)
    user = PersonSerializer(allow_null=True)
    team = NamedTeamSerializer(allow_null=True, help_text="Of a library, null: everybody's.")
    shared_at = serializers.DateTimeField()


class ClipSerializer(Serializer):
    id = serializers.UUIDField()
    state = serializers.ChoiceField(Clip.State.choices)
    readable = serializers.BooleanField(
        help_text="Whether you may read the conversation; otherwise you get this stretch, without names, and no more."
    )
    conversation = serializers.UUIDField(allow_null=True)
    agent = PersonSerializer(allow_null=True)
    start_ms = serializers.IntegerField(
        allow_null=True, help_text="In the conversation; null where you may not read it."
    )
    length_ms = serializers.IntegerField()
    title = serializers.CharField()
    note = serializers.CharField()
    skill = serializers.CharField(help_text="Reference of what it is an example of; empty for none.")
    skill_name = serializers.CharField()
    made_by = PersonSerializer(allow_null=True)
    made_at = serializers.DateTimeField()
    is_new = serializers.BooleanField(help_text="Shared with you, and not opened yet.")
    comments = serializers.IntegerField(help_text="How many.")
    shares = ClipShareSerializer(many=True, help_text="Empty where you may not read the conversation.")


class ClipLineSerializer(Serializer):
    speaker = serializers.ChoiceField(Speaker.choices)
    name = serializers.CharField()
    start_ms = serializers.IntegerField(help_text="From the beginning of the clip.")
    end_ms = serializers.IntegerField()
    text = serializers.CharField()


class ClipCommentSerializer(Serializer):
    id = serializers.UUIDField()
    author = PersonSerializer(allow_null=True)
    text = serializers.CharField()
    at = serializers.DateTimeField()
    edited_at = serializers.DateTimeField(allow_null=True)


class ClipDetailSerializer(ClipSerializer):
    lines = ClipLineSerializer(many=True)
    has_sound = serializers.BooleanField()
    thread = ClipCommentSerializer(many=True)


class NewClipSerializer(Serializer):
    conversation = serializers.UUIDField()
    start_ms = serializers.IntegerField(min_value=0)
    end_ms = serializers.IntegerField(
        min_value=0,
        max_value=2**31 - 1,
        help_text=f"The clip becomes the utterances wholly in between; at most {LENGTH_MAX_MS} ms.",
    )
    title = serializers.CharField(required=False, allow_blank=True, default="", max_length=TITLE_LENGTH)
    note = serializers.CharField(required=False, allow_blank=True, default="", max_length=NOTE_LENGTH)
    skill = serializers.CharField(required=False, allow_blank=True, default="", max_length=REF_MAX)
    comment = serializers.CharField(required=False, allow_blank=True, default="", max_length=COMMENT_LENGTH)


class ClipChangeSerializer(Serializer):
    title = serializers.CharField(required=False, allow_blank=True, max_length=TITLE_LENGTH)
    note = serializers.CharField(required=False, allow_blank=True, max_length=NOTE_LENGTH)
    skill = serializers.CharField(required=False, allow_blank=True, max_length=REF_MAX)


class ClipWhomSerializer(Serializer):
    kind = serializers.ChoiceField(ClipShare.Kind.choices)
    user = serializers.UUIDField(required=False, allow_null=True, help_text="Of kind person.")
    team = serializers.UUIDField(
        required=False,
        allow_null=True,
        help_text="Of kind team or library; a library without one is everybody's.",
    )


class ClipUnshareSerializer(Serializer):
    share = serializers.UUIDField()


class ClipTextSerializer(Serializer):
    text = serializers.CharField(max_length=COMMENT_LENGTH)


class ClipFilter(filters.FilterSet):
    """What `clips_listed` is asked with; it filters by itself, so that these only check."""

    list = filters.ChoiceFilter(choices=[(one, one) for one in LISTS], method="_kept", label="Which list")
    skill = filters.CharFilter(method="_kept", label="Reference of a skill")
    conversation = filters.UUIDFilter(method="_kept", label="Of this conversation")

    def _kept(self, rows: QuerySet[Any], _name: str, _value: Any) -> QuerySet[Any]:
        return rows

    def filter_queryset(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        given = self.form.cleaned_data
        assert self.request is not None
        return clips_listed(
            self.request.user,
            given["list"] or LISTS[-1],
            skill=given["skill"],
            conversation=given["conversation"],
        )


class ClipViewSet(CompanyViewSet):
    """Clips that you may read, the newest first: of conversations that you may read, and those shared with you."""

    permission = Permission.COACHING_READ
    permissions_by_action = {
        "share": Permission.COACHING_MANAGE,
        "unshare": Permission.COACHING_MANAGE,
        "audio": Permission.RECORDING_PLAY,
    }
    serializer_class = ClipSerializer
    filterset_class = ClipFilter
    queryset = Clip.objects.none()

    def get_queryset(self) -> QuerySet[Any]:
        return Clip.objects.none() if self.is_schema else clips_listed(self.user)

    def list(self, request: Request) -> Response:
        """The clips of a list."""
        rows = self.paginate_queryset(self.filter_queryset(self.get_queryset())) or []
        names = skill_names(rows)
        shown = [_shown(row, list(row.shares.all()), names) for row in rows]
        return self.get_paginated_response(ClipSerializer(shown, many=True).data)

    @extend_schema(request=NewClipSerializer, responses={201: ClipDetailSerializer, 409: ErrorSerializer})
    def create(self, request: Request) -> Response:
        """Cut a stretch out of a conversation that has ended and that you may read."""
        given = NewClipSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        asked = dict(given.validated_data)
        row = clip_create(
            conversation=conversation_for(self.user, asked.pop("conversation")),
            user=self.user,
            address=self._address(),
            **asked,
        )
        return self._detail(row.pk, status.HTTP_201_CREATED)

    @extend_schema(responses=ClipDetailSerializer)
    def retrieve(self, request: Request, pk: UUID) -> Response:
        """One clip with its words and its thread. It is not new to you any more."""
        return self._detail(pk, opened=True)

    @extend_schema(request=ClipChangeSerializer, responses={200: ClipDetailSerializer, 409: ErrorSerializer})
    def partial_update(self, request: Request, pk: UUID) -> Response:
        """Change title, note or skill."""
        given = ClipChangeSerializer(data=request.data, partial=True)
        given.is_valid(raise_exception=True)
        clip_update(
            clip=clip_for(self.user, pk), user=self.user, address=self._address(), **given.validated_data
        )
        return self._detail(pk)

    @extend_schema(responses={204: None, 409: ErrorSerializer})
    def destroy(self, request: Request, pk: UUID) -> Response:
        """Take it away, from everybody it was shared with, too."""
        clip_delete(clip=clip_for(self.user, pk), user=self.user, address=self._address())
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(
        request=ClipWhomSerializer, responses={200: ClipDetailSerializer, 409: ErrorSerializer}, filters=False
    )
    @action(detail=True, methods=["post"], pagination_class=None)
    def share(self, request: Request, pk: UUID) -> Response:
        """Share it. Whoever may not read the conversation gets this stretch and no more. Noted in the audit log."""
        clip = clip_for(self.user, pk)
        given = ClipWhomSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        asked = given.validated_data
        key = asked.get("user") if asked["kind"] == ClipShare.Kind.PERSON else asked.get("team")
        whom = whom_of(asked["kind"], key or "")
        clip_share(clip=clip, whom=whom, user=self.user, address=self._address())
        return self._detail(pk)

    @extend_schema(
        request=ClipUnshareSerializer,
        responses={200: ClipDetailSerializer, 409: ErrorSerializer},
        filters=False,
    )
    @action(detail=True, methods=["post"], pagination_class=None)
    def unshare(self, request: Request, pk: UUID) -> Response:
        """Share it with them no more."""
        clip = clip_for(self.user, pk)
        given = ClipUnshareSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        clip_unshare(
            clip=clip, share_id=given.validated_data["share"], user=self.user, address=self._address()
        )
        return self._detail(pk)

    @extend_schema(
        responses={(200, "audio/wav"): OpenApiTypes.BINARY, (206, "audio/wav"): OpenApiTypes.BINARY},
        parameters=[OpenApiParameter("Range", str, OpenApiParameter.HEADER, description="bytes=0-1023")],
        filters=False,
    )
    @action(detail=True, pagination_class=None)
    def audio(self, request: Request, pk: UUID) -> HttpResponseBase:
        """The sound of the stretch as WAV, whole or by Range. Noted in the audit log."""
        return clip_sound(request._request, self.user, clip_for(self.user, pk))

    @extend_schema(
        request=ClipTextSerializer,
        responses={201: ClipCommentSerializer, 409: ErrorSerializer},
        filters=False,
    )
    @action(detail=True, methods=["post"], pagination_class=None)
    def comments(self, request: Request, pk: UUID) -> Response:
        """Write below it. Redacted before it is stored."""
        clip = clip_for(self.user, pk)
        given = ClipTextSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        row = comment_add(clip=clip, user=self.user, text=given.validated_data["text"])
        return Response(ClipCommentSerializer(self._comment(clip, row)).data, status=status.HTTP_201_CREATED)

    @extend_schema(
        methods=["PATCH"],
        request=ClipTextSerializer,
        responses={200: ClipCommentSerializer, 409: ErrorSerializer},
        filters=False,
    )
    @extend_schema(
        methods=["DELETE"], request=None, responses={204: None, 409: ErrorSerializer}, filters=False
    )
    @action(
        detail=True,
        methods=["patch", "delete"],
        url_path="comments/<uuid:comment_id>",
        url_name="comment",
        pagination_class=None,
    )
    def comment(self, request: Request, pk: UUID, comment_id: UUID) -> Response:
        """Change one's own comment, or take it away."""
        clip = clip_for(self.user, pk)
        rows = ClipComment.objects.select_related("clip", "author")
        row = get_object_or_404(rows, clip=clip, pk=comment_id)
        if request.method == "DELETE":
            comment_delete(comment=row, user=self.user)
            return Response(status=status.HTTP_204_NO_CONTENT)
        given = ClipTextSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        changed = comment_edit(comment=row, user=self.user, text=given.validated_data["text"])
        return Response(ClipCommentSerializer(self._comment(clip, changed)).data)

    def _address(self) -> str | None:
        return address_of(self.request._request) or None

    def _comment(self, clip: Clip, row: ClipComment) -> dict[str, Any]:
        names = names_for(clip, guest=is_guest(clip))
        return {
            "id": row.pk,
            "author": person(row.author),
            "text": names.hide(row.text),
            "at": stamp(row.at),
            "edited_at": stamp(row.edited_at),
        }

    def _detail(self, pk: UUID, code: int = status.HTTP_200_OK, *, opened: bool = False) -> Response:
        clip = clip_for(self.user, pk)
        thread = comments_of(clip)
        if opened and not clip.is_gone:
            clip_opened(clip=clip, user=self.user)
        # As lists have them.
        clip.is_new, clip.commented = False, len(thread)  # type: ignore[attr-defined]
        lines = clip_read(clip, guest=is_guest(clip)).lines
        shown = {
            **_shown(clip, shares_shown(self.user, clip), skill_names([clip])),
            "lines": [
                {
                    "speaker": line.utterance.speaker,
                    "name": line.name,
                    "start_ms": line.at_ms,
                    "end_ms": line.end_ms,
                    "text": line.text,
                }
                for line in lines
            ],
            "has_sound": recording_of(self.user, clip) is not None,
            "thread": [self._comment(clip, one) for one in thread],
        }
        return Response(ClipDetailSerializer(shown).data, status=code)


def _shown(clip: Any, shares: list[ClipShare], skills: dict[str, str]) -> dict[str, Any]:
    """A clip as its reader may have it."""
    guest = is_guest(clip)
    names = names_for(clip, guest=guest)
    return {
        "id": clip.pk,
        "state": Clip.State.GONE if clip.is_gone else clip.state,
        "readable": not guest,
        "conversation": None if guest else clip.conversation_id,
        "agent": None if guest else person(clip.conversation.agent),
        "start_ms": None if guest else clip.start_ms,
        "length_ms": clip.length_ms,
        "title": names.hide(clip.title),
        "note": names.hide(clip.note),
        "skill": clip.skill,
        "skill_name": skills.get(clip.skill, ""),
        "made_by": person(clip.made_by),
        "made_at": stamp(clip.made_at),
        "is_new": clip.is_new,
        "comments": clip.commented or 0,
        "shares": []
        if guest
        else [
            {
                "id": one.pk,
                "kind": one.kind,
                "user": person(one.user),
                "team": None if one.team is None else {"id": one.team.pk, "name": one.team.name},
                "shared_at": stamp(one.shared_at),
            }
            for one in shares
        ],
    }
