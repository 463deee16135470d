"""Dialogue acts: what a clause does in the talk. English patterns, in the manner of `cues`.

One act a clause, the first that fits: a greeting or a closing, a question, a refusal, a promise, an offer, a request, a
report of what was done, a confirmation, an answer (what follows the other speaker's question), else a statement.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from engines.language import cues
from engines.language.clauses import Clause

Act = Literal[
    "greeting", "closing", "question", "refusal", "promise", "offer", "request", "report", "confirmation", "answer",
    "statement",
]  # fmt: skip

PROMISE: tuple[str, ...] = (
    "(i|we) (will|shall|am going to|are going to) ... (send|call|ring|phone|email|e-mail|mail|post|follow|ship|arrange|"
    "contact|let|get back|refund|credit|cancel|process|apply|waive|escalate|open|raise|book|schedule|order|replace|"
    "remove|make sure|look into|pay|return|bring|submit|update|confirm|issue|reimburse|fix)",
    "(someone|somebody|technician|engineer|team|specialist|manager|department|colleague|supervisor) will ... "
    "(call|contact|come|visit|send|reach|follow|get back|be with|look)",
    "(i|we) (promise|guarantee)",
    "you have my word",
)
_OFFER = (
    "(i|we) (can|could) (|also) (offer|give|take|apply|waive|send|do|book|arrange|move|upgrade)",
    "would you like (|me|us) (to|a|an|the)",
    "(what|how) about",
    "i would be (happy|able) to",
)
_REQUEST = (
    "(i|we) (want|need|would like|wanted|am trying|was hoping|am hoping|am calling)",
    "(can|could|would|will) you (|please) (send|cancel|change|refund|help|get|give|check|make|move|tell|look|fix|"
    "explain|put|take|remove|reset)",
    "(can|could|may) i (|please) (have|get|speak|talk|change|cancel)",
    "please (send|cancel|change|refund|check|give|call|fix|remove)",
)
_REFUSAL = (
    "(i|we) (can not|am unable|are unable|am not able|are not able|am afraid|will not)",
    "(unfortunately|regrettably) ... (not|unable)",
    "(no|not) (thank you|thanks|interested|good enough|acceptable)",
    "i do not (want|need|accept|agree)",
    "that is not (good enough|acceptable|possible|fair)",
)
_CONFIRMATION = (
    "(yes|correct|exactly|right|sure|absolutely|agreed|fine)",
    "that is (right|correct|it|fine|good|great|perfect)",
    "(sounds good|that works|go ahead|i agree|i accept)",
)
_GREETING = (
    "(thank you|thanks) for (calling|contacting|holding)",
    "(how|what) (can|may) i (help|assist|do)",
    "(my name is|you are speaking|you are through)",
    "good (morning|afternoon|evening)",
)
_CLOSING = (
    "(have|enjoy) (a|the|your) (|rest of) ... (day|evening|weekend|one|afternoon|night)",
    "is there (anything|something) else",
    "(bye|goodbye|take care|good night|see you)",
    "thank* (you|) (|very much|so much) for (|your) (calling|call|help|time|assistance|patience)",
)
# What stands alone as an answer: more words than these make it something else.
_SHORT = 6

_INDEXES = {
    name: cues.unweighted(those)
    for name, those in (
        ("greeting", _GREETING),
        ("closing", _CLOSING),
        ("refusal", _REFUSAL),
        ("promise", PROMISE),
        ("offer", _OFFER),
        ("request", _REQUEST),
        ("confirmation", _CONFIRMATION),
    )
}
_REPORT = cues.Cues(cues.DONE)
_AT_ONCE = cues.unweighted(cues.AT_ONCE)


def acts_of(clauses: Sequence[Clause]) -> list[Act]:
    """The act of each clause, in their order."""
    acts: list[Act] = []
    asked_by = ""
    for clause in clauses:
        act = _act(clause, asked_by)
        asked_by = clause.speaker if act == "question" else "" if clause.speaker != asked_by else asked_by
        acts.append(act)
    return acts


def _act(clause: Clause, asked_by: str) -> Act:
    text, words = clause.text, clause.words

    def holds(name: str) -> bool:
        return bool(_INDEXES[name].best(text, words)[0])

    if clause.place < 0.25 and holds("greeting"):
        return "greeting"
    if clause.place > 0.6 and holds("closing"):
        return "closing"
    if clause.speaker == "customer" and holds("request"):
        return "request"
    if clause.question:
        return "offer" if clause.speaker != "customer" and holds("offer") else "question"
    if holds("refusal"):
        return "refusal"
    if is_promise(clause):
        return "promise"
    if clause.speaker != "customer" and holds("offer"):
        return "offer"
    if clause.speaker != "customer" and _REPORT.best(text, words)[0] >= 2:
        return "report"
    if len(words.norms) <= _SHORT and holds("confirmation"):
        return "confirmation"
    return "answer" if asked_by and asked_by != clause.speaker else "statement"


def is_promise(clause: Clause) -> bool:
    """Whether somebody commits themselves, or a colleague, to something that is not done at once."""
    text, words = clause.text, clause.words
    if clause.question or not words.norms or words.norms[0] == "if":
        return False
    return bool(_INDEXES["promise"].best(text, words)[0]) and not _AT_ONCE.best(text, words)[0]
