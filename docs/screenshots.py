"""Takes the pictures of docs/screenshots: every page, as the people of the demo see it.

Needs `make run` to be up with its demo companies, nobody in a call, and a Chromium (`CHROMIUM` names it where it is
not on the path). Plays sample calls to two agents of Northwind and takes about four minutes:

    .venv/bin/python -m docs.screenshots --port 8000

`--only sign-in,reports` takes some of the pictures again; those of a call come and go together, as `call`. The
second company is closed for as long as the picture of a closed company takes.
"""

from __future__ import annotations

import argparse
import base64
import os
import re
import shutil
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import Page, sync_playwright

from demo.people import ACME, NORTHWIND, PASSWORD, PLATFORM_EMAIL, agent_number

FOLDER = Path(__file__).parent / "screenshots"
WIDE, NARROW = (1280, 800), (390, 844)
# Colleague, seconds before the agent's own call, and which of the two sample calls: so that the floor has rows.
COLLEAGUE, EARLIER_SECONDS, COLLEAGUES_CALL = NORTHWIND.teams[0].agents[1], 20, 1
# Who the colleague's call is passed on to, before it ends.
NEXT = NORTHWIND.teams[0].agents[2]
THREAT, EVERY_CALL, SCORECARD = "Acknowledge first", "Every call", "Service call"
PEOPLE = f"""email,name,role,team,agent_id
{NORTHWIND.email(NORTHWIND.agent)},{NORTHWIND.agent},agent,Billing,7001
ana@northwind.example,Ana Silva,agent,Billing,7020
ben@northwind.example,Ben Ode,supervisor,Retention,
lea@northwind.example,Lea Holm,manager,Billing,
"""


@dataclass
class Camera:
    """Signed-in people and their pages. `taken`: the names of the pictures so far."""

    browser: Any
    port: int
    only: frozenset[str]
    painter: Page
    pages: dict[str, Page] = field(default_factory=dict)
    taken: list[str] = field(default_factory=list)

    def url(self, path: str, host: str = NORTHWIND.schema) -> str:
        return f"http://{host}.localhost:{self.port}{path}" if host else f"http://localhost:{self.port}{path}"

    def wants(self, *names: str) -> bool:
        return not self.only or bool(self.only & set(names))

    def page(self, email: str = "", host: str = NORTHWIND.schema) -> Page:
        """The page of whoever has this e-mail address, signed in; without one, of nobody."""
        if email not in self.pages:
            page = self.browser.new_context(
                locale="en-GB",
                timezone_id=NORTHWIND.time_zone,
                viewport=dict(zip(("width", "height"), WIDE, strict=True)),
            ).new_page()
            self.pages[email] = page
            if email:
                page.goto(self.url("/sign-in/", host))
                page.fill("input[name=username]", email)
                page.fill("input[name=password]", PASSWORD)
                page.keyboard.press("Enter")
                page.wait_for_url(lambda url: "sign-in" not in url)
        return self.pages[email]

    def take(self, page: Page, name: str, *, dark: bool = False, narrow: bool = False) -> None:
        """A picture of what is in the window; `dark` and `narrow` name it so and leave the page as it was."""
        name += ("-dark" if dark else "") + ("-390" if narrow else "")
        width, height = NARROW if narrow else WIDE
        page.emulate_media(color_scheme="dark" if dark else "light", reduced_motion="reduce")
        page.set_viewport_size({"width": width, "height": height})
        page.mouse.move(1, 1)
        page.wait_for_timeout(400)
        picture = page.screenshot(animations="disabled", caret="hide")
        (FOLDER / f"{name}.png").write_bytes(_smaller(self.painter, picture))
        if dark or narrow:
            page.emulate_media(color_scheme="light", reduced_motion="reduce")
            page.set_viewport_size({"width": WIDE[0], "height": WIDE[1]})
            page.wait_for_timeout(200)
        self.taken.append(name)
        print(name, flush=True)

    def still(self, name: str, email: str, path: str, host: str = NORTHWIND.schema) -> Page | None:
        """Open an address and take its picture, if it is wanted. Gives the page then."""
        if not self.wants(name):
            return None
        page = self.page(email, host)
        page.goto(self.url(path, host))
        page.wait_for_load_state("networkidle")
        self.take(page, name)
        return page


