"""What an agent answers to guidance, by socket or by request: seen, accepted, dismissed, taken back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.permissions import Permission
from coaching.access import guidance_for
from coaching.answers import guidance_answer
from conversations.models import Conversation

ACTIONS = frozenset({"seen", "accept", "dismiss", "wrong", "undo"})
REASON_MAX = 80
# A browser may say that it painted something a while ago, but not before this.
SHOWN_AGO_MAX_MS = 5 * 60 * 1000


@dataclass(frozen=True, slots=True)
class Answer:
    """`shown_ago_ms`: how long before sending this the browser had painted the guidance, by its own clock."""

    guidance_id: UUID
    action: str
    reason: str = ""
    shown_ago_ms: float | None = None


def parse(content: Mapping[str, Any]) -> Answer:
    """Read `{"id", "action", "reason"?, "shown_ms_ago"?}`. Raises `ValidationError` in words."""
    try:
        guidance_id = UUID(str(content.get("id", "")))
    except ValueError:
        raise ValidationError(_("“id” names no guidance.")) from None
    action, reason, ago = content.get("action"), content.get("reason") or "", content.get("shown_ms_ago")
    if action not in ACTIONS:
        raise ValidationError(_("“action” is one of seen, accept, dismiss, wrong and undo."))
    if not isinstance(reason, str) or len(reason) > REASON_MAX:
        raise ValidationError(_("A reason has at most %(max)s characters."), params={"max": REASON_MAX})
    # The comparison is false for NaN, which JSON as Python reads it may hold.
    if ago is not None and (isinstance(ago, bool) or not isinstance(ago, int | float) or not ago >= 0):
        raise ValidationError(_("“shown_ms_ago” is a time in milliseconds."))
    return Answer(guidance_id, str(action), reason.strip(), ago)


def answer_give(*, user: User, conversation: Conversation, given: Answer) -> None:
    """Record it. `PermissionDenied` for anyone but the call's agent, `Http404` for guidance of other calls.

    Raises `Conflict` where it was settled otherwise meanwhile.
    """
    if not user.may(Permission.GUIDANCE_ANSWER) or conversation.agent_id != user.pk:
        raise PermissionDenied
    guidance = guidance_for(user, given.guidance_id)
    if guidance.conversation_id != conversation.pk:
        raise Http404("no such guidance in this conversation")
    shown_at = None
    if given.shown_ago_ms is not None:
        shown_at = timezone.now() - timedelta(milliseconds=min(given.shown_ago_ms, SHOWN_AGO_MAX_MS))
    guidance_answer(guidance=guidance, user=user, action=given.action, reason=given.reason, shown_at=shown_at)
