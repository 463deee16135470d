"""Labelled examples from a file: JSON Lines, or CSV with a header. What cannot be used is told by line.

A line has `text` and `intent`; `split` is optional. The intent `oos` marks a text that is out of scope: none of the
intents. Other fields are ignored, so that an export of another tool can be given as it is.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

OUT_OF_SCOPE = "oos"
MAX_BYTES = 32 * 1024 * 1024
MAX_EXAMPLES = 50_000
MAX_INTENTS = 500
MAX_CHARACTERS = 2_000
LEAST_INTENTS = 2
LEAST_EACH = 5
MAX_COMPLAINTS = 50
_INTENT = re.compile(r"[^\W_][\w .:/&'()+?-]{0,79}")
_DELIMITERS = ",;\t"


class UnusableFile(ValueError):
    """The file as a whole cannot be read; the message says why, for who made it."""


@dataclass(frozen=True, slots=True)
class Example:
    """One labelled text. `line` is where it stands in its file, from 1."""

    text: str
    intent: str
    line: int = 0
    split: str = ""


@dataclass(frozen=True, slots=True)
class Complaint:
    """What is wrong with one line, or, at line 0, with the examples together."""

    line: int
    sentence: str


@dataclass
class Examples:
    """What a file gave: the examples that can be used, and what is wrong with the other lines."""

    usable: list[Example] = field(default_factory=list)
    complaints: list[Complaint] = field(default_factory=list)
    # Lines with something wrong; more than there are complaints when many are bad.
    bad: int = 0
    repeated: int = 0

    @property
    def counts(self) -> Counter[str]:
        """Examples by intent, `oos` among them."""
        return Counter(example.intent for example in self.usable)

    def refuse(self, line: int, sentence: str) -> None:
        self.bad += 1
        if len(self.complaints) < MAX_COMPLAINTS:
            self.complaints.append(Complaint(line, sentence))


def read_examples(data: bytes) -> Examples:
    """Read a file. Raises `UnusableFile` when it is too large, not UTF-8 or neither of the two formats."""
    if len(data) > MAX_BYTES:
        raise UnusableFile(f"The file is larger than {MAX_BYTES // 2**20} MB. Split it or leave some out.")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnusableFile(f"The file is not UTF-8 (byte {error.start + 1}).") from None
    first = text.lstrip()[:1]
    if not first:
        raise UnusableFile("The file is empty.")
    found = Examples()
    seen: dict[str, tuple[str, int]] = {}
    for line, fields in _json_lines(text, found) if first == "{" else _csv_lines(text, found):
        example = _example(line, fields, found)
        if example is None:
            continue
        key = " ".join(example.text.lower().split())
        before = seen.get(key)
        if before is not None and before[0] == example.intent:
            found.repeated += 1
            continue
        if before is not None:
            found.refuse(
                line, f"The same text is “{before[0]}” in line {before[1]} and “{example.intent}” here."
            )
            continue
        seen[key] = example.intent, line
        found.usable.append(example)
        if len(found.usable) > MAX_EXAMPLES:
            raise UnusableFile(f"The file has more than {MAX_EXAMPLES:,} examples. Leave some out.")
    return found


def _json_lines(text: str, found: Examples) -> Iterator[tuple[int, dict[str, object]]]:
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            fields = json.loads(line)
        except (ValueError, RecursionError):
            found.refuse(number, "This is not one JSON object.")
            continue
        if not isinstance(fields, dict):
            found.refuse(number, "This is JSON, but not an object with “text” and “intent”.")
            continue
        yield number, fields


def _csv_lines(text: str, found: Examples) -> Iterator[tuple[int, dict[str, object]]]:
    head = text.lstrip().split("\n", 1)[0]
    delimiter = max(_DELIMITERS, key=head.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        columns = [cell.strip().lower() for cell in next(reader)]
        names = {"label": "intent", "category": "intent", "utterance": "text"}
        columns = [names.get(column, column) for column in columns]
        if not {"text", "intent"} <= set(columns):
            raise UnusableFile(
                "The first line must name the columns, “text” and “intent” among them; "
                "or give one JSON object a line."
            )
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) != len(columns):
                found.refuse(reader.line_num, f"There are {len(cells)} cells for {len(columns)} columns.")
                continue
            yield reader.line_num, dict(zip(columns, cells, strict=True))
    except csv.Error as error:
        raise UnusableFile(f"Line {reader.line_num} cannot be read as CSV: {error}.") from None


def _example(line: int, fields: dict[str, object], found: Examples) -> Example | None:
    text, intent, split = fields.get("text"), fields.get("intent"), fields.get("split") or ""
    problem = ""
    if not isinstance(text, str) or not text.strip():
        problem = "There is no text."
    elif len(text) > MAX_CHARACTERS:
        problem = f"The text has more than {MAX_CHARACTERS:,} characters."
    elif "\x00" in text:
        problem = "The text holds a zero byte."
    elif not isinstance(intent, str) or not intent.strip():
        problem = "There is no intent."
    elif not _INTENT.fullmatch(intent.strip()):
        problem = "An intent has up to 80 letters, digits, blanks and _ . : / & ' ( ) + ? -, a letter or digit first."
    elif not isinstance(split, str):
        problem = "The split is not a word."
    if problem:
        found.refuse(line, problem)
        return None
    assert isinstance(text, str)
    assert isinstance(intent, str)
    assert isinstance(split, str)
    return Example(" ".join(text.split()), intent.strip(), line, split.strip().lower())


def check_examples(examples: Iterable[Example]) -> list[Complaint]:
    """Return what keeps these examples from being trained on, in words; empty when nothing does."""
    counts = Counter(example.intent for example in examples)
    counts.pop(OUT_OF_SCOPE, None)
    wrong = []
    if len(counts) < LEAST_INTENTS:
        wrong.append(Complaint(0, f"At least {LEAST_INTENTS} intents are needed; there is {len(counts)}."))
    if len(counts) > MAX_INTENTS:
        wrong.append(Complaint(0, f"There are {len(counts)} intents; {MAX_INTENTS} is the most."))
    few = sorted(intent for intent, count in counts.items() if count < LEAST_EACH)
    if few:
        names = ", ".join(f"“{intent}”" for intent in few[:10]) + (" …" if len(few) > 10 else "")
        wrong.append(
            Complaint(
                0, f"Each intent needs at least {LEAST_EACH} different examples. Too few have: {names}."
            )
        )
    return wrong
