"""Answers: prepared, composed from passages, or none; each sentence cited."""
