"""API for other systems that know a conversation by their own id, and know things of it that we do not.

Finding it by any vendor's id, its metadata and disposition, and what the caller has consented to.
"""

from __future__ import annotations

from typing import Any, cast
from uuid import UUID

import django_filters as filters
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.base import CompanyViewSet, ErrorSerializer, PersonSerializer
from accounts.errors import Conflict
from accounts.models import ApiKey
from accounts.permissions import Permission, Role
from accounts.throttle import address_of
from conversations import events, pci
from conversations.access import conversation_for
from conversations.amending import conversation_amend
from conversations.api.serializers import ConversationSerializer
from conversations.consent import consent_now, consent_record
from conversations.correlation import conversations_by
from conversations.filters import ConversationFilter
from conversations.models import ConsentRecord, Conversation, Purpose


class ConversationFinder(ConversationFilter):
    """Also by ids of vendors, which pages do not ask for."""

    identifier = filters.CharFilter(
        method="with_identifier", label=gettext_lazy("Id at a vendor"), max_length=120
    )
    provider = filters.CharFilter(method="of_provider", label=gettext_lazy("Vendor"), max_length=40)

    def with_identifier(self, rows: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        known = conversations_by(str(self.data.get("provider", "")), [value])
        return rows.filter(pk__in=known.order_by().values("pk"))

    def of_provider(self, rows: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        # With an identifier, it says whose that is: a CRM may know a call that came by another vendor.
        return rows if self.data.get("identifier") else rows.filter(provider=value)


class IdentifierSerializer(serializers.Serializer[Any]):
    provider = serializers.CharField()
    kind = serializers.CharField()
    value = serializers.CharField()


class ConversationWholeSerializer(ConversationSerializer):
    provider = serializers.CharField()
    metadata = serializers.DictField()
    identifiers = IdentifierSerializer(many=True)


class AmendSerializer(serializers.Serializer[Any]):
    """What is left out stays as it is."""

    metadata = serializers.DictField(
        required=False, help_text="Merged into what is known; null removes a field. Values are redacted."
    )
    disposition = serializers.SlugField(
        required=False, allow_null=True, max_length=60, help_text="A disposition's key; null: none."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        unknown = set(self.initial_data) - set(self.fields)
        if unknown:
            raise serializers.ValidationError(
                {name[:60]: _("This cannot be changed.") for name in sorted(unknown)}
            )
        if not attrs:
            raise serializers.ValidationError(_("Give metadata or disposition."))
        return attrs


class ConsentSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField(read_only=True)
    purpose = serializers.ChoiceField(Purpose.choices)
    state = serializers.ChoiceField(ConsentRecord.State.choices)
    at = serializers.DateTimeField(required=False, help_text="Now, when it is left out.")
    evidence = serializers.CharField(
        required=False,
        allow_blank=True,
        default="",
        max_length=200,
        help_text="How one knows; kept redacted.",
    )
    source = serializers.CharField(  # type: ignore[assignment]
        read_only=True, help_text="Who told us: api, agent, metadata, …"
    )
    at_ms = serializers.IntegerField(read_only=True, help_text="Where in the conversation's audio.")
    actor = serializers.SerializerMethodField()

    @extend_schema(responses=PersonSerializer(allow_null=True))
    def get_actor(self, row: ConsentRecord) -> dict[str, Any] | None:
        return events.person(row.actor)


class ConsentsSerializer(serializers.Serializer[Any]):
    allowed = serializers.DictField(
        child=serializers.BooleanField(), help_text="What it may be used for now, by purpose."
    )
    consents = ConsentSerializer(many=True, help_text="In the order of time.")


class PauseSerializer(serializers.Serializer[Any]):
    """A pause while a card is given; times in milliseconds of the call."""

    id = serializers.UUIDField()
    from_ms = serializers.IntegerField()
    to_ms = serializers.IntegerField(allow_null=True, help_text="Null while it goes on.")
    until_ms = serializers.IntegerField(help_text="Where it ends by itself.")
    hears = serializers.BooleanField(help_text="Transcribed all the same.")
    at = serializers.DateTimeField()
    resumed_at = serializers.DateTimeField(allow_null=True)
    source = serializers.CharField(help_text="Who paused: agent, supervisor, api, telephony, auto.")  # type: ignore[assignment]
    by = PersonSerializer(allow_null=True)
    ended_by = serializers.CharField(allow_blank=True)


def whole(conversation: Conversation) -> dict[str, Any]:
    """A conversation as its own address shows it: as in events, with metadata and the ids it goes by."""
    identifiers = conversation.identifiers.order_by("provider", "kind", "value")
    return {
        **events.render("conversation", conversation),
        "provider": conversation.provider,
        "metadata": conversation.metadata,
        "identifiers": list(identifiers.values("provider", "kind", "value")),
    }


class AmendingViewSet(CompanyViewSet):
    """What the view set of conversations does for other systems."""

    @extend_schema(
        request=AmendSerializer, responses={200: ConversationWholeSerializer, 400: ErrorSerializer}
    )
    def partial_update(self, request: Request, pk: UUID) -> Response:
        """Merge metadata, set the disposition. The same again changes nothing.

        Agents: the disposition of their own conversations.
        """
        conversation = conversation_for(self.user, pk)
        given = AmendSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        said = given.validated_data
        if "metadata" in said and not self.user.may(Permission.METADATA_WRITE):
            raise PermissionDenied
        self._own_or_team(conversation)
        row = conversation_amend(
            conversation=conversation,
            actor=self.user,
            metadata=said.get("metadata"),
            disposition=said.get("disposition"),
            disposition_clear="disposition" in said and said["disposition"] is None,
            address=address_of(request._request) or None,
        )
        return Response(ConversationWholeSerializer(whole(row)).data)

    @extend_schema(responses=ConsentsSerializer, filters=False)
    @action(detail=True, pagination_class=None)
    def consents(self, request: Request, pk: UUID) -> Response:
        """What the caller has said, and what the conversation may be used for now."""
        return self._consents(conversation_for(self.user, pk))

    @extend_schema(
        request=ConsentSerializer, responses={201: ConsentsSerializer, 400: ErrorSerializer}, filters=False
    )
    @consents.mapping.post
    def consent_add(self, request: Request, pk: UUID) -> Response:
        """Note what the caller said about a purpose. It is obeyed at once, and the same again changes nothing."""
        conversation = conversation_for(self.user, pk)
        self._own_or_team(conversation)
        given = ConsentSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        source = "api" if isinstance(request.auth, ApiKey) else str(self.user.role)
        consent_record(conversation=conversation, source=source, actor=self.user, **given.validated_data)
        answer = self._consents(conversation)
        answer.status_code = status.HTTP_201_CREATED
        return answer

    @extend_schema(
        request=None,
        responses={200: PauseSerializer, 404: ErrorSerializer, 409: ErrorSerializer},
        filters=False,
    )
    @action(detail=True, methods=["post"], url_path="pci-pause", pagination_class=None)
    def pci_pause(self, request: Request, pk: UUID) -> Response:
        """Pause a live call while a card is given: nothing of its sound is recorded. Again, it changes nothing.

        It goes on by itself after the minutes that the company's policy says.
        """
        pause = pci.pci_pause(**self._pausing(request, pk))
        return Response(PauseSerializer(pci.shown(pause)).data)

    @extend_schema(
        request=None,
        responses={200: PauseSerializer, 404: ErrorSerializer, 409: ErrorSerializer},
        filters=False,
    )
    @action(detail=True, methods=["post"], url_path="pci-resume", pagination_class=None)
    def pci_resume(self, request: Request, pk: UUID) -> Response:
        """Let a paused call go on."""
        pause = pci.pci_resume(**self._pausing(request, pk))
        if pause is None:
            raise Conflict(_("The call is not paused."))
        return Response(PauseSerializer(pci.shown(pause)).data)

    def _pausing(self, request: Request, pk: UUID) -> dict[str, Any]:
        conversation = conversation_for(self.user, pk)
        self._own_or_team(conversation)
        by_key = isinstance(request.auth, ApiKey)
        return {
            "conversation": conversation,
            "source": pci.source_of(self.user, by_key=by_key),
            "actor": self.user,
            "address": address_of(request._request) or None,
        }

    def _own_or_team(self, conversation: Conversation) -> None:
        """An agent who may see a call that is somebody else's now changes nothing in it."""
        if self.user.role == Role.AGENT and conversation.agent_id != self.user.pk:
            raise PermissionDenied

    def _consents(self, conversation: Conversation) -> Response:
        rows = ConsentRecord.objects.filter(conversation=conversation).select_related("actor")
        shown = {"allowed": consent_now(conversation), "consents": list(rows.order_by("at", "pk"))}
        return Response(cast(Any, ConsentsSerializer(shown)).data)
