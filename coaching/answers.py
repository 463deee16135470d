"""What people do with guidance. Each answer is one conditional UPDATE, so that two never fight."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.errors import Conflict
from accounts.models import User
from coaching.card_use import card_answered
from coaching.events import guidance_rows
from coaching.models import Guidance
from coaching.prefilling import prefill_take_back, prefill_write
from coaching.tidings import dismissal_tell
from conversations.redacted import redacted
from conversations.services import call_lock, event_append

OPEN, ACCEPTED, DISMISSED = Guidance.State.OPEN, Guidance.State.ACCEPTED, Guidance.State.DISMISSED
ACTIONS = ("seen", "accept", "dismiss", "wrong", "undo")
REASON_LENGTH = 80


def guidance_answer(
    *, guidance: Guidance, user: User, action: str, reason: str = "", shown_at: datetime | None = None
) -> Guidance:
    """Take an agent's answer to a piece of guidance, announce it, and return the row as it is now.

    "seen": it was painted at `shown_at` (default: now); counts once. "accept", "dismiss" (with a `reason`, stored
    redacted): settle what is open. "wrong": it does not belong here; settles what is open, and stays with the evidence
    as a label for whoever measures the rule. "undo": open again what the agent settled, or let it go if its time is
    over; takes the label away.
    Accepting a value for a form writes it (`coaching.prefilling`), undoing that takes it out again.
    The same answer twice is one answer. Raises `Conflict` where something else settled it first, `ValidationError`
    for an unknown action, or a value that cannot be kept. `user` is who answers; loading `guidance` by
    `coaching.access` has checked that they may.
    """
    if action not in ACTIONS:
        raise ValidationError(_("The action must be one of seen, accept, dismiss, wrong, undo."))
    now = timezone.now()
    with transaction.atomic():
        call_lock(guidance.conversation_id)
        rows = Guidance.objects.filter(pk=guidance.pk)
        if action == "seen":
            shown = min(now, max(shown_at or now, guidance.decided_at))
            changed = rows.filter(shown_at__isnull=True).update(shown_at=shown)
        elif action == "undo":
            changed = _undo(guidance, now)
            if changed:
                prefill_take_back(guidance, user)
        elif action == "wrong":
            changed = _wrong(guidance, user, now)
        else:
            state = ACCEPTED if action == "accept" else DISMISSED
            words = redacted(reason)[:REASON_LENGTH] if action == "dismiss" else ""
            changed = rows.filter(state=OPEN).update(
                state=state, dismiss_reason=words, settled_at=now, settled_ms=_call_time(guidance, now)
            )
            if changed and action == "accept":
                prefill_write(guidance, user)
        row = guidance_rows().get(pk=guidance.pk)
        if changed:
            card_answered(guidance, user, action)
            event_append(conversation_id=row.conversation_id, kind="guidance", row=row)
            if action in {"dismiss", "wrong"} and row.state == DISMISSED:
                dismissal_tell(guidance)
            elif action == "undo" and row.state == OPEN:
                dismissal_tell(guidance, undone=True)
        elif action in {"accept", "dismiss"} and row.state not in {state, Guidance.State.USED}:
            # What was recognised as used before the click needs no click.
            raise Conflict(_("This is settled already: %(state)s.") % {"state": row.get_state_display()})
        elif action == "undo" and row.state != OPEN:
            raise Conflict(_("Only what you accepted or dismissed can be undone."))
    return row


def _wrong(guidance: Guidance, user: User, now: datetime) -> int:
    """Label it. What is open is dismissed by it; what was accepted, used or let go before stays what it became."""
    marked = Guidance.objects.filter(pk=guidance.pk, wrong_at__isnull=True).exclude(state=Guidance.State.HELD)
    settled = {"state": DISMISSED, "settled_at": now, "settled_ms": _call_time(guidance, now)}
    changed = marked.filter(state=OPEN).update(wrong_at=now, wrong_by=user, **settled)
    return changed or marked.update(wrong_at=now, wrong_by=user)


def _undo(guidance: Guidance, now: datetime) -> int:
    settled = Guidance.objects.filter(pk=guidance.pk, state__in=[ACCEPTED, DISMISSED])
    lasts = (
        None if guidance.expires_ms is None else timedelta(milliseconds=guidance.expires_ms - guidance.at_ms)
    )
    if lasts is not None and guidance.decided_at + lasts <= now:
        # The rules have let go of it meanwhile, so nothing would ever close it again.
        return settled.update(state=Guidance.State.EXPIRED, dismiss_reason="", wrong_at=None, wrong_by=None)
    return settled.update(
        state=OPEN, dismiss_reason="", settled_at=None, settled_ms=None, wrong_at=None, wrong_by=None
    )


def _call_time(guidance: Guidance, now: datetime) -> int | None:
    started = guidance.conversation.started_at
    return None if started is None else max(0, int((now - started).total_seconds() * 1000))
