"""The page and the API of uploads: forms and refusals, keys and scopes, walls between companies, the folder command."""

from __future__ import annotations

import io
import re
import zipfile

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.test import Client

from accounts.services import api_key_create
from integrations.uploads import services
from integrations.uploads.models import Upload, UploadedCall
from integrations.uploads.sealing import details_of
from tests.budgets import query_budget
from tests.sound_files import sound_file
from tests.test_uploads import storage, zipped  # noqa: F401 a fixture

JSON = {"accept": "application/json"}


@pytest.fixture(scope="module")
def wav() -> bytes:
    return sound_file("wav", "pcm_mulaw", 8000, 2)


@pytest.fixture
def northwind(world, storage, monkeypatch):  # noqa: F811
    monkeypatch.setattr(services, "calls_dispatch", lambda *, ids: None)
    return world.northwind


def _file(data: bytes, name: str = "call.wav") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, data)


def _calls(company) -> list[UploadedCall]:
    with company.scope():
        return list(UploadedCall.objects.order_by("id"))


def _make(company, *, files: int, persona: str = "admin", state: str = "waiting", **fields) -> Upload:
    with company.scope():
        upload = Upload.objects.create(user=company.people[persona], source="page", name=f"{files} files")
        for number in range(files):
            UploadedCall.objects.create(
                upload=upload, name=f"call-{number}.wav", state=state, storage_key="x", size_bytes=5, **fields
            )
        return upload


# --- The page -------------------------------------------------------------------------------------------


def test_the_form_takes_files_in(northwind, wav):
    client = northwind.client("supervisor")
    response = client.post("/uploads/", {"file": [_file(wav, "a.wav"), _file(wav, "b.wav")], "agent": "7001"})
    assert (response.status_code, response["Location"]) == (302, "/uploads/")
    page = client.get("/uploads/").content.decode()
    assert "2 files are taken in." in page and "a.wav" in page and "0 of 2 done" in page
    assert 'hx-trigger="every 2s"' in page
    with northwind.scope():
        assert [details_of(call).agent for call in _calls(northwind)] == ["7001", "7001"]
        assert Upload.objects.get().source == "page"


def test_the_script_gets_json_and_refusals_in_words(northwind, wav, settings):
    client = northwind.client("admin")
    answer = client.post("/uploads/", {"file": _file(wav)}, headers=JSON)
    assert answer.status_code == 201 and answer.json()["files"] == 1
    no_sound = client.post("/uploads/", {"file": _file(b"%PDF-1.7")}, headers=JSON)
    assert no_sound.status_code == 415 and "not a sound file" in no_sound.json()["error"]["message"]
    bad_zip = client.post("/uploads/", {"file": _file(b"PK\x03\x04nothing")}, headers=JSON)
    assert (bad_zip.status_code, bad_zip.json()["error"]["code"]) == (400, "bad_zip")
    settings.UPLOADS_PER_HOUR = 1
    often = client.post("/uploads/", {"file": _file(wav)}, headers=JSON)
    assert often.status_code == 429 and int(often["Retry-After"]) > 0
    # Without a script the page says the same, and keeps what was filled in.
    plain = client.post("/uploads/", {"file": _file(wav), "agent": "7001"})
    assert plain.status_code == 429
    assert "Try again later" in plain.content.decode() and 'value="7001"' in plain.content.decode()


def test_the_page_wants_its_token(northwind, wav):
    client = Client(headers={"host": northwind.host}, enforce_csrf_checks=True)
    with northwind.scope():
        client.force_login(northwind.people["admin"])
    assert client.post("/uploads/", {"file": _file(wav)}).status_code == 403
    assert client.post("/api/v1/uploads/", {"file": _file(wav)}).status_code == 403
    assert _calls(northwind) == []
    client.get("/uploads/")
    token = {"x-csrftoken": client.cookies["csrftoken"].value}
    assert client.post("/uploads/", {"file": _file(wav)}, headers=token).status_code == 302


