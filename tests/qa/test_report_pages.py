"""Reports as pages, by the API and as files: the same numbers, the same doors, a fixed number of queries."""

from __future__ import annotations

import csv
import re
from datetime import datetime
from io import BytesIO, StringIO

import pytest
from django.utils import timezone
from openpyxl import load_workbook

from accounts.models import AuditEvent
from qa.models import Answer, Evaluation
from qa.reporting import listed, tables
from tests.budgets import query_budget
from tests.qa.scored import MARCH, scored

VIEWS = ("overview", "people", "criteria", "map", "evaluators", "agreement")
API = "/api/v1/quality-reports"


@pytest.fixture
def made(company, make_conversation):
    return scored(company, make_conversation)


def page(client, path):
    answer = client.get(path)
    assert answer.status_code == 200, path
    return answer.content.decode()


def taken(client, path):
    answer = client.get(path)
    assert answer.status_code == 200, path
    return b"".join(answer.streaming_content)


def shown(cell):
    """A cell of a workbook as CSV has it."""
    if not isinstance(cell, datetime):
        return str(cell)
    return cell.isoformat(" ", "minutes").removesuffix(" 00:00")


def rows_of(data):
    return list(csv.reader(StringIO(data.decode("utf-8-sig"))))


@pytest.mark.parametrize("view", VIEWS)
def test_each_part_takes_the_same_queries_whatever_is_in_it(company, made, make_conversation, view):
    client = company.client("analyst")
    page(client, f"/quality/reports/?view={view}&{MARCH}")
    with query_budget(f"quality-reports-{view}"):
        shown = page(client, f"/quality/reports/?view={view}&{MARCH}")
    assert "1 Mar 2026" in shown and "31 Mar 2026" in shown
    # Whatever somebody writes into the address, the page shows, and says what it left out.
    shown = page(client, "/quality/reports/?view=other&team=x&since=soon&until=&bar=999")
    assert shown.count('class="note"') == 3


def test_an_empty_period_says_so(company, revision):
    client = company.client("analyst")
    for view in VIEWS[:4]:
        assert "No scores in this period." in page(client, f"/quality/reports/?view={view}")
    assert "Nobody submitted" in page(client, "/quality/reports/?view=evaluators")


def test_figures_lead_to_what_is_behind_them(company, made):
    """From the teams to a team's agents, to a cell, to the evaluation, to the sentence."""
    row = made.scores["poor"]
    said = row.conversation.utterances.get(sequence=2)
    place = {"utterance": str(said.pk), "start": 3, "end": 7, "at_ms": 5_500}
    answer = Answer.objects.get(evaluation=row, criterion_key=made.solved)
    answer.evidence = [place]
    answer.save()
    client = company.client("analyst")
    teams = page(client, f"/quality/reports/?view=map&{MARCH}")
    (team,) = re.findall(rf'href="(/quality/reports/\?[^"]*team={company.team.pk})"', teams)
    agents = page(client, team.replace("&amp;", "&"))
    agent = company.people["agent"].pk
    (cell,) = re.findall(
        rf'href="(/quality/reports/evaluations/\?[^"]*criterion={made.solved}[^"]*agent={agent})"', agents
    )
    with query_budget("quality-report-evaluations"):
        behind = page(client, cell.replace("&amp;", "&"))
    assert "n = 3" in behind and "<mark>bill</mark>" in behind
    link = next(one for one in re.findall(r'href="(/conversations/[^"]+)"', behind) if str(answer.pk) in one)
    assert "t=5500" in link
    shown = page(client, link.replace("&amp;", "&").split("#")[0])
    assert re.search(rf'id="answer-{answer.pk}" open', shown)


def test_the_list_goes_on(company, made, monkeypatch):
    monkeypatch.setattr("qa.report_views.PAGE", 2)
    monkeypatch.setattr(listed, "CHUNK", 2)
    client = company.client("analyst")
    found, address = [], f"/quality/reports/evaluations/?{MARCH}"
    while address:
        shown = page(client, address)
        assert "n = 5" in shown
        found += re.findall(r"#score-([0-9a-f-]{36})", shown)
        more = re.search(r'href="(\?[^"]*after=[^"]+)"', shown)
        address = f"/quality/reports/evaluations/{more[1].replace('&amp;', '&')}" if more else ""
    assert len(found) == len(set(found)) == 5
    # So does the file, which is read in pieces.
    rows = rows_of(taken(client, f"/quality/reports/evaluations.csv?{MARCH}"))
    assert [row[0] for row in rows[1:]] == found


