"""Requests out of the house: which addresses are asked, that the judged one is, and that nothing holds us up."""

from __future__ import annotations

import datetime as dt
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from engines.addresses import Reach, address_read, reach
from integrations import egress
from integrations.egress import EgressError, Trouble

REFUSED = [
    # (URL, why) with nothing allowed: whatever the spelling, it does not lead into a network of ours.
    ("http://hooks.example/", Trouble.SCHEME),
    ("ftp://hooks.example/", Trouble.SCHEME),
    ("file:///etc/passwd", Trouble.SCHEME),
    ("hooks.example", Trouble.SCHEME),
    ("https:///path", Trouble.ADDRESS),
    ("https://user:word@hooks.example/", Trouble.CREDENTIALS),
    ("https://hooks.example/#part", Trouble.ADDRESS),
    ("https://hooks.example:0/", Trouble.ADDRESS),
    ("https://hooks.example:99999/", Trouble.ADDRESS),
    ("https://hooks.example\\@127.0.0.1/", Trouble.ADDRESS),
    ("https://hooks.example/ x", Trouble.ADDRESS),
    ("https://hooks.example/\r\nHost:x", Trouble.ADDRESS),
    ("https://127.0.0.1/", Trouble.PRIVATE),
    ("https://10.1.2.3/", Trouble.PRIVATE),
    ("https://172.16.0.1/", Trouble.PRIVATE),
    ("https://192.168.1.1/", Trouble.PRIVATE),
    ("https://100.64.0.1/", Trouble.PRIVATE),
    ("https://169.254.169.254/latest/meta-data/", Trouble.PRIVATE),
    ("https://0.0.0.0/", Trouble.PRIVATE),
    ("https://224.0.0.1/", Trouble.PRIVATE),
    ("https://255.255.255.255/", Trouble.PRIVATE),
    ("https://[::1]/", Trouble.PRIVATE),
    ("https://[::]/", Trouble.PRIVATE),
    ("https://[fe80::1]/", Trouble.PRIVATE),
    ("https://[fd00:ec2::254]/", Trouble.PRIVATE),
    ("https://[ff02::1]/", Trouble.PRIVATE),
    ("https://[::ffff:127.0.0.1]/", Trouble.PRIVATE),
    ("https://[::ffff:a9fe:a9fe]/", Trouble.PRIVATE),
    ("https://[::127.0.0.1]/", Trouble.PRIVATE),
    ("https://[64:ff9b::10.0.0.1]/", Trouble.PRIVATE),
    ("https://[2002:7f00:1::]/", Trouble.PRIVATE),
    ("https://2130706433/", Trouble.ADDRESS),
    ("https://0x7f000001/", Trouble.ADDRESS),
    ("https://0177.0.0.1/", Trouble.ADDRESS),
    ("https://127.1/", Trouble.ADDRESS),
    ("https://127.0.0.1./", Trouble.ADDRESS),
    ("https://127.0.0.0x1/", Trouble.ADDRESS),
]


@pytest.mark.parametrize(("url", "why"), REFUSED, ids=[url for url, _why in REFUSED])
def test_addresses_that_are_not_asked(settings: Any, url: str, why: Trouble) -> None:
    settings.EGRESS_ALLOW, settings.EGRESS_ALLOW_HTTP = [], False
    with pytest.raises(EgressError) as refused:
        egress.request("POST", url, resolve=_unasked)
    assert refused.value.trouble == why and refused.value.refused


def _unasked(host: str, port: int) -> list[str]:
    raise AssertionError("the name of a refused address was looked up")


@pytest.mark.parametrize(
    "answers",
    [["127.0.0.1"], ["93.184.216.34", "10.0.0.1"], ["fe80::1%eth0"], ["::ffff:169.254.169.254"], ["fd12::1"]],
)
def test_names_that_lead_inside_are_refused(settings: Any, answers: list[str]) -> None:
    settings.EGRESS_ALLOW = []
    with pytest.raises(EgressError) as refused:
        egress.request("POST", "https://hooks.example/", resolve=lambda host, port: answers)
    assert refused.value.trouble == Trouble.PRIVATE


def test_what_is_allowed_by_the_installation(settings: Any) -> None:
    def judged(host: str, *answers: str) -> bool:
        try:
            return bool(egress._address(host, 443, lambda host, port: answers))
        except EgressError:
            return False

    settings.EGRESS_ALLOW = ["crm.internal", "10.2.0.0/16"]
    assert judged("crm.internal", "192.168.4.4")
    assert judged("CRM.internal.", "127.0.0.1")
    assert judged("other.internal", "10.2.3.4") and judged("other.internal", "::ffff:10.2.3.4")
    assert not judged("other.internal", "10.3.3.4")
    assert not judged("evil-crm.internal", "192.168.4.4")
    # Nobody means the machine's credentials when they allow a name.
    assert not judged("crm.internal", "169.254.169.254")
    assert judged("hooks.example", "93.184.216.34")


def test_public_addresses_are_public() -> None:
    for text in ("93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946", "64:ff9b::5db8:d822"):
        assert reach(address_read(text)) is Reach.PUBLIC, text


# --- The exchange -----------------------------------------------------------------------------------------


