"""Writes to moments: a definition is checked before it is kept, and each change of it makes a revision."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from accounts.models import User
from engines.language.moment_detection import MOST_QUESTIONS
from engines.rules import Heard, MomentEngine, MomentSpec, check, check_all
from engines.rules.entities import LISTED
from engines.rules.names import Named
from moments.meaning import meaning_learn, meaning_store
from moments.models import Classifier, MomentDefinition, MomentRevision
from moments.named import names_listed

START = "start"
EXAMPLES_MAX, EXAMPLE_LENGTH = 200, 300


def spec_of(definition: MomentDefinition) -> dict[str, Any]:
    """Return a definition as JSON for the engine: the fields of `engines.rules.MomentSpec` that its kind uses."""
    spec: dict[str, Any] = {
        "key": definition.key,
        "name": definition.name,
        "kind": definition.kind,
        "speaker": definition.speaker,
    }
    if definition.kind == MomentDefinition.Kind.PHRASE:
        spec["phrases"] = [phrase.strip() for phrase in definition.phrases if phrase.strip()]
        spec["reject_negated"] = definition.reject_negated
    elif definition.kind == MomentDefinition.Kind.PATTERN:
        spec["pattern"] = definition.pattern
        spec["reject_negated"] = definition.reject_negated
    elif definition.kind == MomentDefinition.Kind.ENTITY:
        spec["entity"] = definition.entity
        if definition.entity in LISTED:
            spec["names"] = names_listed(definition.entity)
    elif definition.kind == MomentDefinition.Kind.INTENT:
        spec["task"], spec["intent"] = definition.task, definition.intent
        spec["least_score"] = definition.least_score
    elif definition.kind == MomentDefinition.Kind.EXAMPLES:
        spec["examples"] = [one.strip() for one in definition.examples if one.strip()]
        spec["near_misses"] = [one.strip() for one in definition.counter_examples if one.strip()]
        spec["least_score"] = definition.least_score
    elif definition.kind == MomentDefinition.Kind.QUESTION:
        spec["question"] = " ".join(definition.question.split())
        spec["least_score"] = definition.least_score
    elif definition.kind == MomentDefinition.Kind.SENTIMENT:
        spec["mood"], spec["turns"], spec["limit"] = definition.mood, definition.turns, definition.limit
    elif definition.kind == MomentDefinition.Kind.METADATA:
        spec["speaker"] = MomentDefinition.Who.ANY
        spec["field"], spec["test"] = definition.field.strip(), definition.field_test
        if definition.field_test in (MomentDefinition.FieldTest.IS, MomentDefinition.FieldTest.IS_NOT):
            spec["values"] = [value.strip() for value in definition.values if value.strip()]
        elif definition.field_test != MomentDefinition.FieldTest.PRESENT:
            spec["limit"] = definition.limit
    else:
        seconds = definition.within_seconds
        spec["expected"] = definition.expected.key if definition.expected else None
        spec["after"] = definition.after.key if definition.after else START
        spec["within_ms"] = None if seconds is None else seconds * 1000
    return spec


def engine_spec(spec: dict[str, Any], *, revision_id: str = "") -> MomentSpec:
    """Return the engine's form of a stored spec."""
    return MomentSpec(
        key=spec["key"],
        name=spec["name"],
        revision_id=revision_id,
        kind=spec["kind"],
        speaker=spec["speaker"],
        phrases=tuple(spec.get("phrases", ())),
        pattern=spec.get("pattern"),
        entity=spec.get("entity", ""),
        names=tuple(
            Named(one["name"], tuple(one["spellings"]), one["exact"]) for one in spec.get("names", ())
        ),
        reject_negated=spec.get("reject_negated", True),
        expected=spec.get("expected"),
        after=spec.get("after", START),
        within_ms=spec.get("within_ms"),
        task=spec.get("task", ""),
        intent=spec.get("intent", ""),
        least_score=spec.get("least_score"),
        question=spec.get("question", ""),
        mood=spec.get("mood", ""),
        turns=spec.get("turns", 1),
        limit=spec.get("limit"),
        field=spec.get("field", ""),
        test=spec.get("test", ""),
        values=tuple(spec.get("values", ())),
    )


def moment_check(*, definition: MomentDefinition) -> None:
    """Raise `ValidationError`, in words for who wrote it, if the definition as it stands cannot be used."""
    if not isinstance(definition.phrases, list) or not all(
        isinstance(one, str) for one in definition.phrases
    ):
        raise ValidationError({"phrases": _("Give a list of phrases.")})
    if not isinstance(definition.values, list) or not all(isinstance(one, str) for one in definition.values):
        raise ValidationError({"values": _("Give a list of values.")})
    if unshown := examples_check(definition):
        raise ValidationError(unshown)
    others = MomentDefinition.objects.exclude(pk=definition.pk).select_related("expected", "after")
    before = MomentDefinition.objects.filter(pk=definition.pk).first()
    if before is not None and before.key != definition.key:
        # Published policies and scorecards name moments by key.
        raise ValidationError(
            {"key": _("The key stays as it is: policies and scorecards name the moment by it.")}
        )
    if not definition.active:
        waiting = others.filter(Q(expected=definition) | Q(after=definition), active=True).first()
        if before is not None and waiting is not None:
            raise ValidationError(
                {
                    "active": _("“%(name)s” waits for this moment. Switch that one off first.")
                    % {"name": waiting.name}
                }
            )
        if complaints := check(engine_spec(spec_of(definition))):
            raise ValidationError(complaints)
        return
    if definition.kind == MomentDefinition.Kind.INTENT:
        _intent_check(definition)
    if definition.kind == MomentDefinition.Kind.EXAMPLES:
        meaning_learn(definition.examples, definition.counter_examples)
    if definition.kind == MomentDefinition.Kind.QUESTION:
        _question_check(definition, others)
    specs = [engine_spec(spec_of(other)) for other in others.filter(active=True)]
    wrong = check_all([*specs, engine_spec(spec_of(definition))])
    if complaints := wrong.get(definition.key, []):
        raise ValidationError(complaints)
    if broken := sorted(set(wrong) - set(check_all(specs))):
        raise ValidationError(
            _("With this change these moments could not be used any more: %(keys)s.")
            % {"keys": ", ".join(broken)}
        )


