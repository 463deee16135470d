"""What is put on an agenda: a call of the agent's that both may read, with what shows a skill in it, or a clip."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.core.exceptions import ValidationError
from django.http import Http404
from django.utils.translation import gettext as _

from accounts.models import User
from coaching.clips.access import clip_for
from coaching.models import Clip, CoachingSession
from coaching.plans.agenda import seen_in
from coaching.skills.skills import CRITERION, Skill, skill_of
from conversations.access import conversations_visible
from qa.access import evaluations_counted


@dataclass(frozen=True, slots=True)
class Source:
    """A call that shows a skill, by an answer of an evaluation or by what was observed (by neither: the call alone);
    or a clip."""

    conversation_id: UUID | None
    skill: str = ""
    skill_name: str = ""
    evaluation_id: UUID | None = None
    outcome_id: UUID | None = None
    clip: Clip | None = None


def source_taken(
    user: User,
    session: CoachingSession,
    *,
    conversation_id: UUID | None = None,
    clip_id: UUID | None = None,
    skill: str = "",
) -> Source | None:
    """What somebody puts on an agenda; None for neither call nor clip. Raises `ValidationError` and `Http404`."""
    if conversation_id is None and clip_id is None:
        return None
    named = None
    if skill:
        named = skill_of(skill)
        if named is None:
            raise ValidationError({"skill": _("There is no such skill.")})
    if clip_id is not None:
        clip = clip_for(user, clip_id)
        if clip.is_gone:
            raise Http404("no such clip")
        named = named or (skill_of(clip.skill) if clip.skill else None)
        return Source(
            clip.conversation_id, named.ref if named else "", named.name if named else "", clip=clip
        )
    assert conversation_id is not None
    return _of_call(user, session, conversation_id, named)


def _of_call(user: User, session: CoachingSession, conversation_id: UUID, skill: Skill | None) -> Source:
    """What shows a skill in a call that both may read; the call alone, where nothing does or no skill is named."""
    both = conversations_visible(user).filter(pk=conversation_id)
    call = conversations_visible(session.agent).filter(pk__in=both.values("pk")).first()
    if call is None:
        raise Http404("no such call of theirs")
    if skill is None:
        return Source(conversation_id)
    if skill.kind == CRITERION:
        judged = evaluations_counted(user).filter(
            agent=session.agent_id, conversation=conversation_id, revision__template=skill.owner_id
        )
        answered = judged.filter(answers__criterion_key=skill.key).values_list("pk", flat=True).first()
        return Source(conversation_id, skill.ref, skill.name, evaluation_id=answered)
    seen = seen_in(user, session, [call]).filter(revision__policy=skill.owner_id, behaviour_key=skill.key)
    # Missed ones first.
    first = seen.order_by("-result", "at_ms").values_list("pk", flat=True).first()
    return Source(conversation_id, skill.ref, skill.name, outcome_id=first)
