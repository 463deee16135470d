"""Signatures of AudioHook requests: Genesys's own example, and that nothing else but it gets through."""

from __future__ import annotations

from typing import Any

import pytest

from integrations.telephony.genesys.signature import (
    REQUIRED,
    SignatureError,
    Unsigned,
    check,
    secret_bytes,
    sign,
)

# The example that Genesys publishes with its protocol.
SECRET = "TXlTdXBlclNlY3JldEtleVRlbGxOby0xITJAMyM0JDU="
KEY = "SGVsbG8sIEkgYW0gdGhlIEFQSSBrZXkh"
TARGET, AUTHORITY, CREATED = "/api/v1/voicebiometrics/ws", "audiohook.example.com", 1641013200
PLAIN = {
    "audiohook-organization-id": "d7934305-0972-4844-938e-9060eef73d05",
    "audiohook-correlation-id": "e160e428-53e2-487c-977d-96989bf5c99d",
    "audiohook-session-id": "30b0e395-84d3-4570-ac13-9a62d8f514c0",
    "x-api-key": KEY,
}
NAMES = " ".join(f'"{name}"' for name in REQUIRED)
PARAMS = (
    f'({NAMES});keyid="{KEY}";nonce="VGhpc0lzQVVuaXF1ZU5vbmNl";alg="hmac-sha256";'
    f"created={CREATED};expires=3282026430"
)
EXAMPLE = PLAIN | {
    "signature-input": f"sig1={PARAMS}",
    "signature": "sig1=:NZBwyBHRRyRoeLqy1IzOa9VYBuI8TgMFt2GRDkDuJh4=:",
}


def checked(headers: dict[str, str], **changes: Any) -> str:
    arguments: dict[str, Any] = {
        "request_target": TARGET,
        "authorities": [AUTHORITY],
        "api_key": KEY,
        "secret": secret_bytes(SECRET),
        "now": CREATED + 1.0,
    }
    return check(headers, **(arguments | changes)).nonce


def signed(params: str = "", created: int = CREATED, **headers: str) -> dict[str, str]:
    """The example's request, signed by us; `params` is put in the place of what was signed."""
    plain = PLAIN | headers
    made = sign(
        plain, request_target=TARGET, authority=AUTHORITY, secret=secret_bytes(SECRET), created=created
    )
    made = {name.lower(): value for name, value in made.items()}
    return plain | made | ({"signature-input": f"sig1={params}"} if params else {})


def test_the_official_example() -> None:
    assert checked(EXAMPLE) == "VGhpc0lzQVVuaXF1ZU5vbmNl"
    made = sign(
        PLAIN,
        request_target=TARGET,
        authority=AUTHORITY,
        secret=secret_bytes(SECRET),
        created=CREATED,
        expires=3282026430,
        nonce="VGhpc0lzQVVuaXF1ZU5vbmNl",
    )
    assert {name.lower(): value for name, value in made.items()} == {
        name: EXAMPLE[name] for name in ("signature-input", "signature")
    }


@pytest.mark.parametrize(
    "changes",
    [
        {"authorities": ["proxy.internal", AUTHORITY]},
        {"authorities": [AUTHORITY.upper()]},
        {"now": CREATED + 10.0},
        {"now": CREATED - 3.0},
    ],
)
def test_what_is_right_passes(changes: dict[str, Any]) -> None:
    checked(EXAMPLE, **changes)


def test_every_one_is_new_and_its_own() -> None:
    one, other = signed(), signed()
    assert checked(one) != checked(other)
    with pytest.raises(SignatureError):
        checked(one | {"signature": other["signature"]})
    # Several signatures: the first counts, whatever else is there.
    both = one["signature-input"].replace("sig1", "other") + ", " + one["signature-input"]
    with pytest.raises(SignatureError):
        checked(one | {"signature-input": both})
    checked(one | {"signature": one["signature"] + " , " + one["signature"].replace("sig1", "other")})


