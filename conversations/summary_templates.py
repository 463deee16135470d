"""Templates of summaries: written as drafts, checked, published in revisions; which one holds for a conversation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import OuterRef, Q, Subquery
from django.utils.translation import gettext as _

from accounts.models import Queue, User
from accounts.services import audit
from conversations.models import Conversation, SummarySection, SummaryTemplate, SummaryTemplateRevision
from engines.language.summary.template import DEFAULT, Section, problems_of, section_stored

FIELDS = ("key", "title", "instruction", "kind", "choices", "required", "source", "most")


def template_for(conversation: Conversation) -> SummaryTemplateRevision | None:
    """The revision that a conversation is summed up by: the nearest one in use; None is the house's. One query."""
    return _nearest(conversation.queue_id, conversation.channel)


def _nearest(queue_id: Any, channel: str) -> SummaryTemplateRevision | None:
    newest = SummaryTemplateRevision.objects.filter(template=OuterRef("template")).order_by("-number")
    rows = SummaryTemplateRevision.objects.select_related("template").filter(
        Q(template__queue=None) | Q(template__queue=queue_id),
        template__active=True,
        template__channel__in=("", channel),
        pk=Subquery(newest.values("pk")[:1]),
    )
    return max(
        rows, key=lambda row: (row.template.queue_id is not None, row.template.channel != ""), default=None
    )


def sections_of(revision: SummaryTemplateRevision | None) -> Sequence[Section]:
    """What a summary of this revision is made of."""
    return DEFAULT if revision is None else revision.sections


def titles(sections: Sequence[Section], *, is_own: bool) -> dict[str, str]:
    """The titles of sections by their keys; those of the house in the reader's language."""
    house = {
        "reason": _("Reason"),
        "done": _("What was done"),
        "outcome": _("Outcome"),
        "promises": _("Promises"),
        "next_steps": _("Next steps"),
    }
    return {one.key: one.title if is_own else house.get(one.key, one.title) for one in sections}


def sections_shown(revision: SummaryTemplateRevision | None) -> list[dict[str, Any]]:
    """The sections as desk, pages and API show them: key, label, kind, choices, instruction, required."""
    sections = sections_of(revision)
    labels = titles(sections, is_own=revision is not None)
    return [
        {
            "key": one.key,
            "label": labels[one.key],
            "kind": one.kind,
            "choices": list(one.options),
            "instruction": one.instruction if revision is not None else "",
            "required": one.required,
        }
        for one in sections
    ]


# --- Drafts ---------------------------------------------------------------------------------------------


def draft_sections(template: SummaryTemplate) -> list[Section]:
    """The sections of a template as they are edited."""
    return [_section(row) for row in template.sections.order_by("position", "pk")]


def _section(row: SummarySection) -> Section:
    given = {name: getattr(row, name) for name in FIELDS}
    choices = row.choices if isinstance(row.choices, list) else []
    return Section(**{**given, "choices": tuple(str(one) for one in choices)})


def template_spec(template: SummaryTemplate) -> dict[str, Any]:
    """What publishing would freeze."""
    return {"sections": [section_stored(one) for one in draft_sections(template)]}


def template_complaints(template: SummaryTemplate) -> list[str]:
    """What keeps a template from being published, a sentence each."""
    sections = draft_sections(template)
    found = [_complaint(number, problem, sections) for number, problem in problems_of(sections)]
    others = SummaryTemplate.objects.filter(
        active=True, queue=template.queue, channel=template.channel
    ).exclude(pk=template.pk)
    if other := others.first():
        found.append(
            _("“%(name)s” is in use for the same queue and channel. Retire it first.") % {"name": other.name}
        )
    return found


def _complaint(number: int | None, problem: str, sections: Sequence[Section]) -> str:
    whole = {
        "no sections": _("A summary needs at least one section."),
        "too many sections": _("A summary has at most 20 sections."),
    }
    if number is None:
        return whole[problem]
    name = sections[number].title or sections[number].key or str(number + 1)
    words = {
        "key": _("“%(name)s”: the key is made of small letters, digits and _, a letter first."),
        "key twice": _("“%(name)s”: another section has the same key."),
        "title": _("“%(name)s”: give it a title of at most 80 characters."),
        "instruction": _("“%(name)s”: the instruction has at most 400 characters."),
        "kind": _("“%(name)s”: there is no such kind of section."),
        "source": _("“%(name)s”: nothing of this name fills a section."),
        "source and kind": _("“%(name)s”: what fills it gives values of another kind."),
        "choices": _("“%(name)s”: a choice needs 2 to 30 different choices."),
        "choice": _("“%(name)s”: each choice has 1 to 80 characters."),
        "most": _("“%(name)s”: a section has 1 to 10 lines."),
    }
    return words[problem] % {"name": name}


def template_write(
    *, template: SummaryTemplate | None, document: dict[str, Any], actor: User | None
) -> SummaryTemplate:
    """Write a draft whole: `name`, `queue` (a `Queue` or None), `channel`, `sections`. Raises `ValidationError`."""
    row = template or SummaryTemplate()
    made = row._state.adding
    queue: Queue | None = document["queue"]
    row.name, row.queue, row.channel = document["name"], queue, document["channel"]
    row.full_clean()
    with transaction.atomic():
        if not made:
            SummaryTemplate.objects.select_for_update().get(pk=row.pk)
        row.save()
        row.sections.all().delete()
        for position, one in enumerate(document["sections"]):
            section = SummarySection(
                template=row, position=position, **{name: one[name] for name in FIELDS if name in one}
            )
            section.full_clean(exclude=["template"])
            section.save()
        action = "create" if made else "update"
        audit(actor=actor, action=f"summarytemplate.{action}", thing=row)
    return row


def template_publish(*, template: SummaryTemplate, actor: User | None) -> SummaryTemplateRevision:
    """Have summaries that are written from now on go by a template as it stands.

    Returns the revision; where nothing has changed since the last one, that. Raises `ValidationError` in sentences.
    """
    with transaction.atomic():
        row = SummaryTemplate.objects.select_for_update().get(pk=template.pk)
        if complaints := template_complaints(row):
            raise ValidationError(complaints)
        spec = template_spec(row)
        newest = row.revisions.order_by("-number").first()
        if newest is not None and newest.spec == spec and row.active:
            return newest
        if newest is None or newest.spec != spec:
            number = 1 if newest is None else newest.number + 1
            newest = SummaryTemplateRevision.objects.create(
                template=row, number=number, spec=spec, published_by=actor
            )
        row.active = True
        row.save(update_fields=["active", "updated_at"])
        audit(actor=actor, action="summarytemplate.publish", thing=row, changes={"revision": newest.number})
    template.active = True
    return newest


def template_retire(*, template: SummaryTemplate, actor: User | None) -> None:
    """Write no further summaries by a template; those that were stay as they are."""
    with transaction.atomic():
        if SummaryTemplate.objects.filter(pk=template.pk, active=True).update(active=False):
            audit(actor=actor, action="summarytemplate.retire", thing=template)
    template.active = False


def house_sections() -> list[dict[str, Any]]:
    """The sections of a company without templates, to begin a template with."""
    return [section_stored(one) for one in DEFAULT]
