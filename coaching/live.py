"""Guidance while a conversation goes on: the stage after `moments`.

Its policies are chosen when a call is opened and compiled once per set of revisions. A call that is taken over goes on
with the revisions it began with, and with what stood on the agent's screen when its last step was committed. What the
rules decide is the engine's business (`engines.rules`), what stands on the screen the board's; here they meet.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any
from uuid import UUID

import structlog

from accounts.errors import error_place
from coaching.beside import LOOKUPS, Asked, Lookups, question
from coaching.board import Because, Board, Look, key_of, step_key
from coaching.cards import CARDS, CardsWatch
from coaching.compiled import Ready, compiled_for, part_of
from coaching.drawing import arms_drawn
from coaching.effects import alert_add, effect_add
from coaching.faults import Faults
from coaching.models import BehaviourOutcome, ExperimentArm, Guidance, PolicyRevision, RuleFault
from coaching.mutes import limits_of, mutes_of, settings_now
from coaching.next_step_live import NextStepWatch, watch_open
from coaching.rebuilding import rules_retold, screen_retold
from coaching.selectors import CallFacts, call_facts, effective_revisions, revisions_by_id
from coaching.tidings import heed
from conversations.live.stages import Batch, CallContext, FinalUtterance
from conversations.models import Speaker, Utterance
from engines.rules import Heard, Occurrence
from engines.rules.compiled import behaviour_key, playbook_key, rule_key
from engines.rules.decisions import Decision
from engines.rules.engine import RuleEngine
from engines.rules.spec import Action
from moments.live import Askable, Early, Failed

log = structlog.get_logger(__name__)

STATE = 2
REASON = Guidance._meta.get_field("reason").max_length or 500
KEPT_UTTERANCES = 64


class GuidanceSession:
    """Follows one call. Reads the occurrences that the stages before it found in the same step."""

    def __init__(
        self,
        call: CallContext,
        revisions: list[PolicyRevision],
        ready: Ready,
        facts: CallFacts,
        board: Board,
        lookups: Lookups,
        state: dict[str, Any] | None = None,
        heard: Iterable[Utterance] = (),
        drawn: Iterable[ExperimentArm] = (),
        next_step: NextStepWatch | None = None,
        cards: CardsWatch | None = None,
    ) -> None:
        self._call = call
        self._cards = cards
        self._drawn = list(drawn)
        self._next_step = next_step
        self._revisions = {str(revision.pk): revision for revision in revisions}
        self._compiled = ready.policies
        self._board = board
        self._lookups = lookups
        self._faults = Faults()
        self._asked: dict[str, tuple[Asked, Decision, Because]] = {}
        # Utterances that a decision may still cite, by their numbers.
        self._heard = {row.sequence: row for row in heard}
        # How many of the step's findings were taken: one batch may hold several utterances.
        self._batch: Batch | None = None
        self._taken = self._failed_taken = 0
        self._begun = self._asks_told = False
        self._now_ms = 0
        self._engine = RuleEngine(self._compiled, facts.fields, facts.started_at_local)
        self._failures: Counter[str] = Counter()
        if state is None:
            for revision_id, rule in ready.refused:
                self._faults.note(revision_id, rule, RuleFault.Kind.ERROR, "cannot be compiled")
            return
        self._begun, self._now_ms = state["begun"], state["now_ms"]
        try:
            self._engine.restore(state["engine"], self._text_of, now_ms=self._now_ms)
        except (ValueError, KeyError, TypeError) as error:
            # Written by another version of ours: what it waits for comes from what is stored of the call.
            log.warning("guidance.retold", conversation=str(call.conversation_id), place=error_place(error))
            self._engine = RuleEngine(self._compiled, facts.fields, facts.started_at_local)
            rules_retold(self._engine, call.conversation_id, self._now_ms)
        self._failures = Counter(self._engine.failures)

    # --- What happens in the call -------------------------------------------------------------------------

    def utterance(self, utterance: FinalUtterance, batch: Batch) -> None:
        self._begin(batch)
        row = utterance.row
        self._heard[row.sequence] = _without_words(row)
        if row.speaker == Speaker.AGENT:
            # First, so that what makes a hint pointless by following it counts as following it.
            self._board.heard(utterance, batch)
        heard = Heard(row.sequence, row.speaker, row.start_ms, row.end_ms, row.text)
        found = self._new(batch)
        decided = self._guard(lambda: self._engine.hear(heard, found))
        self._do_all(decided, utterance, batch)
        if self._next_step is not None:
            self._next_step.utterance(utterance, self._board, batch)
        if self._cards is not None:
            self._cards.utterance(utterance, self._board, batch)
        self._go_on(row.end_ms, batch)
        while len(self._heard) > KEPT_UTTERANCES:
            del self._heard[next(iter(self._heard))]

    def partial(self, speaker: str, text: str, start_ms: int, end_ms: int, batch: Batch) -> None:
        """Words that are not final yet. What they bring is confirmed or taken back by their final."""
        self._begin(batch)
        self._new(batch)
        said = Heard(0, speaker, start_ms, end_ms, text)
        early = batch.finds(Early) if self._compiled.early_moments else []
        found = [occurrence for one in early for occurrence in one.look(said)]
        self._note_failed(batch)
        self._do_all(self._guard(lambda: self._engine.partial(said, found)), None, batch)
        self._faults.hand_over(batch)

    def clock(self, now_ms: int, batch: Batch) -> None:
        self._begin(batch)
        self._pass(now_ms, batch)
        self._go_on(now_ms, batch)

    def told(self, mark: dict[str, Any], now_ms: int, batch: Batch) -> None:
        """The customer was held or taken back, or the agent did something that the rules must know."""
        self._begin(batch)
        for occurrence in self._new(batch):
            self._do_all(self._guard(partial(self._engine.observe, occurrence)), None, batch)
        decided = self._guard(lambda: heed(mark, self._engine, self._board, self._call.agent_id, batch))
        self._do_all(decided, None, batch)
        self._faults.hand_over(batch)

    def finish(self, now_ms: int, batch: Batch) -> None:
        self._pass(now_ms, batch)
        self._do_all(self._guard(lambda: self._engine.finish(now_ms)), None, batch)
        for asked, decision, _because in self._asked.values():
            asked.drop()
            self._faults.note(decision.policy, decision.rule_id, RuleFault.Kind.LATE)
        self._asked.clear()
        if self._cards is not None:
            self._cards.finish()
        self._board.finish(now_ms, batch)
        self._faults.hand_over(batch)

    def state(self) -> dict[str, Any]:
        return {
            "v": STATE,
            "agent": str(self._call.agent_id or ""),
            "team": str(self._call.team_id or ""),
            "revisions": list(self._revisions),
            "withheld": self._board.withheld,
            "begun": self._begun,
            "now_ms": self._now_ms,
            "engine": self._engine.state(),
            "next_step": None if self._next_step is None else self._next_step.state(),
            "cards": None if self._cards is None else self._cards.state(),
            **self._board.state(),
        }

    def _begin(self, batch: Batch) -> None:
        if not self._asks_told:
            self._asks_told = True
            for one in batch.finds(Askable):
                one.want(frozenset().union(*self._compiled.asks.values()))
        for arm in self._drawn:
            arm.conversation_id = self._call.conversation_id
            batch.create(arm)
        self._drawn.clear()
        if not self._begun:
            self._begun = True
            self._do_all(self._guard(self._engine.start), None, batch)

    def _pass(self, now_ms: int, batch: Batch) -> None:
        for occurrence in self._new(batch):
            self._do_all(self._guard(partial(self._engine.observe, occurrence)), None, batch)
        self._do_all(self._guard(lambda: self._engine.advance(now_ms)), None, batch)

    def _go_on(self, now_ms: int, batch: Batch) -> None:
        """What every step ends with."""
        self._now_ms = max(self._now_ms, now_ms)
        self._look_in(now_ms, batch)
        if self._next_step is not None:
            self._next_step.due(now_ms, self._board, batch)
        if self._cards is not None:
            self._cards.due(now_ms, self._board, batch)
        self._board.due(now_ms, batch)
        self._faults.hand_over(batch)

    def _new(self, batch: Batch) -> list[Occurrence]:
        if batch is not self._batch:
            self._batch, self._taken = batch, 0
            self._failed_taken = 0
        self._note_failed(batch)
        found = batch.finds(Occurrence)
        new, self._taken = found[self._taken :], len(found)
        return new

    def _text_of(self, sequence: int) -> str:
        row = self._heard.get(sequence)
        return row.text if row is not None else ""

    # --- What follows -------------------------------------------------------------------------------------

    def _guard(self, work: Callable[[], list[Decision]]) -> list[Decision]:
        """The engine keeps a rule that throws apart by itself; this is for the engine."""
        try:
            decided = work()
        except Exception as error:
            self._wrong(next(iter(self._revisions), ""), "", error)
            return []
        if self._engine.failures != self._failures:
            self._count_failures()
        return decided

    def _count_failures(self) -> None:
        """What the engine has kept apart since it was last asked."""
        new = self._engine.failures - self._failures
        self._failures = Counter(self._engine.failures)
        for key, times in new.items():
            revision_id, rule = part_of(key)
            kind = self._engine.kinds.get(key, "")
            if revision_id not in self._revisions:
                revision_id, rule = next(iter(self._revisions), ""), ""
            log.error("guidance.rule_failed", revision=revision_id, rule=rule, kind=kind)
            if revision_id:
                self._faults.note(revision_id, rule, RuleFault.Kind.ERROR, kind, times)

    def _note_failed(self, batch: Batch) -> None:
        """Something that policies listen to could not be heard: their pages say so."""
        failed = batch.finds(Failed)
        for one in failed[self._failed_taken :] if self._revisions else ():
            self._faults.note_unheard(one, self._compiled.asks, next(iter(self._revisions)))
        self._failed_taken = len(failed)

    def _wrong(self, revision_id: str, rule: str, error: Exception) -> None:
        place = f"{type(error).__name__} {error_place(error)}"
        log.error("guidance.failed", revision=revision_id, rule=rule, place=place)
        if revision_id:
            self._faults.note(revision_id, rule, RuleFault.Kind.ERROR, place)

    def _do_all(self, decided: list[Decision], caused: FinalUtterance | None, batch: Batch) -> None:
        for decision in decided:
            try:
                self._do(decision, caused, batch)
            except Exception as error:
                # One action that fails must not take the call's other guidance with it.
                self._wrong(decision.policy, decision.rule_id, error)

    def _do(self, decision: Decision, caused: FinalUtterance | None, batch: Batch) -> None:
        revision = self._revisions[decision.policy]
        because = self._because(decision)
        if decision.sequence is None or caused is None or decision.sequence != caused.row.sequence:
            caused = None
        action = decision.action
        if decision.what in {"done", "missed"}:
            self._behaviour(decision, revision, because, batch)
        elif decision.what in {"step", "step_done", "end"}:
            self._step(decision, revision, because, batch)
        elif action is None:
            raise ValueError(f"a decision to {decision.what} without an action")
        elif decision.what == "show":
            self._show(decision, action, revision, because, caused, batch)
        elif decision.what == "confirm":
            self._board.confirm(key_of(decision), because, caused, batch)
        elif decision.what in {"withdraw", "expire"}:
            self._withdraw(decision, batch)
        elif decision.what in {"tick", "miss"}:
            state = Guidance.State.TICKED if decision.what == "tick" else Guidance.State.MISSED
            self._board.settle(key_of(decision), state, decision.at_ms, because, batch)
        elif action.do == "alert":
            alert_add(batch, decision, action, revision, because.fields(), self._call.team_id)
        else:
            effect_add(batch, decision, action, revision, because.fields())

    def _because(self, decision: Decision) -> Because:
        evidence = [
            {"utterance": str(self._heard[sequence].pk), "start": start, "end": end}
            for sequence, start, end in decision.evidence
            if sequence in self._heard
        ]
        cause = self._heard.get(decision.evidence[0][0]) if evidence else None
        # Names of moments and of what callers name are the company's own, and may be long.
        return Because((decision.form or decision.reason)[:REASON], evidence, cause)

    def _show(
        self,
        decision: Decision,
        action: Action,
        revision: PolicyRevision,
        because: Because,
        caused: FinalUtterance | None,
        batch: Batch,
    ) -> None:
        look = self._look_of(decision)
        # What the agent mutes is not looked up; its row says that it was held back for that.
        muted = self._board.is_muted(action.do, decision.rule_id, optional=look.optional)
        if action.do == "knowledge" and not muted:
            key = key_of(decision)
            if key not in self._asked and not self._board.has(key):
                asked = question(action.query, self._customer_said(), self._call)
                self._asked[key] = (self._lookups.ask(self._call.schema, asked), decision, because)
            return
        self._board.show(key_of(decision), decision, action, look, revision, because, caused, batch)

    def _customer_said(self) -> list[str]:
        return [row.text for row in self._heard.values() if row.speaker == Speaker.CUSTOMER]

    def _look_in(self, now_ms: int, batch: Batch) -> None:
        """Take answers that have come; an answer that is late, or nothing, shows nothing."""
        for key, (asked, decision, because) in list(self._asked.items()):
            state = asked.state()
            if not state:
                continue
            del self._asked[key]
            if state == "late":
                asked.drop()
                self._faults.note(decision.policy, decision.rule_id, RuleFault.Kind.LATE)
            elif state == "failed":
                self._faults.note(decision.policy, decision.rule_id, RuleFault.Kind.ERROR, asked.place)
            elif decision.action is not None:
                card, name = asked.card, f"{key} {decision.at_ms}"
                noted = self._lookups.note(self._call, name, decision.action.query, card)
                if card is None:
                    continue
                shown = {field: value for field, value in card.items() if field != "answered"}
                self._board.show(
                    key,
                    decision,
                    decision.action,
                    self._look_of(decision),
                    self._revisions[decision.policy],
                    because,
                    None,
                    batch,
                    {**shown, "question": str(noted)},
                )

    def _withdraw(self, decision: Decision, batch: Batch) -> None:
        key = key_of(decision)
        pending = self._asked.pop(key, None)
        if pending is not None:
            pending[0].drop()
        if self._board.withdraw(key, decision.at_ms, batch, expired=decision.what == "expire"):
            self._faults.note(decision.policy, decision.rule_id, RuleFault.Kind.UNCONFIRMED)

    def _look_of(self, decision: Decision) -> Look:
        number = self._compiled.rule_numbers.get(rule_key(decision.policy, decision.rule_id))
        if decision.source != "rule" or number is None:
            return Look()
        rule = self._compiled.rules[number].rule
        return Look(rule.priority, rule.position, rule.expires_ms, rule.optional)

    def _behaviour(
        self, decision: Decision, revision: PolicyRevision, because: Because, batch: Batch
    ) -> None:
        number = self._compiled.behaviour_numbers[behaviour_key(decision.policy, decision.rule_id)]
        behaviour = self._compiled.behaviours[number].behaviour
        batch.create(
            BehaviourOutcome(
                conversation_id=self._call.conversation_id,
                revision=revision,
                behaviour_key=behaviour.id,
                name=behaviour.name[:120],
                weight=behaviour.weight,
                result=decision.what,
                evidence=because.evidence,
                reason=because.reason,
                at_ms=decision.at_ms,
            )
        )

    def _step(self, decision: Decision, revision: PolicyRevision, because: Because, batch: Batch) -> None:
        step_id = decision.step or ""
        if decision.what == "step":
            number = self._compiled.playbook_numbers[playbook_key(decision.policy, decision.rule_id)]
            playbook = self._compiled.playbooks[number].playbook
            step = next(one for one in playbook.steps if one.id == step_id)
            self._board.step(decision, step, playbook, revision, because, batch)
        elif decision.what == "step_done":
            key = step_key(revision, decision.rule_id, step_id)
            self._board.settle(key, Guidance.State.TICKED, decision.at_ms, because, batch)
        else:
            self._board.leave_playbook(decision, revision, batch)


class GuidanceStage:
    """The stage "guidance" of `cresta_app.live`. `lookups`: where slow questions are answered."""

    key = "guidance"
    fixed: tuple[str, ...] = ("revisions", "withheld")

    def __init__(self, lookups: Lookups = LOOKUPS, cards: Lookups = CARDS) -> None:
        self._lookups, self._cards = lookups, cards

    def open(self, call: CallContext, state: dict[str, Any] | None) -> GuidanceSession:
        """Begin with what is in effect for this conversation, or go on from `state`.

        Six queries, seven the first time that a set of revisions is met; two more when a call is taken over. A call
        that went to another agent goes on with what is in effect for them, and with those earlier policies of which
        something is still shown.
        """
        facts = call_facts(call)
        settings = settings_now()
        if not call.live:
            board = Board(call.conversation_id, limits_of(settings), ())
            return GuidanceSession(call, [], compiled_for([]), facts, board, self._lookups)
        if state is not None and state.get("v") != STATE:
            state = _retold(call, facts, state)
        board = Board(call.conversation_id, limits_of(settings), mutes_of(call.agent_id), state)
        drawn: list[ExperimentArm] = []
        if state is None:
            revisions = effective_revisions(audience=facts.audience)
            drawn = arms_drawn(revisions, facts.audience)
            board.withhold(drawn)
        else:
            revisions = revisions_by_id(state["revisions"])
            if (state["agent"], state["team"]) != (str(call.agent_id or ""), str(call.team_id or "")):
                now = effective_revisions(audience=facts.audience)
                known = {revision.pk for revision in now}
                revisions = now + [
                    one for one in revisions if one.pk not in known and str(one.pk) in board.shown_of
                ]
                # The screen is the new agent's as in their other calls; the call counts for whom it began with.
                arms = arms_drawn(now, facts.audience)
                board.withhold(arms)
                drawn = [] if state["agent"] else arms
        ready = compiled_for(revisions)
        heard = [] if state is None else _said_last(call.conversation_id)
        # A call that began without one goes on without one.
        begun = None if state is None else state.get("next_step")
        watch = watch_open(facts.fields, begun, heard) if state is None or begun else None
        cards = None
        # A chat's agent is offered the same as a reply.
        if settings.knowledge_by_itself and call.channel == "voice" and call.at_its_pace:
            shown = None if state is None else state.get("cards")
            cards = CardsWatch(call, settings.knowledge_per_call, self._cards, shown)
        return GuidanceSession(
            call, revisions, ready, facts, board, self._lookups, state, heard, drawn, watch, cards
        )


def _retold(call: CallContext, facts: CallFacts, state: dict[str, Any]) -> dict[str, Any]:
    """A state of this version in place of another's: what stands on the screen is told by its rows.

    The rules are told what is stored of the call, as whenever their own state cannot be read.
    """
    log.warning("guidance.screen_retold", conversation=str(call.conversation_id))
    begun_with: list[str] = state.get("revisions", [])
    revisions = revisions_by_id(begun_with) if begun_with else effective_revisions(audience=facts.audience)
    return {
        "v": STATE,
        "agent": state.get("agent", str(call.agent_id or "")),
        "team": state.get("team", str(call.team_id or "")),
        "revisions": [str(revision.pk) for revision in revisions],
        "withheld": state.get("withheld", []),
        "begun": True,
        "now_ms": state.get("now_ms", 0),
        "engine": {},
        **screen_retold(call.conversation_id, compiled_for(revisions)),
    }


# What of an utterance the rest of the call may ask for.
_CITED = ("id", "conversation_id", "sequence", "speaker", "start_ms", "end_ms", "text")


def _without_words(row: Utterance) -> Utterance:
    """The same row without its words and their times: two thirds of what a call would keep in memory otherwise.

    Whoever asks it for another field reads it from the database, as of those in `_said_last`.
    """
    cited = Utterance.__new__(Utterance)
    cited.__dict__.update((name, row.__dict__[name]) for name in _CITED)
    cited._state = row._state  # it is saved when the row is
    return cited


def _said_last(conversation_id: UUID) -> list[Utterance]:
    rows = Utterance.objects.filter(conversation_id=conversation_id).defer("words", "search")
    return list(rows.order_by("-sequence")[:KEPT_UTTERANCES])[::-1]
