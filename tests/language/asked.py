"""What tests of language models ask and set up."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from engines.language.chat_replies import CHAT_REPLY, variables
from engines.language.tasks import Outcome
from engines.redaction.text import RedactedText
from providers.language import task_run
from providers.language_services import case_save, revision_create
from providers.models import (
    ChatServer,
    EvaluationCase,
    PromptRevision,
)
from providers.services import chat_server_create
from tests.peers.chat import ChatServer as Peer
from tests.peers.chat import say

SYSTEM = "Between <<{{boundary}} stands data. Propose {{most}} replies."
State = PromptRevision.State


def server_of(peer: Peer, name: str = "Ours", **fields: Any) -> ChatServer:
    given = {"model": "ours-8b", "inside": True, "price_in": Decimal(2), "price_out": Decimal(10)}
    return chat_server_create(name=name, base_url=peer.url, **given | fields)


def replies(text: str = "hello", **given: Any) -> Outcome[Any]:
    return task_run(CHAT_REPLY, variables([("customer", RedactedText(text))], 2), **given)


def say_replies(*texts: str) -> str:
    return say({"replies": list(texts)})


def case(
    contains: str = "Leeds", text: str = "where is my order, i am on 4111 1111 1111 1111"
) -> EvaluationCase:
    made = EvaluationCase(
        task="chat_reply",
        variables={"turns": text, "most": {"ours": "2"}},
        expectation={"contains": [contains]},
    )
    return case_save(case=made, actor=None)


def draft(system: str = SYSTEM, **given: Any) -> PromptRevision:
    return revision_create(task="chat_reply", system=system, user="{{turns}}", actor=None, **given)
