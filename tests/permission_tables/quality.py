"""Quality: scorecards, scores and their release, history scored anew."""

from __future__ import annotations

from collections.abc import Callable

from qa.calibrating import calibration_create, calibration_open
from qa.evaluating import answer_save, evaluation_dispute, evaluation_start, evaluation_submit
from qa.models import (
    Assignment,
    CalibrationSession,
    Dispute,
    Evaluation,
    Rescore,
    SamplingPlan,
    ScorecardRevision,
    ScorecardTemplate,
)
from qa.rescoring import rescore_cancel, rescore_start
from qa.work import assignment_create
from tests.conftest import Company
from tests.past_calls import Past, past_call

EVALUATORS = {"nobody": 401, "agent": 403, "supervisor": 200, "analyst": 200, "admin": 200}
THEIRS = EVALUATORS | {"other_supervisor": 404}
MANAGERS = EVALUATORS | {"supervisor": 403}
ADMINS = MANAGERS | {"analyst": 403}
# Led on to the conversation's page.
LED = {"nobody": 302, "agent": 403, "supervisor": 302, "other_supervisor": 404, "analyst": 302, "admin": 302}
DOCUMENT = {"name": "Chats", "criteria": [{"question": "Greeted?", "method": "person"}]}


def past(company: Company) -> Past:
    return past_call(agent=company.people["agent"], queue=company.queue)


def held(company: Company) -> Evaluation:
    """A score that is not released yet."""
    score = past(company).score
    Evaluation.objects.filter(pk=score.pk).update(released_at=None)
    return score


def card(address: str) -> Callable[[Company], str]:
    def path(company: Company) -> str:
        past(company)
        made = ScorecardTemplate.objects.get(name="Service call")
        return f"/api/v1/scorecards/{made.pk}/{address}"

    path.__name__ = f"scorecard {address}"
    return path


def rescore(address: str, *, cancelled: bool = False) -> Callable[[Company], str]:
    def path(company: Company) -> str:
        past(company)
        revision = ScorecardRevision.objects.get(template__name="Service call")
        run = Rescore.objects.filter(is_open=True).first() or rescore_start(
            revision=revision, days=1, preview=True, actor=None, dispatch=False
        )
        if cancelled:
            rescore_cancel(run_id=run.pk, actor=None)
        return f"/api/v1/rescores/{run.pk}/{address}"

    path.__name__ = f"rescore {address}"
    return path


def release(company: Company) -> str:
    return f"/api/v1/scores/{held(company).pk}/release/"


def release_page(company: Company) -> str:
    return f"/scores/{held(company).pk}/release/"


def drafted(company: Company, address: str = "") -> str:
    """The analyst's own draft."""
    made = past(company)
    row = evaluation_start(
        conversation=made.conversation,
        template=made.score.revision.template,
        user=company.people["analyst"],
    )
    return f"{row.pk}/{address}"


def draft(address: str) -> Callable[[Company], str]:
    def path(company: Company) -> str:
        return f"/api/v1/scores/{drafted(company)}{address}"

    path.__name__ = f"draft {address}"
    return path


def draft_page(company: Company) -> str:
    return f"/quality/evaluations/{drafted(company)}"


def discard_page(company: Company) -> str:
    return f"/quality/evaluations/{drafted(company)}discard/"


def score(address: str) -> Callable[[Company], str]:
    def path(company: Company) -> str:
        return f"/api/v1/scores/{past(company).score.pk}/{address}"

    path.__name__ = f"score {address}"
    return path


def score_page(company: Company) -> str:
    return f"/scores/{past(company).score.pk}/answer/"


def start(company: Company) -> str:
    return f"/quality/start/?conversation={past(company).conversation.pk}"


def assigned(company: Company) -> Assignment:
    made = past(company)
    found = Assignment.objects.filter(conversation=made.conversation).first()
    return found or assignment_create(
        conversation=made.conversation, template=made.score.revision.template, actor=None
    )


def assignment(address: str) -> Callable[[Company], str]:
    def path(company: Company) -> str:
        return f"/api/v1/assignments/{assigned(company).pk}/{address}"

    path.__name__ = f"assignment {address}"
    return path


def drop_page(company: Company) -> str:
    return f"/quality/assignments/{assigned(company).pk}/drop/"


def disputed(company: Company) -> Dispute:
    return evaluation_dispute(
        evaluation=past(company).score, user=company.people["agent"], reason="I did offer."
    )


def resolve(company: Company) -> str:
    return f"/api/v1/disputes/{disputed(company).pk}/resolve/"


