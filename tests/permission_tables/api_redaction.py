"""Who may try the company's redaction policy, and pause calls while a card is given."""

from __future__ import annotations

ADMINS = {"nobody": 401, "agent": 403, "supervisor": 403, "analyst": 403, "admin": 200}

ROWS = [("POST", "/api/v1/redaction/try/", ADMINS, {"text": "my card is 4111 1111 1111 1111"})]
