"""Answering a request for a part of a file: HTTP ranges as RFC 9110, section 14, has them."""

from __future__ import annotations

import re

_ONE = re.compile(r"bytes=\s*(\d*)-(\d*)\s*$")


class NotSatisfiable(Exception):
    """None of the bytes that were asked for exist."""


def byte_range(header: str, size: int) -> tuple[int, int] | None:
    """Return the half-open range `[start, end)` that a Range header asks for, None for the whole.

    A header that cannot be read, or that asks for several ranges, means the whole, as the RFC allows. Raises
    `NotSatisfiable`.
    """
    asked = _ONE.match(header.strip())
    if asked is None or not (asked[1] or asked[2]):
        return None
    if not asked[1]:
        length = int(asked[2])
        if length == 0 or size == 0:
            raise NotSatisfiable
        return max(0, size - length), size
    start = int(asked[1])
    end = int(asked[2]) + 1 if asked[2] else size
    if asked[2] and end <= start:
        return None
    if start >= size:
        raise NotSatisfiable
    return start, min(end, size)


def may_be_partial(if_range: str, etag: str) -> bool:
    """Whether If-Range (empty: none) allows a part. Only a strong, equal tag does; we give no dates."""
    return not if_range or if_range.strip() == etag