PIXELS = """async (picture) => {
  const image = await createImageBitmap(await (await fetch(`data:image/png;base64,${picture}`)).blob());
  const canvas = new OffscreenCanvas(image.width, image.height);
  const pen = canvas.getContext("2d");
  pen.drawImage(image, 0, 0);
  const { data } = pen.getImageData(0, 0, image.width, image.height);
  let letters = "";
  for (let at = 0; at < data.length; at += 32768) letters += String.fromCharCode(...data.subarray(at, at + 32768));
  return [image.width, image.height, btoa(letters)];
}"""


def _smaller(painter: Page, picture: bytes) -> bytes:
    """The PNG in 256 colours, which is a third of the size; a small red dot counts beside thousands of greys."""
    width, height, pixels = painter.evaluate(PIXELS, base64.b64encode(picture).decode())
    colours = np.frombuffer(base64.b64decode(pixels), np.uint8).reshape(-1, 4)[:, :3].astype(np.int32)
    found, which, times = np.unique(
        colours @ np.array([65536, 256, 1]), return_inverse=True, return_counts=True
    )
    every = np.stack([found >> 16, found >> 8 & 255, found & 255], axis=1)
    kept = [int(times.argmax())]
    away = ((every - every[kept[0]]) ** 2).sum(axis=1)
    nearest = np.zeros(len(every), np.uint8)
    while len(kept) < 256 and away.any():
        kept.append(int((away * np.sqrt(times)).argmax()))
        to_it = ((every - every[kept[-1]]) ** 2).sum(axis=1)
        nearest[to_it < away] = len(kept) - 1
        away = np.minimum(away, to_it)
    palette = every[kept].astype(np.uint8).tobytes()
    rows = nearest[which].reshape(height, width)
    # Each line begins with the number of its filter: none.
    lines = np.concatenate([np.zeros((height, 1), np.uint8), rows], axis=1).tobytes()
    head = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    parts = (
        (b"IHDR", head),
        (b"PLTE", palette),
        (b"IDAT", zlib.compress(lines, 9)),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in parts
    )


def outside(camera: Camera) -> None:
    """What one sees without being signed in."""
    if camera.wants("sign-in"):
        page = camera.page()
        page.goto(camera.url("/sign-in/"))
        camera.take(page, "sign-in")
        camera.take(page, "sign-in", dark=True)
        camera.take(page, "sign-in", narrow=True)
    camera.still("unknown-company", "", "/", "nobody")
    if camera.wants("not-active"):
        _set_open(camera, False)
        try:
            camera.still("not-active", "", "/", ACME.schema)
        finally:
            _set_open(camera, True)


def _set_open(camera: Camera, is_open: bool) -> None:
    page = camera.page(PLATFORM_EMAIL, "")
    page.goto(camera.url("/admin/tenants/tenant/", ""))
    page.get_by_role("row", name=ACME.name).locator("input[name=_selected_action]").check()
    page.locator("select[name=action]").select_option("activate" if is_open else "suspend")
    page.locator("button[name=index]").click()
    page.get_by_text("1 company changed.").wait_for()


