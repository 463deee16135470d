"""Tables of knowledge, each by what it is for."""

from knowledge.models.answers import PreparedAnswer, PreparedCitation
from knowledge.models.documents import (
    Channel,
    Chunk,
    Collection,
    ConfigField,
    Document,
    DocumentVersion,
)
from knowledge.models.index import SearchRevision, Synonyms
from knowledge.models.quality import Finding, Gap, GapQuestion, KnowledgeReview
from knowledge.models.tests import SearchTest, SearchTested, SearchTestResult, SearchTestRun
from knowledge.models.usage import KnowledgeQuestion, PassageUse
from knowledge.models.vectors import VectorState

__all__ = [
    "Channel",
    "Chunk",
    "Collection",
    "ConfigField",
    "Document",
    "DocumentVersion",
    "Finding",
    "Gap",
    "GapQuestion",
    "KnowledgeQuestion",
    "KnowledgeReview",
    "PassageUse",
    "PreparedAnswer",
    "PreparedCitation",
    "SearchRevision",
    "SearchTest",
    "SearchTestResult",
    "SearchTestRun",
    "SearchTested",
    "Synonyms",
    "VectorState",
]
