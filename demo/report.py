"""The proof, for people: what was said, hidden, advised, summarised and judged, one screen after the other."""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import wrap

from demo.follower import JSON

WIDTH = 100


def report(facts: JSON) -> str:
    """Write out what `demo.proof.prove` found."""
    return "\n".join(_lines(facts))


def _lines(facts: JSON) -> Iterator[str]:
    call = facts["call"]
    numbers = {line["id"]: line["n"] for line in facts["transcript"]}
    starts = {line["id"]: line["start_ms"] for line in facts["transcript"]}
    yield from _title("The call")
    yield f"{call['title']} ({_at(call['duration_ms'])}, played at {call['speed']:g} times its pace)"

    yield from _title("Transcript")
    for line in facts["transcript"]:
        head = f"{line['n']:>3}  {_at(line['start_ms'])}  {line['speaker']:<9} "
        yield from _hanging(head, line["text"])

    yield from _title("Taken out before anything was kept")
    for row in facts["redactions"]:
        head = f"{row['utterance']:>3}  {row['speaker']:<9} {row['shown_as']:<15} "
        yield from _hanging(head, f"{row['reason']} ({row['detector']}, {row['score']:.2f})")

    yield from _title("Hints, with their reason and how long it took from the words to the agent's page")
    for row in facts["guidance"]:
        if row["kind"] == "hint":
            late = row["latency_ms"]
            if late["heard_to_shown"] is not None:
                took = (
                    f"on the page {late['heard_to_shown']} ms after the last sound,"
                    f" {late['final_to_shown']} ms after the words were final"
                )
            else:
                took = "caused by silence, so there is no sound to count from"
            yield f"{_at(row['at_ms'])}  {row['label']}: {row['title']}  [{row['state']}]"
            yield from _hanging("      ", row["reason"])
            yield f"      {took}"

    yield from _title("Passages that came up by themselves")
    for row in facts["guidance"]:
        if row["kind"] == "knowledge":
            yield f"{_at(row['at_ms'])}  {row['title']}  [{row['state']}]"
            yield from _hanging("      ", row["reason"])

    yield from _title("Checklist")
    for row in facts["guidance"]:
        if row["kind"] == "checklist":
            ticked = row["state"] == "ticked"
            when = f"  at {_at(row['settled_ms'])}" if ticked and row["settled_ms"] is not None else ""
            yield f"[{'x' if ticked else ' '}] {row['title']}{when}"

    yield from _title("Alerts for the supervisor")
    for row in facts["alerts"]:
        yield f"{_at(row['at_ms'])}  {row['title']}: {row['reason']}"

    summary = facts["summary"]
    yield from _title(f"Summary ({summary['origin_label']})")
    for line in summary["lines"]:
        said = ", ".join(f"#{numbers[ident]}" for ident in line["evidence"] if ident in numbers)
        yield from _hanging(f"{line['section_label']:<14} ", f"{line['text']} ({said})")

    score = facts["score"]
    total = "no total" if score["total"] is None else f"{score['total']:g} of 100"
    yield from _title(f"Score: {total} by {score['revision']['name']} {score['revision']['number']}")
    for answer in score["answers"]:
        yield from _hanging(f"{answer['value']:<4} {answer['weight']:>3}  ", answer["question"])
        for place in answer["evidence"]:
            if "searched" in place:
                begin, end = place["searched"]
                yield f"           searched from {_at(begin)} to {_at(end)}"
            else:
                at = place.get("at_ms", starts.get(place.get("utterance"), 0))
                yield f"           at {_at(at)}, line #{numbers.get(place.get('utterance'), '?')}"

    ledger = facts["ledger"]
    yield from _title(f"Ledger: {ledger['state']} ({ledger['reason']})")
    for name in ("received", "transcribed", "recorded"):
        yield f"{name:<12} " + "   ".join(f"{ms / 1000:.1f} s" for ms in ledger[f"{name}_ms"])
    for gap in ledger["gaps"]:
        yield f"gap          channel {gap['channel']}: {_at(gap['from_ms'])} to {_at(gap['to_ms'])}, {gap['cause']}"

    yield from _title("Is it so?")
    for check in facts["checks"]:
        yield f"{'yes' if check['good'] else 'NO ':<4} {check['what']}: {check['found']}"


def _title(words: str) -> Iterator[str]:
    yield ""
    yield words
    yield "-" * len(words)


def _hanging(head: str, words: str) -> Iterator[str]:
    """Wrap `words` to the width, behind `head` and then behind as much space."""
    for number, part in enumerate(wrap(words, WIDTH - len(head)) or [""]):
        yield (head if number == 0 else " " * len(head)) + part


def _at(ms: int) -> str:
    seconds = ms // 1000
    return f"{seconds // 60}:{seconds % 60:02}"
