"""How well and how fast personal data is found in labelled texts: `--data FILE...`.

Two formats of JSON Lines: `text` with `spans` (start, end, type), or `customer_turns`, each a `text` with `slots` of
which those whose `pii` is not null count. A text without spans at all is one without personal data.

A token is what stands between anything but letters and digits. It is found if a detected span touches it, whatever its
type. A turn is read with what the customer's turns before it tell (`engines.redaction.turns`); with `--stream` as the
live path reads it, where a number of any length may be the beginning of a card. Speed and quality are of the same
pass, the first over these texts.
"""

from __future__ import annotations

import argparse
import json
import re
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.redaction_numbers import measure_generated
from bench.report import Unmeasured, percentile, say
from engines.redaction.context import Context
from engines.redaction.redactor import RedactionConfig, redactor_for
from engines.redaction.stream import StreamRedactor
from engines.redaction.text import RawText
from engines.redaction.tokens import tokenise
from engines.redaction.turns import TurnReader
from engines.redaction.vocabulary import PROFILES
from engines.speech.types import HeardWord

WHAT = "precision, recall, F2 and speed of redaction on labelled texts"
# How the sets name what is `vocabulary.TYPES` here.
LABELS = {
    **dict.fromkeys(("PERSON", "NAME"), "NAME"),
    **dict.fromkeys(("US_SSN", "SSN"), "SSN"),
    **dict.fromkeys(("BOOKING_REF", "BOOKING_REFERENCE"), "BOOKING_REFERENCE"),
    **dict.fromkeys(("ZIP_CODE", "POSTCODE"), "POSTCODE"),
    **dict.fromkeys(("BANK_ACCOUNT", "ACCOUNT_ID", "ACCOUNT_NUMBER"), "ACCOUNT_NUMBER"),
    **dict.fromkeys(("EMAIL_ADDRESS", "EMAIL"), "EMAIL"),
    **dict.fromkeys(("PHONE_NUMBER", "PHONE"), "PHONE"),
    **dict.fromkeys(("CLAIM_ID", "CLAIM_NUMBER"), "CLAIM_NUMBER"),
    **dict.fromkeys(("POLICY_ID", "POLICY_NUMBER"), "POLICY_NUMBER"),
    **dict.fromkeys(("ORDER_ID", "ORDER_NUMBER"), "ORDER_NUMBER"),
    **dict.fromkeys(("ADDRESS", "STREET_ADDRESS"), "ADDRESS"),
    **dict.fromkeys(("GPE", "LOCATION"), "LOCATION"),
    **dict.fromkeys(("ORGANIZATION", "ORGANISATION"), "ORGANISATION"),
    **dict.fromkeys(("DATE_TIME", "DATE"), "DATE"),
    **dict.fromkeys(("NRP", "NATIONALITY"), "NATIONALITY"),
    **dict.fromkeys(("DOMAIN_NAME", "URL"), "URL"),
    **dict.fromkeys(("IBAN_CODE", "IBAN"), "IBAN"),
}
_TOKEN = re.compile(r"[^\W_]+")
_WORD = re.compile(r"\S+")
_WARM_UP = ("thank you for calling", "I'd like to ask about my order of 3 lamps, please.", "one two three")

