"""A week of past conversations, so that lists, scores and reports have something to show.

Only the dialogues are made up. What follows from them is not: each goes through redaction, moments, guidance,
summary, scoring and facts by the code that a live call goes through, and is then dated to the day it tells of.
Text only: these conversations have no recording, and their hints no times from speech to screen.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import DurationField, ExpressionWrapper, F, Value
from django.utils import timezone

from accounts.models import Queue, User
from coaching.alerts import alert_claim, alert_resolve, alerts_close
from coaching.answers import guidance_answer
from coaching.models import Alert, Guidance
from conversations import news, outbox
from conversations.live.commit import CallCommit, group_write
from conversations.live.stages import Batch, CallContext, FinalUtterance, Stage, StageSession
from conversations.live.transcript import utterance_add
from conversations.models import (
    CallLedger,
    CallOwner,
    Conversation,
    ConversationEvent,
    Customer,
    Disposition,
    OutboxJob,
    Participant,
    Speaker,
    Summary,
    Utterance,
)
from conversations.redaction.policy import config_for_speech
from conversations.summaries import summaries_expire, summary_confirm
from demo.people import Company
from demo.scripts import sample_calls
from engines.redaction.stream import StreamRedactor
from engines.redaction.text import RawText
from engines.speech.types import HeardWord, Hypothesis
from qa.models import Evaluation
from tenants.scope import current_schema

SOURCE = Conversation.IMPORTED
MS_PER_WORD = 330
DAYS = 7

_DIALOGUES = Path(__file__).parent / "dialogues.json"
_DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_CITIES = ("Boston", "Chicago", "Denver", "Portland", "Leeds", "Bristol")
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday")
# Numbers that every card company publishes for tests.
_CARDS = ("4111111111111111", "5105105105105100", "4012888888881881", "5555555555554444")
_SEGMENTS = ("Home, over five years", "Home, two years", "Family plan", "Small business", "New this year")


@dataclass(frozen=True)
class Told:
    """One line of a dialogue as it was said, with its times."""

    speaker: str
    text: str
    start_ms: int
    end_ms: int


@dataclass(frozen=True)
class Caller:
    """A customer, as the company's own books have them."""

    reference: str
    name: str
    segment: str


def customers_of(company: Company) -> list[Caller]:
    """Who calls this company: its own customers, and those of the sample calls, whom it then knows."""
    mark = company.schema[:2].upper()
    callers = [
        Caller(f"{mark}-{10_000 + 37 * number}", name, _SEGMENTS[number % len(_SEGMENTS)])
        for number, name in enumerate(company.customers, 1)
    ]
    for call in sample_calls().values():
        known = call.script["customer"]
        callers.append(Caller(known["reference"], known["name"], known["segment"]))
    return callers


def history_make(*, company: Company, stages: list[Stage], count: int) -> int:
    """Make `count` past conversations in the current schema; those there already stay. Returns how many are new."""
    agents = list(User.objects.filter(role="agent", is_active=True).select_related("team").order_by("pk"))
    queues = {queue.key: queue for queue in Queue.objects.prefetch_related("teams")}
    dispositions = {row.key: row for row in Disposition.objects.filter(active=True)}
    zone = ZoneInfo(company.time_zone)
    known = set(Conversation.objects.filter(provider=SOURCE).values_list("provider_call_id", flat=True))
    dialogues = json.loads(_DIALOGUES.read_text(encoding="utf-8"))
    made = 0
    for number in range(count):
        call_id = f"week-{number + 1:04}"
        if call_id in known:
            continue
        random = Random(f"{company.schema} {number}")
        dialogue = random.choices(dialogues, [entry["weight"] for entry in dialogues])[0]
        queue = queues[dialogue["queue"]]
        teams = {team.pk for team in queue.teams.all()}
        agent = random.choice([agent for agent in agents if agent.team_id in teams])
        past = _Past(company, agent, queue, _moment(random, number, count, zone), random, dispositions)
        past.play(dialogue, call_id, stages)
        made += 1
    # Summaries that nobody confirmed, and the ends of their wrap-ups, which the service dates to now.
    while summaries_expire(older_than_seconds=0):
        pass
    Conversation.objects.filter(provider=SOURCE, closed_at__gt=F("ended_at") + timedelta(hours=1)).update(
        closed_at=F("ended_at") + timedelta(minutes=10)
    )
    _jobs_run(OutboxJob.objects.filter(conversation__provider=SOURCE))
    return made


