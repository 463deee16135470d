"""Evaluations by people: begun, answered one by one, submitted; then acknowledged, disputed, resolved by agents' side.

    draft -> submitted -> acknowledged
                       -> disputed -> resolved

A draft keeps the revision that it was begun with, whatever is published meanwhile.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.errors import Conflict
from accounts.models import User
from accounts.services import audit
from conversations.models import Conversation
from conversations.redacted import redacted
from conversations.services import call_lock
from qa.answers import NA, OPEN, applying, score_of, total_of, value_checked
from qa.blind import BLIND, blind_to
from qa.calibrating import calibration_given
from qa.events import evaluation_rows
from qa.judging import Judged
from qa.judging.quotes import checked
from qa.materials import materials_of
from qa.models import Answer, Assignment, Dispute, Evaluation, ScorecardRevision, ScorecardTemplate
from qa.parts import segments_of
from qa.selectors import quality_settings, teams_then
from qa.services import answer_override, counting_choose, criteria_of, evaluation_tell, reason_checked

Kind, State = Evaluation.Kind, Evaluation.State

COMMENT_LENGTH = Answer._meta.get_field("comment").max_length or 500
OVERALL_LENGTH = Evaluation._meta.get_field("comment").max_length or 1000
EVIDENCE_MAX = 20
# What a page reports at once as time taken; a page that was left open is no work.
SPENT_MAX = 900


def evaluation_start(
    *,
    conversation: Conversation,
    template: ScorecardTemplate,
    user: User,
    agent_id: UUID | None = None,
    assignment: Assignment | None = None,
) -> Evaluation:
    """Begin to evaluate an agent's part of a conversation; who has begun already goes on with their draft.

    Without `agent_id` it is the part of who had the conversation last. Raises `Conflict` where it cannot be judged.
    """
    if conversation.is_live:
        raise Conflict(_("A conversation is evaluated when it has ended."))
    if conversation.words_erased_at is not None:
        raise Conflict(_("What was said is no longer kept, so that nobody can judge it."))
    kind = assignment.kind if assignment else Kind.PERSON
    if assignment is not None and assignment.calibration is not None:
        # All judge by the same one, whatever was published meanwhile.
        revision: ScorecardRevision | None = assignment.calibration.session.revision
    else:
        revision = template.revisions.order_by("-number").first() if template.active else None
    if revision is None:
        raise Conflict(_("This scorecard is not in use."))
    if kind not in BLIND and Conversation.objects.filter(blind_to(user, "pk"), pk=conversation.pk).exists():
        raise Conflict(_("You judge this conversation blind. Do that first."))
    agent_id = assignment.agent_id if assignment else agent_id or conversation.agent_id
    if agent_id is not None and agent_id == user.pk:
        raise Conflict(_("Nobody evaluates their own conversations."))
    parts = {part.agent_id: (part, material) for part, material in materials_of(conversation)}
    if agent_id not in parts:
        raise Conflict(_("This agent had no part in the conversation."))
    part, _material = parts[agent_id]
    team_id = teams_then(conversation.pk, [agent_id]).get(agent_id) if agent_id else None
    try:
        with transaction.atomic():
            call_lock(conversation.pk)
            if assignment is not None and kind == Kind.CALIBRATION:
                _scoring_goes_on(Assignment.objects.filter(pk=assignment.pk))
            own = Evaluation.objects.filter(
                conversation=conversation, agent=agent_id, evaluator=user, kind=kind, replaced_at__isnull=True
            )
            if assignment is not None and kind == Kind.CALIBRATION:
                own = own.filter(assignment=assignment)
            begun = own.filter(revision__template=template, state=State.DRAFT).first()
            if begun is not None:
                return evaluation_rows().get(pk=begun.pk)
            row = Evaluation.objects.create(
                conversation=conversation,
                revision=revision,
                agent_id=agent_id,
                team_id=team_id,
                kind=kind,
                state=State.DRAFT,
                evaluator=user,
                segments=segments_of(part),
                counts=False,
            )
            Answer.objects.bulk_create(_blank(row, kind))
            if assignment is not None:
                Assignment.objects.filter(pk=assignment.pk).update(assignee=user, evaluation=row)
            audit(actor=user, action="evaluation.start", thing=row)
    except IntegrityError:
        raise Conflict(_("You have evaluated this already.")) from None
    return evaluation_rows().get(pk=row.pk)


def _blank(row: Evaluation, kind: str) -> list[Answer]:
    """Answers that are open, with the automatic ones beside them, unless it is judged blind."""
    told: Mapping[str, Answer] = {}
    if kind not in BLIND:
        automatic = Evaluation.objects.filter(
            conversation=row.conversation_id,
            agent=row.agent_id,
            kind=Kind.AUTOMATIC,
            replaced_at__isnull=True,
        ).filter(revision__template=row.revision.template_id)
        told = {one.criterion_key: one for one in Answer.objects.filter(evaluation__in=automatic)}
    blank = []
    for position, criterion in enumerate(row.revision.spec["criteria"]):
        one = told.get(criterion["key"])
        blank.append(
            Answer(
                evaluation=row,
                criterion_key=criterion["key"],
                position=position,
                automatic=one.automatic if one else "",
                confidence=one.confidence if one else None,
                evidence=one.evidence if one else [],
                reason=one.reason if one else "",
                judge=one.judge if one else "",
            )
        )
    return blank


def answer_save(
    *,
    evaluation: Evaluation,
    user: User,
    key: str,
    value: str | None = None,
    comment: str | None = None,
    evidence: Sequence[Mapping[str, Any]] | None = None,
    spent_seconds: int = 0,
) -> Evaluation:
    """Write down one answer of one's draft; what is left out stays as it is. Criteria that no longer apply are N/A.

    `evidence`: list of {"utterance", "start", "end"}; it must be in the transcript. Raises `ValidationError`, and
    `Conflict` once it is submitted.
    """
    with transaction.atomic():
        row = _draft(evaluation, user)
        criterion = criteria_of(row).get(key)
        answers = {one.criterion_key: one for one in row.answers.all()}
        if criterion is None or key not in answers:
            raise ValidationError({"key": _("This scorecard has no such criterion.")})
        mine, before = answers[key], _applies(row, answers)
        if value is not None:
            mine.value = value_checked(criterion, redacted(value) if criterion["kind"] == "text" else value)
        if comment is not None:
            mine.comment = _words(comment, COMMENT_LENGTH, "comment")
        if evidence is not None:
            mine.evidence = _placed(row, evidence)
        _settle(row, answers, before)
        for one in answers.values():
            one.save(update_fields=["value", "score", "comment", "evidence"])
        row.spent_seconds += max(0, min(spent_seconds, SPENT_MAX))
        row.total, row.auto_failed = _total(row, answers)
        row.save(update_fields=["total", "auto_failed", "spent_seconds", "updated_at"])
    return evaluation_rows().get(pk=row.pk)


def _settle(row: Evaluation, answers: Mapping[str, Answer], before: AbstractSet[str] | None = None) -> None:
    """Have what does not apply be N/A. What did not apply `before` and does now is open again."""
    criteria = criteria_of(row)
    applies = _applies(row, answers)
    for key, one in answers.items():
        if key not in applies:
            one.value = NA
        elif before is not None and key not in before and one.value == NA:
            one.value = OPEN
        one.score = score_of(criteria[key], one.value)


def _applies(row: Evaluation, answers: Mapping[str, Answer]) -> set[str]:
    return applying(row.revision.spec["criteria"], {key: one.value for key, one in answers.items()})


def _total(row: Evaluation, answers: Mapping[str, Answer]) -> Any:
    criteria = criteria_of(row)
    return total_of((criteria[key], one.value) for key, one in answers.items())


def evaluation_submit(
    *, evaluation: Evaluation, user: User, comment: str = "", spent_seconds: int = 0
) -> Evaluation:
    """Hand in one's draft: its agent sees it from now on, and it counts. What is judged blind does neither.

    Raises `ValidationError` while something is not answered, and `Conflict` once it is submitted.
    """
    with transaction.atomic():
        call_lock(evaluation.conversation_id)
        row = _draft(evaluation, user)
        answers = {one.criterion_key: one for one in row.answers.all()}
        _settle(row, answers)
        criteria = criteria_of(row)
        missing = [
            criteria[key]["question"]
            for key, one in answers.items()
            if one.value == OPEN and criteria[key]["kind"] != "text"
        ]
        if missing:
            raise ValidationError(
                {"answers": _("Not answered yet: %(names)s.") % {"names": "; ".join(missing[:5])}}
            )
        for one in answers.values():
            one.save(update_fields=["value", "score"])
        now = timezone.now()
        row.total, row.auto_failed = _total(row, answers)
        row.comment = _words(comment, OVERALL_LENGTH, "comment")
        row.state, row.submitted_at = State.SUBMITTED, now
        row.spent_seconds += max(0, min(spent_seconds, SPENT_MAX))
        if row.kind == Kind.PERSON:
            row.released_at = now
        row.save()
        if row.kind == Kind.CALIBRATION:
            calibration_given(row.assignment)
        Assignment.objects.filter(evaluation=row).update(state=Assignment.State.DONE, done_at=now)
        entry = audit(actor=user, action="evaluation.submit", thing=row)
        if row.kind == Kind.PERSON:
            counting_choose(
                conversation_id=row.conversation_id,
                template_id=row.revision.template_id,
                agent_id=row.agent_id,
            )
            # Somebody has looked at it now.
            Evaluation.objects.filter(
                conversation=row.conversation_id,
                agent=row.agent_id,
                revision__template=row.revision.template_id,
            ).update(needs_person=False)
            return evaluation_tell(row, because=str(entry.pk))
    return evaluation_rows().get(pk=row.pk)


def evaluation_discard(*, evaluation: Evaluation, user: User) -> None:
    """Throw one's draft away; what it was assigned for is open again."""
    with transaction.atomic():
        row = _draft(evaluation, user)
        audit(actor=user, action="evaluation.discard", thing=row)
        row.delete()


