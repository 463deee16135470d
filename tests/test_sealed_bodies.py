"""What is uploaded lies on no disk in the clear: not half-way, not whole, not in the form; and limits hold."""

from __future__ import annotations

import io
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.core.files.uploadedfile import UploadedFile

from cresta_app.sealed_bodies import SealedUploads, limit_for
from tenants.keys import SealError
from tenants.sealed_spool import BLOCK_BYTES, SealedSpool, SpoolFull
from tests.live_calls import wait_for
from tests.peers.spool import PATTERN, lies_in_the_clear

ROOT = Path(__file__).resolve().parent.parent
BOUNDARY = b"b0undary"
# For a server that starts on a machine with other work; nothing waits so long where all is well.
WAIT_SECONDS = 90.0


def test_a_spool_gives_back_what_it_was_given():
    data = os.urandom(3 * BLOCK_BYTES + 77)
    spool = SealedSpool()
    for start in range(0, len(data), 100_001):
        spool.write(data[start : start + 100_001])
    assert (spool.size, spool.tell()) == (len(data), len(data))
    spool.seek(0)
    assert spool.read() == data
    spool.seek(BLOCK_BYTES - 3)
    assert spool.read(10) == data[BLOCK_BYTES - 3 :][:10]
    spool.seek(-5, io.SEEK_END)
    assert spool.read(100) == data[-5:]
    spool.write(b"more")
    spool.seek(len(data))
    assert spool.read() == b"more"
    spool.close()
    with pytest.raises(ValueError, match="closed"):
        spool.read()


