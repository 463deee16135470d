"""Who evaluates what: assignments given, taken and dropped, and the plans that draw them."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Count, Exists, F, OuterRef, Q
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.errors import Conflict
from accounts.models import User
from accounts.permissions import Permission
from accounts.services import audit
from conversations.access import conversations_visible
from conversations.models import Conversation
from moments.models import MomentDefinition, MomentOccurrence
from qa.models import Assignment, Evaluation, SamplingPlan, ScorecardTemplate
from qa.sampling import Candidate, drawn
from qa.scorecards import is_for
from tenants.locks import held_alone

log = structlog.get_logger(__name__)

Kind, State, Period = Evaluation.Kind, Assignment.State, SamplingPlan.Period
WHY_LENGTH = Assignment._meta.get_field("why").max_length or 120
# Of a busier period the newest so many are drawn from.
CANDIDATES_MAX = 20_000
DRAWN_EVERY = timedelta(hours=20)


def assignment_create(
    *,
    conversation: Conversation,
    template: ScorecardTemplate,
    actor: User | None,
    assignee: User | None = None,
    agent_id: UUID | None = None,
    due_at: datetime | None = None,
    why: str = "",
    kind: str = Kind.PERSON,
    plan: SamplingPlan | None = None,
) -> Assignment:
    """Have somebody evaluate an agent's part of a conversation; nobody yet without an assignee.

    Raises `ValidationError` for who may not, and `Conflict` where it is assigned already.
    """
    agent_id = agent_id or conversation.agent_id
    if assignee is not None:
        evaluator_checked(assignee, conversation, agent_id)
    try:
        with transaction.atomic():
            row = Assignment.objects.create(
                conversation=conversation,
                template=template,
                agent_id=agent_id,
                assignee=assignee,
                kind=kind,
                plan=plan,
                why=why[:WHY_LENGTH],
                assigned_by=actor,
                due_at=due_at,
            )
            if actor is not None:
                audit(actor=actor, action="assignment.create", thing=row)
    except IntegrityError:
        raise Conflict(_("This conversation is on the list already.")) from None
    return row


def assignment_give(*, assignment: Assignment, assignee: User | None, actor: User) -> Assignment:
    """Hand it to somebody, or back to the list. Raises `ValidationError`, and `Conflict` once it is begun."""
    with transaction.atomic():
        row = _open(assignment)
        _not_of_calibration(row)
        if row.evaluation_id is not None:
            raise Conflict(_("Somebody has begun to evaluate it."))
        if assignee is not None:
            evaluator_checked(assignee, row.conversation, row.agent_id)
        row.assignee = assignee
        row.save(update_fields=["assignee"])
        audit(actor=actor, action="assignment.give", thing=row)
    return row


def assignment_take(*, assignment: Assignment, user: User) -> Assignment:
    """Take what nobody has. Raises `Conflict` where somebody was faster."""
    with transaction.atomic():
        row = _open(assignment)
        if row.assignee_id not in (None, user.pk):
            raise Conflict(_("Somebody else has it."))
        evaluator_checked(user, row.conversation, row.agent_id)
        row.assignee = user
        row.save(update_fields=["assignee"])
    return row


def assignment_drop(*, assignment: Assignment, actor: User) -> Assignment:
    """Take it off the list; what was begun of it stays a draft."""
    with transaction.atomic():
        row = _open(assignment)
        _not_of_calibration(row)
        row.state, row.done_at = State.DROPPED, timezone.now()
        row.save(update_fields=["state", "done_at"])
        audit(actor=actor, action="assignment.drop", thing=row)
    return row


def _open(assignment: Assignment) -> Assignment:
    row = (
        Assignment.objects.select_for_update(of=("self",))
        .select_related("conversation")
        .get(pk=assignment.pk)
    )
    if row.state != State.OPEN:
        raise Conflict(_("It is no longer on the list."))
    return row


def _not_of_calibration(row: Assignment) -> None:
    if row.calibration_id is not None:
        raise Conflict(_("Who takes part in a calibration is said there."))


def evaluator_checked(
    user: User, conversation: Conversation, agent_id: UUID | None, *, field: str = "assignee"
) -> None:
    """Raise `ValidationError`, of this field, for who may not evaluate an agent's part of a conversation."""
    if user.pk == agent_id:
        raise ValidationError({field: _("Nobody evaluates their own conversations.")})
    seen = conversations_visible(user).filter(pk=conversation.pk)
    if not user.may(Permission.EVALUATION_OVERRIDE) or not seen.exists():
        raise ValidationError(
            {field: _("%(name)s may not evaluate this conversation.") % {"name": user.name}}
        )


# --- Plans ----------------------------------------------------------------------------------------------


