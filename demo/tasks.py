"""Celery's way into this room: play a sample call."""

from __future__ import annotations

from celery import shared_task

from demo.playback import play


# Acknowledged before it runs: a call that a dying worker left must not be played again an hour later.
@shared_task(acks_late=False)
def sample_call_play(*, key: str, agent_id: str, call_id: str, begins_at: float) -> None:
    """Send one sample call in real time, in the company whose schema the message carries."""
    play(key=key, agent_id=agent_id, call_id=call_id, begins_at=begins_at)
