"""Who may try the company's redaction policy, and pause calls while a card is given."""

from __future__ import annotations

from dataclasses import replace

from conversations.models import RedactionCheck
from conversations.pci import pci_pause
from conversations.redaction.policy import redaction_policy
from conversations.redaction.policy_changes import policy_save
from engines.redaction.custom import CustomType
from tests import live_events as live
from tests.conftest import Company
from tests.past_calls import past_call

ADMINS = {"nobody": 401, "agent": 403, "supervisor": 403, "analyst": 403, "admin": 200}
PAUSING = {
    "nobody": 401,
    "agent": 200,
    "teammate": 404,
    "outsider": 404,
    "supervisor": 200,
    "other_supervisor": 404,
    "analyst": 403,
    "admin": 200,
}


def pause(company: Company) -> str:
    call = live.call_begin(company.people["agent"], ago_seconds=60)
    return f"/api/v1/conversations/{call.pk}/pci-pause/"


def resume(company: Company) -> str:
    call = live.call_begin(company.people["agent"], ago_seconds=60)
    pci_pause(conversation=call, source="api")
    return f"/api/v1/conversations/{call.pk}/pci-resume/"


def own_type(company: Company) -> str:
    with_type = replace(redaction_policy(), custom=(CustomType("BADGE", "badge", words=("blue badge",)),))
    if not redaction_policy().revision:
        policy_save(policy=with_type, reason="Audit", actor=None, revision=0)
    return "/api/v1/redaction-types/BADGE/"


def remove(company: Company) -> str:
    return own_type(company) + "remove/"


def reading(company: Company) -> str:
    past = past_call(agent=company.people["agent"], queue=company.queue)
    row, _made = RedactionCheck.objects.get_or_create(conversation=past.conversation)
    return f"/api/v1/redaction-checks/{row.pk}/"


def read_again(company: Company) -> str:
    return reading(company) + "read-again/"


CHANGE = {"made_from": 1, "reason": "Audit"}
BADGE = {"name": "BADGE", "words": ["blue badge"]}
ROWS = [
    ("POST", "/api/v1/redaction/preview/", ADMINS, {"profile": "strict"}),
    ("GET", "/api/v1/redaction-types/", ADMINS),
    (
        "POST",
        "/api/v1/redaction-types/",
        ADMINS | {"admin": 201},
        BADGE | {"made_from": 0, "reason": "Audit"},
    ),
    ("POST", "/api/v1/redaction-types/try/", ADMINS, BADGE | {"text": "a blue badge"}),
    ("GET", own_type, ADMINS),
    ("PUT", own_type, ADMINS, CHANGE | {"words": ["red badge"]}),
    ("POST", remove, ADMINS, CHANGE),
    ("GET", "/api/v1/redaction-checks/", ADMINS),
    ("GET", reading, ADMINS),
    ("POST", read_again, ADMINS | {"admin": 202}),
    ("POST", "/api/v1/redaction/try/", ADMINS, {"text": "my card is 4111 1111 1111 1111"}),
    (
        "POST",
        "/api/v1/redaction/",
        ADMINS | {"admin": 201},
        {"made_from": 0, "reason": "Audit", "profile": "strict"},
    ),
    ("POST", pause, PAUSING),
    ("POST", resume, PAUSING),
]
