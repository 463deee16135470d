"""Wiring only: settings, URLs, ASGI, Celery, the order of a live call's stages, the embedded services."""
