"""Answers on their way to a browser or a program: as they come, or in one; noted as questions either way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any
from uuid import UUID

from django.core.handlers.asgi import ASGIRequest
from django.db.models import QuerySet
from django.http import HttpRequest, StreamingHttpResponse

from accounts.models import User
from knowledge.answers.composing import (
    Answering,
    answer_begin,
    answer_shown,
    answer_stream,
    answer_whole,
    event,
)
from knowledge.documents.audience import Audience, audience_of, collections_for
from knowledge.documents.selectors import documents_for, documents_within
from knowledge.models import Collection, Document, KnowledgeQuestion
from knowledge.usage.calls import asked_within
from knowledge.usage.noting import question_note
from tenants.scope import TenantThreads, current_schema, schema_scope

# The call in which somebody asks, and for whom that is noted (`knowledge.usage.calls`).
Within = tuple[UUID | None, Audience]

# Notes what was asked when an answer is through; a row each.
_threads = TenantThreads(1, "answers")


def answer_streamed(
    request: HttpRequest,
    user: User,
    query: str,
    *,
    context: Sequence[str] = (),
    compose: bool = True,
    conversation_id: UUID | None = None,
    collection: str = "",
) -> StreamingHttpResponse:
    """Answer as server-sent events: `passages`, `sentence` for each, `done`.

    `conversation_id`: the call it is for; `collection`: the name of the one to answer from, all if it is "".
    """
    audience = audience_of(user)
    within = asked_within(user, conversation_id)
    answering = answer_begin(
        query=query,
        documents=documents_within(documents_for(audience), collection),
        collections=_within(audience, collection),
        context=context,
        compose=compose,
    )
    # What follows runs when the server asks for it, and the company was left by then.
    schema = current_schema()
    parts: AsyncIterator[str] | Iterator[str]
    if isinstance(request, ASGIRequest):
        parts = _as_they_come(schema, answering, within, user)
    else:
        parts = _at_once(schema, answering, within, user)
    response = StreamingHttpResponse(parts, content_type="text/event-stream")
    # A proxy that waits for more would hold back what is there.
    response["X-Accel-Buffering"] = "no"
    response["Cache-Control"] = "no-store"
    return response


def answer_given(
    user: User,
    query: str,
    *,
    documents: QuerySet[Document] | None = None,
    context: Sequence[str] = (),
    compose: bool = True,
    conversation_id: UUID | None = None,
    collection: str = "",
) -> dict[str, Any]:
    """Answer in one. Not to be called where an event loop runs."""
    audience = audience_of(user)
    allowed = documents_for(audience) if documents is None else documents
    answering = answer_begin(
        query=query,
        documents=documents_within(allowed, collection),
        collections=_within(audience, collection),
        context=context,
        compose=compose,
    )
    if answering.writer is not None:
        asyncio.run(answer_whole(answering))
    _note(answering, asked_within(user, conversation_id), user)
    return answer_shown(answering)


def _within(audience: Audience, collection: str) -> QuerySet[Collection]:
    allowed = collections_for(audience)
    return allowed.filter(name=collection) if collection else allowed


async def _as_they_come(schema: str, answering: Answering, within: Within, user: User) -> AsyncIterator[str]:
    async for part in answer_stream(answering):
        yield event(part)
    await _threads.run(schema, _note, answering, within, user)


def _at_once(schema: str, answering: Answering, within: Within, user: User) -> Iterator[str]:
    async def whole() -> list[str]:
        return [event(part) async for part in answer_stream(answering)]

    yield from asyncio.run(whole())
    with schema_scope(schema):
        _note(answering, within, user)


def _note(answering: Answering, within: Within, user: User) -> None:
    conversation_id, audience = within
    cited = {number for one in answering.sentences for number in one.citations}
    question_note(
        text=answering.question,
        source=KnowledgeQuestion.Source.ANSWER,
        audience=audience,
        found=[one for number, one in enumerate(answering.found, start=1) if number in cited],
        confidence=answering.confidence,
        answered=answering.answered,
        person=user,
        conversation_id=conversation_id,
    )
