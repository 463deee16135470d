"""Which guidance and alerts a person may answer, and which they may read."""

from __future__ import annotations

from uuid import UUID

from django.db.models import QuerySet
from django.http import Http404

from accounts.models import User
from accounts.permissions import Permission
from coaching.events import alert_rows, guidance_rows
from coaching.models import Alert, Guidance
from conversations.access import conversations_visible


def guidance_visible(user: User) -> QuerySet[Guidance]:
    """Guidance of the conversations that this person may read, with all that showing it touches."""
    return guidance_rows().filter(conversation__in=conversations_visible(user))


def guidance_for(user: User, guidance_id: UUID | str) -> Guidance:
    """Load what this agent may answer: guidance of their own conversations. `Http404` otherwise."""
    if not user.may(Permission.GUIDANCE_ANSWER):
        raise Http404("no such guidance")
    own = guidance_rows().select_related("conversation").filter(conversation__agent=user)
    row = own.filter(pk=_uuid(guidance_id)).first()
    if row is None:
        raise Http404("no such guidance")
    return row


def alerts_visible(user: User) -> QuerySet[Alert]:
    """Alerts of the conversations that this person watches over; none for who does not."""
    if not user.may(Permission.ALERT_RESOLVE):
        return alert_rows().none()
    return alert_rows().filter(conversation__in=conversations_visible(user))


def alert_for(user: User, alert_id: UUID | str) -> Alert:
    """Load an alert that this person may resolve or assign. `Http404` otherwise."""
    row = alerts_visible(user).filter(pk=_uuid(alert_id)).first()
    if row is None:
        raise Http404("no such alert")
    return row


def _uuid(value: UUID | str) -> UUID:
    try:
        return value if isinstance(value, UUID) else UUID(value)
    except ValueError:
        raise Http404("no such thing") from None
