"""A dialogue as somebody types it, and a past call, as the turns that a policy is tried on."""

from __future__ import annotations

import re
from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from conversations.models import Conversation, Speaker, Utterance
from conversations.redaction.policy import redaction_policy
from engines.redaction.context import Context
from engines.redaction.redactor import redactor_for

TEXT_MAX = 20_000
TURNS_MAX = 400
# Without times: so long does a word take, and so long nobody speaks between two turns.
WORD_MS = 400
PAUSE_MS = 600
LONGEST_MS = 8 * 60 * 60 * 1000

_TIME = r"(?:(\d{1,2}):)?(\d{1,3}):(\d{2})(?:\.(\d{1,3}))?"
_PAUSE = re.compile(r"^\(\s*(\d{1,4}(?:\.\d+)?)\s*(?:s|sec|seconds)\s*\)$", re.IGNORECASE)
_HOLD = re.compile(r"^\(\s*(?:on\s+)?hold\s+(\d{1,4}(?:\.\d+)?)\s*(?:s|sec|seconds)\s*\)$", re.IGNORECASE)
_LINE = re.compile(
    rf"^[\[(]?(?:{_TIME})?[\])]?\s*(agent|customer|a|c)\s*(?:[\[(]{_TIME}[\])])?\s*:\s*(.*)$", re.IGNORECASE
)
_WHO = {"a": Speaker.AGENT, "agent": Speaker.AGENT, "c": Speaker.CUSTOMER, "customer": Speaker.CUSTOMER}


@dataclass(frozen=True, slots=True)
class Turn:
    """One stretch of one speaker, redacted."""

    sequence: int
    speaker: str
    start_ms: int
    end_ms: int
    text: str


@dataclass(frozen=True, slots=True)
class Dialogue:
    """What was said, and when the customer was put on hold (True) and taken back."""

    turns: list[Turn]
    holds: list[tuple[int, bool]]


def dialogue_read(text: str) -> Dialogue:
    """Read typed lines, and hide in them what the company hides in calls.

    A line is `agent: …` or `customer: …`, with its time before it if one likes (`0:42 agent: …`, `1:02:03.5`), a pause
    `(25 s)`, or a time that the customer is on hold, `(hold 90 s)`. A line without a speaker goes on with the one
    before. Raises `ValidationError`, which names the line.
    """
    if len(text) > TEXT_MAX:
        raise ValidationError(_("The dialogue is longer than %(most)d characters.") % {"most": TEXT_MAX})
    read: list[tuple[str, int, str]] = []
    holds: list[tuple[int, bool]] = []
    now = 0
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.strip()
        if not line:
            continue
        if pause := _PAUSE.match(line):
            now += round(float(pause[1]) * 1000)
            continue
        if held := _HOLD.match(line):
            holds.append((now, True))
            now += round(float(held[1]) * 1000)
            holds.append((now, False))
            continue
        found = _LINE.match(line)
        if found is None:
            if not read:
                raise ValidationError(
                    _("Line %(number)d does not say who speaks. Begin it with “agent:” or “customer:”.")
                    % {"number": number}
                )
            speaker, start, said = read[-1]
            read[-1] = (speaker, start, f"{said} {line}")
            now = start + _lasts(read[-1][2])
            continue
        at = _clock(found.groups()[:4]) if found[3] else _clock(found.groups()[5:9]) if found[8] else None
        said = found.groups()[-1].strip()
        if not said:
            continue
        start = now + (PAUSE_MS if read else 0) if at is None else at
        if read and start < read[-1][1]:
            raise ValidationError(
                _("Line %(number)d begins before the line above it. Put the lines in the order of time.")
                % {"number": number}
            )
        read.append((_WHO[found[5].lower()].value, start, said))
        now = start + _lasts(said)
    if not read:
        raise ValidationError(_("Type a dialogue first, or choose a past call."))
    if len(read) > TURNS_MAX:
        raise ValidationError(_("The dialogue has more than %(most)d turns.") % {"most": TURNS_MAX})
    if now > LONGEST_MS:
        raise ValidationError(_("The dialogue is longer than eight hours."))
    redactor, context = redactor_for(redaction_policy().config), Context()
    turns = []
    for sequence, (speaker, start, said) in enumerate(read, 1):
        hidden = redactor.redacted(said, redactor.examine(said, context), context).text
        following = read[sequence][1] if sequence < len(read) else None
        end = start + _lasts(said)
        # Given times are taken at their word: who goes on speaking is spoken over only by a quarter of a second.
        if following is not None and following < end:
            end = max(start + 1, min(end, following + 250))
        turns.append(Turn(sequence, speaker, start, end, hidden))
    return Dialogue(turns, holds)


def _lasts(said: str) -> int:
    return max(1, len(said.split())) * WORD_MS


def _clock(parts: tuple[str | None, ...]) -> int:
    hours, minutes, seconds, rest = parts
    whole = (int(hours or 0) * 60 + int(minutes or 0)) * 60 + int(seconds or 0)
    return whole * 1000 + int((rest or "0").ljust(3, "0"))


def call_turns(conversation: Conversation) -> list[Turn]:
    """What was said in a past call. One query. Raises `ValidationError` for one whose words are not kept."""
    rows = Utterance.objects.filter(conversation=conversation).exclude(text="").order_by("sequence")
    turns = [Turn(*row) for row in rows.values_list("sequence", "speaker", "start_ms", "end_ms", "text")]
    if not turns:
        raise ValidationError(_("Nothing that was said in this call is kept."))
    return turns
