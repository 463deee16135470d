"""Tables as files that spreadsheets open: CSV and XLSX, written a row at a time, in which no cell is a formula.

What begins like a formula is text, whoever wrote it: a name may come from anywhere. CSV has no types, so such a cell
begins with an apostrophe there, as OWASP has it under "CSV injection"; in XLSX its type says that it is text.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from io import StringIO
from typing import IO, Any

FORMULA = ("=", "+", "-", "@", "\t", "\r")
Value = str | int | float | date | datetime | None
# Rows that are written at once.
CHUNK = 1000
# Spreadsheets take a CSV file for UTF-8 only by this.
MARK = "\ufeff"
SHEET_NAME_LENGTH = 31


def text_cell(words: str) -> str:
    """Words that no spreadsheet takes for a formula."""
    return f"'{words}" if words.startswith(FORMULA) else words


def _plain(value: Value) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return text_cell(value)
    if isinstance(value, datetime):
        return _here(value).isoformat(sep=" ", timespec="minutes")
    return value.isoformat() if isinstance(value, date) else str(value).removesuffix(".0")


def _here(value: datetime) -> datetime:
    """A spreadsheet's times know no zone: what is written is what the clock showed where it was asked for."""
    return value.replace(tzinfo=None)


def csv_chunks(rows: Iterable[Sequence[Value]]) -> Iterator[bytes]:
    """The file in pieces of at most `CHUNK` rows, as UTF-8."""
    file = StringIO()
    file.write(MARK)
    writer = csv.writer(file)
    for number, row in enumerate(rows, 1):
        writer.writerow([_plain(value) for value in row])
        if number % CHUNK == 0:
            yield file.getvalue().encode()
            file.seek(0)
            file.truncate()
    yield file.getvalue().encode()


def xlsx_write(file: IO[bytes], sheets: Iterable[tuple[str, Iterable[Sequence[Value]]]]) -> None:
    """Write a workbook of `(name, rows)`; the first row of each is its head, and stays in sight.

    Rows go to a file as they come, so that a long sheet takes no more memory than a short one.
    """
    from openpyxl import Workbook
    from openpyxl.styles import Font

    book = Workbook(write_only=True)
    bold = Font(bold=True)
    for name, rows in sheets:
        sheet = book.create_sheet(_sheet_name(name))
        sheet.freeze_panes = "A2"
        for number, row in enumerate(rows):
            sheet.append([_cell(sheet, value, bold if number == 0 else None) for value in row])
    book.save(file)


def _sheet_name(name: str) -> str:
    return "".join(" " if one in "[]:*?/\\" else one for one in name)[:SHEET_NAME_LENGTH] or "1"


def _cell(sheet: Any, value: Value, font: Any) -> Any:
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

    if isinstance(value, datetime):
        value = _here(value)
    if not isinstance(value, str):
        if font is None:
            return value
        cell = WriteOnlyCell(sheet, value)
    else:
        cell = WriteOnlyCell(sheet, ILLEGAL_CHARACTERS_RE.sub(" ", value))
        # Whatever the words begin with.
        cell.data_type = "s"
    if font is not None:
        cell.font = font
    return cell