def test_supervisors_see_their_teams_and_agents_themselves(company, made):
    people = company.people
    shown = page(company.client("other_supervisor"), f"/quality/reports/?view=people&{MARCH}")
    assert f"/quality/agents/{people['outsider'].pk}/" in shown and str(people["agent"].pk) not in shown
    assert "There is no such team of yours." in page(
        company.client("other_supervisor"), f"/quality/reports/?team={company.team.pk}&{MARCH}"
    )
    address = f"/quality/agents/{people['agent'].pk}/?{MARCH}"
    assert company.client("other_supervisor").get(address).status_code == 404
    assert company.client("teammate").get(address).status_code == 404
    client = company.client("supervisor")
    with query_budget("quality-agent"):
        text = page(client, address)
    assert "66.7" in text and "+16.7" in text
    # Nothing is released yet.
    own = company.client("agent")
    assert "A score counts here once it is shown to you." in page(own, address)
    Evaluation.objects.filter(pk=made.scores["poor"].pk).update(released_at=timezone.now())
    shown = page(own, address)
    assert "25.0" in shown and "66.7" not in shown and "Within the team" not in shown
    behind = page(own, f"/quality/reports/evaluations/?{MARCH}&agent={people['agent'].pk}")
    assert "n = 1" in behind and "CSV" not in behind
    assert own.get(f"{API}/agents/{people['agent'].pk}/?{MARCH}").json()["figures"]["mean"] == 25.0
    assert company.client("teammate").get(f"{API}/evaluations/?{MARCH}").json()["results"] == []


def test_the_api_tells_the_same(company, made):
    client = company.client("analyst")

    def told(path, **given):
        extra = "".join(f"&{name}={value}" for name, value in given.items())
        answer = client.get(f"{API}/{path}/?{MARCH}{extra}")
        assert answer.status_code == 200, answer.content
        found = answer.json()
        if path != "evaluations":
            assert (found["since"], found["until"]) == ("2026-03-01", "2026-03-31")
        return found

    whole = told("summary", bar=76)["figures"]
    assert (whole["n"], whole["mean"], whole["median"], whole["under"], whole["few"]) == (5, 60, 75, 3, True)
    assert [one["n"] for one in told("distribution")["bins"]] == [1, 0, 1, 0, 0, 0, 0, 1, 0, 2]
    assert [one["figures"]["n"] for one in told("trend", step="week")["points"]] == [0, 2, 3, 0, 0, 0]
    first = told("groups", by="agent")["groups"][0]
    assert (first["name"], first["team"], first["against_team"]) == ("Agent", "Billing", 16.67)
    assert told("groups", by="team")["groups"][1]["figures"]["mean"] == 100
    assert [one["share"] for one in told("criteria")["criteria"]] == [0.6667, 0.3333]
    heat = told("heat-map")
    assert heat["rows"][1]["cells"] == [{"n": 4, "mean": 50.0, "few": True}, None]
    assert told("evaluators")["evaluators"][0]["median_seconds"] == 300
    assert told("agreement")["scorecards"][0]["criteria"][0]["question"] == "Greeted by name?"
    assert told(f"agents/{company.people['agent'].pk}")["change"] == -8.33
    behind = told("evaluations", criterion=made.solved, lost="true")["results"]
    assert [one["answer"]["label"] for one in behind] == ["No", "No"]
    wrong = client.get(f"{API}/summary/?team={company.team.pk}&since=x&bar=0")
    assert wrong.status_code == 400 and set(wrong.json()["error"]["fields"]) == {"since", "bar"}
    assert client.get(f"{API}/groups/?by=moon").status_code == 400


@pytest.mark.parametrize("name", tables.REPORTS)
def test_files_open_again_and_hold_the_same(company, made, name):
    client = company.client("analyst")
    rows = rows_of(taken(client, f"/quality/reports/{name}.csv?{MARCH}"))
    assert len(rows) > 1 and len({len(row) for row in rows}) == 1
    answer = client.get(f"{API}/file/?report={name}&form=xlsx&{MARCH}")
    assert (
        answer["Content-Disposition"] == f'attachment; filename="quality-{name}-2026-03-01-2026-03-31.xlsx"'
    )
    book = load_workbook(BytesIO(b"".join(answer.streaming_content)))
    sheet, about = book.worksheets
    cells = [["" if one is None else one for one in row] for row in sheet.iter_rows(values_only=True)]
    assert len(cells) == len(rows) and [str(one) for one in cells[0]] == rows[0]
    assert [[shown(one) for one in row] for row in cells[1:]] == rows[1:]
    said = {row[0]: row[1] for row in about.iter_rows(values_only=True)}
    assert (said["From"].date().isoformat(), said["To"].date().isoformat()) == ("2026-03-01", "2026-03-31")


