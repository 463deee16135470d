"""Summaries of conversations: by a template, from the conversation's own words, each line with its utterances.

`filling` without a model, `writing` with one, `checking` holds what a model wrote against what was said.
"""

from engines.language.clauses import Line
from engines.language.summary.extracting import MAX_LINES, SECTIONS, Draft, SummaryLine, summarise
from engines.language.summary.filling import Talk, fill

__all__ = ["MAX_LINES", "SECTIONS", "Draft", "Line", "SummaryLine", "Talk", "fill", "summarise"]
