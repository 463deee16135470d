"""The tasks of this room, where Celery looks for them."""

from integrations.uploads.tasks import uploaded_call_hear, uploads_clean, uploads_sweep

__all__ = ["uploaded_call_hear", "uploads_clean", "uploads_sweep"]
