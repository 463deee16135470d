"""Lets the kernel wake the way in once for a chunk of audio instead of once for each of its frames.

`SO_RCVLOWAT` (socket(7)) holds a socket back from `epoll` until so many bytes lie there. What a chunk of a line weighs
on the wire hardly changes from one to the next: after a chunk a line sleeps until nearly as much has come again, and
then wakes for every byte until the chunk is whole. A line that falls silent in the middle, or says something else than
audio, is looked at after `SILENT_SECONDS`. The end of a connection always wakes.

On Linux alone, and for plain TCP: elsewhere every frame wakes, which costs more and changes nothing else.
"""

from __future__ import annotations

import asyncio
import socket
import sys
from typing import Any
from weakref import WeakKeyDictionary

# Numbers in the messages grow, which is little; a chunk that is a little lighter must still wake by itself.
NEARLY = 0.95
# Longer than a chunk: a steady line never comes to it. How long a word of another kind may lie there.
SILENT_SECONDS = 0.13
LOOK_SECONDS = 0.04
# Less than this is not worth a call to the kernel.
WORTH_BYTES = 64


class Wakes:
    """Of one connection. Made by `Watch`."""

    def __init__(self, watch: Watch, fileno: int) -> None:
        self._watch = watch
        # Not the socket's owner: it is given back in `end`.
        self._socket = socket.socket(fileno=fileno)
        self._last = self._before = 0  # what the last two chunks weighed
        self._mark = 1
        self.read_at = watch.loop.time()

    def chunk(self, weight: int) -> None:
        """A chunk is whole, of `weight` bytes on the wire since the one before."""
        self._before, self._last = self._last, weight

    def read(self, since: int) -> None:
        """Something was read; `since` bytes have come since the last chunk."""
        self.read_at = self._watch.loop.time()
        # The lighter of two: the first one of a line has its greeting in it.
        left = int(min(self._last, self._before) * NEARLY) - since
        if left <= WORTH_BYTES:
            left = 1
        # A mark that is too high would hold up the chunk's end; one that is too low wakes once too often.
        if left < self._mark or left - self._mark >= WORTH_BYTES:
            self._set(left)

    def wake(self) -> None:
        """Wake for whatever lies there."""
        self._set(1)

    @property
    def sleeps(self) -> bool:
        """Whether something may lie there that nobody has been woken for."""
        return self._mark > 1

    def _set(self, mark: int) -> None:
        self._mark = mark
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, mark)

    def end(self) -> None:
        """The connection is no more."""
        self._watch.lines.discard(self)
        self._socket.detach()


class Watch:
    """Looks after the lines of one event loop that fell silent."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.lines: set[Wakes] = set()
        self._next: asyncio.TimerHandle | None = None

    def wakes_of(self, transport: asyncio.BaseTransport | Any) -> Wakes | None:
        """For a connection; None where the kernel cannot do it."""
        given = transport.get_extra_info("socket")
        if not sys.platform.startswith("linux") or given is None or given.family == socket.AF_UNIX:
            return None
        if transport.get_extra_info("ssl_object") is not None:
            return None
        wakes = Wakes(self, given.fileno())
        self.lines.add(wakes)
        if self._next is None:
            self._next = self.loop.call_later(LOOK_SECONDS, self._look)
        return wakes

    def _look(self) -> None:
        silent = self.loop.time() - SILENT_SECONDS
        for line in self.lines:
            if line.read_at < silent and line.sleeps:
                line.wake()
        self._next = self.loop.call_later(LOOK_SECONDS, self._look) if self.lines else None


_watches: WeakKeyDictionary[asyncio.AbstractEventLoop, Watch] = WeakKeyDictionary()


def watch_of(loop: asyncio.AbstractEventLoop) -> Watch:
    """The watch of an event loop."""
    watch = _watches.get(loop)
    if watch is None:
        watch = _watches[loop] = Watch(loop)
    return watch
