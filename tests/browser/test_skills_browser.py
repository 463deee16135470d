"""Skills in a browser: cells by keys, the way to what is behind them, no width too small."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.utils import timezone

from tests.conftest import World
from tests.skills_made import (
    behaved,
    behaviour_policy,
    calls_of,
    card_make,
    colleague,
    judged,
    keys_of,
    worth,
)

FITS = "document.documentElement.scrollWidth <= innerWidth"


def test_from_a_gap_to_what_is_behind_it(committed: World, sign_in: Callable[..., Any]) -> None:
    company, today = committed.northwind, timezone.localdate()
    with company.scope():
        revision, policy = card_make(("Greeted?", 30), ("Solved?", 10)), behaviour_policy()
        greeted, solved = keys_of(revision)
        agent = company.people["agent"]
        for at, one in enumerate(
            [agent, company.people["teammate"], *(colleague(n, company.team) for n in range(3))]
        ):
            judged(
                revision, one, today, {greeted: worth(18 if at else 8, 20), solved: worth(15 - at, 20)},
                released=True,
            )  # fmt: skip
        behaved(policy, calls_of(agent, today, 2), [[True], [True, False]])
    page = sign_in("supervisor", path="/coaching/skills/")
    page.locator("#heat a.cell").first.focus()
    page.keyboard.press("ArrowRight")
    # The agent's own, beside the team's: the distance stands in it, not in its colour alone.
    assert page.evaluate("document.activeElement.textContent").split() == ["40−50"]
    page.keyboard.press("Enter")
    page.locator("#rows").wait_for()
    assert page.locator("h1").inner_text() == "Greeted?"
    for persona, path in (
        ("supervisor", "/coaching/skills/"),
        (
            "supervisor",
            f"/coaching/skills/effect/?agent={agent.pk}&skill=criterion:{revision.template_id}:{greeted}",
        ),
        ("agent", "/coaching/me/"),
    ):
        page = sign_in(persona, path=path, width=390, height=844)
        page.locator("main").wait_for()
        assert page.evaluate(FITS), path
        page.context.close()
