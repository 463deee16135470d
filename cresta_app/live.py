"""Which stages a live call passes, in order. Redaction comes before all of them and is not optional."""

from __future__ import annotations

from conversations.live.stages import Stage


def stages() -> list[Stage]:
    from coaching.live import GuidanceStage
    from moments.live import MomentStage

    return [MomentStage(), GuidanceStage()]
