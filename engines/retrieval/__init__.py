"""Finding passages that answer: what is asked, cut into its parts; what it is asked of, as a matrix; and the ranking.

Words come as lexemes, as the database's text search makes them of the language's words: nothing here stems.
"""

from engines.retrieval.index import Index, Snapshot, Text, TextPassage
from engines.retrieval.ranking import Hit, Question, Weights, hits_of, rank

__all__ = ["Hit", "Index", "Question", "Snapshot", "Text", "TextPassage", "Weights", "hits_of", "rank"]
