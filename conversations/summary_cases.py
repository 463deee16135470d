"""Confirmed summaries as cases of the evaluation set: what prompts of the task `summary` are tried on.

A case is what a model would be given and the lines that the agent stood by, redacted, and a draft until an admin takes
it into use. People choose summaries for it; those that agents have corrected come by themselves, as the company's
settings say. It goes when the conversation's words go, and what is hidden later is hidden in it, too.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.errors import Conflict
from accounts.models import User
from conversations.consent import consent_now
from conversations.models import Purpose, Summary, SummaryCase, SummarySettings
from conversations.services import call_lock
from conversations.summary_writing import spoken_in
from engines.language.summary.grading import SECTIONS
from engines.language.summary.writing import SUMMARY, steered, wanted
from engines.language.tasks import transcript
from engines.redaction.text import RedactedText
from providers.language_services import OURS, case_save
from providers.models import EvaluationCase


def summary_case_make(*, summary: Summary, actor: User | None) -> EvaluationCase:
    """Take a confirmed summary into the evaluation set, as a draft; of one that is there its lines anew.

    Raises `Conflict` for one that nobody has confirmed, and where the customer does not agree that models may learn
    from the conversation.
    """
    variables, expectation = _contents(summary)
    with transaction.atomic():
        known = SummaryCase.objects.select_related("case").filter(conversation=summary.conversation).first()
        case = known.case if known else EvaluationCase(task=SUMMARY.name, active=False)
        case.variables, case.expectation = variables, expectation
        case.note = _("summary of conversation %(id)s") % {"id": summary.conversation_id}
        case_save(case=case, actor=actor)
        if known is None:
            SummaryCase.objects.create(conversation=summary.conversation, case=case)
    return case


def summary_case_feed(conversation_id: UUID) -> None:
    """Handler of the outbox: make a case of a summary that its agent has corrected, if the company wants that.

    Once a conversation, and not of words that are a case already. Where there are as many as there may be, the oldest
    draft makes room; if all of them are in use, none is made.
    """
    settings = SummarySettings.objects.first() or SummarySettings()
    summary = _corrected(conversation_id)
    if settings.edits == SummarySettings.Edits.OFF or summary is None:
        return
    try:
        variables, expectation = _contents(summary)
    except Conflict:
        return  # the customer does not agree
    cases = EvaluationCase.objects.filter(task=SUMMARY.name)
    with transaction.atomic():
        call_lock(conversation_id)
        same = cases.filter(variables__turns=variables["turns"], expectation=expectation)
        if SummaryCase.objects.filter(conversation=conversation_id).exists() or same.exists():
            return
        fed = cases.filter(source=EvaluationCase.Source.EDITS)
        surplus = max(0, fed.count() + 1 - settings.cases_most)
        oldest = fed.filter(active=False).order_by("created_at").values_list("pk", flat=True)[:surplus]
        if len(oldest) < surplus:
            return
        fed.filter(pk__in=list(oldest)).delete()
        case = EvaluationCase(
            task=SUMMARY.name,
            variables=variables,
            expectation=expectation,
            note=_("corrected summary of conversation %(id)s") % {"id": conversation_id},
            source=EvaluationCase.Source.EDITS,
            active=settings.edits == SummarySettings.Edits.USE,
        )
        case_save(case=case, actor=None)
        SummaryCase.objects.create(conversation_id=conversation_id, case=case)


def _corrected(conversation_id: UUID) -> Summary | None:
    """The conversation's summary, if it is confirmed, with all that a case takes."""
    rows = Summary.objects.select_related("template", "conversation").prefetch_related("lines")
    return rows.filter(conversation=conversation_id, state=Summary.State.CONFIRMED).first()


def _contents(summary: Summary) -> tuple[dict[str, Any], dict[str, Any]]:
    """What a model would be given, and the lines that the agent stood by. Raises as `summary_case_make` does."""
    if summary.state != Summary.State.CONFIRMED:
        raise Conflict(_("Only a confirmed summary says what a good one is."))
    conversation = summary.conversation
    if not consent_now(conversation)[Purpose.TRAIN]:
        raise Conflict(_("The customer has not agreed that models may learn from this conversation."))
    spoken, sections = spoken_in(conversation, with_moments=False), summary.sections
    left_out = steered(spoken.talk.lines)
    turns = transcript(
        (f"{line.sequence} {line.speaker}", RedactedText(line.text))
        for line in spoken.talk.lines
        if line.text.strip() and line.sequence not in left_out
    )
    kept = [line for line in summary.lines.all() if not line.removed]
    day, language = spoken.talk.day, spoken.talk.language
    variables: dict[str, Any] = {
        "turns": turns.text,
        "sections": {OURS: wanted(sections)},
        "day": {OURS: day.isoformat() if day else "an unknown day"},
        "language": {OURS: language or "the language of the conversation"},
    }
    expectation = {
        SECTIONS: {one.key: [line.text for line in kept if line.section == one.key] for one in sections}
    }
    return variables, expectation