def period_start(period: str, now: datetime) -> datetime:
    """When the day, the ISO week or the month began, in the current time zone."""
    day = timezone.localtime(now).replace(hour=0, minute=0, second=0, microsecond=0)
    if period == Period.WEEK:
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if period == Period.MONTH else day


PLAN_FIELDS = (
    *("name", "active", "strata", "period", "per_agent", "per_period"),
    *("shortest_seconds", "second_percent", "due_days"),
)


def plan_save(
    *, plan: SamplingPlan | None, given: Mapping[str, Any], actor: User | None, address: str | None = None
) -> SamplingPlan:
    """Make a plan, or change what is `given` of one: `PLAN_FIELDS`, "scorecard", "moment" (a key), "evaluators".

    Raises `ValidationError` in sentences for what could not draw. A plan is switched off (`active`), not deleted: what
    it drew names it.
    """
    with transaction.atomic():
        is_new = plan is None
        row = SamplingPlan() if plan is None else SamplingPlan.objects.select_for_update().get(pk=plan.pk)
        before = {name: getattr(row, name) for name in PLAN_FIELDS}
        for name in PLAN_FIELDS:
            if name in given:
                setattr(row, name, given[name])
        if "scorecard" in given:
            row.template_id = _scorecard(given["scorecard"])
        if "moment" in given:
            row.moment = _moment(given["moment"])
        row.full_clean()
        row.save()
        if "evaluators" in given:
            row.evaluators.set(_evaluators(given["evaluators"]))
        changed = [name for name, value in before.items() if getattr(row, name) != value]
        changed += [name for name in ("scorecard", "moment", "evaluators") if name in given]
        audit(
            actor=actor,
            action=f"samplingplan.{'create' if is_new else 'update'}",
            thing=row,
            changes={} if is_new else {"fields": changed},
            address=address,
        )
    return row


def _scorecard(pk: UUID) -> UUID:
    card = ScorecardTemplate.objects.filter(pk=pk).first()
    if card is None:
        raise ValidationError({"scorecard": _("There is no such scorecard.")})
    if not card.active or not card.revisions.exists():
        raise ValidationError(
            {"scorecard": _("This scorecard is not in use, so that nobody could evaluate by it: publish it.")}
        )
    return card.pk


def _moment(key: str | None) -> MomentDefinition | None:
    if not key:
        return None
    found = MomentDefinition.objects.filter(key=key).first()
    if found is None:
        raise ValidationError({"moment": _("There is no moment “%(key)s”.") % {"key": key[:80]}})
    return found


def _evaluators(wanted: Iterable[UUID]) -> list[User]:
    keys = set(wanted)
    people = list(User.objects.filter(pk__in=keys))
    if len(people) < len(keys):
        raise ValidationError({"evaluators": _("There is no such person.")})
    unfit = sorted(one.name for one in people if not one.may(Permission.EVALUATION_OVERRIDE))
    if unfit:
        raise ValidationError(
            {"evaluators": _("Who may not evaluate: %(names)s.") % {"names": ", ".join(unfit)}}
        )
    return people


def plan_draw(*, plan: SamplingPlan, actor: User | None = None, seed: int | None = None) -> list[Assignment]:
    """Draw what the plan still owes this period, and give it out evenly. One draw at a time; none while one runs."""
    with held_alone(f"plan:{plan.pk}") as mine:
        return _draw(plan, actor, random.Random(seed)) if mine else []


def _draw(plan: SamplingPlan, actor: User | None, chance: random.Random) -> list[Assignment]:
    now = timezone.now()
    since = period_start(plan.period, now)
    SamplingPlan.objects.filter(pk=plan.pk).update(drawn_at=now)
    revision = plan.template.revisions.order_by("-number").first()
    if revision is None or not plan.template.active:
        return []
    before = Assignment.objects.filter(plan=plan, created_at__gte=since, kind=Kind.PERSON).exclude(
        state=State.DROPPED
    )
    taken = Counter(before.values_list("agent_id", flat=True))
    chosen = drawn(
        _candidates(plan, revision.spec, since),
        strata=plan.strata,
        most=max(0, plan.per_period - sum(taken.values())),
        per_agent=plan.per_agent,
        taken={agent: n for agent, n in taken.items() if agent is not None},
        chance=chance,
    )
    if not chosen:
        return []
    hands = _Hands(plan)
    due = now + timedelta(days=plan.due_days)
    label = str(plan.get_strata_display()) if plan.moment is None else str(plan.moment)
    rows = []
    for one in chosen:
        first = hands.next(one)
        given = {
            "conversation_id": one.conversation_id,
            "template": plan.template,
            "agent_id": one.agent_id,
            "plan": plan,
            "why": f"{plan.name}: {label}"[:WHY_LENGTH],
            "assigned_by": actor,
            "due_at": due,
        }
        rows.append(Assignment(**given, assignee=first, kind=Kind.PERSON))
        if chance.random() * 100 < plan.second_percent:
            # Not a word of a second review: who has the first shall not tell it from others.
            second = hands.next(one, but=first)
            rows.append(Assignment(**given, assignee=second, kind=Kind.SECOND))
    with transaction.atomic():
        Assignment.objects.bulk_create(rows, ignore_conflicts=True)
        audit(actor=actor, action="samplingplan.draw", thing=plan, changes={"drawn": len(chosen)})
    log.info("qa.drawn", plan=str(plan.pk), drawn=len(chosen))
    return rows


