"""One calibration of the sample company: a call of last week that two people judged, and do not quite agree about."""

from __future__ import annotations

from collections.abc import Mapping

from accounts.models import User
from demo.people import Company
from qa.answers import NA, NO, OPEN, YES
from qa.calibrating import calibration_create, calibration_open
from qa.evaluating import answer_save, evaluation_start, evaluation_submit
from qa.models import Answer, Assignment, CalibrationSession, Evaluation

NAME = "Calls of last week"


def calibration_make(*, company: Company, people: Mapping[str, User]) -> CalibrationSession | None:
    """Make it in the current schema, in discussion; what is there already stays. None without a scored call."""
    if CalibrationSession.objects.exists():
        return None
    analyst, raters = people[company.analyst], [people[company.supervisor], people[company.admin]]
    # The supervisor judges calls of their own team.
    agents = User.objects.filter(team__supervisors=people[company.supervisor])
    judged = Evaluation.objects.filter(
        kind=Evaluation.Kind.AUTOMATIC, replaced_at__isnull=True, total__lt=100, agent__in=agents
    )
    row = judged.select_related("conversation", "revision__template").order_by("-created_at").first()
    if row is None:
        return None
    session = calibration_create(
        name=NAME,
        template=row.revision.template,
        calls=[(row.conversation, row.agent_id)],
        participants=raters,
        leader=analyst,
        actor=analyst,
    )
    calibration_open(session=session, actor=analyst)
    told = {one.criterion_key: one for one in row.answers.all()}
    for number, rater in enumerate(raters):
        _score(session, rater, told, turned=number)
    session.refresh_from_db()
    return session


def _score(session: CalibrationSession, rater: User, told: Mapping[str, Answer], *, turned: int) -> None:
    """Answer as the judge did, but for so many answers the other way."""
    work = Assignment.objects.get(calibration__session=session, assignee=rater)
    draft = evaluation_start(
        conversation=work.conversation, template=work.template, user=rater, assignment=work
    )
    for one in draft.revision.spec["criteria"]:
        known = told.get(one["key"])
        value = known.automatic if known is not None else NA
        if value in (YES, NO) and turned:
            value, turned = (NO if value == YES else YES), turned - 1
            said = "I hear it the other way."
        else:
            said = ""
        answer_save(
            evaluation=draft, user=rater, key=one["key"], value=NA if value == OPEN else value, comment=said
        )
    evaluation_submit(evaluation=draft, user=rater)
