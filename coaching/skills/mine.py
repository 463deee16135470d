"""An agent's own page: what went well first, the scores that were shown to them, their focus, how they come along.

Of themselves agents read what was released to them. Of their team they read what is of several: its mean where five or
more are known, its top quarter where that is of three or more.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.urls import reverse

from accounts.models import User
from coaching.models import BehaviourOutcome
from coaching.skills.effects import OTHERS_SHOWN, Verdict, verdict_of
from coaching.skills.figures import Figure, change_of, figure_of
from coaching.skills.focus import FocusList, Known, focus_for, known_for
from coaching.skills.gaps import TOP_SHOWN, Top, by_skill, top_quarter
from coaching.skills.reading import outcomes_asked
from coaching.skills.skills import Skill, behaviour_ref, skills_named
from conversations.models import Utterance
from conversations.redaction.labels import Labels
from conversations.review import Quote, quotes
from engines.progress import Tally
from engines.trials import Estimate
from qa.access import evaluations_counted
from qa.models import Answer, Evaluation
from qa.reporting.asked import Asked
from qa.reporting.figures import Figures, Point, summary, trend
from qa.reporting.listed import evaluations_behind, narrowed_from

# Wins of each kind, scores and answers that are looked through for sentences.
WINS, SCORES, ANSWERS = 3, 10, 200
MY_DAYS = 7
# Skills are looked at over so many days at least: a week of one person says little.
SKILL_DAYS = 30
TREND_DAYS = 84


@dataclass(frozen=True, slots=True)
class Shown:
    """A behaviour that was shown: `done` times of `situations`, last in this conversation at `at_ms`."""

    skill: Skill
    done: int
    situations: int
    conversation_id: UUID
    at_ms: int

    @property
    def link(self) -> str:
        return f"{reverse('conversation', args=[self.conversation_id])}?{urlencode({'t': self.at_ms})}"


@dataclass(frozen=True, slots=True)
class Sentence:
    """Words of theirs that an answer worth everything rests on."""

    question: str
    quote: Quote
    conversation_id: UUID
    answer_id: UUID

    @property
    def link(self) -> str:
        asked = urlencode({"tab": "score", "answer": self.answer_id, "t": self.quote.at_ms})
        return f"{reverse('conversation', args=[self.conversation_id])}?{asked}#answer-{self.answer_id}"


@dataclass(frozen=True, slots=True)
class MySkill:
    """One skill of theirs: in the period, in as long before, how much it changed (None: too few), and the team's mean
    and top quarter, where they may be told."""

    skill: Skill
    figure: Figure
    before: Figure
    change: Estimate | None
    team: Figure | None
    top: Top | None

    @property
    def verdict(self) -> Verdict:
        return Verdict.FEW if self.change is None else verdict_of(self.change)


@dataclass(frozen=True, slots=True)
class Mine:
    """All of the page. `asked`: the period of scores and wins; `over`: that of skills and focus, which is longer."""

    asked: Asked
    over: Asked
    figures: Figures
    scores: list[Evaluation]
    shown: list[Shown]
    risen: list[MySkill]
    sentences: list[Sentence]
    skills: list[MySkill]
    focus: FocusList
    trend: list[Point]
    trend_asked: Asked


def my_page(user: User, asked: Asked) -> Mine:
    """What an agent's own page shows of these days. 17 queries at most."""
    asked = replace(asked, agent=user, team=None, no_team=False, queue=None, no_queue=False, scorecard=None)
    asked = replace(asked, source="")
    over = replace(asked, since=min(asked.since, asked.until - timedelta(days=SKILL_DAYS - 1)))
    long = replace(asked, since=min(asked.since, asked.until - timedelta(days=TREND_DAYS - 1)), step="week")
    rows = asked.rows(user)
    known = known_for(user, over)
    skills = my_skills(user, known)
    risen = [one for one in skills if one.verdict == Verdict.BETTER]
    return Mine(
        asked=asked,
        over=over,
        figures=summary(rows, asked),
        scores=list(evaluations_behind(user, asked, narrowed_from({}))[:SCORES]),
        shown=behaviours_shown(user, asked),
        risen=sorted(risen, key=lambda one: -(one.change.value if one.change else 0.0))[:WINS],
        sentences=best_sentences(user, asked),
        skills=skills,
        focus=focus_for(user, [user], over, known=known)[user.pk],
        trend=trend(long.rows(user), long),
        trend_asked=long,
    )


