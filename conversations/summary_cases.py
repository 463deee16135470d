"""Confirmed summaries as cases of the evaluation set: what prompts of the task `summary` are tried on.

A case is what a model would be given and the lines that the agent stood by, redacted, and a draft until an admin takes
it into use. It goes when the conversation's words go, and what is hidden later is hidden in it, too.
"""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.errors import Conflict
from accounts.models import User
from conversations.consent import consent_now
from conversations.models import Purpose, Summary, SummaryCase
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
    with transaction.atomic():
        known = SummaryCase.objects.select_related("case").filter(conversation=conversation).first()
        case = known.case if known else EvaluationCase(task=SUMMARY.name, active=False)
        case.variables, case.expectation = variables, expectation
        case.note = _("summary of conversation %(id)s") % {"id": conversation.pk}
        case_save(case=case, actor=actor)
        if known is None:
            SummaryCase.objects.create(conversation=conversation, case=case)
    return case
