"""Reads of one conversation for who looks back at it: its transcript with marks, and all that was made of it.

What other rooms show comes as their items (`conversations.events`): summary, guidance, alerts, scores. Here their
evidence is joined to the words it points at, so that a page can quote it and play its second.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from django.utils import timezone
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from accounts.models import User
from conversations.events import Payload, snapshot
from conversations.filters import words_query
from conversations.models import (
    CallLedger,
    CallPhase,
    ChatMessage,
    Conversation,
    ConversationEvent,
    Handover,
    Note,
    Participant,
    Recording,
    Utterance,
)
from conversations.redaction.labels import Labels
from conversations.selectors import duration_ms, item_visible
from engines.language.marking import Label, plain_words, spans_html, words_html
from engines.rules.explain import clock

QUOTE_AROUND = 60
EVENTS_SHOWN = 300


@dataclass(frozen=True, slots=True)
class Beside:
    """What happened beside the words: a stretch on hold, somebody who took over. `sign` is its icon."""

    at_ms: int
    sign: str
    text: str


@dataclass(frozen=True, slots=True)
class Turn:
    """One row of the transcript. `html` is safe; `hit`: it matches the words that were searched for.

    `before`: what happened between the row above and this one. `undelivered`: of words that were written here in a
    chat, in words, that the customer did not get them; nothing otherwise.
    """

    id: str
    speaker: str
    name: str
    at_ms: int
    end_ms: int
    html: SafeString
    hit: bool
    revision: int
    before: list[Beside] = field(default_factory=list)
    undelivered: str = ""


@dataclass(frozen=True, slots=True)
class Quote:
    """A piece of evidence: where it was said and the words (safe HTML), or the stretch searched and what `wanted`."""

    at_ms: int
    html: SafeString
    until_ms: int | None = None
    wanted: str = ""


# Gives the scores of a conversation that a person may read: the room that makes them says which.
ScoresOf = Callable[[User, UUID], list[Payload]]


def _no_scores(user: User, conversation_id: UUID) -> list[Payload]:
    return []


_SCORES: ScoresOf = _no_scores


def scores_shown_by(given: ScoresOf) -> None:
    """Have the page of a conversation show these scores. Called from an app's `ready()`."""
    global _SCORES
    _SCORES = given


@dataclass(slots=True)
class Review:
    """Everything that the conversation page shows."""

    conversation: Conversation
    turns: list[Turn]
    moments: list[Payload]
    summary: Payload | None
    guidance: list[Payload]
    alerts: list[Payload]
    scores: list[Payload]
    score_visible: bool
    events: list[Payload]
    recording: Recording | None
    ledger: CallLedger | None
    note: Note | None
    note_html: SafeString
    names: dict[str, str]
    phases: list[Payload]
    handovers: list[Payload]
    consents: list[Payload]
    # What happened after the last row.
    after: list[Beside] = field(default_factory=list)
    sides: list[str] = field(default_factory=list)
    # The conversation itself, what was said in it, and messages of a chat that were written here, as pages follow them.
    shown: Payload = field(default_factory=dict)
    spoken: list[Payload] = field(default_factory=list)
    messages: list[Payload] = field(default_factory=list)
    head: int = 0

    @property
    def told(self) -> list[Payload]:
        """What stood on the agent's screen by itself: hints, lines, knowledge, values for forms, praise."""
        return [row for row in self.guidance if row["kind"] not in ("checklist", "step")]

    @property
    def steps(self) -> list[Payload]:
        return [row for row in self.guidance if row["kind"] == "step"]

    @property
    def checklist(self) -> list[Payload]:
        return [row for row in self.guidance if row["kind"] == "checklist"]

    @property
    def ticked(self) -> int:
        return sum(row["state"] == "ticked" for row in self.checklist)

    @property
    def duration_ms(self) -> int | None:
        return self.recording.duration_ms if self.recording else duration_ms(self.conversation)


def speaker_names(conversation: Conversation) -> dict[str, str]:
    """How each side is called in the transcript: first names, or the role."""
    agent, customer = conversation.agent, conversation.customer
    first = customer.name.split()[0] if customer is not None and customer.name.strip() else ""
    return {
        "agent": first_name(agent.name if agent is not None else ""),
        "customer": first or _("Customer"),
        "supervisor": _("Supervisor"),
        "bot": _("Assistant"),
    }


def first_name(name: str) -> str:
    """How an agent is called in a transcript."""
    return name.split()[0] if name.strip() else _("Agent")


