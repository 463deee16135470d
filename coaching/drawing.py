"""Which arm of an experiment a conversation is in: by a fixed hash, when it begins, at no query of its own.

`effective_revisions` brings what is asked here with the revisions: `experiment_id`, `experiment_unit` and
`experiment_percent`, all None where no experiment of the policy runs.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any
from uuid import UUID

from coaching.models import Experiment, ExperimentArm, Guidance
from coaching.scopes import Audience, share_of

Arm = ExperimentArm.Arm
Kind = Guidance.Kind
# What the arm without guidance does without, unless its rule may not be muted. Script lines and checklists are what a
# company must say and do.
OPTIONAL = frozenset({Kind.HINT, Kind.KNOWLEDGE, Kind.PRAISE, Kind.PREFILL})


def may_be_withheld(kind: str, optional: bool) -> bool:
    """Whether guidance of this kind is what an experiment tries. Steps of playbooks are, though nobody mutes them."""
    return kind == Kind.STEP or (optional and kind in OPTIONAL)


def arm_of(experiment_id: UUID | str, unit: str, percent: int, audience: Audience) -> str | None:
    """The arm. None where agents are drawn and nobody is known: such a call is in none, and goes by the policy."""
    if unit == Experiment.Unit.CONVERSATION:
        audience = replace(audience, agent_id=None)
    elif audience.agent_id is None:
        return None
    return Arm.HELD if share_of(f"experiment:{experiment_id}", audience) < percent else Arm.SHOWN


def arms_drawn(revisions: Iterable[Any], audience: Audience) -> list[ExperimentArm]:
    """The arms of a conversation that begins with these revisions, not yet written."""
    drawn: list[ExperimentArm] = []
    for row in revisions:
        if row.experiment_id is None:
            continue
        arm = arm_of(row.experiment_id, row.experiment_unit, row.experiment_percent, audience)
        if arm is not None:
            drawn.append(
                ExperimentArm(
                    experiment_id=row.experiment_id, revision=row, agent_id=audience.agent_id, arm=arm
                )
            )
    return drawn
