"""Who is on shift: whoever has a floor open, unless they said they are off; and whoever said they are on."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet
from django.utils import timezone

from accounts.models import User
from accounts.permissions import MATRIX, Permission
from accounts.services import audit
from coaching.models import ShiftMark
from coaching.presence import FLOOR, present

# What somebody said of their shift counts no longer than a long one.
MARK_COUNTS = timedelta(hours=12)


def watchers(team_id: UUID | None) -> QuerySet[User]:
    """Who looks after a team's calls; after those that are nobody's yet, every supervisor. Admins see all of it."""
    roles = MATRIX[Permission.ALERT_RESOLVE]
    people = User.objects.filter(is_active=True, role__in=roles)
    if team_id is None:
        return people
    return people.filter(
        Q(supervised_teams=team_id) | Q(role__in=MATRIX[Permission.CONVERSATION_READ_ALL])
    ).distinct()


def shift_mark(*, user: User, on: bool | None) -> bool | None:
    """Say that one is on shift, or off; None: again as the open floor says. Returns what now counts."""
    if on is None:
        ShiftMark.objects.filter(user=user).delete()
    else:
        ShiftMark.objects.update_or_create(user=user, defaults={"on": on, "since": timezone.now()})
    audit(actor=user, action="shift.mark", thing=user, changes={"on": on})
    return on


def marks(user_ids: Iterable[UUID]) -> dict[UUID, bool]:
    """What these people said of their shift, as far as it still counts. One query."""
    rows = ShiftMark.objects.filter(user__in=list(user_ids), since__gt=timezone.now() - MARK_COUNTS)
    return dict(rows.values_list("user_id", "on"))


def on_shift(user_ids: Iterable[UUID]) -> set[UUID] | None:
    """Which of these people are on shift. One query; None where nobody can tell who has a floor open."""
    ids = list(user_ids)
    said = marks(ids)
    floors = present(FLOOR, [one for one in ids if one not in said])
    if floors is None:
        return None
    return {one for one in ids if said.get(one, str(one) in floors)}


def colleagues(user: User) -> QuerySet[User]:
    """This person and whoever else supervises teams of theirs; for who watches over all teams, all supervisors."""
    people = watchers(None)
    if not user.may(Permission.CONVERSATION_READ_ALL):
        people = people.filter(Q(pk=user.pk) | Q(supervised_teams__in=user.supervised_teams.all()))
    return people.distinct().order_by("name")


def shifts_now(user: User) -> list[dict[str, Any]]:
    """Who of a supervisor's colleagues is on shift, themselves first: `[{"person", "on_shift", "said"}]`.

    Two queries. `on_shift` is None where nobody can tell.
    """
    people = list(colleagues(user))
    ids = [one.pk for one in people]
    said = marks(ids)
    floors = present(FLOOR, ids)
    rows = []
    for one in people:
        open_floor = None if floors is None else str(one.pk) in floors
        rows.append(
            {
                "person": {"id": str(one.pk), "name": one.name},
                "on_shift": said.get(one.pk, open_floor),
                "said": said.get(one.pk),
            }
        )
    return sorted(rows, key=lambda row: row["person"]["id"] != str(user.pk))
