"""Which calibrations a person may see and lead, and when their answers stand beside each other."""

from __future__ import annotations

from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import Http404

from accounts.models import User
from accounts.permissions import MATRIX, Permission
from conversations.access import conversations_visible
from conversations.models import Conversation
from qa.events import evaluation_rows
from qa.models import Assignment, CalibrationCall, CalibrationSession, Evaluation

State = CalibrationSession.State


def calibrations_visible(user: User) -> QuerySet[CalibrationSession]:
    """Those that they lead or take part in; who manages quality sees all. Newest first."""
    rows = CalibrationSession.objects.select_related("revision__template", "leader", "reference_rater")
    if not user.may(Permission.EVALUATION_OVERRIDE):
        return rows.none()
    if not user.may(Permission.EVALUATION_MANAGE):
        mine = CalibrationSession.participants.through.objects.filter(
            calibrationsession=OuterRef("pk"), user=user
        )
        rows = rows.filter(Q(leader=user) | Exists(mine))
    return rows.order_by("-pk")


def calibration_for(user: User, session_id: UUID) -> CalibrationSession:
    """Load one. `Http404` otherwise."""
    row = calibrations_visible(user).filter(pk=session_id).first()
    if row is None:
        raise Http404("no such calibration")
    return row


def calibration_led(user: User, session_id: UUID) -> CalibrationSession:
    """Load one that this person may lead. `Http404` otherwise."""
    row = calibration_for(user, session_id)
    if not may_lead(user, row):
        raise Http404("no such calibration")
    return row


def may_lead(user: User, session: CalibrationSession) -> bool:
    """Whoever leads it, and who manages quality, should somebody be away."""
    return session.leader_id == user.pk or user.may(Permission.EVALUATION_MANAGE)


def calibrated_visible(user: User) -> QuerySet[Evaluation]:
    """Evaluations of calibrations whose scoring is over, of conversations that this person may read."""
    seen = calibrations_visible(user).filter(state__in=[State.DISCUSSION, State.CLOSED]).order_by()
    return evaluation_rows().filter(
        kind=Evaluation.Kind.CALIBRATION,
        conversation__in=conversations_visible(user),
        assignment__state=Assignment.State.DONE,
        assignment__calibration__session__in=seen.values("pk"),
    )


def raters_offered(conversations: list[Conversation]) -> list[User]:
    """Who may be asked to rate these calls: evaluators who may read them and are not their agents. By name."""
    people = User.objects.filter(is_active=True, role__in=MATRIX[Permission.EVALUATION_OVERRIDE])
    agents, wanted = {one.agent_id for one in conversations}, {one.pk for one in conversations}
    return [
        one
        for one in people.order_by("name")
        if one.pk not in agents
        and (
            one.may(Permission.CONVERSATION_READ_ALL)
            or conversations_visible(one).filter(pk__in=wanted).count() == len(wanted)
        )
    ]


def calls_readable(user: User, calls: list[CalibrationCall]) -> set[UUID]:
    """Those of these conversations that the person may read still: of others no words are shown."""
    wanted = [one.conversation_id for one in calls]
    return set(conversations_visible(user).filter(pk__in=wanted).values_list("pk", flat=True))