def agents_until(handovers: Iterable[tuple[int, str]]) -> list[tuple[int, str]]:
    """Who was on the call up to each ms at which it was passed on, in order, as a transcript calls them."""
    return [(at_ms, first_name(name)) for at_ms, name in sorted(handovers)]


def namer(names: dict[str, str], until: list[tuple[int, str]]) -> Callable[[str, int], str]:
    """A function of speaker and ms that gives the name: agents who passed the call on keep theirs."""

    def name(speaker: str, at_ms: int) -> str:
        if speaker == "agent":
            for end_ms, earlier in until:
                if at_ms < end_ms:
                    return earlier
        return names.get(speaker, speaker)

    return name


def _besides(phases: Iterable[Payload], handovers: Iterable[Payload]) -> list[Beside]:
    found: list[Beside] = []
    held: int | None = None
    for one in phases:
        if one["phase"] == CallPhase.Phase.HOLD:
            held = one["from_ms"] if held is None else held
        elif held is not None:
            length = clock(max(0, one["from_ms"] - held))
            found.append(Beside(held, "player-pause", _("On hold %(length)s") % {"length": length}))
            held = None
    if held is not None:
        found.append(Beside(held, "player-pause", _("On hold")))
    for one in handovers:
        name = one["to"]["name"] if one["to"] else _("Agent")
        found.append(Beside(one["at_ms"], "arrows-exchange", _("%(name)s takes over") % {"name": name}))
    return sorted(found, key=lambda each: each.at_ms)


def review(*, user: User, conversation: Conversation, words: str = "") -> Review:
    """Read a conversation that this person may read (the caller has checked) for its page.

    A fixed number of queries: one a kind of item and one each for recording, ledger, note, sides and events.
    """
    shown = snapshot(conversation)
    items = {kind: rows if item_visible(user, kind) else [] for kind, rows in shown["items"].items()}
    names = speaker_names(conversation)
    spoken: dict[str, Payload] = {row["id"]: row for row in items["utterance"]}
    hits = _hits(conversation.pk, words)
    ledger = CallLedger.objects.filter(conversation=conversation).first()
    recording = Recording.objects.filter(conversation=conversation).defer("wrapped_key").first()
    handovers, phases = items["handover"], items["conversation"][0]["phases"]
    name = namer(names, _agents_until(handovers))
    besides = _besides(phases, handovers)
    phase_labels = {value: str(label) for value, label in CallPhase.Phase.choices}
    label = Labels()
    note = Note.objects.select_related("author").filter(conversation=conversation).first()
    found = Review(
        conversation=conversation,
        turns=_turns(
            items["utterance"],
            items.get("moment", []),
            name,
            hits,
            besides,
            label,
            _undelivered(conversation, items.get("message", [])),
        ),
        phases=[{**one, "label": phase_labels[one["phase"]], "time": _time(one["at"])} for one in phases],
        handovers=[{**one, "time": _time(one["at"])} for one in handovers],
        consents=[{**one, "time": _time(one["at"])} for one in items["consent"]],
        after=besides,
        moments=items.get("moment", []),
        summary=_summary(items["summary"], spoken, label),
        guidance=[
            {**row, "quotes": quotes(row["evidence"], spoken, label)} for row in items.get("guidance", [])
        ],
        alerts=[{**row, "quotes": quotes(row["evidence"], spoken, label)} for row in items.get("alert", [])],
        scores=[_score(row, spoken, label) for row in _SCORES(user, conversation.pk)],
        score_visible=item_visible(user, "score"),
        events=_events(conversation, user, items),
        recording=recording,
        ledger=ledger,
        note=note,
        note_html=mark_safe(words_html(note.text if note else "", label=label)),  # noqa: S308 escaped there
        names=names,
        shown=items["conversation"][0],
        spoken=items["utterance"],
        messages=items.get("message", []),
        head=shown["head"],
    )
    if recording is not None:
        found.sides = sides_named(conversation, recording.channels, names)
    return found


def _agents_until(handovers: Iterable[Payload]) -> list[tuple[int, str]]:
    return agents_until((one["at_ms"], one["from"]["name"] if one["from"] else "") for one in handovers)


def _time(at: str) -> datetime:
    return datetime.fromisoformat(at)


def _hits(conversation_id: UUID, words: str) -> set[str]:
    if not words.strip():
        return set()
    said = Utterance.objects.filter(conversation_id=conversation_id, search=words_query(words))
    return {str(pk) for pk in said.values_list("pk", flat=True)}


