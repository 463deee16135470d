"""What was expected of the agent in a conversation, for its page."""

from __future__ import annotations

from dataclasses import dataclass

from django import template

from coaching.behaviours import score_of
from coaching.models import BehaviourOutcome
from conversations.review import Review
from engines.rules.explain import fill, quote

register = template.Library()


@dataclass(frozen=True, slots=True)
class Expected:
    """The outcomes of one conversation in their order, each with its reason in words, and the score of them all."""

    rows: list[tuple[BehaviourOutcome, str]]

    @property
    def done(self) -> int:
        return sum(row.result == BehaviourOutcome.Result.DONE for row, _reason in self.rows)

    @property
    def score(self) -> float | None:
        weights = [(row.weight, row.result == BehaviourOutcome.Result.DONE) for row, _reason in self.rows]
        done = sum(weight for weight, is_done in weights if is_done)
        return score_of({"expected_weight": sum(weight for weight, _done in weights), "done_weight": done})


@register.simple_tag
def behaviours_in(review: Review) -> Expected:
    """What was expected in a conversation that somebody reads. One query."""
    rows = BehaviourOutcome.objects.filter(conversation=review.conversation)
    rows = rows.select_related("revision__policy").defer(
        "revision__document", "revision__names", "revision__policy__draft"
    )
    texts = {str(one["id"]): one["text"] for one in review.spoken}
    return Expected([(row, _reason(row, texts)) for row in rows.order_by("at_ms", "id")])


def _reason(row: BehaviourOutcome, texts: dict[str, str]) -> str:
    place = row.evidence[0] if row.evidence else None
    text = texts.get(place["utterance"], "") if place else ""
    return fill(row.reason, quote(text, ((place["start"], place["end"]),)) if place and text else "")
