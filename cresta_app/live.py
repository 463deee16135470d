"""What hears a call, and which stages it passes, in order. Redaction comes before all of them and is not optional."""

from __future__ import annotations

from conversations.live.ears import Ears
from conversations.live.stages import Stage
from engines.speech.fallback import UPLOAD


def ears() -> Ears:
    """Ears of a process' own for calls that are over: uploads."""
    return Ears(policy=UPLOAD)


def stages() -> list[Stage]:
    from coaching.live import GuidanceStage
    from moments.live import MomentStage

    return [MomentStage(), GuidanceStage()]


def chat_stages() -> list[Stage]:
    """What a chat passes after these."""
    from coaching.replying import RepliesStage

    return [RepliesStage()]
