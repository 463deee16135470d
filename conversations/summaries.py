"""Summaries: written when a conversation ends, edited and confirmed by its agent."""

from __future__ import annotations


def summaries_expire(*, older_than_seconds: int) -> int:
    raise NotImplementedError
