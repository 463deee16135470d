"""Experiments: who does without, what they still get, what is compared, and what is said of it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from accounts.errors import Conflict
from accounts.ids import new_id
from accounts.models import AuditEvent
from coaching.drawing import arm_of, arms_drawn
from coaching.experiment_plan import experiment_outlook, outlook_words
from coaching.experiment_report import Standing, experiment_result
from coaching.experiment_words import rounded, verdict, warnings
from coaching.experiments import (
    experiment_change,
    experiment_start,
    experiment_stop,
)
from coaching.models import Alert, Experiment, ExperimentArm, Guidance
from coaching.scopes import Audience
from coaching.selectors import effective_revisions
from coaching.services import policy_draft_save, policy_publish, policy_retire
from conversations.models import Conversation, Disposition
from tests.budgets import query_budget
from tests.coaching.conftest import THREAT, experiment
from tests.understanding import call_begin, hint_action, policy_make, rule


def held_for_all(row):
    """Whoever is drawn does without."""
    Experiment.objects.filter(pk=row.pk).update(holdout_percent=100)
    return row


@pytest.fixture
def ring(world, make_conversation):
    """A call that begins now, with whoever is named."""

    def begin(agent="agent", lines=(("agent", "hello"),)):
        conversation = make_conversation(
            agent=world.northwind.people[agent] if agent else None,
            state="live",
            at=timezone.now(),
            lines=lines,
        )
        begun = call_begin("northwind", conversation, team_id=world.northwind.team.pk)
        begun.sequence = len(lines)
        return begun

    return begin


def shown(call):
    return [data["title"] for kind, data in call.shown if kind == "guidance"]


# --- Who does without -----------------------------------------------------------------------------------


def test_agents_are_drawn_once_for_all_their_calls_and_conversations_each_by_itself():
    mine, other = new_id(), new_id()
    agents = [new_id() for _ in range(400)]

    def arms(unit, experiment=mine, percent=30):
        return [
            arm_of(experiment, unit, percent, Audience(agent_id=one, key=str(new_id()))) for one in agents
        ]

    assert arms("agent") == arms("agent")
    assert 75 < arms("agent").count("held") < 165
    assert arms("agent") != arms("agent", experiment=other)
    assert arms("conversation") != arms("conversation")
    one = Audience(agent_id=agents[0], key="call")
    # Whoever takes the call over, it stays in its arm.
    assert {arm_of(mine, "conversation", 50, Audience(agent_id=each, key="call")) for each in agents} == {
        arm_of(mine, "conversation", 50, one)
    }
    assert arm_of(mine, "agent", 50, Audience(key="call")) is None


def test_what_decides_on_arms_comes_with_the_revisions(heard, policy, django_assert_num_queries):
    with django_assert_num_queries(1):
        assert arms_drawn(effective_revisions(audience=Audience(agent_id=new_id())), Audience()) == []
    row = experiment(policy, unit="conversation", holdout_percent=40)
    experiment(policy, start=False)
    with django_assert_num_queries(1):
        [arm] = arms_drawn(effective_revisions(audience=Audience(key="a")), Audience(key="a"))
    assert (arm.experiment_id, arm.revision_id) == (row.pk, policy.pk)
    experiment_stop(experiment=row, actor=None)
    [revision] = effective_revisions(audience=Audience(key="a"))
    assert arms_drawn([revision], Audience(key="a")) == []


def test_who_does_without_gets_lines_and_checklist_and_alerts_all_the_same(heard, ring):
    policy = policy_make(
        rule("threat", hint_action("Ask why"), id="stay"),
        rule("threat", {"do": "line", "title": "Read this", "say": "Calls are recorded."}, id="line"),
        rule("threat", hint_action("Must be seen"), id="must", optional=False),
        rule("recap", {"do": "check", "title": "Repeat"}, id="recap"),
        rule("threat", {"do": "alert", "title": "Threat", "severity": "bad"}, id="alert"),
    )
    row = held_for_all(experiment(policy))
    call = ring()
    call.say("customer", THREAT, 1_000)
    assert sorted(shown(call)) == ["Must be seen", "Read this", "Repeat"]
    kept = Guidance.objects.get(title="Ask why")
    assert (kept.state, kept.held, kept.outcome, kept.sent_at) == ("held", "trial", "held", None)
    assert Alert.objects.count() == 1
    arm = ExperimentArm.objects.get()
    assert (arm.arm, arm.agent_id, arm.revision, arm.experiment) == (
        "held",
        call.context.agent_id,
        policy,
        row,
    )
    assert arm.conversation_id == call.conversation.pk


def test_the_arm_stays_for_the_whole_call_and_is_written_once(heard, policy, ring):
    row = held_for_all(experiment(policy))
    call = ring()
    call.tick(500)
    experiment_stop(experiment=row, actor=None)
    call.take_over()
    call.say("customer", THREAT, 1_000)
    assert Guidance.objects.get(kind="hint").held == "trial"
    # Had its state been lost, it would begin again: what it was given first stands.
    ExperimentArm.objects.bulk_create([ExperimentArm(
        experiment=row, conversation=call.conversation, revision=policy, arm="shown"
    )])  # fmt: skip
    assert ExperimentArm.objects.get().arm == "held"
    # Calls that begin after it was stopped have the guidance.
    later = ring()
    later.say("customer", THREAT, 1_000)
    assert "Ask what would make them stay" in shown(later)
    assert ExperimentArm.objects.count() == 1


def test_what_is_kept_back_takes_nothing_elses_place(heard, policy, ring):
    other = policy_make(rule("threat", hint_action("Another hint"), id="other", priority=10), name="Other")
    held_for_all(experiment(policy))
    call = ring()
    call.say("customer", THREAT, 1_000)
    assert "Another hint" in shown(call)
    assert Guidance.objects.get(title="Another hint").revision == other


def test_a_call_whose_agent_was_not_known_is_drawn_when_they_are(world, heard, policy, ring):
    held_for_all(experiment(policy))
    call = ring(agent=None)
    call.tick(500)
    assert not ExperimentArm.objects.exists()
    agent = world.northwind.people["agent"]
    Conversation.objects.filter(pk=call.conversation.pk).update(agent=agent)
    call.context = call.context.handed_to(str(agent.pk), str(world.northwind.team.pk))
    call.take_over()
    call.say("customer", THREAT, 1_000)
    assert ExperimentArm.objects.get().agent == agent
    assert Guidance.objects.get(kind="hint").held == "trial"


# --- From draft to stop ---------------------------------------------------------------------------------


def test_an_experiment_is_changed_as_a_draft_only_and_one_runs_of_a_policy(world, policy):
    admin = world.northwind.people["admin"]
    row = experiment(policy, start=False, name="First")
    row = experiment_change(experiment=row, actor=admin, holdout_percent=50, name="First try")
    assert (row.name, row.holdout_percent) == ("First try", 50)
    row = experiment_start(experiment=row, actor=admin)
    assert (row.state, row.started_by) == ("running", admin)
    with pytest.raises(Conflict, match="cannot be changed"):
        experiment_change(experiment=row, actor=admin, holdout_percent=10)
    with pytest.raises(Conflict, match="started before"):
        experiment_start(experiment=row, actor=admin)
    second = experiment(policy, start=False)
    with pytest.raises(Conflict, match="“First try” runs"):
        experiment_start(experiment=second, actor=admin)
    row = experiment_stop(experiment=row, actor=admin)
    assert row.ended_at is not None
    with pytest.raises(Conflict, match="does not run"):
        experiment_stop(experiment=row, actor=admin)
    policy_retire(policy=policy.policy, actor=None)
    with pytest.raises(Conflict, match="not in effect"):
        experiment_start(experiment=second, actor=admin)
    kinds = AuditEvent.objects.filter(action__startswith="experiment.", actor=admin)
    assert set(kinds.values_list("action", flat=True)) == {
        "experiment.change", "experiment.start", "experiment.stop",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "field", "words"),
    [
        ({"primary": "conversion"}, "conversion_field", "say what it is"),
        ({"primary": "csat", "csat_field": ""}, "csat_field", "say what it is"),
        ({"primary": "disposition"}, "dispositions", "say what it is"),
        ({"dispositions": ["gone"]}, "dispositions", "no disposition “gone”"),
        ({"worth": 60}, "worth", "cannot be meant"),
        ({"worth": 0}, "worth", "greater than"),
        ({"holdout_percent": 95}, "holdout_percent", "less than"),
        ({"name": ""}, "name", "blank"),
    ],
)
def test_what_cannot_be_measured_is_refused_in_words(policy, fields, field, words):
    with pytest.raises(ValidationError) as refused:
        experiment(policy, start=False, **fields)
    assert words in " ".join(refused.value.message_dict[field])


# --- What came of it ------------------------------------------------------------------------------------


def said(row):
    row = Experiment.objects.select_related("policy").get(pk=row.pk)
    result = experiment_result(row)
    return result, *verdict(row, result), warnings(row, result)


def test_shorter_calls_are_told_in_seconds(policy, past):
    row = experiment(policy, unit="conversation", holdout_percent=50)
    assert said(row)[1] == "No call has begun since it was started."
    past(row, "shown", 400, seconds=270)
    past(row, "held", 400, seconds=300)
    # These are none of it: nothing was to be shown, or they go on.
    past(row, "shown", 30, seconds=3_000, hint=False)
    past(row, "held", 25, seconds=3_000, hint=False)
    past(row, "held", 5, state="wrap_up")
    read = Experiment.objects.select_related("policy").get(pk=row.pk)
    with query_budget("experiment result"):
        experiment_result(read)
    result, words, act, doubts = said(row)
    assert result.standing == Standing.BETTER
    assert words.startswith("“Test” shortens a typical call by ")
    assert act == "Sure enough to act on."
    one = result.primary
    assert one.outcome == "handle_time"
    assert one.difference.low < -30 < one.difference.high < 0
    assert one.held.value == pytest.approx(300, rel=0.05)
    assert one.known == {"shown": 400, "held": 400}
    assert (result.drawn, result.counted, result.open) == (
        {"shown": 430, "held": 430}, {"shown": 400, "held": 405}, {"shown": 0, "held": 5},
    )  # fmt: skip
    # Nobody has said how satisfied they were.
    assert doubts == []


def test_too_little_and_not_yet_say_how_much_is_missing(policy, past):
    row = experiment(policy, unit="conversation", holdout_percent=50, csat_field="")
    past(row, "shown", 30)
    past(row, "held", 30)
    result, words, act, doubts = said(row)
    assert result.standing == Standing.TOO_FEW
    assert words.startswith("Not known yet: about ")
    assert act == "Too few calls to say anything."
    assert "smallest sample" in doubts[0]
    past(row, "shown", 170)
    past(row, "held", 170)
    result, words, act, doubts = said(row)
    assert (result.standing, act, doubts) == (Standing.UNKNOWN, "", [])
    more = result.primary.more
    # (0.3² · 2 · 2 / (0.0513 / 3.87)²) calls in all are what it takes.
    assert 1_200 < more + 400 < 2_800
    assert words.endswith("more calls.")
    Experiment.objects.filter(pk=row.pk).update(worth=25)
    result, words, act, _doubts = said(row)
    assert (words, act) == ("“Test” makes no difference worth having.", "Sure enough to act on.")


def test_shares_and_points_are_compared_too_and_what_is_missing_is_said(policy, past):
    sale, none = (Disposition.objects.create(key=key, name=key) for key in ("a-sale", "no-sale"))
    row = experiment(
        policy, unit="conversation", holdout_percent=50, primary="conversion", worth=10,
        conversion_dispositions=["a-sale"], conversion_field="sold", dispositions=["no-sale"],
        dispositions_better="fewer", only_touched=False,
    )  # fmt: skip

    def ended(share):
        return {
            "disposition": lambda number: sale if number % 100 < share else none,
            "metadata": lambda number: {"csat": str(4 - number % 2)} if number % 3 else {},
        }

    past(row, "shown", 600, hint=False, **ended(45))
    past(row, "held", 600, hint=False, **ended(30))
    # The field goes before the disposition; one has neither.
    past(row, "shown", 60, hint=False, disposition=none, metadata={"sold": True})
    nonsense = lambda number: {"csat": ["good", "1e9", 10**400, None, [4]][number % 5]}  # noqa: E731
    past(row, "held", 60, hint=False, metadata=nonsense)
    result, words, act, doubts = said(row)
    by_name = {one.outcome: one for one in result.outcomes}
    assert next(iter(by_name)) == "conversion"
    assert result.standing == Standing.BETTER
    assert words.startswith("With “Test”, 20.0 more of 100 calls convert (")
    assert act == "Sure enough to act on."
    assert by_name["conversion"].shown.value == pytest.approx(50)
    assert by_name["conversion"].missing == {"shown": 0, "held": 60}
    assert by_name["disposition"].standing == Standing.BETTER
    assert by_name["csat"].known == {"shown": 400, "held": 400}
    assert by_name["csat"].held.value == pytest.approx(3.5, abs=0.01)
    assert any("of 0 % of the calls with guidance and of 9 % of those" in one for one in doubts)


def test_sides_that_are_not_as_drawn_have_no_verdict(policy, past):
    row = experiment(policy, unit="conversation", holdout_percent=50)
    past(row, "shown", 400, seconds=200)
    past(row, "held", 260)
    result, words, _act, doubts = said(row)
    assert result.standing == Standing.BROKEN
    assert words == "No verdict: the two sides are not as they were drawn."
    assert "260 of 660 are without guidance, where 50 % were drawn." in doubts[0]


def test_agents_are_what_is_counted_where_agents_were_drawn(world, policy, past):
    people = [world.northwind.people[name] for name in ("agent", "supervisor", "analyst", "admin")]
    row = experiment(policy, holdout_percent=50, csat_field="")
    past(row, "shown", 200, seconds=200, agents=people[:2])
    past(row, "held", 200, seconds=300, agents=people[2:])
    result, words, act, doubts = said(row)
    assert result.agents == {"shown": 2, "held": 2}
    # Two agents are two agents, however many calls they have.
    assert result.standing == Standing.TOO_FEW
    assert (words, act) == (
        "Not known yet: it takes about 12 more agents, more calls of these alone will not do.",
        "Too few agents to say anything.",
    )
    assert "and 8 agents" in doubts[0]


def test_a_policy_that_changes_on_the_way_is_told(policy, past, world):
    row = experiment(policy, unit="conversation", holdout_percent=50, csat_field="")
    past(row, "shown", 60)
    past(row, "held", 60)
    policy_draft_save(
        policy=policy.policy, actor=None, rollout_percent=100, ends_at=timezone.now() + timedelta(days=9)
    )
    second = policy_publish(policy=policy.policy, actor=None)
    arm = ExperimentArm.objects.first()
    ExperimentArm.objects.filter(pk=arm.pk).update(revision=second)
    result, _words, _act, doubts = said(row)
    assert result.revisions == [1, 2]
    assert "revisions 1, 2 are counted together" in doubts[-1]
    policy_retire(policy=policy.policy, actor=None)
    assert "not in effect any more" in said(row)[3][-1]


def test_a_draft_says_who_would_do_without_and_how_long_it_would_take(policy, past):
    row = experiment(policy, start=False, unit="conversation", holdout_percent=50)
    assert "not known" in outlook_words(row, experiment_outlook(row))[0]
    past(row, "shown", 400)
    past(row, "held", 50, hint=False)
    with query_budget("experiment result"):
        outlook = experiment_outlook(row)
    # 0.3² · 4 · (3.87 / 0.0513)² calls, of which there were 400 in four weeks.
    assert outlook.known == 400
    assert 1_600 < outlook.takes.calls < 2_600
    assert outlook_words(row, outlook) == [
        f"It takes about {rounded(outlook.takes.calls)} calls: {outlook.weeks} weeks at the pace of the last four."
    ]
    row = experiment_change(experiment=row, actor=None, unit="agent", holdout_percent=90)
    outlook = experiment_outlook(row)
    assert outlook.agents >= outlook.held >= 0
    drawn, little = outlook_words(row, outlook)
    assert drawn == f"Of {outlook.agents} agents, {outlook.held} would do without."
    assert "fewer than 8 on either side there will be no verdict" in little
