"""Pages and API of calibrations: what they show to whom, and with how many queries, whatever is in them."""

from __future__ import annotations

import csv
import json
from io import StringIO

import pytest

from qa.calibrating import calibration_close, calibration_create, calibration_open, reference_agree
from qa.models import CalibrationSession
from qa.scoring import conversation_score
from tests.budgets import query_budget
from tests.qa.conftest import OFFER
from tests.qa.test_calibrating import key_of, score


@pytest.fixture
def calls(company, card, revision, ended):
    rows = [ended(("agent", OFFER, 9_000)), ended(("agent", "no", 9_000))]
    for row in rows:
        conversation_score(conversation_id=row.pk)
    return rows


@pytest.fixture
def sessions(company, card, calls):
    """Three, each of one call and one of two, in discussion."""
    people, made = company.people, []
    for number in range(3):
        row = calibration_create(
            name=f"Week {number} <b>",
            template=card,
            calls=[(calls[number % 2], None)],
            participants=[people["supervisor"], people["admin"]],
            leader=people["analyst"],
            actor=people["analyst"],
        )
        calibration_open(session=row, actor=people["analyst"])
        score(row, people["supervisor"])
        score(row, people["admin"], offer="no")
        row.refresh_from_db()
        made.append(row)
    return made


def page(client, path):
    answer = client.get(path)
    assert answer.status_code == 200
    return answer.content.decode()


def post(client, path, **data):
    return client.post(path, json.dumps(data), content_type="application/json")


def closed(row, people):
    (call,) = row.calls.all()
    reference_agree(
        session=row,
        call=call,
        key=key_of(row, "Offer?"),
        value="yes",
        reason="It is there.",
        actor=people["analyst"],
    )
    calibration_close(session=row, actor=people["analyst"])


def test_pages_take_the_same_queries_whatever_is_in_them(company, sessions):
    analyst = company.client("analyst")
    with query_budget("calibrations"):
        shown = page(analyst, "/quality/calibrations/")
    assert shown.count("&lt;b&gt;") == 3
    with query_budget("calibration"):
        shown = page(analyst, f"/quality/calibrations/{sessions[0].pk}/")
    assert "Heard it." in shown and "offer you" in shown and "to agree on" in shown
    for row in sessions:
        closed(row, company.people)
    with query_budget("calibration-results"):
        shown = page(analyst, "/quality/calibrations/results/")
    assert shown.count("Week ") == 3 and 'data-chart="trend"' in shown
    file = analyst.get("/quality/calibrations/results.csv")
    rows = list(csv.reader(StringIO(b"".join(file.streaming_content).decode("utf-8-sig"))))
    assert [row[0] for row in rows[1:]] == [row.name for row in sessions] and rows[1][7] == "2"
    assert analyst.get("/quality/calibrations/results.pdf").status_code == 404
    told = analyst.get(
        f"/api/v1/calibrations/results/file/?scorecard={sessions[0].revision.template_id}&form=csv"
    )
    assert list(csv.reader(StringIO(b"".join(told.streaming_content).decode("utf-8-sig")))) == rows
    refused = analyst.get("/api/v1/calibrations/results/file/?form=pdf")
    assert refused.status_code == 400 and {"scorecard", "form"} <= set(refused.json()["error"]["fields"])
    # Two of the three judged the same call: the automatic judge was in all of them.
    results = analyst.get(
        f"/api/v1/calibrations/results/?scorecard={sessions[0].revision.template_id}"
    ).json()
    assert [one["automatic"]["n"] for one in results["trend"]] == [2, 2, 2]
    with query_budget("agreement"):
        shown = page(analyst, "/quality/agreement/")
    assert "too few" in shown
    # Taking part is no leading: no buttons, and no other's calibrations.
    shown = page(company.client("supervisor"), f"/quality/calibrations/{sessions[0].pk}/")
    assert "/do/" not in shown and "Heard it." in shown
    assert (
        company.client("other_supervisor").get(f"/quality/calibrations/{sessions[0].pk}/").status_code == 404
    )


