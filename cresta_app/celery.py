"""Celery, carrying the company's schema in every message's header."""

from __future__ import annotations

import os

from celery.schedules import crontab
from celery.signals import setup_logging
from tenant_schemas_celery.app import CeleryApp

from conversations.nightly import RETENTION_AT

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cresta_app.settings")

app = CeleryApp("cresta")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
app.conf.beat_schedule = {
    # One that no worker has taken by the time of the next is not worth doing any more: none pile up.
    "sweep": {"task": "conversations.tasks.sweep", "schedule": 5.0, "options": {"expires": 5.0}},
    "alerts": {"task": "coaching.tasks.alerts_sweep", "schedule": 5.0, "options": {"expires": 5.0}},
    "tidy": {"task": "conversations.tasks.tidy", "schedule": 3600.0, "options": {"expires": 3600.0}},
    "retention": {
        "task": "conversations.tasks.retention",
        "schedule": crontab(hour=RETENTION_AT.hour, minute=RETENTION_AT.minute),
    },
    "uploads": {
        "task": "integrations.uploads.tasks.uploads_sweep",
        "schedule": 5.0,
        "options": {"expires": 5.0},
    },
    "documents": {
        "task": "integrations.documents.tasks.documents_sweep",
        "schedule": 5.0,
        "options": {"expires": 5.0},
    },
    "vectors": {
        "task": "knowledge.search.tasks.vectors_sweep",
        "schedule": 10.0,
        "options": {"expires": 10.0},
    },
    "documents-clean": {
        "task": "integrations.documents.tasks.documents_clean",
        "schedule": 3600.0,
        "options": {"expires": 3600.0},
    },
    "webhooks": {
        "task": "integrations.webhooks.tasks.webhooks_sweep",
        "schedule": 5.0,
        "options": {"expires": 5.0},
    },
    "webhooks-clean": {
        "task": "integrations.webhooks.tasks.webhooks_clean",
        "schedule": 3600.0,
        "options": {"expires": 3600.0},
    },
    "backtests": {
        "task": "coaching.backtest_tasks.backtests_sweep",
        "schedule": 60.0,
        "options": {"expires": 60.0},
    },
    "quality": {
        "task": "qa.tasks.quality_sweep",
        "schedule": 60.0,
        "options": {"expires": 60.0},
    },
    "calibration-reminders": {
        "task": "qa.tasks.raters_sweep",
        "schedule": 3600.0,
        "options": {"expires": 3600.0},
    },
    "classifiers": {
        "task": "moments.tasks.classifiers_watch",
        "schedule": 900.0,
        "options": {"expires": 900.0},
    },
    "next-steps": {
        "task": "coaching.tasks.next_steps_sweep",
        "schedule": 900.0,
        "options": {"expires": 900.0},
    },
    "knowledge-nightly": {
        "task": "knowledge.care.tasks.knowledge_nightly",
        "schedule": crontab(hour=3, minute=12),
    },
    "knowledge": {
        "task": "knowledge.care.tasks.knowledge_sweep",
        "schedule": 60.0,
        "options": {"expires": 60.0},
    },
    "knowledge-drafts": {
        "task": "knowledge.answers.tasks.drafts_nightly",
        "schedule": crontab(hour=3, minute=41),
    },
    "model-calls": {
        "task": "providers.tasks.model_calls_sweep",
        "schedule": 5.0,
        "options": {"expires": 5.0},
    },
    "model-calls-clean": {
        "task": "providers.tasks.model_calls_clean",
        "schedule": 3600.0,
        "options": {"expires": 3600.0},
    },
    "uploads-clean": {
        "task": "integrations.uploads.tasks.uploads_clean",
        "schedule": 3600.0,
        "options": {"expires": 3600.0},
    },
}


@setup_logging.connect
def _keep_our_logging(**_: object) -> None:
    """Celery would replace the handlers that Django set up; being connected here stops it."""
