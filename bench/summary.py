"""How well summaries are taken from transcripts: `--data FILE`.

Calls in JSON Lines (`turns` of `role` and `text`, as in `../shared/data/dev/summary/ms_km_calls_silver.jsonl`), summed
up without a model by the template of the house. Counted:

- `unsupported_rate`: of the lines, those that the check for models' lines (`engines.language.summary.checking`) would
  drop. The lines are quotes, so that this is a check of both.
- `coverage`: where there are reference summaries (`silver_summaries`), of the words of meaning that at least half of a
  call's references share and that were said in the call, those that the summary's lines have, a mean over the calls.
  The references were written by a model: a smoke test. Without them: of the clauses in which somebody requests,
  promises, refuses or reports, those whose utterance a line cites.
- `p95_ms`: of one call's summary. `hour_ms`: of a call of an hour, made of the set's calls one after the other.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

from bench.report import Unmeasured, percentile, say
from engines.language.clauses import Line, clauses_of
from engines.language.evidence import content
from engines.language.summary import Draft, Talk, fill
from engines.language.summary.acts import acts_of
from engines.language.summary.checking import check
from engines.language.summary.template import DEFAULT

WHAT = "summaries taken from transcripts: support, coverage, time"
DAY = date(2026, 1, 5)
REPEATS = 5
# Of speech: a turn's length where the set gives none, and as many words a minute as people say.
WORDS_A_MINUTE, PAUSE_MS, HOUR_MS = 150, 500, 3_600_000
TOLD = {"request", "promise", "refusal", "report"}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Say where the calls are."""
    parser.add_argument("--data", type=Path, required=True, help="calls, JSON Lines")


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Sum up each call and count. Raises `Unmeasured` if the file is missing or holds no calls."""
    try:
        calls = [json.loads(line) for line in options.data.read_text("utf-8").splitlines() if line.strip()]
        talks = [_lines(call["turns"]) for call in calls]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Unmeasured(f"no calls in {options.data}: {type(error).__name__}") from error
    if not any(talks):
        raise Unmeasured("no call to sum up")
    say(f"{len(talks)} calls")
    drafts, took = [], []
    for lines in talks:
        for _number in range(REPEATS):
            began = time.perf_counter_ns()
            draft = fill(Talk(lines, day=DAY))
            took.append((time.perf_counter_ns() - began) / 1e6)
        drafts.append(draft)
    told = [(line, lines) for draft, lines in zip(drafts, talks, strict=True) for line in draft.lines]
    sections = {one.key: one for one in DEFAULT}
    dropped: Counter[str] = Counter()
    for line, lines in told:
        cited = [one for one in lines if one.sequence in line.evidence]
        verdict = check(sections[line.section], line.text, cited, day=DAY)
        if not verdict.holds:
            dropped[verdict.why] += 1
    shares = [
        _coverage(call.get("silver_summaries") or [], lines, draft)
        for call, lines, draft in zip(calls, talks, drafts, strict=True)
    ]
    known = [one for one in shares if one is not None]
    hour = _hour(talks)
    began = time.perf_counter_ns()
    fill(Talk(hour, day=DAY))
    hour_ms = (time.perf_counter_ns() - began) / 1e6
    return {
        "unsupported_rate": round(sum(dropped.values()) / len(told), 4) if told else None,
        "coverage": round(sum(known) / len(known), 4) if known else None,
        "p95_ms": round(percentile(took, 95), 2),
        "way": "extractive",
        "calls": len(talks),
        "lines": len(told),
        "unsupported": dict(dropped),
        "filled": dict(Counter(line.section for line, _lines in told)),
        "without_reason": sum(not draft.section("reason") for draft in drafts),
        "coverage_of": "words that references share"
        if any(c.get("silver_summaries") for c in calls)
        else "acts",
        "p50_ms": round(percentile(took, 50), 2),
        "hour_ms": round(hour_ms, 1),
        "hour_utterances": len(hour),
    }


def _lines(turns: list[dict[str, Any]]) -> list[Line]:
    found, at = [], 0
    for number, turn in enumerate(turns, 1):
        words = str(turn["text"])
        end = at + max(500, len(words.split()) * 60_000 // WORDS_A_MINUTE)
        found.append(Line(number, "customer" if turn["role"] == "customer" else "agent", at, end, words))
        at = end + PAUSE_MS
    return found


def _hour(talks: list[list[Line]]) -> list[Line]:
    """The calls one after the other, again and again, until an hour is full."""
    found: list[Line] = []
    at = 0
    while at < HOUR_MS:
        for lines in talks:
            found += [
                Line(len(found) + number, one.speaker, at + one.start_ms, at + one.end_ms, one.text)
                for number, one in enumerate(lines, 1)
            ]
            at = found[-1].end_ms + PAUSE_MS if found else HOUR_MS
    return found


def _coverage(references: list[str], lines: list[Line], draft: Draft) -> float | None:
    if references:
        counted = Counter(word for text in references for word in content(text))
        said = set().union(*(content(line.text) for line in lines))
        wanted = {word for word, times in counted.items() if 2 * times >= len(references)} & said
        told = set().union(*(content(line.text) for line in draft.lines))
        return len(wanted & told) / len(wanted) if wanted else None
    clauses = clauses_of(lines)
    cited = {number for line in draft.lines for number in line.evidence}
    acts = [clause for clause, act in zip(clauses, acts_of(clauses), strict=True) if act in TOLD]
    return sum(not cited.isdisjoint(one.evidence) for one in acts) / len(acts) if acts else None
