"""What the calls and chats of one worker share."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from conversations.live.buffer import AudioBuffer
from conversations.live.commit import Committer
from conversations.live.ears import Ears
from conversations.live.partials import Partials
from conversations.live.signals import Signals
from conversations.live.stages import Stage
from conversations.live.wakes import Wakes
from tenants.scope import TenantThreads


@dataclass(frozen=True)
class Means:
    """What the calls of one worker share."""

    buffer: AudioBuffer
    committer: Committer
    threads: TenantThreads
    ears: Ears
    stages: list[Stage]
    signals: Signals
    stopping: asyncio.Event
    # For chats alone: what wakes them, and what they pass after the other stages.
    wakes: Wakes | None = None
    chat_stages: list[Stage] = field(default_factory=list)
    partials: Partials = field(default_factory=Partials)
