"""Texts of documents: their blocks, passages, lexemes, and what in them is personal data."""
