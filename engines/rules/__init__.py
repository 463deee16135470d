"""The policy language: what is detected in a conversation, what follows from it, and why, in words.

Everything here is incremental (an utterance costs what it changes, not what the call has grown to),
deterministic (the same utterances and the same call times give the same decisions) and works on redacted
text alone. Times are milliseconds of call time; no wall clock is ever read.
"""

from engines.rules.moments import (
    CompiledMoments,
    Heard,
    MomentEngine,
    MomentSpec,
    Occurrence,
    check,
    check_all,
)
from engines.rules.policy import Decision, PolicyEngine, RuleSpec, check_rules

from engines.rules.compiled import CompiledPolicies
from engines.rules.reading import parse_policy
from engines.rules.spec import Policy, PolicyError
__all__ = [
    "CompiledMoments",
    "Decision",
    "Heard",
    "MomentEngine",
    "MomentSpec",
    "Occurrence",
    "PolicyEngine",
    "RuleSpec",
    "check",
    "check_all",
    "check_rules",
]
