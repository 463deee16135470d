"""Suggested replies while a chat goes on: the stage after guidance, of chats alone.

Each message of the customer begins anew. What guidance has the agent say is there at once; the company's knowledge, its
model of the next step and its chat model are asked beside the chat, with a deadline: what comes later, or after the
agent has written, is dropped. All of them are given redacted words.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from uuid import UUID

import structlog
from django.utils import timezone

from accounts.ids import new_id
from coaching.beside import SAID_BEFORE, Asked, Card, Lookups
from coaching.models import Guidance, NextStepVersion, SuggestedReply
from coaching.next_steps import next_steps_suggest
from coaching.replies import MOST
from conversations.live.stages import Batch, CallContext, FinalUtterance
from conversations.models import Conversation, Speaker, Utterance
from conversations.redacted import redacted
from engines.language.chat_replies import CHAT_REPLY, fitting, variables
from engines.next_step.dialogue import Event
from engines.redaction.text import RedactedText
from engines.retrieval.asking import asked_in
from knowledge.documents.audience import Audience
from knowledge.documents.selectors import documents_for
from knowledge.models import KnowledgeQuestion
from knowledge.search.searching import passages_search
from knowledge.usage.noting import question_note
from providers.language import task_run

log = structlog.get_logger(__name__)

Source = SuggestedReply.Source
DEADLINE_SECONDS = 2.0
MODEL_SECONDS = 8.0
LENGTH = 400
TURNS = 12
# So that one source leaves room for the others.
_OF_GUIDANCE = _OF_MODEL = 2
_SAID = {"hint", "line", "step"}


class RepliesSession:
    """Follows one chat."""

    def __init__(
        self, call: CallContext, sources: dict[str, Lookups], after: int | None, known: list[str]
    ) -> None:
        self._call = call
        self._sources = sources
        self._after = after
        self._known = known
        self._asked: dict[str, Asked] = {}
        if after is not None and len(known) < MOST:
            self._ask()

    def utterance(self, utterance: FinalUtterance, batch: Batch) -> None:
        self._drop()
        row = utterance.row
        self._after, self._known = (row.sequence, []) if row.speaker == Speaker.CUSTOMER else (None, [])
        if self._after is not None:
            self._ask()
            self._look(batch)

    def clock(self, now_ms: int, batch: Batch) -> None:
        if self._after is not None:
            self._look(batch)

    def finish(self, now_ms: int, batch: Batch) -> None:
        self._drop()
        self._after = None

    def state(self) -> dict[str, Any]:
        return {"after": self._after}

    def _ask(self) -> None:
        query = f"{self._call.conversation_id}:{self._after}"
        self._asked = {name: source.ask(self._call.schema, query) for name, source in self._sources.items()}

    def _drop(self) -> None:
        for asked in self._asked.values():
            asked.drop()
        self._asked = {}

    def _look(self, batch: Batch) -> None:
        """Take what guidance says in this step, and answers that have come."""
        for _kind, row in batch.events:
            if not isinstance(row, Guidance) or row.kind not in _SAID or row.state != Guidance.State.OPEN:
                continue
            if row.say and len(self._known) < _OF_GUIDANCE:
                self._propose(batch, Source.GUIDANCE, row.say, str(row.pk))
        for name, asked in list(self._asked.items()):
            state = asked.state()
            if not state:
                continue
            del self._asked[name]
            if state == "failed":
                log.warning("replies.failed", source=name, place=asked.place)
            elif state == "done" and asked.card is not None:
                for text, ref in asked.card["replies"]:
                    self._propose(batch, Source(name), text, ref)
            else:
                asked.drop()

    def _propose(self, batch: Batch, source: str, text: str, ref: str) -> None:
        if self._after is None or len(self._known) >= MOST or text.casefold() in self._known:
            return
        row = SuggestedReply(
            id=new_id(),
            conversation_id=self._call.conversation_id,
            after=self._after,
            position=len(self._known),
            text=text[:LENGTH],
            source=source,
            source_ref=ref[:80],
            made_at=timezone.now(),
        )
        self._known.append(text.casefold())
        batch.create(row)
        batch.event("reply", row)


class RepliesStage:
    """The stage "replies" of `cresta_app.live`. `sources`: who is asked beside the chat, by `SuggestedReply.Source`."""

    key = "replies"
    fixed: tuple[str, ...] = ()

    def __init__(self, sources: dict[str, Lookups] | None = None) -> None:
        self._sources = SOURCES if sources is None else sources

    def open(self, call: CallContext, state: dict[str, Any] | None) -> RepliesSession:
        """Begin, or go on with the message that was to be answered. One query then."""
        after = state["after"] if state else None
        known: list[str] = []
        if after is not None:
            rows = SuggestedReply.objects.filter(conversation_id=call.conversation_id, after=after)
            known = [text.casefold() for text in rows.values_list("text", flat=True)]
        return RepliesSession(call, self._sources, after, known)


# --- Who is asked ---------------------------------------------------------------------------------------


def _turns(query: str) -> tuple[UUID, list[Utterance]]:
    """The last turns up to the message that a question is about."""
    ident, _colon, after = query.partition(":")
    rows = Utterance.objects.filter(conversation_id=ident, sequence__lte=int(after)).defer("words", "search")
    return UUID(ident), list(rows.order_by("-sequence")[:TURNS])[::-1]


def _card(replies: list[tuple[str, str]]) -> Card | None:
    return {"replies": replies} if replies else None


def knowledge_reply(query: str) -> Card | None:
    """The beginning of the passage that answers the customer's last message best, read with what he wrote before it."""
    ident, turns = _turns(query)
    chat = Conversation.objects.select_related("agent").filter(pk=ident).first()
    if chat is None:
        return None
    before = [row.text for row in turns[:-1] if row.speaker == Speaker.CUSTOMER][-SAID_BEFORE:]
    audience = Audience(
        team=chat.agent.team_id if chat.agent else None,
        queue=chat.queue_id,
        channel=chat.channel,
        language=chat.language,
    )
    allowed = documents_for(audience)
    if not turns:
        return None
    asked = turns[-1].text
    found = passages_search(query=asked, context=before, limit=1, documents=allowed)
    # A greeting asks nothing: it is no question without an answer.
    if asks := asked_in(asked, chat.language):
        question_note(
            text=asks,
            source=KnowledgeQuestion.Source.REPLY,
            audience=audience,
            found=found,
            person=chat.agent_id,
            conversation_id=ident,
        )
    return _card([(_beginning(one.text), str(one.id)) for one in found])


