"""Which scores a person may read, and which answers they may override."""

from __future__ import annotations

from uuid import UUID

from django.db.models import QuerySet
from django.http import Http404

from accounts.models import User
from accounts.permissions import Permission
from conversations.access import conversations_visible
from qa.events import evaluation_rows
from qa.models import Answer, Evaluation


def evaluations_visible(user: User) -> QuerySet[Evaluation]:
    """Scores of the conversations that this person may read (agents: their own), with all that showing touches."""
    if not user.may(Permission.EVALUATION_READ):
        return evaluation_rows().none()
    return evaluation_rows().filter(conversation__in=conversations_visible(user))


def evaluation_for(user: User, evaluation_id: UUID | str) -> Evaluation:
    """Load one. `Http404` if there is none that they may read."""
    row = evaluations_visible(user).filter(pk=_uuid(evaluation_id)).first()
    if row is None:
        raise Http404("no such evaluation")
    return row


def answer_for(user: User, answer_id: UUID | str) -> Answer:
    """Load an answer that this person may override. `Http404` otherwise."""
    if not user.may(Permission.EVALUATION_OVERRIDE):
        raise Http404("no such answer")
    visible = Answer.objects.filter(evaluation__conversation__in=conversations_visible(user))
    row = visible.select_related("evaluation").filter(pk=_uuid(answer_id)).first()
    if row is None:
        raise Http404("no such answer")
    return row


def _uuid(value: UUID | str) -> UUID:
    try:
        return value if isinstance(value, UUID) else UUID(value)
    except ValueError:
        raise Http404("no such thing") from None
