"""Drafts of prepared answers: for questions that were asked often and found no answer, or none that was prepared."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import timedelta

from django.utils import timezone

from engines.retrieval.matching import ALIKE, alike, plain
from knowledge.answers.composing import answer_begin, answer_whole
from knowledge.answers.prepared import prepared_save
from knowledge.documents.selectors import documents_valid
from knowledge.models import KnowledgeQuestion, PreparedAnswer
from knowledge.models.answers import WORDING_LENGTH
from knowledge.search.searching import passages_search
from knowledge.usage.noting import Passage, passage_of

# So often within so long.
OFTEN, WITHIN = 3, timedelta(days=30)
QUESTIONS, DRAFTS, WORDINGS = 2_000, 10, 5
# A whole situation is not a question that comes again.
_LONGEST = 200


def drafts_propose() -> list[PreparedAnswer]:
    """Draft answers for questions that at least three asked within a month without an answer; at most ten at once.

    A draft has the wordings, the sentences that the documents bear out (or none: somebody has to write it) and the
    nearest passages. Questions that any prepared answer has already, also a retired one, are left alone.
    """
    known = [one for row in PreparedAnswer.objects.values_list("questions", flat=True) for one in row]
    made: list[PreparedAnswer] = []
    for wordings in _often(_unanswered()):
        if len(made) == DRAFTS:
            break
        if any(alike(wordings[0], one) >= ALIKE or plain(wordings[0]) == plain(one) for one in known):
            continue
        made.append(_draft(wordings))
    return made


def _unanswered() -> list[str]:
    rows = KnowledgeQuestion.objects.filter(
        answered=False, state=KnowledgeQuestion.State.OPEN, asked_at__gte=timezone.now() - WITHIN
    ).exclude(text="")
    return [text for text in rows.values_list("text", flat=True)[:QUESTIONS] if len(text) <= _LONGEST]


def _often(texts: Iterable[str]) -> list[list[str]]:
    """Wordings of the same question, those asked most often first; each list at least `OFTEN` long when asked."""
    groups: list[tuple[list[str], int]] = []
    for text in texts:
        for at, (wordings, asked) in enumerate(groups):
            if alike(text, wordings[0]) >= ALIKE or plain(text) == plain(wordings[0]):
                new = [text] if all(plain(text) != plain(one) for one in wordings) else []
                groups[at] = ([*wordings, *new], asked + 1)
                break
        else:
            groups.append(([text], 1))
    often = sorted((one for one in groups if one[1] >= OFTEN), key=lambda one: -one[1])
    return [wordings for wordings, _asked in often]


def _draft(wordings: list[str]) -> PreparedAnswer:
    documents = documents_valid()
    answering = answer_begin(query=wordings[0], documents=documents)
    if answering.writer is not None:
        # Outside any transaction: it may take seconds.
        asyncio.run(answer_whole(answering))
    cited = sorted({number for one in answering.sentences for number in one.citations})
    found = [answering.found[number - 1] for number in cited]
    nearest = found or passages_search(query=wordings[0], limit=2, documents=documents)
    citations: list[Passage] = [passage_of(one) for one in nearest]
    return prepared_save(
        questions=[one[:WORDING_LENGTH] for one in wordings[:WORDINGS]],
        answer=" ".join(one.text for one in answering.sentences)[:2_000],
        citations=citations,
    )
