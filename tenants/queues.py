"""Celery's queues by name."""

DEFAULT = "default"
"""Jobs that somebody waits for, after a call or at a page."""

BACKGROUND = "background"
"""Long work that nobody waits for: processes of their own, which give way to all others (`nice`)."""
