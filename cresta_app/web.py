"""The web server: Daphne, on uvloop.

    python -m cresta_app.web [Daphne's options] cresta_app.asgi:application

Most of what it does is write short messages to many sockets, and a loop in C does that with less.
"""

from __future__ import annotations

import asyncio
import sys
import threading

if sys.platform != "win32":
    import uvloop

    # Before Daphne is imported, which makes its loop on the way.
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())

from daphne.cli import CommandLineInterface

from cresta_app.garbage import standing_leave_out, standing_leave_out_later
from cresta_app.socket_frames import FramesServer
from engines.redaction.redactor import warm_up


def _warm_up() -> None:
    """Load what the first message of a chat would wait for, and with it the loop's other work."""
    warm_up()
    standing_leave_out()


def main() -> None:
    """Serve until told to stop; the arguments are Daphne's."""
    threading.Thread(target=_warm_up, name="warm-up", daemon=True).start()
    standing_leave_out_later()
    CommandLineInterface.server_class = FramesServer
    CommandLineInterface.entrypoint()


if __name__ == "__main__":
    main()