def _draft(evaluation: Evaluation, user: User) -> Evaluation:
    row = (
        Evaluation.objects.select_for_update(of=("self",), no_key=True)
        .select_related("revision")
        .get(pk=evaluation.pk)
    )
    if row.state != State.DRAFT or row.evaluator_id != user.pk:
        raise Conflict(_("This evaluation is submitted already."))
    if row.kind == Kind.CALIBRATION:
        _scoring_goes_on(Assignment.objects.filter(evaluation=row))
    return row


def _scoring_goes_on(assignments: QuerySet[Assignment]) -> None:
    if not assignments.filter(state=Assignment.State.OPEN).exists():
        raise Conflict(_("Scoring is over in this calibration."))


def _words(text: str, most: int, field: str) -> str:
    words = redacted(text)
    if len(words) > most:
        raise ValidationError({field: _("At most %(count)d characters.") % {"count": most}})
    return words


def _placed(row: Evaluation, evidence: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Evidence with its time, checked against the words of the agent's part."""
    if len(evidence) > EVIDENCE_MAX:
        raise ValidationError({"evidence": _("At most %(n)d places.") % {"n": EVIDENCE_MAX}})
    if not evidence:
        return []
    materials = {part.agent_id: material for part, material in materials_of(row.conversation)}
    material = materials.get(row.agent_id)
    starts = {str(turn.id): turn.start_ms for turn in material.turns} if material else {}
    places = [
        {name: one[name] for name in ("utterance", "start", "end")}
        | {"at_ms": starts.get(str(one["utterance"]), 0)}
        for one in ({**each, "utterance": str(each["utterance"])} for each in evidence)
    ]
    if material is None or checked(Judged(NA, places), material).value != NA:
        raise ValidationError(
            {"evidence": _("These words are not in this agent’s part of the conversation.")}
        )
    return places


# --- What the agent says to it --------------------------------------------------------------------------


def evaluation_acknowledge(*, evaluation: Evaluation, user: User) -> Evaluation:
    """The agent has read it. Raises `Conflict` for what is not theirs to acknowledge."""
    with transaction.atomic():
        row = _shown(evaluation, user)
        if row.state == State.SUBMITTED:
            row.state, row.acknowledged_at = State.ACKNOWLEDGED, timezone.now()
            row.save(update_fields=["state", "acknowledged_at", "updated_at"])
            audit(actor=user, action="evaluation.acknowledge", thing=row)
    return evaluation_rows().get(pk=row.pk)


def evaluation_dispute(
    *, evaluation: Evaluation, user: User, reason: str, answer_id: UUID | None = None
) -> Dispute:
    """The agent objects, to one answer or to the score as a whole. Raises `ValidationError` and `Conflict`."""
    words = reason_checked(reason)
    settings, now = quality_settings(), timezone.now()
    with transaction.atomic():
        row = _shown(evaluation, user)
        if row.state not in {State.SUBMITTED, State.ACKNOWLEDGED}:
            raise Conflict(_("This score was disputed already."))
        if row.released_at is None or now > row.released_at + timedelta(days=settings.dispute_days):
            raise Conflict(
                _("A score can be disputed for %(days)d days, which are over.")
                % {"days": settings.dispute_days}
            )
        answer = row.answers.filter(pk=answer_id).first() if answer_id else None
        if answer_id and answer is None:
            raise ValidationError({"answer": _("There is no such answer in this score.")})
        row.state = State.DISPUTED
        row.save(update_fields=["state", "updated_at"])
        dispute = Dispute.objects.create(
            evaluation=row,
            answer=answer,
            raised_by=user,
            reason=words,
            due_at=now + timedelta(days=settings.resolve_days),
        )
        audit(actor=user, action="evaluation.dispute", thing=row)
        evaluation_tell(row, because=str(dispute.pk))
    return dispute


def dispute_resolve(
    *, dispute: Dispute, user: User, accept: bool, reason: str, value: str | None = None
) -> Evaluation:
    """Decide a dispute, with a reason for the agent. Accepted with a `value`, the disputed answer becomes that.

    Raises `ValidationError`, and `Conflict` once it is resolved.
    """
    words = reason_checked(reason)
    with transaction.atomic():
        call_lock(dispute.evaluation.conversation_id)
        row = (
            Dispute.objects.select_for_update(of=("self",))
            .select_related("evaluation", "answer")
            .get(pk=dispute.pk)
        )
        if row.resolved_at is not None:
            raise Conflict(_("This dispute is resolved already."))
        if row.evaluation.agent_id == user.pk:
            raise Conflict(_("Nobody decides on their own score."))
        if accept and row.answer is not None:
            if value is None:
                raise ValidationError({"value": _("Say which answer is right.")})
            answer_override(answer=row.answer, user=user, value=value, reason=words)
        row.accepted, row.resolution = accept, words
        row.resolved_by, row.resolved_at = user, timezone.now()
        row.save(update_fields=["accepted", "resolution", "resolved_by", "resolved_at"])
        Evaluation.objects.filter(pk=row.evaluation_id).update(
            state=State.RESOLVED, updated_at=timezone.now()
        )
        entry = audit(
            actor=user, action="evaluation.resolve", thing=row.evaluation, changes={"accepted": accept}
        )
        return evaluation_tell(Evaluation.objects.get(pk=row.evaluation_id), because=str(entry.pk))


def _shown(evaluation: Evaluation, user: User) -> Evaluation:
    """Lock a score that was released to this agent."""
    call_lock(evaluation.conversation_id)
    row = Evaluation.objects.select_for_update(of=("self",), no_key=True).get(pk=evaluation.pk)
    if row.agent_id != user.pk or row.released_at is None or row.replaced_at is not None:
        raise Conflict(_("Only whose score it is says something to it."))
    return row
