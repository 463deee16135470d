"""Reports in rows, for files: the same figures as on the page, with how many they are of, and the period."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import IO, Any

from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.permissions import Permission
from accounts.services import audit
from engines.spreadsheets import Value, csv_chunks, xlsx_write
from qa.models import Evaluation
from qa.reporting.asked import Asked
from qa.reporting.criteria import criteria, heat_map
from qa.reporting.figures import Figures, distribution, groups, rounded, summary, trend
from qa.reporting.listed import Narrowed, all_behind, evaluations_behind
from qa.reporting.people import raters, throughput

Row = list[Value]
FORMS = ("csv", "xlsx")
# A workbook takes ten times as long as plain text; beyond this it would keep somebody waiting too long.
XLSX_ROWS_MAX = 20_000
# A file up to this size is made in memory.
IN_MEMORY_BYTES = 4 * 1024 * 1024
TYPES = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


@dataclass(frozen=True, slots=True)
class Report:
    """A report that can be taken as a file. `rows`: its head, then its rows, as they come."""

    name: str
    title: str
    rows: Iterable[Row]


def _heads() -> Row:
    return [
        *(_("Scores"), _("Mean"), _("Median"), _("Under the bar"), _("Under the bar, share")),
        *(_("Auto-failed"), _("By people")),
    ]


def _cells(one: Figures) -> Row:
    share = None if one.under_share is None else round(one.under_share, 4)
    return [one.n, one.mean, one.median, one.under, share, one.auto_failed, one.by_people]


def _summary(user: User, asked: Asked, _narrowed: Narrowed) -> Iterator[Row]:
    yield _heads()
    yield _cells(summary(asked.rows(user), asked))


def _distribution(user: User, asked: Asked, _narrowed: Narrowed) -> Iterator[Row]:
    yield [_("From"), _("To"), _("Scores")]
    for one in distribution(asked.rows(user)):
        yield [one.low, one.high, one.n]


def _trend(user: User, asked: Asked, _narrowed: Narrowed) -> Iterator[Row]:
    yield [_("From"), _("To"), *_heads()]
    for one in trend(asked.rows(user), asked):
        yield [one.since, one.until, *_cells(one.figures)]


def _agents(user: User, asked: Asked, _narrowed: Narrowed) -> Iterator[Row]:
    yield [
        _("Agent"),
        _("Team then"),
        *_heads(),
        _("Mean of the team"),
        _("Scores of the team"),
        _("Against it"),
    ]
    for one in groups(user, asked, "agent"):
        yield [one.name, one.team, *_cells(one.figures), one.team_mean, one.team_n or None, one.against_team]


def _grouped(by: str, head: Callable[[], str]) -> Callable[[User, Asked, Narrowed], Iterator[Row]]:
    def rows(user: User, asked: Asked, _narrowed: Narrowed) -> Iterator[Row]:
        yield [head(), *_heads()]
        for one in groups(user, asked, by):
            yield [one.name, *_cells(one.figures)]

    return rows


def _criteria(user: User, asked: Asked, _narrowed: Narrowed) -> Iterator[Row]:
    yield [
        *(_("Criterion"), _("Section"), _("Scorecard"), _("Weight"), _("Auto-fail"), _("Answers"), _("Mean")),
        *(_("Lost points"), _("Worth nothing"), _("Weight lost"), _("Share of all lost")),
    ]
    for one in criteria(asked.rows(user)):
        fail = _("yes") if one.auto_fail else _("no")
        yield [
            *(one.question, one.section, one.scorecard, one.weight, fail, one.n, one.mean),
            *(one.below, one.zero, one.lost, one.share),
        ]


def _heat_map(user: User, asked: Asked, _narrowed: Narrowed) -> Iterator[Row]:
    found = heat_map(asked.rows(user), asked)
    names = [one.name or "–" for one in found.columns]
    numbers = [_("%(name)s, answers") % {"name": name} for name in names]
    yield [_("Criterion"), _("Scorecard"), _("All"), _("All, answers"), *names, *numbers]
    for row in found.rows:
        means = [None if cell is None else cell.mean for cell in row.cells]
        counts = [0 if cell is None else cell.n for cell in row.cells]
        one = row.criterion
        yield [one.question, one.scorecard, one.mean, one.n, *means, *counts]


def _evaluators(user: User, asked: Asked, _narrowed: Narrowed) -> Iterator[Row]:
    yield [
        *(_("Evaluator"), _("Evaluations"), _("Second reviews"), _("Median time, s")),
        *(_("Of unsure ones"), _("Share of unsure ones"), _("Disputed")),
    ]
    for one in throughput(user, asked).evaluators:
        share = None if one.unsure_share is None else round(one.unsure_share, 4)
        yield [one.name, one.n, one.second, one.median_seconds, one.unsure, share, one.disputed]


def _agreement(user: User, asked: Asked, _narrowed: Narrowed) -> Iterator[Row]:
    pairs = [_("pairs"), _("percent"), _("points apart"), _("kappa")]
    both = [_("Automatic and people"), _("Two people")]
    yield [_("Scorecard"), _("Criterion"), *(f"{who}: {what}" for who in both for what in pairs)]
    for card in raters(user, asked):
        for one in card.criteria:
            cells: Row = []
            for agreed in (one.automatic, one.people):
                cells += (
                    [None] * 4
                    if agreed is None
                    else [agreed.n, rounded(agreed.percent), rounded(agreed.points), rounded(agreed.kappa)]
                )
            yield [card.scorecard.name, one.question, *cells]


def _evaluations(user: User, asked: Asked, narrowed: Narrowed) -> Iterator[Row]:
    head: Row = [
        *(
            _("Evaluation"),
            _("Conversation"),
            _("When"),
            _("Agent"),
            _("Team then"),
            _("Queue"),
            _("Channel"),
        ),
        *(_("Scorecard"), _("Revision"), _("Judged"), _("By"), _("Score"), _("Auto-failed"), _("Standing")),
        *(_("Shown to the agent"), _("Time taken, s")),
    ]
    yield [*head, _("Answer"), _("Worth")] if narrowed.criterion else head
    kinds, states = dict(Evaluation.Kind.choices), dict(Evaluation.State.choices)
    for one in all_behind(user, asked, narrowed):
        released = one["released_at"]
        row: Row = [
            str(one["pk"]),
            str(one["conversation_id"]),
            timezone.localtime(one["conversation__announced_at"]),
            *(one[name] or "" for name in ("agent__name", "team__name", "conversation__queue__name")),
            *(
                one[name]
                for name in ("conversation__channel", "revision__template__name", "revision__number")
            ),
            str(kinds[one["kind"]]),
            one["evaluator__name"] or "",
            float(one["total"]),
            _("yes") if one["auto_failed"] else _("no"),
            str(states[one["state"]]),
            None if released is None else timezone.localtime(released),
            one["spent_seconds"] or None,
        ]
        yield [*row, one["answers__value"], one["answers__score"]] if narrowed.criterion else row


_REPORTS: dict[str, tuple[Callable[[], str], Callable[[User, Asked, Narrowed], Iterator[Row]]]] = {
    "summary": (lambda: _("Summary"), _summary),
    "distribution": (lambda: _("Distribution"), _distribution),
    "trend": (lambda: _("Trend"), _trend),
    "agents": (lambda: _("Agents"), _agents),
    "teams": (lambda: _("Teams"), _grouped("team", lambda: _("Team then"))),
    "queues": (lambda: _("Queues"), _grouped("queue", lambda: _("Queue"))),
    "scorecards": (lambda: _("Scorecards"), _grouped("scorecard", lambda: _("Scorecard"))),
    "criteria": (lambda: _("Criteria"), _criteria),
    "heat-map": (lambda: _("Heat map"), _heat_map),
    "evaluators": (lambda: _("Evaluators"), _evaluators),
    "agreement": (lambda: _("Agreement"), _agreement),
    "evaluations": (lambda: _("Evaluations"), _evaluations),
}
REPORTS = tuple(_REPORTS)
# Who may take it, where that is not everybody who reads reports.
_PERMISSIONS = {"agreement": Permission.EVALUATION_MANAGE}


def reports_of(user: User) -> list[str]:
    """The reports that this person may take."""
    if not user.may(Permission.REPORT_READ):
        return []
    return [one for one in REPORTS if user.may(_PERMISSIONS.get(one, Permission.REPORT_READ))]


def report_file(
    *, user: User, name: str, form: str, asked: Asked, narrowed: Narrowed, address: str | None = None
) -> tuple[IO[bytes], str]:
    """Write one of `reports_of` as a file and note who took it. Returns it, to be read from its start, and its name.

    `form`: "csv" or "xlsx". Raises `ValidationError` where it has too many rows for a workbook.
    """
    title, make = _REPORTS[name]
    if name == "evaluations" and form == "xlsx":
        count = evaluations_behind(user, asked, narrowed).order_by().count()
        if count > XLSX_ROWS_MAX:
            raise ValidationError(
                {
                    "form": _(
                        "These are %(n)d evaluations, too many for a workbook, which takes up to %(most)d: take "
                        "them as CSV, or a shorter period."
                    )
                    % {"n": count, "most": XLSX_ROWS_MAX}
                }
            )
    file = table_file(
        user=user,
        report=name,
        form=form,
        sheets=[(title(), make(user, asked, narrowed)), (_("About"), about(asked, narrowed))],
        params={**asked.params, **narrowed.params},
        address=address,
    )
    plain = re.sub(r"[^a-z-]", "", name)
    return file, f"quality-{plain}-{asked.since}-{asked.until}.{form}"


def table_file(
    *,
    user: User,
    report: str,
    form: str,
    sheets: list[tuple[str, Iterable[Row]]],
    params: dict[str, str],
    address: str | None = None,
) -> IO[bytes]:
    """Write sheets as a file and note who took it; CSV has the first one alone. Returns it, to be read from its start.

    `params`: what was asked for, for the note.
    """
    (title, rows), *others = sheets
    counted = _Counted(iter(rows))
    file: IO[bytes] = tempfile.SpooledTemporaryFile(IN_MEMORY_BYTES)  # noqa: SIM115 the answer closes it
    if form == "csv":
        for chunk in csv_chunks(counted):
            file.write(chunk)
    else:
        xlsx_write(file, [(title, counted), *others])
    file.seek(0)
    audit(
        actor=user,
        action="report.export",
        thing=user,
        changes={"report": report, "form": form, "rows": max(0, counted.n - 1), **params},
        address=address,
    )
    return file


class _Counted:
    """Rows, and how many went by."""

    def __init__(self, rows: Iterator[Row]) -> None:
        self._rows, self.n = rows, 0

    def __iter__(self) -> Iterator[Row]:
        for row in self._rows:
            self.n += 1
            yield row


def about(asked: Asked, narrowed: Narrowed) -> Iterator[Row]:
    """What a workbook's figures are of."""
    yield [_("What"), _("Value")]
    yield [_("From"), asked.since]
    yield [_("To"), asked.until]
    for name, value in {**asked.filters, **narrowed.params}.items():
        shown: dict[str, Any] = {
            "team": asked.team and asked.team.name,
            "agent": asked.agent and asked.agent.name,
            "queue": asked.queue and asked.queue.name,
            "scorecard": asked.scorecard and asked.scorecard.name,
        }
        yield [name, shown.get(name) or value]
    yield [_("Written"), timezone.localtime()]
    yield [
        _("Counted"),
        _("A person’s score instead of the automatic one; no second reviews and no calibration."),
    ]
