"""Which clips a person may read and hear, which they may share, and with whom."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import Http404
from django.shortcuts import get_object_or_404

from accounts.models import Team, User
from accounts.permissions import Permission, Role
from coaching.models import Clip, ClipShare
from conversations.access import conversations_visible
from conversations.models import Conversation, Handover
from qa.blind import blind_to
from qa.parts import parts_of

Kind = ClipShare.Kind


def teams_of(user: User) -> QuerySet[Team]:
    """The teams whose clips reach this person: their own, and those that they look after."""
    return Team.objects.filter(Q(pk=user.team_id) | Q(supervisors=user)).order_by()


def shares_reaching(user: User) -> QuerySet[ClipShare]:
    """Shares that let this person read a clip, whether they are named, in the team, or read the library."""
    in_team = Q(team__in=teams_of(user).values("pk"))
    of_all = Q(kind=Kind.LIBRARY, team__isnull=True)
    return ClipShare.objects.filter(Q(kind=Kind.PERSON, user=user) | in_team | of_all).order_by()


def shares_naming(user: User) -> QuerySet[ClipShare]:
    """Shares with this person or a team of theirs; a library is nobody's in particular."""
    return shares_reaching(user).exclude(kind=Kind.LIBRARY)


def clips_visible(user: User) -> QuerySet[Clip]:
    """Clips of conversations that this person may read, and those that were shared with them.

    `readable` on each: whether they may read its conversation; without it they get the stretch and no more of it.
    Those that went with their conversation stay in the lists of who made them and whom they were shared with. Who
    judges a conversation blind sees no clip of it, which may tell what others think of it.
    """
    if not user.may(Permission.COACHING_READ):
        return Clip.objects.none()
    own = conversations_visible(user).filter(pk=OuterRef("conversation_id")).order_by()
    reaching = shares_reaching(user).filter(clip=OuterRef("pk"))
    rows = Clip.objects.annotate(readable=Exists(own)).filter(
        Q(readable=True) | Q(Exists(reaching)) | Q(made_by=user, state=Clip.State.GONE)
    )
    if user.may(Permission.EVALUATION_OVERRIDE):
        rows = rows.exclude(blind_to(user))
    return rows.select_related("conversation__agent", "conversation__customer", "made_by")


def clip_for(user: User, clip_id: UUID | str) -> Clip:
    """Load one that this person may read. `Http404` otherwise."""
    row = clips_visible(user).filter(pk=_uuid(clip_id)).first()
    if row is None:
        raise Http404("no such clip")
    return row


def is_guest(clip: Clip) -> bool:
    """Whether a clip of `clips_visible` is all that its reader may see of the conversation."""
    return not getattr(clip, "readable", False)


def judges_blind(user: User, conversation: Conversation) -> bool:
    """Whether this person is to judge a conversation without knowing what others think of it."""
    if not user.may(Permission.EVALUATION_OVERRIDE):
        return False
    return Conversation.objects.filter(blind_to(user, "pk"), pk=conversation.pk).exists()


def may_edit(user: User, clip: Clip) -> bool:
    """Whether they may change what a clip is called, or take it away: who made it, and who coaches its agent."""
    if clip.is_gone or is_guest(clip):
        return False
    return clip.made_by_id == user.pk or may_share(user, clip)


def may_share(user: User, clip: Clip) -> bool:
    """Whether they may show this stretch to others: who coaches every agent that has a part in it.

    Supervisors: the agents of the teams that they look after. Analysts and admins: everybody's.
    """
    if clip.is_gone or is_guest(clip) or not user.may(Permission.COACHING_MANAGE):
        return False
    if user.may(Permission.CONVERSATION_READ_ALL):
        return True
    found = agents_in(clip)
    agents = {one for one in found if one is not None}
    theirs = User.objects.filter(pk__in=agents, team__supervisors=user).values_list("pk", flat=True)
    # Nobody knows whose a part of it is: then it is for nobody's supervisor to show.
    return bool(agents) and len(agents) == len(found) and set(theirs) == agents


def agents_in(clip: Clip) -> set[UUID | None]:
    """Whose the conversation was in this stretch. None: nobody knows."""
    assert clip.conversation is not None
    passed = Handover.objects.filter(conversation=clip.conversation_id)
    found = parts_of(
        passed.values_list("at_ms", "from_agent_id", "to_agent_id"),
        clip.conversation.agent_id,
        # Beyond the end of whatever was cut out.
        clip.end_ms + 1,
    )
    return {
        part.agent_id
        for part in found
        if any(begin <= clip.end_ms and stop > clip.start_ms for begin, stop in part.segments)
    }


@dataclass(frozen=True, slots=True)
class Whom:
    """Whom a clip is to be shared with. `kind`: of `ClipShare.Kind`; a library without a team is the company's."""

    kind: str
    user: User | None = None
    team: Team | None = None


def whom_of(kind: str, key: UUID | str) -> Whom:
    """Whom a form or a call of the API names; whether that is allowed is for `clip_share`. `Http404` for nobody."""
    if kind == Kind.PERSON:
        return Whom(kind, user=get_object_or_404(User, pk=_uuid(key)))
    if kind == Kind.TEAM or (kind == Kind.LIBRARY and key):
        return Whom(kind, team=get_object_or_404(Team, pk=_uuid(key)))
    if kind == Kind.LIBRARY:
        return Whom(kind)
    raise Http404("nobody to share with")


@dataclass(frozen=True, slots=True)
class Recipients:
    """Whom a person may share clips with. `company`: the library that everybody reads, too."""

    agents: list[User]
    teams: list[Team]
    company: bool


def recipients_for(user: User) -> Recipients:
    """Supervisors: their teams, these teams' agents and libraries. Analysts and admins: everybody. Two queries."""
    agents = User.objects.filter(role=Role.AGENT, is_active=True).order_by("name")
    teams = Team.objects.order_by("name")
    everybody = user.may(Permission.CONVERSATION_READ_ALL)
    if not user.may(Permission.COACHING_MANAGE):
        return Recipients([], [], False)
    if not everybody:
        agents, teams = agents.filter(team__supervisors=user), teams.filter(supervisors=user)
    return Recipients(list(agents.distinct()), list(teams), everybody)


def _uuid(value: UUID | str) -> UUID:
    try:
        return value if isinstance(value, UUID) else UUID(value)
    except ValueError:
        raise Http404("no such thing") from None