Offsets = Sequence[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Text:
    """A text with the labelled stretches in it. `turn`: its place in a conversation, from 0; None for a text alone."""

    text: str
    spans: tuple[tuple[int, int, str], ...] = ()
    turn: int | None = None


Finder = Callable[[Text], Offsets]


@dataclass
class Tally:
    """Tokens counted over texts, and what each text cost."""

    hits: int = 0
    false_alarms: int = 0
    missed: int = 0
    clean_tokens: int = 0
    clean_alarms: int = 0
    clean_texts: int = 0
    found_by_type: Counter[str] = field(default_factory=Counter)
    labelled_by_type: Counter[str] = field(default_factory=Counter)
    wall_ns: list[int] = field(default_factory=list)
    cpu_ns: list[int] = field(default_factory=list)

    def add(self, text: Text, found: Offsets) -> None:
        """Count the tokens of one text."""
        for token in _TOKEN.finditer(text.text):
            start, end = token.span()
            kind = next((kind for a, b, kind in text.spans if a < end and b > start), None)
            hidden = any(a < end and b > start for a, b in found)
            if kind is not None:
                self.labelled_by_type[kind] += 1
                self.found_by_type[kind] += hidden
                self.hits += hidden
                self.missed += not hidden
            else:
                self.false_alarms += hidden
            if not text.spans:
                self.clean_tokens += 1
                self.clean_alarms += hidden
        self.clean_texts += not text.spans

    def figures(self) -> dict[str, Any]:
        """Return the keys of one file. Shares lie in 0..1; None where there is nothing to take a share of."""
        precision = _share(self.hits, self.hits + self.false_alarms)
        recall = _share(self.hits, self.hits + self.missed)
        weighed = 5 * self.hits + 4 * self.missed + self.false_alarms
        return {
            "precision": precision,
            "recall": recall,
            "f2": _share(5 * self.hits, weighed) if self.hits + self.missed else None,
            "per_type": {
                kind: _share(self.found_by_type[kind], count)
                for kind, count in sorted(self.labelled_by_type.items())
            },
            "texts": len(self.wall_ns),
            "tokens_labelled": self.hits + self.missed,
            "texts_per_s": round(len(self.cpu_ns) / (sum(self.cpu_ns) / 1e9)),
            "p99_ms": round(percentile([ns / 1e6 for ns in self.wall_ns], 99), 3),
            "p99_cpu_ms": round(percentile([ns / 1e6 for ns in self.cpu_ns], 99), 3),
            "false_alarm_share": _share(self.clean_alarms, self.clean_tokens),
            "clean_texts": self.clean_texts,
            "clean_tokens": self.clean_tokens,
        }


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of this bench."""
    parser.add_argument("--data", nargs="+", required=True, metavar="FILE", help="JSON Lines with labels")
    parser.add_argument("--profile", choices=sorted(PROFILES), default="strict", help="what is looked for")
    parser.add_argument(
        "--against", choices=("presidio",), action="append", default=[], help="measure it too"
    )
    parser.add_argument("--stream", action="store_true", help="read turns as the live path does")
    parser.add_argument(
        "--generated",
        type=int,
        default=0,
        metavar="N",
        help="also N cards, SSNs and phones made by lot (5000)",
    )
    parser.add_argument("--limit", type=int, default=0, help="texts of each file (0: all)")


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Measure all files. Raises `Unmeasured` for a file that cannot be read or has no texts."""
    files = {path: read(Path(path), options.limit) for path in options.data}
    config = RedactionConfig(enabled_types=PROFILES[options.profile])
    measured: dict[str, Any] = {
        "profile": options.profile,
        "turns_read": "as live speech" if options.stream else "as texts, with the customer's turns before",
        "files": {},
    }
    for path, texts in files.items():
        say(f"{path}: {len(texts)} texts")
        tally = _streamed(texts, config) if options.stream else tallied(texts, _ours(config))
        measured["files"][path] = tally.figures()
    if options.generated:
        say(f"{options.generated} generated numbers")
        measured["generated"] = measure_generated(options.generated, options.seed, config)
    if "presidio" in options.against:
        measured["presidio"] = _presidio(files)
    return measured


def _presidio(files: dict[str, list[Text]]) -> dict[str, Any]:
    """Measure Presidio, or say why it was not: our own figures stand without it."""
    from bench.redaction_presidio import finder  # slow to import where the package is there

    try:
        find, versions = finder()
    except Unmeasured as error:
        say(f"presidio: {error}")
        return {"not_measured": str(error)}
    found: dict[str, Any] = {"versions": versions, "files": {}}
    for path, texts in files.items():
        say(f"presidio: {path}")
        found["files"][path] = tallied(texts, lambda text: find(text.text)).figures()
    return found


def read(path: Path, limit: int = 0) -> list[Text]:
    """Return the texts of a file in either format. Raises `Unmeasured` if that is impossible."""
    texts: list[Text] = []
    try:
        with path.open(encoding="utf-8") as lines:
            for line in lines:
                if line.strip():
                    texts += _texts(json.loads(line))
                if limit and len(texts) >= limit:
                    break
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Unmeasured(f"{path}: {type(error).__name__}: {error}") from error
    if not texts:
        raise Unmeasured(f"{path} has no texts")
    return texts[: limit or None]


def _texts(record: dict[str, Any]) -> Iterator[Text]:
    if "customer_turns" not in record:
        yield Text(record["text"], _spans(record.get("spans") or (), "type"))
        return
    for number, turn in enumerate(record["customer_turns"]):
        slots = [slot for slot in turn.get("slots") or () if slot.get("pii")]
        yield Text(turn["text"], _spans(slots, "pii"), number)


def _spans(labelled: Iterable[dict[str, Any]], key: str) -> tuple[tuple[int, int, str], ...]:
    return tuple((one["start"], one["end"], LABELS.get(one[key], one[key])) for one in labelled)


def _ours(config: RedactionConfig) -> Finder:
    redactor = redactor_for(config)
    turns, alone = TurnReader(config), Context()

    def find(text: Text) -> Offsets:
        nonlocal turns
        if text.turn is None:
            spans = redactor.examine(text.text, alone).spans
        else:
            if text.turn == 0:
                turns = TurnReader(config)
            spans = turns.examine(tokenise(text.text)).spans
        return [(span.start, span.end) for span in spans]

    return find


def tallied(texts: Sequence[Text], find: Finder) -> Tally:
    """Return the tally of `find` over `texts`."""
    tally = Tally()
    for words in _WARM_UP:
        find(Text(words))
    for text in texts:
        wall, cpu = time.perf_counter_ns(), time.thread_time_ns()
        found = find(text)
        tally.cpu_ns.append(time.thread_time_ns() - cpu)
        tally.wall_ns.append(time.perf_counter_ns() - wall)
        tally.add(text, found)
    return tally


def _streamed(texts: Sequence[Text], config: RedactionConfig) -> Tally:
    """Feed conversations to the live path. What it hid shows in what it would beep: one second stands for a word."""
    tally = Tally()
    bare = RedactionConfig(enabled_types=config.enabled_types, regions=config.regions, beep_margin_ms=0)
    stream, now = StreamRedactor(bare), 0
    for text in texts:
        if not text.turn:
            stream, now = StreamRedactor(bare), 0
        places = [match.span() for match in _WORD.finditer(text.text)]
        heard = [
            HeardWord(RawText(text.text[a:b]), now + 1000 * i, now + 1000 * (i + 1), 1.0)
            for i, (a, b) in enumerate(places)
        ]
        end = now + 1000 * len(heard)
        wall, cpu = time.perf_counter_ns(), time.thread_time_ns()
        redacted = stream.redact_final("customer", RawText(text.text), heard, now, end)
        tally.cpu_ns.append(time.thread_time_ns() - cpu)
        tally.wall_ns.append(time.perf_counter_ns() - wall)
        tally.add(
            text,
            [
                place
                for i, place in enumerate(places)
                if any(a < now + 1000 * (i + 1) and b > now + 1000 * i for a, b in redacted.audio_intervals)
            ],
        )
        now = end + 2000
    return tally


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None
