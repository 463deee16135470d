"""The policy language: what is detected in a conversation, what follows from it, and why, in words.

`MomentEngine` finds the moments of a company's library; `RuleEngine` takes them, with the words, and decides by
the policies (`spec.py` has their form, `checking.py` what is wrong with one, `describing.py` what one says).

Everything here is incremental (an utterance costs what it changes, not what the call has grown to),
deterministic (the same utterances and the same call times give the same decisions) and works on redacted
text alone. Times are milliseconds of call time; no wall clock is ever read.
"""

from engines.rules.checking import check_policy
from engines.rules.compiled import CompiledPolicies
from engines.rules.decisions import Decision
from engines.rules.describing import describe
from engines.rules.engine import RuleEngine
from engines.rules.moments import CompiledMoments, MomentEngine, check, check_all
from engines.rules.occurrences import Heard, MomentSpec, Occurrence
from engines.rules.reading import parse_policy
from engines.rules.spec import Policy, PolicyError
from engines.rules.writing import to_data

__all__ = [
    "CompiledMoments",
    "CompiledPolicies",
    "Decision",
    "Heard",
    "MomentEngine",
    "MomentSpec",
    "Occurrence",
    "Policy",
    "PolicyError",
    "RuleEngine",
    "check",
    "check_all",
    "check_policy",
    "describe",
    "parse_policy",
    "to_data",
]
