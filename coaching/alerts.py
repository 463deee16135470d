"""Alerts: raised once for each call and kind, taken by one person, resolved, or closed with their call.

Each answer is one conditional UPDATE under the call's lock, so that of two people who act at once one has done it and
the other is told who.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.errors import Conflict
from accounts.models import User
from accounts.permissions import Permission
from accounts.services import audit
from coaching.events import alert_rows
from coaching.models import CHECK, HAND, Alert, Severity, TeamAlerts
from conversations import news
from conversations.access import conversations_visible
from conversations.live.stages import Batch
from conversations.models import Conversation, Participant, Speaker
from conversations.services import call_lock, event_append

OPEN, RESOLVED, CLOSED, QUIET = Alert.State.OPEN, Alert.State.RESOLVED, Alert.State.CLOSED, Alert.State.QUIET
_OVER = frozenset({news.COMPLETED, news.INCOMPLETE})


def alerts_wanted(team_id: UUID | None) -> TeamAlerts:
    """What the supervisors of a team want to be alerted to: its own settings, those for all, or what holds anyway."""
    rows = TeamAlerts.objects.filter(Q(team__isnull=True) | Q(team=team_id))
    return rows.order_by(F("team").asc(nulls_last=True)).first() or TeamAlerts()


# --- Raised ---------------------------------------------------------------------------------------------


def alert_into_batch(*, alert: Alert, team_id: UUID | None, batch: Batch) -> None:
    """Raise an alert with a step of a live call. `alert` is unsaved; once committed it is the row as it is stored."""
    batch.write(partial(_raise, alert, team_id))
    batch.event("alert", alert)


def alert_raise(*, alert: Alert, team_id: UUID | None) -> Alert:
    """Raise an unsaved alert, and announce it. Returns the row as it is stored, which may be there already."""
    with transaction.atomic():
        call_lock(alert.conversation_id)
        _raise(alert, team_id)
        announce(alert)
    return alert


def _raise(alert: Alert, team_id: UUID | None) -> None:
    """Within a transaction that holds the call: insert, or count it on the row that is there. Fills in `alert`."""
    alert.policy_id = alert.revision.policy_id if alert.revision else None
    kind = {"conversation": alert.conversation_id, "policy": alert.policy_id, "rule_key": alert.rule_key}
    found = alert_rows().filter(**kind).first()
    alert.last_at_ms = alert.at_ms
    if found is None:
        alert.state = OPEN if alerts_wanted(team_id).takes(alert) else QUIET
        alert.waiting_since = alert.raised_at if alert.state == OPEN else None
        alert.save(force_insert=True)
        is_news = alert.state == OPEN
    else:
        is_news = _again(found, alert)
        _become(alert, found)
    if is_news:
        news.tell(kind=news.ALERT_RAISED, conversation_id=alert.conversation_id, ref=alert.pk)


def _again(found: Alert, alert: Alert) -> bool:
    """The same thing once more. Returns whether it is open again, after somebody had resolved it."""
    found.count += 1
    found.last_at_ms = max(found.last_at_ms, alert.at_ms)
    found.title, found.reason, found.evidence = alert.title, alert.reason, alert.evidence
    found.cause, found.revision_id = alert.cause, alert.revision_id
    if alert.severity == Severity.BAD:
        found.severity = alert.severity
    reopened = found.state == RESOLVED
    if reopened:
        found.state, found.waiting_since = OPEN, alert.raised_at
        found.assignee = found.resolved_by = None
        found.claimed_at = found.resolved_at = found.escalated_at = found.mailed_at = None
        found.reaches_others = False
    found.save()
    return reopened


def _become(alert: Alert, stored: Alert) -> None:
    """Make the object at hand the stored row: it is shown as it is once everything is committed."""
    for field in Alert._meta.concrete_fields:
        setattr(alert, field.attname, getattr(stored, field.attname))
    alert.assignee, alert.resolved_by, alert.cause = stored.assignee, stored.resolved_by, stored.cause
    alert._state.adding = False


def announce(row: Alert) -> None:
    """Tell whoever follows the call of an alert as it now is, within the transaction that changed it."""
    event_append(conversation_id=row.conversation_id, kind="alert", row=row)
    if row.rule_key == HAND:
        # What the agent may see of it: that the hand is up, and who comes.
        event_append(conversation_id=row.conversation_id, kind="hand", row=row)


# --- A raised hand --------------------------------------------------------------------------------------


def hands_wanted(agent: User) -> bool:
    """Whether the supervisors of this agent's team want to see raised hands."""
    return alerts_wanted(agent.team_id).hands


def hand_raise(*, conversation: Conversation, agent: User) -> Alert:
    """The agent of a live call asks for a supervisor. Asked twice while nobody has come, it is one.

    Raises `ValidationError` for anybody else's call, one that is over, or where the team has no raised hands.
    """
    if conversation.agent_id != agent.pk or not conversation.is_live:
        raise ValidationError(_("A hand is raised in one's own call, while it goes on."))
    if not hands_wanted(agent):
        raise ValidationError(_("Your team does not use raised hands."))
    now = timezone.now()
    with transaction.atomic():
        call_lock(conversation.pk)
        row = alert_rows().filter(conversation=conversation, rule_key=HAND, state=OPEN).first()
        if row is not None:
            return row
        return alert_raise(
            alert=Alert(
                conversation=conversation,
                rule_key=HAND,
                title=_("Agent asks for you"),
                severity=Severity.BAD,
                at_ms=call_time(conversation, now),
                raised_at=now,
            ),
            team_id=agent.team_id,
        )


