"""Lists of products and competitors: kept in admin and by the API, heard in calls, filled in by rules."""

from __future__ import annotations

import json

import pytest
from django.core.exceptions import ValidationError

from accounts.models import AuditEvent
from coaching.models import Guidance
from coaching.services import document_complaints
from conversations.hiding import words_hide
from moments.installing import library_install, library_offered
from moments.models import ListedName, MomentDefinition, MomentOccurrence
from moments.naming import name_delete, name_save, names_try
from moments.selectors import active_specs
from tests.budgets import query_budget
from tests.conftest import World
from tests.understanding import call_begin, definition_make, hint_action, policy_document, policy_make, rule


def _listed(name: str, kind: str = "competitor", **fields) -> ListedName:
    return name_save(row=ListedName(name=name, kind=kind, **fields), actor=None)


def _post(client, path: str, data: dict, method: str = "post"):
    return getattr(client, method)(path, json.dumps(data), content_type="application/json")


def test_an_empty_list_never_fires_and_the_check_says_so(world: World) -> None:
    with world.northwind.scope():
        with pytest.raises(ValidationError, match=r"never be heard.*no competitor yet.*Names to listen for"):
            definition_make("rival", kind="entity", entity="competitor")
        with pytest.raises(ValidationError, match="no product yet"):
            library_install(keys=["product_by_name"], actor=None)
        offered = {one.ready.key: one for one in library_offered()}
        assert offered["product_by_name"].lacks == "product"
        _listed("Plan 5", "product")
        offered = {one.ready.key: one for one in library_offered()}
        assert offered["product_by_name"].lacks == ""
        assert offered["product_by_name"].heard[0] == "i am calling about Plan 5"
        [made] = library_install(keys=["product_by_name"], actor=None)
        assert made.revisions.get().spec["names"] == [{"name": "Plan 5", "spellings": [], "exact": False}]


def test_a_change_of_the_list_is_a_revision_of_what_listens_for_it(world: World) -> None:
    with world.northwind.scope():
        rival = _listed("Globex")
        moment = definition_make("rival", kind="entity", entity="competitor", examples=["globex is cheaper"])
        _listed("Plan 5", "product")
        assert moment.revisions.count() == 1
        initech = _listed("Initech", spellings=["in a tech", "in a tech", " "])
        assert initech.spellings == ["in a tech"]
        assert moment.revisions.count() == 2
        [spec] = [one for one in active_specs() if one.key == "rival"]
        assert [one.name for one in spec.names] == ["Globex", "Initech"]
        with pytest.raises(ValidationError, match=r"“Rival” listens for this list.*Not heard in “globex is"):
            name_delete(row=rival, actor=None)
        MomentDefinition.objects.filter(pk=moment.pk).update(examples=[])
        name_delete(row=ListedName.objects.get(name="Globex"), actor=None)
        with pytest.raises(ValidationError, match=r"“Rival” listens for this list.*never be heard"):
            name_delete(row=ListedName.objects.get(name="Initech"), actor=None)
        assert ListedName.objects.filter(kind="competitor").count() == 1
    with world.acme.scope():
        assert not ListedName.objects.exists()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Three", "is a number"),
        ("Help", "also said in ordinary calls"),
        ("globex", "on the list already"),
        ("glob ex", "too: keep it with one of them"),
    ],
)
def test_a_name_that_cannot_be_told_apart_is_refused(world: World, name: str, words: str) -> None:
    with world.northwind.scope():
        _listed("Globex")
        with pytest.raises(ValidationError) as wrong:
            _listed(name)
        assert words in str(wrong.value)


def test_what_is_named_stands_in_the_call_and_in_the_hint(world: World, make_conversation) -> None:
    with world.northwind.scope():
        _listed("Globex", spellings=["globe ex"])
        definition_make("rival", kind="entity", entity="competitor", speaker="customer")
        compare = rule(
            {"heard": "rival"},
            hint_action("How we compare with {competitor}"),
            {"do": "prefill", "field": "metadata.competitor", "value": "{competitor}"},
        )
        assert document_complaints(policy_document(compare)) == []
        policy_make(compare)
        call = call_begin("northwind", make_conversation(state="live"))
        call.sequence = 2
        said = call.say("customer", "globe x is half of that", 1000)
        row = MomentOccurrence.objects.get()
        assert (row.names, said.text[row.start : row.end]) == (["Globex"], "globe x")
        assert call.shown[0][1]["names"] == ["Globex"]
        titles = set(Guidance.objects.values_list("title", flat=True))
        assert "How we compare with Globex" in titles
        offered = Guidance.objects.get(kind="prefill")
        assert offered.payload["value"] == "Globex"
        assert "(Globex)" in offered.reason
        # Hidden later, the words no longer tell which name it was.
        call.end(5000)
        words_hide(utterance_id=said.pk, start=0, end=7, type_name="NAME", actor=None)
        row.refresh_from_db()
        assert row.names == []


