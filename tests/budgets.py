"""How many queries a page may take, kept as data in `query_budgets.json`: a page that grows must say so there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.db import connection
from django.test.utils import CaptureQueriesContext

BUDGETS: dict[str, int] = json.loads((Path(__file__).parent / "query_budgets.json").read_text())


@contextmanager
def query_budget(name: str) -> Iterator[CaptureQueriesContext]:
    """Fail if the block takes more queries than the budget of that name, or two fewer: then lower the budget."""
    with CaptureQueriesContext(connection) as captured:
        yield captured
    count, budget = len(captured), BUDGETS[name]
    sql = "\n".join(f"{number}. {query['sql'][:200]}" for number, query in enumerate(captured, 1))
    assert count <= budget, f"{name}: {count} queries, {budget} allowed\n{sql}"
    assert count > budget - 2, (
        f"{name}: {count} queries, the budget of {budget} is too large; lower it\n{sql}"
    )
