"""Questions are asked from threads of their own, in the company that they belong to, and more than one at a time."""

from __future__ import annotations

import time
from typing import Any

from engines.language.moment_detection import Question, Said
from engines.rules import Heard
from moments.asking import questions_try
from moments.questions import questions_ask
from moments.selectors import active_specs
from tests.conftest import World
from tests.language.asked import server_of
from tests.language.questions import MOVING, reads
from tests.peers.chat import chat_server
from tests.understanding import definition_make


def test_a_company_s_model_is_asked_beside_and_another_company_has_none(
    committed: World, settings: Any
) -> None:
    settings.PROVIDER_ALLOW_PRIVATE_URLS = True
    with chat_server() as peer:
        peer.found = reads(moving="we are moving")
        with committed.northwind.scope():
            server_of(peer)
            definition_make("moving", kind="question", question=MOVING)
            turns = [Heard(at, "customer", at, at, f"we are moving on day {at}") for at in range(1, 40)]
            tried = questions_try(active_specs(), turns)
        assert tried.models == ("ours-8b",) and list(tried.found) == [12]
        assert len(peer.requests) == 4
        said = [Said(1, "customer", "hello, we are moving house")]
        begun = time.monotonic()
        asked = [questions_ask(one.schema, "x", [Question("moving", MOVING)], said)
                 for one in (committed.northwind, committed.acme)]  # fmt: skip
        assert time.monotonic() - begun < 0.1, "nobody waits"
        ours, theirs = (one.result(10) for one in asked)
        assert ours.judged is not None and [one.key for one in ours.judged.yes] == ["moving"]
        assert (theirs.judged, theirs.fault) == (None, "no_model")
