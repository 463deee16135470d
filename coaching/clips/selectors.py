"""Reads of clips: the lists, how many are new to somebody, and a clip's thread."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from django.db.models import Count, Exists, OuterRef, Prefetch, Q, QuerySet, Subquery

from accounts.models import User
from accounts.permissions import Permission
from coaching.clips.access import Kind, clips_visible, shares_naming, teams_of
from coaching.models import Clip, ClipComment, ClipSeen, ClipShare
from coaching.skills.skills import Skill, skills_named

MADE, SHARED, LIBRARY, ALL = "made", "shared", "library", "all"
LISTS = (MADE, SHARED, LIBRARY, ALL)


def clips_listed(
    user: User, chosen: str = ALL, *, skill: str = "", conversation: UUID | None = None
) -> QuerySet[Clip]:
    """A list of clips, the newest first, with all that a row shows. Two queries with its shares.

    `chosen`: those that I made, that were shared with me or a team of mine, a library's, or all that I may read.
    `is_new` on each: it was shared with this person, by somebody else, and they have not opened it yet. `commented`:
    how many comments it has.
    """
    comments = ClipComment.objects.filter(clip=OuterRef("pk")).order_by().values("clip")
    rows = clips_visible(user).annotate(
        is_new=Exists(_unopened(user)),
        commented=Subquery(comments.annotate(n=Count("pk")).values("n")),
    )
    if chosen == MADE:
        rows = rows.filter(made_by=user)
    elif chosen == SHARED:
        rows = rows.filter(Exists(shares_naming(user).filter(clip=OuterRef("pk"))))
    elif chosen == LIBRARY:
        rows = rows.filter(Exists(_in_library(user).filter(clip=OuterRef("pk"))))
    if skill:
        rows = rows.filter(skill=skill)
    if conversation is not None:
        # For who has a stretch alone it is of no conversation.
        rows = rows.filter(Q(readable=True), conversation=conversation)
    shares = ClipShare.objects.select_related("user", "team")
    return rows.prefetch_related(Prefetch("shares", queryset=shares)).order_by("-pk")


def _in_library(user: User) -> QuerySet[ClipShare]:
    """What is in the libraries that this person reads: who may read all conversations reads those of all teams."""
    rows = ClipShare.objects.filter(kind=Kind.LIBRARY).order_by()
    if user.may(Permission.CONVERSATION_READ_ALL):
        return rows
    return rows.filter(Q(team__isnull=True) | Q(team__in=teams_of(user).values("pk")))


def _unopened(user: User) -> QuerySet[ClipShare]:
    """Shares of a clip (`OuterRef("pk")`) with this person by somebody else, of which they have not opened it."""
    opened = ClipSeen.objects.filter(clip=OuterRef("clip"), user=user)
    own = shares_naming(user).filter(clip=OuterRef("pk"), clip__state=Clip.State.KEPT)
    return own.exclude(shared_by=user).filter(~Exists(opened))


def clips_new(user: User) -> int:
    """How many clips were shared with this person that they have not opened yet. One query."""
    return clips_visible(user).filter(Exists(_unopened(user))).count()


def clips_of(user: User, conversation_id: UUID) -> int:
    """How many clips of a conversation this person may read. One query."""
    return clips_visible(user).filter(conversation=conversation_id, state=Clip.State.KEPT).count()


def skills_listed(user: User) -> dict[str, Skill]:
    """What the clips that this person may read are examples of, by reference, in order. Three queries at most."""
    used = clips_visible(user).exclude(skill="").order_by().values_list("skill", flat=True).distinct()
    return skills_named(used)


def skill_names(clips: Iterable[Clip]) -> dict[str, str]:
    """What the skills of these clips are called, by reference. Two queries at most."""
    return {ref: skill.name for ref, skill in skills_named({one.skill for one in clips if one.skill}).items()}


def shares_shown(user: User, clip: Clip) -> list[ClipShare]:
    """Whom a clip was shared with, for who may read its conversation; nothing for whom it was shared with."""
    if not getattr(clip, "readable", False):
        return []
    return list(clip.shares.select_related("user", "team", "shared_by"))


def comments_of(clip: Clip) -> list[ClipComment]:
    """The thread below a clip, the oldest first. One query."""
    return list(clip.comments.select_related("author").order_by("pk"))
