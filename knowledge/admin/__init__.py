"""Admin of knowledge. Django looks for its pages here."""

from knowledge.admin import care, documents, prepared, synonyms

__all__ = ["care", "documents", "prepared", "synonyms"]
