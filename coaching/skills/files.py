"""The skill-gap view and the suggestions in rows, for files."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import IO, Any

from django.utils.translation import gettext as _

from accounts.models import User
from coaching.skills.effects import points
from coaching.skills.focus import focus_context
from coaching.skills.gaps import Cell, GapRow, gap_map
from qa.reporting.asked import Asked
from qa.reporting.figures import rounded
from qa.reporting.listed import Narrowed
from qa.reporting.tables import Row, about, table_file


def _gaps(user: User, asked: Asked, kinds: tuple[str, ...]) -> Iterator[Row]:
    found = gap_map(user, asked, kinds)
    yield [
        *(
            _("Skill"),
            _("Kind"),
            _("Scorecard or policy"),
            _("Agent"),
            _("Of"),
            _("Mean"),
            _("From"),
            _("To"),
        ),
        *(_("Top quarter"), _("Gap"), _("Few")),
    ]
    for row in found.rows:
        yield [*_skill(row), _("the whole team"), *_figures(Cell(row.team)), *_top(row), None, ""]
        for (_key, name), cell in zip(found.agents, row.cells, strict=True):
            if cell is not None:
                few = _("yes") if cell.figure.few else ""
                yield [*_skill(row), name, *_figures(cell), *_top(row), rounded(cell.gap), few]


def _skill(row: GapRow) -> Row:
    return [row.skill.name, row.skill.kind, row.skill.group]


def _figures(cell: Cell) -> Row:
    one = cell.figure
    return [one.n, rounded(one.mean), rounded(one.low), rounded(one.high)]


def _top(row: GapRow) -> Row:
    return [None if row.top is None else rounded(row.top.mean)]


def _focus(user: User, asked: Asked, _kinds: tuple[str, ...]) -> Iterator[Row]:
    yield [
        *(
            _("Agent"),
            _("Skill"),
            _("Gap"),
            _("Impact"),
            _("Points of the score"),
            _("Trend"),
            _("Change before"),
        ),
        _("Reason"),
    ]
    for one in focus_context(user, asked)["focus"]:
        for item in one["list"].items:
            change = "" if item.change is None else points(item.change.value)
            numbers = [rounded(item.gap), round(item.impact, 4), rounded(item.worth), rounded(item.trend)]
            yield [one["agent"].name, item.skill.name, *numbers, change, item.reason]
        if not one["list"].items:
            yield [one["agent"].name, "", None, None, None, None, "", one["list"].why_none]


_FILES: dict[str, tuple[Callable[[], str], Callable[[User, Asked, tuple[str, ...]], Iterator[Row]]]] = {
    "skills": (lambda: _("Skill gaps"), _gaps),
    "focus": (lambda: _("Suggested focus"), _focus),
}
FILES = tuple(_FILES)


def skills_file(
    *, user: User, name: str, form: str, asked: Asked, kinds: tuple[str, ...], address: str | None = None
) -> tuple[IO[bytes], str]:
    """Write one of `FILES` as "csv" or "xlsx" and note who took it. Returns it, to be read from its start, and its
    name."""
    title, make = _FILES[name]
    params: dict[str, Any] = {**asked.params, "kinds": ",".join(kinds)}
    file = table_file(
        user=user,
        report=f"coaching-{name}",
        form=form,
        sheets=[(title(), make(user, asked, kinds)), (_("About"), about(asked, Narrowed()))],
        params=params,
        address=address,
    )
    return file, f"coaching-{name}-{asked.since}-{asked.until}.{form}"
