"""Skills as pages, by the API and as files: the same numbers, the same doors, a fixed number of queries."""

from __future__ import annotations

import csv
import re
from html import unescape
from io import BytesIO, StringIO
from types import SimpleNamespace

import pytest
from django.utils import timezone
from openpyxl import load_workbook

from accounts.models import AuditEvent
from coaching.skills.skills import behaviour_ref, criterion_ref
from qa.models import Evaluation
from tests.budgets import query_budget
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

API = "/api/v1/coaching"


@pytest.fixture
def company(world):
    with world.northwind.scope():
        yield world.northwind


@pytest.fixture
def made(company):
    """Six of Billing today: the agent greets 8 of 20 times and offers never, the others 18 of 20."""
    revision, policy = card_make(("Greeted?", 30), ("Solved?", 10), name="=Calls"), behaviour_policy()
    greeted, solved = keys_of(revision)
    today = timezone.localdate()
    agents = [
        company.people["agent"],
        company.people["teammate"],
        *(colleague(n, company.team) for n in range(4)),
    ]
    for at, one in enumerate(agents):
        answers = {greeted: worth(18 if at else 8, 20), solved: worth(15, 20)}
        rows = judged(revision, one, today, answers, released=at == 0)
    calls = calls_of(agents[0], today, 3)
    behaved(policy, calls, [[False], [False, True], [True]])
    return SimpleNamespace(
        agents=agents, rows=rows, greeted=greeted, ref=criterion_ref(revision.template_id, greeted),
        offer=behaviour_ref(policy.policy_id, "offer"), calls=calls,
    )  # fmt: skip


def page(client, path):
    answer = client.get(path)
    assert answer.status_code == 200, path
    return answer.content.decode()


def taken(client, path):
    answer = client.get(path)
    assert answer.status_code == 200, path
    return b"".join(answer.streaming_content)


def test_gaps_lead_to_what_is_behind_them(company, made):
    client = company.client("supervisor")
    page(client, "/coaching/skills/")
    with query_budget("coaching-skills"):
        shown = page(client, "/coaching/skills/")
    assert "Skills by agent, Billing" in shown and "50.0 points below the team’s top quarter" in shown
    agent = company.people["agent"].pk
    links = [unescape(one) for one in re.findall(r'class="cell sk-cell[^"]*" href="([^"]+)"', shown)]
    cells = [one for one in links if f"agent={agent}" in one]
    behind = next(one for one in cells if made.greeted in one)
    assert "n = 20" in page(client, behind)
    # A behaviour's leads to the conversations in which it was expected.
    (calls,) = (one for one in links if one.startswith("/conversations/"))
    assert "behaviour=Offers+to+stay" in calls
    assert "of 20, 95 % interval 22 to 61" in shown
    narrowed = page(client, f"/coaching/skills/?kind=behaviour&agent={agent}")
    assert "Greeted?" not in narrowed.partition("focus-title")[0] and "Offers to stay" in narrowed
    assert "There is no such team of yours." in page(
        client, f"/coaching/skills/?team={company.other_team.pk}"
    )


def test_nothing_known_says_so(company):
    assert "Nothing is known of this team" in page(company.client("supervisor"), "/coaching/skills/")
    company.team.supervisors.clear()
    assert "You look after no team." in page(company.client("supervisor"), "/coaching/skills/")
    assert "Nothing yet in these days." in page(company.client("agent"), "/coaching/me/")


def test_files_say_the_same(company, made):
    client = company.client("supervisor")
    data = taken(client, "/coaching/skills/skills.csv")
    rows = list(csv.reader(StringIO(data.decode("utf-8-sig"))))
    greeted = [row for row in rows if row[0] == "Greeted?"]
    assert greeted[0][3:6] == ["the whole team", "120", "81.67"]
    assert greeted[1] == [
        "Greeted?",
        "criterion",
        "'=Calls",
        "Agent",
        "20",
        "40",
        "21.88",
        "61.34",
        "90",
        "50",
        "",
    ]
    book = load_workbook(BytesIO(taken(client, f"{API}/file/?report=focus&form=xlsx")), read_only=True)
    assert book.sheetnames == ["Suggested focus", "About"]
    first = [cell.value for cell in next(book.worksheets[0].iter_rows(min_row=2, max_row=2))]
    assert first[:5] == ["Agent", "Greeted?", 50, 0.75, 37.5] and "Too few in the 30 days before" in first[7]
    assert set(
        AuditEvent.objects.filter(action="report.export").values_list("changes__report", flat=True)
    ) == {"coaching-skills", "coaching-focus"}
    assert client.get("/coaching/skills/other.csv").status_code == 404
    assert client.get(f"{API}/file/?report=focus&form=pdf").status_code == 400