def resolve_page(company: Company) -> str:
    return f"/quality/disputes/{disputed(company).pk}/"


def plan(company: Company) -> str:
    template = past(company).score.revision.template
    row, _made = SamplingPlan.objects.get_or_create(name="Weekly", defaults={"template": template})
    return f"/api/v1/sampling-plans/{row.pk}/draw/"


def calibration(address: str, state: str = "open") -> Callable[[Company], str]:
    """Of a calibration that the supervisor and the admin take part in and the analyst leads."""

    def path(company: Company) -> str:
        return f"/api/v1/calibrations/{calibrated(company, state).pk}/{address}"

    path.__name__ = f"calibration {state} {address}"
    return path


def calibrated(company: Company, state: str = "open") -> CalibrationSession:
    made, people = past(company), company.people
    row = calibration_create(
        name="Hard calls",
        template=made.score.revision.template,
        calls=[(made.conversation, None)],
        participants=[people["supervisor"], people["admin"]],
        leader=people["analyst"],
        actor=people["analyst"],
    )
    if state != "planned":
        row = calibration_open(session=row, actor=people["analyst"])
    if state == "discussion":
        for persona in ("supervisor", "admin"):
            work = Assignment.objects.get(calibration__session=row, assignee=people[persona])
            own = evaluation_start(
                conversation=work.conversation,
                template=work.template,
                user=people[persona],
                assignment=work,
            )
            for one in own.revision.spec["criteria"]:
                answer_save(evaluation=own, user=people[persona], key=one["key"], value="yes")
            evaluation_submit(evaluation=own, user=people[persona])
    return row


def calibration_page(company: Company) -> str:
    return f"/quality/calibrations/{calibrated(company).pk}/"


def calibration_do(company: Company) -> str:
    return f"/quality/calibrations/{calibrated(company).pk}/do/"


def calibration_new(company: Company) -> str:
    return f"/quality/calibrations/new/?conversation={past(company).conversation.pk}"


def calibration_results(company: Company) -> str:
    return f"/api/v1/calibrations/results/?scorecard={past(company).score.revision.template_id}"


def calibration_results_file(company: Company) -> str:
    return calibration_results(company).replace("/results/", "/results/file/")


def decide_page(company: Company) -> str:
    return f"/quality/agreement/{past(company).score.revision.template_id}/decide/"


def plan_row(company: Company) -> str:
    return plan(company).removesuffix("draw/")


def card_page(company: Company) -> str:
    past(company)
    return f"/quality/agents/{company.people['agent'].pk}/"


def card_told(company: Company) -> str:
    past(company)
    return f"/api/v1/quality-reports/agents/{company.people['agent'].pk}/"


ALL = {"nobody": 401, "agent": 200, "supervisor": 200, "analyst": 200, "admin": 200}
PAGE = ALL | {"nobody": 302}
# The scorecard of one agent.
REPORTED = ALL | {"teammate": 404, "outsider": 404, "other_supervisor": 404}
REPORTS = ("summary", "distribution", "trend", "groups", "criteria", "heat-map", "evaluators")
# Whose draft it is.
MINE = EVALUATORS | {"supervisor": 404, "admin": 404}
# What only the agent says to their score.
AGENT = {
    "nobody": 401,
    "agent": 200,
    "teammate": 404,
    "outsider": 404,
    "supervisor": 403,
    "analyst": 403,
    "admin": 403,
}

# Whoever leads a calibration, or manages quality; taking part is not leading.
LEADS = EVALUATORS | {"supervisor": 404, "other_supervisor": 404}

