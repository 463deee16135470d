"""Answers composed from passages: each sentence cited, and shown only if the passage that it cites bears it out.

In this order: an answer that was prepared for the question; where the company has a chat server, what it writes from
the passages; else the best sentences of the best passage. Where the passages are not likely to answer, or nothing that
was written is borne out, the answer is that the documents do not say.

What a passage says is data. One that speaks to a model (`engines.language.steering`) is not given to the model, and
nothing is answered from it.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any, Protocol

from django.db.models import QuerySet
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from engines.language.answering import KNOWLEDGE_ANSWER, Said, variables
from engines.language.steering import steers
from engines.language.tasks import NO_MODEL, OVER_BUDGET, NotAnswered
from engines.redaction.text import RedactedText
from engines.retrieval.confidence import THRESHOLD, confidence
from engines.retrieval.confidence import Evidence as Odds
from engines.retrieval.support import Evidence
from engines.retrieval.support_reading import sentences_of, words_at, words_of
from engines.speech.faults import Fault
from knowledge.answers.matching import prepared_match, prepared_meant
from knowledge.answers.prepared import prepared_found
from knowledge.models import Collection, Document, PreparedAnswer, Synonyms
from knowledge.search.searching import Found, passages_search
from knowledge.text.markdown import unlinked
from knowledge.text.private import private_masked, redacted
from providers.language import Plan, task_plan

PASSAGES = 6
# A model that takes longer answers nobody who has a customer on the line.
DEADLINE_SECONDS = 8.0
LENGTH = 400
# Without a model: so many sentences, with so much of what the best one has of the question.
_BEST, _NEARLY = 3, 0.6
# Nothing that somebody could click, load or run.
_UNFIT = re.compile(
    r"[a-z][a-z0-9+.-]*://|\bwww\.|\b(?:javascript|data|mailto|vbscript):|!\[|\]\s*\(|\]:|</?[a-z!]|&#?\w+;|`"
    r"|\b[\w-]+(?:\.[\w-]+)+/\w|\{\{|\}\}",
    re.IGNORECASE,
)

PREPARED, MODEL, PASSAGE, NONE = "prepared", "model", "passage", "none"


class Writer(Protocol):
    """What writes sentences from passages of (title, text), numbered from 1."""

    def write(self, question: str, passages: Sequence[tuple[str, str]]) -> AsyncGenerator[Any, None]:
        """Sentences with `text` and `numbers`, to what is redacted. Raises `NotAnswered`."""


class _Writer:
    """Has the company's model write."""

    def __init__(self, plan: Plan[list[Said]]) -> None:
        self._plan = plan

    async def write(self, question: str, passages: Sequence[tuple[str, str]]) -> AsyncGenerator[Said, None]:
        given = [(RedactedText(title), RedactedText(text)) for title, text in passages]
        # Who reads an answer may leave in the middle: the request ends then, and not when somebody tidies up.
        async with aclosing(aiter(self._plan.stream(variables(RedactedText(question), given)))) as parts:
            async for said in parts:
                yield said


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of an answer, and the numbers of the passages that bear it out. `marks`: words of the question."""

    text: str
    citations: tuple[int, ...]
    marks: tuple[tuple[int, int], ...] = ()


@dataclass(slots=True)
class Answering:
    """An answer on its way: what was found for it, and what is known of it before a model is asked.

    `source`: who answers. `asked` and `texts`: the question and the passages (number, path, text) as a model gets them.
    `withheld`: numbers of passages that speak to a model. `dropped`: sentences that no passage
    bears out. `trouble`: why the model did not answer, in words; `late`: it had not finished in time.
    """

    question: str
    source: str
    found: list[Found]
    confidence: float = 0.0
    sentences: list[Sentence] = field(default_factory=list)
    writer: Writer | None = None
    withheld: frozenset[int] = frozenset()
    asked: str = ""
    texts: list[tuple[int, str, str]] = field(default_factory=list)
    synonyms: list[list[str]] = field(default_factory=list)
    dropped: int = 0
    late: bool = False
    trouble: str = ""
    prepared: str = ""
    began: float = field(default_factory=time.monotonic)

    @property
    def answered(self) -> bool:
        return bool(self.sentences)

    def given(self) -> list[tuple[int, Found]]:
        """The passages that may be answered from, with their numbers."""
        return [
            (number, one) for number, one in enumerate(self.found, start=1) if number not in self.withheld
        ]


def answer_begin(
    *,
    query: str,
    documents: QuerySet[Document],
    collections: QuerySet[Collection] | None = None,
    context: Sequence[str] = (),
    compose: bool = True,
) -> Answering:
    """Look up what answers a question. Without `compose` no model is asked. A few queries; nothing is sent yet.

    `documents` and `collections`: what the reader may find; without `collections` no prepared answer is served.
    """
    found = passages_search(query=query, limit=PASSAGES, context=context, documents=documents)
    prepared = None
    if collections is not None:
        prepared = prepared_match(query=query, documents=documents, collections=collections)
        if prepared is None:
            prepared = prepared_meant(query=query, found=found, documents=documents, collections=collections)
    if prepared is not None:
        return _from_prepared(query, prepared, found)
    answering = answer_from(query=query, found=found)
    if answering.confidence < THRESHOLD:
        return answering
    answering.synonyms = list(Synonyms.objects.values_list("words", flat=True)[:2_000])
    writer: Writer | None = None
    if compose:
        plan = task_plan(KNOWLEDGE_ANSWER, within_s=DEADLINE_SECONDS)
        if plan.possible:
            writer = _Writer(plan)
        elif plan.fault != NO_MODEL:
            answering.trouble = _trouble(plan.fault)
    if writer is not None:
        answer_ask(answering, writer)
    else:
        _from_passage(answering)
    return answering


def answer_from(*, query: str, found: list[Found]) -> Answering:
    """An answer that is to come from these passages, without those that speak to a model."""
    answering = Answering(query, NONE, found)
    answering.withheld = frozenset(
        number for number, one in enumerate(found, start=1) if steers(one.text) or steers(one.path)
    )
    sure = [one.confidence for _number, one in answering.given()]
    if answering.withheld:
        # What is withheld must not make the others look less likely by standing before them.
        sure += [
            confidence(Odds(one.covers, has=len(words_of(query) & words_of(one.text))))
            for _number, one in answering.given()
        ]
    answering.confidence = max(sure, default=0.0)
    return answering


def answer_ask(answering: Answering, writer: Writer) -> None:
    """Have it written by a model, from what is redacted."""
    answering.source, answering.writer = MODEL, writer
    answering.asked = redacted(answering.question)
    answering.texts = [
        (number, private_masked(one.path), private_masked(unlinked(one.text)))
        for number, one in answering.given()
    ]


async def answer_stream(answering: Answering) -> AsyncGenerator[dict[str, Any], None]:
    """An answer as it comes: what was found, each sentence once it is borne out, and what became of it."""
    yield {"kind": "passages", "source": answering.source, "passages": passages_shown(answering)}
    if answering.writer is not None:
        async with aclosing(_composed(answering)) as sentences:
            async for sentence in sentences:
                yield _sentence(sentence)
    else:
        for sentence in answering.sentences:
            yield _sentence(sentence)
    yield done_shown(answering)


async def answer_whole(answering: Answering) -> None:
    """Have the model write all of it, where one is asked."""
    if answering.writer is not None:
        async for _one in _composed(answering):
            pass


def answer_shown(answering: Answering) -> dict[str, Any]:
    """An answer that is whole, in one."""
    return {
        **{key: value for key, value in done_shown(answering).items() if key != "kind"},
        "sentences": [
            {key: value for key, value in _sentence(one).items() if key != "kind"}
            for one in answering.sentences
        ],
        "passages": passages_shown(answering),
    }


def _from_prepared(query: str, prepared: PreparedAnswer, found: list[Found]) -> Answering:
    cited = prepared_found(prepared)
    others = [one for one in found if not any(_same(one, other) for other in cited)]
    answering = Answering(
        query, PREPARED, [*cited, *others][:PASSAGES], confidence=1.0, prepared=str(prepared.pk)
    )
    evidence = {number: Evidence(one.text, context=one.title) for number, one in enumerate(cited, start=1)}
    for text in sentences_of(prepared.answer):
        numbers = tuple(number for number, one in evidence.items() if one.supports(text).holds)
        answering.sentences.append(Sentence(text, numbers or tuple(evidence)))
    return answering


def _same(one: Found, other: Found) -> bool:
    return one.document_id == other.document_id and one.start < other.end and other.start < one.end


# --- What a model writes --------------------------------------------------------------------------------


async def _composed(answering: Answering) -> AsyncGenerator[Sentence, None]:
    evidence = {
        number: Evidence(text, context=path, synonyms=answering.synonyms)
        for number, path, text in answering.texts
    }
    numbers = [number for number, _path, _text in answering.texts]
    assert answering.writer is not None
    given = [(path, text) for _number, path, text in answering.texts]
    try:
        async with aclosing(answering.writer.write(answering.asked, given)) as written:
            async for said in written:
                named = [numbers[one - 1] for one in said.numbers if 0 < one <= len(numbers)]
                sentence = _borne_out(said.text, named, evidence)
                if sentence is None or any(one.text == sentence.text for one in answering.sentences):
                    answering.dropped += 1
                    continue
                answering.sentences.append(sentence)
                yield sentence
    except NotAnswered as error:
        answering.late = error.fault == Fault.SLOW
        answering.trouble = _trouble(error.fault)
        if not answering.sentences:
            _from_passage(answering)
            for sentence in answering.sentences:
                yield sentence
            return
    if not answering.sentences:
        answering.source = NONE


def _borne_out(text: str, named: Sequence[int], evidence: dict[int, Evidence]) -> Sentence | None:
    """The sentence with the passage that says it: one that it names, else another one; None where none does."""
    if len(text) > LENGTH or len(text.split()) < 3 or _UNFIT.search(text) or steers(text):
        return None
    for number in dict.fromkeys([*named, *evidence]):
        if number in evidence and evidence[number].supports(text).holds:
            return Sentence(text, (number,))
    return None


def _trouble(fault: str) -> str:
    if fault == Fault.SLOW:
        return _("The chat model took too long.")
    if fault == OVER_BUDGET:
        return _("What models may cost in this month is spent.")
    return _("The chat model does not answer.")


# --- Without one ----------------------------------------------------------------------------------------


def _from_passage(answering: Answering) -> None:
    """The best sentences of the best passage, in its own words and order."""
    number, best = max(answering.given(), key=lambda one: (one[1].confidence, one[1].covers))
    asked = words_of(answering.question)
    texts = [one for one in sentences_of(unlinked(best.text)) if not re.fullmatch(r"[\W\d_]*", one)]
    shares = [len(words_of(text) & asked) / max(1, len(asked)) for text in texts]
    enough = _NEARLY * max(shares, default=0.0)
    chosen: list[int] = []
    for at in sorted(range(len(texts)), key=lambda at: (-shares[at], at)):
        if shares[at] >= enough and len(chosen) < _BEST:
            chosen.append(at)
    for at in list(chosen):
        if texts[at].endswith(":"):
            # What it announces is the answer.
            chosen += range(at + 1, min(at + 1 + 2 * _BEST, len(texts)))
    answering.source = PASSAGE
    answering.sentences = [
        Sentence(texts[at][: 2 * LENGTH], (number,), tuple(words_at(texts[at][: 2 * LENGTH], asked)))
        for at in sorted(set(chosen))
    ]


# --- What is shown --------------------------------------------------------------------------------------


def passages_shown(answering: Answering) -> list[dict[str, Any]]:
    """The passages by their numbers, each with where it opens."""
    return [
        {
            "number": number,
            "id": str(one.id),
            "document": str(one.document_id),
            "title": one.title,
            "path": one.path,
            "collection": one.collection,
            "version": one.version,
            "start": one.start,
            "end": one.end,
            "url": passage_url(one),
            "confidence": round(one.confidence, 3),
            "withheld": number in answering.withheld,
        }
        for number, one in enumerate(answering.found, start=1)
    ]


def passage_url(one: Found) -> str:
    """Where a passage opens, in the version that was found."""
    at: dict[str, str | int] = {
        "passage": str(one.id),
        "version": one.version,
        "from": one.start,
        "to": one.end,
    }
    return f"{reverse('knowledge-document', args=[one.document_id])}?{urlencode(at)}#passage"


def _sentence(sentence: Sentence) -> dict[str, Any]:
    return {
        "kind": "sentence",
        "text": sentence.text,
        "citations": list(sentence.citations),
        "marks": [list(one) for one in sentence.marks],
    }


def done_shown(answering: Answering) -> dict[str, Any]:
    """What became of an answer. `words`: what to show where there is none."""
    return {
        "kind": "done",
        "source": answering.source,
        "answered": answering.answered,
        "words": "" if answering.answered else _("The documents do not say."),
        "confidence": round(answering.confidence, 3),
        "dropped": answering.dropped,
        "late": answering.late,
        "trouble": answering.trouble,
        "prepared": answering.prepared,
        "took_ms": round((time.monotonic() - answering.began) * 1000),
    }


def event(part: dict[str, Any]) -> str:
    """A part of an answer as a server-sent event, named by its kind."""
    return f"event: {part['kind']}\ndata: {json.dumps(part)}\n\n"
