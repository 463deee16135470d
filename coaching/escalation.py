"""What happens to alerts that nobody takes: after the team's own time they go further, once.

A sweep looks every few seconds. It holds nothing in memory and changes each alert by one conditional UPDATE, so that
it may die, come back and run twice at once.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from django.core.mail import send_mail
from django.db import transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from coaching.alerts import alerts_wanted, announce
from coaching.events import alert_rows
from coaching.models import Alert, TeamAlerts
from coaching.shifts import on_shift, watchers
from conversations import news, outbox
from conversations.services import call_lock
from tenants.companies import web_base

ESCALATED = "alert.escalated"
# Where nobody is on shift it goes further at once, but for those who are just opening their floor.
NOBODY_AFTER = timedelta(seconds=5)


def alerts_escalate() -> int:
    """Let alerts that have waited too long go further. Returns how many did. Two queries where nothing waits."""
    now = timezone.now()
    waiting = (
        Alert.objects.filter(
            state=Alert.State.OPEN, waiting_since__lte=now - NOBODY_AFTER, escalated_at__isnull=True
        )
        .order_by("waiting_since")
        .values_list("pk", "waiting_since", "conversation__agent__team_id")
    )
    wanted: dict[UUID | None, TeamAlerts] = {}
    staffed: dict[UUID | None, bool] = {}
    gone = 0
    for alert_id, since, team_id in waiting:
        if team_id not in wanted:
            wanted[team_id] = alerts_wanted(team_id)
        own = wanted[team_id]
        if not own.escalate_seconds or since is None:
            continue
        if now - since < timedelta(seconds=own.escalate_seconds):
            if team_id not in staffed:
                staffed[team_id] = _is_staffed(team_id)
            if staffed[team_id]:
                continue
        gone += alert_escalate(alert_id=alert_id, wanted=own, now=now)
    return gone


def _is_staffed(team_id: UUID | None) -> bool:
    people = on_shift(watchers(team_id).values_list("pk", flat=True))
    # Where nobody can tell, the time that was set holds.
    return people is None or bool(people)


def alert_escalate(*, alert_id: UUID, wanted: TeamAlerts, now: datetime) -> bool:
    """Let one go further, unless somebody has taken it, it is over, or it went already. Returns whether it did."""
    with transaction.atomic():
        conversation_id = Alert.objects.values_list("conversation_id", flat=True).get(pk=alert_id)
        call_lock(conversation_id)
        changed = Alert.objects.filter(
            pk=alert_id,
            state=Alert.State.OPEN,
            waiting_since__isnull=False,
            assignee__isnull=True,
            escalated_at__isnull=True,
        ).update(escalated_at=now, reaches_others=wanted.escalate_to_others)
        if not changed:
            return False
        announce(alert_rows().get(pk=alert_id))
        news.tell(kind=news.ALERT_ESCALATED, conversation_id=conversation_id, ref=alert_id)
        if wanted.addresses:
            # It may go further again after somebody has given it back.
            because = f"{alert_id.hex}{int(now.timestamp())}"
            outbox.jobs_announce(event=ESCALATED, conversation_id=conversation_id, because=because)
    return True


def escalated_mail(conversation_id: UUID) -> None:
    """Write to the addresses of the team. The outbox's handler; no word that anybody said is in the mail."""
    rows = alert_rows().filter(
        conversation=conversation_id,
        state=Alert.State.OPEN,
        assignee__isnull=True,
        escalated_at__isnull=False,
        mailed_at__isnull=True,
    )
    for row in rows.select_related("conversation__agent__team"):
        agent = row.conversation.agent
        team = agent.team if agent else None
        addresses = alerts_wanted(team.pk if team else None).addresses
        if not addresses:
            continue
        send_mail(
            subject=_("Nobody has taken an alert: %(title)s") % {"title": row.title},
            message=_(
                "An alert has waited since %(since)s and nobody has taken it.\n\n"
                "%(title)s\nAgent: %(agent)s\nTeam: %(team)s\n\nTake it on the floor: %(url)s"
            )
            % {
                "since": timezone.localtime(row.waiting_since).strftime("%H:%M:%S %Z"),
                "title": row.title,
                "agent": agent.name if agent else "–",
                "team": team.name if team else "–",
                "url": web_base() + reverse("floor"),
            },
            from_email=None,
            recipient_list=addresses,
        )
        Alert.objects.filter(pk=row.pk).update(mailed_at=timezone.now())