def test_a_slot_that_no_moment_fills_in_keeps_a_draft_from_being_saved(world: World) -> None:
    with world.northwind.scope():
        document = policy_document(rule({"phrases": ["hello there"]}, hint_action("About {product}")))
        [complaint] = document_complaints(document)
        assert complaint.kind == "error" and "never be filled in" in complaint.sentence


def test_trying(world: World) -> None:
    with world.northwind.scope():
        _listed("Globex")
        _listed("Plan 5", "product")
        found = names_try(text="plan five of glob ex")
        assert [(one.kind, one.name, one.start, one.end) for one in found] == [
            ("product", "Plan 5", 0, 9),
            ("competitor", "Globex", 13, 20),
        ]


def test_admin(world: World) -> None:
    client = world.northwind.client("admin")
    sent = {"kind": "competitor", "name": "Globex", "spellings": "globe ex\n\nglow becks", "exact": ""}
    assert client.post("/admin/moments/listedname/add/", sent).status_code == 302
    with world.northwind.scope():
        row = ListedName.objects.get()
        assert row.spellings == ["globe ex", "glow becks"]
        definition_make("rival", kind="entity", entity="competitor")
    page = client.post(
        "/admin/moments/listedname/add/", sent | {"name": "Help", "spellings": ""}
    ).content.decode()
    assert "also said in ordinary calls" in page
    page = client.get("/admin/moments/listedname/").content.decode()
    assert "globe ex, glow becks" in page and "/api/v1/moment-names/try/" in page
    page = client.post(f"/admin/moments/listedname/{row.pk}/delete/", {"post": "yes"}).content.decode()
    assert "“Rival” listens for this list" in page
    bulk = {"action": "delete_selected", "_selected_action": [str(row.pk)], "post": "yes"}
    assert "“Rival” listens" in client.post("/admin/moments/listedname/", bulk).content.decode()
    with world.northwind.scope():
        assert ListedName.objects.count() == 1
        MomentDefinition.objects.update(active=False)
    assert client.post(f"/admin/moments/listedname/{row.pk}/delete/", {"post": "yes"}).status_code == 302
    with world.northwind.scope():
        assert not ListedName.objects.exists()


def test_api(world: World) -> None:
    client = world.northwind.client("admin")
    made = _post(client, "/api/v1/moment-names/", {"kind": "competitor", "name": "Globex"})
    assert made.status_code == 201 and made.json()["spellings"] == []
    path = f"/api/v1/moment-names/{made.json()['id']}/"
    changed = _post(client, path, {"spellings": ["globe ex"], "exact": True}, "patch").json()
    assert (changed["name"], changed["spellings"], changed["exact"]) == ("Globex", ["globe ex"], True)
    assert client.get(path).json() == changed
    refused = _post(client, "/api/v1/moment-names/", {"kind": "product", "name": "Three"})
    assert refused.status_code == 400 and "is a number" in refused.json()["error"]["fields"]["name"][0]
    assert _post(client, path, {"kind": "brand"}, "patch").status_code == 400
    with query_budget("api-moment-names"):
        listed = client.get("/api/v1/moment-names/?kind=competitor").json()
    assert [one["name"] for one in listed["results"]] == ["Globex"]
    assert client.get("/api/v1/moment-names/?kind=product").json()["results"] == []
    draft = {"kind": "product", "name": "Plan 5"}
    tried = _post(client, "/api/v1/moment-names/try/", {"text": "plan five, Globex", "name": draft}).json()
    assert [(one["name"], one["words"]) for one in tried["found"]] == [
        ("Plan 5", "plan five"),
        ("Globex", "Globex"),
    ]
    assert client.delete(path).status_code == 204
    with world.northwind.scope():
        done = AuditEvent.objects.filter(object_type="moments.listedname").order_by("pk")
        assert [one.action for one in done] == [f"listedname.{one}" for one in ("create", "update", "delete")]
