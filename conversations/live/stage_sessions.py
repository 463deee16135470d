"""What is asked of all stages of a call at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from conversations.live.stages import Batch, CallContext, Stage, StageSession
from conversations.live.tidings import Tidings


def states_of(stages: Sequence[Stage], sessions: Sequence[StageSession]) -> dict[str, Any]:
    """The states of a call's sessions, by the keys of their stages."""
    return {stage.key: session.state() for stage, session in zip(stages, sessions, strict=True)}


def partial_hear(
    sessions: Iterable[StageSession], call: CallContext, speaker: str, text: str, span_ms: tuple[int, int]
) -> Batch:
    """Hand words that are not final yet, if there are any, to the sessions that want them. Returns what they want."""
    batch = Batch(call.conversation_id)
    if text:
        for session in sessions:
            # Not `isinstance(session, HearsPartials)`, which looks through the class anew each time.
            hear: Callable[..., None] | None = getattr(session, "partial", None)
            if hear is not None:
                hear(speaker, text, *span_ms, batch)
    return batch


def time_pass(
    tidings: Tidings, sessions: Sequence[StageSession], now_ms: int, batch: Batch, *, over: bool = False
) -> None:
    """Everything before `now_ms` has been heard. `over`: and the call is."""
    tidings.tell(sessions, now_ms, batch, at_once=over)
    for session in sessions:
        session.clock(now_ms, batch)
        if over:
            session.finish(now_ms, batch)


def states_split(stages: Sequence[Stage], states: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The states of these stages' sessions, by key: what each commit writes, and what `Stage.fixed` names."""
    changing: dict[str, Any] = {}
    fixed: dict[str, Any] = {}
    for stage in stages:
        parts = changing.setdefault(stage.key, {}), fixed.setdefault(stage.key, {})
        for name, value in states[stage.key].items():
            parts[name in stage.fixed][name] = value
    return changing, fixed
