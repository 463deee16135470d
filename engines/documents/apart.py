"""Reading files that strangers made, in a process of its own: a hostile one costs that process, and nobody else.

It has bounds on processor time and memory, no environment and so no secrets, and a deadline.
"""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from pathlib import Path
from typing import BinaryIO

from engines.documents.model import DocumentError, Kind, Read, Trouble
from engines.documents.reading import document_read

SECONDS = 60
MEMORY_BYTES = 1536 * 1024 * 1024
_ROOT = Path(__file__).resolve().parents[2]


def document_read_apart(
    name: str, data: bytes, *, charset: str = "", seconds: int = SECONDS, memory_bytes: int = MEMORY_BYTES
) -> Read:
    """As `reading.document_read`; `seconds` bound processor time and, doubled, the time on the clock.

    Raises `DocumentError`. Blocks until it is read.
    """
    # `-I` would also leave out our own folder; `-S` and `-E` are not needed where the environment is empty.
    command = [sys.executable, "-m", __name__, name[-200:], charset, str(seconds), str(memory_bytes)]
    try:
        done = subprocess.run(
            command,
            input=data,
            capture_output=True,
            timeout=2 * seconds,
            cwd=_ROOT,
            env={"PYTHONUTF8": "1"},
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise DocumentError(Trouble.TOO_SLOW) from None
    if done.returncode < 0:
        # Killed: by the bound on its time, else by what the system does to those that want too much memory.
        slow = -done.returncode in {24, 14}
        raise DocumentError(Trouble.TOO_SLOW if slow else Trouble.TOO_MUCH_MEMORY)
    try:
        answer = json.loads(done.stdout)
    except ValueError:
        raise DocumentError(Trouble.DAMAGED) from None
    if "trouble" in answer:
        raise DocumentError(Trouble(answer["trouble"]))
    return Read(Kind(answer["kind"]), answer["title"], answer["body"], tuple(answer["links"]))


def _bound(seconds: int, memory_bytes: int) -> None:
    import resource

    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
    if sys.platform != "darwin":
        resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _answer(name: str, charset: str, file: BinaryIO) -> dict[str, object]:
    try:
        read = document_read(name, file.read(), charset=charset)
    except DocumentError as error:
        return {"trouble": error.trouble.value}
    except MemoryError:
        return {"trouble": Trouble.TOO_MUCH_MEMORY.value}
    except RecursionError:
        return {"trouble": Trouble.DAMAGED.value}
    return {"kind": read.kind.value, "title": read.title, "body": read.body, "links": read.links}


def main(arguments: list[str]) -> None:
    """Read the file on standard input, and answer in JSON."""
    name, charset, seconds, memory_bytes = arguments
    # Libraries warn about what is odd in a file, and quote it.
    logging.disable(logging.CRITICAL)
    _bound(int(seconds), int(memory_bytes))
    sys.stdout.write(json.dumps(_answer(name, charset, sys.stdin.buffer)))


if __name__ == "__main__":
    main(sys.argv[1:])