def call(camera: Camera) -> None:
    """A sample call from ready to scored, from both ends."""
    if not camera.wants("call"):
        return
    agent, colleague = NORTHWIND.email(NORTHWIND.agent), NORTHWIND.email(COLLEAGUE)
    desk, floor = camera.page(agent), camera.page(NORTHWIND.email(NORTHWIND.supervisor))
    desk.goto(camera.url("/desk/"))
    floor.goto(camera.url("/floor/"))
    _confirm_all(desk)
    desk.reload()
    camera.take(desk, "desk-ready")
    other = camera.page(colleague)
    other.goto(camera.url("/desk/"))
    _confirm_all(other)
    with other.expect_response(lambda answer: answer.request.method == "POST") as begun:
        other.locator("[data-sample]").nth(COLLEAGUES_CALL).click()
    colleagues_call = begun.value.json()["call"]
    other.wait_for_timeout(EARLIER_SECONDS * 1000)
    desk.locator("[data-sample]").first.click()
    desk.get_by_text(THREAT).first.wait_for(timeout=300_000)
    _open_hint(desk)
    _words_come(desk)
    camera.take(desk, "desk-live")
    row = floor.locator("#rows tr", has_text=NORTHWIND.agent)
    row.locator(".al.bad").wait_for()
    camera.take(floor, "floor")
    row.click()
    floor.locator("#tx li[data-id]").first.wait_for()
    _words_come(floor)
    camera.take(floor, "floor-call")
    _hand_over(camera, colleagues_call)
    camera.take(desk, "desk-live", dark=True)
    camera.take(desk, "desk-live", narrow=True)
    camera.take(floor, "floor-call", dark=True)
    camera.take(floor, "floor-call", narrow=True)
    floor.keyboard.press("Escape")
    camera.take(floor, "floor", narrow=True)
    desk.locator("#sum .line").first.wait_for(timeout=180_000)
    desk.keyboard.press("ArrowDown")
    camera.take(desk, "desk-after-call")
    desk.keyboard.press("2")
    desk.keyboard.press("Control+Enter")
    desk.locator("[data-mode=ready]").wait_for()


# As the telephony does with its key; here with an admin's session.
EVENT = """async (event) => {
  const headers = {"Content-Type": "application/json", ...JSON.parse(document.body.getAttribute("hx-headers"))};
  const answer = await fetch("/api/v1/call-events/", {method: "POST", headers, body: JSON.stringify(event)});
  if (!answer.ok) throw new Error(await answer.text());
}"""


def _hand_over(camera: Camera, call_id: str) -> None:
    """The colleague puts the customer on hold, asks the next agent and passes the call on."""
    admin, desk = camera.page(NORTHWIND.email(NORTHWIND.admin)), camera.page(NORTHWIND.email(NEXT))
    admin.goto(camera.url("/floor/"))
    desk.goto(camera.url("/desk/"))
    _confirm_all(desk)
    event = {"provider": "native", "identifiers": {"call": call_id}}
    admin.evaluate(EVENT, {**event, "phase": "hold"})
    admin.wait_for_timeout(4000)
    number = agent_number(NORTHWIND, NEXT)
    admin.evaluate(EVENT, {**event, "phase": "connected", "agent": number, "transfer": "consult"})
    desk.locator("#handover").wait_for()
    desk.locator("#tx .ev").first.wait_for()
    desk.wait_for_timeout(2000)
    camera.take(desk, "desk-handover")
    camera.take(desk, "desk-handover", narrow=True)


def _confirm_all(desk: Page) -> None:
    """What earlier calls left to confirm would stand in the pictures."""
    desk.get_by_text("Ready.").wait_for()
    while desk.locator("#tray").is_visible():
        desk.locator("#tray summary").click()
        desk.locator("#tray-list button").first.click()
        desk.locator("#sum .line").first.wait_for()
        desk.keyboard.press("Control+Enter")
        desk.get_by_text("Ready.").wait_for()
        desk.wait_for_timeout(1000)


def _open_hint(desk: Page) -> None:
    row = desk.locator("button.hint-row", has_text=THREAT)
    if row.count():
        row.click()
    desk.locator("article.hint", has_text=THREAT).wait_for()


def _words_come(page: Page) -> None:
    page.wait_for_function(
        "document.querySelector('#tx .is-partial p')?.textContent.split(' ').length > 6", timeout=15_000
    )


