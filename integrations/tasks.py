"""The tasks of this room, where Celery looks for them."""

from integrations.telephony.twilio.tasks import stream_ended
from integrations.uploads.tasks import uploaded_call_hear, uploads_clean, uploads_sweep

__all__ = ["stream_ended", "uploaded_call_hear", "uploads_clean", "uploads_sweep"]
