"""Search over past conversations: pages by cursor, the sentence that matched, facets, and where one stands among them.

Rooms above bring moments and scores; see `conversations.filters`. Every read takes a fixed number of queries,
however many conversations there are.
"""

from __future__ import annotations

import base64
import binascii
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib.postgres.search import SearchHeadline, SearchRank
from django.core.exceptions import ValidationError
from django.db.models import Count, F, Func, Prefetch, Q, QuerySet, TextField, Value
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.permissions import Permission
from conversations.access import conversations_visible
from conversations.filters import ConversationFilter, scores_hidden, with_score, words_query
from conversations.models import Conversation, Utterance
from conversations.redaction.labels import Labels
from engines.language.marking import BEGIN, END, headline_html

PAGE = 50
# Figures over a result are counted up to here; past it the page says "more than".
COUNTED = 5_000
FACET_ROWS = 12
NEWEST_FIRST = ("-announced_at", "-id")
# Kinds of items in a conversation that not everyone who may read it may see.
GUARDED = {"alert": Permission.ALERT_RESOLVE, "score": Permission.EVALUATION_READ}


def item_visible(user: User, kind: str, data: Mapping[str, Any] | None = None) -> bool:
    """Whether items of this kind, or this one, are for this person.

    Agents are not shown their supervisors' alerts, nor what others on the same call were scored.
    """
    needed = GUARDED.get(kind)
    if needed is not None and not user.may(needed):
        return False
    if kind != "score" or data is None or user.may(Permission.CONVERSATION_READ_TEAM):
        return True
    return data["agent"] is None or data["agent"]["id"] == str(user.pk)


def items_visible(user: User, items: Mapping[str, list[dict[str, Any]]]) -> dict[str, list[dict[str, Any]]]:
    """A snapshot's items as far as they are for this person; kinds that are not are left out."""
    blind = items.get("score") and scores_unseen(user, {UUID(items["conversation"][0]["id"])})
    return {
        kind: [row for row in rows if not blind and item_visible(user, kind, row)]
        if kind == "score"
        else rows
        for kind, rows in items.items()
        if item_visible(user, kind)
    }


def scores_unseen(user: User, conversations: Collection[UUID]) -> set[UUID]:
    """Those of these conversations whose scores this person may not see now. One query; none for agents and none."""
    if not conversations or not user.may(Permission.EVALUATION_OVERRIDE):
        return set()
    rows = Conversation.objects.filter(scores_hidden(user, "pk"), pk__in=conversations)
    return set(rows.values_list("pk", flat=True))


@dataclass(frozen=True, slots=True)
class Matched:
    """The sentence that matched: safe HTML with marks, and where it was said."""

    html: str
    utterance: UUID
    speaker: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class MomentSeen:
    key: str
    name: str
    at_ms: int
    times: int


@dataclass(frozen=True, slots=True)
class Row:
    """One conversation in a result. `score`: mean total of its evaluations, None without one."""

    conversation: Conversation
    moments: list[MomentSeen]
    score: float | None
    matched: Matched | None

    @property
    def duration_ms(self) -> int | None:
        return duration_ms(self.conversation)


@dataclass(frozen=True, slots=True)
class Page:
    rows: list[Row]
    next: str


@dataclass(frozen=True, slots=True)
class Facet:
    """A value that rows of the result have, how many, and whether it is filtered by."""

    value: str
    label: str
    count: int
    on: bool


@dataclass(frozen=True, slots=True)
class Place:
    """Where a conversation stands in a result. `position` counts from 1; 0 where it is not in the result."""

    previous: UUID | None
    next: UUID | None
    position: int
    total: int

    @property
    def is_counted(self) -> bool:
        return self.total <= COUNTED


def duration_ms(row: Conversation) -> int | None:
    """From the start to the end of the talk, in ms; None while it goes on or if it never began."""
    if row.started_at is None or row.ended_at is None:
        return None
    return max(0, round((row.ended_at - row.started_at).total_seconds() * 1000))


def conversations_filtered(user: User, filters: Mapping[str, Any]) -> QuerySet[Conversation]:
    """What this person may read, narrowed down. Raises `ValidationError` for filters that make no sense."""
    chosen = ConversationFilter(filters, conversations_visible(user), viewer=user)
    if not chosen.is_valid():
        raise ValidationError(chosen.form.errors.as_data())
    return chosen.qs


def conversations_search(
    *, user: User, filters: Mapping[str, Any], cursor: str = "", size: int = PAGE
) -> Page:
    """Read one page of a result, newest first. Three queries, four with words.

    `cursor` is `Page.next` of the page before: rows that arrive meanwhile neither repeat nor push out others.
    Raises `ValidationError`.
    """
    rows = conversations_filtered(user, filters)
    if cursor:
        rows = rows.filter(_older(*_cursor_read(cursor)))
    found = list(_with_cells(rows, user).order_by(*NEWEST_FIRST)[: size + 1])
    more = len(found) > size
    found = found[:size]
    words = str(filters.get("q") or "").strip()
    matched = _matched(words, [row.pk for row in found]) if words else {}
    common = Counter(
        key
        for row in found
        for key in {one.definition.key for one in row.moments.all()}  # type: ignore[attr-defined]
    )
    return Page(
        rows=[_row(row, matched.get(row.pk), common) for row in found],
        next=_cursor_write(found[-1]) if more else "",
    )