def _moment(random: Random, number: int, count: int, zone: ZoneInfo) -> datetime:
    """A time within working hours of the last week, the later numbers on the later days; never in the future."""
    now = timezone.now().astimezone(zone)
    day = now.date() - timedelta(days=DAYS - (number * DAYS) // count)
    begin = datetime.combine(day, time(9), tzinfo=zone)
    return (begin + timedelta(seconds=random.randrange(8 * 3600))).astimezone(UTC)


class _Past:
    """One conversation on its way through everything."""

    def __init__(
        self,
        company: Company,
        agent: User,
        queue: Queue,
        started_at: datetime,
        random: Random,
        dispositions: dict[str, Disposition],
    ) -> None:
        self.company, self.agent, self.queue = company, agent, queue
        self.started_at, self.random, self.dispositions = started_at, random, dispositions
        self.customers = customers_of(company)
        # Some people keep to the rules more than others do, and that is what the scores then show.
        self.care = 0.55 + 0.45 * Random(agent.email).random()

    def play(self, dialogue: dict[str, Any], call_id: str, stages: list[Stage]) -> None:
        told, parts = self._tell(dialogue)
        end_ms = told[-1].end_ms + 500
        ended_at = self.started_at + timedelta(milliseconds=end_ms)
        conversation = self._begin(call_id, ended_at)
        context = CallContext(
            schema=current_schema(),
            conversation_id=conversation.pk,
            agent_id=self.agent.pk,
            team_id=self.agent.team_id,
            queue_id=self.queue.pk,
            language="en",
            at_its_pace=False,
        )
        sessions = [stage.open(context, None) for stage in stages]
        redactor = StreamRedactor(config_for_speech())
        batch = Batch(conversation.pk)
        for number, line in enumerate(told, 1):
            for session in sessions:
                session.clock(line.start_ms, batch)
            self._hear(number, line, redactor, sessions, batch)
            hints = [row.pk for row in batch.rows if isinstance(row, Guidance) and row.kind == "hint"]
            if hints:
                # An open hint is answered before the call goes on: a later line may make it pointless.
                self._write(batch, number)
                self._answer(hints, followed="offer" in parts or "empathy" in parts)
                batch = Batch(conversation.pk)
        for session in sessions:
            session.clock(end_ms, batch)
            session.finish(end_ms, batch)
        batch.event("conversation", conversation)
        batch.announce(outbox.ENDED)
        self._write(batch, len(told))
        _jobs_run(OutboxJob.objects.filter(conversation=conversation))
        confirmed = self._wrap_up(conversation, dialogue["ends"])
        self._date(conversation, ended_at, confirmed)
        _jobs_run(OutboxJob.objects.filter(conversation=conversation))

    # --- What was said ----------------------------------------------------------------------------------

    def _tell(self, dialogue: dict[str, Any]) -> tuple[list[Told], set[str]]:
        names = {line["part"] for line in dialogue["lines"] if "part" in line}
        parts = {name for name in sorted(names) if self.random.random() < self.care}
        values = self._values()
        told: list[Told] = []
        at_ms = self.random.randrange(400, 2_000)
        for line in dialogue["lines"]:
            if line.get("part", "") not in parts | {""}:
                continue
            text = self.random.choice(line["say"]).format(**values)
            end_ms = at_ms + MS_PER_WORD * len(text.split())
            told.append(Told(line["who"], text, at_ms, end_ms))
            at_ms = end_ms + self.random.randrange(300, 2_500)
        return told, parts

    def _values(self) -> dict[str, str]:
        random = self.random
        phone = f"2125550{random.randrange(100, 200)}"
        self.customer = random.choice(self.customers)
        return {
            "company": self.company.name,
            "agent": self.agent.name.split()[0],
            "customer": self.customer.name,
            "phone": _spoken(phone, (3, 6)),
            "card": _spoken(random.choice(_CARDS), (4, 8, 12)),
            "email": f"{self.customer.name.split()[0].lower()} at example dot com",
            "amount": str(random.choice((15, 20, 25, 40, 60, 85))),
            "years": random.choice(("two", "three", "five", "eight")),
            "city": random.choice(_CITIES),
            "weekday": random.choice(_WEEKDAYS),
            "daytime": "morning" if self.started_at.hour < 12 else "afternoon",
        }

    def _begin(self, call_id: str, ended_at: datetime) -> Conversation:
        customer, _created = Customer.objects.get_or_create(
            reference=self.customer.reference,
            defaults={"name": self.customer.name, "segment": self.customer.segment},
        )
        conversation = Conversation.objects.create(
            state=Conversation.State.WRAP_UP,
            end_reason="stop",
            queue=self.queue,
            agent=self.agent,
            customer=customer,
            provider=SOURCE,
            provider_call_id=call_id,
            announced_at=self.started_at - timedelta(seconds=self.random.randrange(2, 20)),
            started_at=self.started_at,
            ended_at=ended_at,
        )
        CallOwner.objects.create(conversation=conversation)
        CallLedger.objects.create(
            conversation=conversation,
            source=SOURCE,
            provider_call_id=call_id,
            state=CallLedger.State.COMPLETED,
            reason="stop",
            announced_at=conversation.announced_at,
            closed_at=ended_at,
        )
        for index, role in enumerate((Speaker.AGENT, Speaker.CUSTOMER)):
            Participant.objects.create(
                conversation=conversation,
                role=role,
                channel_index=index,
                user=self.agent if role == Speaker.AGENT else None,
                display_name=self.agent.name if role == Speaker.AGENT else "",
                joined_at=self.started_at,
                left_at=ended_at,
            )
        return conversation

    # --- What follows from it ---------------------------------------------------------------------------

    def _hear(
        self, number: int, line: Told, redactor: StreamRedactor, sessions: list[StageSession], batch: Batch
    ) -> None:
        """As `conversations.live.call` takes a final."""
        words = tuple(
            HeardWord(
                RawText(word),
                line.start_ms + index * MS_PER_WORD,
                line.start_ms + (index + 1) * MS_PER_WORD,
                1.0,
            )
            for index, word in enumerate(line.text.split())
        )
        channel = 0 if line.speaker == Speaker.AGENT else 1
        heard = Hypothesis(channel, True, line.start_ms, line.end_ms, RawText(line.text), words, 1.0, SOURCE)
        found = redactor.redact_final(line.speaker, heard.text, words, line.start_ms, line.end_ms)
        row = utterance_add(
            batch, sequence=number, speaker=line.speaker, channel=channel, heard=heard, redacted=found
        )
        at = self.started_at + timedelta(milliseconds=line.end_ms)
        for session in sessions:
            session.utterance(FinalUtterance(row=row, spoken_at=at, final_at=at), batch)

    def _write(self, batch: Batch, utterances: int) -> None:
        part = CallCommit(
            epoch=0, batch=batch, utterances=utterances, coverage=[], engine_state={}, recorded_ms=0
        )
        if group_write([part]):
            raise RuntimeError("a past conversation was claimed by somebody else")

    def _answer(self, hints: list[UUID], *, followed: bool) -> None:
        """The agent does what a hint says, or waves it away, or only looks at it."""
        for hint in Guidance.objects.filter(pk__in=hints, state=Guidance.State.OPEN):
            guidance_answer(guidance=hint, user=self.agent, action="seen")
            if followed and self.random.random() < 0.85:
                guidance_answer(guidance=hint, user=self.agent, action="accept")
            elif self.random.random() < 0.5:
                guidance_answer(guidance=hint, user=self.agent, action="dismiss", reason="not now")

    def _wrap_up(self, conversation: Conversation, ends: str) -> bool:
        """Most agents confirm their summaries. Returns whether this one was."""
        summary = Summary.objects.filter(conversation=conversation).first()
        if summary is None or self.random.random() < 0.1:
            return False
        summary_confirm(summary=summary, user=self.agent, disposition=self.dispositions.get(ends))
        return True

    def _alerts(self, conversation: Conversation, ended_at: datetime, decided: Any) -> None:
        """A supervisor took most alerts, and resolved some of these; what was left was closed with its call."""
        supervisor = User.objects.filter(supervised_teams=self.agent.team_id).first()
        for alert in Alert.objects.filter(conversation=conversation):
            chance = self.random.random()
            if supervisor is not None and chance < 0.8:
                alert_claim(alert=alert, user=supervisor)
                if chance < 0.6:
                    alert_resolve(alert=alert, user=supervisor)
        with transaction.atomic():
            alerts_close(news.COMPLETED, conversation.pk, None)
        alerts = Alert.objects.filter(conversation=conversation)
        alerts.update(raised_at=decided)
        taken = _at(self.started_at + timedelta(seconds=25), "at_ms")
        alerts.filter(claimed_at__isnull=False).update(claimed_at=taken, first_claimed_at=taken)
        alerts.filter(resolved_at__isnull=False).update(resolved_at=ended_at)
        alerts.filter(closed_at__isnull=False).update(closed_at=ended_at)

    def _date(self, conversation: Conversation, ended_at: datetime, confirmed: bool) -> None:
        """Move what was written just now to the day that it tells of."""
        wrap_up = timedelta(seconds=self.random.randrange(15, 90))
        spoken = _at(self.started_at, "end_ms")
        Utterance.objects.filter(conversation=conversation).update(created_at=spoken)
        decided = _at(self.started_at, "at_ms")
        guidance = Guidance.objects.filter(conversation=conversation)
        guidance.filter(shown_at__isnull=False).update(shown_at=decided)
        guidance.filter(state__in=[Guidance.State.ACCEPTED, Guidance.State.DISMISSED]).update(
            settled_ms=F("at_ms") + self.random.randrange(2_000, 7_000)
        )
        guidance.filter(settled_ms__isnull=False).update(settled_at=_at(self.started_at, "settled_ms"))
        # Nobody spoke: there is no time from speech to screen.
        guidance.update(spoken_at=None, final_at=None, decided_at=decided, sent_at=decided)
        self._alerts(conversation, ended_at, decided)
        summaries = Summary.objects.filter(conversation=conversation)
        summaries.update(
            created_at=ended_at + timedelta(seconds=1), confirm_by=ended_at + timedelta(minutes=10)
        )
        summaries.filter(confirmed_at__isnull=False).update(confirmed_at=ended_at + wrap_up)
        if confirmed:
            Conversation.objects.filter(pk=conversation.pk).update(closed_at=ended_at + wrap_up)
        Evaluation.objects.filter(conversation=conversation).update(
            created_at=ended_at + timedelta(seconds=2),
            submitted_at=ended_at + timedelta(seconds=2),
            released_at=ended_at + timedelta(seconds=2),
        )
        ConversationEvent.objects.filter(conversation=conversation).update(occurred_at=ended_at)


def _at(start: datetime, field: str) -> Any:
    """SQL for `start` plus the milliseconds in `field`."""
    return ExpressionWrapper(
        Value(start) + F(field) * Value(timedelta(milliseconds=1), output_field=DurationField()),
        output_field=Utterance._meta.get_field("created_at").__class__(),
    )


def _spoken(digits: str, breaths: tuple[int, ...]) -> str:
    """Digits as people say them, with a comma where they breathe."""
    return "".join(
        (", " if place in breaths else " " if place else "") + _DIGITS[int(digit)]
        for place, digit in enumerate(digits)
    )


def _jobs_run(jobs: Any) -> None:
    tried: set[UUID] = set()
    # A job that is done may announce others.
    while waiting := [
        job_id
        for job_id in jobs.filter(done_at__isnull=True).order_by("pk").values_list("pk", flat=True)
        if job_id not in tried
    ]:
        for job_id in waiting:
            tried.add(job_id)
            outbox.job_execute(job_id=job_id)
