"""Which conversations a person may open: the one way for views, the API and sockets to load them."""

from __future__ import annotations

from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import Http404

from accounts.models import User
from accounts.permissions import Permission
from conversations.models import Conversation, Participant


def conversations_visible(user: User) -> QuerySet[Conversation]:
    """What this person may read, in no particular order and each once; nothing for who may read nothing.

    Agents: those they have or had a part in. Supervisors: those of the agents in teams they look after, and
    unmatched ones, which belong to nobody yet, and those that they were called into. Analysts and admins: all.
    """
    rows = Conversation.objects.all()
    if user.may(Permission.CONVERSATION_READ_ALL):
        return rows
    if user.may(Permission.CONVERSATION_READ_TEAM):
        # A subquery, not a join: a team with two supervisors must not show its calls twice.
        theirs = User.objects.filter(team__supervisors=user).values("pk")
        return rows.filter(
            Q(agent__isnull=True)
            | Q(agent=user)
            | Q(agent__in=theirs)
            | _took_part(Q(user__in=theirs) | Q(user=user))
        )
    if user.may(Permission.CONVERSATION_READ_OWN):
        return rows.filter(Q(agent=user) | _took_part(Q(user=user)))
    return rows.none()


def _took_part(who: Q) -> Q:
    """Calls that went through these people's hands: before a transfer, in a conference, or called in by an alert."""
    # Asked of each call: a list of fifty looks at a few hundred, and not at all that these people ever had.
    return Q(Exists(Participant.objects.filter(who, conversation=OuterRef("pk"))))


def conversation_for(user: User, conversation_id: UUID | str) -> Conversation:
    """Load one with its agent, customer, queue and disposition. `Http404` where they may read none."""
    try:
        wanted = conversation_id if isinstance(conversation_id, UUID) else UUID(conversation_id)
    except ValueError:
        raise Http404("no such conversation") from None
    row = (
        conversations_visible(user)
        .select_related("agent", "customer", "queue", "disposition")
        .filter(pk=wanted)
        .first()
    )
    if row is None:
        raise Http404("no such conversation")
    return row
