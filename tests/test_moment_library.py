"""The library of ready-made moments: each is heard in its sentences and in none of its near misses; taking it in."""

from __future__ import annotations

import json
from unittest.mock import patch

import pytest
from django.core.exceptions import ValidationError

from engines.rules import CompiledMoments, Heard, MomentEngine, MomentSpec
from engines.rules.entities import ENTITIES
from moments.installing import _definition, library_install, library_offered
from moments.library import LIBRARY, READY, Ready
from moments.models import MomentDefinition
from moments.services import engine_spec, moment_save, spec_of
from tests.budgets import query_budget
from tests.conftest import World

LISTED_HERE = {"name": "Northwind", "spellings": [], "exact": False}


def _spec(ready: Ready) -> MomentSpec:
    with patch("moments.services.names_listed", lambda kind: [dict(LISTED_HERE)]):
        return engine_spec(spec_of(_definition(ready)))


@pytest.fixture(scope="module")
def engine() -> MomentEngine:
    compiled = CompiledMoments([_spec(ready) for ready in LIBRARY])
    assert not compiled.refused and len(LIBRARY) >= 25 and len(READY) == len(LIBRARY)
    return MomentEngine(compiled)


@pytest.mark.parametrize("ready", LIBRARY, ids=lambda ready: ready.key)
def test_each_is_heard_where_it_must_be(engine: MomentEngine, ready: Ready) -> None:
    assert len(ready.heard) + len(ready.unheard) >= 3
    if ready.kind in ("sentiment", "metadata"):
        assert all(_stands(ready, lines) for lines in ready.heard)
        assert not any(_stands(ready, lines) for lines in ready.unheard)
        return
    speaker = "customer" if ready.speaker == "any" else ready.speaker
    other = "agent" if speaker == "customer" else "customer"

    def keys(sentence: str, said_by: str) -> set[str]:
        return {one.key for one in engine.look(Heard(0, said_by, 0, 0, sentence))}

    assert len(ready.heard) >= 2 and len(ready.unheard) >= 2
    for sentence in (one.replace("{name}", "north wind") for one in ready.heard):
        assert ready.key in keys(sentence, speaker), sentence
        assert (ready.key in keys(sentence, other)) is (ready.speaker == "any")
        assert ready.key in keys(sentence.upper(), speaker)
    for sentence in ready.unheard:
        assert ready.key not in keys(sentence, speaker), sentence


def _stands(ready: Ready, lines: str) -> bool:
    engine = MomentEngine([_spec(ready)])
    if ready.kind == "metadata":
        field, value = lines.split(": ")
        return bool(engine.fields({"language": "en", field: value}, 0))
    said = enumerate(lines.split(" / "))
    found = [one for at, line in said for one in engine.hear(Heard(at, "customer", at * 1000, 0, line))]
    staff = MomentEngine([_spec(ready)])
    assert not [
        one
        for at, line in enumerate(lines.split(" / "))
        for one in staff.hear(Heard(at, "agent", 0, 0, line))
    ]
    return bool(found)


@pytest.mark.parametrize(
    ("entity", "text", "found"),
    [
        ("amount", "it is $1,250.00 or £3", ["$1,250.00", "£3"]),
        ("amount", "twenty five dollars and fifty cents a month", ["twenty five dollars and fifty cents"]),
        ("amount", "about a hundred euros", ["a hundred euros"]),
        ("amount", "500 dollars", ["500 dollars"]),
        ("amount", "an account, a percentage, two hundred people", []),
        ("date", "on the fifth of march or monday", ["fifth of march", "monday"]),
        ("date", "march 5th 2026 at the latest", ["march 5th 2026"]),
        ("date", "2026-11-21 and 1/2/26", ["2026-11-21", "1/2/26"]),
        ("date", "three weeks ago, in two days", ["three weeks ago", "in two days"]),
        ("date", "may i march on the monkeys", []),
    ],
)
def test_amounts_and_dates(entity: str, text: str, found: list[str]) -> None:
    assert [text[start:end] for start, end in ENTITIES[entity](text)] == found


def test_no_text_takes_long() -> None:
    # Linear: each stretch of number words is bounded, so the longest text there is costs little.
    from time import process_time

    texts = [
        "one hundred and " * 130 + "dollar",
        "1,111,111" * 220 + "$",
        "in a few " * 220 + "days",
        "1/1/" * 500,
    ]
    began = process_time()
    for text in texts:
        for find in ENTITIES.values():
            find(text[:2000])
    assert process_time() - began < 0.5


def test_taking_it_in(world: World) -> None:
    with world.northwind.scope():
        before = set(MomentDefinition.objects.values_list("key", flat=True))
        chosen = [key for key in ("cancel_threat", "amount_named", "hold_request") if key not in before]
        made = library_install(keys=[*chosen, chosen[0]], actor=world.northwind.people["admin"])
        assert [one.key for one in made] == chosen
        assert all(one.revisions.count() == 1 for one in made)
        assert library_install(keys=chosen, actor=None) == []
        installed = {one.ready.key for one in library_offered() if one.installed}
        assert set(chosen) <= installed
        with pytest.raises(ValidationError, match="Not in the library: nonsense"):
            library_install(keys=["nonsense"], actor=None)
    with world.acme.scope():
        assert not MomentDefinition.objects.filter(key="amount_named").exists()


def test_saving_checks_the_sentences(world: World) -> None:
    with world.northwind.scope():
        library_install(keys=["refund_request"], actor=None)
        definition = MomentDefinition.objects.get(key="refund_request")
        definition.phrases = ["give it back"]
        with pytest.raises(ValidationError) as wrong:
            moment_save(definition=definition, actor=None)
        assert any("Not heard in “please refund me”" in one for one in wrong.value.message_dict["examples"])
        definition.phrases, definition.examples = ["money"], []
        with pytest.raises(ValidationError) as wrong:
            moment_save(definition=definition, actor=None)
        assert "counter_examples" in wrong.value.message_dict


def test_page_and_api(world: World) -> None:
    client = world.northwind.client("admin")
    with query_budget("moment library"):
        page = client.get("/admin/moments/momentdefinition/library/")
    assert page.status_code == 200 and "Cancel threat" in page.content.decode()
    answer = client.post("/admin/moments/momentdefinition/library/", {"key": ["complaint", "empathy"]})
    assert answer.status_code == 302
    assert (
        "Nothing was added"
        in client.post("/admin/moments/momentdefinition/library/", {"key": ["x"]}).content.decode()
    )
    with query_budget("api-moment-library"):
        listed = client.get("/api/v1/moment-library/").json()
    assert {one["key"] for one in listed if one["installed"]} >= {"complaint", "empathy"}
    sent = json.dumps({"keys": ["confusion"]})
    assert client.post("/api/v1/moment-library/", sent, content_type="application/json").status_code == 201
    sent = json.dumps({"keys": ["nope"]})
    refused = client.post("/api/v1/moment-library/", sent, content_type="application/json")
    assert refused.status_code == 400 and "Not in the library" in refused.content.decode()