def _turns(
    utterances: Iterable[Payload],
    moments: Iterable[Payload],
    name: Callable[[str, int], str],
    hits: set[str],
    besides: list[Beside],
    label: Label,
    undelivered: dict[str, str],
) -> list[Turn]:
    """The rows of the transcript. Takes what happened before the last one out of `besides`."""
    spans: dict[str, list[tuple[int, int]]] = {}
    for moment in moments:
        if moment["utterance"] and moment["start"] is not None:
            spans.setdefault(moment["utterance"], []).append((moment["start"], moment["end"]))
    rows = sorted(utterances, key=lambda row: (row["start_ms"], row["n"]))
    return [
        Turn(
            id=row["id"],
            speaker=row["speaker"],
            name=name(str(row["speaker"]), row["start_ms"]),
            at_ms=row["start_ms"],
            end_ms=row["end_ms"],
            html=mark_safe(  # noqa: S308 escaped there
                spans_html(row["text"], spans.get(row["id"], ()), label=label)
            ),
            hit=row["id"] in hits,
            revision=row["revision"],
            before=_taken(besides, row["start_ms"]),
            undelivered=undelivered.get(row["id"], ""),
        )
        for row in rows
    ]


def _undelivered(conversation: Conversation, messages: Iterable[Payload]) -> dict[str, str]:
    """By utterance, the words for what did not reach the customer. What is under way may still do so: not in here."""
    found = {}
    for one in messages:
        delivered, failed = bool(one["delivered_at"]), bool(one["failed_at"])
        how = ChatMessage.Delivery.of(delivered=delivered, failed=failed, is_live=conversation.is_live)
        if how == ChatMessage.Delivery.MISSED:
            found[one["utterance"]] = str(how.label)
    return found


def delivery_of(utterance: Utterance, *, is_live: bool) -> ChatMessage.Delivery | None:
    """Whether an utterance of a chat that was written here reached the customer. None of all others.

    Needs `select_related("chat_message")`, or costs a query.
    """
    message = getattr(utterance, "chat_message", None)
    if message is None or message.origin == ChatMessage.Origin.SYSTEM:
        return None
    delivered, failed = message.delivered_at is not None, message.failed_at is not None
    return ChatMessage.Delivery.of(delivered=delivered, failed=failed, is_live=is_live)


def _taken(besides: list[Beside], upto_ms: int) -> list[Beside]:
    taken = []
    while besides and besides[0].at_ms <= upto_ms:
        taken.append(besides.pop(0))
    return taken


def sides_named(conversation: Conversation, channels: int, names: dict[str, str]) -> list[str]:
    """What each channel of the recording is called."""
    if channels == 1:
        return [_("Both")]
    roles = dict(
        Participant.objects.filter(conversation=conversation, channel_index__isnull=False)
        .order_by("joined_at")
        .values_list("channel_index", "role")
    )
    return [names.get(roles.get(channel, ""), str(channel + 1)) for channel in range(channels)]


# --- Evidence -------------------------------------------------------------------------------------------


def quotes(evidence: Iterable[Payload], spoken: dict[str, Payload], label: Label) -> list[Quote]:
    """Join evidence to its words. What points at an utterance that is gone is left out."""
    found = []
    for one in evidence:
        if "searched" in one:
            from_ms, to_ms = one["searched"]
            found.append(Quote(from_ms, SafeString(""), to_ms, one.get("for") or ""))
        elif "marked" in one:
            found.append(Quote(one["at_ms"], escape(one["marked"])))
        elif (row := spoken.get(str(one["utterance"]))) is not None:
            at_ms = one.get("at_ms")
            html = excerpt_html(row["text"], one["start"], one["end"], label)
            found.append(Quote(row["start_ms"] if at_ms is None else at_ms, html))
    return found


def excerpt_html(text: str, start: int | None, end: int | None, label: Label) -> SafeString:
    """A quotation around the characters `[start, end)`, marked, cut at words; all of the text without them."""
    if start is None or end is None:
        return mark_safe(words_html(text, label=label))  # noqa: S308 escaped there
    first, last = max(0, start - QUOTE_AROUND), min(len(text), end + QUOTE_AROUND)
    while first > 0 and text[first - 1] != " ":
        first -= 1
    while last < len(text) and text[last] != " ":
        last += 1
    html = spans_html(text[first:last], [(start - first, end - first)], label=label)
    return mark_safe(("…" if first else "") + html + ("…" if last < len(text) else ""))  # noqa: S308 escaped there


