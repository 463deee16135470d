"""The web server: Daphne, on uvloop.

    python -m cresta_app.web [Daphne's options] cresta_app.asgi:application

Most of what it does is write short messages to many sockets, and a loop in C does that with less.
"""

from __future__ import annotations

import asyncio
import sys

from daphne.cli import CommandLineInterface

if sys.platform != "win32":
    import uvloop


def main() -> None:
    """Serve until told to stop; the arguments are Daphne's."""
    if sys.platform != "win32":
        # Daphne makes its loop by itself, with what this says.
        asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    CommandLineInterface.entrypoint()


if __name__ == "__main__":
    main()
