"""Writes to the lists of products and competitors. What listens for a list gets a new revision with each change of it,
so that the next conversation goes by it and one under way goes on with what it began with."""

from __future__ import annotations

from collections.abc import Iterable
from copy import copy
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.utils.translation import gettext as _

from accounts.models import User
from engines.intents.meaning import ordinary
from engines.rules.entities import LISTED
from engines.rules.names import Named, NameFinder, check_names
from moments.models import ListedName, MomentDefinition
from moments.named import names_listed
from moments.services import moment_save

# One change of a company's lists at a time: each is checked against all others.
_LOCK = 0x6E616D65


@dataclass(frozen=True, slots=True)
class FoundName:
    """A name in a text: half-open characters, and what the list has there."""

    kind: str
    name: str
    start: int
    end: int


def name_save(*, row: ListedName, actor: User | None) -> ListedName:
    """Check and keep a name. Raises `ValidationError` in words for who keeps the list."""
    row.name = " ".join(row.name.split())
    if not isinstance(row.spellings, list) or not all(isinstance(one, str) for one in row.spellings):
        raise ValidationError({"spellings": _("Give a list of spellings.")})
    row.spellings = list(dict.fromkeys(" ".join(one.split()) for one in row.spellings if one.strip()))
    row.full_clean()
    with transaction.atomic():
        _lock()
        before = ListedName.objects.filter(pk=row.pk).values_list("kind", flat=True).first()
        _check(row)
        row.save()
        _listened(actor, {row.kind, before or row.kind})
    return row


def name_delete(*, row: ListedName, actor: User | None) -> None:
    """Take a name off its list. Raises `ValidationError` for the last one while a moment listens for the list."""
    with transaction.atomic():
        _lock()
        row.delete()
        _listened(actor, {row.kind})


def name_refused(*, row: ListedName) -> ValidationError | None:
    """What keeping this name would be refused for; nothing is written."""
    tried = copy(row)
    try:
        with transaction.atomic():
            name_save(row=tried, actor=None)
            transaction.set_rollback(True)
    except ValidationError as error:
        return error
    return None


def names_refused(*, rows: Iterable[ListedName]) -> list[str]:
    """What taking these names off would be refused for; nothing is written."""
    try:
        with transaction.atomic():
            for row in rows:
                name_delete(row=copy(row), actor=None)
            transaction.set_rollback(True)
    except ValidationError as error:
        return error.messages
    return []


def names_try(*, text: str, also: ListedName | None = None) -> list[FoundName]:
    """Which names are heard in a text, with `also` as if it were kept. Nothing of it is."""
    found: list[FoundName] = []
    for kind in LISTED:
        names = [_named(one) for one in names_listed(kind, without=also)]
        if also is not None and also.kind == kind:
            names.append(_named({"name": also.name, "spellings": also.spellings, "exact": also.exact}))
        found += [FoundName(kind, name, start, end) for start, end, name in NameFinder(names).named(text)]
    return sorted(found, key=lambda one: (one.start, one.end, one.kind))


def _lock() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, hashtext(current_schema()))", [_LOCK])


def _named(one: dict[str, Any]) -> Named:
    return Named(one["name"], tuple(one["spellings"]), one["exact"])


def _check(row: ListedName) -> None:
    own = Named(row.name, tuple(row.spellings), row.exact)
    others = [_named(one) for one in names_listed(row.kind, without=row)]
    wrong = check_names([own]) or check_names([*others, own])
    if wrong:
        raise ValidationError({"name": wrong})
    finder = NameFinder([own])
    for sentence in ordinary():
        for start, end in finder.find(sentence):
            raise ValidationError(
                {
                    "name": _(
                        "“%(words)s” is also said in ordinary calls: “%(sentence)s”. Write it as callers say it, with "
                        "another word (“Three Mobile”), or switch on “only as written”."
                    )
                    % {"words": sentence[start:end], "sentence": sentence}
                }
            )


def _listened(actor: User | None, kinds: set[str]) -> None:
    """Give every moment that listens for these lists what they are now."""
    listening = MomentDefinition.objects.filter(
        kind=MomentDefinition.Kind.ENTITY, entity__in=kinds, active=True
    ).order_by("pk")
    for definition in listening:
        try:
            moment_save(definition=definition, actor=actor)
        except ValidationError as error:
            raise ValidationError(
                {
                    "name": [
                        _("The moment “%(name)s” listens for this list, and could not go on: %(why)s")
                        % {"name": definition.name, "why": why}
                        for why in error.messages
                    ]
                }
            ) from None
