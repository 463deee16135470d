"""The second net under the logs: what it takes out, what it leaves, what it costs, and that every way out has it."""

from __future__ import annotations

import io
import logging
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from django.test import RequestFactory

from cresta_app.error_reports import NoValues, WithoutRows
from cresta_app.log_redaction import message_scrubbed, scrub_event, scrubbed, text_scrubbed, uncaught_text
from engines.redaction.text import RawText
from tests.leaks.planted import KEPT_FROM
from tests.live_calls import ROOT

CARD, SSN, PHONE, EMAIL = (
    KEPT_FROM.card_written,
    KEPT_FROM.ssn_written,
    KEPT_FROM.phone_written,
    KEPT_FROM.email,
)


@pytest.fixture
def line() -> Iterator[Any]:
    """What the house's handler writes, as a function that gives it and begins anew."""
    console = next(one for one in logging.getLogger().handlers if type(one) is logging.StreamHandler)
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(console.formatter)
    for each in console.filters:
        handler.addFilter(each)
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)

    def read() -> str:
        text = written.getvalue()
        written.seek(0)
        written.truncate()
        return text

    yield read
    root.removeHandler(handler)
    root.setLevel(level)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        (f"paid with {CARD}.", "paid with [CREDIT_CARD]."),
        (KEPT_FROM.card, "[CREDIT_CARD]"),
        (KEPT_FROM.card_written.replace(" ", "-"), "[CREDIT_CARD]"),
        (f"ssn={SSN}", "ssn=[SSN]"),
        (PHONE, "[PHONE]"),
        ("(415) 629-3187", "[PHONE]"),
        ("415.629.3187", "[PHONE]"),
        (f"<{EMAIL}>", "<[EMAIL]>"),
        ("GB82 WEST 1234 5698 7654 32", "[IBAN]"),
        (KEPT_FROM.ssn, "[NUMBER]"),
        ("/conversations/4539148803436467/", "/conversations/[CREDIT_CARD]/"),
    ],
)
def test_what_gives_itself_away_goes(text: str, left: str) -> None:
    assert text_scrubbed(text) == left
    assert text_scrubbed(left) == left


@pytest.mark.parametrize(
    "text",
    [
        "call.ended conversation=0199f0c2-1234-7890-8123-123456789012 reason=stop",
        "2026-11-21T06:23:50.760821Z",
        "127.0.0.1:54321 listens",
        "took 1234567 ms, 99999999 bytes, 12.345678901 s",
        "entry 1763705030123-0 at 1763705030",
        "commit.py:97 < worker.py:150",
        "Python 3.11.7, psycopg 3.2.10, Redis 7.4.1",
        "9f86d081884c7d659a2feaf0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "lanes [100, 200, 3000, 40000] at 0x7f12ab34cd56",
        "[CREDIT_CARD 1111] [NAME #3fa9c1d2]",
    ],
)
def test_ids_times_and_counts_stay(text: str) -> None:
    assert text_scrubbed(text) == text


def test_values_of_every_kind() -> None:
    event = {
        "event": "x",
        "n": 123456789012,
        "card": int(KEPT_FROM.card),
        "deep": {"a": [f"call {PHONE}", (EMAIL,)]},
        "raw": RawText("my secret"),
        "error": ValueError(CARD),
        "ok": None,
    }
    assert scrub_event(None, "", event) == {
        "event": "x",
        "n": 123456789012,
        "card": "[CREDIT_CARD]",
        "deep": {"a": ["call [PHONE]", ["[EMAIL]"]]},
        "raw": "[RAW]",
        "error": "ValueError",
        "ok": None,
    }
    assert scrubbed(KEPT_FROM) is not KEPT_FROM and KEPT_FROM.card not in str(scrubbed(KEPT_FROM))


