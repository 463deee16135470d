"""`python -m bench NAME [options] --json`: one JSON object on standard output, progress on standard error.

Ends with 1 when it could not measure, with 2 for options it does not know.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
import time
from collections.abc import Sequence

from bench.report import Unmeasured, machine, say, table, versions

# A bench is a module with `WHAT`, `add_options(parser)` and `measure(options) -> dict`, which raises `Unmeasured`.
BENCHES = {
    "confidence": "bench.confidence",
    "ingest": "bench.ingest",
    "intents": "bench.intents",
    "next_step": "bench.next_step",
    "knowledge": "bench.knowledge",
    "language": "bench.language",
    "live": "bench.live",
    "meaning": "bench.meaning",
    "qa": "bench.qa",
    "redaction": "bench.redaction",
    "redaction_audio": "bench.redaction_audio",
    "rules": "bench.rules",
    "scoring": "bench.scoring",
    "summary": "bench.summary",
}
SEED = 20_240_601


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the bench that is named. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=(__doc__ or "").split("\n")[0])
    names = parser.add_subparsers(dest="name", required=True, metavar="NAME")
    modules = {name: importlib.import_module(where) for name, where in BENCHES.items()}
    for name, module in modules.items():
        options = names.add_parser(name, help=module.WHAT, description=module.__doc__)
        options.formatter_class = argparse.RawDescriptionHelpFormatter
        options.add_argument("--json", action="store_true", help="one JSON object instead of a table")
        options.add_argument("--seed", type=int, default=SEED, help="of everything that is drawn by lot")
        module.add_options(options)
    given = parser.parse_args(arguments)
    began = time.monotonic()
    try:
        measured = modules[given.name].measure(given)
    except Unmeasured as error:
        say(f"not measured: {error}")
        return 1
    except KeyboardInterrupt:
        say("not measured: stopped by hand")
        return 1
    result = {
        "name": given.name,
        "machine": machine(),
        "versions": versions(),
        "seed": given.seed,
        "seconds": round(time.monotonic() - began, 1),
    } | measured
    print(json.dumps(result, indent=2) if given.json else table(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
