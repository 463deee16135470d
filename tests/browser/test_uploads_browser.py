"""The page of uploads in a browser: files by keyboard and by dropping, refusals in words, progress that moves."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from integrations.uploads.models import Upload, UploadedCall
from tests.conftest import World
from tests.sound_files import sound_file

Pages = Callable[..., Any]
PICTURES = os.environ.get("UPLOAD_PICTURES")


@pytest.fixture
def recordings(tmp_path: Path) -> list[Path]:
    files = [tmp_path / "monday.wav", tmp_path / "tuesday.flac"]
    files[0].write_bytes(sound_file("wav", "pcm_mulaw", 8000, 2))
    files[1].write_bytes(sound_file("flac", "flac", 16000, 1))
    return files


def _picture(page: Any, name: str) -> None:
    if PICTURES:
        page.screenshot(path=f"{PICTURES}/{name}.png")


def test_files_are_brought_and_followed(committed: World, sign_in: Pages, recordings: list[Path]) -> None:
    company = committed.northwind
    page = sign_in("analyst", path="/uploads/")
    page.get_by_text("Nothing was uploaded yet.").wait_for()
    _picture(page, "empty")
    # By keyboard: U opens the dialogue of files, Tab leads to the fields and the button, Enter sends.
    choosers: list[Any] = []
    page.on("filechooser", lambda chooser: choosers.append(chooser))
    for _ in range(60):  # the keys are bound by a module, which says nothing when it has run
        page.keyboard.press("u")
        page.wait_for_timeout(500)
        if choosers:
            break
    choosers[0].set_files([str(path) for path in recordings])
    page.get_by_text("2 files, 0.1 MB").wait_for()
    page.get_by_label("Agent", exact=True).fill("agent@northwind.test")
    page.get_by_role("button", name="Upload").focus()
    page.keyboard.press("Enter")
    page.get_by_text("Taken in. You can leave this page.").wait_for()
    page.locator(".up-call", has_text="monday.wav").wait_for()
    with company.scope():
        upload = Upload.objects.get()
        calls = {call.name: call for call in upload.calls.all()}
        assert upload.user == company.people["analyst"] and set(calls) == {"monday.wav", "tuesday.flac"}
        # What the job notes, the page shows by itself.
        UploadedCall.objects.filter(name="monday.wav").update(
            state="transcribing", progress=0.42, duration_ms=3000
        )
        failed = {"state": "failed", "error": "Speech recognition did not work for this call."}
        UploadedCall.objects.filter(name="tuesday.flac").update(**failed)
    page.get_by_text("42 %").wait_for()
    row = page.locator(".up-call", has_text="tuesday.flac")
    row.get_by_text("Speech recognition did not work for this call.").wait_for()
    _picture(page, "wide")
    row.get_by_role("button", name="Try again").press("Enter")
    page.get_by_text("Another try is under way.").wait_for()
    row.get_by_text("waiting").wait_for()


def test_refusals_are_said_before_and_after_sending(
    committed: World, sign_in: Pages, recordings: list[Path], tmp_path: Path
) -> None:
    page = sign_in("admin", path="/uploads/", width=390, height=844)
    other = tmp_path / "notes.wav"
    other.write_bytes(b"these are no sounds")
    page.locator("#files").set_input_files(str(other))
    page.get_by_role("button", name="Upload").click()
    page.locator("#refused", has_text="not a sound file").wait_for()
    # Known before anything is sent.
    page.evaluate("document.getElementById('bring').dataset.maxBytes = '100'")
    page.locator("#files").set_input_files(str(recordings[0]))
    page.locator("#refused", has_text="monday.wav is larger than").wait_for()
    # Dropped files are files, too.
    page.evaluate(
        """() => {
            const dataTransfer = new DataTransfer();
            dataTransfer.items.add(new File(["x"], "dropped.wav"));
            const drop = new DragEvent("drop", {dataTransfer, bubbles: true, cancelable: true});
            document.querySelector(".up-drop").dispatchEvent(drop);
        }"""
    )
    page.get_by_text("dropped.wav, 0.0 MB").wait_for()
    with committed.northwind.scope():
        assert not Upload.objects.exists()
        upload = Upload.objects.create(
            name="a name that goes on for longer than a phone is wide.zip", source="api"
        )
        for number, state in enumerate(("done", "transcribing", "waiting", "failed")):
            UploadedCall.objects.create(
                upload=upload,
                name=f"{number}-a-rather-long-name-of-a-file-as-recorders-give-them-2026-03-01.wav",
                state=state,
                progress=0.37,
                storage_key="x",
                error="The file is damaged: its end cannot be read." if state == "failed" else "",
            )
    page.reload()
    page.get_by_text("37 %").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.evaluate("document.querySelector('.up').scrollWidth") <= 390
    _picture(page, "narrow-top")
    page.locator(".up-list").evaluate("list => list.scrollIntoView()")
    _picture(page, "narrow")