def _summary(rows: list[Payload], spoken: dict[str, Payload], label: Label) -> Payload | None:
    """The summary with its lines by section, each with the times of what it rests on."""
    if not rows:
        return None
    summary = rows[0]
    sections: dict[str, Payload] = {
        one["key"]: {"label": one["label"], "kind": one["kind"], "lines": []} for one in summary["sections"]
    }
    for line in summary["lines"]:
        times = sorted(spoken[one]["start_ms"] for one in line["evidence"] if one in spoken)
        section = sections.setdefault(
            line["section"], {"label": line["section_label"], "kind": line["kind"], "lines": []}
        )
        html = mark_safe(words_html(line["text"], label=label))  # noqa: S308 escaped there
        section["lines"].append({**line, "html": html, "times": times})
    return {**summary, "sections": [one for one in sections.values() if one["lines"]]}


def _score(row: Payload, spoken: dict[str, Payload], label: Label) -> Payload:
    """An evaluation with its criteria by section; `gained` of `possible` weight over what is worth something."""
    sections: dict[str, Payload] = {}
    for number, answer in enumerate(row["answers"], 1):
        section = sections.setdefault(
            answer["section"], {"name": answer["section"], "answers": [], "gained": 0, "possible": 0}
        )
        section["answers"].append(
            {**answer, "number": number, "quotes": quotes(answer["evidence"], spoken, label)}
        )
        if answer["score"] is not None:
            section["possible"] += answer["weight"]
            section["gained"] += answer["weight"] * answer["score"] / 100
    return {
        **row,
        "sections": list(sections.values()),
        "applied": sum(answer["value"] not in {"na", ""} for answer in row["answers"]),
        "overridden": sum(bool(answer["override_reason"]) for answer in row["answers"]),
    }


# --- Events and export ----------------------------------------------------------------------------------


def event_names() -> dict[str, str]:
    return {
        "conversation": _("Conversation"),
        "moment": _("Moment"),
        "guidance": _("Guidance"),
        "alert": _("Alert"),
        "summary": _("Summary"),
        "score": _("Score"),
        "consent": _("Consent"),
        "handover": _("Hand-over"),
        "hand": _("Raised hand"),
        "whisper": _("Whisper"),
    }


def _events(conversation: Conversation, user: User, items: dict[str, list[Payload]]) -> list[Payload]:
    """What happened, oldest first, without the utterances: those are the transcript."""
    names = event_names()
    about = {row["id"]: row for kind in names for row in items.get(kind, [])}
    kinds = [kind for kind in names if item_visible(user, kind)]
    rows = ConversationEvent.objects.filter(conversation=conversation, kind__in=kinds).order_by("sequence")
    began = conversation.started_at or conversation.announced_at
    return [
        {
            "sequence": row.sequence,
            "kind": row.kind,
            "name": names[row.kind],
            "title": _title(row.kind, about.get(str(row.ref), {})),
            "at": row.occurred_at,
            "at_ms": max(0, round((row.occurred_at - began).total_seconds() * 1000)),
        }
        for row in rows[:EVENTS_SHOWN]
    ]


def _title(kind: str, item: Payload) -> str:
    if kind == "score" and item:
        return str(item["revision"]["name"])
    if kind == "handover" and item:
        people = (one["name"] if one else _("Agent") for one in (item["from"], item["to"]))
        return f"{' → '.join(people)} ({item['kind_label']})"
    return str(item.get("title") or item.get("name") or item.get("label") or item.get("text") or "")


def transcript_text(*, conversation: Conversation) -> str:
    """The transcript as plain text, a line a turn: `0:44  Daniel: …`. Redactions stay redacted. Two queries.

    What was written here in a chat and did not reach the customer says so: `0:44  Daniel (not delivered): …`.
    """
    handed = Handover.objects.filter(conversation=conversation).values_list("at_ms", "from_agent__name")
    name = namer(speaker_names(conversation), agents_until((at, who or "") for at, who in handed))
    said = Utterance.objects.filter(conversation=conversation).order_by("start_ms", "sequence")
    said = said.select_related("chat_message").defer("words", "search")
    began = timezone.localtime(conversation.started_at or conversation.announced_at)
    agent = conversation.agent.name if conversation.agent else _("no agent")
    head = [
        f"{conversation.customer or _('Customer')} · {agent}",
        f"{began:%Y-%m-%d %H:%M:%S %Z}, {clock(duration_ms(conversation) or 0)}",
        "",
    ]
    label, is_live = Labels(), conversation.is_live
    lines = []
    for row in said:
        who, how = name(row.speaker, row.start_ms), delivery_of(row, is_live=is_live)
        if how == ChatMessage.Delivery.MISSED:
            who = f"{who} ({how.label})"
        lines.append(f"{clock(row.start_ms)}\t{who}:\t{plain_words(row.text, label=label)}")
    return "\n".join([*head, *lines]) + "\n"
