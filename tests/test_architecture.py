"""Rules of the house that no other tool checks: the database from async code, sizes, names, tasks."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ROOMS = (
    *("accounts", "analytics", "coaching", "conversations", "cresta_app", "demo", "desk", "engines"),
    *("integrations", "knowledge", "moments", "providers", "qa", "tenants"),
)
# Django's asynchronous ORM. Setting a schema and then awaiting one of these reads another company's rows.
ASYNC_ORM = {
    *("aget", "afirst", "alast", "alatest", "aearliest", "acount", "aexists", "acontains", "aiterator"),
    *("acreate", "abulk_create", "abulk_update", "aget_or_create", "aupdate_or_create", "aupdate"),
    *("adelete", "asave", "arefresh_from_db", "aaggregate", "ain_bulk", "aadd", "aset", "aremove", "aclear"),
    *(
        "aexplain",
        "ausing",
        "aget_object_or_404",
        "aget_list_or_404",
        "sync_to_async",
        "database_sync_to_async",
    ),
}
BANNED_NAMES = {"utils", "util", "common", "helpers", "helper", "core", "misc"}
LINES_MAX = 500
TEST_LINES_MAX = 600


def sources() -> Iterator[Path]:
    for room in ROOMS:
        yield from (path for path in (ROOT / room).rglob("*.py") if "migrations" not in path.parts)


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def nodes_of(path: Path) -> list[ast.AST]:
    """Every node of a module: they are walked through several times."""
    return list(ast.walk(tree_of(path)))


def async_orm_uses(nodes: Iterable[ast.AST]) -> list[tuple[int, str]]:
    """Line and name of every use of the asynchronous ORM, called or not."""
    found = []
    for node in nodes:
        if isinstance(node, ast.Attribute) and node.attr in ASYNC_ORM:
            found.append((node.lineno, node.attr))
        elif isinstance(node, ast.ImportFrom):
            found += [(node.lineno, alias.name) for alias in node.names if alias.name in ASYNC_ORM]
        elif isinstance(node, ast.AsyncFor) and _is_query(node.iter):
            found.append((node.lineno, "async for"))
        elif isinstance(node, ast.comprehension) and node.is_async and _is_query(node.iter):
            found.append((node.iter.lineno, "async for"))
    return found


def _is_query(node: ast.AST) -> bool:
    """Whether an expression goes through a model's manager (`.objects`), however it goes on."""
    return any(isinstance(part, ast.Attribute) and part.attr == "objects" for part in ast.walk(node))


@pytest.mark.parametrize(
    "source",
    [
        "async def work():\n    await Conversation.objects.aget(pk=1)",
        "async def work():\n    await row.asave()",
        "async def work():\n    async for row in Conversation.objects.filter(x=1):\n        print(row)",
        "async def work():\n    return [row async for row in Conversation.objects.all()]",
        "from channels.db import database_sync_to_async",
        "from asgiref.sync import sync_to_async",
    ],
)
def test_the_ban_sees_each_form(source: str) -> None:
    assert async_orm_uses(ast.walk(ast.parse(source)))


def test_the_ban_leaves_the_rest_alone() -> None:
    source = "async def work(socket):\n    async for text in socket:\n        await socket.send(text)"
    assert not async_orm_uses(ast.walk(ast.parse(source)))


def test_no_async_orm() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line} {name}"
        for path in sources()
        for line, name in async_orm_uses(nodes_of(path))
    ]
    assert not found, "the database goes through tenants.scope: " + ", ".join(found)


def test_modules_stay_small() -> None:
    limits = dict.fromkeys(sources(), LINES_MAX)
    limits |= dict.fromkeys((ROOT / "tests").rglob("*.py"), TEST_LINES_MAX)
    long = {
        str(path.relative_to(ROOT)): lines
        for path, limit in limits.items()
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > limit
    }
    assert not long, f"a module near {LINES_MAX} lines is two modules: {long}"


def test_no_rooms_for_odds_and_ends() -> None:
    found = [
        str(path.relative_to(ROOT))
        for path in sources()
        if BANNED_NAMES & {part.removesuffix(".py") for part in path.relative_to(ROOT).parts}
    ]
    assert not found


def test_every_module_says_what_it_is_for() -> None:
    silent = [
        str(path.relative_to(ROOT))
        for path in sources()
        if path.stat().st_size
        and path.name not in {"__init__.py", "apps.py"}
        and ast.get_docstring(tree_of(path)) is None
    ]
    assert not silent


def test_tasks_take_ids_by_name() -> None:
    """What is in a message of yesterday must mean the same tomorrow: tasks have keyword-only arguments."""
    wrong, seen = [], 0
    for path in sources():
        if path.name != "tasks.py":
            continue
        for node in tree_of(path).body:
            if not isinstance(node, ast.FunctionDef):
                continue
            if any("shared_task" in ast.dump(decorator) for decorator in node.decorator_list):
                seen += 1
                if node.args.args or node.args.posonlyargs:
                    wrong.append(f"{path.relative_to(ROOT)}:{node.lineno} {node.name}")
    assert seen >= 2
    assert not wrong


def test_only_the_house_reads_its_settings() -> None:
    """Rooms know `django.conf.settings`; environment and settings module are the wiring's."""
    found = [
        str(path.relative_to(ROOT))
        for path in sources()
        if path.relative_to(ROOT).parts[0] != "cresta_app"
        and "management" not in path.parts
        and ("cresta_app" in {name.split(".")[0] for name in _imports(path)} or "environ" in _names(path))
    ]
    assert not found


def _imports(path: Path) -> Iterator[str]:
    for node in nodes_of(path):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def _names(path: Path) -> set[str]:
    return {node.attr for node in nodes_of(path) if isinstance(node, ast.Attribute)}