def examples_check(definition: MomentDefinition) -> dict[str, list[str]]:
    """Return, by field, the sentences that the definition gets wrong: examples unheard, counter-examples heard.

    Nothing for a definition that cannot be used at all, and for kinds that one sentence cannot show.
    """
    wrong: dict[str, list[str]] = {}
    for field in ("examples", "counter_examples"):
        lines = getattr(definition, field)
        if not isinstance(lines, list) or not all(isinstance(one, str) for one in lines):
            wrong[field] = [_("Give a list of sentences.")]
        elif len(lines) > EXAMPLES_MAX or any(len(one) > EXAMPLE_LENGTH for one in lines):
            wrong[field] = [
                _("At most %(count)d sentences of %(length)d characters.")
                % {"count": EXAMPLES_MAX, "length": EXAMPLE_LENGTH}
            ]
    spec = engine_spec(spec_of(definition))
    if wrong or spec.kind not in {"phrase", "pattern", "entity"} or check(spec):
        return wrong
    engine = MomentEngine([spec])
    speaker = "customer" if spec.speaker == "any" else spec.speaker
    for field, expected, complaint in (
        ("examples", True, _("Not heard in “%(sentence)s”.")),
        ("counter_examples", False, _("Heard in “%(sentence)s”, where it must not be.")),
    ):
        for sentence in getattr(definition, field):
            if bool(engine.look(Heard(0, speaker, 0, 0, sentence))) is not expected:
                wrong.setdefault(field, []).append(complaint % {"sentence": sentence})
    return wrong


def _intent_check(definition: MomentDefinition) -> None:
    """Raise `ValidationError` when no trained version of the classifier tells this intent."""
    if not definition.task or not definition.intent:
        raise ValidationError(_("Say which classifier tells it, and which of its intents it is."))
    trained = Classifier.objects.filter(task=definition.task, trained_at__isnull=False)
    rows = list(trained.exclude(state=Classifier.State.FAILED).order_by("-version")[:20])
    if not rows:
        raise ValidationError({"task": _("There is no trained classifier of this name. Train one first.")})
    # Of the live one; before there is one, of the newest.
    told = next((row for row in rows if row.state == Classifier.State.LIVE), rows[0])
    known = sorted(row["intent"] for row in told.figures.get("per_intent", []))
    if definition.intent not in known:
        raise ValidationError(
            {
                "intent": _("“%(name)s” does not tell this intent. It tells: %(known)s.")
                % {"name": told, "known": ", ".join(known[:40]) + (" …" if len(known) > 40 else "")}
            }
        )


def _question_check(definition: MomentDefinition, others: QuerySet[MomentDefinition]) -> None:
    """Raise `ValidationError` when as many are asked by now as one request bears, or the same is asked already."""
    asked = [(one.name, _plain(one.question)) for one in others.filter(active=True, kind=definition.kind)]
    if len(asked) >= MOST_QUESTIONS:
        raise ValidationError(
            _(
                "%(most)d questions are asked of a model already, all in one request. Switch one of those off first."
            )
            % {"most": MOST_QUESTIONS}
        )
    for name, question in asked:
        if question == _plain(definition.question):
            raise ValidationError({"question": _("“%(name)s” asks the same.") % {"name": name}})


def _plain(question: str) -> str:
    return " ".join(question.casefold().split())


def moment_save(*, definition: MomentDefinition, actor: User | None) -> MomentRevision:
    """Check and keep a definition, and write a revision if what the engine is given has changed.

    Returns the newest revision; the next conversation uses it. Raises `ValidationError` in plain words.
    """
    definition.full_clean()
    moment_check(definition=definition)
    with transaction.atomic():
        definition.save()
        # The row's lock puts two people's saves one after the other, so that revision numbers stay gapless.
        MomentDefinition.objects.select_for_update().get(pk=definition.pk)
        spec = spec_of(definition)
        newest = definition.revisions.order_by("-number").first()
        if newest is not None and newest.spec == spec:
            return newest
        number = 1 if newest is None else newest.number + 1
        revision = MomentRevision.objects.create(
            definition=definition, number=number, spec=spec, created_by=actor
        )
        if definition.kind == MomentDefinition.Kind.EXAMPLES:
            learned = meaning_learn(definition.examples, definition.counter_examples)
            meaning_store(revision=revision, learned=learned)
        return revision
