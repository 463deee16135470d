"""Whether search knows when it has an answer: `--docs FILE --queries FILE --others FILE …`; `--train` weighs anew.

Asked are sentences, as a customer says them: those of situations (`customer_situation`, `relevant_doc_ids`) of the
documents in `--docs`; our own questions to the sample companies' documents, some of which nothing there answers; and
`--others`, sentences of other trades (`text`, or dialogues with `customer_turns`), which neither answers. An answer is
right where the best passage's document is one that is named for it.

The weights are judged on what they have not seen: situations and questions are dealt into five parts, each judged by
weights from the other four. `--train` then writes the weights of all five (`engines/retrieval/confidence.json`).
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bench.house import House, house_open
from bench.report import Unmeasured, say
from engines.retrieval.confidence import BY_ITSELF, FEATURES, THRESHOLD, WEIGHTS, Evidence
from engines.retrieval.sentences import read

WHAT = "whether search knows when it has an answer"

QUESTIONS = Path(__file__).with_name("confidence_questions.jsonl")
PARTS = 5
# Of other trades, asked of each set of documents.
OTHERS = 400
BINS = 10
LEAST_WORDS = 4
# There are many sentences of situations, most of which ask nothing and are about that customer alone; all of them
# together count as much as our own questions.
BANK, SAMPLES = "situations", "sample companies"
BANK_OTHERS, SAMPLES_OTHERS = "other trades, of the bank", "other trades, of the sample companies"
COUNTS = {BANK: 0.1, BANK_OTHERS: 0.2, SAMPLES_OTHERS: 0.2}


@dataclass(frozen=True, slots=True)
class Case:
    """A question, what speaks for the passage that was found, and whether that answers. `part`: 0 to 4."""

    of: str
    part: int
    text: str
    evidence: Evidence
    right: bool


def add_options(parser: argparse.ArgumentParser) -> None:
    """Say where documents and questions are."""
    parser.add_argument("--docs", type=Path, required=True, help="documents, JSON Lines")
    parser.add_argument("--queries", type=Path, required=True, help="situations, JSON Lines")
    parser.add_argument("--others", type=Path, nargs="+", required=True, help="sentences of other trades")
    parser.add_argument("--train", action="store_true", help="write the weights")
    parser.add_argument("--cases", type=Path, help="write what was found, one line for each question")


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Ask, weigh, judge. Raises `Unmeasured`."""
    documents = rows_read(options.docs, ("id", "title", "content"))
    asked = rows_read(options.queries, ("customer_situation", "relevant_doc_ids"))
    others = [text for path in options.others for text in _others(path)]
    lot = random.Random(options.seed)
    with house_open() as house:
        cases = [*_told(house, documents, asked, others, lot), *_demo(house, others, lot)]
    if options.cases:
        options.cases.write_text("".join(json.dumps(_row(case)) + "\n" for case in cases))
    return weighed(cases, train=options.train)


def weighed(cases: Sequence[Case], *, train: bool) -> dict[str, Any]:
    """Learn the weights and judge them."""
    held_out = np.zeros(len(cases))
    counts = np.array([COUNTS.get(case.of, 1.0) for case in cases])
    part = np.array([case.part for case in cases])
    features = np.array([case.evidence.features() for case in cases])
    right = np.array([case.right for case in cases], float)
    for number in range(PARTS):
        weights = weights_learn(features[part != number], right[part != number], counts[part != number])
        held_out[part == number] = _sure(features[part == number], weights)
    learnt = weights_learn(features, right, counts)
    if train:
        WEIGHTS.write_text(
            json.dumps(dict(zip(FEATURES, np.round(learnt, 4).tolist(), strict=True)), indent=1) + "\n"
        )
    result: dict[str, Any] = {"threshold": THRESHOLD, "all": judged(held_out, right, counts)}
    for name in dict.fromkeys(case.of for case in cases):
        these = np.array([case.of == name for case in cases])
        result[name] = judged(held_out[these], right[these]) | _by_itself(held_out[these], right[these])
    result["weights"] = dict(zip(FEATURES, np.round(learnt, 3).tolist(), strict=True))
    return result


def judged(sure: Any, right: Any, counts: Any = None) -> dict[str, float]:
    """Reliability of confidences, and what the threshold does. `ece`: the mean distance between confidence and share of
    right ones, over ten bins of confidence, weighed by how many are in each. `counts`: how much each question counts
    for reliability."""
    counts = np.ones(len(right)) if counts is None else counts
    place = np.minimum((sure * BINS).astype(int), BINS - 1)
    gaps = [abs(float((counts * (sure - right))[place == one].sum())) for one in range(BINS)]
    usual = float((counts * right).sum() / counts.sum())
    shown = sure >= THRESHOLD
    good = float((shown * right).sum())
    return {
        "questions": len(right),
        "answerable": int(right.sum()),
        "brier": round(float((counts * (sure - right) ** 2).sum() / counts.sum()), 4),
        "brier_of_the_mean": round(usual * (1 - usual), 4),
        "ece": round(sum(gaps) / float(counts.sum()), 4),
        "taken": int(shown.sum()),
        "precision": round(good / max(1.0, float(shown.sum())), 4),
        "recall": round(good / max(1.0, float(right.sum())), 4),
        "taken_of_wrong": round(float((shown * (1 - right)).sum()) / max(1.0, float((1 - right).sum())), 4),
    }


def _by_itself(sure: Any, right: Any) -> dict[str, int]:
    shown = sure >= BY_ITSELF
    return {"by_itself": int(shown.sum()), "by_itself_right": int((shown * right).sum())}


def _sure(features: Any, weights: Any) -> Any:
    return 1 / (1 + np.exp(-(features @ weights)))


