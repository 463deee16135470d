"""What a training of the next step is given: a file of dialogues, and playbooks as a folder, a zip of one, or one file.

Playbooks are one JSON object by task, or one JSON file a task, named after it; beside it, `task.responses.json` holds
the words that can be said where these are known apart.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from coaching.models import NextStepVersion
from engines.next_step.dialogue import Dialogue, dialogues_of
from engines.next_step.schema import RESPONSES

MAX_DIALOGUE_BYTES = 32 * 1024 * 1024
MAX_PLAYBOOK_BYTES = 4 * 1024 * 1024
MAX_PLAYBOOKS = 200


@dataclass(frozen=True)
class Given:
    """What `next_steps_begin` takes of the files."""

    dialogues: list[Dialogue]
    playbooks: dict[str, dict[str, Any]]
    sha256: str


def given_read(*, dialogues: bytes, name: str, playbooks: bytes | None = None) -> Given:
    """Read the uploaded files. Without playbooks those of the live version are taken.

    Raises `ValidationError` by field.
    """
    if len(dialogues) > MAX_DIALOGUE_BYTES:
        raise ValidationError({"file": _("The file is larger than 32 MB.")})
    try:
        found = dialogues_of(dialogues.decode("utf-8-sig").split("\n"), name)
    except ValueError as error:
        # A file that is not UTF-8 is such an error, too.
        raise ValidationError({"file": str(error)}) from None
    try:
        books = _books_live() if playbooks is None else playbooks_of(playbooks)
    except ValueError as error:
        raise ValidationError({"playbooks": str(error)}) from None
    return Given(found, books, hashlib.sha256(dialogues).hexdigest())


def _books_live() -> dict[str, dict[str, Any]]:
    live = NextStepVersion.objects.filter(state=NextStepVersion.State.LIVE).first()
    return dict(live.playbooks) if live else {}


def playbooks_in(folder: Path) -> dict[str, dict[str, Any]]:
    """The playbooks of a folder. Raises `OSError` and `ValueError`."""
    return _books((path.name, path.read_bytes()) for path in sorted(folder.glob("*.json")))


def playbooks_of(data: bytes) -> dict[str, dict[str, Any]]:
    """The playbooks of a JSON file or a zip. Raises `ValueError`, which says what is wrong."""
    if len(data) > MAX_PLAYBOOK_BYTES:
        raise ValueError(_("The playbooks are larger than 4 MB."))
    if not data.startswith(b"PK"):
        books = _object("playbooks", data)
        if "replies" in books and "graph" in books:
            raise ValueError(_("This is one playbook. Put it under its task's name."))
        return {str(task): dict(book) for task, book in books.items() if isinstance(book, dict)}
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as file:
            members = [one for one in file.infolist() if one.filename.endswith(".json")]
            if len(members) > 2 * MAX_PLAYBOOKS or sum(one.file_size for one in members) > MAX_PLAYBOOK_BYTES:
                raise ValueError(_("The playbooks are larger than 4 MB."))
            return _books((PurePosixPath(one.filename).name, file.read(one)) for one in members)
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError, EOFError, OSError) as error:
        raise ValueError(_("The zip cannot be read.")) from error


def _books(files: Iterable[tuple[str, bytes]]) -> dict[str, dict[str, Any]]:
    plain = dict(files)
    found: dict[str, dict[str, Any]] = {}
    for name, data in plain.items():
        if name.endswith(RESPONSES):
            continue
        task = name.removesuffix(".json")
        found[task] = dict(_object(name, data))
        if task + RESPONSES in plain:
            found[task]["responses"] = dict(_object(task + RESPONSES, plain[task + RESPONSES]))
    if not found:
        raise ValueError(_("There is no playbook in this folder."))
    return found


def _object(name: str, data: bytes) -> Mapping[str, Any]:
    try:
        read = json.loads(data)
    except (ValueError, RecursionError):
        read = None
    if not isinstance(read, dict):
        raise ValueError(_("%(name)s is no JSON object.") % {"name": name})
    return read
