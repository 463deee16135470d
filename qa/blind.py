"""Who judges what blind: of these conversations they see no score, wherever scores are shown."""

from __future__ import annotations

from django.db.models import Exists, OuterRef, Q, QuerySet

from accounts.models import User
from qa.models import Assignment, CalibrationCall, CalibrationSession, Evaluation

Kind = Evaluation.Kind
# Evaluations that nobody sees before all have judged, and that never count.
BLIND = frozenset({Kind.SECOND, Kind.CALIBRATION})
_UNSEEN = [CalibrationSession.State.PLANNED, CalibrationSession.State.OPEN]


def blind_calls(user: User) -> QuerySet[CalibrationCall]:
    """Calls of calibrations that this person takes part in or leads, and whose scoring is not over."""
    mine = CalibrationSession.participants.through.objects.filter(
        calibrationsession=OuterRef("session"), user=user
    )
    rows = CalibrationCall.objects.filter(session__state__in=_UNSEEN)
    return rows.filter(Q(session__leader=user) | Exists(mine)).order_by()


def second_reviews(user: User) -> QuerySet[Assignment]:
    """Second reviews that this person has still to do."""
    return Assignment.objects.filter(assignee=user, kind=Kind.SECOND, state=Assignment.State.OPEN).order_by()


def blind_to(user: User, conversation: str = "conversation") -> Q:
    """Holds for rows whose conversation (in this field) the person judges blind now."""
    field = f"{conversation}__in"
    return Q(**{field: second_reviews(user).values("conversation")}) | Q(
        **{field: blind_calls(user).values("conversation")}
    )
