"""Language models of a company: who does a task, what it took, budgets that stop it, prompts that must not fall."""

from __future__ import annotations

import asyncio
import io
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
import redis
from django.conf import settings as django_settings
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts.models import AuditEvent
from engines.language.answering import KNOWLEDGE_ANSWER
from engines.language.answering import variables as answer_variables
from engines.language.chat_replies import CHAT_REPLY
from engines.language.redaction_reading import REDACTION_READING
from engines.language.tasks import NotAnswered, Route
from engines.redaction.text import RedactedText
from providers.language import task_plan
from providers.language_figures import figures, standings
from providers.language_records import model_calls_keep, model_calls_remove
from providers.language_running import SharedGate, calls_key
from providers.language_selectors import prompt_for
from providers.language_services import case_save, revision_create, revision_publish, revision_roll_back
from providers.models import (
    EvaluationCase,
    LanguageRoute,
    ModelBudget,
    ModelCall,
    ModelSpend,
    PromptEvaluation,
    PromptRevision,
)
from providers.tasks import model_calls_sweep, prompt_evaluate
from tests.conftest import Company, World
from tests.language.asked import SYSTEM, case, draft, replies, say_replies, server_of
from tests.peers.chat import ChatServer as Peer
from tests.peers.chat import say

State = PromptRevision.State

# --- Who does it ----------------------------------------------------------------------------------------


def test_without_a_model_the_task_goes_its_own_way(company: Company, django_assert_num_queries: Any) -> None:
    replies()
    with django_assert_num_queries(2):
        outcome = replies()
    assert (outcome.value, outcome.fault, outcome.way) == (None, "no_model", CHAT_REPLY.without)
    with pytest.raises(NotAnswered, match="no_model"):
        task_plan(KNOWLEDGE_ANSWER).stream({})
    assert {one.why for one in standings()} == {"no_model"}


def test_routes_go_before_the_server_that_does_everything(company: Company, peer: Peer) -> None:
    ours = server_of(peer)
    hosted = server_of(peer, "Hosted", active=False, inside=False, model="big")
    assert replies().model == "ours-8b"
    LanguageRoute.objects.create(task="chat_reply", position=2, server=ours)
    LanguageRoute.objects.create(
        task="chat_reply",
        position=1,
        server=hosted,
        model="big-lora",
        parameters={"temperature": None, "seed": 3},
    )
    peer.script = ["500"]
    with_both = replies("another")
    assert [(one.model, one.outcome) for one in with_both.records] == [
        ("big-lora", "broken"),
        ("ours-8b", "answered"),
    ]
    assert peer.requests[1]["seed"] == 3 and "temperature" not in peer.requests[1]
    # Text that may hold what was missed so far goes to no server outside, whatever a route says.
    LanguageRoute.objects.create(task="redaction_reading", position=1, server=hosted)
    assert task_plan(REDACTION_READING).fault == "no_model"
    with pytest.raises(ValidationError, match="inside the trust boundary"):
        LanguageRoute(task="redaction_reading", position=2, server=hosted).full_clean()
    for wrong in ({"messages": []}, {"extra_headers": {}}, ["x"]):
        with pytest.raises(ValidationError, match=r"set here|names with values"):
            LanguageRoute(task="chat_reply", position=3, server=ours, parameters=wrong).full_clean()


def test_another_company_s_routes_prompts_and_calls_are_not_ours(
    company: Company, peer: Peer, world: World
) -> None:
    server = server_of(peer)
    LanguageRoute.objects.create(task="chat_reply", server=server)
    assert replies().answered
    with world.acme.scope():
        assert replies().fault == "no_model"
        assert model_calls_keep() == 0 and not ModelCall.objects.exists()
    assert model_calls_keep() == 1


# --- What it took ---------------------------------------------------------------------------------------


