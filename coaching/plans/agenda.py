"""What a session can speak of: calls that show its skills at their worst and at their best, with the words for it.

Suggested from answers of evaluations and from what was observed of behaviours, since the session before. Words are
read from where they are kept, so that what was hidden or erased since is so here; who judges a call blind sees nothing
of it here either, and agents see a score once it was shown to them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.permissions import Permission
from coaching.clips.access import clips_visible, is_guest
from coaching.clips.stretch import names_for
from coaching.models import AgendaItem, BehaviourOutcome, Clip, CoachingSession
from coaching.plans.selectors import focuses_of, session_before
from coaching.skills.reading import outcomes_asked
from coaching.skills.skills import CRITERION, Skill, skills_named
from conversations.models import Conversation, Utterance
from conversations.redaction.labels import Labels
from conversations.review import Quote, quotes
from qa.access import evaluations_counted
from qa.answers import label_of
from qa.blind import blind_to
from qa.models import Answer
from qa.reporting.asked import Asked

Why, Result = AgendaItem.Why, BehaviourOutcome.Result

# How far back where there was no session before.
LOOK_BACK = timedelta(days=30)
WORST_SHOWN = 3
BEST_SHOWN = 1
# Observations of one behaviour that are looked through, the newest first.
OBSERVED_MAX = 500


@dataclass(slots=True)
class Shown:
    """A call as pages show it, or a clip. `result`: the answer, or how often it was done, in words; `score`: 0-100.

    `gone`: "call", "clip" or "words" where they are no longer there, "blind" for who judges it blind now; "" else.
    """

    conversation: Conversation | None
    skill: str = ""
    skill_name: str = ""
    why: str = Why.CHOSEN
    result: str = ""
    score: float | None = None
    evidence: list[dict[str, Any]] = field(default_factory=list)
    quotes: list[Quote] = field(default_factory=list)
    gone: str = ""
    clip: Clip | None = None
    clip_title: str = ""

    @property
    def at_ms(self) -> int | None:
        """Where in the call the first of it is."""
        return self.quotes[0].at_ms if self.quotes else None


# --- Suggestions ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Suggested:
    """What could be spoken of, by skill; since when was looked, and of which skills."""

    calls: list[Shown]
    since: datetime
    skills: list[Skill]


def calls_suggested(user: User, session: CoachingSession) -> Suggested:
    """For whoever prepares a session: of each skill the worst calls and the best one, since the session before.

    Calls that stand on the agenda are left out. Eight queries, and two for each skill.
    """
    before = session_before(session)
    since = before.held_at if before and before.held_at else timezone.now() - LOOK_BACK
    refs = [one.skill for one in focuses_of(session)]
    known = skills_named(refs)
    skills = [known[ref] for ref in dict.fromkeys(refs) if ref in known]
    taken = {
        (one.conversation_id, one.skill) for one in session.items.all() if one.conversation_id is not None
    }
    found: list[Shown] = []
    for skill in skills:
        gone = [call for call, ref in taken if ref == skill.ref]
        if skill.kind == CRITERION:
            found += _by_answers(user, session, skill, since, gone)
        else:
            found += _by_outcomes(user, session, skill, since, gone)
    quote_all(found)
    return Suggested(found, since, skills)


def _by_answers(
    user: User, session: CoachingSession, skill: Skill, since: datetime, but: Collection[UUID]
) -> list[Shown]:
    judged = evaluations_counted(user).filter(
        agent=session.agent_id,
        revision__template=skill.owner_id,
        conversation__announced_at__gte=since,
        conversation__words_erased_at__isnull=True,
    )
    rows = (
        Answer.objects.filter(
            evaluation__in=judged.exclude(conversation__in=but), criterion_key=skill.key, score__isnull=False
        )
        .select_related("evaluation__conversation__customer", "evaluation__revision")
        .order_by("score", "-evaluation__conversation__announced_at", "pk")
    )
    worst = list(rows.filter(score__lt=100)[:WORST_SHOWN])
    best = list(
        rows.exclude(pk__in=[one.pk for one in worst])
        .filter(score__gt=min((one.score or 0.0 for one in worst), default=0.0))
        .order_by("-score", "-evaluation__conversation__announced_at", "pk")[:BEST_SHOWN]
    )
    return [
        _answered(answer, skill.ref, skill.name, why)
        for why, answers in ((Why.WORST, worst), (Why.BEST, best))
        for answer in answers
    ]


def _answered(answer: Answer, ref: str, name: str, why: str) -> Shown:
    specs = {one["key"]: one for one in answer.evaluation.revision.spec["criteria"]}
    return Shown(
        answer.evaluation.conversation,
        ref,
        name,
        why,
        label_of(specs[answer.criterion_key], answer.value),
        answer.score,
        answer.evidence,
    )


def _by_outcomes(
    user: User, session: CoachingSession, skill: Skill, since: datetime, but: Collection[UUID]
) -> list[Shown]:
    asked = Asked(timezone.localdate(since), timezone.localdate(), agent=session.agent)
    rows = (
        outcomes_asked(user, asked)
        .filter(
            revision__policy=skill.owner_id,
            behaviour_key=skill.key,
            conversation__announced_at__gte=since,
            conversation__words_erased_at__isnull=True,
        )
        .exclude(conversation__in=but)
    )
    seen = list(rows.order_by("-conversation__announced_at", "at_ms")[:OBSERVED_MAX])
    chosen = worst_and_best(
        [(one.conversation_id, one.result == Result.DONE) for one in seen], WORST_SHOWN, BEST_SHOWN
    )
    calls = Conversation.objects.select_related("customer").in_bulk([call for call, _why in chosen])
    return [
        _observed(
            calls[call], [one for one in seen if one.conversation_id == call], skill.ref, skill.name, why
        )
        for call, why in chosen
    ]


def worst_and_best(seen: Sequence[tuple[UUID, bool]], worst: int, best: int) -> list[tuple[UUID, str]]:
    """Of what was seen in calls, the newest first, `(call, done)`: those where most was missed, and the best of others.

    The best has done it each time, and oftener than others; of equals the newest.
    """
    missed: dict[UUID, int] = {}
    done: dict[UUID, int] = {}
    for call, was_done in seen:
        counted = done if was_done else missed
        counted[call] = counted.get(call, 0) + 1
    bad = sorted(missed, key=lambda call: -missed[call])[:worst]
    good = sorted((call for call in done if call not in missed), key=lambda call: -done[call])[:best]
    found: list[tuple[UUID, str]] = [(call, Why.WORST) for call in bad]
    return found + [(call, Why.BEST) for call in good]


def _observed(
    call: Conversation, seen: Sequence[BehaviourOutcome], ref: str, name: str, why: str = Why.CHOSEN
) -> Shown:
    """Of what was missed the situation that called for it; of what was done the words that show it."""
    done = [one for one in seen if one.result == Result.DONE]
    missed = [one for one in seen if one.result != Result.DONE]
    told = missed or done
    places = [place for one in told for place in (one.situation if missed else one.evidence)]
    result = _("%(done)d of %(all)d times") % {"done": len(done), "all": len(seen)}
    return Shown(call, ref, name, why, result, 100 * len(done) / len(seen), places)


# --- The agenda -----------------------------------------------------------------------------------------


def items_shown(user: User, session: CoachingSession) -> list[tuple[AgendaItem, Shown]]:
    """The agenda with what each item shows to this person. Seven queries at most."""
    items = list(session.items.select_related("conversation__customer", "evaluation__revision", "outcome"))
    calls = {one.conversation_id for one in items if one.conversation_id is not None}
    hidden = _blind(user, calls)
    answers = {
        (answer.evaluation_id, answer.criterion_key): answer
        for answer in Answer.objects.filter(
            evaluation__in={one.evaluation_id for one in items if one.evaluation_id}
        ).select_related("evaluation__conversation__customer", "evaluation__revision")
    }
    observed = _observations(session, items)
    clips = _clips(user, items)
    found = []
    for item in items:
        if item.kind == AgendaItem.Kind.CLIP:
            found.append((item, _clip(item, clips)))
        else:
            found.append((item, _item(user, item, answers, observed, hidden)))
    quote_all(shown for _item, shown in found)
    return found


def _blind(user: User, calls: Collection[UUID]) -> set[UUID]:
    if not calls or not user.may(Permission.EVALUATION_OVERRIDE):
        return set()
    return set(Conversation.objects.filter(blind_to(user, "pk"), pk__in=calls).values_list("pk", flat=True))


def _clips(user: User, items: Iterable[AgendaItem]) -> dict[UUID, Clip]:
    """The clips of these items that this person may read. One query, none without any."""
    wanted = [one.clip_id for one in items if one.clip_id is not None]
    return {clip.pk: clip for clip in clips_visible(user).filter(pk__in=wanted)} if wanted else {}


def _clip(item: AgendaItem, clips: dict[UUID, Clip]) -> Shown:
    """Of the conversation it was cut from only the clip is told: it may be another agent's."""
    clip = clips.get(item.clip_id) if item.clip_id is not None else None
    if clip is None or clip.is_gone:
        return Shown(None, item.skill, item.skill_name, item.why, gone="clip")
    title = names_for(clip, guest=is_guest(clip)).hide(clip.title)
    return Shown(None, item.skill, item.skill_name, item.why, clip=clip, clip_title=title)


