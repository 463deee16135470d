"""What a policy does to a sentence, and to the company's own last calls. Nothing of it is stored or logged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from accounts.throttle import Limit
from conversations.models import Conversation, Utterance
from conversations.redaction.policy import Policy, redaction_policy
from engines.redaction.context import Context
from engines.redaction.redactor import redactor_for
from engines.redaction.text import Span
from engines.redaction.vocabulary import PLACEHOLDER, chip_words

TEXT_MAX = 2_000
TRIES = Limit("redaction-try", times=60, seconds=60)
PREVIEWS = Limit("redaction-preview", times=10, seconds=60)  # each reads the last calls twice
CALLS = 20
UTTERANCES = 1_500
EXAMPLES = 3


def sentence_try(text: str, policy: Policy) -> dict[str, Any]:
    """Read `text` under `policy`: `{"text", "parts", "spans"}`.

    Spans are [start, end) of the text as given, with type, label, score (0 to 1), detector and reason.
    """
    redactor, context = redactor_for(policy.config), Context()
    findings = redactor.examine(text, context)
    types = policy.types
    redacted = redactor.redacted(text, findings, context).text
    return {
        "text": redacted,
        "parts": parts(redacted, types),
        "spans": [
            {
                "start": span.start,
                "end": span.end,
                "type": span.type,
                "label": types.get(span.type, span.type),
                "score": round(span.score, 3),
                "detector": span.detector,
                "reason": span.reason,
            }
            for span in findings.spans
        ],
    }


def parts(text: str, types: Mapping[str, str]) -> list[dict[str, str]]:
    """A redacted text as words and chips: `[{"words"} | {"chip"}]`."""
    found: list[dict[str, str]] = []
    cursor = 0
    for one in PLACEHOLDER.finditer(text):
        if one.start() > cursor:
            found.append({"words": text[cursor : one.start()]})
        found.append({"chip": chip_words(types.get(one[1], one[1].replace("_", " ").lower()), one[2])})
        cursor = one.end()
    if cursor < len(text):
        found.append({"words": text[cursor:]})
    return found


@dataclass
class More:
    """What would be hidden more of one type: how often, by which detectors and why, and sentences as they would be."""

    type: str
    label: str
    count: int = 0
    reasons: Counter[tuple[str, str]] = field(default_factory=Counter)
    examples: list[list[dict[str, str]]] = field(default_factory=list)


@dataclass
class Preview:
    """What the last calls would lose. `calls` and `sentences` were read."""

    calls: int
    sentences: int
    more: list[More]


def preview(policy: Policy) -> Preview:
    """Read the company's last calls, as they are kept, under `policy`; only what it hides beyond today's is told.

    What is hidden already is not kept anywhere, so that nothing can come back.
    """
    calls = list(
        Conversation.objects.filter(ended_at__isnull=False, words_erased_at__isnull=True)
        .order_by("-announced_at")
        .values_list("pk", flat=True)[:CALLS]
    )
    rows = Utterance.objects.filter(conversation__in=calls).exclude(text="")
    texts = list(rows.order_by("-conversation", "sequence").values_list("text", flat=True)[:UTTERANCES])
    before, after = redactor_for(redaction_policy().config), redactor_for(policy.config)
    context, types = Context(), policy.types
    found: dict[str, More] = {}
    for text in texts:
        spans = after.examine(text, context)
        new = _beyond(spans.spans, before.examine(text, context).spans if spans.spans else [])
        if not new:
            continue
        shown = parts(after.redacted(text, spans, context).text, types)
        for span in new:
            more = found.setdefault(span.type, More(span.type, types.get(span.type, span.type)))
            more.count += 1
            more.reasons[span.detector, span.reason] += 1
            if len(more.examples) < EXAMPLES and shown not in more.examples:
                more.examples.append(shown)
    return Preview(len(calls), len(texts), sorted(found.values(), key=lambda more: -more.count))


def _beyond(new: list[Span], known: list[Span]) -> list[Span]:
    return [span for span in new if not any(one.start < span.end and span.start < one.end for one in known)]
