"""Texts as vectors, and passages put in order by a model: servers of a company's own choice, asked with redacted or
published words only.

`client` speaks the wire, `asking` waits for it no longer than a search may. Both load the SDK, which takes a second:
import them where there is a server. `fusion` joins what words and vectors found.
"""

from engines.embeddings.faults import NotEmbedded
from engines.embeddings.fusion import fused

__all__ = ["NotEmbedded", "fused"]
