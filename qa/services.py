"""Writes to quality: scorecards published as revisions, answers overridden by people, scores released to agents."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.errors import Conflict
from accounts.models import User
from accounts.services import audit
from conversations import news
from conversations.outbox import jobs_announce
from conversations.redacted import redacted
from conversations.services import call_lock, event_append
from qa.answers import OPEN, score_of, total_of, value_checked
from qa.events import evaluation_rows
from qa.models import Answer, Evaluation, ScorecardRevision, ScorecardTemplate
from qa.scorecards import scorecard_complaints, scorecard_spec
from qa.selectors import quality_settings, unsure

SCORED = "conversation.scored"
"""Outbox event: a conversation's scores were written or changed."""

REASON_LENGTH = Answer._meta.get_field("override_reason").max_length or 300


def scorecard_publish(*, template: ScorecardTemplate, actor: User | None) -> ScorecardRevision:
    """Score every conversation that ends from now on by the scorecard as it stands.

    Returns the revision; where nothing has changed since the last one, that. Raises `ValidationError` in plain words.
    """
    with transaction.atomic():
        template = ScorecardTemplate.objects.select_for_update().get(pk=template.pk)
        if complaints := scorecard_complaints(template):
            raise ValidationError(complaints)
        spec = scorecard_spec(template)
        newest = template.revisions.order_by("-number").first()
        if newest is not None and newest.spec == spec and template.active:
            return newest
        if newest is None or newest.spec != spec:
            number = 1 if newest is None else newest.number + 1
            newest = ScorecardRevision.objects.create(
                template=template, number=number, spec=spec, published_by=actor
            )
        template.active = True
        template.save(update_fields=["active", "updated_at"])
        audit(actor=actor, action="scorecard.publish", thing=template, changes={"revision": newest.number})
    return newest


def scorecard_retire(*, template: ScorecardTemplate, actor: User | None) -> None:
    """Score no further conversations by this scorecard; what was scored stays."""
    with transaction.atomic():
        if ScorecardTemplate.objects.filter(pk=template.pk, active=True).update(active=False):
            audit(actor=actor, action="scorecard.retire", thing=template)
        template.active = False


def answer_override(*, answer: Answer, user: User, value: str, reason: str) -> Evaluation:
    """Put a person's answer in place of the automatic one, which stays beside it; the total is reckoned anew.

    `reason` is required and stored redacted. Raises `ValidationError`.
    """
    words = reason_checked(reason)
    with transaction.atomic():
        call_lock(answer.evaluation.conversation_id)
        evaluation = (
            Evaluation.objects.select_for_update(of=("self",), no_key=True)
            .select_related("revision")
            .get(pk=answer.evaluation_id)
        )
        criterion = criteria_of(evaluation)[answer.criterion_key]
        given = value_checked(criterion, redacted(value) if criterion["kind"] == "text" else value)
        if given == OPEN:
            raise ValidationError({"value": _("Give an answer.")})
        answers = list(evaluation.answers.all())
        mine = next(one for one in answers if one.pk == answer.pk)
        before = mine.value
        mine.value, mine.score, mine.override_reason = given, score_of(criterion, given), words
        mine.overridden_by, mine.overridden_at = user, timezone.now()
        mine.save(update_fields=["value", "score", "override_reason", "overridden_by", "overridden_at"])
        total_write(evaluation, answers)
        # The reason may speak of the conversation; the log keeps who, what and when.
        told = {"from": before, "to": given} if criterion["kind"] != "text" else {}
        entry = audit(actor=user, action="answer.override", thing=mine, changes=told)
        return evaluation_tell(evaluation, because=str(entry.pk))


def reason_checked(reason: str) -> str:
    """A reason as it is stored, redacted. Raises `ValidationError` where there is none, or too much."""
    words = redacted(reason)
    if not words:
        raise ValidationError({"reason": _("Say why: the agent will read it.")})
    if len(words) > REASON_LENGTH:
        raise ValidationError(
            {"reason": _("A reason has at most %(count)d characters.") % {"count": REASON_LENGTH}}
        )
    return words


