"""What is said in a clip, read from the transcript: as its reader may see it, and what of its sound they may hear.

Who may not read the conversation learns neither who the customer is nor whose call it was: sides are called by their
roles, and the customer's name is hidden in what was said, in what was written about it, and in the sound.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from coaching.models import Clip
from conversations.models import (
    Conversation,
    Customer,
    Handover,
    HiddenStretch,
    Recording,
    Speaker,
    Utterance,
)
from conversations.redaction.labels import Labels
from conversations.review import agents_until, namer, speaker_names
from engines.language.marking import words_html
from engines.redaction.vocabulary import placeholder

# A name of one letter would hide every such letter.
NAME_LENGTH = 2
# How far around a name's words the sound is hidden: recognition tells their times to about this much.
MARGIN_MS = 250
Stretch = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Line:
    """An utterance of a clip. Times in ms from the clip's beginning; `text` holds placeholders, `html` is safe."""

    utterance: Utterance
    name: str
    at_ms: int
    end_ms: int
    text: str
    html: SafeString


@dataclass(slots=True)
class Shown:
    """A clip as its reader may have it. `sides` are the names by role; `hidden` what they must not hear, in ms of the
    call by channel.
    """

    clip: Clip
    guest: bool
    lines: list[Line]
    title: str
    note: SafeString
    sides: dict[str, str] = field(default_factory=dict)
    hidden: list[Stretch] = field(default_factory=list)


def _heard_in(conversation: Conversation, start_ms: int, end_ms: int) -> list[Utterance]:
    """The utterances of which any lies in a stretch, in the order in which they were said. One query."""
    rows = Utterance.objects.filter(conversation=conversation, start_ms__lte=end_ms, end_ms__gte=start_ms)
    return list(rows.order_by("start_ms", "sequence").defer("search"))


def utterances_in(conversation: Conversation, start_ms: int, end_ms: int) -> list[Utterance]:
    """The utterances that lie wholly within a stretch, in the order in which they were said. One query."""
    rows = _heard_in(conversation, start_ms, end_ms)
    return [row for row in rows if row.start_ms >= start_ms and row.end_ms <= end_ms]


@dataclass(frozen=True, slots=True)
class Names:
    """The names that are hidden from who may not read the conversation: `found` finds them; None hides nothing."""

    found: re.Pattern[str] | None = None

    def hide(self, text: str) -> str:
        return text if self.found is None else self.found.sub(placeholder("NAME"), text)

    def stretches(self, row: Utterance) -> list[tuple[int, int]]:
        """When names are said in an utterance: their words' times, or all of it where these do not tell."""
        if self.found is None or not self.found.search(row.text):
            return []
        said = sum(1 for _one in self.found.finditer(row.text))
        words = [
            (max(0, begin - MARGIN_MS), stop + MARGIN_MS)
            for text, begin, stop, _sure in row.words
            if self.found.search(text)
        ]
        return words if len(words) >= said else [(row.start_ms, row.end_ms)]


def names_hidden(customer: Customer | None) -> Names:
    """What hides a customer's name, each part of it wherever it stands as a word."""
    parts = re.findall(r"\w+", customer.name) if customer is not None else []
    parts = [re.escape(part) for part in parts if len(part) >= NAME_LENGTH]
    if not parts:
        return Names()
    return Names(re.compile(rf"(?<!\w)(?:{'|'.join(parts)})(?:['’]s)?(?!\w)", re.IGNORECASE))


def names_for(clip: Clip, *, guest: bool) -> Names:
    """What is hidden from this reader; nothing from who may read the conversation."""
    return names_hidden(clip.conversation.customer) if guest and clip.conversation else Names()


def written_html(text: str, names: Names, label: Labels) -> SafeString:
    """What somebody wrote about a clip, as its reader may see it."""
    return mark_safe(words_html(names.hide(text), label=label))  # noqa: S308 escaped there


def clip_read(clip: Clip, *, guest: bool) -> Shown:
    """The clip for a reader; `guest`: who may not read its conversation. Two queries at most."""
    label, names = Labels(), names_for(clip, guest=guest)
    title = names.hide(clip.title)
    if clip.is_gone or clip.conversation is None:
        return Shown(clip, guest, [], title, SafeString(""))
    sides, until = _sides(clip.conversation, guest=guest)
    name = namer(sides, until)
    shown = Shown(clip, guest, [], title, written_html(clip.note, names, label), sides)
    for row in _heard_in(clip.conversation, clip.start_ms, clip.end_ms):
        text = names.hide(row.text)
        shown.hidden += [(row.channel_index, begin, stop) for begin, stop in names.stretches(row)]
        if not text.strip() or row.start_ms < clip.start_ms or row.end_ms > clip.end_ms:
            # Erased, or the rest of what somebody said while the clip begins or ends: heard, but not read.
            continue
        html = mark_safe(words_html(text, label=label))  # noqa: S308 escaped there
        at_ms = row.start_ms - clip.start_ms
        shown.lines.append(
            Line(row, name(str(row.speaker), row.start_ms), at_ms, row.end_ms - clip.start_ms, text, html)
        )
    return shown


def _sides(conversation: Conversation, *, guest: bool) -> tuple[dict[str, str], list[tuple[int, str]]]:
    names = speaker_names(conversation)
    if guest:
        return names | {Speaker.AGENT.value: _("Agent"), Speaker.CUSTOMER.value: _("Customer")}, []
    passed = Handover.objects.filter(conversation=conversation).values_list("at_ms", "from_agent__name")
    return names, agents_until((at_ms, who or "") for at_ms, who in passed)


def hidden_in(shown: Shown, recording: Recording) -> list[Stretch]:
    """All that stays silent in a clip's sound: what is silenced in the recording, what is about to be, and names."""
    asked = HiddenStretch.objects.filter(conversation=recording.conversation_id, applied_at__isnull=True)
    stretches: Iterable[Stretch] = [
        *((one[0], one[1], one[2]) for one in recording.redacted_intervals),
        *asked.values_list("channel", "start_ms", "end_ms"),
        # A recording with one channel has both sides on it.
        *((min(one[0], recording.channels - 1), one[1], one[2]) for one in shown.hidden),
    ]
    clip = shown.clip
    return sorted(one for one in stretches if one[2] > clip.start_ms and one[1] < clip.end_ms)
