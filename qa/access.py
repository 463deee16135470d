"""Which scores a person may read, and which answers they may override."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import Http404
from django.utils import timezone

from accounts.models import Team, User
from accounts.permissions import Permission, Role
from conversations.access import conversations_visible
from qa.blind import BLIND, blind_to
from qa.events import evaluation_rows, evaluation_shown
from qa.models import Answer, Dispute, Evaluation
from qa.selectors import quality_settings

Kind, State = Evaluation.Kind, Evaluation.State


def evaluations_visible(user: User) -> QuerySet[Evaluation]:
    """Scores of the conversations that this person may read, with all that showing touches.

    Agents: their own, once released. Others: what stands, and of drafts only their own. What is judged blind
    (second reviews, calibration) is read in its own place, once everybody has judged.
    """
    rows = evaluation_rows()
    if not user.may(Permission.EVALUATION_READ):
        return rows.none()
    rows = rows.filter(replaced_at__isnull=True)
    if not user.may(Permission.CONVERSATION_READ_ALL):
        # Who may read all is not asked row by row.
        rows = rows.filter(conversation__in=conversations_visible(user))
    rows = rows.exclude(kind__in=BLIND)
    if user.may(Permission.EVALUATION_OVERRIDE):
        # Who judges a conversation blind sees nothing of what others found, until it is done.
        rows = rows.exclude(blind_to(user))
    if not user.may(Permission.CONVERSATION_READ_TEAM):
        own = Q(agent=user) | Q(agent__isnull=True, conversation__agent=user)
        return rows.filter(own, released_at__isnull=False)
    return rows.filter(~Q(state=State.DRAFT) | Q(evaluator=user))


def evaluations_that_count() -> QuerySet[Evaluation]:
    """Scores that count in figures, whoever may read them: of whole teams, to compare with.

    Of an agent's part by one scorecard that is one: a person's, or the automatic one where no person judged. Never
    second reviews, calibration, or what is not scored.
    """
    return Evaluation.objects.filter(
        counts=True,
        replaced_at__isnull=True,
        total__isnull=False,
        kind__in=[Kind.AUTOMATIC, Kind.PERSON],
    ).order_by()


def evaluations_counted(user: User) -> QuerySet[Evaluation]:
    """Those that figures for this person are reckoned from: of agents whom they look after.

    Agents: their own, once released. Who is to judge a conversation blind has it in no figure until they have.
    """
    rows = evaluations_that_count()
    if not user.may(Permission.EVALUATION_READ):
        return rows.none()
    if not user.may(Permission.CONVERSATION_READ_TEAM):
        return rows.filter(agent=user, released_at__isnull=False)
    rows = rows.exclude(blind_to(user))
    if user.may(Permission.CONVERSATION_READ_ALL):
        return rows
    theirs = User.objects.filter(team__supervisors=user).order_by().values("pk")
    return rows.filter(Q(agent__in=theirs) | Q(agent__isnull=True, conversation__agent__isnull=True))


def agents_reported(user: User) -> QuerySet[User]:
    """Agents about whom this person may read reports: themselves, those of their teams, or all.

    Who has another role by now and was judged as an agent is one of them.
    """
    judged = Evaluation.objects.filter(agent=OuterRef("pk")).order_by()
    agents = User.objects.filter(Q(role=Role.AGENT) | Exists(judged))
    if not user.may(Permission.REPORT_READ):
        return agents.filter(pk=user.pk) if user.may(Permission.EVALUATION_READ) else agents.none()
    if user.may(Permission.CONVERSATION_READ_ALL):
        return agents
    return agents.filter(pk__in=User.objects.filter(team__supervisors=user).values("pk"))


def teams_reported(user: User) -> QuerySet[Team]:
    """Teams whose figures this person may read as a whole."""
    if not user.may(Permission.REPORT_READ):
        return Team.objects.none()
    if user.may(Permission.CONVERSATION_READ_ALL):
        return Team.objects.all()
    return Team.objects.filter(supervisors=user)


def scores_of(user: User, conversation_id: UUID) -> list[dict[str, Any]]:
    """The scores of a conversation that this person may read, as its page shows them. Four queries at most.

    Beside what events tell: `disputes` with what is disputed, whether it is `mine`, and whether I may dispute it now.
    """
    rows = list(evaluations_visible(user).filter(conversation=conversation_id))
    disputed: dict[UUID, list[Dispute]] = {}
    if any(row.state in {State.DISPUTED, State.RESOLVED} for row in rows):
        found = Dispute.objects.filter(evaluation__in=rows).select_related("raised_by", "resolved_by")
        for one in found.order_by("raised_at"):
            disputed.setdefault(one.evaluation_id, []).append(one)
    scores = [evaluation_shown(row) for row in rows]
    days = (
        timedelta(days=quality_settings().dispute_days)
        if any(one.agent_id == user.pk for one in rows)
        else None
    )
    for row, shown in zip(rows, scores, strict=True):
        answers = {one["id"]: one for one in shown["answers"]}
        for one in disputed.get(row.pk, []):
            answer = answers.get(str(one.answer_id), {})
            # As the page shows it, beside the row itself.
            one.question, one.choices = answer.get("question", ""), answer.get("choices", [])  # type: ignore[attr-defined]
            one.value = answer.get("value", "")  # type: ignore[attr-defined]
        shown["disputes"] = disputed.get(row.pk, [])
        shown["mine"] = row.agent_id == user.pk and row.released_at is not None
        shown["disputable"] = (
            shown["mine"]
            and row.state in {State.SUBMITTED, State.ACKNOWLEDGED}
            and days is not None
            and row.released_at is not None
            and timezone.now() <= row.released_at + days
        )
    return scores


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
    seen = evaluations_visible(user).exclude(state=State.DRAFT).order_by().values("pk")
    row = (
        Answer.objects.filter(evaluation__in=seen)
        .select_related("evaluation")
        .filter(pk=_uuid(answer_id))
        .first()
    )
    if row is None:
        raise Http404("no such answer")
    return row


def _uuid(value: UUID | str) -> UUID:
    try:
        return value if isinstance(value, UUID) else UUID(value)
    except ValueError:
        raise Http404("no such thing") from None
