"""The demo: its companies are made by the real way and only once, its button plays, and its proof holds."""

from __future__ import annotations

import json
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db.models import F
from django.utils import timezone

from accounts.errors import Conflict
from accounts.models import ApiKey, Queue, TelephonyIdentity, User
from accounts.services import api_key_find, identity_attach
from analytics.models import ConversationFact
from coaching.drawing import arm_of
from coaching.experiment_report import Standing, experiment_result
from coaching.models import Alert, Experiment, ExperimentArm, Guidance
from coaching.scopes import Audience
from conversations.live.wire import CallStart
from conversations.models import Conversation, OutboxJob, Redaction, Summary, Utterance
from cresta_app.live import stages
from demo import playback
from demo.calibration import calibration_make
from demo.coaching import coaching_make
from demo.content import content_install
from demo.history import history_make
from demo.people import COMPANIES, NORTHWIND, sign_ins
from demo.playback import play_request, start_message
from demo.provision import ingest_key, is_demo
from demo.scripts import sample_calls
from demo.trial import trial_make
from qa.calibration_room import calibration_shown
from qa.models import Evaluation
from tenants.models import Tenant
from tests.conftest import World

# --- The companies --------------------------------------------------------------------------------------


def test_every_sign_in_is_printed_and_nobody_shares_one() -> None:
    for company in COMPANIES:
        people = [company.admin, company.analyst, *(team.supervisor for team in company.teams)]
        people += [agent for team in company.teams for agent in team.agents]
        assert len({company.email(name) for name in people}) == len(people)
    printed = "\n".join(sign_ins(port=8123, domain="localhost"))
    for company in COMPANIES:
        for name in (company.agent, company.supervisor, company.analyst, company.admin):
            assert company.email(name) in printed
        assert f"http://{company.schema}.localhost:8123/desk/" in printed


