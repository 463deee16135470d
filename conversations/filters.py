"""What conversations can be filtered by: the same for the list page, its facets and the API.

Moments and scores belong to rooms above this one. They are reached by the names of their relations, so that nothing
is imported from there.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import django_filters as filters
from django.contrib.postgres.search import SearchQuery
from django.db.models import Avg, Exists, F, OuterRef, Q, QuerySet, Subquery
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from accounts.permissions import Permission
from conversations.models import Conversation, Utterance
from engines.language.marking import clean

WORDS_LENGTH = 200


def words_query(words: str) -> SearchQuery:
    """The search for some words, as people write them: "a phrase", one or other, -without."""
    text = clean(words)[:WORDS_LENGTH].replace("\x00", "")
    return SearchQuery(text, config="english", search_type="websearch")


# Takes a person and the field that names the conversation; holds where they may not see its scores now.
Hidden = Callable[[User, str], Q]


def _none_hidden(user: User, conversation: str) -> Q:
    return Q(pk__in=[])


_HIDDEN: Hidden = _none_hidden


def scores_hidden_by(given: Hidden) -> None:
    """Have scores be hidden from whoever judges a conversation blind. Called from an app's `ready()`."""
    global _HIDDEN
    _HIDDEN = given


def scores_hidden(user: User, conversation: str = "conversation") -> Q:
    """Holds for rows of conversations whose scores this person may not see now, since they judge them blind."""
    return _HIDDEN(user, conversation)


def with_score(rows: QuerySet[Any], viewer: User | None) -> QuerySet[Any]:
    """Add `score`: the mean total of a conversation's evaluations, 0-100, None where it has none.

    Agents' own, and only what is released to them; none of what the viewer judges blind.
    """
    evaluations = Conversation._meta.get_field("evaluations").related_model._default_manager  # type: ignore[union-attr]
    counted = evaluations.filter(conversation=OuterRef("pk"), counts=True)
    if viewer is None or not viewer.may(Permission.CONVERSATION_READ_TEAM):
        counted = counted.filter(agent=viewer, released_at__isnull=False)
    else:
        counted = counted.exclude(scores_hidden(viewer))
    mean = counted.order_by().values("conversation").annotate(mean=Avg("total"))
    return rows.annotate(score=Subquery(mean.values("mean")))


def _having(rows: QuerySet[Any], relation: str, wanted: bool, **which: Any) -> QuerySet[Any]:
    """Those with (or without) a row in a relation, each once."""
    related = Conversation._meta.get_field(relation).related_model._default_manager  # type: ignore[union-attr]
    found = Exists(related.filter(conversation=OuterRef("pk"), **which).order_by().values("pk"))
    return rows.filter(found if wanted else ~found)


def day_start(day: date) -> datetime:
    """Midnight of a day in the current time zone."""
    return timezone.make_aware(datetime.combine(day, time.min))


class ConversationFilter(filters.FilterSet):
    """All optional, and all must hold."""

    q = filters.CharFilter(method="with_words", label=_("Words"), max_length=WORDS_LENGTH)
    agent = filters.UUIDFilter(field_name="agent_id", label=_("Agent"))
    team = filters.UUIDFilter(field_name="agent__team_id", label=_("Team"))
    unmatched = filters.BooleanFilter(field_name="agent", lookup_expr="isnull", label=_("Without an agent"))
    queue = filters.CharFilter(field_name="queue__key", label=_("Queue"))
    channel = filters.ChoiceFilter(choices=Conversation.Channel, label=_("Channel"))
    direction = filters.ChoiceFilter(choices=Conversation.Direction, label=_("Direction"))
    state = filters.ChoiceFilter(choices=Conversation.State, label=_("State"))
    source = filters.CharFilter(field_name="provider", label=_("Source"))
    disposition = filters.CharFilter(field_name="disposition__key", label=_("Disposition"))
    customer = filters.CharFilter(field_name="customer__reference", label=_("Customer"))
    moment = filters.CharFilter(method="with_moment", label=_("Moment"))
    since = filters.DateFilter(method="since_day", label=_("From"))
    until = filters.DateFilter(method="until_day", label=_("To"))
    score_min = filters.NumberFilter(method="score_from", label=_("Score from"), min_value=0, max_value=100)
    score_max = filters.NumberFilter(method="score_to", label=_("Score to"), min_value=0, max_value=100)

    hinted = filters.BooleanFilter(method="with_hint", label=_("With hints"))
    alerted = filters.BooleanFilter(method="with_alert", label=_("With alerts"))
    behaviour = filters.CharFilter(method="with_behaviour", label=_("Behaviour expected"), max_length=120)
    missed = filters.CharFilter(method="with_missed", label=_("Behaviour missed"), max_length=120)

    class Meta:
        model = Conversation
        fields: list[str] = []

    def __init__(self, *args: Any, viewer: User | None = None, **kwargs: Any) -> None:
        """`viewer`: who asks, where there is no request to say so."""
        super().__init__(*args, **kwargs)
        self.viewer = viewer or getattr(self.request, "user", None)

    def with_words(self, rows: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        said = Utterance.objects.filter(search=words_query(value))
        return rows.filter(pk__in=said.values("conversation"))

    def with_moment(self, rows: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        return _having(rows, "moments", True, definition__key=value)

    def with_hint(self, rows: QuerySet[Any], name: str, value: bool) -> QuerySet[Any]:
        return _having(rows, "guidance", value, kind="hint")

    def with_alert(self, rows: QuerySet[Any], name: str, value: bool) -> QuerySet[Any]:
        # Whoever is not shown alerts does not learn by a filter where there are some.
        if self.viewer is None or not self.viewer.may(Permission.ALERT_RESOLVE):
            return rows.none()
        return _having(rows, "alerts", value)

    def with_behaviour(self, rows: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        return _having(rows, "behaviours", True, name=value)

    def with_missed(self, rows: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        return _having(rows, "behaviours", True, name=value, result="missed")

    def since_day(self, rows: QuerySet[Any], name: str, value: date) -> QuerySet[Any]:
        return rows.filter(announced_at__gte=day_start(value))

    def until_day(self, rows: QuerySet[Any], name: str, value: date) -> QuerySet[Any]:
        return rows.filter(announced_at__lt=day_start(value + timedelta(days=1)))

    def score_from(self, rows: QuerySet[Any], name: str, value: Decimal) -> QuerySet[Any]:
        return with_score(rows, self.viewer).filter(score__gte=value)

    def score_to(self, rows: QuerySet[Any], name: str, value: Decimal) -> QuerySet[Any]:
        return with_score(rows, self.viewer).filter(score__lte=value)


class UtteranceFilter(filters.FilterSet):
    """Utterances by their conversation, speaker, words and time within the call."""

    conversation = filters.UUIDFilter(field_name="conversation_id", label=_("Conversation"))
    speaker = filters.CharFilter(label=_("Speaker"))
    q = filters.CharFilter(method="with_words", label=_("Words"), max_length=WORDS_LENGTH)
    from_ms = filters.NumberFilter(field_name="end_ms", lookup_expr="gt", label=_("Heard after, in ms"))
    to_ms = filters.NumberFilter(field_name="start_ms", lookup_expr="lt", label=_("Heard before, in ms"))

    class Meta:
        model = Utterance
        fields: list[str] = []

    def with_words(self, rows: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        return rows.annotate(query=words_query(value)).filter(search=F("query"))