def _observations(
    session: CoachingSession, items: Iterable[AgendaItem]
) -> dict[tuple[UUID, str], list[BehaviourOutcome]]:
    """What was observed of the agent in the calls of these items, by call and behaviour. One query, or none."""
    calls = [one.conversation for one in items if one.outcome_id is not None and one.conversation is not None]
    found: dict[tuple[UUID, str], list[BehaviourOutcome]] = {}
    if calls:
        for row in seen_in(None, session, calls).order_by("at_ms", "pk"):
            found.setdefault((row.conversation_id, row.behaviour_key), []).append(row)
    return found


def seen_in(
    user: User | None, session: CoachingSession, calls: Sequence[Conversation]
) -> QuerySet[BehaviourOutcome]:
    days = [timezone.localdate(call.announced_at) for call in calls]
    asked = Asked(min(days), max(days), agent=session.agent)
    return outcomes_asked(user, asked).filter(conversation__in=[call.pk for call in calls])


def _item(
    user: User,
    item: AgendaItem,
    answers: dict[tuple[UUID, str], Answer],
    observed: dict[tuple[UUID, str], list[BehaviourOutcome]],
    hidden: Collection[UUID],
) -> Shown:
    call = item.conversation
    plain = Shown(call, item.skill, item.skill_name, item.why)
    if item.kind != AgendaItem.Kind.CALL:
        return plain
    if call is None:
        plain.gone = "call"
        return plain
    if call.words_erased_at is not None:
        plain.gone = "words"
    if call.pk in hidden:
        plain.gone = "blind"
        return plain
    key = item.skill.split(":", 2)[-1]
    answer = answers.get((item.evaluation_id, key)) if item.evaluation_id else None
    made = plain
    if answer is not None:
        made = _answered(answer, item.skill, item.skill_name, item.why)
        evaluation = answer.evaluation
        if not user.may(Permission.CONVERSATION_READ_TEAM) and evaluation.released_at is None:
            made.result, made.score = "", None
    elif item.outcome is not None and (seen := observed.get((call.pk, item.outcome.behaviour_key))):
        made = _observed(call, seen, item.skill, item.skill_name, item.why)
    made.conversation, made.gone = call, plain.gone
    if made.gone:
        made.evidence = []
    return made


def quote_all(shown: Iterable[Shown]) -> None:
    """Put the words beside the evidence of all of these. One query."""
    rows = [one for one in shown if one.evidence]
    wanted = {str(place["utterance"]) for one in rows for place in one.evidence if place.get("utterance")}
    spoken = {
        str(row["id"]): dict(row)
        for row in Utterance.objects.filter(pk__in=wanted).values("id", "text", "start_ms")
    }
    label = Labels()
    for one in rows:
        one.quotes = quotes(one.evidence, spoken, label)