def _row(case: Case) -> dict[str, Any]:
    features = dict(zip(FEATURES, np.round(case.evidence.features(), 4).tolist(), strict=True))
    return {"of": case.of, "part": case.part, "text": case.text, "right": case.right, **features}


def weights_learn(features: Any, right: Any, counts: Any, *, held_back: float = 1.0) -> Any:
    """The weights of a logistic regression, by Newton's method; all but the first are held back (L2). `counts`: how
    much each row counts."""
    weights = np.zeros(features.shape[1])
    penalty = np.full(features.shape[1], held_back)
    penalty[0] = 0.0
    for _step in range(50):
        sure = _sure(features, weights)
        gradient = features.T @ (counts * (sure - right)) + penalty * weights
        spread = (features * (counts * sure * (1 - sure))[:, None]).T @ features + np.diag(penalty + 1e-9)
        step = np.linalg.solve(spread, gradient)
        weights = weights - step
        if np.abs(step).max() < 1e-8:
            break
    return weights


def rows_read(path: Path, needed: Sequence[str]) -> list[dict[str, Any]]:
    """Rows of JSON Lines that have these keys. Raises `Unmeasured`."""
    try:
        rows = [json.loads(line) for line in path.read_text().splitlines() if line.strip()]
    except (OSError, ValueError) as error:
        raise Unmeasured(str(error)) from error
    if not rows or any(not isinstance(row, dict) or not row.keys() >= set(needed) for row in rows):
        raise Unmeasured(f"{path} has not rows of {', '.join(needed)} alone")
    return rows


# --- What is asked --------------------------------------------------------------------------------------


def _others(path: Path) -> Iterable[str]:
    for row in rows_read(path, ()):
        turns = [turn["text"] for turn in row["customer_turns"]] if "customer_turns" in row else [row["text"]]
        # Banks' talk may be answered by a bank's documents.
        if row.get("domain") not in {"finance", "banking"} and row.get("intent") not in BANKING:
            yield from (text for text in turns if len(text.split()) >= LEAST_WORDS)


# Of CLINC150: what a bank or a telephone company is asked, too.
# fmt: off
BANKING = frozenset([
    "improve_credit_score", "replacement_card_duration", "application_status", "rollover_401k", "balance",
    "transactions", "rewards_balance", "pay_bill", "spending_history", "credit_score", "new_card", "apr",
    "bill_due", "damaged_card", "report_lost_card", "exchange_rate", "credit_limit", "pin_change",
    "account_blocked", "international_fees", "report_fraud", "min_payment", "interest_rate",
    "direct_deposit", "credit_limit_change", "bill_balance", "redeem_rewards", "income", "order_checks",
    "card_declined", "freeze_account", "transfer", "routing", "expiration_date", "taxes", "w2", "payday",
    "travel_notification", "order_status", "change_user_name", "find_phone", "sync_device", "user_name",
    "cancel", "order", "schedule_maintenance", "insurance", "insurance_change",
])
# fmt: on


def _told(
    house: House, documents: Sequence[Any], asked: Sequence[Any], others: list[str], lot: random.Random
) -> Iterable[Case]:
    from knowledge.models import Collection
    from tenants.scope import schema_scope

    with schema_scope(house.schema):
        say(f"saving {len(documents)} documents")
        collection = Collection.objects.create(name="Bench", on_private=Collection.OnPrivate.PUBLISH)
        ids = _saved(collection, ((row["id"], row["title"], row["content"]) for row in documents))
        for number, row in enumerate(asked):
            for text in read(row["customer_situation"]).sentences:
                if len(text.split()) >= LEAST_WORDS:
                    yield from _case(BANK, number % PARTS, text, ids, set(row["relevant_doc_ids"]))
        for number, text in enumerate(lot.sample(others, min(OTHERS, len(others)))):
            yield from _case(BANK_OTHERS, number % PARTS, text, ids, set())
        collection.delete()


def _demo(house: House, others: list[str], lot: random.Random) -> Iterable[Case]:
    from demo.provision import COLLECTIONS, handbook
    from knowledge.models import Collection
    from tenants.scope import schema_scope

    questions = rows_read(QUESTIONS, ("company", "question", "title"))
    with schema_scope(house.schema):
        for company in COLLECTIONS:
            collection = Collection.objects.create(name=company)
            ids = _saved(collection, ((title, title, body) for title, body in handbook(company)))
            of_company = [row for row in questions if row["company"] == company]
            for number, row in enumerate(of_company):
                name = SAMPLES if row["title"] else f"{SAMPLES}, nothing answers"
                yield from _case(name, number % PARTS, row["question"], ids, {row["title"]})
            for number, text in enumerate(lot.sample(others, min(OTHERS // 2, len(others)))):
                yield from _case(SAMPLES_OTHERS, number % PARTS, text, ids, set())
            collection.delete()


def _saved(collection: Any, documents: Iterable[tuple[str, str, str]]) -> dict[Any, str]:
    from knowledge.documents.services import document_save

    ids: dict[Any, str] = {}
    titles: set[str] = set()
    for key, title, body in documents:
        title = title if title not in titles else f"{title} ({key})"
        titles.add(title)
        ids[document_save(collection=collection, title=title[:200], body=body).pk] = key
    return ids


def _case(of: str, part: int, text: str, ids: dict[Any, str], wanted: set[str]) -> Iterable[Case]:
    from knowledge.search.searching import passages_search

    found = passages_search(query=text, limit=1)
    evidence = found[0].evidence if found else None
    # What is not found at all is shown to nobody.
    if evidence is not None:
        yield Case(of, part, text, evidence, ids[found[0].document_id] in wanted)
