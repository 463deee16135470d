"""Secrets planted in calls, and in everything that is said beside them, are left nowhere: not stored, not shown.

The same test with redaction switched off finds them in each of these places, so that it is known to look.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from conversations.models import KeptValue
from engines.redaction.redactor import Redactor
from providers.services import chat_server_create
from tests.kept_words import policy_keep
from tests.leaks import places
from tests.leaks.planted import FOUND_OUT, KEPT_FROM, Planted
from tests.leaks.play import everything
from tests.leaks.vendors import VENDORS, left_by
from tests.peers.chat import chat_server
from tests.webhook_receiver import receiver_run

pytestmark = pytest.mark.unhurried

MODEL_KEY = "sk-of-the-model"


@contextmanager
def logged(path: Path) -> Iterator[None]:
    """Have this process write its log into a file, as its handler on standard error does, from INFO on."""
    root = logging.getLogger()
    console = next(one for one in root.handlers if type(one) is logging.StreamHandler)
    handler = logging.FileHandler(path)
    handler.setFormatter(console.formatter)
    for each in console.filters:
        handler.addFilter(each)
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    try:
        yield
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
        handler.close()


def leaks(company: Any, planted: Planted, folder: Path, **worker: str) -> dict[str, set[str]]:
    """Play everything, look everywhere. Returns the traces found, by place."""
    since, found = time.time(), dict[str, set[str]]()
    listener = places.Listener()
    with (
        company.scope(),
        receiver_run() as receiver,
        chat_server() as model,
        listener.listening(),
        logged(folder / "here.log"),
    ):
        chat_server_create(base_url=model.url, name="Ours", model="ours-8b", secret=MODEL_KEY, inside=True)
        shown = everything(company, planted, folder, receiver, PROVIDER_ALLOW_PRIVATE_URLS="true", **worker)
        asked = {one["response_format"]["json_schema"]["name"] for one in model.requests}
        assert asked == {"findings", "replies", "written"}, "it read calls, summed them up, proposed replies"
        everywhere = [
            *shown.pairs,
            *((f"model {one['path']}", json.dumps(one)) for one in model.requests),
            *places.postgres(),
            *places.sessions(),
            *places.redis_keys(),
            *listener.found(),
            *places.files(settings.DATA_DIR, since=since),
            *(("log", log.read_text()) for log in folder.glob("*.log")),
        ]
    for place, text in everywhere:
        if traces := set(planted.traces(text)):
            found.setdefault(place, set()).update(traces)
    kinds = {place.split()[0] for place, _text in everywhere}
    assert kinds >= {
        "postgresql",
        "redis",
        "broker",
        "published",
        "file",
        "log",
        "answer",
        "page",
        "webhook",
        "model",
    }
    return found


@pytest.fixture
def out_of_the_house(settings: Any) -> None:
    """Webhooks, and what is for a chat model, may go to this machine; what the test changes is put back."""
    settings.PROVIDER_ALLOW_PRIVATE_URLS = True
    settings.EGRESS_ALLOW, settings.EGRESS_ALLOW_HTTP = ("127.0.0.0/8",), True


def test_what_was_planted_is_left_nowhere(committed: Any, out_of_the_house: None, tmp_path: Path) -> None:
    company = committed.northwind
    with company.scope():
        # What is kept for some is sealed, and nowhere else; the pages that are looked at are theirs.
        policy_keep("NAME", "EMAIL", "SSN", "PHONE", sees=("agent", "supervisor", "analyst", "admin"))
    found = leaks(company, KEPT_FROM, tmp_path)
    with company.scope():
        kept = set(KeptValue.objects.values_list("redaction__type", flat=True))
    assert kept == {"NAME", "EMAIL", "SSN", "PHONE"}
    assert not found, "\n".join(f"{place}: {sorted(traces)}" for place, traces in sorted(found.items()))


def test_with_redaction_off_it_is_found(
    committed: Any, out_of_the_house: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    examined = Redactor.examined
    monkeypatch.setattr(
        Redactor,
        "examined",
        lambda self, *args, **kwargs: replace(examined(self, *args, **kwargs), spans=[]),
    )
    found = leaks(committed.northwind, FOUND_OUT, tmp_path, SPEECH_PROVIDER="tests.peers.blind:BlindProvider")
    kinds = {place.split()[0] for place in found}
    assert kinds >= {"postgresql", "published", "answer", "page", "webhook", "model"}
    everything_found = {trace for traces in found.values() for trace in traces}
    assert FOUND_OUT.card[:6] in everything_found and "hippogriff" in everything_found
    tables = {place.split(".")[1] for place in found if place.startswith("postgresql northwind.")}
    assert tables >= {
        "conversations_utterance",
        "conversations_conversation",
        "conversations_customer",
        "conversations_waitingmetadata",
        "conversations_consentrecord",
        "conversations_legalhold",
        "conversations_note",
        "conversations_summaryline",
        "coaching_guidance",
        "integrations_uploadedcall",
        "qa_answer",
    }
    with committed.northwind.scope():
        vendors = left_by(FOUND_OUT)
    assert vendors.keys() == {*VENDORS, "native", "twilio"}
    assert all(beside and spoken for beside, spoken in vendors.values()), vendors
