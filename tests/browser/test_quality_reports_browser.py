"""Reports in a browser: charts drawn from their tables, cells by keys, the way to the sentence, no width too small."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from qa.models import Answer, Evaluation
from tests.conftest import World
from tests.qa.scored import MARCH, scored

Pages = Callable[..., Any]
FITS = "document.documentElement.scrollWidth <= innerWidth"


@pytest.fixture
def given(committed: World, make_conversation: Any) -> Any:
    company = committed.northwind
    with company.scope():
        made = scored(company, make_conversation)
        row = made.scores["poor"]
        said = row.conversation.utterances.get(sequence=2)
        place = {"utterance": str(said.pk), "start": 3, "end": 7, "at_ms": 5_500}
        Answer.objects.filter(evaluation=row, criterion_key=made.solved).update(evidence=[place])
        Evaluation.objects.filter(agent=company.people["agent"], counts=True).update(
            released_at=timezone.now()
        )
        yield made


def test_charts_stand_beside_their_tables(given: Any, sign_in: Pages) -> None:
    page = sign_in("analyst", path=f"/quality/reports/?{MARCH}")
    page.locator(".ch[data-drawn] .ch-plot svg").first.wait_for()
    assert page.locator(".ch[data-drawn]").count() == 2
    # The chart says it by sight, the table by words; it is one key away.
    table = page.locator("figure[data-chart=bars] table")
    assert not table.is_visible()
    page.locator("figure[data-chart=bars] summary").focus()
    page.keyboard.press("Enter")
    assert table.locator("tbody tr").last.inner_text().split() == ["90–100", "2"]
    # Another theme is other colours, at once.
    before = page.locator(".ch-plot svg").first.inner_html()
    page.evaluate("document.documentElement.dataset.bsTheme = 'dark'")
    page.wait_for_function("(was) => document.querySelector('.ch-plot svg').innerHTML !== was", arg=before)
    # The file comes in pieces from the server as it is in production.
    for form, first in (("CSV", b"\xef\xbb\xbfFrom"), ("XLSX", b"PK")):
        with page.expect_download() as download:
            page.locator("section:has(#trend-title) a.btn", has_text=form).click()
        assert Path(download.value.path()).read_bytes().startswith(first)
    # Parts by their number.
    page.keyboard.press("3")
    page.wait_for_url("**view=criteria**")
    page.locator(".ch[data-drawn] svg").wait_for()


def test_a_bar_leads_to_its_evaluations(given: Any, sign_in: Pages) -> None:
    page = sign_in("analyst", path=f"/quality/reports/?{MARCH}")
    plot = page.locator("figure[data-chart=bars] .ch-plot")
    plot.locator("svg").wait_for()
    plot.scroll_into_view_if_needed()
    box = plot.bounding_box()
    # The last of ten bars is the highest.
    page.mouse.click(box["x"] + box["width"] * 0.95, box["y"] + box["height"] * 0.6)
    page.wait_for_url("**bin=9**")
    assert page.locator("#rows tbody tr").count() == 2


def test_from_a_cell_to_the_sentence_by_keys(given: Any, sign_in: Pages, committed: World) -> None:
    team = committed.northwind.team.pk
    page = sign_in("supervisor", path=f"/quality/reports/?view=map&team={team}&{MARCH}")
    page.locator("#heat a.cell").first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.textContent") == "67"
    # One cell is in the way of Tab.
    assert page.locator("#heat td a.cell[tabindex='0']").count() == 1
    page.keyboard.press("Enter")
    page.locator("#rows").wait_for()
    assert page.locator("h1").inner_text() == "Solved?"
    page.locator(".rp-periods a", has_text="points lost").click()
    page.locator("#rows mark", has_text="bill").wait_for()
    page.locator("#rows tbody th a").first.click()
    answer = page.locator("details.rv-crit[open]", has_text="Solved?").first
    answer.wait_for()
    assert page.locator("#transcript li.now").inner_text().endswith("my bill is wrong")


def test_it_works_without_scripts_and_where_it_is_narrow(
    given: Any, sign_in: Pages, committed: World
) -> None:
    plain = sign_in("analyst", path=f"/quality/reports/?{MARCH}", java_script_enabled=False)
    assert plain.locator("figure[data-chart=bars] table").is_visible()
    team, agent = committed.northwind.team.pk, committed.northwind.people["agent"].pk
    for path in (
        *(f"/quality/reports/?view={view}&{MARCH}" for view in ("overview", "people", "criteria", "map")),
        f"/quality/reports/?view=evaluators&{MARCH}",
        f"/quality/reports/?view=agreement&{MARCH}",
        f"/quality/reports/?view=map&team={team}&{MARCH}",
        f"/quality/reports/evaluations/?{MARCH}&criterion={given.solved}",
        f"/quality/agents/{agent}/?{MARCH}",
    ):
        page = sign_in("analyst", path=path, width=390, height=844)
        page.locator("main").wait_for()
        assert page.evaluate(FITS), path
        page.context.close()


def test_an_agent_has_their_own_figures(given: Any, sign_in: Pages) -> None:
    page = sign_in("agent", path="/quality/", width=390, height=844)
    page.locator("a", has_text="My figures").click()
    page.locator("h1", has_text="My figures").wait_for()
    page.locator("input[name=since]").fill("2026-03-01")
    page.locator("input[name=until]").fill("2026-03-31")
    page.locator("button", has_text="Show").click()
    page.locator(".ch[data-drawn] svg").wait_for()
    assert "66.7" in page.locator(".qr-sum").inner_text() and page.evaluate(FITS)