def _candidates(plan: SamplingPlan, spec: dict[str, Any], since: datetime) -> list[Candidate]:
    """Conversations of the period that the scorecard is for and that nobody evaluates yet. Two queries."""
    assigned = (
        Assignment.objects.filter(conversation=OuterRef("pk"), template=plan.template)
        .exclude(state=State.DROPPED)
        .exclude(kind=Kind.CALIBRATION)
    )
    judged = Evaluation.objects.filter(
        conversation=OuterRef("pk"), kind=Kind.PERSON, revision__template=plan.template
    )
    rows = (
        Conversation.objects.filter(
            announced_at__gte=since, agent__isnull=False, words_erased_at__isnull=True
        )
        .exclude(state__in=[Conversation.State.ANNOUNCED, Conversation.State.LIVE])
        .filter(ended_at__gte=F("started_at") + timedelta(seconds=plan.shortest_seconds))
        .exclude(Exists(assigned))
        .exclude(Exists(judged))
    )
    if plan.moment_id is not None:
        rows = rows.filter(
            Exists(MomentOccurrence.objects.filter(conversation=OuterRef("pk"), definition=plan.moment_id))
        )
    listed = rows.order_by("-announced_at").values_list(
        "pk", "agent_id", "agent__team_id", "queue__key", "channel"
    )[:CANDIDATES_MAX]
    fitting = [row for row in listed if is_for(spec, team_id=row[2], queue=row[3], channel=row[4])]
    risks = _risks([row[0] for row in fitting]) if plan.strata == SamplingPlan.Strata.RISK else {}
    return [Candidate(pk, agent, queue, risks.get(pk, 0)) for pk, agent, _team, queue, _channel in fitting]


def _risks(ids: Iterable[UUID]) -> dict[UUID, int]:
    """3: failed outright, 2: under 60, 1: unsure answers, by what the automatic evaluations say."""
    found: dict[UUID, int] = {}
    rows = Evaluation.objects.filter(
        conversation__in=list(ids), kind=Kind.AUTOMATIC, replaced_at__isnull=True
    ).filter(Q(auto_failed=True) | Q(total__lt=60) | Q(needs_person=True))
    for pk, failed, total in rows.values_list("conversation_id", "auto_failed", "total"):
        risk = 3 if failed else 2 if total is not None and total < 60 else 1
        found[pk] = max(found.get(pk, 0), risk)
    return found


class _Hands:
    """Who gets the next one: the plan's evaluator who may read it and has the fewest open ones."""

    def __init__(self, plan: SamplingPlan) -> None:
        people = [one for one in plan.evaluators.all() if one.may(Permission.EVALUATION_OVERRIDE)]
        self._all = [one for one in people if one.may(Permission.CONVERSATION_READ_ALL)]
        self._of_agent: dict[UUID, list[User]] = {}
        for one in people:
            if one not in self._all:
                for agent in User.objects.filter(team__supervisors=one).values_list("pk", flat=True):
                    self._of_agent.setdefault(agent, []).append(one)
        open_ones = Assignment.objects.filter(assignee__in=people, state=State.OPEN).values("assignee")
        self._load: Counter[UUID] = Counter(
            dict(open_ones.annotate(n=Count("pk")).order_by().values_list("assignee", "n"))
        )

    def next(self, candidate: Candidate, *, but: User | None = None) -> User | None:
        fitting = [
            one
            for one in (*self._all, *self._of_agent.get(candidate.agent_id, ()))
            if one.pk != candidate.agent_id and (but is None or one.pk != but.pk)
        ]
        if not fitting:
            return None
        chosen = min(fitting, key=lambda one: self._load[one.pk])
        self._load[chosen.pk] += 1
        return chosen


def plans_draw() -> int:
    """Draw the plans of this company that were not drawn today. Returns how many conversations were drawn."""
    stale = Q(drawn_at__isnull=True) | Q(drawn_at__lt=timezone.now() - DRAWN_EVERY)
    plans = SamplingPlan.objects.filter(stale, active=True).select_related("template", "moment")
    return sum(len(plan_draw(plan=plan)) for plan in plans)


def drawn_words(n: int) -> str:
    """What a draw came to, in words."""
    return ngettext("%d evaluation is on the list now.", "%d evaluations are on the list now.", n) % n
