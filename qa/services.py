"""Writes to quality: scorecards published as revisions, conversations judged by them, answers overridden by people."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.services import audit
from conversations import news
from conversations.models import Conversation, Utterance
from conversations.outbox import jobs_announce
from conversations.redacted import redacted
from conversations.services import call_lock, event_append
from moments.models import MomentOccurrence
from moments.selectors import keys_listened_for
from qa.events import evaluation_rows
from qa.judgement import Judged, judge, total_of
from qa.models import Answer, Criterion, Evaluation, ScorecardRevision, ScorecardTemplate
from qa.selectors import scoring_revisions

SCORED = "conversation.scored"
"""Outbox event: a conversation's scores were written or changed."""

REASON_LENGTH = Answer._meta.get_field("override_reason").max_length or 300


def criterion_spec(criterion: Criterion) -> dict[str, Any]:
    """Return a criterion as JSON; `key` stays the same over revisions. Moments are named by their keys."""
    missing = criterion.moment.expected if criterion.moment.expected_id else None
    after = criterion.applies_after
    return {
        "key": str(criterion.pk),
        "section": criterion.section,
        "question": criterion.question,
        "guideline": criterion.guideline,
        "weight": criterion.weight,
        "auto_fail": criterion.auto_fail,
        "expect": criterion.expect,
        "moment": criterion.moment.key,
        "moment_name": criterion.moment.name,
        # Of a moment that is the absence of another: what was said instead of missing is the evidence.
        "missing": missing.key if missing else None,
        "applies_after": after.key if after else None,
        "applies_after_name": after.name if after else None,
    }


def scorecard_spec(template: ScorecardTemplate) -> dict[str, Any]:
    """Return a scorecard as it stands: `{"name", "criteria": [...]}`, the criteria in their order."""
    rows = template.criteria.select_related("moment__expected", "applies_after").order_by("position", "id")
    return {"name": template.name, "criteria": [criterion_spec(row) for row in rows]}


def scorecard_complaints(template: ScorecardTemplate) -> list[str]:
    """Return what keeps a scorecard from being published, in words for who wrote it."""
    criteria = list(template.criteria.select_related("moment", "applies_after"))
    if not criteria:
        return [_("The scorecard has no criteria yet.")]
    complaints = []
    if not any(criterion.weight for criterion in criteria):
        complaints.append(
            _("Every weight is zero, so that there would be no total: give at least one criterion a weight.")
        )
    for criterion in criteria:
        for moment in (criterion.moment, criterion.applies_after):
            if moment is not None and not moment.active:
                complaints.append(
                    _("%(question)s: nothing listens for “%(moment)s”, because that moment is switched off.")
                    % {"question": criterion.question, "moment": moment.name}
                )
        if criterion.applies_after is not None and criterion.applies_after == criterion.moment:
            complaints.append(
                _("%(question)s: it asks for a moment after itself.") % {"question": criterion.question}
            )
    return complaints


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


def conversation_score(*, conversation_id: UUID) -> list[Evaluation]:
    """Judge an ended conversation by each scorecard in use, once each; returns what was newly judged.

    One in which nobody said a word gets no score.

    The answers follow from what was heard (`moments.MomentOccurrence`) alone; see `qa.judgement` for how.
    """
    with transaction.atomic():
        # One worker at a time.
        call_lock(conversation_id)
        conversation = Conversation.objects.select_for_update(no_key=True).filter(pk=conversation_id).first()
        if conversation is None or conversation.is_live:
            return []
        if not Utterance.objects.filter(conversation=conversation).exists():
            return []  # nothing was said: there is nothing to judge
        judged_by = set(
            Evaluation.objects.filter(conversation=conversation, evaluator__isnull=True).values_list(
                "revision__template_id", flat=True
            )
        )
        revisions = [row for row in scoring_revisions() if row.template_id not in judged_by]
        if not revisions:
            return []
        heard = list(
            MomentOccurrence.objects.filter(conversation=conversation)
            .select_related("definition")
            .order_by("at_ms", "id")
        )
        duration_ms = _duration_ms(conversation)
        listened = keys_listened_for(conversation_id)
        written = [
            _evaluation_write(conversation, revision, judge(revision.spec, heard, duration_ms, listened))
            for revision in revisions
        ]
        jobs_announce(event=SCORED, conversation_id=conversation_id)
    return written


