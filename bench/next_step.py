"""How often the suggested next action of an agent is the one he took: `--train FILE --data FILE --schemas DIR`.

Dialogues in JSON Lines (`task`, `events`, of which the agent's carry `action`); playbooks one file a task. Tasks of
which training has dialogues and tasks of which only the playbook is known are reported apart
(`engines.next_step.trial` says what is counted).
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from bench.report import Unmeasured, percentile, say
from engines.next_step.dialogue import read_dialogues
from engines.next_step.schema import read_schemas
from engines.next_step.trial import Count
from engines.next_step.trial import measure as measure_dialogues

WHAT = "how often the suggested next step is the agent's"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Say where dialogues and playbooks are."""
    parser.add_argument("--train", type=Path, required=True, help="dialogues to learn from, JSON Lines")
    parser.add_argument("--data", type=Path, required=True, help="dialogues to measure on, JSON Lines")
    parser.add_argument("--schemas", type=Path, required=True, help="folder with one playbook a task")


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Train and count. Raises `Unmeasured` if files are missing or cannot be read."""
    try:
        training, test = read_dialogues(options.train), read_dialogues(options.data)
        schemas = read_schemas(options.schemas)
    except (OSError, ValueError) as error:
        raise Unmeasured(str(error)) from error
    if not any(True for dialogue in test for _decision in dialogue.decisions()):
        raise Unmeasured("no labelled action to measure on")
    try:
        seen, unseen, how = measure_dialogues(training, test, schemas, seed=options.seed, say=say)
    except ValueError as error:
        raise Unmeasured(str(error)) from error
    # Every decision once: as of a seen task where its task is one, of an unseen task otherwise.
    left_out = "left out" in how.get("unseen", "")
    every = _together(seen) if left_out else _together(seen, unseen)
    took = [nanoseconds / 1e6 for nanoseconds in (*seen.took_ns, *unseen.took_ns)]
    return {
        "accuracy": _round(every.share()),
        "seen_accuracy": _round(seen.share()),
        "unseen_accuracy": _round(unseen.share()),
        "how": how,
        "dialogues": {"train": len(training), "data": len(test)},
        "decisions": {"seen": len(seen.sure), "unseen": len(unseen.sure)},
        "seen": _figures(seen),
        "unseen": _figures(unseen),
        "p50_ms": round(percentile(took, 50), 3),
        "p99_ms": round(percentile(took, 99), 3),
    }


def _together(*counts: Count) -> Count:
    joint = Count()
    for count in counts:
        for task, hits in count.hits.items():
            joint.hits[task] = joint.hits[task] + hits
    return joint


def _figures(count: Count) -> dict[str, Any]:
    shares = count.by_task()
    sure = [right for probability, right in count.sure if probability >= 0.8]
    return {
        "among_three": _round(count.share(1)),
        "same_words": _round(count.share(2)),
        "mean_of_tasks": _round(sum(shares.values()) / len(shares)) if shares else None,
        "tasks": {task: _round(share) for task, share in shares.items()},
        "sure_share": _round(len(sure) / len(count.sure)) if count.sure else None,
        "sure_accuracy": _round(sum(sure) / len(sure)) if sure else None,
    }


def _round(share: float | None) -> float | None:
    return None if share is None else round(share, 4)
