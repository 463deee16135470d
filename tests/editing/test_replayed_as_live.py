"""A past call played again decides as the live way did, also where rules wait while the customer speaks."""

from __future__ import annotations

import pytest

from coaching.dialogues import Turn
from coaching.models import Guidance
from coaching.replay import FIRST_PARTIAL_MS, PARTIAL_EVERY_MS, Known, document_compiled, steps
from engines.rules import CompiledMoments
from tests.conftest import World
from tests.editing.documents import document, rule
from tests.understanding import call_begin, policy_make

CHECK = "let me look at your price"
# Sequences go by when words are final: agents speak into what customers say.
TURNS = (
    Turn(1, "agent", 0, 3_000, "hello how can i help"),
    Turn(2, "agent", 8_000, 10_000, CHECK),
    Turn(3, "customer", 4_000, 20_000, "well it went up again and again and nobody told me why it did"),
    Turn(4, "agent", 26_000, 28_000, CHECK),
    Turn(5, "agent", 40_000, 41_000, CHECK),
    Turn(6, "customer", 40_500, 43_000, "yes please do"),
    Turn(7, "agent", 50_000, 52_000, CHECK),
    # It goes on for so long that the hint would come too late.
    Turn(8, "customer", 51_000, 90_000, "and so on and so on"),
    Turn(9, "agent", 95_000, 96_000, "goodbye"),
)
WAITS = {"quiet": True, "cooldown_ms": 0, "expires_ms": 4_000}


def _live(make_conversation, rules: list[dict]) -> list[tuple[str, int]]:
    """The same call, as the live worker hands it on: partials once a second, finals, and the clock behind them."""
    policy_make(*rules)
    call = call_begin("northwind", make_conversation(state="live"))
    call.sequence = 2
    events = [(turn.end_ms, 1, turn) for turn in TURNS]
    for turn in TURNS:
        if turn.speaker == "customer":
            ticks = range(turn.start_ms + FIRST_PARTIAL_MS, turn.end_ms, PARTIAL_EVERY_MS)
            events += [(at_ms, 0, turn) for at_ms in ticks]
    heard: set[int] = set()
    for at_ms, is_final, turn in sorted(events, key=lambda one: (one[0], one[1])):
        if is_final:
            call.say(turn.speaker, turn.text, turn.start_ms, turn.end_ms)
            heard.add(turn.sequence)
        else:
            call.partial(turn.speaker, "so", turn.start_ms, at_ms)
        begun = [one.start_ms for one in TURNS if one.sequence not in heard and one.start_ms <= at_ms]
        call.tick(min(begun, default=at_ms))
    call.end(97_000)
    return list(Guidance.objects.order_by("at_ms").values_list("title", "at_ms"))


def _replayed(rules: list[dict]) -> list[tuple[str, int]]:
    said = document_compiled(document(*rules), {})
    shown = [
        (one.action.title, one.at_ms)
        for step in steps(TURNS, CompiledMoments([]), [said], Known())
        for one in step.decisions[0]
        if one.what == "show" and one.action is not None
    ]
    return sorted(shown, key=lambda one: one[1])


@pytest.mark.parametrize("waits", [True, False])
def test_what_waits_while_the_customer_speaks_waits_in_a_replay_too(
    world: World, make_conversation, waits: bool
) -> None:
    limits = WAITS | {"quiet": waits}
    rules = [rule("price", {"phrases": ["look at your price"], "speaker": "agent"}, title="Price", **limits)]
    with world.northwind.scope():
        live = _live(make_conversation, rules)
    assert live == _replayed(rules)
    # Where it waits: until the customer's final at 20 s; not where the customer has only begun, at 41 s; and what came
    # at 52 s is stale when the customer has finished, at 90 s.
    times = [at_ms for _title, at_ms in live]
    assert times == ([20_000, 28_000, 41_000] if waits else [10_000, 28_000, 41_000, 52_000])
