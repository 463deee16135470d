"""Logging for every process: structured lines of events and ids on standard error, never customers' words."""

from __future__ import annotations

import logging.config
from typing import Any

import structlog


def configure(settings: dict[str, Any]) -> None:
    """Set up structlog and the standard library's loggers behind one renderer. Called by Django."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {
                "line": {
                    "()": structlog.stdlib.ProcessorFormatter,
                    "foreign_pre_chain": shared,
                    "processors": [
                        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                        structlog.processors.format_exc_info,
                        structlog.processors.LogfmtRenderer(
                            key_order=["timestamp", "level", "logger", "event"], bool_as_flag=False
                        ),
                    ],
                }
            },
            "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
            "root": {"handlers": ["console"], "level": settings.get("level", "INFO")},
            "loggers": {
                # Access logs would put call ids and search words of every request into the log.
                "django.channels.server": {"level": "WARNING"},
                "daphne": {"level": "WARNING"},
                "uvicorn.access": {"level": "WARNING"},
                "httpx": {"level": "WARNING"},
                "celery.app.trace": {"level": "WARNING"},
            },
        }
    )
