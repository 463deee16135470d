"""Playbooks that an agent may begin by hand: those of the policies in force in a conversation, begun or not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import structlog
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from redis.exceptions import RedisError

from accounts.errors import Conflict
from coaching.compiled import compiled_for
from coaching.models import PolicyRevision
from coaching.mutes import STAGE
from coaching.scopes import Audience
from coaching.selectors import effective_revisions, revisions_by_id
from conversations.lifecycle import marks_append
from conversations.live.tidings import word
from conversations.models import CallOwner, Conversation
from tenants.companies import company_zone

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Offered:
    """A playbook of a policy in force. `revision` and `playbook` name it; `policy` and `title` are for people."""

    revision: str
    playbook: str
    policy: str
    title: str

    def shown(self) -> dict[str, str]:
        return {
            "revision": self.revision,
            "playbook": self.playbook,
            "policy": self.policy,
            "title": self.title,
        }


def playbooks_offered(conversation: Conversation) -> list[Offered]:
    """What may be begun in this conversation, nothing once it is over. Four queries at most."""
    if not conversation.is_live:
        return []
    revisions = {str(row.pk): row for row in _in_force(conversation)}
    compiled = compiled_for(list(revisions.values())).policies.playbooks
    return [
        Offered(one.policy, one.playbook.id, revisions[one.policy].policy.name, one.playbook.name)
        for one in compiled
    ]


def playbook_begin(*, conversation: Conversation, revision: str, playbook: str) -> None:
    """Begin it at its first step, in the conversation that is under way. One that is under way stays where it is.

    The step comes as an event, once the call's worker has made it. Raises `ValidationError` for a playbook that is not
    in force here, `Conflict` where the call is over or cannot be reached: nothing is promised then.
    """
    if not conversation.is_live:
        raise Conflict(_("The call is over."))
    if (revision, playbook) not in {(one.revision, one.playbook) for one in playbooks_offered(conversation)}:
        raise ValidationError(_("There is no such playbook in this call."))
    mark = word(STAGE, do="begin", policy=revision, playbook=playbook)
    try:
        marks_append(conversation.pk, [mark])
    except (RedisError, OSError) as error:
        log.warning("tidings.not_told", conversation=str(conversation.pk), error=type(error).__name__)
        raise Conflict(_("The call cannot be reached just now. Please try again.")) from None


def _in_force(conversation: Conversation) -> list[PolicyRevision]:
    """What its worker goes by; before one has taken the call: what it would go by now."""
    fixed = CallOwner.objects.filter(pk=conversation.pk).values_list("fixed_state", flat=True).first()
    ids: list[Any] | None = ((fixed or {}).get(STAGE) or {}).get("revisions")
    if ids is not None:
        return revisions_by_id(ids)
    agent = conversation.agent
    audience = Audience(
        agent_id=conversation.agent_id,
        team_id=agent.team_id if agent is not None else None,
        queue=conversation.queue.key if conversation.queue is not None else None,
        channel=conversation.channel,
        language=conversation.language or "en",
        at=(conversation.started_at or conversation.announced_at).astimezone(company_zone()),
        key=str(conversation.pk),
    )
    return effective_revisions(audience=audience)


def revision_id(value: object) -> str:
    """The id of a revision as it was sent, in its own form. Raises `ValidationError`."""
    try:
        return str(UUID(str(value)))
    except ValueError:
        raise ValidationError(_("There is no such playbook in this call.")) from None
