"""Which periods and teams reports are offered for."""

from __future__ import annotations

from django.db.models import QuerySet

from accounts.models import Team, User
from accounts.permissions import Permission

# Days, today included.
PERIODS = (7, 14, 30, 90)


def teams_offered(user: User) -> QuerySet[Team]:
    """Teams whose conversations this person may read."""
    if user.may(Permission.CONVERSATION_READ_ALL):
        return Team.objects.all()
    return Team.objects.filter(supervisors=user)