def test_every_way_into_the_log_has_the_net(line: Any) -> None:
    log, plain = structlog.get_logger("conversations.test"), logging.getLogger("somebody.else")
    said = [
        lambda: log.info("event", card=CARD, words=RawText("thaddeus")),
        lambda: log.info(f"event of {EMAIL}"),
        lambda: plain.info("card %s of %s", CARD, EMAIL),
        lambda: plain.info("card %(card)s", {"card": CARD}),
        lambda: plain.warning(f"Not Found: /{KEPT_FROM.card}/"),
        lambda: plain.info("raw %s", RawText("thaddeus quillfeather")),
        lambda: plain.info("error %s", ValueError(CARD)),
    ]
    for say in said:
        say()
        written = line()
        assert written and not list(KEPT_FROM.traces(written)), written
    try:
        raise ValueError(CARD)
    except ValueError:
        log.exception("failed")
    written = line()
    assert "exception=ValueError" in written and not list(KEPT_FROM.traces(written))


def test_others_say_nothing_below_info_whatever_is_wanted() -> None:
    """Packages write what goes over their wires at DEBUG: transcripts, requests, statements with their values."""
    program = (
        "import django, logging\n"
        "django.setup()\n"
        "for name in ('websockets.client', 'httpcore', 'openai', 'botocore', 'django.db.backends', 'kombu'):\n"
        "    assert not logging.getLogger(name).isEnabledFor(logging.DEBUG), name\n"
        "assert logging.getLogger('conversations.live.call').isEnabledFor(logging.DEBUG)\n"
        "for name in ('django', 'django.request', 'django.server'):\n"
        "    assert not logging.getLogger(name).handlers, name\n"
        f"raise ValueError('card {CARD} of {EMAIL}\\nDETAIL:  Failing row contains (thaddeus).')\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={"PATH": "", "DJANGO_SETTINGS_MODULE": "cresta_app.settings", "LOG_LEVEL": "DEBUG"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ran.stderr.rstrip().endswith("ValueError: card [CREDIT_CARD] of [EMAIL]"), ran.stderr
    assert not list(KEPT_FROM.traces(ran.stderr))


def test_uncaught_errors_quote_no_row() -> None:
    said = f"duplicate key\nDETAIL:  Key (reference)=({PHONE}) already exists.\nof {EMAIL}"
    try:
        raise RuntimeError(said)
    except RuntimeError as error:
        text = uncaught_text(error)
    assert "RuntimeError: duplicate key" in text and "of [EMAIL]" in text and "DETAIL" not in text
    assert "test_log_redaction.py" in text
    assert message_scrubbed("LINE 1: INSERT INTO x VALUES ('thaddeus')\n          ^") == ""


def test_uncaught_errors_of_threads(capsys: pytest.CaptureFixture[str], monkeypatch: Any) -> None:
    from cresta_app import log_redaction

    monkeypatch.setattr(threading, "excepthook", log_redaction._uncaught_in_thread)

    def fail() -> None:
        raise ValueError(CARD)

    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()
    assert "ValueError: [CREDIT_CARD]" in capsys.readouterr().err


def test_error_reports_hold_no_values() -> None:
    request = RequestFactory().post("/x/", {"note": KEPT_FROM.note})
    try:
        words = KEPT_FROM.note
        raise ValueError(words)
    except ValueError as error:
        report = WithoutRows(request, type(error), error, error.__traceback__)
        report.filter = NoValues()
        shown = report.get_traceback_html() + report.get_traceback_text()
    assert "words" in shown and "&lt;str&gt;" in shown and "[HIDDEN]" in shown
    assert KEPT_FROM.card[:6] not in shown.replace(" ", "") and EMAIL not in shown


def test_it_costs_microseconds_a_line_and_no_line_makes_it_slow() -> None:
    event = {
        "event": "call.ended",
        "conversation": "0199f0c2-1234-7890-8123-123456789012",
        "reason": "stop",
        "level": "info",
        "logger": "conversations.live.worker",
        "timestamp": "2026-11-21T06:23:50.760821Z",
    }
    times = []
    for _round in range(5):
        began = time.process_time()
        for _line in range(200):
            scrub_event(None, "", dict(event))
        times.append((time.process_time() - began) / 200)
    # About 5 µs; the bound is for machines that are busy.
    assert min(times) < 100e-6
    for bad in ("1" * 8000, "a@" * 4000, "1 " * 4000, "1.1." * 2000, "GB12 " * 1600, "0-" * 4000, "f" * 8000):
        began = time.process_time()
        text_scrubbed(bad)
        assert time.process_time() - began < 0.5, bad[:6]
