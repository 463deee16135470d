"""Knowledge that comes up by itself: the customer asks something, and the passage that answers it is there.

No rule need be written. What the customer asks, not the last words of the turn, is looked up beside the call, by final
utterances only and with a deadline; a card comes where search is sure enough (`engines.retrieval.confidence`), and
nothing otherwise. It is guidance like a rule's, within the same budget: never the same passage twice unless it was
dismissed long ago, nothing that the agent has just opened, so many a call, and with a pause between.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

import structlog
from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from coaching.beside import DEADLINE_SECONDS, Asked, Card, Lookups, card_of, place_of
from coaching.board import Because, Board, Look
from conversations.live.stages import Batch, CallContext, FinalUtterance
from conversations.models import Speaker
from engines.retrieval.asking import asked_in, questions_in
from engines.retrieval.confidence import BY_ITSELF
from engines.rules.decisions import Decision
from engines.rules.spec import Action
from knowledge.documents.audience import Audience
from knowledge.documents.selectors import documents_for
from knowledge.models import KnowledgeQuestion
from knowledge.search.searching import Found, passages_search
from knowledge.usage.noting import documents_opened, question_note

log = structlog.get_logger(__name__)

RULE = "knowledge_card"
LASTS_MS = 90_000
# Below a rule's own hints, and below the learned next step.
PRIORITY = 30
PAUSE_MS = 20_000
# What was dismissed may be wanted after so long.
AGAIN_MS = 300_000
# What the agent opened within this time is before their eyes.
OPENED_SECONDS = 300
QUESTIONS = 5


class CardsWatch:
    """Follows one call. `most`: so many cards a call; `state`: a predecessor's."""

    def __init__(
        self, call: CallContext, most: int, lookups: Lookups, state: Mapping[str, Any] | None = None
    ) -> None:
        known = state or {}
        self._call, self._most, self._lookups = call, most, lookups
        self._asked: Asked | None = None
        self._because: tuple[FinalUtterance, int] | None = None
        # When a passage was shown, and since when it has been off the screen; None while it stands there.
        self._shown: dict[str, list[int | None]] = {
            key: list(one) for key, one in known.get("shown", {}).items()
        }
        self._last_ms: int | None = known.get("last_ms")

    def utterance(self, utterance: FinalUtterance, board: Board, batch: Batch) -> None:
        """Look up what the customer asks. A new question takes the place of one that was not answered yet."""
        row = utterance.row
        if row.speaker != Speaker.CUSTOMER or len(self._shown) >= self._most:
            return
        if board.is_muted("knowledge", RULE, optional=True):
            return
        asks = asked_in(row.text, self._call.language)
        if not asks:
            return
        self._drop()
        query = {
            "asks": asks,
            "turn": row.text,
            "call": str(self._call.conversation_id),
            "agent": str(self._call.agent_id or ""),
            "team": str(self._call.team_id or ""),
            "queue": str(self._call.queue_id or ""),
            "channel": self._call.channel,
            "language": self._call.language,
            "not": self._not_again(row.end_ms),
        }
        self._asked = self._lookups.ask(self._call.schema, json.dumps(query, sort_keys=True))
        self._because = (utterance, row.end_ms)

    def due(self, now_ms: int, board: Board, batch: Batch) -> None:
        """Show what was found; take away what has stood for long enough."""
        for key, one in self._shown.items():
            if one[1] is None and board.is_over(_key(key), now_ms):
                board.withdraw(_key(key), now_ms, batch, expired=True)
            if one[1] is None and not board.has(_key(key)):
                one[1] = now_ms
        asked, because = self._asked, self._because
        if asked is None or because is None or not (state := asked.state()):
            return
        self._asked = self._because = None
        if state == "failed":
            log.error("cards.failed", place=asked.place)
        elif state == "late":
            asked.drop()
            log.warning("cards.late")
        elif (card := asked.card) is not None and not self._is_soon(now_ms):
            self._show(card, because[0], now_ms, board, batch)

    def finish(self) -> None:
        """Nobody waits any more."""
        self._drop()

    def state(self) -> dict[str, Any]:
        """What a successor needs: places in documents, no words of the call."""
        return {"shown": self._shown, "last_ms": self._last_ms}

    def _drop(self) -> None:
        if self._asked is not None:
            self._asked.drop()
        self._asked = self._because = None

    def _is_soon(self, now_ms: int) -> bool:
        return self._last_ms is not None and now_ms - self._last_ms < PAUSE_MS

    def _not_again(self, now_ms: int) -> list[str]:
        return [key for key, (_at, gone) in self._shown.items() if gone is None or now_ms - gone < AGAIN_MS]

    def _show(self, card: Card, utterance: FinalUtterance, now_ms: int, board: Board, batch: Batch) -> None:
        row, place = utterance.row, card["place"]
        # The customer's words stay in the transcript, where a later redaction reaches them.
        asked = card["asked"]
        shown = {name: value for name, value in card.items() if name != "asked"}
        action = Action("knowledge", title=card["path"])
        reason = _("the customer asked “{quote}”")
        decision = Decision(
            policy=RULE, rule_id=RULE, what="show", at_ms=now_ms, sequence=row.sequence,
            reason=reason, evidence=(), form=reason, index=0, action=action,
        )  # fmt: skip
        at = row.text.find(asked)
        start, end = (at, at + len(asked)) if at >= 0 else (0, len(row.text))
        board.show(
            _key(place),
            decision,
            action,
            Look(PRIORITY, 0, LASTS_MS, optional=True),
            None,
            Because(reason, [{"utterance": str(row.pk), "start": start, "end": end}], row),
            utterance,
            batch,
            shown,
        )
        if board.has(_key(place)):
            self._shown[place] = [now_ms, None]
            self._last_ms = now_ms