def hand_lower(*, conversation: Conversation, agent: User) -> Alert | None:
    """The agent takes the hand down again. Returns the row, None where it never was up."""
    if conversation.agent_id != agent.pk:
        raise ValidationError(_("A hand is raised in one's own call, while it goes on."))
    row = alert_rows().filter(conversation=conversation, rule_key=HAND).first()
    return None if row is None else alert_resolve(alert=row, user=agent)


def call_time(conversation: Conversation, now: datetime) -> int:
    """Milliseconds since the call began, by the clock on the wall."""
    begun = conversation.started_at or conversation.announced_at
    return max(0, round((now - begun).total_seconds() * 1000))


# --- Taken, given back, resolved ------------------------------------------------------------------------


def alert_claim(*, alert: Alert, user: User) -> Alert:
    """Take an alert that nobody has. Of two at once one gets it; the other gets a `Conflict` that says who has it.

    Whoever takes one that went beyond its team becomes part of the call, and may follow it from then on.
    """
    now = timezone.now()
    with transaction.atomic():
        call_lock(alert.conversation_id)
        free = Alert.objects.filter(pk=alert.pk, state=OPEN, assignee__isnull=True)
        changed = free.update(**_taken(user, now))
        row = alert_rows().get(pk=alert.pk)
        if not changed and row.state != OPEN:
            raise Conflict(_("This alert is over already: %(state)s.") % {"state": row.get_state_display()})
        if row.assignee != user:
            raise Conflict(
                _("%(name)s has it since %(time)s.") % {"name": row.assignee, "time": _of_day(row.claimed_at)}
            )
        if changed:
            _join(row, user, now)
            audit(actor=user, action="alert.claim", thing=row)
            announce(row)
    return row


def _taken(user: User, now: datetime) -> dict[str, Any]:
    return {
        "assignee": user,
        "claimed_at": now,
        "first_claimed_at": Coalesce(F("first_claimed_at"), now),
        "waiting_since": None,
    }


def _of_day(at: datetime | None) -> str:
    return "–" if at is None else timezone.localtime(at).strftime("%H:%M")


def _join(row: Alert, user: User, now: datetime) -> None:
    if conversations_visible(user).filter(pk=row.conversation_id).exists():
        return
    Participant.objects.create(
        conversation_id=row.conversation_id,
        role=Speaker.SUPERVISOR,
        user=user,
        display_name=user.name,
        joined_at=now,
    )


def alert_release(*, alert: Alert, user: User) -> Alert:
    """Give back what one has taken: it waits for somebody again, from now on. Anybody else's stays where it is."""
    with transaction.atomic():
        call_lock(alert.conversation_id)
        mine = Alert.objects.filter(pk=alert.pk, state=OPEN, assignee=user)
        changed = mine.update(**_given_back(timezone.now()))
        row = alert_rows().get(pk=alert.pk)
        if changed:
            audit(actor=user, action="alert.release", thing=row)
            announce(row)
        elif row.state != OPEN:
            raise Conflict(_("This alert is over already: %(state)s.") % {"state": row.get_state_display()})
        elif row.assignee is not None:
            raise Conflict(_("%(name)s has it, not you.") % {"name": row.assignee})
    return row


def _given_back(now: datetime) -> Mapping[str, Any]:
    return {
        "assignee": None,
        "claimed_at": None,
        "waiting_since": now,
        "escalated_at": None,
        "reaches_others": False,
        "mailed_at": None,
    }


def alert_assign(*, alert: Alert, assignee: User | None, actor: User) -> Alert:
    """Say who looks after an open alert (None: nobody). Raises `ValidationError` for somebody who may not."""
    if assignee is not None and not assignee.may(Permission.ALERT_RESOLVE):
        raise ValidationError(_("Only a supervisor can look after an alert."))
    now = timezone.now()
    with transaction.atomic():
        call_lock(alert.conversation_id)
        values = _given_back(now) if assignee is None else _taken(assignee, now)
        changed = Alert.objects.filter(pk=alert.pk, state=OPEN).exclude(assignee=assignee).update(**values)
        row = alert_rows().get(pk=alert.pk)
        if row.state != OPEN:
            raise Conflict(_("This alert is over already: %(state)s.") % {"state": row.get_state_display()})
        if changed:
            if assignee is not None:
                _join(row, assignee, now)
            to = None if assignee is None else str(assignee.pk)
            audit(actor=actor, action="alert.assign", thing=row, changes={"to": to})
            announce(row)
    return row


def alert_resolve(*, alert: Alert, user: User) -> Alert:
    """Close an alert. Of two people who do so at once, the first one has done it, and neither gets an error."""
    now = timezone.now()
    with transaction.atomic():
        call_lock(alert.conversation_id)
        changed = Alert.objects.filter(pk=alert.pk, state=OPEN).update(
            state=RESOLVED, resolved_at=now, resolved_by=user, waiting_since=None
        )
        row = alert_rows().get(pk=alert.pk)
        if changed:
            audit(actor=user, action="alert.resolve", thing=row)
            announce(row)
    return row


def alerts_close(kind: str, conversation_id: UUID, ref: UUID | None) -> None:
    """Follows the news: what is open when a call ends is closed with it, within the same transaction.

    All but a check that does not finish: that begins when the call is over.
    """
    if kind not in _OVER:
        return
    now = timezone.now()
    for row in alert_rows().filter(conversation=conversation_id, state=OPEN).exclude(rule_key=CHECK):
        row.state, row.closed_at, row.waiting_since = CLOSED, now, None
        row.save(update_fields=["state", "closed_at", "waiting_since"])
        announce(row)
