"""What hears a call, and which stages it passes, in order. Redaction comes before all of them and is not optional."""

from __future__ import annotations

from django.conf import settings

from conversations.live.ears import Ears
from conversations.live.stages import Stage


def ears() -> Ears:
    """Ears of a process' own, not started yet."""
    from cresta_app.management.commands.live_worker import provider_make

    return Ears(settings.SPEECH_PROVIDER, provider_make)


def stages() -> list[Stage]:
    from coaching.live import GuidanceStage
    from moments.live import MomentStage

    return [MomentStage(), GuidanceStage()]
