"""Raw text passes nowhere: the type checker refuses it, and what gets past that fails as it runs."""

from __future__ import annotations

import ast
import json
import pickle
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection, transaction
from rest_framework.utils.encoders import JSONEncoder

from conversations.models import Customer, Note
from cresta_app.celery import app
from engines.redaction.text import RawText
from tests.live_calls import wait_for
from tests.test_architecture import ROOT, sources

WORDS = RawText("four one one one")

_HEAD = """
from __future__ import annotations
import json, logging
from uuid import UUID
from engines.redaction.text import RawText, RedactedText
raw: RawText
"""

REFUSED = {
    "a row": "from conversations.models import Note\nNote.objects.create(text=raw)",
    "a row's field": "from conversations.models import Note\nnote = Note()\nnote.text = raw",
    "a filter": "from conversations.models import Customer\nCustomer.objects.create(reference='c', name=raw)",
    "a note": "from conversations.redacted import redacted\nredacted(raw)",
    "fields": "from conversations.live.metadata import text_redacted\ntext_redacted(raw)",
    "a summary": "from engines.language import Line, summarise\nsummarise([Line(1, 'agent', 0, 1, raw)])",
    "sentiment": "from engines.language.sentiment import score\nscore(raw)",
    "moments": "from engines.rules.text import words_of\nwords_of(raw)",
    "a text": "text: str = raw",
    "joined": "' '.join([raw])",
    "added": "'said ' + raw",
    "bytes": "bytes(raw, 'utf-8')",
    "a file": "open('x', 'w').write(raw)",
    "a request": "import httpx\nhttpx.post('https://example.org', content=raw)",
    "a redacted text": "RedactedText(raw)",
    "a logger's message": "logging.getLogger('x').info('said ' + raw)",
    "found in": "'four' in raw",
    "cut": "raw[:4]",
    "in lower case": "raw.lower()",
    "walked through": "[word for word in raw]",
}
ALLOWED = (
    "from engines.redaction.redactor import redact\ntext: str = redact(raw).text\nlength: int = len(raw)"
)


def _another_checks() -> bool:
    """Whether `make check`, which may run beside the tests, has the type checker's store of this checkout."""
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.cwd() == str(ROOT) and any(Path(word).name == "mypy" for word in process.cmdline()):
                return True
    return False


@pytest.mark.timeout(900)
def test_the_type_checker_refuses_raw_text_everywhere(tmp_path: Path) -> None:
    # Two at once would lock each other out; the second is quick.
    wait_for(lambda: not _another_checks(), seconds=400, what="the checks beside")
    for number, body in enumerate([*REFUSED.values(), ALLOWED]):
        (tmp_path / f"case_{number:02}.py").write_text(_HEAD + body + "\n")
    ran = subprocess.run(
        [
            *(sys.executable, "-m", "mypy", "--config-file", str(ROOT / "pyproject.toml")),
            *("--follow-imports", "silent", "--no-error-summary", "--hide-error-context", str(tmp_path)),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=600,
    )
    found = {line.split(":")[0].rsplit("_", 1)[1] for line in ran.stdout.splitlines() if ": error:" in line}
    missed = [name for number, name in enumerate(REFUSED) if f"{number:02}.py" not in found]
    assert not missed, f"passes: {missed}\n{ran.stdout}{ran.stderr}"
    assert f"{len(REFUSED):02}.py" not in found, ran.stdout


@pytest.mark.parametrize(
    "use",
    [
        lambda: str(WORDS),
        lambda: f"{WORDS}",
        lambda: f"{WORDS:>40}",
        lambda: "%s" % WORDS,  # noqa: UP031
        lambda: "{}".format(WORDS),  # noqa: UP032
    ],
)
def test_written_into_a_text_it_raises(use: Any) -> None:
    with pytest.raises(TypeError, match="raw text"):
        use()


def test_it_shows_its_length_alone() -> None:
    assert repr(WORDS) == "<RawText of 16 characters>" == repr([WORDS])[1:-1]


@pytest.mark.parametrize(
    "use",
    [
        lambda: json.dumps({"text": WORDS}),
        lambda: json.dumps({"text": WORDS}, cls=DjangoJSONEncoder),
        lambda: json.dumps({"text": WORDS}, cls=JSONEncoder),
        lambda: pickle.dumps(WORDS),
        lambda: app.send_task("nobody.takes_it", kwargs={"text": WORDS}),
    ],
)
def test_packed_it_raises(use: Any, committed: Any) -> None:
    with pytest.raises(Exception, match=r"[Rr]aw ?[Tt]ext"):
        use()


def test_the_database_refuses_it(world: Any, make_conversation: Any) -> None:
    with world.northwind.scope():
        call = make_conversation(agent=world.northwind.people["agent"])
        uses: list[Any] = [
            lambda: Note.objects.create(conversation=call, author=call.agent, text=WORDS),
            lambda: Customer.objects.create(reference="c-1", fields={"said": WORDS}),
            lambda: Customer.objects.filter(name=WORDS).first(),
            lambda: Customer.objects.update(name=WORDS),
            lambda: connection.cursor().execute("SELECT %s", [WORDS]),
            lambda: connection.cursor().execute("SELECT %s", [[WORDS]]),
        ]
        for use in uses:
            with pytest.raises(Exception, match=r"[Rr]aw ?[Tt]ext"), transaction.atomic():
                use()
        assert not Note.objects.exists()


# Where the words of raw text are looked at, and why. A new place is argued for here.
REVEALED = {
    "conversations/api/kept.py": "what the policy keeps, on its way to one person who may see it",
    "conversations/chat_lines.py": "what is written here to a customer, sealed on its way to the chat system",
    "conversations/chats.py": "a message's length, and its ends without space; raw text again",
    "conversations/redaction/kept.py": "what the policy keeps, on its way into the seal",
    "engines/redaction/redactor.py": "redaction itself",
    "engines/redaction/stream.py": "redaction itself",
    "engines/redaction/timing.py": "redaction of a word list",
    "engines/speech/said.py": "words of recognisers joined to an utterance, which is raw text again",
    "engines/speech/scripted.py": "the script of tests, raw text again",
    "engines/speech/sphinx.py": "sent from the recogniser's process to ours through a pipe",
    "engines/speech/sphinx_channel.py": "words joined to an utterance, raw text again",
    "engines/speech/transcription.py": "words joined to an utterance, raw text again",
    "engines/speech/whisper.py": "words joined to an utterance, raw text again",
}


def test_raw_text_is_revealed_in_known_places_only() -> None:
    found = {str(path.relative_to(ROOT)) for path in sources() if path.name != "text.py" and _reveals(path)}
    assert found == set(REVEALED), {"new": found - set(REVEALED), "gone": set(REVEALED) - found}


def _reveals(path: Path) -> bool:
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    return any(isinstance(node, ast.Attribute) and node.attr == "reveal" for node in nodes)
