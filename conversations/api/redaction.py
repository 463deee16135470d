"""API of the redaction policy: what it says, and what it does to a sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.exceptions import Throttled
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.base import CompanyViewSet, ErrorSerializer
from accounts.models import User
from accounts.permissions import Permission
from accounts.throttle import Limit, address_of, note, seconds_left
from conversations.models import RedactionPolicy
from conversations.redaction.again import still_to_read
from conversations.redaction.policy import Policy, Rule, redaction_policy
from conversations.redaction.policy_changes import policy_check, policy_save
from conversations.redaction.trying import PREVIEWS, TEXT_MAX, TRIES, preview, sentence_try
from engines.redaction.actions import Action
from engines.redaction.vocabulary import TYPES
from tenants.scope import current_schema

Serializer = serializers.Serializer[Any]


class TextSerializer(Serializer):
    text = serializers.CharField(max_length=TEXT_MAX, help_text="Neither stored nor logged.")


class PartSerializer(Serializer):
    words = serializers.CharField(required=False)
    chip = serializers.CharField(required=False)


class SpanSerializer(Serializer):
    start = serializers.IntegerField(help_text="In the text as given.")
    end = serializers.IntegerField()
    type = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]
    score = serializers.FloatField(help_text="0 to 1.")
    detector = serializers.CharField()
    reason = serializers.CharField()


class TriedSerializer(Serializer):
    text = serializers.CharField()
    parts = PartSerializer(many=True)
    spans = SpanSerializer(many=True)
    revision = serializers.IntegerField(help_text="Of the policy; 0 where the defaults hold.")


class RolesField(serializers.ListField):
    """Roles that see what is kept of one type; null: those of the policy."""

    def __init__(self, **given: Any) -> None:
        words = "Roles that may see what is kept of it; null: those of the policy."
        child = serializers.CharField(max_length=20)
        super().__init__(child=child, max_length=10, allow_null=True, help_text=words, **given)


class TypeSerializer(Serializer):
    name = serializers.CharField(help_text="As in placeholders.")
    label = serializers.CharField()  # type: ignore[assignment]
    on = serializers.BooleanField(help_text="Whether it is looked for.")
    action = serializers.ChoiceField([each.value for each in Action])
    own = serializers.BooleanField(help_text="Whether it is the company's own.")
    may_see = RolesField()


class PolicySerializer(Serializer):
    revision = serializers.IntegerField(help_text="0 where the defaults hold.")
    profile = serializers.ChoiceField(RedactionPolicy.Profile.choices)
    regions = serializers.ListField(child=serializers.CharField(), help_text="Countries of phone numbers.")
    types = TypeSerializer(many=True)
    may_see = serializers.ListField(
        child=serializers.CharField(),
        help_text="Roles that may see what is kept of types that name none themselves.",
    )
    pci_hears = serializers.BooleanField(
        help_text="Whether words are heard on while the sound pauses for a card."
    )
    pci_auto = serializers.BooleanField(help_text="Whether it pauses by itself when a card is being given.")
    pci_minutes = serializers.IntegerField(help_text="After so many minutes a pause ends.")
    unread = serializers.IntegerField(help_text="Conversations that are over and were not read by it.")


class RuleSerializer(Serializer):
    type = serializers.CharField(max_length=32)
    on = serializers.BooleanField()
    action = serializers.ChoiceField([each.value for each in Action], default=Action.MASK.value)
    reason = serializers.CharField(
        max_length=200, default="", allow_blank=True, help_text="Needed where it hides less than the profile."
    )
    may_see = RolesField(default=None)


class RedactionDraftSerializer(Serializer):
    """A policy as it could be. What is left out stays as it is now; so do the company's own types."""

    profile = serializers.ChoiceField(RedactionPolicy.Profile.choices, required=False)
    regions = serializers.ListField(child=serializers.CharField(max_length=2), max_length=50, required=False)
    may_see = serializers.ListField(
        child=serializers.CharField(max_length=20),
        max_length=10,
        required=False,
        help_text="Roles that may see what is kept of types that name none themselves.",
    )
    rules = RuleSerializer(many=True, required=False, help_text="All that differ from the profile.")
    pci_hears = serializers.BooleanField(required=False)
    pci_auto = serializers.BooleanField(required=False)
    pci_minutes = serializers.IntegerField(required=False)


class RevisionSerializer(RedactionDraftSerializer):
    """A policy as it shall be. What is left out stays as it is now; so do the company's own types."""

    made_from = serializers.IntegerField(min_value=0, help_text="The revision that it was made from.")
    reason = serializers.CharField(help_text="Why it is changed.")


class FindingReasonSerializer(Serializer):
    detector = serializers.CharField()
    reason = serializers.CharField()
    count = serializers.IntegerField()


class HiddenMoreSerializer(Serializer):
    type = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]
    count = serializers.IntegerField(help_text="How often it would be hidden more than today.")
    reasons = FindingReasonSerializer(many=True, help_text="What found it and why, the most frequent first.")
    examples = serializers.ListField(
        child=PartSerializer(many=True), help_text="Sentences as they would be then."
    )


