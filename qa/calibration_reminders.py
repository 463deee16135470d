"""Raters of a calibration are reminded, the day before it is due and on the day, of what they have not submitted.

By mail, once a day each, in the morning of the company's time zone. It may run at any time and as often as one likes:
who is claimed for a day by one run is not reminded by another. A mail tells nothing of what others answered.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from uuid import UUID

import structlog
from django.core.mail import send_mail
from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import User
from accounts.permissions import Permission
from qa.models import Assignment, CalibrationSession, Evaluation
from tenants.companies import company_zone, web_base

# Nobody reads mail before; by then the day is also a new one wherever the company's people are.
FROM_HOUR = 8

log = structlog.get_logger(__name__)


def raters_remind(*, now: datetime | None = None) -> int:
    """Remind who has still to submit what is due today or tomorrow in this company. Returns how many mails went out.

    Where mail is away, the next run tries again.
    """
    zone = company_zone()
    here = (now or timezone.now()).astimezone(zone)
    if here.hour < FROM_HOUR:
        return 0
    today = here.date()
    begins = datetime.combine(today, time.min, zone)
    waiting = (
        _unreminded(today)
        .filter(due_at__gte=begins, due_at__lt=begins + timedelta(days=2), assignee__is_active=True)
        .values_list("assignee", "calibration__session")
        .order_by("assignee", "calibration__session")
        .distinct()
    )
    return sum(_remind(rater, session, today) for rater, session in list(waiting))


def _not_today(today: date) -> Q:
    return Q(reminded_on__isnull=True) | Q(reminded_on__lt=today)


def _unreminded(today: date) -> QuerySet[Assignment]:
    """What raters have still to submit and have not been reminded of today."""
    return Assignment.objects.filter(
        _not_today(today),
        state=Assignment.State.OPEN,
        kind=Evaluation.Kind.CALIBRATION,
        calibration__session__state=CalibrationSession.State.OPEN,
    )


def _remind(rater_id: UUID, session_id: UUID, today: date) -> bool:
    """Write to one rater of one calibration, unless that was done today. Returns whether a mail went out."""
    rater = User.objects.get(pk=rater_id)
    if not rater.may(Permission.EVALUATION_OVERRIDE):
        return False
    session = CalibrationSession.objects.get(pk=session_id)
    waiting = _unreminded(today).filter(assignee=rater, calibration__session=session)
    keys = list(waiting.values_list("pk", flat=True))
    # Whoever changes the rows has the mail to write: of two runs at once, the second waits and changes none. That is
    # asked of the rows themselves, as a joined table would be looked at as it was before.
    mine = Assignment.objects.filter(_not_today(today), pk__in=keys).update(reminded_on=today)
    if not mine:
        return False
    try:
        _mail(rater, session, mine, today)
    except OSError as error:
        log.warning("calibration.reminder_not_sent", session=str(session_id), error=type(error).__name__)
        Assignment.objects.filter(pk__in=keys).update(reminded_on=None)
        return False
    return True


def _mail(rater: User, session: CalibrationSession, calls: int, today: date) -> None:
    assert session.due_at is not None
    is_today = session.due_at.astimezone(company_zone()).date() <= today
    send_mail(
        subject=(
            _("Due today: calibration “%(name)s”") if is_today else _("Due tomorrow: calibration “%(name)s”")
        )
        % {"name": session.name},
        message=ngettext(
            "You have %(count)d call still to score in the calibration “%(name)s”.",
            "You have %(count)d calls still to score in the calibration “%(name)s”.",
            calls,
        )
        % {"count": calls, "name": session.name}
        + "\n\n"
        + _("What is not submitted when scoring is closed counts as not given.")
        + f"\n\n{web_base()}{reverse('calibration', args=[session.pk])}",
        from_email=None,
        recipient_list=[rater.email],
    )
