"""The world outside: telephony, CRM, webhooks, import and export."""
