"""Experiments in admin and by the API: put together, started, looked at, stopped, by whoever configures the company."""

from __future__ import annotations

import json
import re

import pytest

from coaching.models import Experiment, ExperimentArm
from conversations.models import Disposition
from tests.budgets import query_budget
from tests.coaching.conftest import experiment

LIST = "/admin/coaching/experiment/"


def page(row):
    return f"{LIST}{row.pk}/result/"


def sent(policy, **more):
    return {
        "name": "Do hints help?", "policy": str(policy.policy.pk), "unit": "conversation", "holdout_percent": "50",
        "primary": "handle_time", "worth": "5", "only_touched": "on", "csat_field": "csat",
        "conversion_field": "", "dispositions_better": "more", **more,
    }  # fmt: skip


def test_from_the_policys_page_to_a_verdict(world, policy, past):
    client = world.northwind.client("admin")
    change = f"/admin/coaching/policy/{policy.policy.pk}/change/"
    add = f"{LIST}add/?policy={policy.policy.pk}"
    assert f'href="{add}">Try whether it helps' in client.get(change).content.decode()
    form = client.get(add).content.decode()
    assert re.search(rf'<option value="{policy.policy.pk}" selected', form)
    answer = client.post(f"{LIST}add/", sent(policy))
    row = Experiment.objects.get()
    assert answer["Location"] == page(row), re.findall(r"errorlist.*", answer.content.decode())
    assert "Not started yet." in client.get(page(row)).content.decode()
    client.post(page(row), {"do": "start"})
    assert f'href="{page(row)}">Running: Do hints help?' in client.get(change).content.decode()
    row.refresh_from_db()
    assert (row.state, row.started_by.email) == ("running", world.northwind.people["admin"].email)
    past(row, "shown", 300, seconds=240)
    past(row, "held", 300, seconds=300)
    client.get(page(row))
    with query_budget("experiment page"):
        shown = client.get(page(row)).content.decode()
    assert "“Test” shortens a typical call by" in shown
    assert "Sure enough to act on." in shown
    assert len(re.findall(r"<svg class=\"ex-bar", shown)) >= 3
    # What runs has no form any more, whoever asks for it.
    assert client.get(f"{LIST}{row.pk}/change/")["Location"] == page(row)
    assert client.post(f"{LIST}{row.pk}/change/", sent(policy, holdout_percent="10"))["Location"] == page(row)
    assert client.post(f"{LIST}{row.pk}/delete/", {"post": "yes"}).status_code == 403
    client.post(page(row), {"do": "stop"})
    row.refresh_from_db()
    assert (row.state, row.holdout_percent) == ("stopped", 50)
    assert "does not run" in client.post(page(row), {"do": "stop"}, follow=True).content.decode()
    assert client.post(page(row), {"do": "burn"}).status_code == 404
    assert "Do hints help?" in client.get(f"{LIST}?policy__id__exact={policy.policy.pk}").content.decode()


def test_a_draft_is_changed_refused_in_words_and_thrown_away(world, policy):
    Disposition.objects.create(key="sold", name="Sold")
    client = world.northwind.client("admin")
    row = experiment(policy, start=False)
    change = f"{LIST}{row.pk}/change/"
    refused = client.post(change, sent(policy, primary="conversion")).content.decode()
    assert "It decides, so say what it is." in refused
    answer = client.post(change, sent(policy, primary="conversion", conversion_dispositions=["sold"]))
    assert answer["Location"] == page(row)
    row.refresh_from_db()
    assert (row.primary, row.conversion_dispositions, row.name) == ("conversion", ["sold"], "Do hints help?")
    assert client.post(f"{LIST}{row.pk}/delete/", {"post": "yes"}).status_code == 302
    assert not Experiment.objects.exists()


@pytest.mark.parametrize("persona", ["nobody", "agent", "supervisor", "analyst"])
def test_only_who_configures_sees_and_starts_one(world, policy, persona):
    row = experiment(policy, start=False)
    client = world.northwind.client(None if persona == "nobody" else persona)
    denied = 302 if persona == "nobody" else 403
    for answer in (
        client.get(LIST),
        client.get(page(row)),
        client.post(page(row), {"do": "start"}),
        client.post(f"{LIST}add/", sent(policy)),
    ):
        assert answer.status_code == denied
    row.refresh_from_db()
    assert row.state == "draft"
    assert world.acme.client("admin").get(page(row)).status_code == 404


def test_the_api_does_what_the_page_does(world, policy, past):
    client = world.northwind.client("admin")
    base = "/api/v1/experiments/"

    def ask(method, path="", data=None, code=200):
        answer = getattr(client, method)(
            base + path, data=json.dumps(data or {}), content_type="application/json"
        )
        assert answer.status_code == code, answer.content
        return answer.json() if answer.content else None

    made = ask(
        "post", data={"name": "Try", "policy": str(policy.policy.pk), "unit": "conversation"}, code=201
    )
    one = f"{made['id']}/"
    assert (made["state"], made["holdout_percent"], made["started_at"]) == ("draft", 20, None)
    assert ask("patch", one, {"holdout_percent": 50})["holdout_percent"] == 50
    refused = ask("patch", one, {"primary": "conversion"}, code=400)
    assert "say what it is" in json.dumps(refused)
    assert ask("post", one + "start/")["state"] == "running"
    ask("patch", one, {"holdout_percent": 10}, code=409)
    ask("delete", one, code=409)
    row = Experiment.objects.get()
    past(row, "shown", 200, seconds=240)
    past(row, "held", 200, seconds=300)
    answer = client.get(base + one + "result/").json()
    assert answer["standing"] == "better"
    assert answer["verdict"].startswith("“Test” shortens a typical call by")
    assert (answer["drawn"], answer["revisions"]) == ({"shown": 200, "held": 200}, [1])
    time, csat = answer["outcomes"]
    assert (time["outcome"], time["primary"], time["unit"]) == ("handle_time", True, "s")
    assert time["difference"]["high"] < 0
    assert (csat["held"], csat["missing"]) == (None, {"shown": 200, "held": 200})
    assert ask("post", one + "stop/")["state"] == "stopped"
    client.get(base)
    with query_budget("api-experiments"):
        listed = client.get(base + f"?state=stopped&policy={policy.policy.pk}").json()
    assert [item["id"] for item in listed["results"]] == [made["id"]]
    assert ExperimentArm.objects.count() == 400