def _with_cells(rows: QuerySet[Conversation], user: User) -> QuerySet[Conversation]:
    heard: Any = Conversation._meta.get_field("moments").related_model
    moments = heard.objects.select_related("definition").order_by("at_ms")
    rows = rows.select_related("agent", "queue", "customer", "disposition").prefetch_related(
        Prefetch("moments", moments.only("conversation_id", "at_ms", "definition__key", "definition__name"))
    )
    return with_score(rows, user) if item_visible(user, "score") else rows


def _row(row: Conversation, matched: Matched | None, common: Mapping[str, int]) -> Row:
    seen: dict[str, MomentSeen] = {}
    for moment in row.moments.all():  # type: ignore[attr-defined]
        key = moment.definition.key
        before = seen.get(key)
        seen[key] = MomentSeen(
            key,
            moment.definition.name,
            before.at_ms if before else moment.at_ms,
            before.times + 1 if before else 1,
        )
    score = getattr(row, "score", None)
    # What sets a conversation apart comes first: nearly every one has a greeting.
    moments = sorted(seen.values(), key=lambda one: (common[one.key], one.at_ms))
    return Row(row, moments, None if score is None else float(score), matched)


def _matched(words: str, ids: Iterable[UUID]) -> dict[UUID, Matched]:
    """The utterance of each conversation that matches best, the earliest of equals. One query."""
    query, label = words_query(words), Labels()
    unmarked = Func(F("text"), Value(BEGIN + END), Value(""), function="translate", output_field=TextField())
    best = (
        Utterance.objects.filter(conversation__in=list(ids), search=query)
        .annotate(rank=SearchRank(F("search"), query))
        .order_by("conversation_id", "-rank", "sequence")
        .distinct("conversation_id")
        .annotate(
            headline=SearchHeadline(
                unmarked, query, config="english", start_sel=BEGIN, stop_sel=END, highlight_all=True
            )
        )
        .defer("words", "search", "text")
    )
    return {
        row.conversation_id: Matched(
            headline_html(row.headline, label=label), row.pk, row.speaker, row.start_ms
        )
        for row in best
    }


# --- Cursors: the place between two rows, by the order of the result ------------------------------------


def _older(at: datetime, pk: UUID) -> Q:
    # The first condition alone lets the index begin at the right place.
    return Q(announced_at__lte=at) & (Q(announced_at__lt=at) | Q(pk__lt=pk))


def _newer(at: datetime, pk: UUID) -> Q:
    return Q(announced_at__gte=at) & (Q(announced_at__gt=at) | Q(pk__gt=pk))


def _cursor_write(row: Conversation) -> str:
    return (
        base64.urlsafe_b64encode(f"{row.announced_at.isoformat()} {row.pk.hex}".encode()).decode().rstrip("=")
    )


def _cursor_read(cursor: str) -> tuple[datetime, UUID]:
    try:
        at, pk = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode().split(" ")
        moment = datetime.fromisoformat(at)
        if moment.tzinfo is None:
            raise ValueError("no time zone")
        return moment, UUID(pk)
    except (ValueError, binascii.Error):
        raise ValidationError({"cursor": _("This place in the list is not known.")}) from None


# --- Figures over a result ------------------------------------------------------------------------------


def facets(*, user: User, filters: Mapping[str, Any]) -> dict[str, list[Facet]]:
    """Count agents, queues, moments and sources in the newest 5,000 conversations of a result. Four queries.

    Each list leaves its own filter out, so that it offers the alternatives too.
    """
    return {
        "agent": _facet(user, filters, "agent", "agent_id", "agent__name"),
        "queue": _facet(user, filters, "queue", "queue__key", "queue__name"),
        "moment": _facet(user, filters, "moment", "moments__definition__key", "moments__definition__name"),
        "source": _facet(user, filters, "source", "provider", "provider"),
    }


def _facet(user: User, filters: Mapping[str, Any], name: str, value: str, label: str) -> list[Facet]:
    others = {key: given for key, given in filters.items() if key != name}
    newest = conversations_filtered(user, others).order_by(*NEWEST_FIRST).values("pk")[:COUNTED]
    counted = (
        Conversation.objects.filter(pk__in=newest, **{f"{value}__isnull": False})
        .order_by()
        .values(value, label)
        .annotate(count=Count("pk", distinct=True))
        .order_by("-count", label)[:FACET_ROWS]
    )
    chosen = str(filters.get(name) or "")
    return [Facet(str(row[value]), row[label], row["count"], on=str(row[value]) == chosen) for row in counted]


def place_in(*, user: User, filters: Mapping[str, Any], conversation: Conversation) -> Place:
    """Say which conversations stand beside this one in a result, and where. Four queries."""
    rows = conversations_filtered(user, filters)
    here = (conversation.announced_at, conversation.pk)
    previous = rows.filter(_newer(*here)).order_by("announced_at", "id").values_list("pk", flat=True).first()
    following = rows.filter(_older(*here)).order_by(*NEWEST_FIRST).values_list("pk", flat=True).first()
    newer = rows.filter(_newer(*here)).order_by(*NEWEST_FIRST)[: COUNTED + 1].count()
    total = rows.order_by(*NEWEST_FIRST)[: COUNTED + 1].count()
    return Place(previous, following, newer + 1, total)
