"""What a language model has to do with history scored anew: nothing, unless somebody has seen what it takes.

A preview, and a run without consent, ask nobody: what the model said before to the same question stays, and what it
never answered is for people. A run with consent asks; where the model is not there, it stops, and goes on when it is
resumed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db.models import Prefetch
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


Known = Callable[[Part, Material], Mapping[str, Judged]]


def model_answers_before(revision: ScorecardRevision, conversation_ids: Collection[UUID]) -> Known:
    """What the model said of these conversations' parts before, to questions that are still the same.

    Three queries however many; none where no question is for a model.
    """
    asked = {one["key"]: one for one in revision.spec["criteria"] if one["method"] == MODEL}
    standing: dict[tuple[UUID, UUID | None], Evaluation] = {}
    if asked:
        answers = Answer.objects.filter(criterion_key__in=asked).exclude(judge="")
        rows = Evaluation.objects.filter(
            conversation__in=conversation_ids,
            kind=Evaluation.Kind.AUTOMATIC,
            revision__template=revision.template_id,
            replaced_at__isnull=True,
        ).prefetch_related("revision", Prefetch("answers", answers))
        # The newest of a part is the last.
        standing = {(one.conversation_id, one.agent_id): one for one in rows.order_by("created_at")}

    def known(part: Part, material: Material) -> Mapping[str, Judged]:
        row = standing.get((material.conversation_id, part.agent_id))
        if row is None:
            return {}
        before = {one["key"]: one for one in row.revision.spec["criteria"]}
        return {
            answer.criterion_key: checked(answer_judged(answer), material)
            for answer in row.answers.all()
            if answer.open_why != NOT_ASKED
            and _question(before[answer.criterion_key]) == _question(asked[answer.criterion_key])
        }

    return known


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


def model_cost(draft: Draft) -> dict[str, Any]:
    """What asking about one part would take, as the run's figures have it; {} where nobody is asked."""
    criteria = [one for one in draft.revision.spec["criteria"] if one["method"] == MODEL]
    reach = model_reach() if criteria and draft.material is not None else None
    if reach is None or draft.material is None:
        return {}
    requests, _long = requests_of(criteria, draft.material, reach.characters)
    tokens = [one.tokens for one in requests]
    given, told = sum(one[0] for one in tokens), sum(one[1] for one in tokens)
    return {
        "requests": len(requests),
        "tokens_in": given,
        "tokens_out": told,
        "cost": str(reach.cost(given, told)),
    }


def costs_added(some: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """Two such figures together; either may be {}."""
    if not some or not more:
        return dict(some or more)
    added = {name: some[name] + more[name] for name in ("requests", "tokens_in", "tokens_out")}
    return added | {"cost": str(Decimal(some["cost"]) + Decimal(more["cost"]))}