def test_states_errors_and_links(northwind, make_conversation):
    agent = northwind.people["agent"]
    with northwind.scope():
        theirs = make_conversation(agent=agent)
        others = make_conversation(agent=northwind.people["outsider"])
    for conversation in (theirs, others):
        _make(northwind, files=1, persona="supervisor", state="done", progress=1.0, conversation=conversation)
    _make(northwind, files=1, persona="supervisor", state="failed", error="The file holds <no> sound.")
    _make(northwind, files=1, persona="supervisor", state="transcribing", progress=0.37)
    _make(northwind, files=1, persona="admin")
    page = northwind.client("supervisor").get("/uploads/").content.decode()
    assert f"/conversations/{theirs.pk}/" in page
    assert f"/conversations/{others.pk}/" not in page  # not of a team they look after
    assert "holds &lt;no&gt; sound" in page and page.count("Try again") == 1
    assert 'value="37"' in page and "37 %" in page
    assert page.count('class="up-head"') == 4
    assert northwind.client("analyst").get("/uploads/").content.decode().count('class="up-head"') == 5
    assert ">Uploads</a>" in page
    assert ">Uploads</a>" not in northwind.client("agent").get("/conversations/").content.decode()


def test_another_try_by_the_page(northwind):
    upload = _make(northwind, files=1, state="failed", error="away")
    call = _calls(northwind)[0]
    client = northwind.client("admin")
    assert client.post(f"/uploads/calls/{call.pk}/retry").status_code == 302
    assert _calls(northwind)[0].state == "waiting"
    assert "Another try is under way." in client.get("/uploads/").content.decode()
    assert client.post(f"/uploads/calls/{call.pk}/retry").status_code == 302
    assert "cannot be tried again" in client.get("/uploads/").content.decode()
    assert client.get(f"/uploads/calls/{call.pk}/retry").status_code == 405
    assert upload.pk


def test_older_uploads_are_behind_a_link(northwind, monkeypatch):
    from integrations.uploads import selectors

    monkeypatch.setattr(selectors, "PAGE", 2)
    for _number in range(3):
        _make(northwind, files=1, state="done")
    client = northwind.client("admin")
    first = client.get("/uploads/").content.decode()
    assert first.count('class="up-head"') == 2
    older = client.get("/uploads/" + re.search(r'href="(\?before=[^"]+)"', first)[1]).content.decode()
    assert (
        older.count('class="up-head"') == 1
        and "before=" not in older.replace("?before=", "", 0).split("up-end")[1]
    )
    assert client.get("/uploads/?before=nonsense").status_code == 302


@pytest.mark.parametrize("files", [1, 60])
def test_budgets_of_page_and_api(northwind, files):
    for _number in range(2):
        upload = _make(northwind, files=files)
    client = northwind.client("admin")
    client.get("/uploads/")
    with query_budget("uploads"):
        assert client.get("/uploads/").status_code == 200
    with query_budget("api-uploads"):
        assert client.get("/api/v1/uploads/").json()["results"][0]["files"] == files
    with query_budget("api-upload"):
        assert len(client.get(f"/api/v1/uploads/{upload.pk}/").json()["calls"]) == files


# --- The API --------------------------------------------------------------------------------------------


def _key(company, persona: str, *scopes: str) -> dict[str, str]:
    with company.scope():
        _key, secret = api_key_create(owner=company.people[persona], name="test", scopes=list(scopes))
    return {"authorization": f"Bearer {secret}"}


def test_the_api_takes_files_in_by_a_key(northwind, wav):
    client, key = northwind.client(), _key(northwind, "analyst", "read", "write")
    archive = zipped({"one.wav": wav, "two.txt": b"no", "m.csv": b"file,call_id\none.wav,c-1\n"})
    form = {"file": _file(archive, "march.zip"), "queue": "billing", "Campaign": "spring"}
    answer = client.post("/api/v1/uploads/", form, headers=key)
    assert answer.status_code == 201, answer.content
    shown = answer.json()
    assert (shown["name"], shown["files"], shown["failed"], shown["going_on"]) == ("march.zip", 2, 1, 1)
    assert (shown["by"], shown["source"]) == ("Analyst", "api")
    calls = {call["name"]: call for call in shown["calls"]}
    assert calls["one.wav"]["state"] == "waiting" and "not a sound file" in calls["two.txt"]["error"]
    with northwind.scope():
        details = details_of(UploadedCall.objects.get(name="one.wav"))
        assert (details.call_id, details.metadata) == ("c-1", {"Campaign": "spring"})
    again = client.get(f"/api/v1/uploads/{shown['id']}/", headers=key)
    assert again.json() == shown
    assert client.get("/api/v1/uploads/", headers=key).json()["results"][0]["id"] == shown["id"]


