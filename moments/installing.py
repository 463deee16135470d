"""Taking ready-made moments into a company's own."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.services import audit
from engines.rules.entities import LISTED
from moments.library import LIBRARY, READY, Ready
from moments.models import ListedName, MomentDefinition
from moments.services import moment_save

EXAMPLE_NAME = "Northwind"


@dataclass(frozen=True, slots=True)
class Offered:
    """A ready-made moment, and whether the company has one of its key, whatever it has made of it.

    `heard` and `unheard` are its sentences, with a name of the company's list where one belongs; `lacks`: the kind of
    name that has to be listed first.
    """

    ready: Ready
    installed: bool
    heard: tuple[str, ...]
    unheard: tuple[str, ...]
    lacks: str = ""


def library_offered() -> list[Offered]:
    """The whole library, in its order. Two queries."""
    known = set(MomentDefinition.objects.filter(key__in=READY).values_list("key", flat=True))
    names = dict(ListedName.objects.order_by("kind", "-name").values_list("kind", "name"))
    offered = []
    for one in LIBRARY:
        name = names.get(one.entity, EXAMPLE_NAME)
        heard, unheard = (
            tuple(line.replace("{name}", name) for line in lines) for lines in (one.heard, one.unheard)
        )
        lacks = one.entity if one.entity in LISTED and one.entity not in names else ""
        offered.append(Offered(one, one.key in known, heard, unheard, lacks))
    return offered


def library_install(*, keys: Iterable[str], actor: User | None) -> list[MomentDefinition]:
    """Add these moments of the library. Returns those that are new; a key that the company has stays as it is.

    Raises `ValidationError` for a key that is not in the library.
    """
    chosen = list(dict.fromkeys(keys))
    unknown = [key for key in chosen if key not in READY]
    if unknown:
        raise ValidationError(
            _("Not in the library: %(keys)s.") % {"keys": ", ".join(key[:60] for key in unknown[:5])}
        )
    made = []
    with transaction.atomic():
        known = set(MomentDefinition.objects.filter(key__in=chosen).values_list("key", flat=True))
        for key in chosen:
            if key in known:
                continue
            definition = _definition(READY[key])
            moment_save(definition=definition, actor=actor)
            audit(actor=actor, action="moment.install", thing=definition)
            made.append(definition)
    return made


def _definition(ready: Ready) -> MomentDefinition:
    # Sentences with a name would go stale with the list.
    by_words = ready.kind in ("phrase", "entity") and ready.entity not in LISTED
    return MomentDefinition(
        key=ready.key,
        name=ready.name,
        kind=ready.kind,
        speaker=ready.speaker,
        phrases=list(ready.phrases),
        entity=ready.entity,
        mood=ready.mood,
        turns=ready.turns,
        limit=ready.limit,
        field=ready.field,
        field_test=ready.test,
        values=list(ready.values),
        examples=list(ready.heard) if by_words else [],
        counter_examples=list(ready.unheard) if by_words else [],
    )
