"""What can be said about a conversation from its redacted words, without a model: by rules, and named so.

Every result is deterministic, cites the utterances it comes from, and says less rather than guess.
"""

from engines.language.evidence import supported
from engines.language.sentiment import score
from engines.language.summary import Draft, Line, SummaryLine, summarise

__all__ = ["Draft", "Line", "SummaryLine", "score", "summarise", "supported"]