class Server:
    """Takes one connection after the other and answers with `said`, a piece at a time."""

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self.said: list[bytes] = [b"HTTP/1.1 204 No Content\r\n\r\n"]
        self.pause = 0.0
        self.heard = b""
        self.names: list[str | None] = []
        self._over = threading.Event()
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self._context = context
        if context is not None:
            context.sni_callback = lambda _socket, name, _context: self.names.append(name)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._over.is_set():
            try:
                connection, _address = self._socket.accept()
            except OSError:
                return
            try:
                if self._context is not None:
                    connection = self._context.wrap_socket(connection, server_side=True)
                self.heard = connection.recv(65536)
                for piece in self.said:
                    connection.sendall(piece)
                    if self._over.wait(self.pause):
                        break
            except OSError:
                continue
            finally:
                connection.close()

    def close(self) -> None:
        self._over.set()
        # Closing alone leaves a thread that waits in `accept` there.
        if self._socket.fileno() >= 0:
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(2)


@pytest.fixture
def server(settings: Any) -> Iterator[Server]:
    settings.EGRESS_ALLOW, settings.EGRESS_ALLOW_HTTP = ["127.0.0.0/8"], True
    server = Server()
    yield server
    server.close()


def test_an_answer_comes_back_without_more_than_the_limit(server: Server) -> None:
    body = b"x" * 5000
    server.said = [b"HTTP/1.1 200 OK\r\nX-One: 1\r\nContent-Length: 5000\r\n\r\n" + body]
    answer = egress.request("POST", f"http://127.0.0.1:{server.port}/in?a=1", body=b"{}", limit=100)
    assert (answer.status, len(answer.body), answer.cut, answer.headers["x-one"]) == (200, 100, True, "1")
    head = server.heard.decode()
    assert head.startswith("POST /in?a=1 HTTP/1.1\r\n") and f"Host: 127.0.0.1:{server.port}\r\n" in head
    assert head.endswith("\r\n\r\n{}")


def test_redirects_are_answers(server: Server) -> None:
    server.said = [b"HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n"]
    assert egress.request("POST", f"http://127.0.0.1:{server.port}/").status == 302


@pytest.mark.parametrize(
    "said",
    [
        [b"HTTP/1.1 200 OK\r\n"] + [b"X: y\r\n"] * 400,
        [b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n"] + [b"x"] * 400,
    ],
    ids=["drips its head", "drips its body"],
)
def test_a_server_that_drips_does_not_hold_us_up(server: Server, said: list[bytes]) -> None:
    server.said, server.pause = said, 0.05
    began = time.monotonic()
    with pytest.raises(EgressError) as late:
        egress.request("POST", f"http://127.0.0.1:{server.port}/", timeout=0.3)
    assert late.value.trouble == Trouble.TIMEOUT and not late.value.refused
    assert time.monotonic() - began < 10  # of the twenty that the server takes


def test_nonsense_and_silence_are_troubles(server: Server) -> None:
    server.said = [b"SMTP ready\r\n\r\n"]
    with pytest.raises(EgressError) as nonsense:
        egress.request("POST", f"http://127.0.0.1:{server.port}/")
    assert nonsense.value.trouble == Trouble.PROTOCOL
    server.said = []
    with pytest.raises(EgressError) as closed:
        egress.request("POST", f"http://127.0.0.1:{server.port}/")
    assert closed.value.trouble in {Trouble.CONNECTION, Trouble.PROTOCOL}
    server.close()
    with pytest.raises(EgressError) as away:
        egress.request("POST", f"http://127.0.0.1:{server.port}/")
    assert away.value.trouble == Trouble.CONNECTION


def test_headers_cannot_be_broken_into(server: Server) -> None:
    with pytest.raises(EgressError):
        egress.request("POST", f"http://127.0.0.1:{server.port}/", headers={"X": "a\r\nHost: b"})


def certificate_made(folder: Path, name: str) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName(
                [x509.DNSName(name), x509.IPAddress(ipaddress.ip_address("127.0.0.9"))]
            ),
            critical=False,
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate, private = folder / "certificate.pem", folder / "key.pem"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return certificate, private


def test_tls_keeps_the_name_and_the_connection_goes_to_the_judged_address(
    settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The name answers differently the second time it is asked; it is asked once."""
    settings.EGRESS_ALLOW, settings.EGRESS_ALLOW_HTTP = ["127.0.0.1/32"], False
    certificate, private = certificate_made(tmp_path, "hooks.example")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, private)
    trusting = ssl.create_default_context(cafile=str(certificate))
    monkeypatch.setattr(egress, "tls_context", lambda: trusting)
    answers = iter([["127.0.0.1"], ["10.255.255.1"]])
    server = Server(context)
    try:
        url = f"https://hooks.example:{server.port}/"
        answer = egress.request("POST", url, resolve=lambda host, port: next(answers))
        assert answer.status == 204
        assert server.names == ["hooks.example"]
        assert f"Host: hooks.example:{server.port}\r\n" in server.heard.decode()
        assert list(answers) == [["10.255.255.1"]]
        with pytest.raises(EgressError) as wrong:
            egress.request(
                "POST", f"https://other.example:{server.port}/", resolve=lambda host, port: ["127.0.0.1"]
            )
        assert wrong.value.trouble == Trouble.TLS
    finally:
        server.close()
