"""What agents made of learned suggestions, as examples for the next training.

A suggestion that was used or accepted labels what the agent then said with its action; one that was dismissed stands
beside the customer's words as rejected, and training learns that it was wrong there. Words are the stored ones,
redacted, and only of calls whose callers' consent lets models be trained. Nothing is kept apart: what a call's
retention removes is gone from here, too.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db.models import Count

from coaching.models import OUTCOME, Guidance
from coaching.next_step_live import RULE
from conversations.models import Speaker, Utterance
from conversations.redaction.labelled import trainable

_TOLD = (Guidance.Outcome.USED, Guidance.Outcome.ACCEPTED, Guidance.Outcome.DISMISSED)


def suggested() -> Any:
    """All that the model suggested, with what became of it as `became`."""
    return Guidance.objects.filter(revision__isnull=True, rule_key=RULE).annotate(became=OUTCOME)


def label_counts() -> dict[int, dict[str, int]]:
    """By version: how many suggestions were shown, and how many of them used, accepted, dismissed. One query."""
    rows = suggested().exclude(state=Guidance.State.HELD)
    rows = rows.values_list("payload__next_step__version", "became").annotate(times=Count("pk")).order_by()
    found: dict[int, dict[str, int]] = {}
    for version, became, times in rows:
        counts = found.setdefault(version, {"shown": 0})
        counts["shown"] += times
        if became in _TOLD:
            counts[became] = counts.get(became, 0) + times
    return found


def labelled_dialogues() -> Iterator[dict[str, Any]]:
    """Calls with at least one answered suggestion, as training reads dialogues: of those that may train models.

    Two queries a call.
    """
    rows = suggested().filter(became__in=_TOLD)
    answered_in = list(rows.order_by("conversation_id").values_list("conversation_id", flat=True).distinct())
    allowed = trainable(answered_in)
    for conversation in answered_in:
        if conversation not in allowed:
            continue
        answered = list(rows.filter(conversation=conversation).order_by("at_ms"))
        said = Utterance.objects.filter(conversation=conversation).exclude(text="").order_by("sequence")
        lines = list(said.only("id", "speaker", "text", "start_ms", "end_ms"))
        events = [_event(line) for line in lines]
        task = ""
        for row in answered:
            about = row.payload["next_step"]
            task = task or about["task"]
            if about["task"] == task:
                _label(row, about["action"], lines, events)
        if any("action" in event or "rejected" in event for event in events):
            yield {"id": str(conversation), "task": task, "events": events}


def _event(line: Utterance) -> dict[str, Any]:
    return {"role": "agent" if line.speaker == Speaker.AGENT else "customer", "text": line.text}


def _label(row: Any, action: str, lines: list[Utterance], events: list[dict[str, Any]]) -> None:
    if row.became == Guidance.Outcome.DISMISSED:
        for line, event in zip(lines, events, strict=True):
            if line.pk == row.cause_id:
                event.setdefault("rejected", []).append(action)
        return
    for line, event in zip(lines, events, strict=True):
        is_it = line.pk == row.used_in_id if row.used_in_id else line.end_ms > row.at_ms
        if event["role"] == "agent" and is_it:
            event["action"] = action
            return