def test_keys_need_their_scope_and_their_role(northwind, wav):
    client, form = northwind.client(), lambda: {"file": _file(wav)}
    assert client.post("/api/v1/uploads/", form()).status_code == 401
    assert (
        client.post("/api/v1/uploads/", form(), headers=_key(northwind, "admin", "read")).status_code == 403
    )
    assert (
        client.post("/api/v1/uploads/", form(), headers=_key(northwind, "agent", "write")).status_code == 403
    )
    assert _calls(northwind) == []


def test_the_api_refuses_in_its_error_shape(northwind, wav, settings):
    client, key = northwind.client(), _key(northwind, "admin", "read", "write")

    def refusal(form, **more):
        answer = client.post("/api/v1/uploads/", form, headers=key, **more)
        return answer.status_code, answer.json()["error"]["code"]

    assert refusal({}) == (400, "no_file")
    assert refusal({"file": _file(b"%PDF")}) == (415, "no_audio")
    assert refusal("{}", content_type="application/json") == (415, "unsupported_media_type")
    assert refusal({"file": _file(wav), "language": "???"}) == (400, "invalid")
    settings.UPLOAD_MAX_BYTES = 100
    assert refusal({"file": _file(wav)}) == (413, "too_large")
    settings.UPLOAD_MAX_BYTES, settings.UPLOAD_DAILY_BYTES = 10**6, 100
    answer = client.post("/api/v1/uploads/", {"file": _file(wav)}, headers=key)
    assert (answer.status_code, answer.json()["error"]["code"]) == (429, "quota")
    assert int(answer["Retry-After"]) > 0


def test_another_try_by_the_api(northwind):
    upload, other = (_make(northwind, files=2, state="failed", error="away") for _ in "12")
    client, key = northwind.client(), _key(northwind, "admin", "read", "write")
    address = f"/api/v1/uploads/{upload.pk}/retry/"
    with northwind.scope():
        one, strange = upload.calls.first().pk, other.calls.first().pk

    def ask(content):
        return client.post(address, content, content_type="application/json", headers=key)

    assert ask({"call": str(strange)}).status_code == 400
    assert ask({"call": str(one)}).json()["going_on"] == 1
    assert ask({"call": str(one)}).status_code == 409
    assert ask({}).json()["going_on"] == 2
    assert ask({}).status_code == 409


def test_no_company_sees_another_s(northwind, world):
    upload = _make(northwind, files=1, state="failed", error="away")
    call = _calls(northwind)[0]
    stranger = world.acme.client("admin")
    assert stranger.get(f"/api/v1/uploads/{upload.pk}/").status_code == 404
    assert stranger.post(f"/uploads/calls/{call.pk}/retry").status_code == 404
    assert stranger.get("/api/v1/uploads/").json()["results"] == []
    assert "call-0.wav" not in stranger.get("/uploads/").content.decode()
    assert _calls(northwind)[0].state == "failed"


# --- The command ----------------------------------------------------------------------------------------


def test_a_folder_or_a_zip_by_command(northwind, wav, tmp_path, settings):
    folder = tmp_path / "calls"
    (folder / "march").mkdir(parents=True)
    (folder / "march" / "one.wav").write_bytes(wav)
    (folder / "two.wav").write_bytes(wav)
    (folder / "notes.txt").write_text("no sound")
    (folder / "manifest.csv").write_text("file,agent,call_id\none.wav,7001,c-1\n")
    out = io.StringIO()
    settings.UPLOAD_MAX_FILES = 2  # the folder is taken in by several uploads
    call_command("import_calls", str(folder), company="northwind", queue="billing", stdout=out)
    assert out.getvalue().count("1 calls are taken in") == 2 and "notes.txt: This is not" in out.getvalue()
    with northwind.scope():
        calls = {call.name: call for call in UploadedCall.objects.all()}
        assert calls["notes.txt"].state == "failed"
        assert details_of(calls["one.wav"]).call_id == "c-1"
        assert details_of(calls["two.wav"]).queue == "billing"
        assert set(Upload.objects.values_list("source", "user")) == {("command", None)}
    archive = tmp_path / "calls.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("three.wav", wav)
    call_command("import_calls", str(archive), company="northwind", stdout=io.StringIO())
    assert len(_calls(northwind)) == 4
    for arguments, words in (
        ({"company": "nobody"}, "no company"),
        ({"company": "northwind", "language": "???"}, "language"),
    ):
        with pytest.raises(CommandError, match=words):
            call_command("import_calls", str(archive), stdout=io.StringIO(), **arguments)
    with pytest.raises(CommandError, match="not there"):
        call_command("import_calls", str(tmp_path / "nowhere"), company="northwind")
