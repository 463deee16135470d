"""A call for tests of the policy language: people speak in turn, a clock is set, decisions come in brief."""

import json

from engines.rules import CompiledMoments, Heard, MomentEngine, MomentSpec
from engines.rules.compiled import CompiledPolicies
from engines.rules.engine import RuleEngine
from engines.rules.reading import parse_policy

NAMES = {
    "cancel": "Cancel threat",
    "offer": "Retention offer",
    "recording": "Recording notice",
    "calm": "Calm",
}
MOMENTS = CompiledMoments(
    [
        MomentSpec("cancel", NAMES["cancel"], "r", "phrase", "customer", ("cancel*",)),
        MomentSpec("offer", NAMES["offer"], "r", "phrase", "agent", ("(offer|discount)",)),
        MomentSpec("recording", NAMES["recording"], "r", "phrase", "agent", ("recorded",)),
        MomentSpec("calm", NAMES["calm"], "r", "phrase", "customer", ("thank you",)),
        MomentSpec("silent", "Notice missing", "r", "absence", expected="recording", within_ms=20_000),
    ]
)
CANCEL = {"heard": "cancel", "speaker": "customer"}
OFFER = {"heard": "offer", "speaker": "agent"}


def rule(when, *then, id="r", **options):
    """One rule as JSON; without actions it tags the call, so that it can act again and again."""
    then = list(then) or [{"do": "webhook", "note": id}]
    return {"id": id, "name": id, "when": when, "then": then, "cooldown_ms": 0} | options


def hint(title="Hint", **more):
    return {"do": "hint", "title": title} | more


def compiled(*rules, **parts):
    return CompiledPolicies({"p": parse_policy({"format": 1, "rules": list(rules)} | parts)}, NAMES)


class Call:
    """Drives an engine and its moments; keeps what was said and decided."""

    def __init__(self, *rules, fields=None, started=None, policies=None, **parts):
        self.policies = policies or compiled(*rules, **parts)
        self.fields, self.started = fields, started
        self.texts = {}
        self.sequence = 0
        self.engine, self.moments = self._new()
        self.begun = self.engine.start()

    def _new(self):
        return RuleEngine(self.policies, self.fields, self.started), MomentEngine(MOMENTS)

    def say(self, speaker, text, at_s, lasts_s=2.0):
        """A final utterance from a second of the call on."""
        self.sequence += 1
        start_ms = int(at_s * 1000)
        heard = Heard(self.sequence, speaker, start_ms, start_ms + int(lasts_s * 1000), text)
        self.texts[self.sequence] = text
        return self.engine.hear(heard, self.moments.hear(heard))

    def customer(self, text, at_s, lasts_s=2.0):
        return self.say("customer", text, at_s, lasts_s)

    def agent(self, text, at_s, lasts_s=2.0):
        return self.say("agent", text, at_s, lasts_s)

    def partial(self, speaker, text, at_s, until_s):
        heard = Heard(-1, speaker, int(at_s * 1000), int(until_s * 1000), text)
        return self.engine.partial(heard, self.moments.look(heard))

    def until(self, at_s):
        now_ms = int(at_s * 1000)
        decisions = [made for one in self.moments.advance(now_ms) for made in self.engine.observe(one)]
        return decisions + self.engine.advance(now_ms)

    def hand_over(self):
        """Let a successor go on from the state, as it is after JSON."""
        states = json.loads(json.dumps([self.engine.state(), self.moments.state()], sort_keys=True))
        self.engine, self.moments = self._new()
        self.engine.restore(states[0], self.texts.__getitem__)
        self.moments.restore(states[1])
        return states[0]


def brief(decisions):
    return [(one.rule_id, one.what) for one in decisions]


def acts(decisions):
    return [one.rule_id for one in decisions if one.what in {"do", "show", "alert", "tick", "miss"}]
