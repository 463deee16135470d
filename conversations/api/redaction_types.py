"""API of the company's own types of information: read, tried, added, changed and removed.

Each change is a new revision of the redaction policy, checked as on the admin's page. Answers to what cannot be used
name fields and places in lists, and quote nothing that was sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from django.core.exceptions import ValidationError
from django.http import Http404
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.base import CompanyViewSet, ErrorSerializer
from accounts.permissions import Permission
from accounts.throttle import address_of
from conversations.api.redaction import RolesField, TriedSerializer, roles_of, tries_count
from conversations.models import RedactionPolicy
from conversations.redaction.policy import Policy, Rule, redaction_policy
from conversations.redaction.policy_changes import policy_check, policy_save
from conversations.redaction.trying import TEXT_MAX, sentence_try
from engines.redaction.actions import Action
from engines.redaction.custom import (
    MAX_EXAMPLES,
    MAX_LABEL_LENGTH,
    MAX_PATTERN_LENGTH,
    MAX_PATTERNS,
    MAX_PHRASE_LENGTH,
    MAX_WORDS,
    CustomType,
    Example,
    compiled,
    learn,
)
from engines.redaction.vocabulary import TYPES, is_name

Serializer = serializers.Serializer[Any]
EXAMPLE_MAX = 2_000


class MarkedExampleSerializer(Serializer):
    text = serializers.CharField(max_length=EXAMPLE_MAX, trim_whitespace=False)
    start = serializers.IntegerField(
        min_value=0, help_text="Of the words to hide, in characters of the text."
    )
    end = serializers.IntegerField(min_value=1)


class LearntPatternSerializer(Serializer):
    explanation = serializers.CharField(help_text="What was learnt from the examples, in words.")
    pattern = serializers.CharField()
    examples = serializers.IntegerField()


class TypeBodySerializer(Serializer):
    """What makes a type: at least one of patterns, words and examples."""

    label = serializers.CharField(  # type: ignore[assignment]
        max_length=MAX_LABEL_LENGTH,
        required=False,
        help_text="For people; its name in small letters otherwise.",
    )
    patterns = serializers.ListField(
        child=serializers.CharField(max_length=MAX_PATTERN_LENGTH, trim_whitespace=False),
        max_length=MAX_PATTERNS,
        default=list,
        help_text="RE2: no look-around, no references back. The first group, if any, is what is hidden.",
    )
    words = serializers.ListField(
        child=serializers.CharField(max_length=MAX_PHRASE_LENGTH),
        max_length=MAX_WORDS,
        default=list,
        help_text="Words or phrases, found whole and in any case.",
    )
    examples = MarkedExampleSerializer(many=True, default=list)
    action = serializers.ChoiceField([each.value for each in Action], default=Action.MASK.value)
    why = serializers.CharField(
        max_length=200, default="", allow_blank=True, help_text="Needed where it is not masked."
    )
    may_see = RolesField(default=None)

    def validate_patterns(self, patterns: list[str]) -> list[str]:
        return _each_fits(patterns, compiled, _("Pattern %d cannot be used: RE2 does not take it."))

    def validate_examples(self, examples: list[dict[str, Any]]) -> list[dict[str, Any]]:
        if len(examples) > MAX_EXAMPLES:
            raise serializers.ValidationError(_("At most %d examples.") % MAX_EXAMPLES)
        for number, one in enumerate(examples, 1):
            if not one["text"][one["start"] : one["end"]].strip() or one["end"] > len(one["text"]):
                raise serializers.ValidationError(
                    _("Example %d does not mark words within its text.") % number
                )
        return examples


class OwnTypeSerializer(TypeBodySerializer):
    name = serializers.CharField(max_length=32, help_text="Two to 32 capitals and underscores: BADGE_NUMBER.")
    learnt = LearntPatternSerializer(many=True, read_only=True)

    def validate_name(self, name: str) -> str:
        if not is_name(name):
            raise serializers.ValidationError(_("Give two to 32 capitals and underscores, a capital first."))
        if name in TYPES:
            raise serializers.ValidationError(_("This name is taken by a type that is always there."))
        return name


class WrittenSerializer(Serializer):
    """Every change says why, and which revision it was made from."""

    made_from = serializers.IntegerField(
        min_value=0, help_text="The revision of the policy it was made from."
    )
    reason = serializers.CharField(help_text="Why the policy is changed.")


class NewTypeSerializer(OwnTypeSerializer, WrittenSerializer):
    pass


class ChangedTypeSerializer(TypeBodySerializer, WrittenSerializer):
    pass


class OwnTypesSerializer(Serializer):
    revision = serializers.IntegerField(help_text="Of the policy; 0 where the defaults hold.")
    types = OwnTypeSerializer(many=True)


class DraftTypeSerializer(OwnTypeSerializer):
    text = serializers.CharField(max_length=TEXT_MAX, help_text="Neither stored nor logged.")


class OwnTypeTriedSerializer(TriedSerializer):
    learnt = LearntPatternSerializer(many=True)


class OwnTypeViewSet(CompanyViewSet):
    """The company's own types of information, by pattern, by list of words and by examples."""

    permission = Permission.ADMIN_CONFIGURE
    serializer_class = OwnTypeSerializer
    pagination_class = None
    filter_backends: list[Any] = []
    queryset = RedactionPolicy.objects.none()
    lookup_value_converter = "str"
    lookup_field = "name"

    @extend_schema(responses=OwnTypesSerializer)
    def list(self, request: Request) -> Response:
        """All of them, and the revision to name in a change."""
        return Response(_listed(redaction_policy()))

    @extend_schema(responses={200: OwnTypeSerializer, 404: ErrorSerializer})
    def retrieve(self, request: Request, name: str) -> Response:
        """One of them."""
        policy = redaction_policy()
        return Response(OwnTypeSerializer(_shown(policy, _one(policy, name))).data)

    @extend_schema(
        request=NewTypeSerializer,
        responses={201: OwnTypesSerializer, 400: ErrorSerializer, 409: ErrorSerializer},
    )
    def create(self, request: Request) -> Response:
        """Add one. New calls look for it at once, running ones from their next claim."""
        given = NewTypeSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        wanted = given.validated_data
        policy = redaction_policy()
        if any(one.name == wanted["name"] for one in policy.custom):
            raise ValidationError({"name": [_("Two types of your own have one name.")]})
        return self._saved(
            request, with_type(policy, wanted["name"], wanted), wanted, status.HTTP_201_CREATED
        )

    @extend_schema(
        request=ChangedTypeSerializer,
        responses={
            200: OwnTypesSerializer,
            400: ErrorSerializer,
            404: ErrorSerializer,
            409: ErrorSerializer,
        },
    )
    def update(self, request: Request, name: str) -> Response:
        """Make it anew: what is left out, it no longer has."""
        policy = redaction_policy()
        _one(policy, name)
        given = ChangedTypeSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        return self._saved(request, with_type(policy, name, given.validated_data), given.validated_data)

    @extend_schema(
        request=WrittenSerializer,
        responses={
            200: OwnTypesSerializer,
            400: ErrorSerializer,
            404: ErrorSerializer,
            409: ErrorSerializer,
        },
    )
    @action(detail=True, methods=["post"])
    def remove(self, request: Request, name: str) -> Response:
        """Look for it no more. What is hidden stays hidden."""
        policy = redaction_policy()
        _one(policy, name)
        given = WrittenSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        return self._saved(request, _without(policy, name), given.validated_data)

    @extend_schema(
        request=DraftTypeSerializer,
        responses={200: OwnTypeTriedSerializer, 400: ErrorSerializer, 429: ErrorSerializer},
    )
    @action(detail=False, methods=["post"], url_path="try", url_name="try")
    def attempt(self, request: Request) -> Response:
        """Read a sentence under the company's policy with this type in it, saved or not."""
        tries_count(self.user)
        given = DraftTypeSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        wanted, now = given.validated_data, redaction_policy()
        policy = policy_check(with_type(now, wanted["name"], wanted), reasons=False)
        learnt = _shown(policy, _one(policy, wanted["name"]))["learnt"]
        answer = sentence_try(wanted["text"], policy) | {"revision": now.revision, "learnt": learnt}
        return Response(OwnTypeTriedSerializer(answer).data, headers={"Cache-Control": "no-store"})

    def _saved(
        self, request: Request, policy: Policy, given: Mapping[str, Any], code: int = status.HTTP_200_OK
    ) -> Response:
        policy_save(
            policy=policy,
            reason=given["reason"],
            actor=self.user,
            revision=given["made_from"],
            address=address_of(request._request) or None,
        )
        return Response(_listed(redaction_policy()), status=code)


