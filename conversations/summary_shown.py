"""A summary's lines and fields as events, API and webhooks show them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from conversations.models import SummaryLine
from engines.language.summary.template import Section, value_of

Payload = dict[str, Any]


def line_shown(line: SummaryLine, sections: Mapping[str, Section], labels: Mapping[str, str]) -> Payload:
    """One line. `value`: of a field, in its type; null of text, and where its words hold no value any more."""
    section = sections.get(line.section)
    is_value = section is not None and section.is_field and section.kind != "text"
    return {
        "id": str(line.pk),
        "section": line.section,
        "section_label": labels.get(line.section, line.section),
        "kind": section.kind if section else "lines",
        "text": line.text,
        "value": value_of(section, line.text) if section is not None and is_value else None,
        "who": line.who,
        "due_on": line.due_on.isoformat() if line.due_on else None,
        "original": line.original,
        "evidence": [str(one) for one in line.evidence],
        "removed": line.removed,
        "way": line.way,
    }


def fields_shown(lines: Iterable[SummaryLine], sections: Mapping[str, Section]) -> Payload:
    """The values of all fields by their keys, for other programs; null where a field has none."""
    values: Payload = {key: None for key, section in sections.items() if section.is_field}
    for line in lines:
        section = sections.get(line.section)
        if section is not None and section.is_field and not line.removed:
            values[line.section] = value_of(section, line.text)
    return values
