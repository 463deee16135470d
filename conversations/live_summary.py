"""The summary of a conversation so far: for who takes it over, and for supervisors.

Reckoned when somebody asks, from what is stored, so that the live way has no part in it; kept for a minute under the
head of the conversation's events, which moves with every word that is said or hidden.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.core.cache import cache
from django.utils.safestring import mark_safe

from conversations import events
from conversations.models import Conversation
from conversations.redacted import redacted
from conversations.redaction.labels import Labels
from conversations.summary_templates import sections_of, sections_shown, template_for
from conversations.summary_writing import lines_drafted, spoken_in
from engines.language.marking import words_html
from engines.language.summary.extracting import SummaryLine as Drafted
from engines.language.summary.filling import Talk, fill
from engines.language.summary.template import Section, value_of
from engines.language.summary.writing import SUMMARY, checked, form_of, variables
from engines.redaction.text import RedactedText
from providers.language import task_run

KEPT_SECONDS = 60
EXTRACTIVE, MODEL = "extractive", "model"
# Somebody waits for it.
WITHIN_S = 6.0

Payload = dict[str, Any]


def live_summary(conversation: Conversation, *, by_model: bool = False) -> Payload:
    """What a conversation comes to so far.

    `{"head", "way", "fault", "model", "dropped", "sections", "lines"}`; lines as in a summary, without ids. `way` is
    "extractive", also where a model was asked for and none answered: `fault` says why. Blocks for up to `WITHIN_S`
    seconds where a model is asked; not within a transaction then.
    """
    head = events.head_of(conversation.pk)
    revision = template_for(conversation)
    mark = f"{revision.pk if revision else 'house'}:{MODEL if by_model else EXTRACTIVE}"
    key = f"live-summary:{conversation.pk}:{head}:{mark}"
    known: Payload | None = cache.get(key)
    if known is not None:
        return known
    sections = sections_of(revision)
    spoken = spoken_in(conversation)
    told: Payload = {"way": EXTRACTIVE, "fault": "", "model": "", "dropped": 0}
    lines = [
        (one.section, one.text, one.evidence, one.who, one.due_on) for one in lines_drafted(spoken, sections)
    ]
    if by_model:
        told, found = _by_model(conversation, spoken.talk, sections)
        if found:
            lines = [
                (one.section, one.text, [str(spoken.ids[n]) for n in one.evidence], one.who, one.due)
                for one in found
            ]
    labels = {one["key"]: one["label"] for one in sections_shown(revision)}
    kinds = {one.key: one for one in sections}
    starts = {str(spoken.ids[one.sequence]): one.start_ms for one in spoken.talk.lines}
    shown: Payload = {
        "head": head,
        **told,
        "sections": sections_shown(revision),
        "lines": [
            {
                "section": section,
                "section_label": labels[section],
                "kind": kinds[section].kind,
                "text": text,
                "value": value_of(kinds[section], text)
                if kinds[section].kind not in {"lines", "text"}
                else None,
                "who": who,
                "due_on": due.isoformat() if due else None,
                "evidence": evidence,
                "at_ms": min((starts[one] for one in evidence if one in starts), default=None),
            }
            for section, text, evidence, who, due in lines
        ],
    }
    if not told["fault"]:
        cache.set(key, shown, KEPT_SECONDS)
    return shown


def so_far(conversation: Conversation) -> Payload:
    """The same as a page shows it, without a model: each line with its `html`, chips where something was hidden."""
    found, label = live_summary(conversation), Labels()
    lines = [
        {**line, "html": mark_safe(words_html(line["text"], label=label))}  # noqa: S308 escaped there
        for line in found["lines"]
    ]
    return {**found, "lines": lines}


def _by_model(
    conversation: Conversation, talk: Talk, sections: Sequence[Section]
) -> tuple[Payload, list[Drafted]]:
    """What a model makes of it, and how that went; no lines where it does not hold or did not come."""
    told: Payload = {"way": EXTRACTIVE, "fault": "", "model": "", "dropped": 0}
    said = [(line, RedactedText(line.text)) for line in talk.lines if line.text.strip()]
    if not said:
        return told, []
    outcome = task_run(
        SUMMARY,
        variables(said, sections, day=talk.day, language=talk.language),
        form=form_of(tuple(one.key for one in sections)),
        within_s=WITHIN_S,
        sticky=str(conversation.pk),
    )
    if outcome.value is None:
        return {**told, "fault": outcome.fault}, []
    extract = fill(talk, sections).lines
    result = checked(outcome.value, sections, talk.lines, extract, day=talk.day, redact=redacted)
    told["dropped"] = len(result.dropped)
    if not result.by_model:
        return {**told, "fault": "unsupported"}, []
    return {**told, "way": MODEL, "model": outcome.model}, [one.line for one in result.lines]