class RedactionPreviewSerializer(Serializer):
    revision = serializers.IntegerField(help_text="That it was compared with.")
    calls = serializers.IntegerField(help_text="The company's last ones, as they are kept.")
    sentences = serializers.IntegerField()
    more = HiddenMoreSerializer(many=True)


class RedactionViewSet(CompanyViewSet):
    """What the company hides."""

    permission = Permission.ADMIN_CONFIGURE
    serializer_class = TriedSerializer
    pagination_class = None
    filter_backends: list[Any] = []
    queryset = RedactionPolicy.objects.none()

    @extend_schema(responses=PolicySerializer)
    def list(self, request: Request) -> Response:
        """The policy that holds now. Own types whole: `/redaction-types/`."""
        return Response(_shown(redaction_policy()))

    @extend_schema(
        request=RevisionSerializer,
        responses={201: PolicySerializer, 400: ErrorSerializer, 409: ErrorSerializer},
    )
    def create(self, request: Request) -> Response:
        """Save a new revision. New calls obey it at once, running ones from their next claim."""
        given = RevisionSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        wanted = given.validated_data
        policy_save(
            policy=_draft(wanted),
            reason=wanted["reason"],
            actor=self.user,
            revision=wanted["made_from"],
            address=address_of(request._request) or None,
        )
        return Response(_shown(redaction_policy()), status=status.HTTP_201_CREATED)

    @extend_schema(
        request=TextSerializer,
        responses={200: TriedSerializer, 400: ErrorSerializer, 429: ErrorSerializer},
    )
    @action(detail=False, methods=["post"], url_path="try", url_name="try")
    def attempt(self, request: Request) -> Response:
        """Read a sentence under the company's policy and say what is found in it, and why."""
        tries_count(self.user)
        given = TextSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        policy = redaction_policy()
        answer = sentence_try(given.validated_data["text"], policy) | {"revision": policy.revision}
        return Response(TriedSerializer(answer).data, headers={"Cache-Control": "no-store"})

    @extend_schema(
        request=RedactionDraftSerializer,
        responses={200: RedactionPreviewSerializer, 400: ErrorSerializer, 429: ErrorSerializer},
    )
    @action(detail=False, methods=["post"])
    def preview(self, request: Request) -> Response:
        """What the company's last calls would lose under such a policy. Nothing of it is saved."""
        tries_count(self.user, PREVIEWS)
        given = RedactionDraftSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        found = preview(policy_check(_draft(given.validated_data), reasons=False))
        shown = RedactionPreviewSerializer(
            {
                "revision": redaction_policy().revision,
                "calls": found.calls,
                "sentences": found.sentences,
                "more": [
                    {
                        "type": more.type,
                        "label": more.label,
                        "count": more.count,
                        "reasons": [
                            {"detector": detector, "reason": reason, "count": count}
                            for (detector, reason), count in more.reasons.most_common()
                        ],
                        "examples": more.examples,
                    }
                    for more in found.more
                ],
            }
        )
        return Response(shown.data, headers={"Cache-Control": "no-store"})


def tries_count(user: User, limit: Limit = TRIES) -> None:
    """Note a try of `user`. Raises `Throttled` where there were too many."""
    who, where = str(user.pk), current_schema()
    left = seconds_left(limit, address=who, place=where)
    if left:
        raise Throttled(wait=left, detail=_("Too many tries."))
    note(limit, address=who, place=where)


def _draft(wanted: Mapping[str, Any]) -> Policy:
    """Return the policy of now with what is `wanted`."""
    fields: dict[str, Any] = {
        name: tuple(wanted[name]) if isinstance(wanted[name], list) else wanted[name]
        for name in ("profile", "regions", "may_see", "pci_hears", "pci_auto", "pci_minutes")
        if name in wanted
    }
    if "rules" in wanted:
        fields["rules"] = tuple(
            Rule(rule["type"], rule["on"], Action(rule["action"]), rule["reason"], roles_of(rule["may_see"]))
            for rule in wanted["rules"]
        )
    return replace(redaction_policy(), **fields)


def roles_of(given: Sequence[str] | None) -> tuple[str, ...] | None:
    """The roles as a rule has them: each once."""
    return None if given is None else tuple(dict.fromkeys(given))


def _shown(policy: Policy) -> Any:
    sees = {rule.type: rule.may_see for rule in policy.rules}
    types = [
        {
            "name": name,
            "label": label,
            "on": policy.is_on(name),
            "action": policy.actions.get(name, Action.MASK),
            "own": name not in TYPES,
            "may_see": sees.get(name),
        }
        for name, label in policy.types.items()
    ]
    return PolicySerializer(
        {
            "revision": policy.revision,
            "profile": policy.profile,
            "regions": policy.regions,
            "types": types,
            "may_see": policy.may_see,
            "pci_hears": policy.pci_hears,
            "pci_auto": policy.pci_auto,
            "pci_minutes": policy.pci_minutes,
            "unread": still_to_read(since=None),
        }
    ).data
