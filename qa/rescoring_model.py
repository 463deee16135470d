"""What a language model has to do with history scored anew: nothing, unless somebody has seen what it takes.

A preview, and a run without consent, ask nobody: what the model said before to the same question stays, and what it
never answered is for people. A run with consent asks; where the model is not there, it stops, and goes on when it is
resumed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from qa.judging import MODEL, NOT_ASKED, Judged
from qa.judging.material import Material
from qa.judging.model import model_reach, requests_of
from qa.judging.quotes import checked
from qa.models import Answer, Evaluation, Rescore, ScorecardRevision
from qa.parts import Part
from qa.retries import answer_judged
from qa.scoring import Draft

Why = Answer.OpenWhy
# The next conversation would fare no better.
GONE = frozenset({Why.NO_MODEL, Why.OVER_BUDGET, Why.AWAY, Why.BUSY, Why.REFUSED, Why.UNSUPPORTED})
# This one keeps what it had.
UNREAD = frozenset({Why.SLOW, Why.BROKEN, Why.FAILED})
# What a question asks: as long as none of it changes, an answer to it stands.
ASKED = (
    *("question", "guideline", "good_example", "bad_example", "kind", "options", "low", "high"),
    *("allow_na", "expect", "said_by", "method"),
)
# A preview is as good as one a little later.
LATER = timedelta(hours=1)


class ModelGone(Exception):
    """The model is not there; in words for a page."""


class ModelUnread(Exception):
    """The model did not answer about this conversation."""


def model_consent_check(*, revision: ScorecardRevision, since: datetime, preview: bool) -> None:
    """Raises `ValidationError` unless somebody could know what asking the model takes."""
    if preview:
        raise ValidationError(
            {"with_model": _("A preview asks no language model: it says what asking it would take.")}
        )
    seen = Rescore.objects.filter(
        revision=revision, preview=True, state=Rescore.State.DONE, since__lte=since + LATER
    )
    if not seen.exists():
        raise ValidationError(
            {
                "with_model": _(
                    "Make a preview of this time first: it says how many requests the language model would get, "
                    "and what they cost."
                )
            }
        )


def model_answers_before(revision: ScorecardRevision, part: Part, material: Material) -> dict[str, Judged]:
    """What the model said about a part before, to questions that are still the same. Two queries, or none."""
    asked = {one["key"]: one for one in revision.spec["criteria"] if one["method"] == MODEL}
    if not asked:
        return {}
    standing = (
        Evaluation.objects.filter(
            conversation=material.conversation_id,
            agent=part.agent_id,
            kind=Evaluation.Kind.AUTOMATIC,
            revision__template=revision.template_id,
            replaced_at__isnull=True,
        )
        .select_related("revision")
        .order_by("-created_at")
        .first()
    )
    if standing is None:
        return {}
    before = {one["key"]: one for one in standing.revision.spec["criteria"]}
    return {
        answer.criterion_key: checked(answer_judged(answer), material)
        for answer in standing.answers.filter(criterion_key__in=asked).exclude(judge="")
        if answer.open_why != NOT_ASKED
        and _question(before[answer.criterion_key]) == _question(asked[answer.criterion_key])
    }


def _question(criterion: Mapping[str, Any]) -> list[Any]:
    return [criterion.get(name) for name in ASKED]


def model_answered_check(drafts: Iterable[Draft]) -> None:
    """Raises `ModelGone` or `ModelUnread` where a model that was to answer did not: what was there before stays."""
    for draft in drafts:
        whys = {one.open_why for one in draft.answers.values()}
        if gone := whys & GONE:
            raise ModelGone(str(Why(min(gone)).label))
        if unread := whys & UNREAD:
            raise ModelUnread(min(unread))


def model_cost_added(figures: Mapping[str, Any], draft: Draft) -> dict[str, Any]:
    """The run's figure of what asking would take, with one more part: `{"model": {...}}`; {} where nobody is asked."""
    criteria = [one for one in draft.revision.spec["criteria"] if one["method"] == MODEL]
    reach = model_reach() if criteria and draft.material is not None else None
    if reach is None or draft.material is None:
        return {}
    before = figures.get("model", {"requests": 0, "tokens_in": 0, "tokens_out": 0, "cost": "0"})
    requests, _long = requests_of(criteria, draft.material, reach.characters)
    tokens = [one.tokens for one in requests]
    given, told = sum(one[0] for one in tokens), sum(one[1] for one in tokens)
    return {
        "model": {
            "requests": before["requests"] + len(requests),
            "tokens_in": before["tokens_in"] + given,
            "tokens_out": before["tokens_out"] + told,
            "cost": str(Decimal(before["cost"]) + reach.cost(given, told)),
        }
    }