def test_a_spool_is_sealed_bounded_and_notices_changes():
    spool = SealedSpool(limit=2 * BLOCK_BYTES)
    spool.write(PATTERN * (BLOCK_BYTES // len(PATTERN)) + b" " * (BLOCK_BYTES % len(PATTERN)))
    spool._file.seek(0)
    assert PATTERN not in spool._file.read()
    with pytest.raises(SpoolFull):
        spool.write(bytes(BLOCK_BYTES + 1))
    spool._file.seek(100)
    spool._file.write(b"x")
    spool.seek(0)
    with pytest.raises(SealError):
        spool.read()
    small = SealedSpool()
    small.write(PATTERN)
    assert small._file is None and PATTERN.decode() not in repr(small)


def test_files_of_forms_are_spooled_sealed():
    handler = SealedUploads()
    handler.new_file("file", "call.wav", "audio/wav", None)
    assert handler.receive_data_chunk(PATTERN, 0) is None
    file = handler.file_complete(len(PATTERN))
    assert isinstance(file, UploadedFile) and isinstance(file.file, SealedSpool)
    assert b"".join(file.chunks()) == PATTERN
    handler.upload_interrupted()
    assert file.closed


def test_only_uploads_may_be_large(settings):
    assert limit_for("/uploads/") > settings.UPLOAD_MAX_REQUEST_BYTES
    assert limit_for("/api/v1/uploads/") == limit_for("/uploads/")
    assert limit_for("/uploads/../people/") == settings.WEB_MAX_BODY_BYTES


# --- Through the real web server -------------------------------------------------------------------------


@contextmanager
def _server(folder: Path, application: str, **extra: str) -> Iterator[tuple[int, int]]:
    """Run Daphne; yields its process id and port."""
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "tests.peers.spool",
        "TMPDIR": str(folder),
        "SECRET_KEY": "for this test alone " * 3,
        **extra,
    }
    with socket.socket() as listener:
        # Ours, and handed on: no other process can take the port meanwhile, and whoever connects early waits.
        listener.bind(("127.0.0.1", 0))
        listener.listen(16)
        port = listener.getsockname()[1]
        command = [
            sys.executable,
            "-m",
            "cresta_app.web",
            "-v",
            "0",
            "--fd",
            str(listener.fileno()),
            application,
        ]
        process = subprocess.Popen(command, cwd=ROOT, env=environment, pass_fds=[listener.fileno()])
    try:
        yield process.pid, port
    finally:
        process.terminate()
        process.wait(60)


def _form(size: int) -> bytes:
    file = (PATTERN * (size // len(PATTERN) + 1))[:size]
    head = b'--%s\r\nContent-Disposition: form-data; name="file"; filename="call.wav"\r\n\r\n' % BOUNDARY
    return head + file + b"\r\n--%s--\r\n" % BOUNDARY


def _head(path: str, *lines: bytes) -> bytes:
    first = b"POST %s HTTP/1.1\r\nHost: localhost\r\n" % path.encode()
    kind = b"Content-Type: multipart/form-data; boundary=%s\r\n" % BOUNDARY
    return first + kind + b"".join(line + b"\r\n" for line in lines) + b"\r\n"


def _answer(connection: socket.socket) -> tuple[int, bytes]:
    connection.settimeout(WAIT_SECONDS)
    data = b""
    while b"\r\n\r\n" not in data and (more := connection.recv(65536)):
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    wanted = next(
        int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")
    )
    while len(body) < wanted and (more := connection.recv(65536)):
        body += more
    return int(head.split()[1]), body


def _held_half_way(pid: int, port: int, folder: Path) -> tuple[bool, dict[str, object]]:
    """Send half of a form and look; then send the rest. Returns what was found half-way, and the view's answer."""
    form = _form(6 * 1024 * 1024)
    half = len(form) // 2
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(_head("/uploads/", b"Content-Length: %d" % len(form)) + form[:half])
        found: list[bool] = []

        def spooled() -> bool:
            lies, size = lies_in_the_clear(pid, folder)
            found[:] = [lies]
            return size > half - 2 * BLOCK_BYTES

        wait_for(spooled, seconds=WAIT_SECONDS, what="half of the form in the spool")
        connection.sendall(form[half:])
        status, body = _answer(connection)
    assert status == 200
    return found[0], json.loads(body)


def test_an_upload_lies_on_no_disk_in_the_clear(tmp_path):
    with _server(tmp_path, "tests.peers.spool:sealed") as (pid, port):
        found, answer = _held_half_way(pid, port, tmp_path)
        assert not found
        assert answer["whole"] and answer["read"] == 6 * 1024 * 1024
        assert not answer["found"] and answer["spooled"] > 6 * 1024 * 1024
        _limits(port)
        _chunked(port)
        _tickets(port)
        _strangers(port)
        # Everything was let go of.
        wait_for(
            lambda: not lies_in_the_clear(pid, tmp_path)[1],
            seconds=WAIT_SECONDS,
            what="every spool to be let go of",
        )


def test_the_same_check_finds_it_where_nothing_is_sealed(tmp_path):
    with _server(tmp_path, "tests.peers.spool:plain", SPOOL_PLAIN="1") as (pid, port):
        found, answer = _held_half_way(pid, port, tmp_path)
        assert found and answer["found"] and answer["whole"]


def _limits(port: int) -> None:
    """Too large, by what is announced and by what comes: a clear answer either way, and the server goes on."""
    for path, size in (("/uploads/", 10 * 1024 * 1024), ("/echo/", 1024 * 1024 + 1)):
        with socket.create_connection(("127.0.0.1", port)) as connection:
            connection.sendall(_head(path, b"Content-Length: %d" % size, b"Expect: 100-continue"))
            status, body = _answer(connection)
            assert status == 413
            assert json.loads(body)["error"]["code"] == "too_large"
        with socket.create_connection(("127.0.0.1", port)) as connection:
            connection.sendall(_head(path, b"Transfer-Encoding: chunked"))
            sent = 0
            while sent < size:
                connection.sendall(b"10000\r\n" + bytes(65536) + b"\r\n")
                sent += 65536
            connection.sendall(b"0\r\n\r\n")
            assert _answer(connection)[0] == 413


def _chunked(port: int) -> None:
    form = _form(300_000)
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(_head("/uploads/", b"Transfer-Encoding: chunked"))
        connection.sendall(b"%x\r\n%s\r\n0\r\n\r\n" % (len(form), form))
        status, body = _answer(connection)
        assert (status, json.loads(body)["read"]) == (200, 300_000)
        # The connection goes on to be used.
        connection.sendall(_head("/echo/", b"Content-Length: 5") + b"hello")
        assert _answer(connection) == (200, b"hello")


def _tickets(port: int) -> None:
    """A ticket from outside is none."""
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(_head("/echo/", b"X-Sealed-Body: 00", b"Content-Length: 2") + b"me")
        assert _answer(connection) == (200, b"me")


def _strangers(port: int) -> None:
    """Who may not upload is told so while the body has yet to come, however it is announced; others are not kept."""
    for announced in (b"Content-Length: %d" % (6 * 1024 * 1024), b"Transfer-Encoding: chunked"):
        with socket.create_connection(("127.0.0.1", port)) as connection:
            connection.sendall(_head("/uploads/", b"X-Stranger: yes", announced))
            status, body = _answer(connection)
            assert (status, json.loads(body)["error"]["code"]) == (403, "permission_denied")
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(_head("/echo/", b"X-Stranger: yes", b"Content-Length: 2") + b"me")
        assert _answer(connection) == (200, b"me")
