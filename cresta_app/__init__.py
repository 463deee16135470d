"""Wiring only: settings, URLs, ASGI, Celery, the order of a live call's stages, the embedded services."""

from cresta_app.celery import app as celery_app

__all__ = ["celery_app"]