ROWS = [
    ("GET", "/quality/calibrations/", EVALUATORS | {"nobody": 302}),
    ("GET", calibration_new, MANAGERS | {"nobody": 302}),
    ("GET", "/quality/calibrations/results/", MANAGERS | {"nobody": 302}),
    # No calibration is closed there.
    ("GET", "/quality/calibrations/results.csv", MANAGERS | {"nobody": 302, "analyst": 404, "admin": 404}),
    ("GET", calibration_page, THEIRS | {"nobody": 302}),
    ("POST", calibration_do, LED | {"supervisor": 404}, {"do": "cancel"}),
    ("POST", decide_page, LED | {"supervisor": 403, "other_supervisor": 403}, {"decision": "people"}),
    ("GET", "/api/v1/calibrations/", EVALUATORS),
    ("POST", "/api/v1/calibrations/", MANAGERS | {"analyst": 400, "admin": 400}, {}),
    ("GET", calibration(""), THEIRS),
    ("GET", calibration_results, MANAGERS),
    ("GET", calibration_results_file, MANAGERS),
    ("POST", calibration("participants/"), LEADS, {}),
    ("POST", calibration("open/", "planned"), LEADS, {}),
    ("POST", calibration("close-scoring/"), LEADS | {"analyst": 409, "admin": 409}, {}),
    ("POST", calibration("reference/", "discussion"), LEADS | {"analyst": 400, "admin": 400}, {}),
    ("POST", calibration("close/", "discussion"), LEADS, {}),
    ("POST", calibration("cancel/"), LEADS, {}),
    ("POST", card("decide/"), MANAGERS | {"analyst": 400, "admin": 400}, {}),
    ("GET", "/quality/", PAGE),
    ("GET", start, PAGE | {"agent": 403, "other_supervisor": 404}),
    ("GET", draft_page, MINE | {"nobody": 302}),
    ("POST", discard_page, LED | {"supervisor": 404, "admin": 404}),
    ("POST", score_page, AGENT | {"nobody": 302, "agent": 302}, {"do": "acknowledge"}),
    ("POST", drop_page, LED),
    ("POST", resolve_page, LED, {"accept": "no", "reason": "It was none."}),
    ("POST", "/api/v1/scores/", EVALUATORS | {"supervisor": 400, "analyst": 400, "admin": 400}, {}),
    ("GET", draft("draft/"), MINE),
    ("POST", draft("answer/"), MINE | {"analyst": 400}, {"key": "none"}),
    ("POST", draft("submit/"), MINE | {"analyst": 400}, {}),
    ("POST", draft("discard/"), MINE | {"analyst": 204}, {}),
    ("POST", score("acknowledge/"), AGENT, {}),
    ("POST", score("dispute/"), AGENT, {"reason": "I did."}),
    ("GET", "/api/v1/assignments/", EVALUATORS),
    ("POST", "/api/v1/assignments/", MANAGERS | {"analyst": 400, "admin": 400}, {}),
    ("POST", assignment("give/"), MANAGERS, {"assignee": None}),
    ("POST", assignment("drop/"), THEIRS | {"supervisor": 204, "analyst": 204, "admin": 204}, {}),
    ("GET", "/api/v1/disputes/", ALL),
    ("POST", resolve, THEIRS, {"accept": False, "reason": "It was none."}),
    ("GET", "/api/v1/sampling-plans/", MANAGERS),
    ("POST", "/api/v1/sampling-plans/", ADMINS | {"admin": 400}, {}),
    ("GET", plan_row, MANAGERS),
    ("PATCH", plan_row, ADMINS, {"active": False}),
    ("POST", plan, MANAGERS, {}),
    ("GET", "/api/v1/scorecards/", EVALUATORS),
    ("POST", "/api/v1/scorecards/", ADMINS | {"admin": 201}, DOCUMENT),
    ("GET", card(""), EVALUATORS),
    ("GET", card("agreement/"), MANAGERS),
    ("GET", "/quality/agreement/", MANAGERS | {"nobody": 302}),
    ("PUT", card(""), ADMINS, DOCUMENT),
    ("POST", card("publish/"), ADMINS, {}),
    ("POST", card("retire/"), ADMINS, {}),
    ("POST", release, THEIRS, {}),
    ("POST", release_page, LED, {}),
    ("GET", "/api/v1/rescores/", MANAGERS),
    ("POST", "/api/v1/rescores/", MANAGERS | {"analyst": 400, "admin": 400}, {"days": 1}),
    ("GET", rescore(""), MANAGERS),
    ("POST", rescore("cancel/"), MANAGERS, {}),
    ("POST", rescore("resume/", cancelled=True), MANAGERS, {}),
    ("GET", "/quality/reports/", EVALUATORS | {"nobody": 302}),
    ("GET", "/quality/reports/evaluations/", PAGE),
    ("GET", "/quality/reports/agents.csv", EVALUATORS | {"nobody": 302}),
    ("GET", "/quality/reports/agreement.xlsx", MANAGERS | {"nobody": 302, "supervisor": 404}),
    ("GET", card_page, REPORTED | {"nobody": 302}),
    ("GET", card_told, REPORTED),
    *(("GET", f"/api/v1/quality-reports/{report}/", EVALUATORS) for report in REPORTS),
    ("GET", "/api/v1/quality-reports/agreement/", MANAGERS),
    ("GET", "/api/v1/quality-reports/evaluations/", ALL),
    ("GET", "/api/v1/quality-reports/file/?report=agents&form=csv", EVALUATORS),
]