def evaluation_release(*, evaluation: Evaluation, user: User | None) -> Evaluation:
    """Show a score to its agent, unsure answers and all. Once it is shown, it stays so. Raises `Conflict` for none."""
    with transaction.atomic():
        call_lock(evaluation.conversation_id)
        row = Evaluation.objects.select_for_update(of=("self",), no_key=True).get(pk=evaluation.pk)
        if (
            row.replaced_at is not None
            or row.unscored
            or row.state == Evaluation.State.DRAFT
            or not row.counts
        ):
            raise Conflict(_("This is no score that could be shown."))
        if row.released_at is not None and not row.needs_person:
            return evaluation_rows().get(pk=row.pk)
        was_shown = row.released_at is not None
        row.released_at, row.needs_person = row.released_at or timezone.now(), False
        # Somebody has looked at what is open: no model fills it in behind their back.
        row.retry_at = None
        row.save(update_fields=["released_at", "needs_person", "retry_at", "updated_at"])
        audit(actor=user, action="evaluation.release", thing=row)
        return evaluation_rows().get(pk=row.pk) if was_shown else evaluation_tell(row)


def evaluation_tell(evaluation: Evaluation, *, because: str = "") -> Evaluation:
    """Tell whoever follows that an evaluation is another now; those outside only of what is released.

    In the transaction in which it changed. Returns it as it is shown.
    """
    row = evaluation_rows().get(pk=evaluation.pk)
    if row.released_at is not None:
        evaluation_shown_tell(row)
    if row.counts or because:
        jobs_announce(event=SCORED, conversation_id=row.conversation_id, because=because)
    return row


def evaluation_shown_tell(row: Evaluation) -> None:
    """Tell of one that its agent sees, as `evaluation_rows` has it: to whoever follows the call, and outside."""
    event_append(conversation_id=row.conversation_id, kind="score", row=row)
    news.tell(kind=news.EVALUATION_RELEASED, conversation_id=row.conversation_id, ref=row.pk)


def criteria_of(evaluation: Evaluation) -> dict[str, dict[str, Any]]:
    """The criteria of an evaluation's own revision, by key."""
    return {one["key"]: one for one in evaluation.revision.spec["criteria"]}


def total_write(evaluation: Evaluation, answers: Sequence[Answer]) -> Decimal | None:
    """Reckon total, auto-fail and whether somebody should look at it, from its answers."""
    criteria = criteria_of(evaluation)
    evaluation.total, evaluation.auto_failed = total_of(
        (criteria[one.criterion_key], one.value) for one in answers
    )
    if evaluation.needs_person:
        least = quality_settings().unsure_percent / 100
        evaluation.needs_person = any(unsure(criteria[one.criterion_key], one, least) for one in answers)
    evaluation.save(update_fields=["total", "auto_failed", "needs_person", "updated_at"])
    return evaluation.total


def counting_choose(*, conversation_id: UUID, template_id: UUID, agent_id: UUID | None) -> None:
    """Of an agent's evaluations by one scorecard let one count: the newest that a person submitted, or the automatic.

    In the transaction of what changed.
    """
    rows = Evaluation.objects.filter(
        conversation=conversation_id, revision__template=template_id, agent=agent_id, replaced_at__isnull=True
    ).exclude(kind__in=[Evaluation.Kind.SECOND, Evaluation.Kind.CALIBRATION])
    ready = [
        row
        for row in rows.exclude(state=Evaluation.State.DRAFT).order_by("created_at", "id")
        if not row.unscored
    ]
    people = [row for row in ready if row.kind == Evaluation.Kind.PERSON]
    chosen = [one.pk for one in (people or ready)[-1:]]
    rows.exclude(pk__in=chosen).filter(counts=True).update(counts=False)
    rows.filter(pk__in=chosen, counts=False).update(counts=True)
