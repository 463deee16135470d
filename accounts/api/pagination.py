"""Cursor paging by the time-ordered primary key: stable while new rows come in."""

from __future__ import annotations

from rest_framework.pagination import CursorPagination


class TimeCursor(CursorPagination):
    """Newest first, 50 a page, at most 200 (`?page_size=`)."""

    ordering = "-id"
    page_size = 50
    page_size_query_param = "page_size"
    max_page_size = 200
