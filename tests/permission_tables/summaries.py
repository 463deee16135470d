"""Who says what summaries are made of, sees what became of them, and takes one into the evaluation set."""

from __future__ import annotations

from typing import Any

from tests.conftest import Company
from tests.past_calls import past_call

ADMIN_ONLY = {"nobody": 302, "agent": 403, "supervisor": 403, "analyst": 403, "admin": 200}
API = ADMIN_ONLY | {"nobody": 401}
LOOKING = {"nobody": 302, "agent": 403, "supervisor": 200, "analyst": 200, "admin": 200}
OWN = {
    "nobody": 401,
    "agent": 200,
    "teammate": 404,
    "outsider": 404,
    "supervisor": 200,
    "other_supervisor": 404,
    "analyst": 200,
    "admin": 200,
}
# Nobody has confirmed it yet, so that whoever may take it gets told so.
TAKING = {
    "nobody": 401,
    "agent": 403,
    "supervisor": 409,
    "other_supervisor": 404,
    "analyst": 409,
    "admin": 409,
}
TEMPLATE = {"name": "Billing", "sections": [{"key": "reason", "title": "Reason", "source": "reason"}]}


def _template() -> Any:
    from conversations.models import SummaryTemplate
    from conversations.summary_templates import template_write

    known = SummaryTemplate.objects.filter(name="Sales").first()
    document = {**TEMPLATE, "name": "Sales", "queue": None, "channel": ""}
    return known or template_write(template=None, document=document, actor=None)


def template(company: Company) -> str:
    return f"/api/v1/summary-templates/{_template().pk}/"


def template_publish(company: Company) -> str:
    return f"{template(company)}publish/"


def template_retire(company: Company) -> str:
    return f"{template(company)}retire/"


def template_admin(company: Company) -> str:
    return f"/admin/conversations/summarytemplate/{_template().pk}/change/"


def so_far(company: Company) -> str:
    past = past_call(agent=company.people["agent"], queue=company.queue)
    return f"/api/v1/conversations/{past.conversation.pk}/live-summary/"


def case_api(company: Company) -> str:
    past = past_call(agent=company.people["agent"], queue=company.queue)
    return f"/api/v1/summaries/{past.summary.pk}/evaluation-case/"


def case_page(company: Company) -> str:
    past = past_call(agent=company.people["agent"], queue=company.queue)
    return f"/conversations/{past.conversation.pk}/summary-case"


ROWS = [
    ("GET", "/api/v1/summary-templates/", API),
    ("POST", "/api/v1/summary-templates/", API | {"admin": 201}, TEMPLATE),
    ("GET", "/api/v1/summary-templates/house/", API),
    ("GET", template, API),
    ("PUT", template, API, TEMPLATE),
    ("POST", template_publish, API),
    ("POST", template_retire, API),
    ("GET", "/api/v1/summary-figures/", LOOKING | {"nobody": 401}),
    ("GET", so_far, OWN),
    ("POST", case_api, TAKING),
    ("GET", "/summaries/", LOOKING),
    (
        "POST",
        case_page,
        TAKING | {"nobody": 302, "supervisor": 302, "analyst": 302, "admin": 302},
    ),
    ("GET", "/admin/conversations/summarytemplate/", ADMIN_ONLY),
    ("GET", template_admin, ADMIN_ONLY),
]
