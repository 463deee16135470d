"""What saving a moment would say, and whether a sentence is heard: for who is writing it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from django.core.exceptions import NON_FIELD_ERRORS, ValidationError

from conversations.redaction.policy import redaction_config
from engines.redaction.redactor import redact
from engines.redaction.text import RawText
from engines.rules import Heard, MomentEngine, check
from moments.asking import question_notes, questions_try
from moments.languages import notes_for, other_languages
from moments.meaning import meaning_learn, meaning_try
from moments.models import MomentDefinition
from moments.services import engine_spec, moment_check, spec_of


@dataclass(frozen=True, slots=True)
class Looked:
    """Complaints by field, and whether a sentence was heard (None: one sentence cannot show it), where, which names.

    `notes`: what it cannot do in languages that the company's calls are in, too, or why no model answers it.
    """

    complaints: dict[str, list[str]] = field(default_factory=dict)
    heard: bool | None = None
    spans: tuple[tuple[int, int], ...] = ()
    names: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def moment_look(*, definition: MomentDefinition, text: str | None = None) -> Looked:
    """Check a definition as it stands, and try it on `text` where it could run at all. Nothing is written."""
    if definition.kind == MomentDefinition.Kind.QUESTION:
        return _question_looked(definition, text)
    notes = tuple(notes_for(definition.kind, definition.entity, other_languages()))
    return replace(_looked(definition, text), notes=notes)


def _question_looked(definition: MomentDefinition, text: str | None) -> Looked:
    """As for the other kinds; a sentence is asked about only where the question could be kept."""
    looked = _looked(definition, None)
    if text is None or looked.complaints:
        return replace(looked, notes=tuple(question_notes()))
    spec = engine_spec(spec_of(definition))
    hidden = redact(RawText(text), redaction_config()).text
    speaker = "customer" if spec.speaker == "any" else spec.speaker
    tried = questions_try([spec], [Heard(1, speaker, 0, 0, hidden)])
    if tried.fault and not tried.found:
        return replace(looked, notes=(tried.fault,))
    spans = tuple(span for one in tried.found.get(1, ()) for span in one.spans)
    # Of words that were hidden before they were sent the places are others.
    return replace(
        looked, heard=bool(tried.found), spans=spans if hidden == text else ((0, len(text)),) if spans else ()
    )


def _looked(definition: MomentDefinition, text: str | None) -> Looked:
    complaints: dict[str, list[str]] = {}
    try:
        definition.full_clean()
        moment_check(definition=definition)
    except ValidationError as error:
        complaints = (
            error.message_dict if hasattr(error, "error_dict") else {NON_FIELD_ERRORS: error.messages}
        )
    if text is None:
        return Looked(complaints)
    if definition.kind == MomentDefinition.Kind.EXAMPLES:
        try:
            learned = meaning_learn(definition.examples, definition.counter_examples)
        except ValidationError:
            return Looked(complaints)
        tried = meaning_try(learned=learned, text=text, least_score=definition.least_score)
        return Looked(complaints, tried.heard)
    spec = engine_spec(spec_of(definition))
    if spec.kind not in {"phrase", "pattern", "entity"} or check(spec):
        return Looked(complaints)
    speaker = "customer" if spec.speaker == "any" else spec.speaker
    found = MomentEngine([spec]).look(Heard(0, speaker, 0, 0, text))
    spans = tuple(span for one in found for span in one.spans)
    names = tuple(dict.fromkeys(name for one in found for name in one.names))
    return Looked(complaints, bool(found), spans, names)
