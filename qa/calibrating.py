"""Calibrations: who judges what blind, when scoring is over, what is agreed to be right, and when it is done.

    planned -> open -> discussion -> closed        (planned, open -> cancelled)

Scoring is over when everybody has submitted, or when whoever leads says so; what is not submitted then counts as not
given. An evaluation under way keeps the session's revision, whatever is published meanwhile.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.errors import Conflict
from accounts.models import User
from accounts.services import audit
from conversations.models import Conversation
from conversations.redacted import redacted
from qa.answers import OPEN, value_checked
from qa.calibration_ratings import Rated, ratings_of
from qa.materials import materials_of
from qa.models import (
    Assignment,
    CalibrationCall,
    CalibrationReference,
    CalibrationSession,
    Evaluation,
    ScorecardTemplate,
)
from qa.work import evaluator_checked

Kind, State, How = Evaluation.Kind, CalibrationSession.State, CalibrationReference.How

CALLS_MAX = 10
RATERS_MAX = 20
REASON_LENGTH = CalibrationReference._meta.get_field("reason").max_length or 300


def calibration_create(
    *,
    name: str,
    template: ScorecardTemplate,
    calls: Sequence[tuple[Conversation, UUID | None]],
    participants: Sequence[User],
    leader: User,
    actor: User,
    reference_rater: User | None = None,
    due_at: datetime | None = None,
) -> CalibrationSession:
    """Plan one by the scorecard's newest revision. `calls`: (conversation, whose part; none: who had it last).

    Raises `ValidationError` for calls that cannot be judged and for people who may not, and `Conflict` for a scorecard
    that is not in use.
    """
    revision = template.revisions.order_by("-number").first()
    if revision is None or not template.active:
        raise Conflict(_("This scorecard is not in use."))
    parts = [(one, agent_id or one.agent_id) for one, agent_id in calls]
    if not parts:
        raise ValidationError({"calls": _("Name at least one call.")})
    if len(parts) > CALLS_MAX:
        raise ValidationError({"calls": _("At most %(n)d calls.") % {"n": CALLS_MAX}})
    if len({(one.pk, agent_id) for one, agent_id in parts}) < len(parts):
        raise ValidationError({"calls": _("A call is named twice.")})
    for conversation, agent_id in parts:
        _call_checked(conversation, agent_id)
        evaluator_checked(leader, conversation, agent_id, field="leader")
    if reference_rater is not None and reference_rater not in participants:
        raise ValidationError({"reference_rater": _("The reference is one of those who rate.")})
    session = CalibrationSession(
        name=redacted(name), revision=revision, leader=leader, reference_rater=reference_rater, due_at=due_at
    )
    session.full_clean(exclude=["revision", "leader", "reference_rater"])
    with transaction.atomic():
        session.save()
        CalibrationCall.objects.bulk_create(
            CalibrationCall(session=session, conversation=one, agent_id=agent_id, position=position)
            for position, (one, agent_id) in enumerate(parts)
        )
        _add(session, participants)
        audit(actor=actor, action="calibration.create", thing=session)
    return session


def _call_checked(conversation: Conversation, agent_id: UUID | None) -> None:
    if conversation.is_live:
        raise ValidationError({"calls": _("A conversation is evaluated when it has ended.")})
    if conversation.words_erased_at is not None:
        raise ValidationError({"calls": _("What was said is no longer kept, so that nobody can judge it.")})
    if agent_id not in {part.agent_id for part, _material in materials_of(conversation)}:
        raise ValidationError({"calls": _("This agent had no part in the conversation.")})


def calibration_people(
    *, session: CalibrationSession, actor: User, add: Sequence[User] = (), remove: Sequence[User] = ()
) -> CalibrationSession:
    """Have more or fewer people take part, until scoring is over. Who comes back goes on where they were.

    What somebody has submitted counts no longer once they are removed. Raises `ValidationError` and `Conflict`.
    """
    with transaction.atomic():
        row = _locked(session, State.PLANNED, State.OPEN)
        row.participants.remove(*remove)
        if row.reference_rater in remove:
            row.reference_rater = None
            row.save(update_fields=["reference_rater"])
        Assignment.objects.filter(
            calibration__session=row, assignee__in=remove, state=Assignment.State.OPEN
        ).update(state=Assignment.State.DROPPED, done_at=timezone.now())
        _add(row, add)
        if row.state == State.OPEN:
            _hand_out(row, actor)
            _over_if_all_have(row)
        changes = {"added": [str(one.pk) for one in add], "removed": [str(one.pk) for one in remove]}
        audit(actor=actor, action="calibration.people", thing=row, changes=changes)
    return row


def _add(session: CalibrationSession, people: Sequence[User]) -> None:
    template = session.revision.template_id
    for call in session.calls.select_related("conversation"):
        for one in people:
            evaluator_checked(one, call.conversation, call.agent_id, field="participants")
            judged = Evaluation.objects.filter(
                conversation=call.conversation_id,
                agent=call.agent_id,
                revision__template=template,
                evaluator=one,
                kind__in=[Kind.PERSON, Kind.SECOND],
                replaced_at__isnull=True,
            )
            if judged.exists():
                raise ValidationError(
                    {
                        "participants": _("%(name)s has evaluated this call before, and is not blind to it.")
                        % {"name": one.name}
                    }
                )
    session.participants.add(*people)
    if session.participants.count() > RATERS_MAX:
        raise ValidationError({"participants": _("At most %(n)d people.") % {"n": RATERS_MAX}})


def calibration_open(*, session: CalibrationSession, actor: User) -> CalibrationSession:
    """Have everybody score: each call stands on their list. Raises `Conflict` with fewer than two people."""
    with transaction.atomic():
        row = _locked(session, State.PLANNED)
        if row.participants.count() < 2:
            raise Conflict(_("A calibration takes two people or more."))
        row.state, row.opened_at = State.OPEN, timezone.now()
        row.save(update_fields=["state", "opened_at"])
        _hand_out(row, actor)
        audit(actor=actor, action="calibration.open", thing=row)
    return row


def _hand_out(session: CalibrationSession, actor: User) -> None:
    """Put each call on each participant's list, once; what was taken off is there again."""
    calls = list(session.calls.all())
    people = list(session.participants.all())
    Assignment.objects.filter(
        calibration__in=calls, assignee__in=people, state=Assignment.State.DROPPED
    ).update(state=Assignment.State.OPEN, done_at=None)
    Assignment.objects.bulk_create(
        (
            Assignment(
                conversation_id=call.conversation_id,
                template_id=session.revision.template_id,
                agent_id=call.agent_id,
                assignee=one,
                kind=Kind.CALIBRATION,
                calibration=call,
                why=session.name,
                assigned_by=actor,
                due_at=session.due_at,
            )
            for call in calls
            for one in people
        ),
        ignore_conflicts=True,
    )


