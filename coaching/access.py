"""Which guidance, alerts and whispers a person may answer, and which they may read."""

from __future__ import annotations

from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import Http404

from accounts.models import User
from accounts.permissions import Permission
from coaching.events import alert_rows, guidance_rows, whisper_rows
from coaching.models import Alert, Guidance, Whisper
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


def alerts_beyond() -> Q:
    """Alerts that nobody of their team has taken, and that wait for anybody who may take one."""
    return Q(state=Alert.State.OPEN, assignee__isnull=True, reaches_others=True)


def alerts_visible(user: User) -> QuerySet[Alert]:
    """Alerts of the conversations that this person watches over, and those of others that nobody took; none for who
    watches over none. `readable` on each: whether they may read its conversation, and with it the alert's reason.
    """
    if not user.may(Permission.ALERT_RESOLVE):
        return alert_rows().none()
    own = conversations_visible(user).filter(pk=OuterRef("conversation_id"))
    rows = alert_rows().exclude(state=Alert.State.QUIET).annotate(readable=Exists(own))
    return rows.filter(Q(readable=True) | alerts_beyond())


def alert_for(user: User, alert_id: UUID | str) -> Alert:
    """Load an alert that this person may take, resolve or assign. `Http404` otherwise."""
    row = alerts_visible(user).filter(pk=_uuid(alert_id)).first()
    if row is None:
        raise Http404("no such alert")
    return row


def whispers_visible(user: User) -> QuerySet[Whisper]:
    """What was whispered in the conversations that this person may read."""
    return whisper_rows().filter(conversation__in=conversations_visible(user))


def whisper_for(user: User, whisper_id: UUID | str) -> Whisper:
    """Load a whisper that this agent may answer: one in their own conversation. `Http404` otherwise."""
    if not user.may(Permission.GUIDANCE_ANSWER):
        raise Http404("no such whisper")
    row = whisper_rows().filter(pk=_uuid(whisper_id), conversation__agent=user).first()
    if row is None:
        raise Http404("no such whisper")
    return row


def _uuid(value: UUID | str) -> UUID:
    try:
        return value if isinstance(value, UUID) else UUID(value)
    except ValueError:
        raise Http404("no such thing") from None
