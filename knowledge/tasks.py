"""The tasks of this room, where Celery looks for them."""

from knowledge.answers.tasks import drafts_nightly
from knowledge.care.tasks import knowledge_nightly, knowledge_review, knowledge_sweep, search_tests_run
from knowledge.search.tasks import vectors_fill, vectors_sweep

__all__ = [
    "drafts_nightly",
    "knowledge_nightly",
    "knowledge_review",
    "knowledge_sweep",
    "search_tests_run",
    "vectors_fill",
    "vectors_sweep",
]