def test_planning_by_page_says_what_is_wrong_and_opens(company, card, calls):
    client, people = company.client("analyst"), company.people
    assert "no id" in page(client, "/quality/calibrations/new/?conversation=nonsense")
    path = f"/quality/calibrations/new/?conversation=https://x/conversations/{calls[0].pk}/"
    shown = page(client, path)
    assert "Supervisor" in shown and "Other Supervisor" not in shown
    form = {
        "conversation": calls[0].pk,
        "chosen": f"{card.pk} {people['agent'].pk}",
        "name": "Hard calls",
        "others": f"https://x/conversations/{calls[1].pk}/",
        "participants": [people["supervisor"].pk, people["agent"].pk],
        "leader": people["analyst"].pk,
        "due": "2026-12-24",
        "do": "open",
    }
    assert "their own" in page_after(client, form)
    assert not CalibrationSession.objects.exists()
    form["participants"] = [people["supervisor"].pk, people["admin"].pk]
    led = client.post("/quality/calibrations/new/", form)
    row = CalibrationSession.objects.get()
    assert led["Location"] == f"/quality/calibrations/{row.pk}/"
    assert (row.state, row.calls.count(), row.due_at.date().isoformat()) == ("open", 2, "2026-12-24")
    # It stands on the raters' own lists, where nobody takes it off.
    shown = page(company.client("supervisor"), "/quality/")
    assert shown.count("Hard calls") >= 2 and "Take off the list" not in shown


def page_after(client, form):
    answer = client.post("/quality/calibrations/new/", form)
    assert answer.status_code == 200
    return answer.content.decode()


def test_the_api_does_what_pages_do(company, card, calls):
    analyst, people = company.client("analyst"), company.people
    given = {
        "name": "By program",
        "scorecard": str(card.pk),
        "calls": [{"conversation": str(calls[0].pk)}],
        "participants": [str(people["supervisor"].pk)],
    }
    row = post(analyst, "/api/v1/calibrations/", **given)
    assert row.status_code == 201 and row.json()["state"] == "planned"
    path = f"/api/v1/calibrations/{row.json()['id']}/"
    assert post(analyst, f"{path}open/").status_code == 409
    now = post(analyst, f"{path}participants/", add=[str(people["admin"].pk)]).json()
    assert [one["name"] for one in now["participants"]] == ["Admin", "Supervisor"]
    assert post(analyst, f"{path}open/").json()["state"] == "open"
    for persona, offer in (("supervisor", "yes"), ("admin", "no")):
        client = company.client(persona)
        with_ = client.get(path).json()
        assert with_["figures"] is None
        begun = post(client, "/api/v1/scores/", assignment=with_["calls"][0]["assignment"]).json()
        own = f"/api/v1/scores/{begun['id']}/"
        assert {one["automatic"] for one in begun["answers"]} == {""}
        for one in begun["answers"]:
            value = {"Offer?": offer, "At most one hold?": "yes", "Cause found?": "partly"}.get(
                one["question"]
            )
            if value:
                assert post(client, f"{own}answer/", key=one["key"], value=value).status_code == 200
        assert post(client, f"{own}submit/").json()["state"] == "submitted"
    with query_budget("api-calibration"):
        shown = analyst.get(path).json()
    assert (shown["state"], shown["missing"]) == ("discussion", ["Offer?"])
    call, first = shown["calls"][0], shown["calls"][0]["criteria"][0]
    assert [one["automatic"] for one in call["raters"]] == [False, False, True]
    assert post(analyst, f"{path}close/").status_code == 409
    agreed = post(
        analyst, f"{path}reference/", call=call["id"], criterion=first["key"], value="yes", reason="Heard."
    ).json()
    assert agreed["calls"][0]["criteria"][0]["answers"][0]["points_off"] == 100
    assert post(analyst, f"{path}close/").json()["state"] == "closed"
    with query_budget("api-calibrations"):
        assert len(analyst.get("/api/v1/calibrations/").json()["results"]) == 1
    with query_budget("api-calibration-results"):
        found = analyst.get(f"/api/v1/calibrations/results/?scorecard={card.pk}").json()
    offer = next(one for one in found["criteria"] if one["question"] == "Offer?")
    assert (offer["people"]["n"], offer["people"]["percent"], offer["people"]["few"]) == (2, 50, True)
    decided = post(
        analyst,
        f"/api/v1/scorecards/{card.pk}/decide/",
        criterion=first["key"],
        decision="automatic",
        reason="Two calls.",
    )
    assert decided.json()["decision"] == "automatic"
    rows = analyst.get(f"/api/v1/scorecards/{card.pk}/agreement/").json()["criteria"]
    told = next(one for one in rows if one["key"] == first["key"])
    assert (told["calibration"]["n"], told["warned"], told["decision"]["reason"]) == (1, False, "Two calls.")
