"""Calls under a policy that keeps something: what is said in them goes the way of every live call."""

from __future__ import annotations

from uuid import UUID

from django.utils import timezone

from conversations.live.commit import CallCommit, group_write
from conversations.live.stages import Batch
from conversations.live.transcript import utterance_add
from conversations.models import CallOwner, Conversation
from conversations.redaction.policy import Policy, Rule, redaction_config, redaction_policy
from conversations.redaction.policy_changes import policy_save
from engines.redaction.actions import Action
from engines.redaction.redactor import RedactionConfig
from engines.redaction.stream import StreamRedactor
from engines.redaction.text import RawText
from engines.speech.types import HeardWord, Hypothesis
from tests.conftest import Company
from tests.live_calls import call_make

SEES = ("supervisor", "admin")


def policy_keep(*types: str, sees: tuple[str, ...] = SEES, action: Action = Action.KEEP) -> Policy:
    """Save a policy of the current company that does `action` to these types; the rest is as every company begins."""
    rules = tuple(Rule(name, True, action, "asked for") for name in types)
    policy = Policy(may_see=sees, rules=rules)
    policy_save(policy=policy, reason="a test", actor=None, revision=redaction_policy().revision)
    return redaction_policy()


def call_said(
    company: Company,
    said: list[tuple[str, str]],
    *,
    config: RedactionConfig | None = None,
    ended: bool = True,
) -> Conversation:
    """A call of the company's agent, each turn read and written as the worker does it."""
    ident, _key = call_make(company.people["agent"])
    turns_add(ident, said, config=config)
    now = timezone.now()
    state = Conversation.State.COMPLETED if ended else Conversation.State.LIVE
    times = {"started_at": now, "ended_at": now if ended else None}
    Conversation.objects.filter(pk=ident).update(state=state, **times)
    return Conversation.objects.get(pk=ident)


def turns_add(ident: UUID, said: list[tuple[str, str]], *, config: RedactionConfig | None = None) -> None:
    """Have turns of a call heard and committed; a redactor that knows nothing of what was said before."""
    redactor, batch = StreamRedactor(config or redaction_config()), Batch(ident)
    before = CallOwner.objects.get(pk=ident).utterances
    for number, (speaker, text) in enumerate(said, before + 1):
        start_ms = 5_000 * number
        words = tuple(
            HeardWord(RawText(word), start_ms + 200 * index, start_ms + 200 * index + 200, 1.0)
            for index, word in enumerate(text.split())
        )
        end_ms = words[-1].end_ms
        channel = 0 if speaker == "agent" else 1
        heard = Hypothesis(channel, True, start_ms, end_ms, RawText(text), words, 1.0, "test")
        redacted = redactor.redact_final(speaker, heard.text, words, start_ms, end_ms)
        utterance_add(
            batch, sequence=number, speaker=speaker, channel=channel, heard=heard, redacted=redacted
        )
    part = CallCommit(
        epoch=0, batch=batch, utterances=before + len(said), coverage=[], engine_state={}, recorded_ms=0
    )
    assert not group_write([part])