def test_the_api_tells_the_same(company, made):
    client, agent = company.client("analyst"), str(company.people["agent"].pk)
    with query_budget("api-coaching-skill-gaps"):
        found = client.get(f"{API}/skill-gaps/?team={company.team.pk}").json()
    greets = found["rows"][0]
    assert (greets["skill"]["ref"], greets["top"]["mean"], len(found["agents"])) == (made.ref, 90.0, 6)
    cell = next(one for one in greets["cells"] if one["agent"] == agent)
    assert (cell["n"], cell["mean"], cell["gap"], cell["sure"], cell["few"]) == (20, 40.0, 50.0, True, False)
    with query_budget("api-coaching-focus"):
        told = client.get(f"{API}/focus/?team={company.team.pk}").json()
    assert told["agents"][0]["agent"]["id"] == agent
    assert [one["gap"] for one in told["agents"][0]["items"]] == [50.0]
    assert "Nothing lies below" in told["agents"][1]["why_none"]
    assert {one["ref"] for one in client.get(f"{API}/skills/").json()} >= {made.ref, made.offer}
    # To herself her colleagues are not told of one by one, nor two by two.
    own = company.client("agent").get(f"{API}/focus/?agent={made.agents[1].pk}")
    assert own.status_code == 400
    (own,) = company.client("agent").get(f"{API}/focus/").json()["agents"]
    (item,) = own["items"]
    assert (item["figure"]["mean"], item["gap"], item["top"], item["worth"]) == (40.0, None, None, None)


def test_an_effect_is_told_by_page_and_api(company, made):
    today = timezone.localdate()
    before = today - timezone.timedelta(days=40)
    for row in made.agents:
        judged(made.rows[0].revision, row, before, {made.greeted: worth(4, 20)})
    client, agent = company.client("supervisor"), company.people["agent"].pk
    query = f"agent={agent}&skill={made.ref}"
    with query_budget("coaching-effect"):
        shown = page(client, f"/coaching/skills/effect/?{query}")
    assert "From 20.0 (of 20) to 40.0 (of 20): +20.0 points" in shown and "5 others of the team" in shown
    with query_budget("api-coaching-effects"):
        told = client.get(f"{API}/effects/?{query}").json()
    assert (told["before"]["mean"], told["change"]["value"], told["others"]["n"]) == (20.0, 20.0, 5)
    assert (told["others"]["change"]["value"], told["others"]["beyond"]["value"], told["verdict"]) == (
        70.0,
        -50.0,
        "worse",
    )
    assert told["words"] in unescape(shown)
    assert "Choose an agent and a skill." in page(client, "/coaching/skills/effect/")
    for wrong in (
        "agent=x",
        f"{query}&turn=soon",
        f"{query}&turn=2020-01-02&since=2020-02-02",
        "skill=criterion:1:2",
    ):
        assert client.get(f"{API}/effects/?{wrong}").status_code == 400
    assert (
        company.client("other_supervisor").get(f"{API}/effects/?{query}").json()["error"]["fields"]["agent"]
    )


def test_an_agent_s_own_page(company, made):
    client = company.client("agent")
    page(client, "/coaching/me/")
    with query_budget("coaching-me"):
        shown = page(client, "/coaching/me/")
    assert (
        shown.index("My wins") < shown.index("My focus") < shown.index("My scores") < shown.index("My skills")
    )
    assert "done 2 of 4 times" in shown and "Mean 48.8 of 20." in shown and "Colleague" not in shown
    # Six are known: the team's mean, and not its best two.
    skills = shown.partition('id="skills-title"')[2]
    assert re.search(r'Greeted\?.*?class="num">82</td><td class="num">–</td>', skills, re.DOTALL)
    with query_budget("api-coaching-me"):
        told = client.get(f"{API}/me/").json()
    assert (told["n"], told["mean"], told["wins"]["behaviours"][0]["done"]) == (20, 48.75, 2)
    Evaluation.objects.update(released_at=None)
    told = client.get(f"{API}/me/?days=30").json()
    assert (told["n"], told["scores"], [one["skill"]["ref"] for one in told["skills"]]) == (
        0,
        [],
        [made.offer],
    )
    assert client.get(f"{API}/me/?days=x").status_code == 400
    own = page(client, f"/quality/agents/{company.people['agent'].pk}/")
    assert 'href="/coaching/me/"' in own
    assert company.client("admin").get("/coaching/me/")["Location"] == "/coaching/skills/"
