"""What the schema says of answers that are files: a report as plain text or as a workbook."""

from __future__ import annotations

from typing import Any

from drf_spectacular.types import OpenApiTypes

from accounts.api.base import ErrorSerializer
from qa.reporting.tables import TYPES

FILE_RESPONSES: dict[Any, Any] = {
    **{(200, one.partition(";")[0]): OpenApiTypes.BINARY for one in TYPES.values()},
    400: ErrorSerializer,
}