def with_type(policy: Policy, name: str, body: Mapping[str, Any]) -> Policy:
    """Return `policy` with a type of this name, in the place of the one it has. Raises `ValidationError`."""
    try:
        made = CustomType(
            name,
            body.get("label") or name.replace("_", " ").lower(),
            patterns=tuple(dict.fromkeys(body["patterns"])),
            words=tuple(dict.fromkeys(body["words"])),
            examples=tuple(Example(one["text"], one["start"], one["end"]) for one in body["examples"]),
        )
    except ValueError as error:
        # Names and patterns are judged before: what is left says nothing of what was sent but the name.
        raise ValidationError({"type": [str(error)]}) from None
    rule = Rule(name, True, Action(body["action"]), body["why"].strip(), roles_of(body["may_see"]))
    known = [one.name for one in policy.custom]
    custom = tuple(made if one.name == name else one for one in policy.custom)
    return replace(
        policy,
        custom=custom if name in known else (*custom, made),
        rules=(*(one for one in policy.rules if one.type != name), rule),
    )


def _without(policy: Policy, name: str) -> Policy:
    return replace(
        policy,
        custom=tuple(one for one in policy.custom if one.name != name),
        rules=tuple(rule for rule in policy.rules if rule.type != name),
    )


def _one(policy: Policy, name: str) -> CustomType:
    found = next((one for one in policy.custom if one.name == name), None)
    if found is None:
        raise Http404("no such type")
    return found


def _listed(policy: Policy) -> Any:
    types = [_shown(policy, one) for one in policy.custom]
    return OwnTypesSerializer({"revision": policy.revision, "types": types}).data


def _shown(policy: Policy, one: CustomType) -> dict[str, Any]:
    rule = next((rule for rule in policy.rules if rule.type == one.name), None)
    return {
        "name": one.name,
        "label": one.label,
        "patterns": one.patterns,
        "words": one.words,
        "examples": [{"text": each.text, "start": each.start, "end": each.end} for each in one.examples],
        "action": (rule.action if rule else Action.MASK).value,
        "why": rule.reason if rule else "",
        "may_see": rule.may_see if rule else None,
        "learnt": [
            {"explanation": each.explanation, "pattern": each.pattern, "examples": each.examples}
            for each in learn(one)
        ],
    }


def _each_fits(given: list[str], judge: Any, words: str) -> list[str]:
    for number, one in enumerate(given, 1):
        try:
            judge(one)
        except ValueError:
            raise serializers.ValidationError(words % number) from None
    return given