def test_files_hold_the_numbers_and_no_formula(company, made):
    agent = company.people["agent"]
    agent.name = "=HYPERLINK(1)"
    agent.save()
    client = company.client("analyst")
    rows = rows_of(taken(client, f"/quality/reports/agents.csv?{MARCH}"))
    (row,) = [one for one in rows if "HYPERLINK" in one[0]]
    assert row[:5] == ["'=HYPERLINK(1)", "Billing", "3", "66.67", "75"]
    book = load_workbook(BytesIO(taken(client, f"/quality/reports/agents.xlsx?{MARCH}")))
    (cell,) = [row[0] for row in book.worksheets[0].iter_rows() if "HYPERLINK" in str(row[0].value)]
    assert (cell.value, cell.data_type) == ("=HYPERLINK(1)", "s")
    chosen = rows_of(
        taken(client, f"/quality/reports/evaluations.csv?{MARCH}&criterion={made.solved}&lost=1")
    )
    assert [row[-2:] for row in chosen[1:]] == [["no", "0"], ["no", "0"]]


def test_taking_a_file_is_noted(company, made):
    taken(company.client("supervisor"), f"/quality/reports/criteria.csv?{MARCH}&team={company.team.pk}")
    event = AuditEvent.objects.get(action="report.export")
    assert event.actor == company.people["supervisor"]
    assert event.changes["report"] == "criteria" and event.changes["rows"] == 2
    assert event.changes["team"] == str(company.team.pk) and event.changes["form"] == "csv"


def test_what_is_too_much_for_a_workbook_is_said(company, made, monkeypatch):
    monkeypatch.setattr(tables, "XLSX_ROWS_MAX", 4)
    client = company.client("analyst")
    answer = client.get(f"/quality/reports/evaluations.xlsx?{MARCH}", follow=True)
    assert "too many for a workbook" in answer.content.decode()
    assert client.get(f"{API}/file/?report=evaluations&form=xlsx&{MARCH}").status_code == 400
    assert not AuditEvent.objects.filter(action="report.export").exists()
    assert len(rows_of(taken(client, f"/quality/reports/evaluations.csv?{MARCH}"))) == 6


def test_files_are_of_reports_that_there_are(company, made):
    client = company.client("supervisor")
    assert client.get("/quality/reports/other.csv").status_code == 404
    assert client.get("/quality/reports/agents.pdf").status_code == 404
    # How far raters agree is for who manages quality.
    assert client.get("/quality/reports/agreement.csv").status_code == 404
    assert client.get(f"{API}/file/?report=agreement&form=csv").status_code == 400
    assert "view=agreement" not in page(client, "/quality/reports/")
    assert company.client("analyst").get("/quality/reports/agreement.csv").status_code == 200


def test_the_other_company_has_nothing_of_it(world, company, made):
    with world.acme.scope():
        client = world.acme.client("admin")
    assert "No scores in this period." in page(client, f"/quality/reports/?{MARCH}")
    assert client.get(f"/quality/agents/{company.people['agent'].pk}/").status_code == 404
    assert client.get(f"{API}/summary/?{MARCH}").json()["figures"]["n"] == 0
    assert client.get(f"{API}/summary/?team={company.team.pk}").status_code == 400


def test_markup_in_names_is_text(company, made):
    agent, team = company.people["agent"], company.team
    agent.name, team.name = "<b>Ann</b>", "<i>One</i>"
    agent.save()
    team.save()
    client = company.client("analyst")
    for address in (*(f"?view={view}&{MARCH}" for view in VIEWS), f"?view=map&team={team.pk}&{MARCH}"):
        shown = page(client, f"/quality/reports/{address}")
        assert "<b>Ann" not in shown and "<i>One" not in shown
    assert "<b>Ann" not in page(client, f"/quality/agents/{agent.pk}/?{MARCH}")
    assert "<i>One" not in page(client, f"/quality/reports/evaluations/?{MARCH}")
