"""Whether an agent's outcome was right, judged from the transcript and the policy alone: `--data FILE --policy FILE`.

Transcripts with calls of tools and a checked outcome (JSON Lines). Two judges:

- by rules (`bench.qa_rules`), each written from the policy's sentences: what was done against what it allows, what was
  agreed against what was done. The figures of the bench are theirs;
- by a language model, with `--provider` (the address of a server that speaks OpenAI's chat completions, its key in
  `BENCH_PROVIDER_KEY`): the product's own task `qa_judge` with the policy as the guideline. Its figures stand under
  `model`. A quote that is not in the transcript voids its answer, which then passes nothing.

Neither sees what the customer was told to want, nor what was expected. `majority` is what the set's commonest outcome
would reach; `false_pass_rate` the share of wrong outcomes that pass.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.qa_policy import Policy, policy_of
from bench.qa_rules import judge, noticed
from bench.qa_transcripts import Trial, read
from bench.report import Unmeasured, percentile, say
from engines.agreement import cohens_kappa

WHAT = "how often a judge of transcripts agrees with the checked outcome"
KEY_NAME = "BENCH_PROVIDER_KEY"
AT_ONCE = 4


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of this bench."""
    parser.add_argument("--data", type=Path, required=True, help="transcripts with outcomes, JSON Lines")
    parser.add_argument("--policy", type=Path, required=True, help="the policy, as text")
    parser.add_argument("--provider", default="", help="a chat server's address, for the model judge")
    parser.add_argument("--provider-model", default="", help="the model that it is asked for")
    parser.add_argument("--limit", type=int, default=0, help="transcripts for the model judge (0: all)")


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Judge and count. Raises `Unmeasured`."""
    if bool(options.provider) != bool(options.provider_model):
        raise Unmeasured("give --provider with --provider-model")
    try:
        words = options.policy.read_text()
        trials = read(options.data)
    except (OSError, ValueError) as error:
        raise Unmeasured(str(error)) from error
    if not trials:
        raise Unmeasured("no transcripts")
    policy = policy_of(words)
    if policy == Policy():
        raise Unmeasured("the policy has no sentence that rules can be made of")
    found: dict[str, list[str]] = {}
    took = []
    for trial in trials:
        began = time.process_time_ns()
        found[trial.key] = sorted({one.rule for one in judge(policy, trial)})
        took.append((time.process_time_ns() - began) / 1e6)
    passed = {key: not rules for key, rules in found.items()}
    result = figures(trials, passed) | {
        "judge": "rules",
        "transcripts": len(trials),
        "right": sum(one.right for one in trials),
        "rules": _by_rule(trials, found),
        "noticed": _by_rule(
            trials, {one.key: sorted({n.rule for n in noticed(policy, one)}) for one in trials}
        ),
        "p95_cpu_ms": round(percentile(took, 95), 2),
    }
    if options.provider:
        result["model"] = _by_model(trials[: options.limit or None], words, options)
    return result


def figures(trials: Sequence[Trial], passed: dict[str, bool]) -> dict[str, Any]:
    """What one judge reached: the bench's keys, and the four counts that they are made of."""
    pairs = [(passed[one.key], one.right) for one in trials]
    counts = Counter(pairs)
    wrong = counts[True, False] + counts[False, False]
    kappa = cohens_kappa([(str(one), str(other)) for one, other in pairs])
    return {
        "agreement": round((counts[True, True] + counts[False, False]) / len(pairs), 4),
        "kappa": None if kappa is None else round(kappa, 4),
        "false_pass_rate": round(counts[True, False] / wrong, 4) if wrong else None,
        "majority": round(max(Counter(right for _passed, right in pairs).values()) / len(pairs), 4),
        "passed": {"right": counts[True, True], "wrong": counts[True, False]},
        "failed": {"right": counts[False, True], "wrong": counts[False, False]},
    }


def _by_rule(trials: Sequence[Trial], found: dict[str, list[str]]) -> dict[str, dict[str, int]]:
    """How often each rule spoke, of outcomes that were wrong and of those that were right."""
    told: dict[str, dict[str, int]] = {}
    for one in trials:
        for rule in found[one.key]:
            counts = told.setdefault(rule, {"wrong": 0, "right": 0})
            counts["right" if one.right else "wrong"] += 1
    return dict(sorted(told.items()))


# --- The model judge ---------------------------------------------------------------------------------------


def _by_model(trials: Sequence[Trial], policy: str, options: argparse.Namespace) -> dict[str, Any]:
    from engines.language.call import Call
    from engines.language.qa_judge import QA_JUDGE, Line, Question, Verdicts, variables
    from engines.language.router import Router
    from engines.language.tasks import Outcome, Route
    from engines.redaction.text import RedactedText

    question = Question(
        "Did the agent do what the policy lets them do for this customer, all of it, and nothing against it?",
        (("yes", "yes"), ("no", "no")),
        policy,
    )
    route = Route(
        "bench", "bench", options.provider, options.provider_model, api_key=os.environ.get(KEY_NAME, "")
    )

    async def ask(router: Router, trial: Trial) -> Outcome[Verdicts]:
        # The set is synthetic: nothing in it needs redacting.
        lines = [
            Line(number, who, RedactedText(words)) for number, (who, words) in enumerate(trial.lines, start=1)
        ]
        call = Call(
            "bench", QA_JUDGE, QA_JUDGE.prompt, (route,), variables(lines, [question], "English"), fresh=True
        )
        return await router.run(call)

    async def all_of_them() -> list[Outcome[Verdicts]]:
        router, places = Router(), asyncio.Semaphore(AT_ONCE)

        async def one(number: int, trial: Trial) -> Outcome[Verdicts]:
            async with places:
                outcome = await ask(router, trial)
            say(f"{number}/{len(trials)} {trial.key}: {outcome.fault or 'answered'}")
            return outcome

        return await asyncio.gather(*(one(number, trial) for number, trial in enumerate(trials, start=1)))

    outcomes = asyncio.run(all_of_them())
    told = {
        trial.key: _verdict(trial, outcome.value) for trial, outcome in zip(trials, outcomes, strict=True)
    }
    answered = [one for one in trials if told[one.key] in {"yes", "no"}]
    if not answered:
        raise Unmeasured(f"the model answered nothing: {', '.join(sorted(set(told.values())))}")
    tokens = [(r.tokens_in, r.tokens_out) for outcome in outcomes for r in outcome.records]
    return figures(trials, {key: value == "yes" for key, value in told.items()}) | {
        "model": options.provider_model,
        "transcripts": len(trials),
        "answered": len(answered),
        "void": sum(value == "void" for value in told.values()),
        "tokens_in": sum(one for one, _out in tokens),
        "tokens_out": sum(out for _in, out in tokens),
        "among_answered": figures(answered, {one.key: told[one.key] == "yes" for one in answered}),
    }


def _verdict(trial: Trial, verdicts: Any) -> str:
    """yes or no; "void" where a quote is not there, "open" where no answer came."""
    verdict = next((one for one in verdicts.answers if one.question == 1), None) if verdicts else None
    value = verdict.value.strip().lower() if verdict else ""
    if verdict is None or value not in {"yes", "no"}:
        return "open"
    lines = [" ".join(words.split()) for _who, words in trial.lines]
    quotes = [" ".join(one.words.split()) for one in verdict.quotes]
    if any(quote and not any(quote in line for line in lines) for quote in quotes):
        return "void"
    return value if any(quotes) or verdict.looked_for.strip() else "void"
