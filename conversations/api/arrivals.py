"""API for what telephony and CRM say of a call beside its audio: metadata, and what happens to it.

Both come under ids of the vendor, in any order with the audio. An API key for ingest is enough.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.base import CompanyViewSet, ErrorSerializer
from accounts.errors import Conflict
from accounts.permissions import Permission, Scope
from conversations import correlation, pci
from conversations.models import Conversation
from conversations.phases import LifecycleEvent, Phase, Transfer

AHEAD = timedelta(minutes=5)


class _Identified(serializers.Serializer[Any]):
    provider = serializers.SlugField(max_length=40, help_text="twilio, genesys, connect, native, …")
    identifiers = serializers.DictField(
        child=serializers.CharField(max_length=120),
        help_text="The ids the call goes by there, kind to value: at least one.",
    )

    def validate_identifiers(self, value: dict[str, str]) -> dict[str, str]:
        if not value or len(value) > 20 or any(len(kind) > 40 for kind in value):
            raise serializers.ValidationError(_("Give 1 to 20 ids, each under a short name."))
        return value


class MetadataSerializer(_Identified):
    """What is known of a call. Values pass redaction before they are kept."""

    agent = serializers.CharField(required=False, max_length=120, help_text="The agent's id at the provider.")
    queue = serializers.CharField(required=False, max_length=60)
    language = serializers.CharField(required=False, max_length=12)
    direction = serializers.ChoiceField(required=False, choices=Conversation.Direction.choices)
    customer = serializers.DictField(
        required=False, help_text="reference, and optionally name, segment, fields."
    )
    metadata = serializers.DictField(required=False)


class CallEventSerializer(_Identified):
    """One thing that happened to a call."""

    phase = serializers.ChoiceField(choices=[phase.value for phase in Phase], required=False)
    pci = serializers.ChoiceField(
        choices=["pause", "resume"],
        required=False,
        help_text="A card is being given, or was: nothing of the sound is recorded in between. Of live calls only.",
    )
    at = serializers.DateTimeField(required=False, help_text="Now, when it is left out.")
    agent = serializers.CharField(required=False, max_length=120, default="")
    transfer = serializers.ChoiceField(
        choices=[each.value for each in Transfer], required=False, default="", allow_blank=True
    )
    reference = serializers.CharField(
        required=False,
        max_length=120,
        default="",
        help_text="The event's own id: the same one twice counts once.",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not attrs.get("phase") and not attrs.get("pci"):
            raise serializers.ValidationError({"phase": _("Give a phase, or pci.")})
        return attrs

    def validate_at(self, value: Any) -> Any:
        if value > timezone.now() + AHEAD:
            raise serializers.ValidationError(_("That is in the future."))
        return value


class ArrivedSerializer(serializers.Serializer[Any]):
    conversation = serializers.UUIDField(
        allow_null=True, help_text="The conversation it belongs to; null while it waits for one."
    )


class _Arrivals(CompanyViewSet):
    permission = Permission.CALL_REPORT
    scopes = frozenset({Scope.INGEST, Scope.WRITE})
    queryset = Conversation.objects.none()

    def _answer(self, provider: str, identifiers: dict[str, str]) -> Response:
        found = correlation.conversation_by(provider, identifiers)
        return Response(
            {"conversation": str(found.pk) if found else None},
            status=status.HTTP_200_OK if found else status.HTTP_202_ACCEPTED,
        )


class CallMetadataViewSet(_Arrivals):
    """Metadata of calls, which may come before the call, during it or after."""

    serializer_class = MetadataSerializer

    @extend_schema(responses={200: ArrivedSerializer, 202: ArrivedSerializer, 400: ErrorSerializer})
    def create(self, request: Request) -> Response:
        """Say what is known of a call. 200: it joined its conversation; 202: it waits for it."""
        asked = self.get_serializer(data=request.data)
        asked.is_valid(raise_exception=True)
        given = dict(asked.validated_data)
        provider, identifiers = given.pop("provider"), given.pop("identifiers")
        try:
            fields = correlation.fields_read(given)
        except ValueError as error:
            raise serializers.ValidationError(str(error)) from None
        try:
            correlation.metadata_arrived(provider=provider, identifiers=identifiers, fields=fields)
        except correlation.WaitingFull:
            raise Conflict(_("Too much waits for calls that never came.")) from None
        return self._answer(provider, identifiers)


class CallEventViewSet(_Arrivals):
    """What happens to calls: ringing, menus, queues, agents, hold, transfers, the end."""

    serializer_class = CallEventSerializer

    @extend_schema(
        responses={
            200: ArrivedSerializer,
            202: ArrivedSerializer,
            400: ErrorSerializer,
            409: ErrorSerializer,
        }
    )
    def create(self, request: Request) -> Response:
        """Say what happened to a call. 200: its conversation is known; 202: it waits for it."""
        asked = self.get_serializer(data=request.data)
        asked.is_valid(raise_exception=True)
        given = asked.validated_data
        if given.get("pci"):
            self._pci(given["provider"], given["identifiers"], given["pci"])
        if not given.get("phase"):
            return self._answer(given["provider"], given["identifiers"])
        event = LifecycleEvent(
            identifiers=given["identifiers"],
            at=given.get("at") or timezone.now(),
            phase=Phase(given["phase"]),
            agent=given["agent"],
            transfer=Transfer(given["transfer"]),
            reference=given["reference"],
        )
        try:
            correlation.events_take(provider=given["provider"], events=[event])
        except correlation.WaitingFull:
            raise Conflict(_("Too much waits for calls that never came.")) from None
        return self._answer(given["provider"], given["identifiers"])

    def _pci(self, provider: str, identifiers: dict[str, str], what: str) -> None:
        """Pause the call, or let it go on. It does not wait for a call: the sender has to know that nothing paused."""
        found = correlation.conversation_by(provider, identifiers)
        if found is None or not found.is_live:
            raise Conflict(_("No such call goes on."))
        change = pci.pci_pause if what == "pause" else pci.pci_resume
        change(conversation=found, source=pci.Source.TELEPHONY)
