"""Raters are reminded of a calibration that is due: once a day, by mail, of what they have not submitted."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from django.core import mail

from qa.calibrating import calibration_cancel, calibration_create, calibration_open
from qa.calibration_reminders import raters_remind
from qa.models import Assignment
from qa.scoring import conversation_score
from tenants.models import Tenant
from tests.qa.conftest import OFFER

ZONE = "Pacific/Auckland"
DUE = datetime(2026, 3, 10, 23, 59, tzinfo=ZoneInfo(ZONE))


def at(day: int, hour: int) -> datetime:
    return datetime(2026, 3, day, hour, 5, tzinfo=ZoneInfo(ZONE))


@pytest.fixture
def session(company, card, revision, ended):
    calls = []
    for _call in range(2):
        row = ended(("agent", OFFER, 9_000))
        conversation_score(conversation_id=row.pk)
        calls.append((row, None))
    Tenant.objects.filter(schema_name=company.schema).update(time_zone=ZONE)
    people = company.people
    planned = calibration_create(
        name="Hard calls", template=card, calls=calls, participants=[people["supervisor"], people["admin"]],
        leader=people["analyst"], actor=people["analyst"], due_at=DUE,
    )  # fmt: skip
    return calibration_open(session=planned, actor=people["analyst"])


def sent():
    told = [(one.to[0].split("@")[0], one.subject.split(":")[0]) for one in mail.outbox]
    mail.outbox.clear()
    return sorted(told)


def test_the_day_before_and_on_the_day_once_each_in_the_morning(session, company):
    assert [raters_remind(now=at(8, 12)), raters_remind(now=at(9, 7))] == [0, 0]
    assert [raters_remind(now=at(9, hour)) for hour in (8, 9, 23)] == [2, 0, 0]
    body = mail.outbox[0].body
    assert "2 calls still to score" in body and f"/quality/calibrations/{session.pk}/" in body
    assert sent() == [("admin", "Due tomorrow"), ("supervisor", "Due tomorrow")]
    # Who has submitted all is left alone; of what is done, nothing is said.
    mine = Assignment.objects.filter(calibration__session=session)
    mine.filter(assignee=company.people["admin"]).update(state="done")
    Assignment.objects.filter(pk=mine.filter(assignee=company.people["supervisor"]).first().pk).update(
        state="done"
    )
    assert raters_remind(now=at(10, 11)) == 1
    assert "1 call still to score" in mail.outbox[0].body
    assert sent() == [("supervisor", "Due today")]
    assert raters_remind(now=at(11, 11)) == 0


def test_where_mail_is_away_the_next_run_tries_again(session, monkeypatch):
    def away(**_mail):
        raise ConnectionRefusedError

    with monkeypatch.context() as patch:
        patch.setattr("qa.calibration_reminders.send_mail", away)
        assert raters_remind(now=at(9, 9)) == 0
    assert raters_remind(now=at(9, 10)) == 2


def test_nobody_is_reminded_of_what_is_over_or_not_theirs(session, company):
    company.people["supervisor"].is_active = False
    company.people["supervisor"].save()
    company.people["admin"].role = "agent"
    company.people["admin"].save()
    assert raters_remind(now=at(9, 9)) == 0
    company.people["admin"].role = "admin"
    company.people["admin"].save()
    calibration_cancel(session=session, actor=company.people["analyst"])
    assert raters_remind(now=at(9, 10)) == 0
