"""The rule builder: what it offers to choose from, what it is told of a draft, and the form field that it edits."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django import forms
from django.core.exceptions import ValidationError
from django.forms.widgets import Script
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from accounts.models import Queue, User
from coaching.builder_words import words
from coaching.models import Policy
from coaching.services import document_complaints, policy_complaints
from conversations.access import conversations_visible
from conversations.models import Conversation, Disposition
from engines.rules.describing import describe
from engines.rules.reading import read_policy
from engines.rules.spec import FIELDS, METADATA, Behaviour, Playbook, Rule
from moments.models import MomentDefinition

# What a draft may weigh as text; each rule has a limit of its own in the language.
DRAFT_BYTES = 4_000_000
CALLS_OFFERED = 20
_PLACE = re.compile(r"^(rules|behaviours|playbooks)\[(\d+)\]")


def builder_data() -> dict[str, Any]:
    """What the page chooses from: moments, what is known of a call, and the builder's words. Three queries."""
    field_words = {
        "queue": _("the queue"),
        "channel": _("the channel"),
        "language": _("the language"),
        "product": _("the product"),
        "customer.segment": _("the customer's segment"),
    }
    moments = MomentDefinition.objects.filter(active=True).order_by("name").values_list("key", "name")
    return {
        "moments": [{"key": key, "name": name} for key, name in moments],
        "fields": [*([name, field_words.get(name, name)] for name in FIELDS), [METADATA, _("metadata")]],
        "choices": {
            "queue": [list(one) for one in Queue.objects.order_by("name").values_list("key", "name")],
            "channel": [[value, str(label)] for value, label in Conversation.Channel.choices],
            "disposition": [
                list(one) for one in Disposition.objects.filter(active=True).values_list("key", "name")
            ],
        },
        "words": words(),
    }


def calls_to_try(user: User) -> list[dict[str, Any]]:
    """The last calls with words that this person may read. One query."""
    rows = (
        conversations_visible(user)
        .filter(words_erased_at__isnull=True, ended_at__isnull=False)
        .select_related("agent", "queue")
        .order_by("-pk")[:CALLS_OFFERED]
    )
    return [
        {
            "pk": row.pk,
            "words": " · ".join(
                part
                for part in (
                    f"{timezone.localtime(row.announced_at):%d %b %H:%M}",
                    row.agent.name if row.agent else "",
                    row.queue.name if row.queue else "",
                )
                if part
            ),
        }
        for row in rows
    ]


def document_told(
    document: Any, policy: Policy | None = None, channels: list[str] | None = None
) -> dict[str, Any]:
    """What is wrong with a document, and what each of its parts does in a sentence, for who edits it.

    `{"complaints": [{"kind", "where", "thing", "sentence"}], "explained": {id: sentence}}`; `thing` is the id of the
    rule, behaviour or playbook, or "" where all of the document is meant. `channels`: what the policy is to be for,
    where that is no longer as stored.
    """
    if policy is not None and isinstance(channels, list):
        policy.scope = {**(policy.scope or {}), "channels": [str(one) for one in channels[:10]]}
    if policy is not None:
        found = policy_complaints(policy, document)
    else:
        found = document_complaints(document, {"channels": channels if isinstance(channels, list) else []})
    names = dict(MomentDefinition.objects.values_list("key", "name"))
    return {
        "complaints": [
            {
                "kind": one.kind,
                "where": one.where,
                "thing": _thing(document, one.where),
                "sentence": one.sentence,
            }
            for one in found
        ],
        "explained": _explained(document, names),
    }


def _explained(document: Any, names: Mapping[str, str]) -> dict[str, str]:
    """What each part does, by its id; nothing of a part that cannot be read."""
    policy, wrong = read_policy(document)
    broken = {_thing(document, one.where) for one in wrong}
    parts: list[Rule | Behaviour | Playbook] = [*policy.rules, *policy.behaviours, *policy.playbooks]
    return {one.id: describe(one, names) for one in parts if one.id not in broken}


def _thing(document: Any, where: str) -> str:
    """The id of the part that a path leads into."""
    place = _PLACE.match(where)
    if place is None or not isinstance(document, Mapping):
        return ""
    part = document.get(place[1])
    number = int(place[2])
    if not isinstance(part, list) or number >= len(part) or not isinstance(part[number], Mapping):
        return ""
    return str(part[number].get("id") or "")


def document_sent(text: str | bytes) -> Any:
    """A document as JSON text. Raises `ValidationError` in words."""
    if len(text) > DRAFT_BYTES:
        raise ValidationError(_("The draft is larger than %(most)d MB.") % {"most": DRAFT_BYTES // 1_000_000})
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        place = (
            _(" in line %(line)d") % {"line": error.lineno} if isinstance(error, json.JSONDecodeError) else ""
        )
        raise ValidationError(_("This is not JSON%(place)s.") % {"place": place}) from None
    if not isinstance(document, dict):
        raise ValidationError(_("A draft begins with { and ends with }."))
    return document


class RuleBuilder(forms.Textarea):
    """A draft's text, with the builder above it and what is tried below it. Give it `policy` and `user`."""

    template_name = "admin/coaching/rule_builder.html"
    policy_id: UUID | None = None
    user: User | None = None

    @property
    def media(self) -> forms.Media:
        # Stubs do not know entries that are more than an address.
        script: Any = Script("js/rule_builder.js", type="module")
        return forms.Media(css={"all": ("css/rule_builder.css",)}, js=(script,))

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        context = super().get_context(name, value, attrs)
        return {
            **context,
            "check_url": reverse("admin:coaching_policy_draft_check"),
            "try_url": reverse("admin:coaching_policy_draft_try"),
            "policy": self.policy_id,
            "calls": calls_to_try(self.user) if self.user is not None else [],
            "data": builder_data(),
        }

    def _render(self, template_name: str, context: dict[str, Any], renderer: Any = None) -> SafeString:
        # By the project's templates: the form's own renderer knows only those of Django and of the admin.
        return render_to_string(template_name, context)