def looking_back(camera: Camera) -> None:
    """The conversation that was just played, the list, knowledge and reports, as the analyst sees them."""
    analyst = NORTHWIND.email(NORTHWIND.analyst)
    camera.still("conversations", analyst, "/conversations/?q=cancel")
    if camera.wants("conversation", "call"):
        page = camera.page(analyst)
        page.goto(camera.url("/conversations/"))
        page.locator("#rows .ls-row", has_text="Andrew Miller").locator("a.ls-open").first.click()
        for _attempt in range(30):
            if page.locator("#panel-score .rv-tot").count() and page.locator("#player").count():
                break
            page.wait_for_timeout(1000)
            page.reload()
        page.locator("#transcript .redact").first.wait_for()
        for name, key in (("summary", "1"), ("guidance", "2"), ("score", "3")):
            page.keyboard.press(key)
            if name == "score":
                page.locator(".rv-mos a", has_text="Threat to cancel").first.click()
                page.wait_for_timeout(800)
                page.keyboard.press(" ")
                page.locator("details.rv-crit summary").nth(6).click()
            camera.take(page, f"conversation-{name}")
        camera.take(page, "conversation-score", dark=True)
        camera.take(page, "conversation-score", narrow=True)
    page_of_knowledge = camera.still("knowledge", analyst, "/knowledge/?q=when+does+a+refund+arrive")
    if page_of_knowledge is not None:
        page_of_knowledge.locator("a[href^='/knowledge/documents/']").first.click()
        page_of_knowledge.wait_for_load_state("networkidle")
        camera.take(page_of_knowledge, "document")
    camera.still("reports", analyst, "/reports/")
    page_of_calls = camera.still("completeness", analyst, "/completeness/?days=30")
    if page_of_calls is not None:
        camera.take(page_of_calls, "completeness", narrow=True)
    camera.still("not-found", analyst, "/nothing-here/")


def quality(camera: Camera) -> None:
    """Scores, reports and calibration as the analyst sees them; coaching as a supervisor and an agent do."""
    analyst, coach = NORTHWIND.email(NORTHWIND.analyst), NORTHWIND.email(NORTHWIND.supervisor)
    agent = NORTHWIND.email(NORTHWIND.agent)
    camera.still("quality", analyst, "/quality/?list=scores")
    camera.still("summary-figures", analyst, "/summaries/")
    for name, view in (
        ("quality-report", "overview"),
        ("quality-criteria", "criteria"),
        ("quality-map", "map"),
    ):
        page = camera.still(name, analyst, f"/quality/reports/?view={view}&days=90")
        if page is not None and view == "map":
            camera.take(page, name, narrow=True)
    _first(camera, "calibration", analyst, "/quality/calibrations/", "/quality/calibrations/")
    camera.still("coaching", coach, "/coaching/")
    camera.still("coaching-skills", coach, "/coaching/skills/?days=90")
    _first(camera, "coaching-plan", coach, "/coaching/", "/coaching/plans/")
    page = _first(camera, "coaching-session", coach, "/coaching/", "/coaching/sessions/")
    if page is not None:
        camera.take(page, "coaching-session", dark=True)
    page = camera.still("coaching-me", agent, "/coaching/me/?days=90")
    if page is not None:
        camera.take(page, "coaching-me", narrow=True)


def _first(camera: Camera, name: str, email: str, path: str, where: str) -> Page | None:
    """The first page that `path` leads to whose address is `where` and a key."""
    if not camera.wants(name):
        return None
    page = camera.page(email)
    page.goto(camera.url(path))
    found = page.eval_on_selector_all("a[href]", "all => all.map((one) => one.getAttribute('href'))")
    leads = [one for one in found if re.fullmatch(rf"{where}[0-9a-f-]{{36}}/", one)]
    if not leads:
        raise RuntimeError(f"{path} leads to no {where}")
    return camera.still(name, email, leads[0])


TRIED = (
    "my card is four one one one one one one one one one one one one one one one and my name is helen marsh"
)


