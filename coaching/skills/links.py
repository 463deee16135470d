"""Where figures of skills lead: to the evaluations behind a criterion, and the conversations behind a behaviour."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.urls import reverse

from coaching.skills.skills import CRITERION, Skill
from qa.report_views import evaluations_link
from qa.reporting.asked import Asked


def behind_link(skill: Skill, asked: Asked, **more: Any) -> str:
    """What a figure of a skill rests on in what is asked for. `more`: "agent" or "team", by id."""
    if skill.kind == CRITERION:
        return evaluations_link(asked, criterion=skill.key, **more)
    # Conversations are found by what the behaviour is called and who has them now.
    which = {"since": asked.since.isoformat(), "until": asked.until.isoformat(), "behaviour": skill.name}
    which |= {name: str(value) for name, value in more.items()}
    if "agent" not in more and asked.agent is not None:
        which["agent"] = str(asked.agent.pk)
    elif "agent" not in more and asked.team is not None:
        which["team"] = str(asked.team.pk)
    return f"{reverse('conversations')}?{urlencode(which)}"