@pytest.fixture
def past(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """Northwind of the test world with a dozen past conversations."""
    people = [world.northwind.people[name] for name in ("agent", "teammate")]
    with world.northwind.scope():
        for key in ("internet-support", "moves", "retention"):
            queue, _created = Queue.objects.get_or_create(key=key, defaults={"name": key})
            queue.teams.add(world.northwind.team)
        content_install(team=world.northwind.team)
        User.objects.filter(role="agent").exclude(pk__in=[user.pk for user in people]).update(is_active=False)
        assert history_make(company=NORTHWIND, stages=stages(), count=12) == 12
    return world


def test_past_conversations(past: World) -> None:
    """Made once for all that is looked at: a dozen take four seconds of a processor."""
    with past.northwind.scope():
        assert_they_went_the_whole_way()
        assert_they_are_dated_to_their_day()
        assert_they_hold_no_number_that_was_said()
        assert_two_do_not_quite_agree(past.northwind.people)
        assert_somebody_is_coached(past.northwind.people)
        before = set(Conversation.objects.values_list("pk", flat=True))
        assert history_make(company=NORTHWIND, stages=stages(), count=12) == 0
        assert set(Conversation.objects.values_list("pk", flat=True)) == before


def assert_they_went_the_whole_way() -> None:
    calls = Conversation.objects.all()
    assert calls.count() == 12
    assert set(calls.values_list("state", flat=True)) == {"completed"}
    assert Summary.objects.filter(lines__isnull=False).distinct().count() == 12
    assert Evaluation.objects.filter(total__isnull=False).count() == 12
    assert len(set(Evaluation.objects.values_list("total", flat=True))) > 3
    assert ConversationFact.objects.filter(handle_seconds__gt=30).count() == 12
    assert not OutboxJob.objects.filter(done_at__isnull=True).exists()
    assert Guidance.objects.filter(kind="hint").exists()


def assert_they_are_dated_to_their_day() -> None:
    now = timezone.now()
    calls = Conversation.objects.all()
    recent = calls.filter(ended_at__lt=now - timedelta(hours=1), started_at__gt=now - timedelta(days=9))
    assert recent.count() == 12
    assert len(set(calls.values_list("announced_at__date", flat=True))) >= 6
    assert not calls.filter(closed_at__lt=F("ended_at")).exists()
    assert not calls.filter(closed_at__gt=F("ended_at") + timedelta(hours=1)).exists()
    for rows, field in (
        (Summary.objects.all(), "created_at"),
        (Evaluation.objects.all(), "created_at"),
        (Guidance.objects.all(), "decided_at"),
        (Alert.objects.all(), "raised_at"),
    ):
        assert not rows.filter(**{f"{field}__gt": now - timedelta(hours=1)}).exists()
    # Nobody spoke and nobody watched: no time from speech to screen is claimed.
    assert not Guidance.objects.filter(spoken_at__isnull=False).exists()


def assert_they_hold_no_number_that_was_said() -> None:
    texts = list(Utterance.objects.values_list("text", flat=True))
    assert Redaction.objects.filter(type="PHONE").exists()
    digits = ("zero one", "five five", "four one one", "eight eight", "five one zero")
    assert not [text for text in texts if any(words in text for words in digits)]
    assert not [text for text in texts for name in NORTHWIND.customers if name in text]


def assert_two_do_not_quite_agree(people: dict[str, User]) -> None:
    named = {getattr(NORTHWIND, name): people[name] for name in ("analyst", "supervisor", "admin")}
    counted = Evaluation.objects.filter(counts=True).count()
    row = calibration_make(company=NORTHWIND, people=named)
    assert row is not None and row.state == "discussion"
    shown = calibration_shown(row, people["analyst"])
    assert [one["different"] for one in shown["calls"][0]["criteria"]].count(1) == 1
    assert len(shown["missing"]) == 1
    assert Evaluation.objects.filter(counts=True).count() == counted
    assert calibration_make(company=NORTHWIND, people=named) is None


def assert_somebody_is_coached(people: dict[str, User]) -> None:
    named = {getattr(NORTHWIND, name): people[name] for name in ("agent", "supervisor")}
    plan = coaching_make(company=NORTHWIND, people=named)
    assert plan is not None and plan.state == "active" and plan.focuses.get().target == 85
    held, planned = plan.sessions.order_by("pk")
    assert held.state == "acknowledged" and held.items.exists() and held.next_steps.count() == 1
    assert planned.state == "planned" and planned.shared_at is None
    assert coaching_make(company=NORTHWIND, people=named) is None


def test_key_of_the_sample_call(world: World, settings: Any, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path
    with world.northwind.scope():
        secret = ingest_key("northwind")
        assert ingest_key("northwind") == secret
        key = api_key_find(secret=secret)
        assert key is not None and key.scopes == ["ingest"]
        assert (tmp_path / "demo-northwind.key").stat().st_mode & 0o777 == 0o600
        # The database was made anew beneath the file.
        ApiKey.objects.all().delete()
        other = ingest_key("northwind")
        assert other != secret and api_key_find(secret=other) is not None


def test_an_experiment_runs_with_calls_that_were_drawn_for_it(world: World) -> None:
    company = world.northwind
    admin = company.people["admin"]
    with company.scope():
        queue, _created = Queue.objects.get_or_create(key="moves", defaults={"name": "Moves"})
        queue.teams.add(company.team)
        content_install(team=company.team)
        assert trial_make(company=NORTHWIND, actor=admin, calls=200) == 200
        assert trial_make(company=NORTHWIND, actor=admin) == 0
        trial = Experiment.objects.get()
        result = experiment_result(trial)
        assert result.counted == result.drawn and sum(result.drawn.values()) == 200
        assert result.standing not in {Standing.WAITING, Standing.TOO_FEW}
        # As any other call would be: by the hash of the experiment and the call.
        for arm in ExperimentArm.objects.select_related("conversation")[:20]:
            audience = Audience(agent_id=arm.agent_id, key=str(arm.conversation_id))
            assert arm.arm == arm_of(trial.pk, trial.unit, trial.holdout_percent, audience)
        old = Conversation.objects.filter(started_at__lt=timezone.now() - timedelta(days=7))
        assert old.filter(words_erased_at__lt=timezone.now()).count() == 200
    page = company.client("admin").get(f"/admin/coaching/experiment/{trial.pk}/result/")
    assert page.status_code == 200


# --- The button -----------------------------------------------------------------------------------------


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What the worker was asked to play."""
    from demo.tasks import sample_call_play

    calls: list[dict[str, Any]] = []
    monkeypatch.setattr(sample_call_play, "apply_async", lambda **call: calls.append(call))
    return calls


@pytest.fixture
def agent(world: World) -> User:
    with world.northwind.scope():
        user: User = world.northwind.people["agent"]
        identity_attach(user=user, provider="native", agent_id="7001")
    Tenant.objects.filter(schema_name="northwind").update(plan="demo")
    return user


def test_button_has_the_call_played_to_who_asks(
    world: World, agent: User, asked: list[dict[str, Any]]
) -> None:
    client = world.northwind.client("agent")
    answer = client.post("/demo/play/", json.dumps({"key": "cancellation"}), content_type="application/json")
    assert answer.status_code == 200
    assert 0 < answer.json()["begins_in_ms"] < 3_000
    [call] = asked
    assert call["kwargs"]["agent_id"] == "7001"
    assert call["kwargs"]["call_id"] == answer.json()["call"]
    assert abs(call["kwargs"]["begins_at"] - time.time()) < 3
    assert call["expires"] < 60
    again = client.post("/demo/play/", json.dumps({"key": "cancellation"}), content_type="application/json")
    assert again.status_code == 409 and len(asked) == 1


def test_button_is_refused_in_words(
    world: World, agent: User, asked: list[dict[str, Any]], make_conversation: Any
) -> None:
    with world.northwind.scope():
        with pytest.raises(ValidationError, match="no such sample call"):
            play_request(user=agent, key="../people")
        call = make_conversation(agent=agent, state="live")
        with pytest.raises(Conflict, match="in a call already"):
            play_request(user=agent, key="billing")
        call.delete()
        TelephonyIdentity.objects.all().delete()
        with pytest.raises(ValidationError, match="no number"):
            play_request(user=agent, key="billing")
    assert not asked


def test_sound_is_served_in_a_demo_company_only(world: World, agent: User) -> None:
    assert is_demo("northwind") and not is_demo("acme")
    answer = world.northwind.client("agent").get("/demo/calls/cancellation/sound.flac")
    assert answer.status_code == 200 and answer.content[:4] == b"fLaC"
    assert world.northwind.client("agent").get("/demo/calls/nothing/sound.flac").status_code == 404
    assert world.acme.client("agent").get("/demo/calls/cancellation/sound.flac").status_code == 404


@pytest.mark.parametrize("key", ["cancellation", "billing"])
def test_sample_calls_say_what_a_telephony_would(key: str) -> None:
    call = sample_calls()[key]
    assert 100_000 < call.duration_ms < 200_000
    message = start_message(call, call_id="sample-1", agent_id="7001")
    start = CallStart.model_validate(message["call"])
    assert start.queue in {
        queue for company in COMPANIES for team in company.teams for queue, _name in team.queues
    }
    assert start.customer is not None and start.customer.name


def test_call_that_is_not_taken_is_no_crash(world: World, agent: User, settings: Any, tmp_path: Path) -> None:
    settings.DATA_DIR, settings.INGEST_URL = tmp_path, "ws://127.0.0.1:9"
    patience = playback.AudioClient
    with world.northwind.scope(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(playback, "AudioClient", lambda *args: patience(*args, patience_seconds=0.2))
        assert playback.play(key="billing", agent_id="7001", call_id="sample-2") is None
