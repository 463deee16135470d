"""What came with a request, looked at before anything of it is kept: which calls there are, and what is wrong."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.permissions import Permission
from conversations.live.metadata import text_redacted
from engines.speech.containers import container_of
from integrations.uploads import archive
from integrations.uploads.details import MANIFEST_BYTES, CallDetails, details_read, manifest_read

HEAD_BYTES = 512


class UploadRefused(Exception):
    """Nothing was taken in. `status` as in HTTP, `code` for programs; the message is for people."""

    def __init__(self, status: int, code: str, message: str, *, wait: int = 0) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.wait = wait


@dataclass(frozen=True)
class GivenFile:
    """A file as it came: its name, where it can be read and sought in, its size."""

    name: str
    file: BinaryIO
    size: int


@dataclass
class Part:
    """One call to be: a file that came alone, or one of a zip."""

    label: str
    size: int
    given: GivenFile
    zipped: archive.Archive | None = None
    member: archive.Member | None = None
    details: CallDetails | None = None
    problem: str = ""

    @contextmanager
    def open(self) -> Iterator[Any]:
        if self.zipped is not None and self.member is not None:
            with self.zipped.open(self.member) as file:
                yield file
        else:
            self.given.file.seek(0)
            yield self.given.file


def _head(file: Any) -> bytes:
    head = b""
    while len(head) < HEAD_BYTES and (more := file.read(HEAD_BYTES - len(head))):
        head += more
    return head


def parts_of(files: Sequence[GivenFile], base: CallDetails, zone: ZoneInfo) -> list[Part]:
    """All that may be calls, with what is said of each; manifests are read on the way."""
    found: list[Part] = []
    for given in files:
        given.file.seek(0)
        if archive.is_zip(given.file.read(4)):
            limits = archive.Limits(
                files=settings.UPLOAD_MAX_FILES,
                bytes_each=settings.UPLOAD_MAX_BYTES,
                bytes_all=settings.UPLOAD_MAX_REQUEST_BYTES,
            )
            zipped = archive.Archive(given.file, limits)
            inside = [Part(each.name, each.size, given, zipped, each) for each in zipped.members]
            found += _described(inside, base, zone)
        else:
            found.append(Part(archive.label(given.name), given.size, given))
    loose = [part for part in found if part.zipped is None]
    return [*(part for part in found if part.zipped is not None), *_described(loose, base, zone)]


def _described(parts: list[Part], base: CallDetails, zone: ZoneInfo) -> list[Part]:
    """Take the manifest out of files that came together, and lay what it says over the form."""
    manifests = [part for part in parts if part.label.lower().endswith(".csv")]
    calls = [part for part in parts if part not in manifests]
    if len(manifests) > 1:
        raise ValidationError(_("There are several CSV files; only one can be the manifest."))
    said: dict[str, dict[str, str]] = {}
    if manifests:
        with manifests[0].open() as file:
            said = manifest_read(file.read(MANIFEST_BYTES + 1))
        if not calls:
            raise ValidationError(_("There is a manifest, but no sound file."))
    for part in calls:
        try:
            part.details = details_read(said.pop(part.label.lower(), {}), base, zone)
        except ValidationError as error:
            part.problem = in_words(error)
    if said:
        text = _("The manifest names files that did not come, %(name)s among them.")
        raise ValidationError(text % {"name": text_redacted(next(iter(said)))[:80]})
    return calls


def in_words(error: ValidationError) -> str:
    if hasattr(error, "error_dict"):
        return "; ".join(f"{name}: {' '.join(words)}" for name, words in error.message_dict.items())
    return " ".join(error.messages)


def part_check(part: Part, user: User | None) -> None:
    """Note what is wrong with a file, as far as its head, its size and what is said of it tell."""
    if part.problem:
        return
    if part.size > settings.UPLOAD_MAX_BYTES:
        megabytes = settings.UPLOAD_MAX_BYTES // (1024 * 1024)
        part.problem = _("The file is larger than %d MB.") % megabytes
        return
    try:
        with part.open() as file:
            head = _head(file)
    except archive.ArchiveError as error:
        part.problem = str(error)
        return
    if part.zipped is not None and archive.is_archive(head):
        part.problem = _("An archive inside a zip is not opened.")
    elif not container_of(head):
        part.problem = _("This is not a sound file of a kind that we read (WAV, FLAC, MP3, Ogg, M4A, AAC).")
    elif part.details is not None and not _may_name(user, part.details.agent):
        part.problem = _("The agent is in no team that you look after.")


def _may_name(user: User | None, agent: str) -> bool:
    """Whether this person may bring calls of this agent: supervisors, of their own teams only."""
    if user is None or not agent or user.may(Permission.CONVERSATION_READ_ALL):
        return True
    found = agent_find(agent)
    return found is None or User.objects.filter(pk=found.pk, team__supervisors=user).exists()


def agent_find(agent: str) -> User | None:
    """Who is meant by an e-mail address, or by an id in the telephony that only one person has."""
    if not agent:
        return None
    people = User.objects.filter(is_active=True)
    if "@" in agent:
        found = people.filter(email__iexact=agent).first()
        if found is not None:
            return found
    with_id = list(people.filter(identities__agent_id=agent).distinct()[:2])
    return with_id[0] if len(with_id) == 1 else None
