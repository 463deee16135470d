"""For whom documents are: which collections hold for a person, a queue, a channel and a language on a day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet
from django.utils import timezone

from accounts.models import User
from knowledge.models import Collection


@dataclass(frozen=True, slots=True)
class Audience:
    """Who asks, and about which call. What is empty is not known, and leaves nothing out.

    `language`: BCP 47, of the customer; `channel`: see `models.Channel`.
    """

    team: UUID | None = None
    queue: UUID | None = None
    channel: str = ""
    language: str = ""


def audience_of(user: User, *, channel: str = "", language: str = "", queue: UUID | None = None) -> Audience:
    """The audience that an agent is part of. Whoever is in no team (admins, analysts) sees what every team sees."""
    return Audience(team=user.team_id, queue=queue, channel=channel, language=language)


def holds(on: date | None = None, *, prefix: str = "") -> Q:
    """Whether something with `valid_from` and `valid_to` holds on a day, today in the company's time zone.

    `prefix`: the way to it in a query, such as `collection__`.
    """
    day = on or timezone.localdate()
    return (Q(**{f"{prefix}valid_from__isnull": True}) | Q(**{f"{prefix}valid_from__lte": day})) & (
        Q(**{f"{prefix}valid_to__isnull": True}) | Q(**{f"{prefix}valid_to__gte": day})
    )


def collections_for(audience: Audience, on: date | None = None) -> QuerySet[Collection]:
    """The collections that hold on a day and are for this audience; to be used within a query. No query itself."""
    wanted = holds(on)
    if audience.team is not None:
        wanted &= ~Q(pk__in=_named("teams")) | Q(teams=audience.team)
    if audience.queue is not None:
        wanted &= ~Q(pk__in=_named("queues")) | Q(queues=audience.queue)
    if audience.channel:
        wanted &= Q(channels=[]) | Q(channels__contains=[audience.channel])
    if audience.language:
        # "en-GB" is served by what is for "en", too.
        spoken = [audience.language, audience.language.partition("-")[0]]
        wanted &= Q(languages=[]) | Q(languages__overlap=spoken)
    return Collection.objects.filter(pk__in=Collection.objects.filter(wanted).values("pk")).order_by()


def _named(field: str) -> QuerySet[Collection, Any]:
    return Collection.objects.filter(**{f"{field}__isnull": False}).order_by().values("pk")