def calibration_given(assignment: Assignment) -> None:
    """Somebody submits what they were to score. In that transaction; raises `Conflict` once scoring is over."""
    if assignment.calibration is None:
        return
    session = _locked(assignment.calibration.session, State.OPEN)
    now = timezone.now()
    done = Assignment.objects.filter(pk=assignment.pk, state=Assignment.State.OPEN).update(
        state=Assignment.State.DONE, done_at=now
    )
    if not done:
        raise Conflict(_("Scoring is over in this calibration."))
    _over_if_all_have(session)


def _over_if_all_have(session: CalibrationSession) -> None:
    mine = Assignment.objects.filter(
        calibration__session=session, assignee__in=session.participants.values("pk")
    )
    if (
        mine.filter(state=Assignment.State.DONE).exists()
        and not mine.filter(state=Assignment.State.OPEN).exists()
    ):
        _scoring_over(session)


def calibration_scoring_close(*, session: CalibrationSession, actor: User) -> CalibrationSession:
    """End the scoring: what is not submitted counts as not given. Raises `Conflict` while nobody has submitted."""
    with transaction.atomic():
        row = _locked(session, State.OPEN)
        given = Assignment.objects.filter(
            calibration__session=row,
            assignee__in=row.participants.values("pk"),
            state=Assignment.State.DONE,
        )
        if not given.exists():
            raise Conflict(_("Nobody has submitted anything yet. It can be cancelled."))
        _scoring_over(row)
        audit(actor=actor, action="calibration.scoring_close", thing=row)
    return row


