"""An experiment that runs at the sample companies, on the calls about moving house, so that its page can be looked at.

How its calls went is made up: they are old, their words are erased, and their lengths, ratings and ends come from
chance with an effect put in. All the rest is not: who goes without is drawn by `coaching.drawing` as in any call, anew
for each installation, and what the page says of it is what the comparison finds. New calls of that queue are drawn on.
"""

from __future__ import annotations

from datetime import datetime, time, timedelta
from random import Random
from zoneinfo import ZoneInfo

from django.db import transaction
from django.utils import timezone

from accounts.ids import new_id
from accounts.models import Queue, User
from coaching.drawing import arms_drawn
from coaching.experiments import experiment_create, experiment_start
from coaching.models import Experiment, ExperimentArm, Policy
from coaching.scopes import Audience
from coaching.selectors import effective_revisions
from coaching.services import policy_create, policy_publish
from conversations.models import (
    CallLedger,
    CallOwner,
    Conversation,
    Customer,
    Disposition,
    Participant,
    Speaker,
)
from demo.advice import MOVING
from demo.people import Company

POLICY = "Moving house"
NAME = "Does the moving hint help?"
QUEUE = "moves"
CALLS = 320
BEGAN_DAYS, UNTIL_DAYS = 49, 8
KEPT_DAYS = 7
# What is put in: a call of this length without the hint, how much calls differ, and what the hint does to it.
SECONDS, SPREAD, SHORTER = 420, 0.4, 0.12
RATED, SOLVED, SOLVED_MORE = 0.6, 0.68, 0.08


def trial_make(*, company: Company, actor: User, calls: int = CALLS) -> int:
    """Make policy, experiment and calls in the current schema, once. Returns how many calls are new."""
    if Experiment.objects.filter(name=NAME).exists():
        return 0
    queue = Queue.objects.get(key=QUEUE)
    with transaction.atomic():
        if not Policy.objects.filter(name=POLICY).exists():
            policy = policy_create(name=POLICY, document=MOVING, actor=actor, scope={"queues": [QUEUE]})
            policy_publish(policy=policy, actor=None)
        trial = experiment_create(
            policy=Policy.objects.get(name=POLICY),
            actor=actor,
            name=NAME,
            unit=Experiment.Unit.CONVERSATION,
            holdout_percent=50,
            worth=8,
            only_touched=False,
            dispositions=["solved"],
        )
        experiment_start(experiment=trial, actor=actor)
        began = timezone.now() - timedelta(days=BEGAN_DAYS)
        Experiment.objects.filter(pk=trial.pk).update(started_at=began)
        return _calls(company, queue, began, calls)


def _calls(company: Company, queue: Queue, began: datetime, count: int) -> int:
    random, zone = Random(f"{company.schema} trial"), ZoneInfo(company.time_zone)
    teams = [team.pk for team in queue.teams.all()]
    agents = list(User.objects.filter(role="agent", is_active=True, team__in=teams).order_by("pk"))
    customers = list(Customer.objects.order_by("reference"))
    ends = {row.key: row for row in Disposition.objects.filter(active=True)}
    revisions = None
    made: list[Conversation] = []
    arms: list[ExperimentArm] = []
    owners: list[CallOwner] = []
    ledgers: list[CallLedger] = []
    sides: list[Participant] = []
    days = BEGAN_DAYS - UNTIL_DAYS
    for number in range(count):
        agent = random.choice(agents)
        day = began.astimezone(zone).date() + timedelta(days=1 + number * (days - 1) // count)
        at = datetime.combine(day, time(9), tzinfo=zone) + timedelta(seconds=random.randrange(8 * 3600))
        row = Conversation(
            id=new_id(),
            state=Conversation.State.COMPLETED,
            end_reason="stop",
            queue=queue,
            agent=agent,
            customer=random.choice(customers) if customers else None,
            provider=Conversation.IMPORTED,
            provider_call_id=f"trial-{number + 1:04}",
            announced_at=at - timedelta(seconds=random.randrange(2, 20)),
            started_at=at,
        )
        audience = Audience(
            agent_id=agent.pk, team_id=agent.team_id, queue=queue.key, language="en", at=at, key=str(row.pk)
        )
        if revisions is None:
            revisions = effective_revisions(audience=audience)
        [arm] = arms_drawn(revisions, audience)
        arm.conversation = row
        _went(row, at, random, ends, helped=arm.arm == ExperimentArm.Arm.SHOWN)
        made.append(row)
        arms.append(arm)
        owners.append(CallOwner(conversation=row))
        ledgers.append(_ledger(row))
        sides += _sides(row, agent, at)
    Conversation.objects.bulk_create(made)
    ExperimentArm.objects.bulk_create(arms)
    CallOwner.objects.bulk_create(owners)
    CallLedger.objects.bulk_create(ledgers)
    Participant.objects.bulk_create(sides)
    return len(made)


def _went(
    row: Conversation, at: datetime, random: Random, ends: dict[str, Disposition], *, helped: bool
) -> None:
    """How the call went, by chance. The same numbers are drawn for either arm."""
    length, pleased, solved, rated = random.gauss(), random.gauss(), random.random(), random.random()
    seconds = SECONDS * (1 + SPREAD) ** length * (1 - SHORTER if helped else 1)
    ended_at = at + timedelta(seconds=round(min(3_000, max(60, seconds))))
    row.ended_at = ended_at
    row.closed_at = ended_at + timedelta(seconds=random.randrange(15, 90))
    row.words_erased_at = ended_at + timedelta(days=KEPT_DAYS)
    row.disposition = ends.get("solved" if solved < SOLVED + (SOLVED_MORE if helped else 0) else "follow_up")
    if rated < RATED:
        row.metadata = {"csat": min(5, max(1, round(3.8 + pleased)))}


def _ledger(row: Conversation) -> CallLedger:
    return CallLedger(
        conversation=row,
        source=row.provider,
        provider_call_id=row.provider_call_id,
        state=CallLedger.State.COMPLETED,
        reason="stop",
        announced_at=row.announced_at,
        closed_at=row.ended_at,
    )


def _sides(row: Conversation, agent: User, at: datetime) -> list[Participant]:
    who = [(Speaker.AGENT, agent, agent.name), (Speaker.CUSTOMER, None, "")]
    return [
        Participant(
            conversation=row,
            role=role,
            channel_index=index,
            user=user,
            display_name=name,
            joined_at=at,
            left_at=row.ended_at,
        )
        for index, (role, user, name) in enumerate(who)
    ]
