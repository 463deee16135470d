"""Tables as files: what opens again is what was written, and none of it is a formula."""

from __future__ import annotations

import csv
from datetime import UTC, date, datetime
from io import BytesIO, StringIO

import pytest
from openpyxl import load_workbook

from engines.spreadsheets import CHUNK, csv_chunks, xlsx_write

ROWS = [
    ["Name", "Score", "Day", "At"],
    ["Ann, “A” Doe", 66.5, date(2026, 3, 1), datetime(2026, 3, 1, 9, 5, tzinfo=UTC)],
    ["Ünal", -3, None, None],
    ["", 100.0, None, None],
]
FORMULAS = ["=1+1", "+1", "-1", "@SUM(1)", "\t=1", "\r=1"]


def read_csv(rows):
    text = b"".join(csv_chunks(rows)).decode("utf-8-sig")
    return list(csv.reader(StringIO(text, newline="")))


def read_xlsx(*sheets):
    file = BytesIO()
    xlsx_write(file, sheets)
    return load_workbook(file)


def test_csv_opens_again():
    assert read_csv(ROWS)[1:] == [
        ["Ann, “A” Doe", "66.5", "2026-03-01", "2026-03-01 09:05"],
        ["Ünal", "-3", "", ""],
        ["", "100", "", ""],
    ]


def test_a_workbook_opens_again_with_its_types():
    book = read_xlsx(("Agents: [all]", ROWS), ("About", [["What"], ["x"]]))
    assert book.sheetnames == ["Agents   all ", "About"]
    head, first, second, _third = book.worksheets[0].iter_rows(values_only=True)
    assert head == ("Name", "Score", "Day", "At")
    assert first == ("Ann, “A” Doe", 66.5, datetime(2026, 3, 1), datetime(2026, 3, 1, 9, 5))
    assert second[:2] == ("Ünal", -3) and book.worksheets[0].freeze_panes == "A2"


@pytest.mark.parametrize("words", FORMULAS)
def test_no_cell_is_a_formula(words):
    assert read_csv([[words]])[0][0] == f"'{words}"
    (cell,) = next(read_xlsx(("1", [[words]])).worksheets[0].iter_rows())
    assert cell.data_type == "s" and cell.value.strip() == words.strip()


def test_characters_that_a_workbook_cannot_hold_are_left_out():
    (cell,) = next(read_xlsx(("1", [["a\x00b\x1fc"]])).worksheets[0].iter_rows())
    assert cell.value == "a b c"


def test_long_files_come_in_pieces():
    chunks = list(csv_chunks([n] for n in range(2 * CHUNK + 1)))
    assert len(chunks) == 3 and b"".join(chunks).count(b"\r\n") == 2 * CHUNK + 1
