"""Before an experiment is started: who would do without, and how many calls it would take by those of the past."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import User
from accounts.permissions import Role
from coaching.drawing import arm_of as arm_drawn
from coaching.experiment_report import Side, worth_of
from coaching.experiment_sums import past_read
from coaching.experiment_words import rounded
from coaching.models import Experiment
from coaching.scopes import Audience
from engines.trials import LEAST_CLUSTERS, Kind, Plan, Sums, arm_of, plan

Outcome = Experiment.Outcome
WEEKS = 4


@dataclass(frozen=True, slots=True)
class Outlook:
    """`agents`, `held`: how many there are in the policy's scope, and do without; None where calls are drawn.

    `known`: past calls of `WEEKS` weeks that it rests on. `takes`: None where these are too few.
    """

    agents: int | None
    held: int | None
    known: int
    takes: Plan | None

    @property
    def weeks(self) -> int | None:
        """How long it takes at the pace of those weeks."""
        if self.takes is None or self.takes.calls is None or not self.known:
            return None
        return math.ceil(self.takes.calls * WEEKS / self.known)


def experiment_outlook(row: Experiment) -> Outlook:
    """What a draft would come to. Two queries. `row.policy` is read, too."""
    past = past_read(row, timezone.now() - timedelta(weeks=WEEKS))
    by_agent = row.unit == Experiment.Unit.AGENT
    if not by_agent and past:
        past = [
            Sums(*(sum(values) for values in zip(*((s.n, s.total, s.squares) for s in past), strict=True)))
        ]
    arm = arm_of(past, clustered=by_agent)
    kind = Kind.MEAN if row.primary in {Outcome.HANDLE_TIME, Outcome.CSAT} else Kind.RATE
    takes = plan(
        arm, share=row.holdout_percent / 100, kind=kind, worth=worth_of(row, row.primary, primary=True)
    )
    agents, held = _drawn(row) if by_agent else (None, None)
    return Outlook(agents, held, arm.n, takes)


def _drawn(row: Experiment) -> tuple[int, int]:
    """Agents within the policy's scope, and those of them who would do without. One query."""
    scope = row.policy.scope
    people = User.objects.filter(role=Role.AGENT, is_active=True)
    if scope.get("agents"):
        people = people.filter(pk__in=scope["agents"])
    if scope.get("teams"):
        people = people.filter(team__in=scope["teams"])
    arms = [
        arm_drawn(row.pk, row.unit, row.holdout_percent, Audience(agent_id=one))
        for one in people.values_list("pk", flat=True)
    ]
    return len(arms), arms.count(Side.HELD)


def outlook_words(row: Experiment, outlook: Outlook) -> list[str]:
    """The same in sentences."""
    said = []
    if outlook.agents is not None:
        words = ngettext(
            "Of %(all)d agent, %(held)d would do without.",
            "Of %(all)d agents, %(held)d would do without.",
            outlook.agents,
        )
        said.append(words % {"all": outlook.agents, "held": outlook.held})
        if min(outlook.held or 0, outlook.agents - (outlook.held or 0)) < LEAST_CLUSTERS:
            said.append(
                _(
                    "With fewer than %(least)d on either side there will be no verdict: draw conversations instead."
                )
                % {"least": LEAST_CLUSTERS}
            )
            return said
    takes = outlook.takes
    if takes is None:
        said.append(
            _("How long it takes is not known: too few calls of the last four weeks have this outcome.")
        )
    elif takes.calls is None:
        said.append(
            _("It takes more than %(n)s agents: they differ too much for an effect of this size to be seen.")
            % {"n": rounded(takes.agents or 0)}
        )
    else:
        words = ngettext(
            "It takes about %(n)s calls: %(weeks)d week at the pace of the last four.",
            "It takes about %(n)s calls: %(weeks)d weeks at the pace of the last four.",
            outlook.weeks or 1,
        )
        said.append(words % {"n": rounded(takes.calls), "weeks": outlook.weeks or 1})
    return said