def _scoring_over(session: CalibrationSession) -> None:
    """Let the answers be compared, and the automatic ones as they are now."""
    now = timezone.now()
    _drop(session, now)
    for call in session.calls.all():
        call.automatic = (
            Evaluation.objects.filter(
                conversation=call.conversation_id,
                agent=call.agent_id,
                revision__template=session.revision.template_id,
                kind=Kind.AUTOMATIC,
                unscored="",
                replaced_at__isnull=True,
            )
            .order_by("-created_at")
            .first()
        )
        call.save(update_fields=["automatic"])
    session.state, session.scored_at = State.DISCUSSION, now
    session.save(update_fields=["state", "scored_at"])


def _drop(session: CalibrationSession, now: datetime) -> None:
    open_ones = Assignment.objects.filter(calibration__session=session, state=Assignment.State.OPEN)
    open_ones.update(state=Assignment.State.DROPPED, done_at=now)


def calibration_cancel(*, session: CalibrationSession, actor: User) -> CalibrationSession:
    """Call it off before scoring is over; it leaves no figure."""
    with transaction.atomic():
        row = _locked(session, State.PLANNED, State.OPEN)
        _drop(row, timezone.now())
        row.state = State.CANCELLED
        row.save(update_fields=["state"])
        audit(actor=actor, action="calibration.cancel", thing=row)
    return row


def reference_agree(
    *, session: CalibrationSession, call: CalibrationCall, key: str, value: str, reason: str, actor: User
) -> CalibrationReference:
    """Write down what was agreed to be the right answer to a criterion in a call, and why. May be said anew.

    Raises `ValidationError` for an answer that there cannot be, and `Conflict` outside the discussion.
    """
    words = decision_reason(reason)
    with transaction.atomic():
        row = _locked(session, State.DISCUSSION)
        specs = {one["key"]: one for one in row.revision.spec["criteria"] if one["kind"] != "text"}
        if key not in specs or call.session_id != row.pk:
            raise ValidationError({"criterion": _("This calibration has no such criterion.")})
        given = value_checked(specs[key], value)
        if given == OPEN:
            raise ValidationError({"value": _("Give an answer.")})
        agreed, _made = CalibrationReference.objects.update_or_create(
            call=call,
            criterion_key=key,
            defaults={"value": given, "how": How.AGREED, "reason": words, "decided_by": actor},
        )
        audit(
            actor=actor,
            action="calibration.agree",
            thing=row,
            changes={"call": str(call.pk), "criterion": key, "to": given},
        )
    return agreed


def decision_reason(reason: str) -> str:
    """A reason as it is stored, redacted. Raises `ValidationError` where there is none, or too much."""
    words = redacted(reason)
    if not words:
        raise ValidationError({"reason": _("Say why.")})
    if len(words) > REASON_LENGTH:
        raise ValidationError(
            {"reason": _("A reason has at most %(count)d characters.") % {"count": REASON_LENGTH}}
        )
    return words


def calibration_close(*, session: CalibrationSession, actor: User) -> CalibrationSession:
    """End the discussion: from now on it counts in the figures of agreement, and nothing of it changes.

    Raises `Conflict` while there is a criterion without a reference.
    """
    with transaction.atomic():
        row = _locked(session, State.DISCUSSION)
        (rated,) = ratings_of([row])
        if missing := _questions(rated):
            raise Conflict(_("Not agreed on yet: %(names)s.") % {"names": "; ".join(missing[:5])})
        CalibrationReference.objects.bulk_create(
            (
                CalibrationReference(
                    call_id=call, criterion_key=key, value=one.value, how=one.how, decided_by_id=one.by
                )
                for (call, key), one in rated.reference.items()
                if one.how != How.AGREED
            ),
            ignore_conflicts=True,
        )
        row.state, row.closed_at = State.CLOSED, timezone.now()
        row.save(update_fields=["state", "closed_at"])
        audit(actor=actor, action="calibration.close", thing=row)
    return row


def _questions(rated: Rated) -> list[str]:
    keys = {key for _call, key in rated.open_places()}
    return [one["question"] for key, one in rated.asked.items() if key in keys]


def _locked(session: CalibrationSession, *states: str) -> CalibrationSession:
    """Take a session within a transaction, after the calls' own rows if those are taken. Raises `Conflict`."""
    row = (
        CalibrationSession.objects.select_for_update(of=("self",))
        .select_related("revision", "reference_rater")
        .get(pk=session.pk)
    )
    if row.state not in states:
        raise Conflict(_("This calibration is %(state)s.") % {"state": row.get_state_display()})
    return row
