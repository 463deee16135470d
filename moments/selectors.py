"""Reads of moments: what is listened for now, and what was listened for in a conversation."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any
from uuid import UUID

from django.db.models import Q

from conversations.models import CallOwner, Conversation
from engines.rules import MomentSpec
from engines.rules.moments import OUT_OF_LINE
from moments.models import MomentDefinition, MomentRevision
from moments.services import engine_spec

FIELD_COLUMNS = ("queue__key", "channel", "language", "customer__segment", "metadata")


def active_revisions() -> list[MomentRevision]:
    """The newest revision of each active definition. One query."""
    return list(
        MomentRevision.objects.filter(definition__active=True)
        .order_by("definition_id", "-number")
        .distinct("definition_id")
    )


def asked_of_model() -> dict[str, str]:
    """The active moments that no one hears without a model, names by key: the questions, and what waits for one.

    One query.
    """
    kinds = MomentDefinition.Kind
    rows = MomentDefinition.objects.filter(
        Q(kind=kinds.QUESTION) | Q(kind=kinds.ABSENCE, after__kind=kinds.QUESTION), active=True
    )
    return dict(rows.values_list("key", "name"))


def revisions_by_id(ids: Iterable[str]) -> list[MomentRevision]:
    """The revisions with these ids, in the order of `active_revisions`. One query."""
    return list(MomentRevision.objects.filter(pk__in=[UUID(one) for one in ids]).order_by("definition_id"))


def active_specs() -> list[MomentSpec]:
    """What a conversation that begins now listens for. One query."""
    return specs_of(active_revisions())


def specs_of(revisions: Iterable[MomentRevision]) -> list[MomentSpec]:
    """The engine's form of revisions; `revision_id` leads back to the row."""
    return [engine_spec(revision.spec, revision_id=str(revision.pk)) for revision in revisions]


def fields_of(row: Mapping[str, Any]) -> dict[str, Any]:
    """What is known of a call besides its words, as rules and moments name it; `row`: `FIELD_COLUMNS` of it."""
    metadata = row["metadata"] if isinstance(row["metadata"], dict) else {}
    fields = {
        "queue": row["queue__key"],
        "channel": row["channel"],
        "language": row["language"],
        "product": metadata.get("product"),
        "customer.segment": row["customer__segment"],
        **{f"metadata.{name}": value for name, value in metadata.items()},
    }
    return {name: value for name, value in fields.items() if value is not None}


def call_fields(conversation_id: UUID) -> dict[str, Any]:
    """What is known now of a call besides its words. One query."""
    return fields_of(Conversation.objects.filter(pk=conversation_id).values(*FIELD_COLUMNS).get())


def keys_listened_for(conversation_id: UUID) -> set[str] | None:
    """Keys of the moments that the live stages listened for, or None where nothing is known of it. Two queries.

    What was not listened for was not missed: whoever judges a silence must ask this first.
    """
    return keys_listened_for_each([conversation_id])[conversation_id]


def keys_listened_for_each(conversation_ids: Collection[UUID]) -> dict[UUID, set[str] | None]:
    """The same of several conversations, by their ids. Two queries however many."""
    heard: dict[UUID, dict[str, Any]] = {one: {} for one in conversation_ids}
    states = CallOwner.objects.filter(pk__in=conversation_ids)
    # The rest of the state is much longer, and of no use here.
    for call, told in states.values_list("pk", "engine_state__stages__moments"):
        heard[call] = told or {}
    ids = {one for told in heard.values() for one in told.get("revisions") or ()}
    specs = {str(row.pk): row.spec for row in revisions_by_id(ids)} if ids else {}
    return {call: _listened(told, specs) for call, told in heard.items()}


def _listened(heard: Mapping[str, Any], specs: Mapping[str, Mapping[str, Any]]) -> set[str] | None:
    ids = heard.get("revisions")
    if ids is None:
        return None
    tasks = heard.get("intents", {}).get("classifiers", {})
    return {
        str(spec["key"])
        for spec in (specs[one] for one in ids if one in specs)
        # Without a live classifier nobody listened for its intents, nor for English meanings in another language. What
        # is asked of a model is asked now and then, of the turns so far: that it was not heard shows nothing.
        if spec["kind"] not in OUT_OF_LINE
        and (spec["kind"] != "intent" or spec["task"] in tasks)
        and (spec["kind"] != "examples" or heard.get("meanings", True))
    }
