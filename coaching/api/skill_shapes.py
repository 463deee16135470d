"""What the API of skills is asked for, and what its answers look like."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rest_framework import serializers

from accounts.api.base import PersonSerializer
from accounts.models import User
from coaching.skills.effects import VERDICTS, Effect
from coaching.skills.files import FILES
from coaching.skills.focus import Focus, FocusList
from coaching.skills.gaps import GapMap
from coaching.skills.mine import MY_DAYS, Mine, MySkill
from coaching.skills.skills import KINDS, Skill
from conversations.events import person, stamp
from engines.trials import Estimate
from qa.api.report_shapes import TeamNamedSerializer
from qa.reporting.asked import DAYS_DEFAULT, DAYS_MAX, Asked
from qa.reporting.tables import FORMS

Serializer = serializers.Serializer[Any]


class SkillsAskedSerializer(Serializer):
    """A period, and which skills and agents."""

    days = serializers.IntegerField(
        min_value=1, max_value=DAYS_MAX, default=DAYS_DEFAULT, help_text="Today included; or since and until."
    )
    since = serializers.DateField(required=False)
    until = serializers.DateField(required=False, help_text="Included. Today, if left out.")
    team = serializers.UUIDField(
        required=False, help_text="Of the time of the call; your first, if left out."
    )
    agent = serializers.UUIDField(required=False)
    queue = serializers.CharField(required=False, help_text="Its key.")
    scorecard = serializers.UUIDField(required=False, help_text="Its criteria, and no behaviours.")
    kind = serializers.ChoiceField(KINDS, required=False)


class SkillFileAskedSerializer(SkillsAskedSerializer):
    report = serializers.ChoiceField(FILES)
    form = serializers.ChoiceField(FORMS)


class EffectAskedSerializer(Serializer):
    agent = serializers.UUIDField()
    skill = serializers.CharField(help_text="Its reference.")
    turn = serializers.DateField(
        required=False, help_text="The first day of after; 30 days ago, if left out."
    )
    since = serializers.DateField(
        required=False, help_text="The first day of before; 30 days before the turn."
    )
    until = serializers.DateField(required=False, help_text="Included. Today, if left out.")


class MyDaysSerializer(Serializer):
    days = serializers.IntegerField(
        min_value=1, max_value=DAYS_MAX, default=MY_DAYS, help_text="Today included; or since and until."
    )
    since = serializers.DateField(required=False)
    until = serializers.DateField(required=False)


class SkillSerializer(Serializer):
    ref = serializers.CharField(
        help_text="criterion:<scorecard>:<key> or behaviour:<policy>:<key>; the same over all revisions."
    )
    kind = serializers.ChoiceField(KINDS)
    name = serializers.CharField(help_text="In the newest wording.")
    group = serializers.CharField(help_text="The scorecard's or policy's name.")
    weight = serializers.FloatField()
    auto_fail = serializers.BooleanField()
    tip = serializers.CharField(allow_blank=True)
    current = serializers.BooleanField(help_text="It is still asked for.")


class FigureSerializer(Serializer):
    """Null where there is nothing to take it of."""

    n = serializers.IntegerField(help_text="Answers, or situations of a behaviour.")
    mean = serializers.FloatField(allow_null=True, help_text="0-100; of behaviours percent done.")
    low = serializers.FloatField(allow_null=True, help_text="Of the 95 % interval.")
    high = serializers.FloatField(allow_null=True)
    few = serializers.BooleanField(help_text="Of so few that it says little.")


class IntervalSerializer(Serializer):
    value = serializers.FloatField(help_text="Points.")
    low = serializers.FloatField(help_text="Of the 95 % interval.")
    high = serializers.FloatField()


class TopSerializer(Serializer):
    mean = serializers.FloatField()
    agents = serializers.IntegerField()
    of = serializers.IntegerField(help_text="Agents of whom enough is known.")


class SkillGapSerializer(FigureSerializer):
    agent = serializers.UUIDField()
    gap = serializers.FloatField(
        allow_null=True, help_text="Points below the top quarter; above it, negative."
    )
    sure = serializers.BooleanField(help_text="It is more than chance.")


class SkillGapRowSerializer(Serializer):
    skill = SkillSerializer()
    team = FigureSerializer()
    top = TopSerializer(allow_null=True, help_text="Null where fewer than four agents are known.")
    cells = SkillGapSerializer(many=True, help_text="Of agents with an observation.")


class GapMapSerializer(Serializer):
    since = serializers.DateField()
    until = serializers.DateField(help_text="Included.")
    team = TeamNamedSerializer(allow_null=True)
    n = serializers.IntegerField(help_text="Observations.")
    agents = PersonSerializer(many=True)
    left_out = serializers.IntegerField(help_text="Agents beyond what is shown.")
    rows = SkillGapRowSerializer(many=True)


class FocusSerializer(Serializer):
    """Gap, top quarter and worth are null for agents where the quarter is of fewer than three colleagues."""

    skill = SkillSerializer()
    figure = FigureSerializer()
    top = TopSerializer(allow_null=True)
    gap = serializers.FloatField(allow_null=True, help_text="Points below the team's top quarter.")
    impact = serializers.FloatField(help_text="0-1 of what is weighed in the score.")
    worth = serializers.FloatField(allow_null=True, help_text="Gap times impact: points of the score.")
    change = IntervalSerializer(allow_null=True, help_text="Against as many days before; null: too few.")
    trend = serializers.FloatField(help_text="0.5 (closing) to 1.5 (widening).")
    reason = serializers.CharField()


class FocusListSerializer(Serializer):
    agent = PersonSerializer()
    items = FocusSerializer(many=True, help_text="The most important first; three at most.")
    why_none = serializers.CharField(allow_blank=True)


class FocusListsSerializer(Serializer):
    since = serializers.DateField()
    until = serializers.DateField(help_text="Included.")
    agents = FocusListSerializer(many=True)
    left_out = serializers.IntegerField(help_text="Agents beyond what is shown.")


class OthersSerializer(Serializer):
    n = serializers.IntegerField(help_text="Other agents of the team of whom enough is known.")
    change = IntervalSerializer(help_text="How much they changed on average.")
    beyond = IntervalSerializer(help_text="How much more this agent did.")


class EffectSerializer(Serializer):
    agent = PersonSerializer()
    skill = SkillSerializer()
    since = serializers.DateField()
    turn = serializers.DateField(help_text="The first day of after.")
    until = serializers.DateField(help_text="Included.")
    before = FigureSerializer()
    after = FigureSerializer()
    change = IntervalSerializer(allow_null=True)
    others = OthersSerializer(allow_null=True, help_text="Null where too few others are known.")
    verdict = serializers.ChoiceField(VERDICTS, help_text="Beside the others, if known.")
    words = serializers.CharField()


class MySkillSerializer(Serializer):
    skill = SkillSerializer()
    figure = FigureSerializer()
    before = FigureSerializer(help_text="In as many days before.")
    change = IntervalSerializer(allow_null=True)
    verdict = serializers.ChoiceField(VERDICTS)
    team = FigureSerializer(allow_null=True, help_text="Null where fewer than five of them are known.")
    top = TopSerializer(allow_null=True, help_text="Null where it is of fewer than three.")


class ShownSerializer(Serializer):
    skill = SkillSerializer()
    done = serializers.IntegerField()
    situations = serializers.IntegerField()
    conversation = serializers.UUIDField(help_text="Where it was done last.")
    at_ms = serializers.IntegerField()


class SentenceSerializer(Serializer):
    question = serializers.CharField()
    html = serializers.CharField(help_text="The words, escaped; what counts is marked.")
    conversation = serializers.UUIDField()
    answer = serializers.UUIDField()
    at_ms = serializers.IntegerField()


class WinsSerializer(Serializer):
    behaviours = ShownSerializer(many=True)
    risen = MySkillSerializer(many=True)
    sentences = SentenceSerializer(many=True)


class MyScoreSerializer(Serializer):
    id = serializers.UUIDField()
    conversation = serializers.UUIDField()
    at = serializers.DateTimeField()
    scorecard = serializers.CharField()
    total = serializers.FloatField()


class MyPointSerializer(Serializer):
    since = serializers.DateField()
    until = serializers.DateField()
    n = serializers.IntegerField()
    mean = serializers.FloatField(allow_null=True)


class MineSerializer(Serializer):
    since = serializers.DateField()
    until = serializers.DateField(help_text="Included.")
    n = serializers.IntegerField(help_text="Scores that were released.")
    mean = serializers.FloatField(allow_null=True)
    wins = WinsSerializer()
    focus = FocusListSerializer()
    scores = MyScoreSerializer(many=True, help_text="The newest ten.")
    skills_since = serializers.DateField(help_text="Skills and focus are of 30 days or more.")
    skills = MySkillSerializer(many=True)
    trend = MyPointSerializer(many=True, help_text="By week.")


# --- How they are filled --------------------------------------------------------------------------------


def gaps_shown(found: GapMap, asked: Asked) -> dict[str, Any]:
    rows = []
    for row in found.rows:
        cells = [
            {
                "agent": key,
                **{name: getattr(cell.figure, name) for name in ("n", "mean", "low", "high", "few")},
                "gap": cell.gap,
                "sure": cell.sure,
            }
            for cell, (key, _name) in zip(row.cells, found.agents, strict=True)
            if cell is not None
        ]
        rows.append({"skill": row.skill, "team": row.team, "top": row.top, "cells": cells})
    return {
        "since": asked.since,
        "until": asked.until,
        "team": found.team,
        "n": found.n,
        "agents": [{"id": key, "name": name} for key, name in found.agents],
        "left_out": found.left_out,
        "rows": rows,
    }


def focus_shown(lists: Iterable[tuple[User, FocusList]], asked: Asked, left_out: int) -> dict[str, Any]:
    return {
        "since": asked.since,
        "until": asked.until,
        "agents": [_list(agent, one) for agent, one in lists],
        "left_out": left_out,
    }


def _list(agent: User, one: FocusList) -> dict[str, Any]:
    return {
        "agent": person(agent),
        "items": [_item(item) for item in one.items],
        "why_none": one.why_none,
    }


def _item(item: Focus) -> dict[str, Any]:
    return {
        "skill": item.skill,
        "figure": item.figure,
        "top": item.top if item.told else None,
        "gap": item.gap if item.told else None,
        "impact": item.impact,
        "worth": item.worth if item.told else None,
        "change": item.change,
        "trend": item.trend,
        "reason": item.reason,
    }


def effect_shown(found: Effect, skill: Skill, agent: User) -> dict[str, Any]:
    change = None
    if found.difference is not None and found.low is not None and found.high is not None:
        change = Estimate(found.difference, found.low, found.high)
    told = ("since", "turn", "until", "before", "after", "others", "verdict", "words")
    return {
        "agent": person(agent),
        "skill": skill,
        "change": change,
        **{name: getattr(found, name) for name in told},
    }


def _my_skills(skills: Iterable[MySkill]) -> list[dict[str, Any]]:
    told = ("skill", "figure", "before", "change", "verdict", "team", "top")
    return [{name: getattr(one, name) for name in told} for one in skills]


def mine_shown(mine: Mine) -> dict[str, Any]:
    sentences = [
        {
            "question": one.question,
            "html": one.quote.html,
            "conversation": one.conversation_id,
            "answer": one.answer_id,
            "at_ms": one.quote.at_ms,
        }
        for one in mine.sentences
    ]
    shown = [
        {
            "skill": one.skill,
            "done": one.done,
            "situations": one.situations,
            "conversation": one.conversation_id,
            "at_ms": one.at_ms,
        }
        for one in mine.shown
    ]
    scores = [
        {
            "id": row.pk,
            "conversation": row.conversation_id,
            "at": stamp(row.conversation.announced_at),
            "scorecard": row.revision.spec["name"],
            "total": float(row.total or 0),
        }
        for row in mine.scores
    ]
    assert mine.asked.agent is not None
    return {
        "since": mine.asked.since,
        "until": mine.asked.until,
        "n": mine.figures.n,
        "mean": mine.figures.mean,
        "wins": {"behaviours": shown, "risen": _my_skills(mine.risen), "sentences": sentences},
        "focus": _list(mine.asked.agent, mine.focus),
        "scores": scores,
        "skills_since": mine.over.since,
        "skills": _my_skills(mine.skills),
        "trend": [
            {"since": one.since, "until": one.until, "n": one.figures.n, "mean": one.figures.mean}
            for one in mine.trend
        ],
    }