def test_each_call_is_written_down_once_and_without_words(company: Company, peer: Peer) -> None:
    server = server_of(peer)
    peer.script = [say("nonsense"), say_replies("Sure, Saoirse.")]
    assert replies("i am saoirse").value.replies == ["Sure, Saoirse."]
    assert replies("i am saoirse").answered
    with redis.Redis.from_url(django_settings.REDIS_STREAMS_URL) as client:
        told = client.lrange(calls_key(company.schema), 0, -1)
        assert "aoirse" not in str(told) and len(told) == 2
        model_calls_sweep()
        # A death between the writing and the trimming: they come again, and count once.
        client.rpush(calls_key(company.schema), *told)
        assert model_calls_keep() == 0
    rows = list(ModelCall.objects.order_by("at"))
    assert [(one.outcome, one.tokens_in, one.tokens_out, one.server) for one in rows] == [
        ("repaired", 2000, 200, server.pk),
        ("remembered", 0, 0, server.pk),
    ]
    assert rows[0].cost == Decimal("0.006") and rows[0].took_ms > 0
    [spend] = ModelSpend.objects.all()
    assert (spend.task, spend.calls, spend.tokens, spend.cost) == ("chat_reply", 2, 2200, Decimal("0.006"))
    [figure] = figures(days=1)
    assert (figure.calls, figure.answered, figure.repaired, figure.remembered) == (2, 2, 1, 1)
    assert figure.p50_ms == rows[0].took_ms and figure.cost == Decimal("0.006")
    # What is old goes; what the month took stays.
    ModelCall.objects.filter(pk=rows[0].pk).update(at=timezone.now() - timedelta(days=181))
    assert model_calls_remove() == 1 and ModelCall.objects.count() == 1
    assert ModelSpend.objects.get().calls == 2


def test_streams_are_written_down_too_wherever_they_are_taken(company: Company, peer: Peer) -> None:
    server_of(peer)
    peer.answers = lambda _request: "It takes five days. [1]\n"
    plan = task_plan(KNOWLEDGE_ANSWER)
    given = answer_variables(
        RedactedText("how long?"), [(RedactedText("Refunds"), RedactedText("Five days."))]
    )

    async def story() -> list[str]:
        streaming = plan.stream(given)
        got = [one.text async for one in streaming]
        assert streaming.outcome is not None and streaming.outcome.model == "ours-8b"
        return got

    assert asyncio.run(story()) == ["It takes five days."]
    assert model_calls_keep() == 1
    [row] = ModelCall.objects.all()
    assert (row.task, row.tokens_in, row.estimated) == ("knowledge_answer", 1000, False)
    assert row.first_ms is not None


def test_limits_hold_for_all_processes(company: Company, peer: Peer) -> None:
    """Two gates, as two processes have them."""

    async def story() -> None:
        clients = [redis.asyncio.Redis.from_url(django_settings.REDIS_STREAMS_URL) for _ in range(2)]
        one, two = (SharedGate(client) for client in clients)
        narrow = Route("a", "a", peer.url, "m", most_at_once=1)
        assert await one.enter(company.schema, narrow) == 0
        assert await two.enter(company.schema, narrow) > 0
        assert await two.enter("acme", narrow) == 0
        await one.leave(company.schema, narrow)
        assert await two.enter(company.schema, narrow) == 0
        slow = Route("b", "b", peer.url, "m", per_minute=1)
        assert await one.enter(company.schema, slow) == 0
        assert 50 < await two.enter(company.schema, slow) <= 60
        await one.shut(company.schema, slow, 20.0)
        with pytest.raises(NotAnswered, match="away"):
            await two.enter(company.schema, slow)
        for client in clients:
            await client.aclose()
        # Where Redis is away, each process goes by what it knows itself.
        lost = SharedGate(redis.asyncio.Redis.from_url("redis://127.0.0.1:9"))
        assert await lost.enter(company.schema, narrow) == 0
        assert await lost.enter(company.schema, narrow) > 0
        await lost.leave(company.schema, narrow)

    asyncio.run(story())


# --- Budgets --------------------------------------------------------------------------------------------


