"""A draft tried on a dialogue or a past call: what was heard at each step, what acted, and what was held back and why.

Nothing of it is stored or logged.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import ValidationError
from django.http import Http404
from django.utils import timezone
from django.utils.text import get_text_list
from django.utils.translation import gettext as _

from accounts.models import User
from coaching.builder_words import WORDS
from coaching.dialogues import Turn, call_turns, dialogue_read
from coaching.holding import Watcher
from coaching.models import Policy
from coaching.replay import (
    ACTS,
    Known,
    Step,
    document_compiled,
    documents_checked,
    is_opening,
    past_calls,
    steps,
)
from conversations.access import conversation_for
from engines.rules import CompiledMoments, Heard, MomentSpec, Occurrence
from engines.rules.compiled import CompiledPolicies
from engines.rules.decisions import Decision
from engines.rules.explain import clock
from engines.rules.measures import Measures
from engines.rules.moments import asked_out_of_line
from engines.rules.reading import parse_policy
from engines.rules.spec import OF_SOUND, WRITTEN, moment_keys
from moments.asking import questions_try
from moments.past import PastTeller, Tell
from moments.selectors import active_specs
from tenants.companies import company_zone


@dataclass(frozen=True, slots=True)
class Event:
    """Something at one step. `kind`: moment, fired, held or withdrawn; `label` its kind in a word or two."""

    kind: str
    label: str
    title: str
    why: str = ""
    rule: str = ""
    rule_id: str = ""


@dataclass(frozen=True, slots=True)
class TrialStep:
    """What was said (None: time passed) and what came of it. `parts`: the words, marked where something was heard."""

    turn: Turn | None
    at_ms: int
    parts: tuple[tuple[str, bool], ...]
    events: tuple[Event, ...]
    measures: tuple[tuple[str, str], ...] = ()

    @property
    def at(self) -> str:
        return clock(self.turn.start_ms if self.turn else self.at_ms)


@dataclass(frozen=True, slots=True)
class Trial:
    """A whole call. `fired`: (rule, how often) in the order of the draft; `silent`: rules that did nothing."""

    steps: tuple[TrialStep, ...]
    fired: tuple[tuple[str, int], ...]
    silent: tuple[str, ...]
    hints: int
    checklist: tuple[str, ...] = ()
    notes: tuple[str, ...] = field(default=())


def draft_try(
    *,
    document: Any,
    user: User,
    policy: Policy | None = None,
    dialogue: str = "",
    conversation_id: str | None = None,
    fields: Mapping[str, Any] | None = None,
) -> Trial:
    """Play a dialogue, or a past call that the user may read, through a document. Raises `ValidationError`.

    `fields`: what is known of a typed call besides its words; of a past call it is what was known then.
    """
    documents_checked(document)
    notes = []
    if conversation_id:
        try:
            conversation = conversation_for(user, conversation_id)
        except Http404:
            raise ValidationError(_("There is no such call, or you may not read it.")) from None
        turns = call_turns(conversation)
        [past] = past_calls([conversation.pk], policy.scope if policy is not None else {})
        known = past.known
        if not past.fits:
            notes.append(
                _("This call is outside the policy's scope: in a live call nothing of it would happen.")
            )
    else:
        typed = dialogue_read(dialogue)
        turns = typed.turns
        known = Known(
            {"channel": "voice", "language": "en", **(fields or {})},
            timezone.now().astimezone(company_zone()),
            typed.holds,
        )
    specs = active_specs()
    names = {spec.key: spec.name for spec in specs}
    compiled = document_compiled(document, names)
    answered, told = _asked(document, specs, turns)
    notes += told
    moments, tell = CompiledMoments(specs), PastTeller(specs).of_call(known.language, answered)
    return _played(document, turns, moments, tell, compiled, known, names, notes)


def _asked(
    document: Any, specs: Sequence[MomentSpec], turns: Sequence[Turn]
) -> tuple[dict[int, list[Occurrence]], list[str]]:
    """What a model says of the moments that the document asks it for, by turn, and what there is to know about that."""
    asked = asked_out_of_line(specs, moment_keys(parse_policy(document)))
    if not asked:
        return {}, []
    heard = [Heard(one.sequence, one.speaker, one.start_ms, one.end_ms, one.text) for one in turns]
    tried = questions_try(asked, heard)
    named = get_text_list([f"“{one.name}”" for one in asked], _("and"))
    notes = []
    if tried.models:
        notes.append(
            _("%(model)s was asked for %(moments)s, about twelve turns at a time.")
            % {"model": get_text_list(list(tried.models), _("and")), "moments": named}
        )
    if tried.fault:
        notes.append(
            _("Not tried, or not wholly: %(moments)s. %(why)s") % {"moments": named, "why": tried.fault}
        )
    return tried.found, notes


def _played(
    document: Any,
    turns: Sequence[Turn],
    moments: CompiledMoments,
    tell: Tell,
    compiled: CompiledPolicies,
    known: Known,
    names: Mapping[str, str],
    notes: list[str],
) -> Trial:
    parts = {
        str(one["id"]): str(one.get("name") or one["id"])
        for name in ("rules", "behaviours", "playbooks")
        for one in document.get(name, ())
    }
    titles = {
        str(one["id"]): str(one.get("title") or one["id"])
        for playbook in document.get("playbooks", ())
        for one in playbook["steps"]
    }
    watcher = Watcher(document, names)
    gauges = _Gauges(compiled, known.fields)
    times: dict[str, set[tuple[int, int | None]]] = defaultdict(set)
    hints = 0
    checklist: list[str] = []
    shown = []
    for step in steps(turns, moments, [compiled, *watcher.compiled], known, tell):
        decisions, *loosened = step.decisions
        events = [
            Event(
                "moment",
                _("heard") if one.searched is None else _("missing"),
                names.get(one.key, one.key),
            )
            for one in step.occurrences
        ]
        for one in decisions:
            if is_opening(one) and one.at_ms == 0:
                checklist.append(one.action.title if one.action else "")
                continue
            event = _event(one, parts, titles)
            events.append(event)
            if one.what in ACTS:
                times[one.rule_id].add((one.at_ms, one.sequence))
                hints += one.what == "show"
        events += [
            Event("held", _("held back"), title, why, parts.get(rule_id, rule_id), rule_id)
            for rule_id, title, why in watcher.held(step, decisions, loosened)
        ]
        if step.turn is not None or events:
            shown.append(
                TrialStep(
                    step.turn,
                    _when(step, decisions),
                    _parts(step, decisions),
                    tuple(events),
                    gauges.after(step),
                )
            )
    rules = [str(rule["id"]) for rule in document.get("rules", ())]
    return Trial(
        tuple(shown),
        tuple((parts[key], len(times[key])) for key in parts if key in times),
        tuple(parts[key] for key in rules if key not in times),
        hints,
        tuple(checklist),
        tuple(notes),
    )


def _when(step: Step, decisions: Sequence[Decision]) -> int:
    """When it happened: of what time brought, its own time, not that at which somebody spoke again."""
    if step.turn is not None:
        return step.at_ms
    times = [one.at_ms for one in decisions] + [one.at_ms for one in step.occurrences]
    return min(times, default=step.at_ms)


def _event(one: Decision, parts: Mapping[str, str], titles: Mapping[str, str]) -> Event:
    kind = "withdrawn" if one.what in {"withdraw", "expire", "end"} else "fired"
    title = one.action.title if one.action is not None else ""
    if one.action is not None and not title:
        title = str(one.action.query or one.action.tag or one.action.value or one.action.note)
    rule = parts.get(one.rule_id, one.rule_id)
    return Event(kind, _label(one), title or titles.get(one.step or "", rule), one.reason, rule, one.rule_id)


def _label(one: Decision) -> str:
    fixed = {
        "withdraw": _("taken back"),
        "expire": _("its time is over"),
        "confirm": _("confirmed"),
        "tick": _("ticked"),
        "miss": _("missed"),
        "done": _("done"),
        "missed": _("missed"),
        "step": _("step"),
        "step_done": _("step done"),
        "end": _("ends"),
    }
    if one.what in fixed:
        return fixed[one.what]
    shown = {
        "hint": one.action.label if one.action else "",
        "line": _("read out"),
        "knowledge": _("look up"),
        "prefill": _("fill in"),
        "tag": _("tag"),
        "disposition": _("disposition"),
        "alert": _("alert"),
        "webhook": _("tell"),
        "praise": _("praise"),
    }
    return shown.get(one.action.do if one.action else "", one.what)


def _parts(step: Step, decisions: Sequence[Decision]) -> tuple[tuple[str, bool], ...]:
    """The words of a turn, in pieces: marked where a moment or what a rule asks for was heard."""
    if step.turn is None:
        return ()
    spans = {span for one in step.occurrences if one.sequence == step.turn.sequence for span in one.spans}
    spans |= {
        (start, end)
        for one in decisions
        for sequence, start, end in one.evidence
        if sequence == step.turn.sequence
    }
    text, pieces, at = step.turn.text, [], 0
    for start, end in sorted(spans):
        if start < at:
            continue
        pieces += [(text[at:start], False), (text[start:end], True)]
        at = end
    pieces.append((text[at:], False))
    return tuple(piece for piece in pieces if piece[0])


class _Gauges:
    """The figures that a document asks for, as they stand after each turn; only what has changed is told."""

    def __init__(self, compiled: CompiledPolicies, fields: Mapping[str, Any]) -> None:
        deaf = OF_SOUND if fields.get("channel") in WRITTEN else frozenset()
        self._gauges = [gauge for gauge in compiled.gauges if gauge.measure not in deaf]
        self._measures = Measures(compiled.windows)
        self._before: dict[int, str] = {}

    def after(self, step: Step) -> tuple[tuple[str, str], ...]:
        turn = step.turn
        if turn is None:
            return ()
        self._measures.hear(Heard(turn.sequence, turn.speaker, turn.start_ms, turn.end_ms, turn.text))
        told = []
        for number, gauge in enumerate(self._gauges):
            value = self._measures.value(gauge.measure, gauge.over_ms, gauge.speaker)
            if value is None:
                continue
            said = (
                f"{value / 1000:.0f} s"
                if gauge.measure.endswith("_ms")
                else f"{value:.2f}".rstrip("0").rstrip(".")
            )
            if self._before.get(number) != said:
                self._before[number] = said
                name = str(WORDS.get(f"measure_{gauge.measure}", gauge.measure))
                told.append((f"{name} ({gauge.speaker})" if gauge.speaker else name, said))
        return tuple(told)
