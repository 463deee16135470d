"""Who judges a call blind follows it without its scores."""

from __future__ import annotations

import pytest

from qa.models import Assignment
from tests.conftest import Company, World
from tests.past_calls import past_call
from tests.test_desk_sockets import heard, opened, path_of, within

pytestmark = pytest.mark.asyncio


@pytest.fixture
def northwind(committed: World) -> Company:
    return committed.northwind


async def test_who_judges_a_call_blind_gets_the_number_but_not_the_score(northwind: Company) -> None:
    people = northwind.people
    past = await within(northwind, past_call, agent=people["agent"], queue=northwind.queue)

    def judge() -> None:
        Assignment.objects.create(
            conversation=past.conversation,
            template=past.score.revision.template,
            agent=people["agent"],
            assignee=people["supervisor"],
            kind="second",
        )

    await within(northwind, judge)
    seen = {}
    for persona in ("supervisor", "admin"):
        async with opened(northwind, persona, path_of(past.conversation)) as socket:
            seen[persona] = [one["kind"] for one in await heard(socket, "event")]
    place = seen["admin"].index("score")
    assert seen["supervisor"][place] == "hidden" and "score" not in seen["supervisor"]
    assert len(seen["supervisor"]) == len(seen["admin"])
