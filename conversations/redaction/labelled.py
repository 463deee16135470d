"""Labelled examples to learn from: made-up values in the place of hidden ones, and lines of JSON for training."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from random import Random
from string import ascii_lowercase, ascii_uppercase, digits
from typing import Any
from uuid import UUID

from django.db.models import F, QuerySet, Window
from django.db.models.functions import RowNumber

from conversations.consent import REGION_KEY, allowed, rules_for
from conversations.models import ConsentRecord, Conversation, LabelledSpan, Purpose

_AT_ONCE = 500
_SURROGATE = LabelledSpan._meta.get_field("surrogate").max_length or 120
_GIVEN = ("alex", "maria", "daniel", "priya", "tom", "helen", "omar", "ruth", "victor", "ines")
_FAMILY = ("morgan", "keller", "okafor", "lindqvist", "santos", "whitfield", "novak", "harper")
_STREETS = ("elm street", "mill lane", "station road", "harbour view", "oak avenue")
_PLACES = ("fairview", "northport", "eastbridge", "lakewood")
# What is written with these shapes where nothing is known of how it was said.
_FORMS = {
    "CREDIT_CARD": "4000 0000 0000 dddd",
    "SSN": "900-dd-dddd",
    "PHONE": "202 555 01dd",
    "SECURITY_CODE": "ddd",
    "POSTCODE": "ddddd",
    "ACCOUNT_NUMBER": "dddddddd",
    "DATE_OF_BIRTH": "0d/1d/19dd",
    "PASSWORD": "aaaadddA",
    "AGE": "4d",
}


def surrogate_for(type_name: str, shape: str, seed: UUID) -> str:
    """A made-up value for a type, in the shape of what it stands for where that is known. The same for one seed."""
    draw = Random(seed.int)
    made = {
        "NAME": lambda: f"{draw.choice(_GIVEN)} {draw.choice(_FAMILY)}",
        "EMAIL": lambda: f"{draw.choice(_GIVEN)}.{draw.choice(_FAMILY)}@example.com",
        "ADDRESS": lambda: f"{draw.randint(1, 99)} {draw.choice(_STREETS)}",
        "LOCATION": lambda: draw.choice(_PLACES),
        "URL": lambda: f"www.{draw.choice(_FAMILY)}.example",
        "USERNAME": lambda: f"{draw.choice(_GIVEN)}{draw.randint(10, 99)}",
        "ORGANISATION": lambda: f"{draw.choice(_FAMILY)} and sons",
    }.get(type_name)
    if made is not None:
        value = made()
        return value.title() if shape[:1] == "A" and "@" not in value and "." not in value else value
    form = _FORMS.get(type_name) or (shape if "d" in shape else "dddddd")
    letters = {"d": digits, "a": ascii_lowercase, "A": ascii_uppercase}
    return "".join(draw.choice(letters[one]) if one in letters else one for one in form)[:_SURROGATE]


def trainable(conversation_ids: Iterable[UUID]) -> set[UUID]:
    """Those whose callers' words may train models, by what they said of it and the rules of their regions."""
    ids = list(conversation_ids)
    regions = dict(Conversation.objects.filter(pk__in=ids).values_list("pk", f"metadata__{REGION_KEY}"))
    newest = Window(RowNumber(), partition_by=F("conversation"), order_by=[F("at").desc(), F("pk").desc()])
    said = dict(
        ConsentRecord.objects.filter(conversation__in=ids, purpose=Purpose.TRAIN)
        .annotate(place=newest)
        .filter(place=1)
        .values_list("conversation_id", "state")
    )
    rules = {
        region: rules_for(region)[Purpose.TRAIN]
        for region in {each if isinstance(each, str) else "" for each in regions.values()}
    }
    return {
        ident
        for ident, region in regions.items()
        if allowed(rules[region if isinstance(region, str) else ""], said.get(ident))
    }


def example_shown(row: LabelledSpan) -> dict[str, Any]:
    """One example: what is to be found (`spans`), or what was taken for it and is none (`not`).

    Where something is to be found, the made-up value stands in its place; what else is hidden stays hidden.
    """
    shown: dict[str, Any] = {
        "id": str(row.pk),
        "speaker": row.speaker,
        "verdict": row.verdict,
        "detector": row.detector,
        "score": row.score,
        "shape": row.shape,
    }
    mark = {"start": row.start, "end": row.end, "type": row.type}
    if row.verdict == LabelledSpan.Verdict.FALSE_ALARM or not row.surrogate:
        return {**shown, "text": row.context, "spans": [], "not": [mark]}
    text = row.context[: row.start] + row.surrogate + row.context[row.end :]
    return {**shown, "text": text, "spans": [{**mark, "end": row.start + len(row.surrogate)}], "not": []}


def examples(rows: QuerySet[LabelledSpan] | None = None) -> Iterator[dict[str, Any]]:
    """All examples whose callers let their words be used for training, oldest first."""
    wanted = (LabelledSpan.objects.all() if rows is None else rows).order_by("pk")
    last: UUID | None = None
    while chunk := list((wanted.filter(pk__gt=last) if last else wanted)[:_AT_ONCE]):
        may = trainable({row.conversation_id for row in chunk})
        yield from (example_shown(row) for row in chunk if row.conversation_id in may)
        last = chunk[-1].pk