def test_a_budget_warns_by_mail_and_stops_at_its_end(
    company: Company, peer: Peer, mailoutbox: list[Any], django_assert_num_queries: Any
) -> None:
    server_of(peer, price_in=Decimal(20), price_out=Decimal(100))
    budget = ModelBudget.objects.create(
        task="chat_reply",
        monthly_cost=Decimal("0.06"),
        alert_percent=50,
        alert_to="a@x.example, b@x.example",
    )
    for number, mails in ((1, 1), (2, 2)):
        assert replies(f"hello {number}").answered
        assert model_calls_keep() == 1
        assert len(mailoutbox) == mails
    assert mailoutbox[0].to == ["a@x.example", "b@x.example"]
    assert "50 %" in mailoutbox[0].body and "nearly" in mailoutbox[0].subject
    assert "spent" in mailoutbox[1].subject and CHAT_REPLY.without in mailoutbox[1].body
    asked = len(peer.requests)
    budget.refresh_from_db()
    assert budget.alerted_at == 100
    with django_assert_num_queries(4):
        outcome = replies("hello 3")
    assert (outcome.fault, outcome.way, len(peer.requests)) == ("over_budget", CHAT_REPLY.without, asked)
    assert {one.task.name: one.why for one in standings()}["chat_reply"] == "over_budget"
    # Other tasks have not spent it, and neither has next month.
    assert task_plan(KNOWLEDGE_ANSWER).possible
    ModelSpend.objects.update(month=timezone.localdate().replace(day=1) - timedelta(days=31))
    assert replies("hello 4").answered
    ModelBudget.objects.filter(pk=budget.pk).update(task="", monthly_cost=None, monthly_tokens=1)
    assert model_calls_keep() == 1
    assert task_plan(KNOWLEDGE_ANSWER).fault == "over_budget"
    for wrong in ({"monthly_cost": None}, {"task": "x"}, {"alert_to": "nobody"}):
        with pytest.raises(ValidationError):
            ModelBudget(**{"monthly_cost": 1, **wrong}).full_clean()


# --- Prompts --------------------------------------------------------------------------------------------


def test_what_a_draft_may_say(company: Company) -> None:
    assert (draft().number, draft().number) == (1, 2)
    for system, user in (
        ("Propose {{most}} replies.", "{{turns}}"),
        (SYSTEM, "nothing"),
        (SYSTEM, "{{turns}} {{secret}}"),
        ("", "{{turns}}"),
    ):
        with pytest.raises(ValidationError):
            revision_create(task="chat_reply", system=system, user=user, actor=None)
    # What was published for an older version of the code, and wants what nobody gives any more, is passed over.
    PromptRevision.objects.filter(number=2).update(user="{{gone}}", state=State.PUBLISHED)
    assert prompt_for(CHAT_REPLY, sticky="x").revision == 0
    with pytest.raises(ValidationError, match="no task"):
        revision_create(task="nothing", system=SYSTEM, user="x", actor=None)


def test_cases_are_redacted_and_fit_their_task(company: Company) -> None:
    made = case()
    assert "4111" not in str(made.variables) and "[CREDIT_CARD" in made.variables["turns"]
    for variables_given, expectation in (
        ({"turns": "x"}, {"contains": ["x"]}),
        ({"turns": None, "most": 2}, {"contains": ["x"]}),
        ([], {"contains": ["x"]}),
        ({"turns": "x", "most": 2}, {}),
        ({"turns": "x", "most": 2}, {"matches": "x"}),
    ):
        with pytest.raises(ValidationError):
            case_save(
                case=EvaluationCase(task="chat_reply", variables=variables_given, expectation=expectation),
                actor=None,
            )


