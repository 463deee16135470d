"""A Django site of one view behind the real web server, to see where a request's body lies meanwhile.

Settings and URLs in one: `DJANGO_SETTINGS_MODULE=tests.peers.spool`. `sealed` is the project's `cresta_app.asgi` with a
door that knows no database, `plain` is Django and Daphne as they come. The view says whether the pattern that was
uploaded lies on a disk in the clear.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from cresta_app.settings import *  # noqa: F403 settings are made this way

MIDDLEWARE = ["django.middleware.common.CommonMiddleware"]
ROOT_URLCONF = "tests.peers.spool"
UPLOAD_MAX_REQUEST_BYTES = 8 * 1024 * 1024
WEB_MAX_BODY_BYTES = 1024 * 1024
if os.environ.get("SPOOL_PLAIN"):
    FILE_UPLOAD_HANDLERS = [
        "django.core.files.uploadhandler.MemoryFileUploadHandler",
        "django.core.files.uploadhandler.TemporaryFileUploadHandler",
    ]

PATTERN = b"four one five five five oh one nine nine. "


def lies_in_the_clear(pid: int, folder: Path) -> tuple[bool, int]:
    """Whether the pattern is in a file that the process holds open, or in the folder; and how many bytes those have."""
    found, size = False, 0
    held = Path(f"/proc/{pid}/fd").iterdir()
    for path in [*held, *(each for each in folder.rglob("*") if each.is_file())]:
        try:
            # What a process holds open is named by where it lies, or lay before it was taken from its folder.
            where = path.readlink() if path.is_symlink() else path
            if not stat.S_ISREG(path.stat().st_mode) or folder not in where.parents:
                continue
            data = path.read_bytes()
        except OSError:
            continue  # closed since it was listed
        size += len(data)
        found = found or PATTERN in data
    return found, size


def _view(request):
    from django.http import JsonResponse

    files = [file for name in request.FILES for file in request.FILES.getlist(name)]
    found, size = lies_in_the_clear(os.getpid(), Path(os.environ["TMPDIR"]))
    whole = all(chunk.strip(PATTERN) == b"" for file in files for chunk in file.chunks())
    read = sum(file.size for file in files)
    return JsonResponse({"found": found, "spooled": size, "whole": whole, "read": read})


def _echo(request):
    from django.http import HttpResponse

    return HttpResponse(request.body)


def _door():
    from cresta_app.upload_door import FORBIDDEN, UploadDoor

    class Door(UploadDoor):
        async def refusal(self, path, header):
            return FORBIDDEN if header(b"x-stranger") else None

    return Door(None)


def __getattr__(name):
    """URLs need Django, which is not there yet while these are settings."""
    if name == "urlpatterns":
        from django.urls import path

        return [path("uploads/", _view), path("echo/", _echo)]
    if name == "sealed":
        from cresta_app import asgi, sealed_bodies

        sealed_bodies.install(_door())
        return asgi.application
    if name == "plain":
        from django.core.asgi import get_asgi_application

        return get_asgi_application()
    raise AttributeError(name)
