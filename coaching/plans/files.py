"""A plan's progress in rows, for files: week by week, and what came of each skill."""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO

from django.utils.translation import gettext as _

from accounts.models import User
from coaching.models import CoachingPlan
from coaching.plans.progress import FocusProgress, Progress, plan_progress
from qa.reporting.figures import rounded
from qa.reporting.tables import Row, table_file


def plan_file(
    *, user: User, plan: CoachingPlan, form: str, address: str | None = None
) -> tuple[IO[bytes], str]:
    """Write a plan's progress as "csv" (its weeks) or "xlsx" (its skills, too), and note who took it.

    Returns it, to be read from its start, and its name.
    """
    progress = plan_progress(plan, user)
    file = table_file(
        user=user,
        report="coaching-plan",
        form=form,
        sheets=[(_("Weeks"), _weeks(progress)), (_("Skills"), _skills(plan, progress))],
        params={"plan": str(plan.pk)},
        address=address,
    )
    return file, f"coaching-plan-{progress.turn}-{progress.until}.{form}"


def _weeks(progress: Progress) -> Iterator[Row]:
    yield [_("Skill"), _("Week from"), _("To"), _("Judged"), _("Mean"), _("While it runs")]
    for one in progress.focuses:
        for week in one.weeks:
            begun = _("yes") if week.begun else ""
            yield [_name(one), week.since, week.until, week.n, rounded(week.mean), begun]


def _skills(plan: CoachingPlan, progress: Progress) -> Iterator[Row]:
    yield [
        *(
            _("Skill"),
            _("Agent"),
            _("From"),
            _("First day"),
            _("To"),
            _("Before"),
            _("Of"),
            _("Now"),
            _("Of"),
        ),
        *(_("Interval from"), _("Interval to"), _("Target"), _("Team’s top quarter"), _("Effect")),
    ]
    for one in progress.focuses:
        top = one.top.mean if one.top else None
        yield [
            *(_name(one), plan.agent.name, progress.since, progress.turn, progress.until),
            *(rounded(one.before), one.before_n, rounded(one.now.mean), one.now.n),
            *((rounded(one.now.low), rounded(one.now.high)) if one.now.n else (None, None)),
            *(rounded(one.focus.target), rounded(top), one.effect.words if one.effect else ""),
        ]


def _name(one: FocusProgress) -> str:
    return one.skill.name if one.skill else one.focus.name