def test_a_revision_is_published_only_if_it_is_no_worse_on_the_set(
    company: Company, peer: Peer, django_capture_on_commit_callbacks: Any
) -> None:
    server_of(peer)
    first = draft()
    with pytest.raises(ValidationError, match="Evaluate it first"):
        revision_publish(revision=first, actor=None)
    case()
    case("York", "where is it")
    # The first draft knows one city of two, the words in the code both.
    peer.script = [
        say_replies("In Leeds."),
        say_replies("No idea."),
        say_replies("Leeds"),
        say_replies("York"),
    ]
    prompt_evaluate(revision_id=str(first.pk))
    first.refresh_from_db()
    own, code = PromptEvaluation.objects.order_by("-revision")
    assert {own.score, code.score} == {0.5, 1.0} and first.state == State.EVALUATED
    with pytest.raises(
        ValidationError, match=r"worse than what holds now: 0.500 instead of 1.000 on 2 cases"
    ):
        revision_publish(revision=first, actor=None)
    # Other words are another matter: they are tried anew, the words in the code are not.
    second = draft(f"{SYSTEM} Be exact.")
    peer.script = [say_replies("Leeds"), say_replies("York")]
    prompt_evaluate(revision_id=str(second.pk))
    assert PromptEvaluation.objects.count() == 3
    assert "Be exact" in peer.requests[-1]["messages"][0]["content"]
    assert revision_publish(revision=second, actor=None).state == State.PUBLISHED
    outcome = replies()
    assert outcome.revision == 2 and "Be exact" in peer.requests[-1]["messages"][0]["content"]
    with pytest.raises(ValidationError, match="do not change"):
        second.refresh_from_db()
        from providers.language_services import revision_save

        revision_save(revision=second, actor=None)
    # A set that grew asks for figures anew.
    third = draft(f"{SYSTEM} Be kind.")
    peer.script = [say_replies("Leeds"), say_replies("York")]
    prompt_evaluate(revision_id=str(third.pk))
    case("Bath", "which city")
    with pytest.raises(ValidationError, match="the evaluation set are newer"):
        revision_publish(revision=third, actor=None)
    peer.script = [say_replies("Leeds York Bath")] * 6
    prompt_evaluate(revision_id=str(third.pk))
    # Tried on a share: the same conversation always goes by the same words.
    revision_publish(revision=third, share=30, actor=None)
    drawn = [prompt_for(CHAT_REPLY, sticky=str(number)).revision for number in range(200)]
    assert set(drawn) == {2, 3} and 35 <= drawn.count(3) <= 85
    assert drawn == [prompt_for(CHAT_REPLY, sticky=str(number)).revision for number in range(200)]
    revision_publish(revision=third, actor=None)
    assert prompt_for(CHAT_REPLY, sticky="x").revision == 3
    second.refresh_from_db()
    assert second.state == State.RETIRED
    assert revision_roll_back(revision=third, actor=None) == second
    assert prompt_for(CHAT_REPLY, sticky="x").revision == 2
    second.refresh_from_db()
    assert revision_roll_back(revision=second, actor=None) is None
    assert prompt_for(CHAT_REPLY, sticky="x").revision == 0
    with pytest.raises(ValidationError, match="time is over"):
        revision_publish(revision=second, actor=None)
    noted = AuditEvent.objects.filter(action__startswith="promptrevision.p").values_list("action", flat=True)
    assert list(noted) == ["promptrevision.publish"] * 3


def test_the_command_evaluates_and_refuses_to_publish_what_got_worse(company: Company, peer: Peer) -> None:
    def run(*options: str) -> str:
        out = io.StringIO()
        call_command("evaluate", "chat_reply", "--company", company.schema, *options, stdout=out)
        return out.getvalue()

    server_of(peer)
    with pytest.raises(CommandError, match="no evaluation set"):
        run("--code")
    case()
    peer.script = [say_replies("Leeds")]
    assert "in the code: 1.000 on 1 cases by ours-8b, 0 without an answer" in run("--code")
    draft()
    peer.script = ["400"]
    with pytest.raises(CommandError, match=r"worse than what holds now: 0.000 instead of 1.000"):
        run("--publish")
    assert PromptRevision.objects.get().state == State.EVALUATED
    peer.script = [say_replies("In Leeds.")]
    assert "published for 100 % of the calls" in run("--publish", "--revision", "1")
    for task, options in (("nothing", ()), ("chat_reply", ("--revision", "9"))):
        with pytest.raises(CommandError, match="there is no"):
            call_command("evaluate", task, "--company", company.schema, *options)
    with pytest.raises(CommandError, match="no company"):
        call_command("evaluate", "chat_reply", "--company", "nowhere")
