"""Outgoing webhooks: what happens here is told to the company's other systems (https://www.standardwebhooks.com)."""
