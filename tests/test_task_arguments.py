"""What Celery is told: ids and names of our own. A message lies in the broker, and its arguments in logs of tools."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Iterator
from datetime import datetime
from uuid import UUID

import pytest
from celery import Task

from conversations.tasks import job_run
from cresta_app.celery import app
from tests import task_guard
from tests.leaks.planted import KEPT_FROM
from tests.task_guard import Refused, check_arguments, guard

# A parameter of another kind could hold what people said.
KINDS = {str, int, bool, float, UUID, datetime}
# Of texts, those that are ids, or our own names for something.
NAMES = ("_id", "_ids", "schema", "reason", "provider", "key", "since")


def tasks() -> Iterator[tuple[str, Task]]:
    app.loader.import_default_modules()
    for name, task in sorted(app.tasks.items()):
        if not name.startswith("celery."):
            yield name, task


def test_tasks_take_ids_and_names_of_our_own() -> None:
    wrong, seen = [], 0
    for name, task in tasks():
        seen += 1
        kinds = typing.get_type_hints(task.run)
        for parameter in inspect.signature(task.run).parameters.values():
            kind = kinds.get(parameter.name)
            plain = {one for one in typing.get_args(kind) or (kind,) if one is not type(None)}
            named = str not in plain or parameter.name.endswith(NAMES)
            if parameter.kind is not parameter.KEYWORD_ONLY or not plain <= KINDS or not named:
                wrong.append(f"{name}({parameter})")
    assert seen >= 10
    assert not wrong, wrong


@pytest.mark.parametrize(
    "arguments",
    [
        {"job_id": KEPT_FROM.note},
        {"job_id": KEPT_FROM.card},
        {"job_id": "four five three nine"},
        {"job_id": KEPT_FROM.email},
        {"job_id": {"deep": ["a text of several words"]}},
        {"job_id": "x" * 200},
    ],
)
def test_the_guard_refuses_what_is_no_id(arguments: dict[str, object]) -> None:
    with pytest.raises(Refused):
        check_arguments("a task", (), arguments)
    with pytest.raises(Refused), guard():
        job_run.apply_async(kwargs=arguments)


def test_the_guard_lets_ids_pass() -> None:
    check_arguments(
        "a task", (), {"job_id": "0199f0c2-1234-7890-8123-123456789012", "n": 3, "reason": "stop"}
    )


def test_the_guard_stands_in_every_test() -> None:
    assert task_guard._standing


def test_results_are_not_kept() -> None:
    assert app.conf.task_ignore_result and not app.conf.result_backend
