"""Logging for every process: structured lines of events and ids on standard error, never customers' words.

Nobody logs what people say; `log_redaction` is the net under that. What other people's packages write below INFO is
not written at all, whatever `LOG_LEVEL` says: there they quote what goes over their wires.
"""

from __future__ import annotations

import logging
import logging.config
import sys
from collections.abc import Mapping
from typing import Any

import structlog

from accounts.errors import error_place
from cresta_app.log_redaction import RAW, install_hooks, scrub_event
from engines.redaction.text import RawText

# Whose lines below INFO are ours, and without words of customers.
ROOMS = (
    *("accounts", "analytics", "coaching", "conversations", "cresta_app", "demo", "desk", "engines"),
    *("integrations", "knowledge", "moments", "providers", "qa", "tenants"),
)


def exception_place(_logger: object, _name: str, event: dict[str, Any]) -> dict[str, Any]:
    """Write an exception as its kind and places. Its message may quote a row, and with it what a customer said."""
    given = event.pop("exc_info", None)
    error = given if isinstance(given, BaseException) else sys.exc_info()[1] if given is True else None
    if isinstance(given, tuple):
        error = given[1]
    if error is not None:
        event["exception"] = type(error).__name__
        event["where"] = error_place(error, depth=8)
    return event


def _shown(value: object) -> object:
    if isinstance(value, BaseException):
        return type(value).__name__
    return RAW if isinstance(value, RawText) else value


class WithoutMessages(logging.Filter):
    """Take the messages of exceptions out of what frameworks log: for the same reason as `exception_place`.

    Daphne and Celery's signals give the exception as an argument, Celery's tasks its `repr`, and asyncio writes it
    into the second line, behind a first one that says what happened.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        if record.name == "asyncio":
            record.msg, record.args = record.getMessage().partition("\n")[0], ()
        elif isinstance(record.args, Mapping):
            given = dict(record.args)
            if "exc" in given:
                given["exc"] = str(given["exc"]).partition("(")[0]
            given |= {name: "" for name in ("traceback", "args", "kwargs") if name in given}
            record.args = {name: _shown(one) for name, one in given.items()}
        elif record.args:
            record.args = tuple(_shown(one) for one in record.args)
        return True


def configure(settings: dict[str, Any]) -> None:
    """Set up structlog and the standard library's loggers behind one renderer. Called by Django."""
    level = logging.getLevelNamesMapping()[str(settings.get("level", "INFO")).upper()]
    install_hooks()
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
                        exception_place,
                        scrub_event,
                        structlog.processors.LogfmtRenderer(
                            key_order=["timestamp", "level", "logger", "event"], bool_as_flag=False
                        ),
                    ],
                }
            },
            "filters": {"without_messages": {"()": WithoutMessages}},
            "handlers": {
                "console": {
                    "class": "logging.StreamHandler",
                    "formatter": "line",
                    "filters": ["without_messages"],
                }
            },
            "root": {"handlers": ["console"], "level": max(level, logging.INFO)},
            "loggers": {
                **({room: {"level": level} for room in ROOMS} if level < logging.INFO else {}),
                # Django would mail its errors, with what was sent and with the variables of the code.
                "django": {"handlers": [], "level": "INFO"},
                "django.server": {"handlers": [], "level": "WARNING", "propagate": True},
                # Access logs would put call ids and search words of every request into the log.
                "django.channels.server": {"level": "WARNING"},
                "daphne": {"level": "WARNING"},
                "uvicorn.access": {"level": "WARNING"},
                "httpx": {"level": "WARNING"},
                "httpx2": {"level": "WARNING"},
                "celery.app.trace": {"level": "WARNING"},
                # One line for every job that is handed on or taken would bury all others.
                "celery.beat": {"level": "WARNING"},
                "celery.worker.strategy": {"level": "WARNING"},
            },
        }
    )
