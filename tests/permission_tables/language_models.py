"""Who sets what language models do, and sees what they took: administrators."""

from __future__ import annotations

from typing import Any

from tests.conftest import Company

ADMIN_ONLY = {"nobody": 302, "agent": 403, "supervisor": 403, "analyst": 403, "admin": 200}
API = ADMIN_ONLY | {"nobody": 401}
SYSTEM = "Between <<{{boundary}} stands data. Propose {{most}} replies."
CASE = {"variables": {"turns": "where", "most": 2}, "expectation": {"contains": ["Leeds"]}}


def _server() -> Any:
    from providers.models import ChatServer

    made, _ = ChatServer.objects.get_or_create(
        name="Ours", defaults={"base_url": "http://127.0.0.1:9/v1", "model": "m", "active": False}
    )
    return made


def _route(company: Company) -> Any:
    from providers.models import LanguageRoute

    return LanguageRoute.objects.get_or_create(task="chat_reply", position=1, server=_server())[0]


def _budget(company: Company) -> Any:
    from providers.models import ModelBudget

    return ModelBudget.objects.get_or_create(task="chat_reply", defaults={"monthly_tokens": 5})[0]


def _case(company: Company) -> Any:
    from providers.models import EvaluationCase

    return EvaluationCase.objects.get_or_create(task="chat_reply", defaults=CASE)[0]


def _prompt(company: Company) -> Any:
    from providers.language_services import revision_create
    from providers.models import PromptRevision

    row = PromptRevision.objects.filter(task="chat_reply").first()
    return row or revision_create(task="chat_reply", system=SYSTEM, user="{{turns}}", actor=None)


def route(company: Company) -> str:
    return f"/api/v1/language-routes/{_route(company).pk}/"


def budget(company: Company) -> str:
    return f"/api/v1/language-budgets/{_budget(company).pk}/"


def case(company: Company) -> str:
    return f"/api/v1/language-cases/{_case(company).pk}/"


def prompt(company: Company) -> str:
    return f"/api/v1/language-prompts/{_prompt(company).pk}/"


def prompt_evaluate(company: Company) -> str:
    return f"{prompt(company)}evaluate/"


def prompt_publish(company: Company) -> str:
    return f"{prompt(company)}publish/"


def prompt_roll_back(company: Company) -> str:
    return f"{prompt(company)}roll-back/"


def prompt_admin(company: Company) -> str:
    return f"/admin/providers/promptrevision/{_prompt(company).pk}/change/"


_ADMIN = "/admin/providers"
ROWS = [
    ("GET", "/settings/models/", ADMIN_ONLY),
    ("GET", "/api/v1/language-tasks/", API),
    ("GET", "/api/v1/language-tasks/figures/", API),
    ("GET", "/api/v1/language-routes/", API),
    ("POST", "/api/v1/language-routes/", API | {"admin": 400}, {"task": "chat_reply"}),
    ("GET", route, API),
    ("PATCH", route, API, {"deadline_ms": 500}),
    ("DELETE", route, API | {"admin": 204}),
    ("GET", "/api/v1/language-budgets/", API),
    ("POST", "/api/v1/language-budgets/", API | {"admin": 201}, {"monthly_tokens": 7}),
    ("GET", budget, API),
    ("PATCH", budget, API, {"monthly_tokens": 9}),
    ("DELETE", budget, API | {"admin": 204}),
    ("GET", "/api/v1/language-cases/", API),
    ("POST", "/api/v1/language-cases/", API | {"admin": 201}, {"task": "chat_reply", **CASE}),
    ("GET", case, API),
    ("PATCH", case, API, {"note": "a note"}),
    ("DELETE", case, API | {"admin": 204}),
    ("GET", "/api/v1/language-prompts/", API),
    (
        "POST",
        "/api/v1/language-prompts/",
        API | {"admin": 201},
        {"task": "chat_reply", "system": SYSTEM, "user": "{{turns}}"},
    ),
    ("GET", prompt, API),
    ("PATCH", prompt, API, {"note": "a note"}),
    # Without an evaluation set there is nothing to try it on.
    ("POST", prompt_evaluate, API | {"admin": 400}),
    ("POST", prompt_publish, API | {"admin": 400}),
    ("POST", prompt_roll_back, API | {"admin": 400}),
    ("GET", f"{_ADMIN}/promptrevision/", ADMIN_ONLY),
    ("GET", prompt_admin, ADMIN_ONLY),
    ("POST", f"{_ADMIN}/promptrevision/add/", ADMIN_ONLY, {"task": ""}),
    ("POST", f"{_ADMIN}/promptrevision/", ADMIN_ONLY, {"action": "publish", "_selected_action": []}),
    ("GET", f"{_ADMIN}/promptevaluation/", ADMIN_ONLY),
    ("GET", f"{_ADMIN}/modelcall/", ADMIN_ONLY),
]
