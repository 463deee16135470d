"""Drives the stages of understanding by hand, as the live worker does: utterances and clock in, commits out."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts.ids import new_id
from coaching.beside import Asked, Card
from coaching.cards import CARDS, card_found
from coaching.live import GuidanceStage
from conversations import events
from conversations.live.stage_sessions import partial_hear
from conversations.live.stages import Batch, CallContext, FinalUtterance, HearsTidings
from conversations.models import Conversation, Utterance
from moments.live import MomentStage


def cards_at_once(monkeypatch: Any) -> None:
    """Have what customers ask looked up where it is asked: a test's rows are seen by its own thread alone."""

    def ask(schema: str, query: str) -> Asked:
        future: Future[Card | None] = Future()
        future.set_result(card_found(query))
        return Asked(future, float("inf"))

    monkeypatch.setattr(CARDS, "ask", ask)


STAGES = (MomentStage, GuidanceStage)


@dataclass
class Call:
    """A conversation that two stages follow. `shown`: what was published, as (kind, data)."""

    conversation: Conversation
    context: CallContext
    states: dict[str, Any] | None = None
    sequence: int = 0
    shown: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.take_over()

    def take_over(self) -> None:
        """Open the stages anew from what was last committed, as another worker would."""
        states = self.states or {}
        self.sessions = [(stage.key, stage().open(self.context, states.get(stage.key))) for stage in STAGES]

    def say(self, speaker: str, text: str, start_ms: int, end_ms: int | None = None) -> Utterance:
        self.sequence += 1
        row = Utterance(
            id=new_id(),
            conversation=self.conversation,
            sequence=self.sequence,
            speaker=speaker,
            channel_index=0 if speaker == "agent" else 1,
            start_ms=start_ms,
            end_ms=end_ms if end_ms is not None else start_ms + 3000,
            text=text,
            provider="test",
        )
        batch = self._batch()
        batch.create(row)
        now = timezone.now()
        for _key, session in self.sessions:
            session.utterance(FinalUtterance(row, now - timedelta(milliseconds=40), now), batch)
        self.commit(batch)
        return row

    def partial(self, speaker: str, text: str, start_ms: int, end_ms: int) -> None:
        """Words that are not final yet, as the live worker hands them on."""
        sessions = [session for _key, session in self.sessions]
        batch = partial_hear(sessions, self.context, speaker, text, (start_ms, end_ms))
        if not batch.is_empty:
            self.commit(batch)

    def tick(self, now_ms: int) -> None:
        batch = self._batch()
        for _key, session in self.sessions:
            session.clock(now_ms, batch)
        self.commit(batch)

    def told(self, mark: dict[str, Any], at_ms: int) -> None:
        """Tell the stages what happens besides words, as the live worker does."""
        batch = self._batch()
        for _key, session in self.sessions:
            if isinstance(session, HearsTidings):
                session.told({"at_ms": at_ms} | mark, at_ms, batch)
        self.commit(batch)

    def hold(self, on: bool, at_ms: int) -> None:
        self.told({"kind": "held", "on": on}, at_ms)

    def end(self, now_ms: int) -> None:
        batch = self._batch()
        for _key, session in self.sessions:
            session.finish(now_ms, batch)
        self.commit(batch)

    def play(self, lines: Iterable[tuple[str, str, int, int]]) -> None:
        """Say (speaker, text, start, end) with the clock following, and end the call."""
        end = 0
        for speaker, text, start, end in lines:
            self.tick(start)
            self.say(speaker, text, start, end)
            self.tick(end)
        self.end(end + 1000)

    def commit(self, batch: Batch) -> None:
        """Write a batch in the order of the live worker's group commit, and show its events."""
        states = {key: session.state() for key, session in self.sessions}
        with transaction.atomic():
            for row in batch.rows:
                row.save(force_insert=True)
            for work in batch.writes:
                work()
            self.conversation.owner.engine_state = {"stages": states}
            self.conversation.owner.save(update_fields=["engine_state"])
        self.states = states
        self.shown += [(kind, events.render(kind, row)) for kind, row in batch.events]
        for work in batch.after_publish:
            work(timezone.now())
        for each, thing in batch.together:
            each([(thing, timezone.now())])

    def kinds(self) -> list[str]:
        return [kind for kind, _data in self.shown]

    def _batch(self) -> Batch:
        return Batch(self.conversation.pk)


def call_begin(schema: str, conversation: Conversation, *, team_id: Any = None) -> Call:
    return Call(
        conversation,
        CallContext(
            schema=schema,
            conversation_id=conversation.pk,
            agent_id=conversation.agent_id,
            team_id=team_id,
            queue_id=None,
            language=conversation.language,
        ),
    )


def definition_make(key: str, **fields: Any) -> Any:
    """Save a moment; phrases by default."""
    from moments.models import MomentDefinition
    from moments.services import moment_save

    values = {"name": key.replace("_", " ").capitalize(), "speaker": "any"} | fields
    definition = MomentDefinition(key=key, **values)
    moment_save(definition=definition, actor=None)
    return definition


def policy_document(*rules: dict[str, Any], **parts: Any) -> dict[str, Any]:
    """A policy's document with these rules; each gets an id and a place where it has none."""
    placed = [
        {"id": f"rule-{place}", "name": f"Rule {place}", "position": place} | rule
        for place, rule in enumerate(rules)
    ]
    return {"format": 1, "rules": placed, "behaviours": [], "playbooks": []} | parts


def rule(when: Any, *then: dict[str, Any], **options: Any) -> dict[str, Any]:
    """A rule; `when` is a condition or a moment's key."""
    return {"when": {"heard": when} if isinstance(when, str) else when, "then": list(then)} | options


def hint_action(title: str, **fields: Any) -> dict[str, Any]:
    return {"do": "hint", "label": "Say", "title": title} | fields


def policy_make(*rules: dict[str, Any], name: str = "Test", scope: Any = None, **parts: Any) -> Any:
    """Save and publish a policy; returns its revision."""
    from coaching.services import policy_create, policy_publish

    policy = policy_create(
        name=name, actor=None, document=policy_document(*rules, **parts), scope=scope or {}
    )
    return policy_publish(policy=policy, actor=None)