def _key(place: str) -> str:
    return f"{RULE}|{RULE}|{place}|0"


# --- Beside the call ------------------------------------------------------------------------------------


def card_found(query: str) -> Card | None:
    """The card for what a customer asked, or None. The question is noted either way: a gap is one without an answer."""
    asked = json.loads(query)
    audience = Audience(
        team=_uuid(asked["team"]),
        queue=_uuid(asked["queue"]),
        channel=asked["channel"],
        language=asked["language"],
    )
    agent = _uuid(asked["agent"])
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL statement_timeout = %s", [round(DEADLINE_SECONDS * 1000)])
        found = best_answer(asked["asks"], asked["turn"], audience)
        sure = 0.0 if found is None else found[1].confidence
        question = question_note(
            text=asked["asks"],
            source=KnowledgeQuestion.Source.LIVE,
            audience=audience,
            confidence=sure,
            answered=sure >= BY_ITSELF,
            person=agent,
            conversation_id=UUID(asked["call"]),
        )
        if found is None or sure < BY_ITSELF:
            return None
        sentence, best = found
        if place_of(best) in asked["not"]:
            return None
        if agent is not None:
            since = timezone.now() - timedelta(seconds=OPENED_SECONDS)
            if best.document_id in documents_opened(agent, since):
                return None
    return {**card_of(best), "asked": sentence, "question": str(question)}


def best_answer(asks: str, turn: str, audience: Audience) -> tuple[str, Found] | None:
    """What a turn asks and the passage that search is surest of: each question by itself, then the whole turn, since
    one sentence often says what it is about and the next one asks."""
    allowed = documents_for(audience).filter(collection__cards=True)
    best: tuple[str, Found] | None = None
    for text in dict.fromkeys([*questions_in(asks, audience.language)[-QUESTIONS:], turn]):
        for one in passages_search(query=text, limit=1, documents=allowed):
            if best is None or one.confidence > best[1].confidence:
                best = text, one
    return best


def _uuid(value: str) -> UUID | None:
    return UUID(value) if value else None


CARDS = Lookups(card_found)
