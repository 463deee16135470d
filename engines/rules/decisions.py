"""What the engine answers with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from engines.rules.spec import Action

Evidence = tuple[tuple[int, int, int], ...]
What = Literal[
    "show",
    "confirm",
    "withdraw",
    "expire",
    "tick",
    "miss",
    "alert",
    "do",
    "done",
    "missed",
    "step",
    "step_done",
    "end",
]


@dataclass(frozen=True, slots=True)
class Decision:
    """What is to happen, and why.

    `policy` is the caller's key of the document, `rule_id` the id of the rule, behaviour or playbook in it
    (`source` says which). `action` is what to do and `index` its place in the rule's actions; of a behaviour, 0
    is the praise and 1 the hint. `what`:

    - "show", "withdraw" and "expire" (its time was over): what stands on the agent's screen; at the start of the
      call also the checklist.
      A `provisional` show was made on words not yet final; "confirm" (with the final's reason) or "withdraw"
      follows.
    - "tick" and "miss": the item of the checklist with the action's title; "alert", "do": as the action says.
    - "done" and "missed": the outcome of a behaviour. "step": a playbook is now at `step`; "step_done": that
      step was done; "end": the playbook has come to its end.

    `at_ms` is the call time of the decision, `sequence` the utterance that caused it (None: time, or the start).
    `form` is the reason with `{quote}` in place of the words, which stand at `evidence[0]` (sequence, start,
    end): store form and evidence, so that a later redaction reaches the quotation too.
    """

    policy: str
    rule_id: str
    what: What
    at_ms: int
    sequence: int | None
    reason: str
    evidence: Evidence = ()
    form: str = ""
    source: Literal["rule", "behaviour", "playbook"] = "rule"
    index: int | None = None
    action: Action | None = None
    provisional: bool = False
    step: str | None = None
