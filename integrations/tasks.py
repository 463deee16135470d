"""The tasks of this room, where Celery looks for them."""

from integrations.documents.tasks import (
    document_files_read,
    documents_clean,
    documents_sweep,
    knowledge_sources_sync,
)
from integrations.telephony.twilio.tasks import stream_ended
from integrations.uploads.tasks import uploaded_call_hear, uploads_clean, uploads_sweep
from integrations.webhooks.tasks import webhook_endpoint_deliver, webhooks_clean, webhooks_sweep

__all__ = [
    "document_files_read",
    "documents_clean",
    "documents_sweep",
    "knowledge_sources_sync",
    "stream_ended",
    "uploaded_call_hear",
    "uploads_clean",
    "uploads_sweep",
    "webhook_endpoint_deliver",
    "webhooks_clean",
    "webhooks_sweep",
]
