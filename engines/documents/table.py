"""CSV of questions and answers: each row a heading with its answer under it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

from engines.documents.model import DocumentError, Piece, Trouble
from engines.documents.plain import text_read
from engines.documents.writing import one_line

QUESTION = ("question", "questions", "frage", "q", "title", "titel", "pregunta")
ANSWER = ("answer", "answers", "antwort", "a", "text", "body", "content", "respuesta")
SECTION = ("section", "category", "topic", "chapter", "kategorie", "thema", "bereich")
_CELL = 200_000


def looks_like_answers(text: str) -> bool:
    """Whether the first line names a column of questions and one of answers."""
    names = [name.strip().lower() for name in next(iter(_rows(text[:4096])), [])]
    return any(name in QUESTION[:4] for name in names) and any(name in ANSWER[:4] for name in names)


def csv_read(text: str) -> list[Piece]:
    """Pieces of a table with a row a question. Rows of one section stand under its heading. Raises `DocumentError`."""
    rows = iter(_rows(text))
    head = [name.strip().lower() for name in next(rows, [])]
    asked, said = _column(head, QUESTION), _column(head, ANSWER)
    if asked is None or said is None:
        raise DocumentError(Trouble.NO_COLUMNS)
    section = _column(head, SECTION)
    under: dict[str, list[Piece]] = {}
    try:
        for row in rows:
            question, answer = _cell(row, asked), _cell(row, said)
            if not one_line(question) or not answer.strip():
                continue
            name = one_line(_cell(row, section)) if section is not None else ""
            pieces = under.setdefault(name, [])
            pieces.append(Piece("heading", question, 3 if name else 2))
            # A heading within an answer would cut it off from its question.
            pieces += [
                Piece("paragraph", piece.text) if piece.kind == "heading" else piece
                for piece in text_read(answer)
            ]
    except csv.Error:
        raise DocumentError(Trouble.DAMAGED) from None
    return [
        piece
        for name, pieces in under.items()
        for piece in ([Piece("heading", name, 2), *pieces] if name else pieces)
    ]


def _rows(text: str) -> Iterable[list[str]]:
    first = text.partition("\n")[0]
    separator = max((",", ";", "\t"), key=first.count)
    csv.field_size_limit(max(csv.field_size_limit(), _CELL))
    return csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=False)


def _column(head: list[str], names: tuple[str, ...]) -> int | None:
    return next((head.index(name) for name in names if name in head), None)


def _cell(row: list[str], column: int) -> str:
    return row[column] if column < len(row) else ""