@pytest.mark.parametrize(
    ("headers", "changes"),
    [
        (EXAMPLE, {"now": CREATED + 10.5}),  # too old
        (EXAMPLE, {"now": CREATED - 3.5}),  # from the future
        (EXAMPLE, {"now": 3282026431.0}),
        (EXAMPLE, {"request_target": TARGET + "?a=b"}),
        (EXAMPLE, {"authorities": ["another.example.com"]}),
        (EXAMPLE, {"authorities": []}),
        (EXAMPLE, {"api_key": "another"}),
        (EXAMPLE, {"secret": b"another"}),
        (EXAMPLE, {"secret": b""}),
        (EXAMPLE | {"x-api-key": "another"}, {}),
        (EXAMPLE | {"audiohook-session-id": PLAIN["audiohook-correlation-id"]}, {}),
        (EXAMPLE | {"audiohook-organization-id": ""}, {}),
        (EXAMPLE | {"signature": "sig1=:AAAA:"}, {}),
        (EXAMPLE | {"signature": "sig2=:NZBwyBHRRyRoeLqy1IzOa9VYBuI8TgMFt2GRDkDuJh4=:"}, {}),
        (EXAMPLE | {"signature": "sig1=NZBwyBHRRyRoeLqy1IzOa9VYBuI8TgMFt2GRDkDuJh4="}, {}),
        (EXAMPLE | {"signature": ""}, {}),
        (EXAMPLE | {"signature-input": ""}, {}),
        (EXAMPLE | {"signature-input": "sig1=" + PARAMS.replace(f"created={CREATED}", "created=1")}, {}),
        (EXAMPLE | {"signature-input": "sig1=" + PARAMS.replace(f"created={CREATED};", "")}, {}),
        (EXAMPLE | {"signature-input": "sig1=" + PARAMS.replace("hmac-sha256", "none")}, {}),
        (EXAMPLE | {"signature-input": "sig1=" + PARAMS + ";more=1"}, {}),
        (EXAMPLE | {"signature-input": "sig1=" + PARAMS + " "}, {"secret": b"x"}),
        (EXAMPLE | {"signature-input": "sig1=" + PARAMS.replace(' "x-api-key"', "")}, {}),
        (EXAMPLE | {"signature-input": "sig1=" + PARAMS.replace("(", '("x-api-key" ')}, {}),
        (EXAMPLE | {"signature-input": "sig1=" + PARAMS.replace("(", '("@status" ')}, {}),
        (EXAMPLE | {"signature-input": "sig1=" + PARAMS.replace("VGhpc0lzQVVuaXF1ZU5vbmNl", "short")}, {}),
        (EXAMPLE | {"signature-input": "(" * 5000}, {}),
        (EXAMPLE | {"signature-input": 'sig1=("\\' * 2000}, {}),
    ],
)
def test_what_is_wrong_is_refused(headers: dict[str, str], changes: dict[str, Any]) -> None:
    with pytest.raises(SignatureError) as refusal:
        checked(headers, **changes)
    assert KEY not in str(refusal.value) and SECRET not in str(refusal.value)


def test_a_nonce_must_be_long_also_where_all_else_is_right() -> None:
    for length, fits in ((21, False), (22, True), (256, True), (257, False)):
        made = sign(
            PLAIN,
            request_target=TARGET,
            authority=AUTHORITY,
            secret=secret_bytes(SECRET),
            created=CREATED,
            nonce="n" * length,
        )
        headers = PLAIN | {name.lower(): value for name, value in made.items()}
        if fits:
            assert checked(headers) == "n" * length
        else:
            with pytest.raises(SignatureError):
                checked(headers)


def test_a_request_without_any_signature_is_told_apart() -> None:
    with pytest.raises(Unsigned):
        checked(dict(PLAIN))


def test_secrets_are_base64_with_or_without_its_end() -> None:
    assert (
        secret_bytes(SECRET) == secret_bytes(SECRET.rstrip("=") + "\n") == b"MySuperSecretKeyTellNo-1!2@3#4$5"
    )
    with pytest.raises(ValueError, match="base64"):
        secret_bytes("not base64!")