def my_skills(user: User, known: Known) -> list[MySkill]:
    """Each skill of which something was observed in the period, in its place. Two queries."""
    mine = {place: one for place, one in known.read.items() if place.agent_id == user.pk}
    early, late = by_skill(mine), by_skill(mine, late=True)
    skills = skills_named(late)
    team = known.teams.get(user.pk)
    compared = {place: one for place, one in known.compared.items() if place.team_id == team}
    whole = by_skill(compared, late=True) if team is not None else {}
    found = []
    for ref, skill in skills.items():
        now, then = (figure_of(one.get(ref, {}).get(user.pk, Tally())) for one in (late, early))
        figures = [figure_of(tally) for tally in whole.get(ref, {}).values()]
        top = top_quarter(figures)
        enough = sum(one.known for one in figures) >= OTHERS_SHOWN
        mean = figure_of(sum(whole[ref].values(), Tally())) if enough else None
        found.append(
            MySkill(
                skill, now, then, change_of(then, now), mean, top if top and top.agents >= TOP_SHOWN else None
            )
        )
    return found


def behaviours_shown(user: User, asked: Asked) -> list[Shown]:
    """Behaviours that were done in the period: those that are praised first, then those done most often. Three queries.

    Of their own conversations agents see on its page what was expected and done; nothing has to be released.
    """
    counted: dict[str, list[int]] = {}
    newest: dict[str, tuple[UUID, int]] = {}
    fields = (
        "conversation__announced_at",
        "at_ms",
        "conversation_id",
        "revision__policy_id",
        "behaviour_key",
        "result",
    )
    rows = outcomes_asked(user, replace(asked, agent=user)).values_list(*fields)
    for _at, at_ms, conversation, policy, key, result in sorted(rows, reverse=True):
        ref = behaviour_ref(policy, key)
        done = result == BehaviourOutcome.Result.DONE
        one = counted.setdefault(ref, [0, 0])
        one[0] += done
        one[1] += 1
        if done:
            newest.setdefault(ref, (conversation, at_ms))
    skills = skills_named(newest)
    found = [
        Shown(skills[ref], counted[ref][0], counted[ref][1], *newest[ref]) for ref in newest if ref in skills
    ]
    found.sort(key=lambda one: (not one.skill.praise, -one.done, one.skill.name))
    return found[:WINS]


def best_sentences(user: User, asked: Asked) -> list[Sentence]:
    """Words of theirs behind answers worth 100 in scores that were shown to them: of the criteria that weigh most, each
    of another one and another conversation. Three queries."""
    scores = asked.narrow(evaluations_counted(user)).order_by("-pk").values("pk")
    answers = list(
        Answer.objects.filter(evaluation__in=scores, score=100)
        .exclude(evidence=[])
        .select_related("evaluation__revision")
        .order_by("-evaluation_id")[:ANSWERS]
    )
    spoken = _spoken(answers)
    label = Labels()
    weighed = sorted(answers, key=lambda one: -_spec(one).get("weight", 0))
    found: list[Sentence] = []
    used: set[Any] = set()
    for answer in weighed:
        spec = _spec(answer)
        conversation = answer.evaluation.conversation_id
        if not spec or not used.isdisjoint({answer.criterion_key, conversation}):
            continue
        own = [one for one in answer.evidence if str(one.get("utterance")) in spoken]
        if own and (said := quotes(own, spoken, label)):
            found.append(Sentence(spec["question"], said[0], conversation, answer.pk))
            used |= {answer.criterion_key, conversation}
        if len(found) == WINS:
            break
    return found


def _spec(answer: Answer) -> dict[str, Any]:
    criteria = answer.evaluation.revision.spec["criteria"]
    return next((one for one in criteria if one["key"] == answer.criterion_key), {})


def _spoken(answers: Iterable[Answer]) -> dict[str, dict[str, Any]]:
    """What agents said of what these answers rest on, by utterance."""
    wanted = {str(one["utterance"]) for answer in answers for one in answer.evidence if one.get("utterance")}
    rows = Utterance.objects.filter(pk__in=wanted, speaker="agent").values("id", "text", "start_ms")
    return {str(row["id"]): dict(row) for row in rows}