def conversation_score_job(conversation_id: UUID) -> None:
    """Handler of the outbox."""
    conversation_score(conversation_id=conversation_id)


def answer_override(*, answer: Answer, user: User, value: str, reason: str) -> Evaluation:
    """Put a person's answer in place of the automatic one, which stays beside it; the total is reckoned anew.

    `reason` is required and stored redacted. Raises `ValidationError`.
    """
    words = redacted(reason)
    if value not in Answer.Value.values:
        raise ValidationError({"value": _("Answer yes, no or na.")})
    if not words:
        raise ValidationError({"reason": _("Say why: the agent will read it.")})
    if len(words) > REASON_LENGTH:
        raise ValidationError(
            {"reason": _("A reason has at most %(count)d characters.") % {"count": REASON_LENGTH}}
        )
    with transaction.atomic():
        call_lock(answer.evaluation.conversation_id)
        evaluation = (
            Evaluation.objects.select_for_update(of=("self",), no_key=True)
            .select_related("revision")
            .get(pk=answer.evaluation_id)
        )
        answers = list(evaluation.answers.all())
        mine = next(one for one in answers if one.pk == answer.pk)
        before = mine.value
        mine.value, mine.override_reason = value, words
        mine.overridden_by, mine.overridden_at = user, timezone.now()
        mine.save(update_fields=["value", "override_reason", "overridden_by", "overridden_at"])
        _total_write(evaluation, answers)
        # The reason may speak of the conversation; the log keeps who, what and when.
        entry = audit(actor=user, action="answer.override", thing=mine, changes={"from": before, "to": value})
        row = evaluation_rows().get(pk=evaluation.pk)
        event_append(conversation_id=row.conversation_id, kind="score", row=row)
        jobs_announce(event=SCORED, conversation_id=row.conversation_id, because=str(entry.pk))
        news.tell(kind=news.EVALUATION_RELEASED, conversation_id=row.conversation_id, ref=row.pk)
    return row


def _duration_ms(conversation: Conversation) -> int:
    """The stretch that a silence is judged over: to the end of what was said, or of the call if that was later."""
    said = (
        Utterance.objects.filter(conversation=conversation)
        .order_by("-end_ms")
        .values_list("end_ms", flat=True)
    )
    spoken_ms = said.first() or 0
    if conversation.started_at is None or conversation.ended_at is None:
        return spoken_ms
    return max(spoken_ms, round((conversation.ended_at - conversation.started_at).total_seconds() * 1000))


def _evaluation_write(
    conversation: Conversation, revision: ScorecardRevision, judged: Sequence[Judged]
) -> Evaluation:
    total, auto_failed = total_of((one.criterion, one.value) for one in judged)
    evaluation = Evaluation.objects.create(
        conversation=conversation, revision=revision, total=total, auto_failed=auto_failed
    )
    Answer.objects.bulk_create(
        Answer(
            evaluation=evaluation,
            criterion_key=one.criterion["key"],
            position=position,
            value=one.value,
            automatic=one.value,
            evidence=one.evidence,
        )
        for position, one in enumerate(judged)
    )
    row = evaluation_rows().get(pk=evaluation.pk)
    event_append(conversation_id=conversation.pk, kind="score", row=row)
    news.tell(kind=news.EVALUATION_RELEASED, conversation_id=conversation.pk, ref=row.pk)
    return row


def _total_write(evaluation: Evaluation, answers: Sequence[Answer]) -> Decimal | None:
    criteria = {criterion["key"]: criterion for criterion in evaluation.revision.spec["criteria"]}
    evaluation.total, evaluation.auto_failed = total_of(
        (criteria[one.criterion_key], one.value) for one in answers
    )
    evaluation.save(update_fields=["total", "auto_failed", "updated_at"])
    return evaluation.total
