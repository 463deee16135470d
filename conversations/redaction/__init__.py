"""Redaction as a company wants it: its policy, and what becomes of it after the call."""