def privacy(camera: Camera) -> None:
    """Findings to look at, what was found, history read again, and the policy with a sentence that was tried."""
    person = NORTHWIND.email(NORTHWIND.admin)
    for name, path in (
        ("privacy-review", "/privacy/review/"),
        ("privacy-report", "/privacy/report/?days=90"),
    ):
        page = camera.still(name, person, path)
        if page is not None:
            camera.take(page, name, narrow=True)
    if camera.wants("privacy-again"):
        page = camera.page(person)
        page.goto(camera.url("/privacy/again/"))
        page.get_by_role("button", name="Read again").click()
        page.locator("#runs .chip.good").first.wait_for(timeout=180_000)
        page.goto(camera.url("/privacy/again/"))
        camera.take(page, "privacy-again")
        camera.take(page, "privacy-again", narrow=True)
    if camera.wants("redaction-policy"):
        page = camera.page(person)
        page.goto(camera.url("/admin/conversations/redactionpolicy/"))
        page.fill("#rp-text", TRIED)
        page.locator("#rp-try").click()
        page.locator("#rp-found").wait_for()
        page.wait_for_load_state("networkidle")
        camera.take(page, "redaction-policy")
        camera.take(page, "redaction-policy", narrow=True)


def admin(camera: Camera) -> None:
    """What an admin of the company, a programmer and the platform's operator see."""
    person = NORTHWIND.email(NORTHWIND.admin)
    if camera.wants("people-import"):
        page = camera.page(person)
        page.goto(camera.url("/people/import/"))
        page.set_input_files(
            "input[type=file]", {"name": "people.csv", "mimeType": "text/csv", "buffer": PEOPLE.encode()}
        )
        page.get_by_role("button", name="Show what would change").click()
        page.locator(".tally").wait_for()
        camera.take(page, "people-import")
    camera.still("uploads", person, "/uploads/")
    camera.still("speech", person, "/settings/providers/")
    camera.still("admin", person, "/admin/")
    camera.still("admin-people", person, "/admin/accounts/user/")
    camera.still("admin-moments", person, "/admin/moments/momentdefinition/")
    if camera.wants("admin-names"):
        page = camera.page(person)
        page.goto(camera.url("/admin/moments/listedname/"))
        page.fill("[data-try] input", "does glow becks have anything like fibre five hundred")
        page.click("[data-try] button")
        page.locator("[data-try] [role=status] p").first.wait_for()
        camera.take(page, "admin-names")
    for name, path, title in (
        ("admin-policy", "/admin/coaching/policy/", EVERY_CALL),
        ("admin-scorecard", "/admin/qa/scorecardtemplate/", SCORECARD),
    ):
        if camera.wants(name):
            page = camera.page(person)
            page.goto(camera.url(path))
            page.locator("#result_list").get_by_role("link", name=title).click()
            page.wait_for_url("**/change/**")
            page.wait_for_load_state("networkidle")
            camera.take(page, name)
    camera.still("api", person, "/api/v1/docs/")
    camera.still("platform-companies", PLATFORM_EMAIL, "/admin/tenants/tenant/", "")


PARTS: tuple[Callable[[Camera], None], ...] = (outside, call, looking_back, quality, privacy, admin)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--port", type=int, default=8000, help="where the pages are (default: %(default)s)")
    parser.add_argument("--only", default="", help="names of pictures, parted by commas")
    given = parser.parse_args()
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    FOLDER.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium,
            args=["--no-sandbox", "--host-resolver-rules=MAP *.localhost 127.0.0.1"],
        )
        only = frozenset(filter(None, given.only.split(",")))
        camera = Camera(browser, given.port, only, browser.new_page())
        for part in PARTS:
            part(camera)
        browser.close()
    sizes = {name: (FOLDER / f"{name}.png").stat().st_size for name in camera.taken}
    print(
        f"{len(sizes)} pictures, {sum(sizes.values()) / 1e6:.1f} MB, the largest {max(sizes.values()) // 1000} kB"
    )


if __name__ == "__main__":
    main()
