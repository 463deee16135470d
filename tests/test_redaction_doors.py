"""At the doors of fields and ids: what a field's name says, ids that are people's numbers, texts that are cut."""

from __future__ import annotations

import re
from typing import Any

import pytest

from conversations.correlation import CallFields, conversation_by, metadata_arrived
from conversations.live import metadata
from conversations.live.calls import call_announce, call_refused, call_resume
from conversations.live.field_names import holds, type_of
from conversations.live.identifiers import all_known_as, known_as
from conversations.live.wire import CallAudio, CallStart, CloseCode
from conversations.models import CallLedger, Conversation, WaitingMetadata
from engines.redaction.vocabulary import TYPES
from engines.speech.audio import AudioFormat
from integrations.mapping import bounded

AUDIO = CallAudio(AudioFormat(codec="mulaw", sample_rate=8000, channels=2), ("customer", "agent"))
CARD, PHONE = "4539148803436467", "+1 415 629 3187"


@pytest.fixture
def northwind(world: Any) -> Any:
    with world.northwind.scope():
        yield world.northwind


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("ssn", "SSN"),
        ("customerSSN", "SSN"),
        ("Card Number", "CREDIT_CARD"),
        ("payment.card_number", "CREDIT_CARD"),
        ("CVV2", "SECURITY_CODE"),
        ("contact.phone", "PHONE"),
        ("PIN", "PASSWORD"),
        ("Date of birth", "DATE_OF_BIRTH"),
        ("shipping_address", "ADDRESS"),
        ("pinned", ""),
        ("email_sent", ""),
        ("card_type", ""),
        ("order", ""),
        ("", ""),
    ],
)
def test_what_a_name_says(name: str, kind: str) -> None:
    assert type_of(name) == kind and (not kind or kind in TYPES)


def test_a_value_under_a_name_that_says_what_it_is(northwind: Any) -> None:
    said = {
        "ssn": "536228190",
        "pin": 4711,
        "password": "zebrafish",
        "dob": "1 March 1970",
        "phones": ["x"],
        "phone": ["call 12345", "none"],
        "card": "gold",
        "email": "yes",
        "address": {"street": "18 Marmaduke Lane", "country": "US"},
        "order": 536228,
    }
    assert metadata.redacted(said) == {
        "ssn": "[SSN]",
        "pin": "[PASSWORD]",
        "password": "[PASSWORD]",
        "dob": "[DATE_OF_BIRTH]",
        "phones": ["x"],
        "phone": ["[PHONE]", "none"],
        "card": "gold",
        "email": "yes",
        "address": {"street": "[ADDRESS]", "country": "US"},
        "order": 536228,
    }
    assert metadata.redacted(metadata.redacted(said)) == metadata.redacted(said)
    assert not holds("PASSWORD", "[PASSWORD]") and not holds("SSN", "n/a") and not holds("PHONE", "")


def test_a_number_is_not_cut_in_two(northwind: Any) -> None:
    assert metadata.cut("abc", 10) == "abc" and metadata.cut("abcdef", 3) == "abc"
    assert metadata.cut("card 4539 1488 0343 6467", 19) == "card "
    long = "x" * 485 + " 4539 1488 0343 6467 and more"
    kept = bounded({"note": long})["note"]
    assert len(kept) <= metadata.MAX_TEXT and "4539" not in kept
    assert "4539" not in metadata.redacted(bounded({"note": long}))["note"]


def test_ids_stay_and_numbers_of_people_become_codes(northwind: Any, world: Any) -> None:
    for ident in (
        *("CA0123456789abcdef0123456789abcdef", "0199f0c2-1234-7890-8123-123456789012", "300000001234567"),
        *("call-1", "4156293187", "1763705030.12", ""),
    ):
        assert known_as(ident) == ident
    for number in (CARD, PHONE, "536-22-8190", "someone@example.org"):
        code = known_as(number)
        assert code.startswith("hidden-") and code == known_as(number) == known_as(code)
    here = known_as(PHONE)
    with world.acme.scope():
        assert known_as(PHONE) != here
    named = all_known_as({"ani": "4156293187", "call": "4156293187"})
    assert named["ani"].startswith("hidden-") and named["call"] == "4156293187"


def test_what_comes_under_a_number_still_finds_its_call(northwind: Any) -> None:
    ids = {"contact": PHONE}
    assert metadata_arrived(provider="native", identifiers=ids, fields=CallFields(queue=PHONE)) is None
    waiting = WaitingMetadata.objects.get()
    # Four digits alone may stand in a keyed hash.
    assert not re.search(r"629\W*3187", repr((waiting.keys, waiting.identifiers, waiting.fields)))
    call = call_announce(source="native", start=CallStart(id=CARD, identifiers=ids), audio=AUDIO)
    waiting.refresh_from_db()
    assert waiting.conversation_id == call.conversation_id
    row = Conversation.objects.get(pk=call.conversation_id)
    assert conversation_by("native", ids) == conversation_by("native", {"call": CARD}) == row
    assert CARD not in row.provider_call_id
    again = call_resume(source="native", call_id=CARD, audio=AUDIO)
    assert again is not None and again.conversation_id == row.pk
    call_refused(source="native", call_id=CARD, code=CloseCode.BAD_START)
    assert CallLedger.objects.filter(provider_call_id=row.provider_call_id).count() == 2
    assert not CallLedger.objects.filter(provider_call_id=CARD).exists()


def test_a_file_of_people_waits_sealed(committed: Any) -> None:
    import io

    import redis
    from django.conf import settings

    file = io.BytesIO(f"email,name,role\nnew@northwind.test,{CARD},agent\n".encode())
    file.name = "people.csv"
    page = committed.northwind.client("admin").post("/people/import/", {"file": file})
    assert page.status_code == 200
    with redis.Redis.from_url(settings.REDIS_CACHE_URL) as client:
        values = [client.get(name) for name in client.scan_iter("*people-import*")]
    assert values and all(CARD.encode() not in (value or b"") for value in values)