def next_step_reply(query: str) -> Card | None:
    """The words of the most probable next step, where a model of it is live. The chat's task: its `metadata.task`, else
    its queue's key."""
    if not NextStepVersion.objects.filter(state=NextStepVersion.State.LIVE).exists():
        return None
    ident, turns = _turns(query)
    chat = Conversation.objects.select_related("queue").get(pk=ident)
    named = chat.metadata.get("task") if isinstance(chat.metadata, dict) else None
    task = named if isinstance(named, str) and named else chat.queue.key if chat.queue else ""
    events = [Event("customer" if row.speaker == Speaker.CUSTOMER else "agent", row.text) for row in turns]
    advice = next_steps_suggest(task=task, events=events, most=1)
    return _card([(one.words, one.action) for one in advice.suggestions if one.words])


def model_reply(query: str) -> Card | None:
    """What the company's chat model would write. What it makes up is redacted like everything else."""
    ident, turns = _turns(query)
    given = [(row.speaker, RedactedText(row.text)) for row in turns]
    outcome = task_run(CHAT_REPLY, variables(given, _OF_MODEL), within_s=MODEL_SECONDS, sticky=str(ident))
    texts = [] if outcome.value is None else fitting(outcome.value, _OF_MODEL)
    return _card([(redacted(text), "") for text in texts])


_POINT = re.compile(r"^\s*(?:[-*•>]|#{1,6}|\d{1,2}[.)])\s+")


def _beginning(text: str) -> str:
    """Whole sentences, as many as a message bears."""
    # A message is no list: each point becomes a sentence among others.
    short = " ".join(" ".join(_POINT.sub("", line) for line in text.splitlines()).split())
    if len(short) <= LENGTH:
        return short
    end = max(short.rfind(mark, 0, LENGTH) for mark in (". ", "! ", "? "))
    return short[: end + 1] if end > 0 else f"{short[: LENGTH - 1]}…"


_ASKED: tuple[tuple[str, Callable[[str], Card | None], float, int], ...] = (
    (Source.KNOWLEDGE.value, knowledge_reply, DEADLINE_SECONDS, 2),
    (Source.NEXT_STEP.value, next_step_reply, DEADLINE_SECONDS, 2),
    (Source.MODEL.value, model_reply, MODEL_SECONDS, 4),
)
SOURCES = {name: Lookups(answer, deadline, threads) for name, answer, deadline, threads in _ASKED}
