"""What of the work on quality a person may see and touch: assignments, drafts, disputes."""

from __future__ import annotations

from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import Http404

from accounts.models import User
from accounts.permissions import Permission
from conversations.access import conversations_visible
from qa.access import evaluations_visible
from qa.blind import BLIND
from qa.events import evaluation_rows
from qa.models import Assignment, Dispute, Evaluation

Kind = Evaluation.Kind


def assignments_visible(user: User) -> QuerySet[Assignment]:
    """Open ones that are theirs, and of conversations that they may read those that nobody has.

    Who manages quality sees everybody's, but for what others judge blind, which is nobody else's business.
    """
    rows = Assignment.objects.filter(state=Assignment.State.OPEN).select_related(
        "conversation__customer", "agent", "assignee", "template", "plan", "evaluation"
    )
    if not user.may(Permission.EVALUATION_OVERRIDE):
        return rows.none()
    readable = rows.filter(conversation__in=conversations_visible(user))
    # Who has judged a conversation already, or is to, is no second pair of eyes.
    judged = Evaluation.objects.filter(
        conversation=OuterRef("conversation"), evaluator=user, kind=Kind.PERSON
    )
    first = Assignment.objects.filter(conversation=OuterRef("conversation"), assignee=user, kind=Kind.PERSON)
    readable = readable.exclude(Q(kind=Kind.SECOND) & (Exists(judged) | Exists(first)))
    if user.may(Permission.EVALUATION_MANAGE):
        return readable.filter(Q(assignee=user) | ~Q(kind__in=BLIND) | Q(assignee__isnull=True))
    return readable.filter(Q(assignee=user) | Q(assignee__isnull=True)).exclude(agent=user)


def assignment_for(user: User, assignment_id: UUID) -> Assignment:
    """Load one. `Http404` otherwise."""
    row = assignments_visible(user).filter(pk=assignment_id).first()
    if row is None:
        raise Http404("no such assignment")
    return row


def draft_for(user: User, evaluation_id: UUID) -> Evaluation:
    """Load one's own evaluation, as it is begun or submitted, of whatever kind. `Http404` otherwise."""
    if not user.may(Permission.EVALUATION_OVERRIDE):
        raise Http404("no such evaluation")
    row = evaluation_rows().filter(pk=evaluation_id, evaluator=user, replaced_at__isnull=True).first()
    if row is None:
        raise Http404("no such evaluation")
    return row


def drafts_of(user: User) -> QuerySet[Evaluation]:
    """What this person has begun to evaluate of their own accord: assigned ones stand among the assignments."""
    rows = Evaluation.objects.filter(evaluator=user, state=Evaluation.State.DRAFT, assignment__isnull=True)
    return rows.select_related("conversation__customer", "agent", "revision").order_by("-pk")


def disputes_visible(user: User) -> QuerySet[Dispute]:
    """Disputes of scores that this person may read; agents see their own."""
    seen = evaluations_visible(user).filter(pk=OuterRef("evaluation")).order_by()
    return (
        Dispute.objects.filter(Exists(seen))
        .select_related(
            "evaluation__conversation__customer", "evaluation__agent", "evaluation__revision", "answer",
            "raised_by", "resolved_by",
        )
        .order_by("due_at", "pk")
    )  # fmt: skip


def dispute_for(user: User, dispute_id: UUID) -> Dispute:
    """Load one that this person may decide. `Http404` otherwise."""
    if not user.may(Permission.EVALUATION_OVERRIDE):
        raise Http404("no such dispute")
    row = disputes_visible(user).filter(pk=dispute_id).first()
    if row is None:
        raise Http404("no such dispute")
    return row
