"""Texts as vectors, and passages put in order by a model: servers of a company's own choice, asked with redacted or
published words only.

`client` speaks the wire, `asking` waits for it no longer than a search may. Nothing here knows a database.
"""

from engines.embeddings.asking import Asking
from engines.embeddings.client import Embedder, NotEmbedded, Reranker, Server

__all__ = ["Asking", "Embedder", "NotEmbedded", "Reranker", "Server"]
